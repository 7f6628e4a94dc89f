//! Which files a command sees.
use std::ffi::{CString, OsString};
use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::mount::{MountFlags, MountPropagationFlags, mount as mount_on, mount_change};

use super::Confinement;
use crate::command::SEARCH_PATH;

/// The system's programs and libraries, and the configuration that libraries look for.
const SYSTEM_READABLE: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/opt",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/services",
    "/etc/mime.types",
    "/etc/fonts",
    "/etc/ssl",
    "/etc/ca-certificates",
    "/dev/random",
    "/dev/urandom",
    "/sys/devices/system/cpu",
    "/sys/kernel/mm/transparent_hugepage",
];
const NETWORK_READABLE: &[&str] =
    &["/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/run/systemd/resolve"];
const DEVICES_WRITABLE: &[&str] = &["/dev/null", "/dev/zero", "/dev/full"];

/// Files the command's folder may hold.
const FILES_MAX: u32 = 16_384;

/// The newest Landlock we know to ask for; older kernels give what they have.
const LANDLOCK: ABI = ABI::V6;

/// Gives the command a `/proc` that shows only itself, and an empty folder of limited size.
pub(super) fn mount(home: &Path, bytes_max: u64) -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let options = format!("mode=700,size={bytes_max},nr_inodes={FILES_MAX}");
    let options = CString::new(options).map_err(io::Error::other)?;
    mount_on("tmpfs", home, "tmpfs", flags, options.as_c_str())?;
    // Some containers do not allow this; then the command goes without.
    if let Err(error) = mount_on("proc", "/proc", "proc", flags | MountFlags::NOEXEC, None) {
        tracing::debug!(%error, "no /proc for the command");
    }
    Ok(())
}

/// The program's file: an absolute path, or found in the search path.
pub(super) fn find_program(name: &OsString) -> io::Result<PathBuf> {
    let path = Path::new(name);
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    if path.components().count() > 1 {
        let message = format!("{} must be an absolute path or a bare name", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    SEARCH_PATH
        .split(':')
        .map(|folder| Path::new(folder).join(path))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            let message = format!("{} is not in {SEARCH_PATH}", path.display());
            io::Error::new(io::ErrorKind::NotFound, message)
        })
}

/// Takes everything away but what is listed here. An error when the kernel cannot, or only partly.
pub(super) fn restrict(
    confinement: &Confinement,
    program: &Path,
    argv: &[OsString],
    own_proc: bool,
) -> Result<(), String> {
    let status = try_restrict(confinement, program, argv, own_proc).map_err(|e| e.to_string())?;
    match status {
        RulesetStatus::FullyEnforced => Ok(()),
        // An older kernel: files are confined, but not every newer kind of access is.
        RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err("this kernel has no Landlock".into()),
    }
}

fn try_restrict(
    confinement: &Confinement,
    program: &Path,
    argv: &[OsString],
    own_proc: bool,
) -> Result<RulesetStatus, landlock::RulesetError> {
    let all = AccessFs::from_all(LANDLOCK);
    let read = AccessFs::from_read(LANDLOCK);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)?
        .scope(Scope::AbstractUnixSocket)?
        .scope(Scope::Signal)?;
    if !confinement.network {
        ruleset = ruleset.handle_access(AccessNet::from_all(LANDLOCK))?;
    }
    let mut ruleset = ruleset.create()?;
    for path in SYSTEM_READABLE {
        ruleset = allow(ruleset, Path::new(path), read)?;
    }
    if confinement.network {
        for path in NETWORK_READABLE {
            ruleset = allow(ruleset, Path::new(path), read)?;
        }
    }
    for path in DEVICES_WRITABLE {
        ruleset = allow(ruleset, Path::new(path), read | AccessFs::WriteFile)?;
    }
    if own_proc {
        ruleset = allow(ruleset, Path::new("/proc"), read)?;
    }
    ruleset = allow(ruleset, program, read)?;
    // Such as the script of an interpreter.
    let words = argv.iter().take(confinement.operator_words).map(Path::new);
    for file in words.filter(|word| word.is_absolute() && word.is_file()) {
        ruleset = allow(ruleset, file, read)?;
    }
    for path in &confinement.readable {
        ruleset = allow(ruleset, path, read)?;
    }
    for path in &confinement.writable {
        ruleset = allow(ruleset, path, all)?;
    }
    ruleset = allow(ruleset, &confinement.home, all)?;
    Ok(ruleset.restrict_self()?.ruleset)
}

/// Allows access to a path, if it exists.
fn allow(
    ruleset: RulesetCreated,
    path: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    let Ok(open) = PathFd::new(path) else { return Ok(ruleset) };
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(LANDLOCK) };
    ruleset.add_rule(PathBeneath::new(open, access))
}
