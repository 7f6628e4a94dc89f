//! The real disk: who may read our files, who holds a directory, what is told when it refuses, and
//! processes that are killed.
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use ainur_storage::{
    Blobs, DirectoryLock, Disk, Error, Log, RealDisk, Sequence, crash_point, disk::OpenMode, log,
};

/// Tells the child of a test where to work.
const DIRECTORY_VARIABLE: &str = "AINUR_STORAGE_TEST_DIRECTORY";

#[test]
fn files_and_directories_are_private() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path().join("node")).unwrap();
    let (mut log, _) = Log::open(disk.clone(), "a/log", log::Options::default()).unwrap();
    log.append(b"record").unwrap();
    log.close().unwrap();
    let blobs = Blobs::open(disk.clone(), "blobs").unwrap();
    let id = blobs.put(b"blob").unwrap();
    let mode = |path: &str| {
        let path = disk.real_path(path).unwrap();
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    for path in ["", "a", "a/log", "blobs"] {
        assert_eq!(mode(path), 0o700, "{path:?}");
    }
    let segment = format!("a/log/{}", disk.list("a/log").unwrap()[1]);
    for path in [&segment, "a/log/acknowledged", &blobs.path(&id)] {
        assert_eq!(mode(path), 0o600, "{path:?}");
    }
    assert_eq!(std::fs::read(blobs.real_path(&id).unwrap()).unwrap(), b"blob");
}

#[test]
fn a_held_directory_names_its_holder() {
    let directory = tempfile::tempdir().unwrap();
    let lock = DirectoryLock::acquire(directory.path()).unwrap();
    match DirectoryLock::acquire(directory.path()) {
        Err(Error::Held { pid, since, .. }) => {
            assert_eq!(pid, std::process::id());
            assert!(since.0 > 0);
        }
        other => panic!("{other:?}"),
    }
    drop(lock);
    DirectoryLock::acquire(directory.path()).unwrap();
}

#[test]
fn a_missing_file_is_named_with_the_operation() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    let error = disk.open("none/here", OpenMode::ReadWrite).unwrap_err().to_string();
    let path = directory.path().join("none/here");
    assert!(error.starts_with(&format!("cannot open {}: ", path.display())), "{error}");
}

/// Not a test of its own: what the killed child of the next test does.
#[test]
fn child_writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE) else { return };
    let disk = RealDisk::open(directory).unwrap();
    let blobs = Blobs::open(disk.clone(), "blobs").unwrap();
    let (mut log, _) = Log::open(disk, "log", log::Options::default()).unwrap();
    for number in 0..100u32 {
        let id = blobs.put(&number.to_le_bytes()).unwrap();
        log.append(id.to_string().as_bytes()).unwrap();
        let acknowledged = log.sync().unwrap();
        eprintln!("acknowledged {acknowledged}");
    }
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    for label in ["blob.written", "blob.renamed", "log.appended", "log.synced"] {
        assert!(crash_point::LABELS.contains(&label));
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["child_writes_until_it_is_killed", "--exact", "--nocapture"])
            .env(DIRECTORY_VARIABLE, directory.path())
            .env(crash_point::VARIABLE, format!("{label}:5"))
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(9), "{label}");
        let told = String::from_utf8_lossy(&child.stderr);
        let acknowledged = told.lines().filter(|line| line.starts_with("acknowledged ")).count();
        assert_eq!(acknowledged, 4, "{label}");
        let disk = RealDisk::open(directory.path()).unwrap();
        let (log, recovery) = Log::open(disk.clone(), "log", log::Options::default()).unwrap();
        assert!(recovery.last >= Sequence(4), "{label}: {recovery:?}");
        let blobs = Blobs::open(disk, "blobs").unwrap();
        for (number, record) in log.read_from(Sequence(1)).enumerate() {
            let id = String::from_utf8(record.unwrap().1).unwrap().parse().unwrap();
            assert_eq!(blobs.get(&id).unwrap(), (number as u32).to_le_bytes(), "{label}");
        }
    }
}
