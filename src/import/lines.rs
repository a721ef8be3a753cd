//! Lines of one file to import, compressed or not, or of standard input; and a progress bar over the bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use bzip2::read::MultiBzDecoder;
use flate2::bufread::GzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

/// Longest line that is read; a longer one is skipped and counted as not understood.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;

/// Size of the read buffer, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// The name of standard input.
const STDIN: &str = "-";

/// Reader of a file's lines.
pub(super) struct LineReader {
    bytes: Box<dyn BufRead + Send>,
    /// Byte that ends a line.
    end: u8,
    /// Whether the last line had its end.
    ended: bool,
    /// Whether the last line exceeded the limit.
    too_long: bool,
}

/// Whether the file can be read only once: a pipe, a terminal, standard input.
pub(super) fn is_stream(file: &Path) -> bool {
    file == Path::new(STDIN) || file.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

impl LineReader {
    /// Opens a file, or standard input for `-`. `progress` counts the compressed bytes.
    ///
    /// # Errors
    /// When the file cannot be read, or its compression is not known; the message names the file.
    pub(super) fn open(file: &Path, progress: &ProgressBar) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
        if file.is_dir() {
            return Err(named(io::Error::other("is a folder; name the files in it")));
        }
        let raw: Box<dyn Read + Send> =
            if file == Path::new(STDIN) { Box::new(io::stdin()) } else { Box::new(File::open(file).map_err(named)?) };
        let bytes = BufReader::with_capacity(BUFFER_BYTES, progress.wrap_read(raw));
        Self::unpacked(Box::new(bytes)).map_err(named)
    }

    /// Opens the rest of a plain file that is still written to.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn following(mut file: File, from: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(from))?;
        let bytes = Box::new(BufReader::with_capacity(BUFFER_BYTES, file));
        if from == 0 { Self::unpacked(bytes) } else { Ok(Self { bytes, end: b'\n', ended: true, too_long: false }) }
    }

    /// A reader of bytes that may be compressed.
    fn unpacked(mut bytes: Box<dyn BufRead + Send>) -> io::Result<Self> {
        let head = bytes.fill_buf()?;
        let unpacked: Box<dyn Read + Send> = match head {
            [0x1f, 0x8b, ..] => Box::new(GzMembers(Some(GzDecoder::new(bytes)))),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Box::new(MultiBzDecoder::new(bytes)),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(XzReader::new(bytes, true)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Box::new(ZstdFrames::Between(Some(bytes)))
            }
            _ => match foreign_packing(head) {
                Some(what) => return Err(io::Error::other(what)),
                None => return Self::plain(bytes),
            },
        };
        Self::plain(Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked)))
    }

    /// A reader of plain text.
    fn plain(mut bytes: Box<dyn BufRead + Send>) -> io::Result<Self> {
        let head = bytes.fill_buf()?;
        if head.get(257..262) == Some(b"ustar") {
            return Err(io::Error::other("is a tar archive; unpack it and name the logs in it"));
        }
        let zeros = |from: usize| head.iter().skip(from).step_by(2).take(32).all(|byte| *byte == 0);
        if head.starts_with(&[0xff, 0xfe])
            || head.starts_with(&[0xfe, 0xff])
            || (head.len() > 64 && (zeros(0) || zeros(1)))
        {
            return Err(io::Error::other("is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8"));
        }
        let end = if head.contains(&b'\r') && !head.contains(&b'\n') { b'\r' } else { b'\n' };
        let mark = head.starts_with(&[0xef, 0xbb, 0xbf]);
        if mark {
            bytes.consume(3);
        }
        Ok(Self { bytes, end, ended: true, too_long: false })
    }

    /// Reads the next line into `line`, without its end; an over-long one comes as an empty one. Returns false at the
    /// end of the file.
    ///
    /// # Errors
    /// When the file cannot be read or decompressed.
    pub(super) fn read(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let read = (&mut self.bytes).take(LINE_BYTES_MAX as u64).read_until(self.end, line)?;
        if read == 0 {
            return Ok(false);
        }
        self.ended = line.last() == Some(&self.end);
        self.too_long = !self.ended && read == LINE_BYTES_MAX;
        if self.ended {
            line.pop();
            line.pop_if(|byte| *byte == b'\r');
        } else if self.too_long {
            line.clear();
            self.bytes.skip_until(self.end)?;
            self.ended = true;
        }
        Ok(true)
    }

    /// Whether the last line was too long, and came as an empty one.
    pub(super) fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// Whether the last line had its end; a log that is still written to may stop within a line.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }
}

/// Name of a file type that is recognised but not supported.
fn foreign_packing(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some("is a zip archive; unpack it and name the logs in it"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("is compressed with lz4; decompress it first: lz4 -d"),
        [0x1f, 0x9d, ..] => Some("is compressed with compress; decompress it first: uncompress"),
        [b'7', b'z', 0xbc, 0xaf, ..] => Some("is a 7z archive; unpack it and name the logs in it"),
        [b'P', b'A', b'R', b'1', ..] => Some("is a Parquet file; export the log as JSON lines"),
        _ => None,
    }
}

/// The members of a gzip file, in sequence; zeros after the last are padding.
struct GzMembers(Option<GzDecoder<Box<dyn BufRead + Send>>>);

impl Read for GzMembers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(mut bytes) = self.0.take().map(GzDecoder::into_inner) else { break };
            loop {
                let zeros = bytes.fill_buf()?.iter().take_while(|byte| **byte == 0).count();
                if zeros == 0 {
                    break;
                }
                bytes.consume(zeros);
            }
            if !bytes.fill_buf()?.is_empty() {
                self.0 = Some(GzDecoder::new(bytes));
            }
        }
        Ok(0)
    }
}

/// The frames of a zstd file, in sequence.
enum ZstdFrames {
    Between(Option<Box<dyn BufRead + Send>>),
    Within(Box<StreamingDecoder<Box<dyn BufRead + Send>, ruzstd::decoding::FrameDecoder>>),
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Between(bytes) => {
                    let Some(mut bytes) = bytes.take() else { return Ok(0) };
                    if bytes.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let frame = StreamingDecoder::new(bytes).map_err(|_| io::Error::other("broken zstd frame"))?;
                    *self = Self::Within(Box::new(frame));
                }
                Self::Within(frame) => {
                    let read = frame.read(buffer)?;
                    if read > 0 || buffer.is_empty() {
                        return Ok(read);
                    }
                    let Self::Within(frame) = std::mem::replace(self, Self::Between(None)) else { return Ok(0) };
                    *self = Self::Between(Some(frame.into_inner()));
                }
            }
        }
    }
}

/// A bar over the bytes of `files`; hidden unless `shown`.
pub(super) fn progress_bar(files: &[PathBuf], what: &'static str, shown: bool) -> ProgressBar {
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

    fn lines_of(bytes: &[u8]) -> io::Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.log");
        std::fs::write(&file, bytes).unwrap();
        let (mut lines, mut line, mut read) =
            (LineReader::open(&file, &ProgressBar::hidden())?, Vec::new(), Vec::new());
        while lines.read(&mut line)? {
            read.push(String::from_utf8(line.clone()).unwrap());
        }
        Ok(read)
    }

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text).unwrap();
        gz.finish().unwrap()
    }

    #[test]
    fn packed_and_plain_files_give_the_same_lines_and_a_long_line_is_passed_over() {
        let text = [b"one\r\n".to_vec(), vec![b'x'; LINE_BYTES_MAX + 10], b"\nlast".to_vec()].concat();
        let mut bz = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bz.write_all(&text).unwrap();
        let zst = ruzstd::encoding::compress_to_vec(&*text, ruzstd::encoding::CompressionLevel::Fastest);
        for packed in [text.clone(), gz(&text), bz.finish().unwrap(), zst] {
            assert_eq!(lines_of(&packed).unwrap(), ["one", "", "last"]);
        }
    }

    #[test]
    fn an_xz_file_is_unpacked() {
        // printf 'one\ntwo\n' | xz -9 | base64
        let packed = "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jMAQAHb25lCnR3bwoAUauer1d1cEkAASAIuxnZux+2830BAAAAAARZWg==";
        let packed = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, packed);
        assert_eq!(lines_of(&packed.unwrap()).unwrap(), ["one", "two"]);
    }

    #[test]
    fn pieces_packed_one_after_the_other_and_padding_are_read() {
        let zst = |text: &[u8]| ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest);
        assert_eq!(lines_of(&[gz(b"a\n"), gz(b"b\n"), vec![0; 1_024]].concat()).unwrap(), ["a", "b"]);
        assert_eq!(lines_of(&[zst(b"a\n"), zst(b"b\n")].concat()).unwrap(), ["a", "b"]);
    }

    #[test]
    fn marks_and_carriage_returns_are_not_part_of_a_line() {
        assert_eq!(lines_of(b"\xef\xbb\xbfone\ntwo\n").unwrap(), ["one", "two"]);
        assert_eq!(lines_of(b"one\rtwo\r").unwrap(), ["one", "two"]);
    }

    #[test]
    fn an_unsupported_file_type_is_named_in_the_error() {
        let mut tar = vec![b'x'; 600];
        tar.splice(257..262, *b"ustar");
        let utf16: Vec<u8> = "GET / HTTP/1.1".repeat(9).encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, name) in [
            (gz(&tar), "tar"),
            (b"PK\x03\x04....".to_vec(), "zip"),
            (utf16.clone(), "UTF-16"),
            ([vec![0xff, 0xfe], utf16].concat(), "UTF-16"),
            (b"PAR1....".to_vec(), "Parquet"),
        ] {
            let refused = lines_of(&bytes).unwrap_err().to_string();
            assert!(refused.contains(name) && refused.contains("a.log"), "{refused}");
        }
    }
}
