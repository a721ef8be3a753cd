//! Marks: how far a log was counted, so that a later import continues there whatever the file's name and compression
//! are by then. A mark is the number of lines and a keyed digest of them. It reveals no line and no address without the
//! key, which lies beside the spool.

use std::io::{self, Write};
use std::path::Path;

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt;
use zeroize::Zeroizing;

/// Name of the key file.
const KEY_FILE: &str = "import.key";

/// Length of a stored digest, in bytes.
const DIGEST_BYTES: usize = 16;

/// Mark of the counted lines of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogMark {
    /// Number of lines from the start.
    pub(super) lines: u64,
    digest: [u8; DIGEST_BYTES],
    /// Bytes of the last line if it had no end yet; the digest covers that many of it.
    open_bytes: u64,
}

/// Key of the digests; zeroed on drop.
pub(super) struct MarkKey(Zeroizing<[u8; 32]>);

impl MarkKey {
    /// The key beside the spool; created when there is none yet.
    ///
    /// # Errors
    /// When the key can be neither read nor written.
    pub(super) fn of_spool(folder: &Path) -> io::Result<Self> {
        let path = folder.join(KEY_FILE);
        let mut key = Zeroizing::new([0; 32]);
        if let Ok(bytes) = fs::read(&path).map(Zeroizing::new)
            && let Ok(known) = <[u8; 32]>::try_from(&**bytes)
        {
            *key = known;
            return Ok(Self(key));
        }
        getrandom::fill(&mut *key).map_err(|_| io::Error::other("no random bytes from the operating system"))?;
        fs::create_dir_all(folder)?;
        let new = folder.join(format!("{KEY_FILE}.new"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&*key)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        Ok(Self(key))
    }

    /// A digest of zero lines.
    pub(super) fn digest(&self) -> LineDigest {
        LineDigest { hasher: blake3::Hasher::new_keyed(&self.0), lines: 0, open_bytes: 0 }
    }
}

/// Digest of a log's lines so far.
#[derive(Clone)]
pub(super) struct LineDigest {
    hasher: blake3::Hasher,
    lines: u64,
    open_bytes: u64,
}

impl LineDigest {
    /// Adds a line; `is_ended` tells whether it had its end.
    pub(super) fn add(&mut self, line: &[u8], is_ended: bool) {
        self.hasher.update(line);
        if is_ended {
            self.hasher.update(b"\n");
        }
        self.open_bytes = if is_ended { 0 } else { line.len() as u64 };
        self.lines += 1;
    }

    /// Number of lines added so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The mark of the lines added so far.
    pub(super) fn mark(&self) -> LogMark {
        let hash = self.hasher.finalize();
        let digest = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        LogMark { lines: self.lines, digest, open_bytes: self.open_bytes }
    }
}

/// Marks of earlier imports, to be found again in a file.
pub(super) struct KnownMarks {
    /// Sorted by their number of lines.
    marks: Vec<LogMark>,
}

impl KnownMarks {
    /// Sorts these marks for lookup.
    pub(super) fn new(mut marks: Vec<LogMark>) -> Self {
        marks.sort_unstable_by_key(|mark| mark.lines);
        Self { marks }
    }

    /// Adds the mark of a counted log.
    pub(super) fn add(&mut self, mark: LogMark) {
        let at = self.marks.partition_point(|known| known.lines <= mark.lines);
        self.marks.insert(at, mark);
    }

    /// Whether the lines so far, of which `line` is the last, were counted before. `before` is the digest without it.
    pub(super) fn match_at(&self, before: &LineDigest, now: &LineDigest, line: &[u8]) -> bool {
        let from = self.marks.partition_point(|mark| mark.lines < now.lines);
        let candidates = self.marks.get(from..).unwrap_or_default().iter().take_while(|mark| mark.lines == now.lines);
        let mut exact_match = None;
        candidates.into_iter().any(|mark| {
            if mark.open_bytes == 0 {
                return *exact_match.get_or_insert_with(|| now.mark().digest) == mark.digest;
            }
            // The last line had no end then, and may have grown since.
            let counted = usize::try_from(mark.open_bytes).ok().and_then(|bytes| line.get(..bytes));
            let Some(counted) = counted else { return false };
            let mut digest = before.clone();
            digest.add(counted, false);
            digest.mark().digest == mark.digest
        })
    }

    /// Whether any mark has at least this many lines.
    pub(super) fn reach(&self, lines: u64) -> bool {
        self.marks.last().is_some_and(|last| last.lines >= lines)
    }
}

impl std::fmt::Display for LogMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} ", self.lines, self.open_bytes)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for LogMark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or(());
        let (lines, open_bytes) = (number()?, number()?);
        let digits = words.next().filter(|digits| digits.len() == 2 * DIGEST_BYTES).ok_or(())?;
        let mut digest = [0; DIGEST_BYTES];
        for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
            *byte = digits.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(())?;
        }
        Ok(Self { lines, digest, open_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> MarkKey {
        MarkKey(Zeroizing::new([7; 32]))
    }

    fn matches(known: &KnownMarks, lines: &[&str]) -> Vec<u64> {
        let mut digest = key().digest();
        let mut matched = Vec::new();
        for line in lines {
            let before = digest.clone();
            digest.add(line.as_bytes(), true);
            if known.match_at(&before, &digest, line.as_bytes()) {
                matched.push(digest.lines());
            }
        }
        matched
    }

    #[test]
    fn a_grown_log_is_known_up_to_where_it_was_counted() {
        let mut digest = key().digest();
        digest.add(b"one", true);
        digest.add(b"two", true);
        let mark: LogMark = digest.mark().to_string().parse().unwrap();
        assert_eq!(mark, digest.mark());
        let known = KnownMarks::new(vec![mark]);
        assert_eq!(matches(&known, &["one", "two", "three"]), [2]);
        assert_eq!(matches(&known, &["one", "other", "three"]), [0; 0]);
        assert!(known.reach(2) && !known.reach(3));
    }

    #[test]
    fn a_line_that_was_cut_when_it_was_counted_is_known_when_it_is_whole() {
        let mut digest = key().digest();
        digest.add(b"one", true);
        digest.add(b"tw", false);
        let known = KnownMarks::new(vec![digest.mark()]);
        assert_eq!(matches(&known, &["one", "two", "three"]), [2]);
        assert_eq!(matches(&known, &["one", "xtw"]), [0; 0]);
    }

    #[test]
    fn the_key_is_made_once_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let made = MarkKey::of_spool(folder.path()).unwrap();
        assert_eq!(*MarkKey::of_spool(folder.path()).unwrap().0, *made.0);
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
