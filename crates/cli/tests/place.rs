//! A data directory under test, and the real binary on it.
#![expect(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare has failed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A folder that goes away with the test, and a data directory in it.
pub(crate) struct Place {
    folder: PathBuf,
    mounted: bool,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The path of a prebuilt component.
pub(crate) fn component(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace");
    root.join(format!("agents/prebuilt/{name}.wasm")).display().to_string()
}

impl Place {
    /// An empty place.
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder =
            std::env::temp_dir().join(format!("ainur-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, mounted: false }
    }

    /// A place with an agent that echoes.
    pub(crate) fn with_echo() -> Self {
        let place = Self::new();
        place.succeeds(&["agent", "add", &component("echo"), "--name", "echo"]);
        place
    }

    /// A place on a disk of a few megabytes; none where it cannot be mounted.
    pub(crate) fn on_small_disk() -> Option<Self> {
        let mut place = Self::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(&place.folder)
            .stderr(Stdio::null())
            .status();
        place.mounted = mounted.is_ok_and(|status| status.success());
        place.mounted.then_some(place)
    }

    /// Takes all space that is left.
    pub(crate) fn fill_disk(&self) {
        let block = vec![1u8; 64 << 10];
        let mut file = std::fs::File::create(self.folder.join("filler")).unwrap();
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    /// Gives it back.
    pub(crate) fn free_disk(&self) {
        std::fs::remove_file(self.folder.join("filler")).unwrap();
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A path in the place.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes a file that anyone may run.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Runs a command.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_in(&self.data_dir().display().to_string(), arguments)
    }

    /// Runs a command on another data directory.
    pub(crate) fn run_in(&self, data_dir: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ainur"))
            .arg("--data-dir")
            .arg(data_dir)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed.
    pub(crate) fn succeeds(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    /// Runs a command that must fail, and gives what it complained of.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        said
    }

    /// Runs a command that must succeed, for its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut words = vec!["--json"];
        words.extend(arguments);
        let output = self.run(&words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A client of the running node: its operator's, or that of a token.
    pub(crate) fn client(&self, secret: Option<&str>) -> ainur_api::http::Client {
        let endpoint = ainur_api::Endpoint::read(&self.data_dir()).unwrap().unwrap();
        let token = secret.map(|secret| ainur_api::http::Token::from_text(secret).unwrap());
        let token = token.unwrap_or(endpoint.token);
        ainur_api::http::Client::new(endpoint.address, token).unwrap()
    }

    /// Makes a token and gives its secret.
    pub(crate) fn token(&self, arguments: &[&str]) -> String {
        let mut words = vec!["token", "create"];
        words.extend(arguments);
        self.json(&words)["secret"].as_str().unwrap().to_owned()
    }

    /// Starts a node and waits until it listens.
    pub(crate) fn start_node(&self) -> RunningNode {
        self.start_node_with(|_| {})
    }

    /// The same with more arguments, another environment, or somebody who reads what it says.
    pub(crate) fn start_node_with(&self, configure: impl FnOnce(&mut Command)) -> RunningNode {
        // One that was killed leaves it behind.
        drop(std::fs::remove_file(self.data_dir().join("node.json")));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ainur"));
        command
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(["node", "start", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        configure(&mut command);
        let child = command.spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while !self.data_dir().join("node.json").exists() {
            assert!(Instant::now() < until, "the node does not come up");
            std::thread::sleep(Duration::from_millis(10));
        }
        RunningNode(child)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.mounted {
            drop(Command::new("umount").arg(&self.folder).status());
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// A node that runs beside the test.
pub(crate) struct RunningNode(Child);

impl RunningNode {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// It has been ended by a signal, as by itself at a point where it was to die.
    pub(crate) fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.0.try_wait().unwrap().is_some_and(|status| status.signal().is_some())
    }

    /// Waits until it has ended with a failure.
    pub(crate) fn has_failed(mut self) {
        assert_eq!(self.0.wait().unwrap().code(), Some(1));
    }

    /// Waits until it has ended well.
    pub(crate) fn has_ended(mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
