//! `sillage slot`: moves a collector's state.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};

use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::CommandError;

use crate::config::Config;
use crate::runtime_dir::in_memory;
use crate::slot::{self, SlotFolders, SlotSummary};

/// Move a stopped collector's state to another machine, as one stream.
#[derive(Debug, clap::Args)]
pub struct SlotCommand {
    #[command(subcommand)]
    action: SlotAction,
}

#[derive(Debug, clap::Subcommand)]
enum SlotAction {
    /// Write spool and runtime folder to standard output. Afterwards delete both folders; otherwise the state counts
    /// twice.
    Pack(ConfigFile),
    /// Read spool and runtime folder from standard input into the empty folders of the configuration.
    Unpack(ConfigFile),
}

impl SlotCommand {
    /// Packs or unpacks, and reports the amount on standard error.
    ///
    /// # Errors
    /// Why the state was not moved.
    pub fn run(&self) -> Result<(), CommandError> {
        let (done, summary) = match &self.action {
            SlotAction::Pack(file) => ("packed", pack(&file.load()?)?),
            SlotAction::Unpack(file) => ("unpacked", unpack(&file.load()?)?),
        };
        writeln!(stderr(), "slot: {done} {} file(s), {} bytes", summary.files, summary.bytes)?;
        Ok(())
    }
}

fn folders(config: &Config) -> SlotFolders {
    SlotFolders { spool: config.spool.dir.clone(), runtime: config.runtime.dir.clone() }
}

fn pack(config: &Config) -> Result<SlotSummary, CommandError> {
    if stdout().is_terminal() {
        return Err("standard output is a terminal; pipe it: sillage slot pack | ssh HOST sillage slot unpack".into());
    }
    Ok(slot::pack(&folders(config), stdout().lock())?)
}

fn unpack(config: &Config) -> Result<SlotSummary, CommandError> {
    let folders = folders(config);
    if !config.runtime.allow_disk && in_memory(&folders.runtime) == Some(false) {
        let sentence = "is on a disk, where visitor tags must never be; set a folder on a tmpfs";
        return Err(format!("runtime.dir {} {sentence}", folders.runtime.display()).into());
    }
    Ok(slot::unpack(&folders, stdin().lock())?)
}
