//! The parts of an export: the files of a zip, of a gzip, of Umami's zip within JSON, or a plain file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base64::Engine as _;
use flate2::read::{DeflateDecoder, MultiGzDecoder};

/// Largest part after decompression, in bytes.
const PART_BYTES_MAX: u64 = 1 << 30;

/// One file of an export.
pub(super) struct ExportPart {
    /// Name of the file, without folders.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The parts of a file, decompressed.
///
/// # Errors
/// When it cannot be read or decompressed; the message names the file.
pub(super) fn parts(path: &Path) -> io::Result<Vec<ExportPart>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    unpacked(name, bounded(File::open(path).map_err(named)?).map_err(named)?).map_err(named)
}

fn unpacked(name: String, bytes: Vec<u8>) -> io::Result<Vec<ExportPart>> {
    if bytes.starts_with(b"PK\x03\x04") {
        return zip(&bytes);
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let bytes = bounded(MultiGzDecoder::new(&*bytes))?;
        return unpacked(name.trim_end_matches(".gz").to_owned(), bytes);
    }
    if bytes.starts_with(&[0xff, 0xfe]) {
        let (units, _) = bytes.get(2..).unwrap_or_default().as_chunks::<2>();
        let text = String::from_utf16_lossy(&units.iter().map(|unit| u16::from_le_bytes(*unit)).collect::<Vec<_>>());
        return Ok(vec![ExportPart { name, bytes: text.into_bytes() }]);
    }
    if bytes.trim_ascii_start().starts_with(b"{\"zip\"") {
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(|_| io::Error::other("is not JSON"))?;
        let text = value.get("zip").and_then(serde_json::Value::as_str).unwrap_or_default();
        let packed = base64::engine::general_purpose::STANDARD.decode(text);
        return zip(&packed.map_err(|_| io::Error::other("its zip is not base64"))?);
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).map(<[u8]>::to_vec).unwrap_or(bytes);
    Ok(vec![ExportPart { name, bytes }])
}

fn zip(bytes: &[u8]) -> io::Result<Vec<ExportPart>> {
    let broken = |_| io::Error::other("is a broken zip archive");
    let archive = rawzip::ZipArchive::from_slice(bytes).map_err(broken)?;
    let mut parts = Vec::new();
    for entry in archive.entries() {
        let entry = entry.map_err(broken)?;
        if entry.is_dir() {
            continue;
        }
        let path = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let packed = archive.get_entry(entry.wayfinder()).map_err(broken)?;
        let bytes = match entry.compression_method() {
            rawzip::CompressionMethod::STORE => bounded(packed.data())?,
            _ => bounded(DeflateDecoder::new(packed.data()))?,
        };
        parts.push(ExportPart { name, bytes });
    }
    Ok(parts)
}

fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(PART_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > PART_BYTES_MAX {
        true => Err(io::Error::other("holds more than 1 GiB; split it by month")),
        false => Ok(bytes),
    }
}
