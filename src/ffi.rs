//! The places where Rust cannot see the proof itself: the engine's C entry point, memory maps of files, and sockets
//! that this process was started with. The only file that may hold `unsafe`; it must never hold anything else.
#![allow(
    unsafe_code,
    reason = "loading the engine, mapping a file and owning a file by its number cannot be checked by the compiler"
)]

use std::ffi::{CStr, CString, NulError, c_char, c_int, c_void};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

/// Reason why the engine library did not run to a normal end.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The library or its entry point is missing or of another kind.
    #[error("the engine library cannot be loaded: {0}")]
    Load(#[from] libloading::Error),
    /// An argument contains a NUL byte.
    #[error("an argument of the engine contains a zero byte")]
    Argument(#[from] NulError),
    /// More arguments than a C `int` counts.
    #[error("too many arguments for the engine")]
    TooMany,
    /// The engine exited with an error. Its text may quote data: for the parent's pipe only, never for a log.
    #[error("{0}")]
    Engine(String),
}

/// Result of a query, `local_result_v2` of chdb.h.
#[repr(C)]
struct EngineResult {
    buffer: *mut c_char,
    buffer_bytes: usize,
    vector: *mut c_void,
    elapsed_seconds: f64,
    rows_read: u64,
    bytes_read: u64,
    error_message: *mut c_char,
}

type EngineMain = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut EngineResult;

/// The loaded engine library. Loading and running are two steps: the process drops its privileges between them.
pub struct EngineLibrary(libloading::Library);

impl EngineLibrary {
    /// Loads the library; to be called once, in a process that does nothing else.
    ///
    /// # Errors
    /// When the library cannot be loaded.
    pub fn load(file: &Path) -> Result<Self, NativeError> {
        // SAFETY: loading runs the library's initialisers. This is the child process, before it has any other thread or
        // state that they could disturb.
        Ok(Self(unsafe { libloading::Library::new(file) }?))
    }

    /// Runs the engine's main function with `arguments`, of which the first is the program's name. Returns when the
    /// engine exits.
    ///
    /// # Errors
    /// When the entry point is missing or the engine ends with an error.
    pub fn run(self, arguments: &[String]) -> Result<(), NativeError> {
        let owned: Vec<CString> = arguments.iter().map(|text| CString::new(text.as_str())).collect::<Result<_, _>>()?;
        let mut pointers: Vec<*mut c_char> = owned.iter().map(|text| text.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).map_err(|_| NativeError::TooMany)?;
        pointers.push(std::ptr::null_mut());

        // SAFETY: the signature is that of `query_stable_v2` in chdb.h of the pinned version (package-lock.json).
        let main = unsafe { self.0.get::<EngineMain>(b"query_stable_v2\0") }?;
        // SAFETY: `pointers` is an argv as C wants it: `count` writable pointers to strings ended by zero, then a null.
        // `owned` keeps the strings alive until after the call.
        let result = unsafe { main(count, pointers.as_mut_ptr()) };
        // SAFETY: the pointer is null or points to a result that the library made and that is never freed.
        let message = unsafe { result.as_ref() }.map_or(std::ptr::null_mut(), |result| result.error_message);
        let outcome = if message.is_null() {
            Ok(())
        } else {
            // SAFETY: a message that is not null is a C string that lives as long as the result, which is never freed.
            Err(NativeError::Engine(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()))
        };
        // Unloading would run the library's destructors under threads that it still has: the process ends instead.
        std::mem::forget(self.0);
        outcome
    }
}

/// Closes every file descriptor above the three standard ones: those that this process inherited. To be called before
/// the process opens a file of its own; a kernel before 5.9 leaves them open.
#[cfg(target_os = "linux")]
pub fn close_inherited_files() {
    // SAFETY: no value of this process owns a file yet, so none is left with a number that is not its own.
    // By number, since musl has no function for this call.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u64, u64::from(u32::MAX), 0_u64) };
}

/// Takes over a socket that the service manager opened for this process, by the number that it told. To be called once
/// for each number.
///
/// # Errors
/// When no file has that number.
pub fn take_passed_socket(file: i32) -> std::io::Result<socket2::Socket> {
    // SAFETY: the number is only asked about here; a closed one is answered by an error.
    rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(file) })?;
    // SAFETY: the file is open, and by the protocol (sd_listen_fds) it belongs to this process, which takes it once.
    Ok(unsafe { OwnedFd::from_raw_fd(file) }.into())
}

/// Maps a location file into memory: of 130 MB of cities, only the pages in use take memory.
///
/// # Errors
/// When the file cannot be opened or is not a location database.
pub fn map_location_file(path: &Path) -> Result<maxminddb::Reader<maxminddb::Mmap>, maxminddb::MaxMindDbError> {
    // SAFETY: the file must not change while it is mapped. It is opened read-only, and the operations guide has it
    // replaced by renaming a new file over it, which leaves the mapped one as it was.
    unsafe { maxminddb::Reader::open_mmap(path) }
}

/// Maps the restart journal for writing.
///
/// # Errors
/// When the `mmap` call fails.
pub fn map_journal(file: &std::fs::File) -> std::io::Result<memmap2::MmapMut> {
    // SAFETY: the file must not change from elsewhere while it is mapped. This process creates it under a lock,
    // readable by its user alone, at its full length. Every range is allocated before it is written, so that no page is
    // missing then.
    unsafe { memmap2::MmapMut::map_mut(file) }
}

/// Maps an earlier process's journal for reading.
///
/// # Errors
/// When the `mmap` call fails or the file is empty.
pub fn map_kept_journal(file: &std::fs::File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the file must not change while it is mapped. Only the process that holds the folder's lock opens it, and
    // that process writes no entry while it reads.
    unsafe { memmap2::Mmap::map(file) }
}
