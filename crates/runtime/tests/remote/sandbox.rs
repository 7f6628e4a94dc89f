//! What a server that is a command may touch.
use ainur_runtime::remote::ServerEndpoint;
use serde_json::json;

use crate::stage::Stage;

pub(crate) fn files_outside_are_out_of_reach() {
    let stage = Stage::new();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), "secret").unwrap();
    let server = stage.server("new");
    let program = stage.added(&server);
    for path in [outside.path().to_str().unwrap(), "/etc/shadow", "/etc/hostname"] {
        let said = stage.text(&program, "read", json!({ "path": path }));
        assert!(said.starts_with("error: "), "{path}: {said}");
    }
    let mut granted = server;
    if let ServerEndpoint::Command { readable, .. } = &mut granted.endpoint {
        readable.push(outside.path().to_owned());
    }
    let program = stage.added(&granted);
    let path = outside.path().to_str().unwrap();
    assert_eq!(stage.text(&program, "read", json!({ "path": path })), "secret");
    let said = stage.text(&program, "write", json!({ "path": path, "text": "x" }));
    assert!(said.starts_with("error: "), "{said}");
    assert_eq!(std::fs::read_to_string(outside.path()).unwrap(), "secret");
}

pub(crate) fn granted_folder_can_be_written_and_home_is_temporary() {
    let stage = Stage::new();
    let outside = tempfile::tempdir().unwrap();
    let program = stage.added(&stage.server("new"));
    let inside = stage.witness.path().join("new-file");
    let write = |path: &std::path::Path| {
        stage.text(&program, "write", json!({ "path": path, "text": "text" }))
    };
    assert_eq!(write(&inside), "written");
    assert_eq!(std::fs::read_to_string(&inside).unwrap(), "text");
    let said = write(&outside.path().join("file"));
    assert!(said.starts_with("error: "), "{said}");
    let environment = stage.text(&program, "environment", json!({}));
    let home = environment.lines().find_map(|line| line.strip_prefix("HOME=")).unwrap();
    assert_eq!(write(&std::path::Path::new(home).join("file")), "written");
    assert!(!std::path::Path::new(home).join("file").exists(), "it is the server's own");
}

pub(crate) fn environment_is_what_was_given() {
    let stage = Stage::new();
    let mut server = stage.server("new");
    if let ServerEndpoint::Command { environment, .. } = &mut server.endpoint {
        environment.insert("GIVEN".into(), "yes".into());
        environment.insert("HOME".into(), "/".into());
    }
    let program = stage.added(&server);
    let all = stage.text(&program, "environment", json!({}));
    let mut names: Vec<&str> = all.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["GIVEN", "HOME", "LANG", "PATH", "TMPDIR", "WITNESS"], "{all}");
    assert!(all.contains("GIVEN=yes") && !all.contains("HOME=/\n"), "{all}");
}

pub(crate) fn network_is_out_of_reach_unless_granted() {
    let stage = Stage::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let to = json!({ "to": listener.local_addr().unwrap().to_string() });
    let mut server = stage.server("new");
    let program = stage.added(&server);
    let said = stage.text(&program, "connect", to.clone());
    assert!(said.starts_with("error: "), "{said}");
    if let ServerEndpoint::Command { network, .. } = &mut server.endpoint {
        *network = true;
    }
    let program = stage.added(&server);
    assert_eq!(stage.text(&program, "connect", to), "connected");
}
