//! What the child is started with: which program, which configuration files, which users. Must never write a password
//! in clear anywhere but into `engine.json`, and nothing at all into the data folder.
//!
//! The engine's own session logs in as `default`, with an empty password; that cannot be changed. So `default` is made
//! worthless: its few rights are those of the leash, its quota is the two queries of the leash, and the HTTP interface
//! does not listen to it at all (`http_handlers` wants the name of one of our users).

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::store::client::{Endpoint, Login};
use crate::store::engine::error::EngineError;

/// User that owns the tables.
const WRITER: &str = "sillage";
/// User that reads reports.
const READER: &str = "sillage_reader";
/// The oldest `clickhouse local` that can open a listener.
const VERSION_MIN: (u32, u32) = (26, 5);

/// Serves until the parent closes the pipe. It reads what nobody writes and keeps none of it, which takes no right to
/// read files: the client side of the engine reads its own standard input.
const LEASH: &str = "INSERT INTO FUNCTION null('line String') FROM INFILE '/dev/stdin' FORMAT LineAsString";

/// How the child is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineProgram {
    /// A `clickhouse` of the machine.
    Installed,
    /// Ourselves, with the library.
    Library {
        /// Our executable.
        program: PathBuf,
        /// The library.
        library: PathBuf,
    },
}

impl EngineProgram {
    /// A `clickhouse` on the PATH that is new enough, else the library.
    pub(super) async fn choose(program: Option<&Path>, library: &str) -> Result<Self, EngineError> {
        if library.is_empty() && installed_version().await.is_some_and(|version| version >= VERSION_MIN) {
            return Ok(Self::Installed);
        }
        let program = match program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe().map_err(EngineError::Files)?,
        };
        let library = find_library(library, &program)?;
        Ok(Self::Library { program, library })
    }

    /// The command line, up to the engine's own arguments.
    pub(super) fn command(&self) -> tokio::process::Command {
        match self {
            Self::Installed => {
                let mut command = tokio::process::Command::new("clickhouse");
                command.arg("local");
                command
            }
            Self::Library { program, library } => {
                let mut command = tokio::process::Command::new(program);
                command.arg("engine").arg(library);
                command
            }
        }
    }
}

async fn installed_version() -> Option<(u32, u32)> {
    let output = tokio::process::Command::new("clickhouse").args(["local", "--version"]).output().await.ok()?;
    version(&String::from_utf8_lossy(&output.stdout))
}

/// The first `major.minor` in a text.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    })
}

/// Names of the package for this machine, and of the library in it.
fn library_names() -> [PathBuf; 2] {
    let package = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "lib-darwin-arm64",
        ("macos", _) => "lib-darwin-x64",
        (_, "aarch64") => "lib-linux-arm64-gnu",
        (_, _) => "lib-linux-x64-gnu",
    };
    let file = "libchdb.so";
    [PathBuf::from(file), Path::new("node_modules/@chdb").join(package).join(file)]
}

/// The configured library, or one beside the program, in the working folder's `node_modules`, or in one above the
/// program.
fn find_library(configured: &str, program: &Path) -> Result<PathBuf, EngineError> {
    if !configured.is_empty() {
        let path = PathBuf::from(configured);
        return if path.is_file() { Ok(path) } else { Err(EngineError::NoLibrary(path)) };
    }
    let [file, in_modules] = library_names();
    let beside = program.parent().map(|folder| folder.join(&file));
    let here = std::env::current_dir().ok().map(|folder| folder.join(&in_modules));
    let above = program.ancestors().skip(1).map(|folder| folder.join(&in_modules));
    beside
        .into_iter()
        .chain(here)
        .chain(above)
        .find(|path| path.is_file())
        .ok_or_else(|| EngineError::NoLibrary(in_modules.clone()))
}

/// Arguments of the engine, the same for the library and for a `clickhouse local`.
pub(super) fn arguments(config: &Path, data: &Path, port: u16) -> Vec<String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    [
        ["-C".to_owned(), text(config)],
        ["--path".to_owned(), text(data)],
        ["--http_port".to_owned(), port.to_string()],
        ["--listen_host".to_owned(), "127.0.0.1".to_owned()],
        ["-q".to_owned(), "SYSTEM START LISTEN HTTP".to_owned()],
        ["-q".to_owned(), LEASH.to_owned()],
    ]
    .concat()
}

/// Fresh users with fresh passwords, for an engine on `port`.
pub(super) fn endpoint(port: u16) -> Result<Endpoint, EngineError> {
    Ok(Endpoint {
        url: format!("http://127.0.0.1:{port}"),
        writer: Login { user: WRITER.into(), password: random_password()? },
        reader: Some(Login { user: READER.into(), password: random_password()? }),
    })
}

fn random_password() -> Result<String, EngineError> {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes).map_err(|_| EngineError::NoRandomness)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a folder that only we can enter.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file that only we can read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(draft, path)
}

/// `config.xml`: small pools and caches for a machine of two cores, no logs, two addresses and nothing else over HTTP.
pub(super) fn config_xml(users: &Path) -> String {
    include_str!("config.xml").replace("{{users}}", &escape(&users.to_string_lossy()))
}

/// `users.xml`: the leash, the writer, the reader with `SELECT` on `views` and nothing else.
pub(super) fn users_xml(endpoint: &Endpoint, views: &[String]) -> String {
    let hash = |login: Option<&Login>| login.map_or_else(String::new, |login| hex(&Sha256::digest(&login.password)));
    let grants: String = views
        .iter()
        .map(|view| format!("<query>GRANT SELECT ON {}</query>", escape(view)))
        .collect::<Vec<_>>()
        .concat();
    // An empty list would mean every right.
    let grants = if grants.is_empty() { "<query>GRANT NONE ON *.*</query>".into() } else { grants };
    include_str!("users.xml")
        .replace("{{writer}}", &hash(Some(&endpoint.writer)))
        .replace("{{reader}}", &hash(endpoint.reader.as_ref()))
        .replace("{{grants}}", &grants)
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
        let (one, two) = (endpoint(1).unwrap(), endpoint(1).unwrap());
        assert!(one.writer.password != two.writer.password);
        assert!(one.reader.as_ref().is_some_and(|reader| reader.password != one.writer.password));
        let text = users_xml(&one, &["sillage.report".into()]);
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
