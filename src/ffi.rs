//! The places where Rust cannot see the proof itself: the engine's C entry point, memory maps of files, and sockets
//! that this process was started with. The only file that may hold `unsafe`; it must never hold anything else.
#![allow(
    unsafe_code,
    reason = "loading the engine, mapping a file and owning a file by its number cannot be checked by the compiler"
)]

use std::ffi::{CStr, CString, NulError, c_char, c_int, c_void};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

/// Why the engine library did not run to a good end.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The library, or its entry point, is missing or of another kind.
    #[error("the engine library cannot be loaded: {0}")]
    Load(#[from] libloading::Error),
    /// An argument holds a zero byte.
    #[error("an argument of the engine holds a zero byte")]
    Argument(#[from] NulError),
    /// More arguments than C can count.
    #[error("too many arguments for the engine")]
    TooMany,
    /// The engine ended with an error. Its text may quote data: for the parent's pipe only, never for a log.
    #[error("{0}")]
    Engine(String),
}

/// `local_result_v2` of the library's header.
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

/// The engine library, loaded. Loading and running are two steps: the process gives up its rights between them.
pub struct EngineLibrary(libloading::Library);

impl EngineLibrary {
    /// Loads it; to be called once, in a process that does nothing else.
    ///
    /// # Errors
    /// When the library cannot be loaded.
    pub fn load(file: &Path) -> Result<Self, NativeError> {
        // SAFETY: loading runs the library's initialisers. This is the child process, before it has any other thread or
        // state that they could disturb.
        Ok(Self(unsafe { libloading::Library::new(file) }?))
    }

    /// Runs its main with `arguments`, the first of which is a program's name. Returns when the engine has ended.
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
        // SAFETY: the pointer is null or points to a result that the library made and that nobody frees.
        let message = unsafe { result.as_ref() }.map_or(std::ptr::null_mut(), |result| result.error_message);
        let outcome = if message.is_null() {
            Ok(())
        } else {
            // SAFETY: a message that is not null is a C string that lives as long as the result, which nobody frees.
            Err(NativeError::Engine(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()))
        };
        // Unloading would run the library's destructors under threads that it still has: the process ends instead.
        std::mem::forget(self.0);
        outcome
    }
}

/// Closes every file beside the three standard ones: what this process inherited from whoever started its parent. To be
/// called first of all in a process that has opened none of its own; a kernel before 5.9 leaves them open.
#[cfg(target_os = "linux")]
pub fn close_inherited_files() {
    // SAFETY: no value of this process owns a file yet, so none is left with a number that is not its own.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
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

/// Maps a location file into memory: 130 MB of cities then cost only the pages that are looked at.
///
/// # Errors
/// When the file cannot be opened or is no location database.
pub fn map_location_file(path: &Path) -> Result<maxminddb::Reader<maxminddb::Mmap>, maxminddb::MaxMindDbError> {
    // SAFETY: the file must not change while it is mapped. It is opened read-only, and the operations guide has it
    // replaced by renaming a new file over it, which leaves the mapped one as it was.
    unsafe { maxminddb::Reader::open_mmap(path) }
}

/// Maps the journal for writing.
///
/// # Errors
/// When the system refuses.
pub fn map_journal(file: &std::fs::File) -> std::io::Result<memmap2::MmapMut> {
    // SAFETY: nobody else may change the file while it is mapped. It is made by this process under a lock, readable by
    // its user alone, and has its whole length; what is written to is allocated first, so that no page is missing then.
    unsafe { memmap2::MmapMut::map_mut(file) }
}

/// Maps a journal for reading.
///
/// # Errors
/// When the system refuses, or the file is empty.
pub fn map_kept_journal(file: &std::fs::File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: nobody may change the file while it is mapped. Only the process that holds the folder's lock opens it,
    // and it notes nothing while it reads.
    unsafe { memmap2::Mmap::map(file) }
}
