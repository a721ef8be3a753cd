//! Reads, unpacks and digests the lines of a file on a thread of its own, some chunks ahead of the thread that judges
//! them. Lines come in their order. Must never hold more than a few chunks.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use crate::import::lines::{LINE_BYTES_MAX, LineReader};
use crate::import::marks::{KnownMarks, LineDigest, LogMark};

/// Bytes of a chunk.
const CHUNK_BYTES: usize = 512 * 1024;
/// Chunks that wait to be judged.
const CHUNKS_AHEAD: usize = 4;

/// Lines of a file, as they were read.
#[derive(Default)]
pub(super) struct LineChunk {
    bytes: Vec<u8>,
    lines: Vec<ChunkLine>,
}

/// End of a line in its chunk, and its parsed parts.
struct ChunkLine {
    end: usize,
    too_long: bool,
    counted: Option<LogMark>,
}

/// One line that was read.
pub(super) struct ReadLine<'c> {
    /// The line without its end; empty where it is too long.
    pub(super) text: &'c [u8],
    /// Whether it exceeded the limit.
    pub(super) too_long: bool,
    /// Mark of this line, if an earlier import counted the file up to here.
    pub(super) counted: Option<&'c LogMark>,
}

/// State of a file after the last line that was read.
pub(super) struct ReadUntil {
    /// Digest of all lines.
    pub(super) digest: LineDigest,
    /// Bytes of all lines with their ends.
    pub(super) bytes: u64,
}

/// A file that is read ahead.
pub(super) struct ReadAhead<'scope> {
    /// The chunks, until the file ends.
    pub(super) chunks: Receiver<LineChunk>,
    reader: ScopedJoinHandle<'scope, io::Result<ReadUntil>>,
}

/// Source of the lines, and the position in it.
pub(super) struct ReadStart<'k> {
    /// The lines that follow.
    pub(super) lines: LineReader,
    /// Digest of the lines before them, and their bytes.
    pub(super) before: ReadUntil,
    /// Marks to look for.
    pub(super) known: &'k KnownMarks,
    /// Whether a last line without its end is left for later.
    pub(super) follow: bool,
}

impl<'scope> ReadAhead<'scope> {
    /// Starts to read on a thread of `scope`.
    ///
    /// # Errors
    /// When the thread cannot start.
    pub(super) fn start<'env>(scope: &'scope Scope<'scope, 'env>, start: ReadStart<'scope>) -> io::Result<Self> {
        let (to_judge, chunks) = sync_channel(CHUNKS_AHEAD);
        let named = std::thread::Builder::new().name("import-read".into());
        let reader = named.spawn_scoped(scope, move || start.read(&to_judge))?;
        Ok(Self { chunks, reader })
    }

    /// Waits for the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read or decompressed.
    pub(super) fn end(self) -> io::Result<ReadUntil> {
        drop(self.chunks);
        self.reader.join().unwrap_or_else(|_| Err(io::Error::other("reading stopped unexpectedly")))
    }
}

impl ReadStart<'_> {
    fn read(mut self, to_judge: &SyncSender<LineChunk>) -> io::Result<ReadUntil> {
        let ReadUntil { mut digest, mut bytes } = self.before;
        let mut chunk = LineChunk::new();
        let mut line = Vec::new();
        while self.lines.read(&mut line)? {
            if self.follow && !self.lines.is_ended() {
                break;
            }
            bytes += line.len() as u64 + 1;
            let before = self.known.reach(digest.lines() + 1).then(|| digest.clone());
            digest.add(&line, self.lines.is_ended());
            let counted = before.is_some_and(|before| self.known.match_at(&before, &digest, &line));
            chunk.push(&line, self.lines.is_too_long(), counted.then(|| digest.mark()));
            if chunk.bytes.len() >= CHUNK_BYTES
                && to_judge.send(std::mem::replace(&mut chunk, LineChunk::new())).is_err()
            {
                // The import has stopped.
                return Ok(ReadUntil { digest, bytes });
            }
        }
        // Without a receiver the import has stopped.
        to_judge.send(chunk).ok();
        Ok(ReadUntil { digest, bytes })
    }
}

impl LineChunk {
    fn new() -> Self {
        Self { bytes: Vec::with_capacity(CHUNK_BYTES + LINE_BYTES_MAX), lines: Vec::new() }
    }

    fn push(&mut self, line: &[u8], too_long: bool, counted: Option<LogMark>) {
        self.bytes.extend_from_slice(line);
        self.lines.push(ChunkLine { end: self.bytes.len(), too_long, counted });
    }

    /// Its lines, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = ReadLine<'_>> {
        let mut from = 0;
        self.lines.iter().map(move |line| {
            let text = self.bytes.get(from..line.end).unwrap_or_default();
            from = line.end;
            ReadLine { text, too_long: line.too_long, counted: line.counted.as_ref() }
        })
    }
}
