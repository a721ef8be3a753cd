//! The sandbox of the engine's process. A query's text can make the engine open a path (a time zone such as
//! `file:/dev/stdin` is opened by the zone loader), so the process may reach only its own folder, and no file there
//! that could block it.
//!
//! Landlock: files beneath the data folder, its own configuration, parts of `/proc` and `/sys` for reading; one TCP
//! port to listen on, none to connect to; no signal and no abstract socket outside. Seccomp: no new process, no FIFO or
//! device, no tracing, no mounting and the like. Landlock cannot forbid `/proc/self/fd/N` where it is a pipe, and the
//! engine makes pipes for itself: the parent removes their permissions ([`seal_pipes`]), so that no path opens them.
//!
//! Must never be undone or widened by the engine: both filters are active before its main function runs.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    Scope, path_beneath_rules,
};
use rustix::process::{Gid, Pid, Uid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::store::engine::error::EngineError;

/// Newest Landlock ABI that these rules were written for; an older kernel enforces the part that it knows.
const RIGHTS: ABI = ABI::V6;

/// Folders of the shared libraries that a dynamically linked program needs.
const LIBRARIES: [&str; 7] =
    ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/nix/store"];

/// Files of the machine that the engine reads: memory and processors, and the zone data of `TZ`.
const MACHINE: [&str; 7] =
    ["/proc", "/sys/block", "/sys/devices", "/sys/fs/cgroup", "/sys/kernel/mm", "/usr/share/zoneinfo", "/dev/urandom"];

/// Paths and port that the process needs inside the sandbox.
pub(super) struct Sandbox<'a> {
    /// Folder of its parts: everything but sockets, FIFOs and devices.
    pub(super) data: &'a Path,
    /// Its configuration files, for reading only.
    pub(super) files: &'a [&'a Path],
    /// The one TCP port that it may listen on.
    pub(super) port: u16,
    /// The program that is started inside the sandbox; `None` when the engine is a library, loaded already.
    pub(super) program: Option<&'a Path>,
}

impl Sandbox<'_> {
    /// Confines this process, which must have one thread. Returns whether the kernel enforces all rules.
    ///
    /// # Errors
    /// When the system-call filter is refused; a kernel without Landlock is not an error.
    pub(super) fn confine(&self) -> Result<bool, EngineError> {
        let refused = |error: &dyn std::fmt::Display| EngineError::Sandbox(error.to_string());
        let files = self.restrict_files().map_err(|error| refused(&error))?;
        for filter in [self.refusals(), unknown_calls()] {
            let filter = filter.map_err(|error| refused(&error))?;
            seccompiler::apply_filter(&filter).map_err(|error| refused(&error))?;
        }
        Ok(files)
    }

    fn restrict_files(&self) -> Result<bool, landlock::RulesetError> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let special = AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeFifo | AccessFs::MakeSock;
        let own: BitFlags<AccessFs> = AccessFs::from_all(RIGHTS) & !(special | AccessFs::Execute | AccessFs::IoctlDev);
        let mut rules = Ruleset::default()
            .handle_access(AccessFs::from_all(RIGHTS))?
            .handle_access(AccessNet::from_all(RIGHTS))?
            .scope(Scope::from_all(RIGHTS))?
            .create()?
            .add_rules(path_beneath_rules([self.data], own))?
            .add_rules(path_beneath_rules(self.files, read))?
            .add_rules(path_beneath_rules(MACHINE, read))?
            .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))?
            .add_rule(NetPort::new(self.port, AccessNet::BindTcp))?;
        if let Some(program) = self.program {
            // The system's loader is started like a program, and maps the libraries.
            rules = rules
                .add_rules(path_beneath_rules([program], read | AccessFs::Execute))?
                .add_rules(path_beneath_rules(LIBRARIES, read | AccessFs::Execute))?;
        }
        Ok(rules.restrict_self()?.ruleset == RulesetStatus::FullyEnforced)
    }

    fn refusals(&self) -> Result<BpfProgram, BackendError> {
        let arg = |index, length, operator, value| SeccompCondition::new(index, length, operator, value);
        let thread = SeccompCmpOp::MaskedEq(u64::from(libc::CLONE_THREAD.unsigned_abs()));
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = refused_calls().map(|call| (call, Vec::new())).collect();
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![arg(0, SeccompCmpArgLen::Dword, thread, 0)?])?]);
        let other_family = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]
            .map(|family| arg(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, u64::from(family.unsigned_abs())));
        let other_family = other_family.into_iter().collect::<Result<_, _>>()?;
        rules.insert(libc::SYS_socket, vec![SeccompRule::new(other_family)?]);
        if self.program.is_none() {
            rules.insert(libc::SYS_execve, Vec::new());
        }
        let refusal = SeccompAction::Errno(libc::EACCES.unsigned_abs());
        SeccompFilter::new(rules, SeccompAction::Allow, refusal, architecture()?)?.try_into()
    }
}

/// Calls whose arguments a filter cannot see: they fail with `ENOSYS`, and the C library uses older ones.
fn unknown_calls() -> Result<BpfProgram, BackendError> {
    let calls = [libc::SYS_clone3, libc::SYS_openat2, libc::SYS_io_uring_setup];
    let rules = calls.into_iter().map(|call| (call, Vec::new())).collect();
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, unknown, architecture()?)?.try_into()
}

/// Calls that are refused with any arguments.
fn refused_calls() -> impl Iterator<Item = i64> {
    #[cfg(target_arch = "x86_64")]
    let older = [libc::SYS_creat, libc::SYS_fork, libc::SYS_vfork, libc::SYS_mknod];
    #[cfg(not(target_arch = "x86_64"))]
    let older: [i64; 0] = [];
    let calls = [
        // Other ways to open a file, or to hold another process's files.
        libc::SYS_open_by_handle_at,
        libc::SYS_pidfd_getfd,
        // Starting another process, or tracing one.
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_mknodat,
        // Changing the view of the machine.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_setns,
        libc::SYS_unshare,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        // Kernel interfaces with a large attack surface.
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_quotactl,
        libc::SYS_acct,
    ];
    calls.into_iter().chain(older)
}

fn architecture() -> Result<TargetArch, BackendError> {
    TargetArch::try_from(std::env::consts::ARCH)
}

/// Whether this process may run its child as another user that can reach `folders`: root, where every user may traverse
/// the folders above them.
pub(super) fn may_change_user(folders: [&Path; 2]) -> bool {
    let held = capabilities(None).map_or(CapabilitySet::empty(), |held| held.effective);
    let rights = CapabilitySet::SETUID | CapabilitySet::SETGID | CapabilitySet::CHOWN;
    let everybody_walks = |path: &Path| path.metadata().is_ok_and(|folder| folder.mode() & 0o001 != 0);
    let reachable = |folder: &Path| folder.ancestors().skip(1).all(everybody_walks);
    geteuid().is_root() && held.contains(rights) && folders.into_iter().all(reachable)
}

/// Drops every right of root, and changes to `user` where given. Does nothing in a process that is not root's.
///
/// # Errors
/// When the system refuses a step.
pub(super) fn become_user(user: Option<u32>) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    if let Some(user) = user {
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
    }
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

/// Removes all permissions from the pipes of process `pid`: open descriptors stay open, and no path opens them again.
///
/// # Errors
/// When the process is gone or its files cannot be seen.
pub(super) fn seal_pipes(pid: Pid) -> io::Result<()> {
    for entry in std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_pid()))? {
        let path = entry?.path();
        // A descriptor closed meanwhile does not exist.
        let Ok(file) = path.metadata() else { continue };
        if file.file_type().is_fifo() && file.mode() & 0o777 != 0 {
            std::fs::set_permissions(&path, Permissions::from_mode(0o000))?;
        }
    }
    Ok(())
}
