//! `sillage engine fetch`: the right package becomes the library; a wrong, cut or foreign one changes nothing.

use std::path::Path;
use std::process::Output;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha512};
use sillage::store::Engine;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::support;

/// A package with this file in it.
fn package(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in [("package/package.json", b"{}".as_slice()), (name, content)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o777);
        archive.append_data(&mut header, name, content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn integrity(package: &[u8]) -> String {
    format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(package)))
}

async fn fetch(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
    command.args(["engine", "fetch"]).args(arguments).current_dir(folder);
    command.output().await.unwrap()
}

/// A folder with a library that is there already.
fn folder() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libchdb.so");
    std::fs::write(&library, "before").unwrap();
    let library = library.to_str().unwrap().to_owned();
    (folder, library)
}

/// Serves `bytes` once; with `length` as the length that it claims.
async fn served_once(status: &'static str, bytes: Vec<u8>, length: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1_024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    });
    format!("http://{address}/package.tgz")
}

#[tokio::test]
async fn the_right_package_becomes_the_library_from_a_file_and_over_http() {
    let bytes = package("package/libchdb.so", b"the library");
    let integrity = integrity(&bytes);
    for over_http in [false, true] {
        let (folder, library) = folder();
        let from = if over_http {
            served_once("200 OK", bytes.clone(), bytes.len()).await
        } else {
            std::fs::write(folder.path().join("package.tgz"), &bytes).unwrap();
            "package.tgz".to_owned()
        };
        // The configuration names the place.
        std::fs::write(
            folder.path().join("sillage.toml"),
            format!("site = [{{ name = \"a.example\" }}]\n[clickhouse]\nlibrary = {library:?}\n"),
        )
        .unwrap();
        let output = fetch(folder.path(), &["--from", &from, "--integrity", &integrity]).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("11 bytes, checksum verified"));
        assert_eq!(std::fs::read(&library).unwrap(), b"the library");
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&library).unwrap().permissions().mode() & 0o777, 0o644);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, if over_http { 2 } else { 3 }, "no draft is left");
    }
}

#[tokio::test]
async fn a_wrong_cut_or_foreign_package_leaves_the_library_as_it_was() {
    let bytes = package("package/libchdb.so", b"the library");
    let foreign = package("package/other.so", b"other");
    let right = integrity(&bytes);
    let (folder, library) = folder();
    std::fs::write(folder.path().join("cut.tgz"), &bytes[..bytes.len() - 1]).unwrap();
    std::fs::write(folder.path().join("whole.tgz"), &bytes).unwrap();
    std::fs::write(folder.path().join("foreign.tgz"), &foreign).unwrap();
    let cut_off = served_once("200 OK", bytes[..50].to_vec(), bytes.len()).await;
    let missing = served_once("404 Not Found", Vec::new(), 0).await;
    let moved = served_once("302 Found", Vec::new(), 0).await;
    for (from, integrity, sentence) in [
        ("cut.tgz", Some(&*right), "checksum differs, nothing installed"),
        // The checksum that the program was built with.
        ("whole.tgz", None, "checksum differs, nothing installed"),
        ("whole.tgz", Some("sha512-AAAA"), "checksum `sha512-AAAA`: not readable"),
        ("foreign.tgz", Some(&*self::integrity(&foreign)), "holds no package/libchdb.so"),
        ("nowhere.tgz", Some(&*right), "nowhere.tgz: No such file"),
        (&*cut_off, Some(&*right), "connection closed before the end"),
        (&*missing, Some(&*right), "answered 404"),
        (&*moved, Some(&*right), "answered 302"),
        ("http://127.0.0.1:9/x.tgz", Some(&*right), "refused"),
    ] {
        let mut arguments = vec!["--from", from, "--to", &library];
        arguments.extend(integrity.into_iter().flat_map(|integrity| ["--integrity", integrity]));
        let output = fetch(folder.path(), &arguments).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(sentence) && output.status.code() == Some(2), "{from}: {error}");
        assert_eq!(std::fs::read(&library).unwrap(), b"before", "{from}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "no draft is left");
}

#[tokio::test]
async fn without_npm_the_program_says_what_else_there_is() {
    let (folder, library) = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
    command.args(["engine", "fetch", "--to", &library]).current_dir(folder.path()).env("PATH", folder.path());
    let error = String::from_utf8(command.output().await.unwrap().stderr).unwrap();
    assert!(error.contains("install npm") && error.contains("--from"), "{error}");
    assert_eq!(std::fs::read(&library).unwrap(), b"before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_engine_keeps_its_library_while_another_takes_its_place() {
    let (folder, library) = folder();
    let real = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so");
    std::fs::remove_file(&library).unwrap();
    // A second name of the same file, where the disk is the same; else a copy.
    if std::fs::hard_link(real, &library).is_err() {
        std::fs::copy(real, &library).unwrap();
    }
    let mut options = support::options(folder.path());
    options.library = library.clone();
    let engine = Engine::start(options).await.unwrap();
    let store = engine.store(&support::database("sillage"));
    let process = engine.process();

    let bytes = package("package/libchdb.so", b"the library");
    std::fs::write(folder.path().join("package.tgz"), &bytes).unwrap();
    let arguments = ["--from", "package.tgz", "--integrity", &integrity(&bytes), "--to", &library];
    let output = fetch(folder.path(), &arguments).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read(&library).unwrap(), b"the library");
    let sql = "SELECT toUInt64(sum(cityHash64(number, toString(number)) % 7 >= 0)) FROM numbers(100000)";
    assert_eq!(store.ask_as_owner(sql).rows::<u64>().await.unwrap(), [100_000]);
    assert_eq!(engine.process(), process, "the same process answers");
    engine.stop().await;
}
