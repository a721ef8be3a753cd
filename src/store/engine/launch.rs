//! Inputs of the child's start: program, configuration files, users. Must never write a password in clear anywhere but
//! into `engine.json`, and nothing at all into the data folder.
//!
//! The engine's own session logs in as `default`, with an empty password; that cannot be changed. So `default` is made
//! worthless: its few rights and its quota of two queries are those of the session that keeps the engine running, and
//! the HTTP interface does not accept it (`http_handlers` requires the name of one of our users).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{AtFlags, CWD, chownat};
use rustix::process::{Gid, Uid};

use sha2::{Digest, Sha256};

use crate::config;
use crate::hex::hex;
use crate::runtime_dir::create_private;
use crate::store::client::{Endpoint, Login};
use crate::store::engine::error::EngineError;
use crate::store::engine::package::{LIBRARY_FILE, package_name};
use crate::store::published;
use crate::store::scope::{ReaderAccess, ReaderScope};

/// User that owns the tables.
const WRITER: &str = "sillage";
/// User that reads every site's reports.
const READER: &str = "sillage_reader";
/// Oldest `clickhouse local` that can open a listener.
const VERSION_MIN: (u32, u32) = (26, 5);

/// Keeps the engine's own session, and with it the engine, until it is told to end: it sleeps, second by second, and
/// reads nothing.
const KEEP_RUNNING: &str = "SELECT sleepEachRow(1) FROM numbers(9000000000000000000) \
                            SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0 FORMAT Null";

/// Program and engine of the child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EngineProgram {
    /// Our executable, which becomes the engine.
    program: PathBuf,
    /// Path of the library, or of the `clickhouse` program.
    engine: PathBuf,
    /// Whether the engine is a program.
    installed: bool,
}

/// Inputs of one start.
pub(super) struct EngineStart<'a> {
    pub(super) data: &'a Path,
    pub(super) files: &'a Path,
    pub(super) port: u16,
    pub(super) user: Option<u32>,
}

impl EngineProgram {
    /// The configured library or `clickhouse`; else the library beside the program or above it.
    pub(super) async fn choose(program: Option<&Path>, configured: &str) -> Result<Self, EngineError> {
        let program = match program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe().map_err(EngineError::Files)?,
        };
        let configured = Path::new(configured);
        if is_program(configured) {
            let engine = find_program(configured).ok_or_else(|| EngineError::NoProgram(configured.to_owned()))?;
            return match installed_version(&engine).await {
                Some(version) if version >= VERSION_MIN => Ok(Self { program, engine, installed: true }),
                Some(_) | None => Err(EngineError::NoProgram(engine)),
            };
        }
        if cfg!(target_feature = "crt-static") {
            return Err(EngineError::Static);
        }
        let engine = find_library(configured, &program)?;
        Ok(Self { program, engine, installed: false })
    }

    /// The command line of one start.
    pub(super) fn command(&self, start: &EngineStart<'_>) -> Result<Command, EngineError> {
        // The child works in its data folder: it may not be able to read the parent's folder.
        let absolute = |path: &Path| std::path::absolute(path).map_err(EngineError::Files);
        let (data, files, engine) = (absolute(start.data)?, absolute(start.files)?, absolute(&self.engine)?);
        let mut command = Command::new(&self.program);
        command.arg("engine").args(["--parent", &std::process::id().to_string()]);
        command.arg("--data").arg(&data).arg("--files").arg(&files);
        command.args(["--port", &start.port.to_string()]);
        if let Some(user) = start.user {
            command.args(["--user", &user.to_string()]);
        }
        if self.installed {
            command.arg("--installed");
        }
        command.arg(&engine).arg("--").args(arguments(&files.join("config.xml"), &data, start.port));
        Ok(command)
    }
}

/// Memory for queries, inserts and merges, in bytes, beside the reservations of tables.
const MEMORY_BYTES: usize = 2_000_000_000;
/// Bytes that the engine reserves for one table.
const TABLE_BYTES: usize = 1 << 20;

async fn installed_version(program: &Path) -> Option<(u32, u32)> {
    let output = tokio::process::Command::new(program).args(["local", "--version"]).output().await.ok()?;
    version(&String::from_utf8_lossy(&output.stdout))
}

/// The first `major.minor` in a text.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    })
}

/// Whether the configured path is a program rather than a library.
fn is_program(configured: &Path) -> bool {
    let name = configured.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    !name.is_empty() && !name.contains(".so") && !name.ends_with(".dylib")
}

/// A bare name is resolved on the PATH, because it is configured; anything else is a path.
fn find_program(configured: &Path) -> Option<PathBuf> {
    if configured.components().count() > 1 {
        return configured.is_file().then(|| configured.to_owned());
    }
    let folders = config::search_path();
    folders.into_iter().map(|folder| folder.join(configured)).find(|path| path.is_absolute() && path.is_file())
}

/// Names of the library: beside the program, and in this machine's package.
fn library_names() -> [PathBuf; 2] {
    let package = package_name(std::env::consts::OS, std::env::consts::ARCH).unwrap_or("lib-linux-x64-gnu");
    [PathBuf::from(LIBRARY_FILE), Path::new("node_modules/@chdb").join(package).join(LIBRARY_FILE)]
}

/// The configured library, or one beside the program, or in the `node_modules` of a folder above the program. The
/// working folder is not searched: any user may own it.
fn find_library(configured: &Path, program: &Path) -> Result<PathBuf, EngineError> {
    if !configured.as_os_str().is_empty() {
        let path = configured.to_owned();
        return if path.is_file() { Ok(path) } else { Err(EngineError::NoLibrary(path)) };
    }
    let [file, in_modules] = library_names();
    let beside = program.parent().map(|folder| folder.join(&file));
    let above = program.ancestors().skip(1).map(|folder| folder.join(&in_modules));
    let found = beside.into_iter().chain(above).find(|path| path.is_file());
    let found = found.ok_or_else(|| EngineError::NoLibraryNear(program.parent().unwrap_or(program).to_owned()))?;
    if is_trusted(&found) { Ok(found) } else { Err(EngineError::UnsafeLibrary(found)) }
}

/// Whether only root, our user and the program's owner can have written a file.
fn is_trusted(file: &Path) -> bool {
    let ours = rustix::process::geteuid().as_raw();
    file.metadata().is_ok_and(|file| (file.uid() == 0 || file.uid() == ours) && file.mode() & 0o002 == 0)
}

/// Arguments of the engine, the same for the library and for `clickhouse local`.
fn arguments(config: &Path, data: &Path, port: u16) -> Vec<String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    [
        ["-C".to_owned(), text(config)],
        ["--path".to_owned(), text(data)],
        ["--http_port".to_owned(), port.to_string()],
        ["--listen_host".to_owned(), "127.0.0.1".to_owned()],
        ["-q".to_owned(), "SYSTEM START LISTEN HTTP".to_owned()],
        ["-q".to_owned(), KEEP_RUNNING.to_owned()],
    ]
    .concat()
}

/// New users with new passwords, for an engine on `port`.
pub(super) fn endpoint(port: u16, scopes: &BTreeSet<ReaderScope>) -> Result<Endpoint, EngineError> {
    let scoped = scopes.iter().map(|scope| Ok(Login { user: scope.user(), password: random_password()? }));
    Ok(Endpoint {
        scoped_readers: scoped.collect::<Result<_, EngineError>>()?,
        url: format!("http://127.0.0.1:{port}"),
        writer: Login { user: WRITER.into(), password: random_password()? },
        reader: Some(Login { user: READER.into(), password: random_password()? }),
        process: None,
    })
}

fn random_password() -> Result<String, EngineError> {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes).map_err(|_| EngineError::NoRandomness)?;
    Ok(hex(&bytes))
}

/// Writes a file that only our user can read, atomically.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    create_private(&draft)?.write_all(text.as_bytes())?;
    std::fs::rename(draft, path)
}

/// Writes the configuration of a start into `folder`, readable for `user` if given.
pub(super) fn write_files(
    folder: &Path,
    endpoint: &Endpoint,
    readers: &ReaderAccess,
    user: Option<u32>,
) -> io::Result<()> {
    let (config, users) = (folder.join("config.xml"), folder.join("users.xml"));
    write_private(&users, &users_xml(endpoint, readers))?;
    write_private(&config, &config_xml(&users, readers.tables.len()))?;
    match user {
        Some(user) => [folder, &config, &users].into_iter().try_for_each(|path| give(path, user)),
        None => Ok(()),
    }
}

/// Lets `user` reach its own sub-folder of the runtime folder, without listing the other files there.
pub(super) fn let_through(runtime_dir: &Path, user: u32) -> io::Result<()> {
    chownat(CWD, runtime_dir, None, Some(Gid::from_raw(user)), AtFlags::empty())?;
    std::fs::set_permissions(runtime_dir, Permissions::from_mode(0o710))
}

/// Gives the data folder to `user`, with all files that an engine under another user has left in it.
pub(super) fn hand_over(folder: &Path, user: u32) -> io::Result<()> {
    if folder.symlink_metadata()?.uid() == user {
        return Ok(());
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                give(&entry.path(), user)?;
            }
        }
        // The folder itself comes last: an interrupted hand-over is repeated.
        if next != folder {
            give(&next, user)?;
        }
    }
    give(folder, user)
}

fn give(path: &Path, user: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    Ok(chownat(CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// `config.xml`: small pools and caches for a machine of two cores, no logs, two addresses and nothing else over HTTP.
/// Every table has a buffer of 1 MiB for its deduplication log, which counts as memory though it is hardly touched;
/// with the waiting tables there are two for each of the `tables` that are read.
pub(super) fn config_xml(users: &Path, tables: usize) -> String {
    let memory = MEMORY_BYTES + tables.saturating_mul(2 * TABLE_BYTES);
    include_str!("config.xml")
        .replace("{{users}}", &escape(&users.to_string_lossy()))
        .replace("{{memory}}", &memory.to_string())
}

/// `users.xml`: the session's user, the writer, and the readers with `SELECT` on `tables` and nothing else.
fn users_xml(endpoint: &Endpoint, readers: &ReaderAccess) -> String {
    let (tables, scopes) = (&readers.tables, &readers.scopes);
    let hash = |login: Option<&Login>| login.map_or_else(String::new, |login| hex(&Sha256::digest(&login.password)));
    let scoped = scopes.iter().map(|scope| {
        let login = endpoint.scoped_readers.iter().find(|login| login.user == scope.user());
        scoped_reader(scope, &hash(login), tables)
    });
    let scoped: String = scoped.collect();
    let grants = grants(tables.iter());
    include_str!("users.xml")
        .replace("{{writer}}", &hash(Some(&endpoint.writer)))
        .replace("{{reader}}", &hash(endpoint.reader.as_ref()))
        .replace("{{grants}}", &grants)
        .replace("{{scoped_readers}}", &scoped)
}

fn grants<'t>(tables: impl Iterator<Item = &'t String>) -> String {
    let grants: String = tables.map(|table| format!("<query>GRANT SELECT ON {}</query>", escape(table))).collect();
    // An empty list would grant every right.
    if grants.is_empty() { "<query>GRANT NONE ON *.*</query>".into() } else { grants }
}

/// A user with `SELECT` on published tables, each filtered by its sites.
fn scoped_reader(scope: &ReaderScope, hash: &str, tables: &[String]) -> String {
    let user = scope.user();
    let filter = escape(&scope.filter().unwrap_or_else(|| "0".into()));
    let published = |full: &&String| full.split_once('.').is_some_and(|(_, name)| published::table(name).is_some());
    let grants = grants(tables.iter().filter(published));
    // The engine would treat a database that is listed twice as two.
    let mut databases: BTreeMap<&str, String> = BTreeMap::new();
    for (database, table) in tables.iter().filter(published).filter_map(|full| full.split_once('.')) {
        let filters = databases.entry(database).or_default();
        filters.push_str(&format!("<{table}><filter>{filter}</filter></{table}>"));
    }
    let filters: String =
        databases.iter().map(|(database, filters)| format!("<{database}>{filters}</{database}>")).collect();
    format!(
        "<{user}><password_sha256_hex>{hash}</password_sha256_hex><networks><ip>127.0.0.1</ip></networks>\
         <profile>reader</profile><quota>default</quota><grants>{grants}</grants><databases>{filters}</databases></{user}>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_clickhouse_prints() {
        assert_eq!(version("ClickHouse local version 26.5.1.882 (official build)."), Some((26, 5)));
        assert_eq!(version("no version here"), None);
        assert!((26, 4) < VERSION_MIN && (27, 0) > VERSION_MIN);
    }

    #[test]
    fn passwords_are_fresh_and_only_their_hashes_are_in_the_users_file() {
        let scopes = BTreeSet::from([ReaderScope::of(["a.example"])]);
        let (one, two) = (endpoint(1, &scopes).unwrap(), endpoint(1, &scopes).unwrap());
        assert!(one.writer.password != two.writer.password);
        assert!(one.reader.as_ref().is_some_and(|reader| reader.password != one.writer.password));
        let text = users_xml(
            &one,
            &ReaderAccess { tables: vec!["sillage.report".into(), "sillage.page_days".into()], scopes },
        );
        assert!(!text.contains(&one.scoped_readers[0].password));
        let filter = "<sillage><page_days><filter>site IN ('a.example')</filter></page_days></sillage></databases>";
        assert!(text.contains(filter), "{text}");
        assert!(!text.contains(&one.writer.password) && !text.contains("{{"), "{text}");
        assert!(text.contains("GRANT SELECT ON sillage.report<"), "{text}");
    }

    #[test]
    fn a_private_file_is_for_us_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.json");
        write_private(&path, "{}").unwrap();
        write_private(&path, "{}").unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
