//! One collector's state as a stream: spool and runtime folder, so that a slot moves to another machine whole and
//! continues under the same name with the same tags. Packing and unpacking must never run beside a collector, and must
//! never write the runtime folder's content anywhere but to memory.
//!
//! # Format 1
//! A tar archive. Its first entry is `sillage-slot` with the text `1`. Then come the files, `spool/NAME` and
//! `runtime/NAME`. The last entry is `digest`: BLAKE3 over every file's name and content, each preceded by its length
//! (u64, little-endian), in hexadecimal. An archive without it is truncated and is rejected whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tar::{Archive, Builder, EntryType, Header};

use crate::lock::FolderLock;
use crate::spool::disk::QUARANTINE;

const MANIFEST: &str = "sillage-slot";
const VERSION: &str = "1";
const DIGEST: &str = "digest";
/// Suffix of a file that is not complete yet.
const INCOMING: &str = ".incoming";
/// Longest archive member in bytes that is read into memory: the manifest and the digest.
const SMALL_MAX: u64 = 64;

/// The two folders of one collector.
#[derive(Debug)]
pub struct SlotFolders {
    /// Folder of the spool, `spool.dir`.
    pub spool: PathBuf,
    /// `runtime.dir`, a folder in memory.
    pub runtime: PathBuf,
}

/// Totals of a packed or unpacked slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotSummary {
    /// Number of files in the stream.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
}

/// Reason why a slot was not packed or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// A running collector holds the folder's lock.
    #[error("{0}: in use by a running collector; stop it first (SIGTERM)")]
    InUse(PathBuf),
    /// The folder does not hold a spool.
    #[error("{0}: not a spool; use the configuration of the collector to move")]
    NotASpool(PathBuf),
    /// The target folder already holds a collector's state.
    #[error("{0}: already holds a collector's state; unpack into empty folders")]
    Occupied(PathBuf),
    /// Not a slot archive, or a truncated one.
    #[error("slot archive: {0}; pack it again")]
    Archive(&'static str),
    /// Reading or writing this file failed.
    #[error("{0}: {1}")]
    Files(PathBuf, #[source] io::Error),
}

/// Writes a stopped collector's state to `out`. The folders are left unchanged: delete them once the other machine
/// runs, since two collectors with one name count twice.
///
/// # Errors
/// When a collector runs, the folder does not hold a spool, or a file cannot be read or written.
pub fn pack(folders: &SlotFolders, out: impl Write) -> Result<SlotSummary, SlotError> {
    if !folders.spool.join("node").is_file() {
        return Err(SlotError::NotASpool(folders.spool.clone()));
    }
    let _locks = hold(folders)?;
    let stream = |error| SlotError::Files(PathBuf::from("standard output"), error);
    let mut archive = Builder::new(out);
    append(&mut archive, MANIFEST, VERSION.as_bytes()).map_err(stream)?;
    let (mut digest, mut summary) = (blake3::Hasher::new(), SlotSummary::default());
    for (name, path) in members(folders)? {
        let named = |error| SlotError::Files(path.clone(), error);
        let mut file = File::open(&path).map_err(named)?;
        let bytes = file.metadata().map_err(named)?.len();
        let mut header = header(bytes);
        begin(&mut digest, &name, bytes);
        let content = DigestReader { inner: (&mut file).take(bytes), digest: &mut digest };
        archive.append_data(&mut header, &name, content).map_err(named)?;
        summary.files += 1;
        summary.bytes += bytes;
    }
    append(&mut archive, DIGEST, digest.finalize().to_hex().as_bytes()).map_err(stream)?;
    archive.into_inner().and_then(|mut out| out.flush()).map_err(stream)?;
    Ok(summary)
}

/// Fills a stopped collector's empty folders from an archive of [`pack`]. Afterwards either all files are there,
/// durably, or none.
///
/// # Errors
/// When the folders are not empty, the archive is not complete, or a file cannot be written.
pub fn unpack(folders: &SlotFolders, input: impl Read) -> Result<SlotSummary, SlotError> {
    for folder in [&folders.spool.join(QUARANTINE), &folders.runtime] {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| SlotError::Files(folder.clone(), error))?;
    }
    let _locks = hold(folders)?;
    if let Some((_, path)) = members(folders)?.into_iter().next() {
        return Err(SlotError::Occupied(path));
    }
    let mut incoming = Incoming::default();
    let summary = receive(folders, input, &mut incoming)?;
    incoming.keep()?;
    for folder in [&folders.spool, &folders.spool.join(QUARANTINE)] {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| SlotError::Files(folder.clone(), error))?;
    }
    Ok(summary)
}

/// Incomplete files: removed on drop.
#[derive(Default)]
struct Incoming(Vec<PathBuf>);

impl Incoming {
    /// Renames every file to its final name. The spool's name comes last: without it a collector rejects the segments.
    fn keep(&mut self) -> Result<(), SlotError> {
        self.0.sort_by_key(|path| path.file_name().is_some_and(|name| name == "node"));
        for path in &self.0 {
            fs::rename(with_ending(path), path).map_err(|error| SlotError::Files(path.clone(), error))?;
        }
        self.0.clear();
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        for path in &self.0 {
            fs::remove_file(with_ending(path)).ok();
        }
    }
}

fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(INCOMING);
    name.into()
}

fn receive(folders: &SlotFolders, input: impl Read, incoming: &mut Incoming) -> Result<SlotSummary, SlotError> {
    let unreadable = |_| SlotError::Archive("not a tar archive, or truncated");
    let mut archive = Archive::new(input);
    let (mut digest, mut summary) = (blake3::Hasher::new(), SlotSummary::default());
    let mut has_started = false;
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = entry.path().map_err(unreadable)?.to_string_lossy().into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(SlotError::Archive("contains entries other than files"));
        }
        if name == DIGEST {
            let digest_sent = small(&mut entry)?;
            let is_whole = digest_sent == digest.finalize().to_hex().as_bytes();
            return if is_whole { Ok(summary) } else { Err(SlotError::Archive("digest mismatch")) };
        }
        if !has_started {
            if name != MANIFEST || small(&mut entry)? != VERSION.as_bytes() {
                return Err(SlotError::Archive("not a slot of format 1"));
            }
            has_started = true;
            continue;
        }
        let path = target(folders, &name).ok_or(SlotError::Archive("contains an unknown file"))?;
        begin(&mut digest, &name, entry.size());
        incoming.0.push(path.clone());
        write(&path, DigestReader { inner: &mut entry, digest: &mut digest })
            .map_err(|error| SlotError::Files(path, error))?;
        summary.files += 1;
        summary.bytes += entry.size();
    }
    Err(SlotError::Archive("cut off"))
}

fn small(entry: &mut impl Read) -> Result<Vec<u8>, SlotError> {
    let mut bytes = Vec::new();
    entry.take(SMALL_MAX).read_to_end(&mut bytes).map_err(|_| SlotError::Archive("cut off"))?;
    Ok(bytes)
}

fn write(path: &Path, mut content: impl Read) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(with_ending(path))?;
    io::copy(&mut content, &mut file)?;
    file.sync_all()
}

/// Holds both folders' locks, as a running collector does.
fn hold(folders: &SlotFolders) -> Result<[FolderLock; 2], SlotError> {
    let lock = |folder: &Path, name: &str| {
        FolderLock::hold(&folder.join(name)).map_err(|error| {
            let held = error.kind() == io::ErrorKind::WouldBlock;
            if held { SlotError::InUse(folder.to_owned()) } else { SlotError::Files(folder.to_owned(), error) }
        })
    };
    Ok([lock(&folders.spool, "lock")?, lock(&folders.runtime, "visits.lock")?])
}

/// Files to move, with their names within the archive, sorted by name.
fn members(folders: &SlotFolders) -> Result<Vec<(String, PathBuf)>, SlotError> {
    let mut members = Vec::new();
    let quarantine = folders.spool.join(QUARANTINE);
    for (prefix, folder) in
        [("spool/", &folders.spool), ("spool/quarantine/", &quarantine), ("runtime/", &folders.runtime)]
    {
        let listed = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            listed => listed.map_err(|error| SlotError::Files(folder.clone(), error))?,
        };
        for entry in listed {
            let entry = entry.map_err(|error| SlotError::Files(folder.clone(), error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let name = format!("{prefix}{name}");
            if let Some(path) = target(folders, &name) {
                members.push((name, path));
            }
        }
    }
    members.sort();
    Ok(members)
}

/// Target path of an archive member; `None` for a name that a collector gives to no file.
fn target(folders: &SlotFolders, name: &str) -> Option<PathBuf> {
    let numbered = |name: &str, endings: &[&str]| {
        let (number, ending) = name.split_once('.').unwrap_or((name, ""));
        number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit()) && endings.contains(&ending)
    };
    if let Some(file) = name.strip_prefix("spool/quarantine/") {
        return numbered(file, &["seg", "batch", "damaged"]).then(|| folders.spool.join(QUARANTINE).join(file));
    }
    if let Some(file) = name.strip_prefix("spool/") {
        return (file == "node" || numbered(file, &["seg", "batch"])).then(|| folders.spool.join(file));
    }
    let file = name.strip_prefix("runtime/")?;
    let generation = file.strip_prefix("visits-")?;
    let is_number = !generation.is_empty() && generation.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| folders.runtime.join(file))
}

fn header(bytes: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_size(bytes);
    header.set_mode(0o600);
    header
}

fn append(archive: &mut Builder<impl Write>, name: &str, content: &[u8]) -> io::Result<()> {
    archive.append_data(&mut header(content.len() as u64), name, content)
}

fn begin(digest: &mut blake3::Hasher, name: &str, bytes: u64) {
    digest.update(&(name.len() as u64).to_le_bytes());
    digest.update(name.as_bytes());
    digest.update(&bytes.to_le_bytes());
}

/// Hashes all bytes read through it.
struct DigestReader<'d, R> {
    inner: R,
    digest: &'d mut blake3::Hasher,
}

impl<R: Read> Read for DigestReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
