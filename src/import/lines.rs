//! The lines of one file to import, packed or not, with a progress bar over its bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};

/// Longest line that is read; a longer one is passed over and counted as not understood.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file's lines.
pub struct LineReader(Box<dyn BufRead>);

impl LineReader {
    /// Of the bytes that `wrap` makes of the file's, which may count or hash them.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub fn open<R: Read + 'static>(file: &Path, wrap: impl FnOnce(File) -> R) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
        let mut bytes = BufReader::with_capacity(BUFFER_BYTES, wrap(File::open(file).map_err(named)?));
        let packed = bytes.fill_buf().map_err(named)?.starts_with(&[0x1f, 0x8b]);
        Ok(Self(if packed {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(bytes)))
        } else {
            Box::new(bytes)
        }))
    }

    /// Reads the next line into `line`, without its end; an over-long one comes as an empty one. False when there is
    /// none.
    ///
    /// # Errors
    /// When the file cannot be read or unpacked.
    pub fn read(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let read = (&mut self.0).take(LINE_BYTES_MAX as u64).read_until(b'\n', line)?;
        if read == 0 {
            return Ok(false);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            line.pop_if(|byte| *byte == b'\r');
        } else if read == LINE_BYTES_MAX {
            line.clear();
            self.0.skip_until(b'\n')?;
        }
        Ok(true)
    }
}

/// A bar over the bytes of `files`; hidden where nobody watches.
pub fn progress_bar(files: &[PathBuf], what: &'static str, shown: bool) -> ProgressBar {
    if !shown {
        return ProgressBar::hidden();
    }
    let bytes = files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
    let bar = ProgressBar::new(bytes);
    let style = "{prefix:>9} [{wide_bar}] {percent:>3} %  {binary_bytes_per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(what);
    bar
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn packed_and_plain_files_give_the_same_lines_and_a_long_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("a.log"), folder.path().join("a.log.gz"));
        let text = [b"one\r\n".to_vec(), vec![b'x'; LINE_BYTES_MAX + 10], b"\nlast".to_vec()].concat();
        std::fs::write(&plain, &text).unwrap();
        let mut gz = flate2::write::GzEncoder::new(File::create(&packed).unwrap(), flate2::Compression::fast());
        gz.write_all(&text).unwrap();
        gz.finish().unwrap();
        for file in [plain, packed] {
            let (mut lines, mut line, mut read) =
                (LineReader::open(&file, |file| file).unwrap(), Vec::new(), Vec::new());
            while lines.read(&mut line).unwrap() {
                read.push(String::from_utf8(line.clone()).unwrap());
            }
            assert_eq!(read, ["one", "", "last"]);
        }
    }
}
