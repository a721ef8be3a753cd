//! How far a log was counted, so that a later import goes on behind it whatever the file is called and however it is
//! packed by then: the number of its lines and a keyed digest of them. Neither a line nor an address can be found from
//! it without the key, which lies beside the spool.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

/// Name of the key's file.
const KEY_FILE: &str = "import.key";

/// Bytes of a digest that are kept.
const DIGEST_BYTES: usize = 16;

/// How far a log was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogMark {
    /// Lines from the begin.
    pub(super) lines: u64,
    digest: [u8; DIGEST_BYTES],
    /// The last of the lines had no end yet: its bytes; the digest is over as many of it.
    open_bytes: u64,
}

/// The key of the digests.
pub(super) struct MarkKey(Zeroizing<[u8; 32]>);

impl MarkKey {
    /// The key beside the spool, made when there is none yet.
    ///
    /// # Errors
    /// When it can be neither read nor written.
    pub(super) fn of_spool(folder: &Path) -> io::Result<Self> {
        let path = folder.join(KEY_FILE);
        let mut key = Zeroizing::new([0; 32]);
        if let Ok(bytes) = fs::read(&path).map(Zeroizing::new)
            && let Ok(known) = <[u8; 32]>::try_from(&**bytes)
        {
            *key = known;
            return Ok(Self(key));
        }
        getrandom::fill(&mut *key).map_err(|_| io::Error::other("the operating system gives no random bytes"))?;
        fs::create_dir_all(folder)?;
        let new = folder.join(format!("{KEY_FILE}.new"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&*key)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        Ok(Self(key))
    }

    /// A digest of no lines.
    pub(super) fn digest(&self) -> LineDigest {
        LineDigest { hasher: blake3::Hasher::new_keyed(&self.0), lines: 0, open_bytes: 0 }
    }
}

/// The digest of a log's lines so far.
#[derive(Clone)]
pub(super) struct LineDigest {
    hasher: blake3::Hasher,
    lines: u64,
    open_bytes: u64,
}

impl LineDigest {
    /// Adds a line; `is_ended` says that the log had its end too.
    pub(super) fn add(&mut self, line: &[u8], is_ended: bool) {
        self.hasher.update(line);
        if is_ended {
            self.hasher.update(b"\n");
        }
        self.open_bytes = if is_ended { 0 } else { line.len() as u64 };
        self.lines += 1;
    }

    /// Lines so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The mark of the lines so far.
    pub(super) fn mark(&self) -> LogMark {
        let hash = self.hasher.finalize();
        let digest = hash.as_bytes().first_chunk().copied().unwrap_or_default();
        LogMark { lines: self.lines, digest, open_bytes: self.open_bytes }
    }
}

/// What has been counted before, to be found again in a file that is read.
pub(super) struct KnownMarks {
    /// By their number of lines.
    marks: Vec<LogMark>,
}

impl KnownMarks {
    /// Of these marks.
    pub(super) fn new(mut marks: Vec<LogMark>) -> Self {
        marks.sort_unstable_by_key(|mark| mark.lines);
        Self { marks }
    }

    /// Adds a mark.
    pub(super) fn add(&mut self, mark: LogMark) {
        let at = self.marks.partition_point(|known| known.lines <= mark.lines);
        self.marks.insert(at, mark);
    }

    /// Whether the lines so far, of which `line` is the last, are what was counted before. `before` is the digest
    /// without it.
    pub(super) fn match_at(&self, before: &LineDigest, now: &LineDigest, line: &[u8]) -> bool {
        let from = self.marks.partition_point(|mark| mark.lines < now.lines);
        let here = self.marks.get(from..).unwrap_or_default().iter().take_while(|mark| mark.lines == now.lines);
        let mut whole = None;
        here.into_iter().any(|mark| {
            if mark.open_bytes == 0 {
                return *whole.get_or_insert_with(|| now.mark().digest) == mark.digest;
            }
            // The last line had no end then, and may have more bytes now.
            let counted = usize::try_from(mark.open_bytes).ok().and_then(|bytes| line.get(..bytes));
            let Some(counted) = counted else { return false };
            let mut digest = before.clone();
            digest.add(counted, false);
            digest.mark().digest == mark.digest
        })
    }

    /// Whether any mark has as many lines or more.
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
