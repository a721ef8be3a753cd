//! A segment file or its batch file, whole or with new frames: opened, recovered, read. Nothing panics; the reader
//! returns exactly the records that recovery counted, and a second reading returns the same. Frames are built from the
//! format's specification, not by the program's own writer.
#![no_main]

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sillage::clock::ManualClock;
use sillage::spool::Spool;
use sillage::spool::disk::{AppendFile, Disk};

const NODE: [u8; 16] = [7; 16];
const NUMBER: u64 = 5;

fuzz_target!(|input: &[u8]| {
    let Some((&mode, rest)) = input.split_first() else { return };
    let version = 1 + mode / 5 % 4;
    let (kind, file) = match mode % 5 {
        0 => ("seg", rest.to_vec()),
        1 => ("seg", [header(SEGMENT, version), rest.to_vec()].concat()),
        2 => ("seg", framed(header(SEGMENT, version), payloads(rest))),
        3 => ("batch", framed(header(BATCH, version), payloads(rest))),
        _ => ("batch", framed(header(BATCH, version), compressed(rest).chunks(8_192))),
    };
    let disk = Memory::default();
    disk.put("node", &NODE.map(|byte| format!("{byte:02x}")).concat().into_bytes());
    disk.put(&format!("{NUMBER:020}.{kind}"), &file);
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let Ok((spool, recovery)) = Spool::open(1 << 30, Arc::new(disk), clock) else { return };
    let (mut events, mut batches) = (0, 0);
    for segment in spool.sealed() {
        if segment.folded {
            let read = || spool.batch(&segment).expect("it was recovered");
            assert_eq!(read(), read());
            batches += 1;
            continue;
        }
        let read = || {
            let mut pages = Vec::new();
            let report = spool.read(&segment).expect("it was recovered").for_each(|event| {
                pages.push(event.page.text.to_owned());
            });
            (pages, report.expect("memory does not fail"))
        };
        let (pages, report) = read();
        assert_eq!((pages.len() as u64, segment.events), (report.events, report.events));
        assert_eq!((pages, report), read());
        events += report.events;
    }
    assert_eq!((recovery.events, recovery.batches), (events, batches));
});

const SEGMENT: &[u8; 8] = b"sillage\n";
const BATCH: &[u8; 8] = b"counters";

/// Header of segment 5 or of its batch, built from the specification.
fn header(magic: &[u8; 8], version: u8) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend([version, 0, 0, 0]);
    bytes.extend(NODE);
    bytes.extend(NUMBER.to_le_bytes());
    bytes.extend(1_773_000_000u64.to_le_bytes());
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// Splits pieces, each preceded by its length in one byte.
fn payloads(mut pieces: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = pieces.split_first()?;
        let (payload, rest) = rest.split_at(rest.len().min(usize::from(length)));
        pieces = rest;
        Some(payload)
    })
}

/// A batch's body, compressed, after its length.
fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new((body.len() as u64).to_le_bytes().to_vec(), Compression::fast());
    encoder.write_all(body).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

fn framed<'p>(header: Vec<u8>, payloads: impl Iterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut file = header;
    let seed = crc32fast::hash(&file[..44]);
    for payload in payloads {
        let length = (payload.len() as u32).to_le_bytes();
        let mut hasher = crc32fast::Hasher::new_with_initial(seed);
        hasher.update(&(file.len() as u64).to_le_bytes());
        hasher.update(&length);
        hasher.update(payload);
        file.extend(length);
        file.extend(hasher.finalize().to_le_bytes());
        file.extend(payload);
    }
    file
}

/// A folder of files in memory: name → content.
#[derive(Default)]
struct Memory(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Memory {
    fn put(&self, name: &str, bytes: &[u8]) {
        self.0.lock().unwrap().insert(name.into(), bytes.to_vec());
    }
}

impl Disk for Memory {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().keys().filter(|name| !name.contains('/')).cloned().collect())
    }
    fn list_set_aside(&self) -> io::Result<Vec<(String, u64)>> {
        let files = self.0.lock().unwrap();
        Ok(files.keys().filter_map(|name| Some((name.strip_prefix("quarantine/")?.to_owned(), 0))).collect())
    }
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.lock().unwrap().get(name).cloned().ok_or(io::ErrorKind::NotFound.into())
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn AppendFile>> {
        self.put(name, &[]);
        Ok(Box::new(Growing(self.0.clone(), name.into())))
    }
    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        files.get_mut(name).ok_or(io::ErrorKind::NotFound)?.truncate(length as usize);
        Ok(())
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        let bytes = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.into(), bytes);
        Ok(())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }
    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

struct Growing(Arc<Mutex<HashMap<String, Vec<u8>>>>, String);

impl AppendFile for Growing {
    fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        let (file, at) = (files.entry(self.1.clone()).or_default(), at as usize);
        file.resize(file.len().max(at + bytes.len()), 0);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
