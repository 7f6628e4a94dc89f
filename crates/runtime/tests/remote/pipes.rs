//! Servers that are commands.
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ainur_primitives::{ExecutionLimits, FailureReason};
use ainur_runtime::limits::PROGRESS_INTERVAL_MS;
use ainur_runtime::remote::{self, Config, RemoteProgram, ServerEndpoint, ToolServer};
use ainur_runtime::{CallView, Event, Job, JobId, Program};
use serde_json::{Value, json};

use crate::server::wait_for_trace;
use crate::stage::{Stage, command, config, limits};

pub(crate) fn server_describes_itself_as_capabilities() {
    let witness = tempfile::tempdir().unwrap();
    let server = RemoteProgram::mcp(command(witness.path(), "new"));
    let description = remote::describe(config(), server, Duration::from_secs(30)).unwrap();
    assert_eq!(description.notes, Vec::<String>::new());
    let manifest = &description.manifest;
    assert_eq!((&*manifest.name, &*manifest.version), ("test/Tool Server", "1.2.3"));
    assert_eq!(manifest.capabilities.len(), 19);
    let add = manifest.capabilities.iter().find(|c| c.name.as_str().ends_with(".add")).unwrap();
    assert_eq!(add.name.as_str(), "test-tool-server.add");
    assert!(add.effects.read_only && add.idempotent && !add.effects.network);
    assert!(add.output_schema.contains("sum") && add.input_media_type.is_none());
    let echo = &manifest.capabilities[0];
    assert_eq!(echo.name.as_str(), "test-tool-server.echo-text");
    assert!(echo.output_schema.contains("urn:ainur:mcp-content"));
    assert_eq!(description.tools[&echo.name].name, "echo_text");
}

pub(crate) fn pool_tells_the_manifest_as_an_event() {
    let stage = Stage::new();
    let program = Program::Remote(Arc::new(RemoteProgram::mcp(stage.server("new"))));
    stage.pool.dispatch(JobId(1), Job::Describe { program }).unwrap();
    let outcome = stage.finish(JobId(1));
    let Event::Described { manifest, .. } = outcome.last else { panic!("{outcome:?}") };
    assert_eq!(manifest.capabilities.len(), 19);
}

pub(crate) fn structured_output_is_the_output() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let outcome = stage.call(&program, "add", json!({"a": 40, "b": 2}));
    assert!(matches!(outcome.last, Event::Executed { chunks: 1, output_bytes: 10, .. }));
    assert_eq!(outcome.output, br#"{"sum":42}"#);
}

pub(crate) fn content_is_wrapped_when_there_is_no_schema() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let outcome = stage.call(&program, "echo-text", json!({"text": "héllo"}));
    let output: Value = serde_json::from_slice(&outcome.output).unwrap();
    assert_eq!(output, json!({"content": [{"type": "text", "text": "héllo"}]}));
}

pub(crate) fn old_server_is_spoken_to_in_its_own_way() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("old"));
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "old"})), "old");
}

pub(crate) fn server_that_dies_of_an_unknown_first_message_is_started_again() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("touchy"));
    assert!(stage.witness.path().join("touched").exists());
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "touchy"})), "touchy");
}

pub(crate) fn tool_that_says_it_failed_declines() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let outcome = stage.call(&program, "fail", json!({}));
    assert_eq!(outcome.failed(FailureReason::Declined), "out of luck");
    assert_eq!(outcome.chunks, 0);
}

pub(crate) fn wrong_arguments_decline() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let outcome = stage.call(&program, "invalid", json!({}));
    assert!(outcome.failed(FailureReason::Declined).contains("no such thing"));
    let outcome = stage.call(&program, "echo-text", json!([1]));
    assert!(outcome.failed(FailureReason::Declined).contains("JSON object"));
    let outcome = stage.call(&program, "no-such-tool", json!({}));
    assert!(outcome.failed(FailureReason::Declined).contains("no tool"));
}

pub(crate) fn tool_that_never_answers_times_out_and_is_told() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let started = Instant::now();
    let job = stage.start(&program, "hang", json!({}), limits(500));
    stage.finish(job).failed(FailureReason::TimedOut);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(wait_for_trace(stage.witness.path(), "cancelled"));
    // The connection is none the worse for it.
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "on"})), "on");
}

pub(crate) fn cancelled_job_is_silent_and_its_server_is_told() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let job = stage.start(&program, "hang", json!({}), limits(20_000));
    assert!(wait_for_trace(stage.witness.path(), "hanging"));
    stage.pool.cancel(job);
    assert_eq!(stage.pool.jobs(), 0);
    assert!(wait_for_trace(stage.witness.path(), "cancelled"));
    assert!(stage.events.recv_timeout(Duration::from_millis(300)).is_err());
}

pub(crate) fn server_that_exits_during_a_call_crashed_and_comes_back() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let outcome = stage.call(&program, "exit", json!({}));
    let said = outcome.failed(FailureReason::Crashed);
    assert!(said.contains("exit code 3") && said.contains("going down"), "{said}");
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "back"})), "back");
}

pub(crate) fn endless_line_is_a_limit() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let outcome = stage.call(&program, "endless", json!({}));
    assert!(outcome.failed(FailureReason::LimitExceeded).contains("line longer"));
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "back"})), "back");
}

pub(crate) fn endless_chatter_is_a_limit() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("old"));
    let outcome = stage.call(&program, "chatter", json!({}));
    assert!(outcome.failed(FailureReason::LimitExceeded).contains("messages in a second"));
}

pub(crate) fn endless_garbage_is_a_limit() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let outcome = stage.call(&program, "garbage", json!({}));
    assert!(outcome.failed(FailureReason::LimitExceeded).contains("in a second"));
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "back"})), "back");
}

pub(crate) fn tools_that_are_too_long_together_are_a_limit() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("old"));
    std::fs::write(stage.witness.path().join("pages"), "").unwrap();
    let error = stage.describe(&stage.server("old")).unwrap_err().to_string();
    assert!(error.contains("tools take more than"), "{error}");
    // A call looks at them first.
    let outcome = stage.call(&program, "echo-text", json!({"text": "x"}));
    outcome.failed(FailureReason::LimitExceeded);
    std::fs::remove_file(stage.witness.path().join("pages")).unwrap();
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "back"})), "back");
}

pub(crate) fn output_over_its_limit_is_a_limit() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let few = ExecutionLimits { output_bytes_max: 1_000, ..limits(20_000) };
    let job = stage.start(&program, "big", json!({"bytes": 2_000}), few);
    let outcome = stage.finish(job);
    assert!(outcome.failed(FailureReason::LimitExceeded).contains("1000 bytes"));
    assert_eq!(outcome.chunks, 0);
}

pub(crate) fn large_output_waits_for_acknowledgements() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let bytes = 12 << 20;
    let job = stage.start(&program, "big", json!({ "bytes": bytes }), limits(20_000));
    let mut seen = vec![stage.events.recv_timeout(Duration::from_secs(20)).unwrap()];
    while let Ok(event) = stage.events.recv_timeout(Duration::from_secs(2)) {
        seen.push(event);
    }
    assert_eq!(seen.len(), 8, "no more than the window");
    for index in 0..8 {
        stage.pool.acknowledge(job, index);
    }
    let mut rest = 0;
    loop {
        match stage.events.recv_timeout(Duration::from_secs(5)).unwrap() {
            Event::Chunk { index, .. } => {
                rest += 1;
                stage.pool.acknowledge(job, index);
            }
            Event::Executed { chunks, output_bytes, .. } => {
                assert_eq!(chunks, 8 + rest);
                assert!(output_bytes > bytes);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn changed_tool_is_refused_at_once() {
    for mode in ["new", "old"] {
        let stage = Stage::new();
        let program = stage.added(&stage.server(mode));
        assert_eq!(stage.text(&program, "fickle", json!({})), "done");
        assert_eq!(stage.text(&program, "change", json!({})), "changed");
        // The notice and the answer may arrive in either order.
        std::thread::sleep(Duration::from_millis(100));
        let outcome = stage.call(&program, "fickle", json!({}));
        let said = outcome.failed(FailureReason::Declined);
        assert!(said.contains("changed since") && said.contains("ainur agent accept"), "{said}");
        assert_eq!(stage.text(&program, "echo-text", json!({"text": "same"})), "same");
        let accepted = stage.added(&stage.server(mode));
        assert_eq!(stage.text(&accepted, "fickle", json!({})), "done");
    }
}

pub(crate) fn tool_changed_during_a_restart_is_refused() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    stage.call(&program, "exit", json!({})).failed(FailureReason::Crashed);
    std::fs::write(stage.witness.path().join("fickle"), "does harm").unwrap();
    stage.call(&program, "fickle", json!({})).failed(FailureReason::Declined);
}

pub(crate) fn progress_is_told_and_rationed() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let started = Instant::now();
    let outcome = stage.call(&program, "progress", json!({}));
    let most = started.elapsed().as_millis() as u64 / PROGRESS_INTERVAL_MS + 1;
    let told = outcome.progress.len() as u64;
    assert!((2..=most).contains(&told), "{told} of at most {most}");
    assert!(outcome.progress.iter().all(|(done, total)| *total == 40 && (1..=40).contains(done)));
    assert!(outcome.progress.is_sorted());
}

pub(crate) fn questions_of_a_server_are_refused() {
    let stage = Stage::new();
    for mode in ["new", "old"] {
        let program = stage.added(&stage.server(mode));
        let said = stage.text(&program, "ask", json!({}));
        assert!(said.starts_with("error: "), "{said}");
    }
}

pub(crate) fn concurrent_calls_share_one_process() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let jobs: Vec<JobId> =
        (0..200).map(|_| stage.start(&program, "process", json!({}), limits(20_000))).collect();
    let (mut outputs, mut ended) = (std::collections::BTreeSet::new(), 0);
    while ended < jobs.len() {
        match stage.events.recv_timeout(Duration::from_secs(10)).unwrap() {
            Event::Chunk { job, index, data } => {
                outputs.insert(data);
                stage.pool.acknowledge(job, index);
            }
            Event::Executed { .. } => ended += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(outputs.len(), 1);
}

pub(crate) fn server_that_cannot_be_started_is_named() {
    let stage = Stage::new();
    let missing = ToolServer::new(ServerEndpoint::Command {
        argv: vec!["no-such-program-anywhere".into()],
        network: false,
        readable: Vec::new(),
        writable: Vec::new(),
        environment: Default::default(),
    });
    let error = stage.describe(&missing).unwrap_err().to_string();
    assert!(error.contains("no-such-program-anywhere"), "{error}");
}

pub(crate) fn server_ends_with_the_pool() {
    let stage = Stage::new();
    let server = stage.server("new");
    stage.added(&server);
    let mark = stage.witness.path().to_string_lossy().into_owned();
    assert!(processes_with(&mark) > 0);
    let Stage { pool, witness, .. } = stage;
    pool.shutdown();
    assert!(all_gone(&mark));
    drop(witness);
}

/// The whole life of `BINARY node FOLDER`: a node with one server, until it is killed.
pub(crate) fn node(witness: &str) -> ExitCode {
    let stage = Stage::new();
    stage.describe(&command(Path::new(witness), "new")).unwrap();
    std::fs::write(Path::new(witness).join("ready"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
    ExitCode::FAILURE
}

pub(crate) fn server_ends_with_a_killed_node() {
    let witness = tempfile::tempdir().unwrap();
    let mark = witness.path().to_string_lossy().into_owned();
    let binary = std::env::current_exe().unwrap();
    let mut node = std::process::Command::new(binary).args(["node", &mark]).spawn().unwrap();
    assert!(wait_for_trace(witness.path(), "ready"));
    assert!(processes_with(&mark) > 1);
    node.kill().unwrap();
    node.wait().unwrap();
    assert!(all_gone(&mark));
}

pub(crate) fn unused_server_is_ended_and_started_again() {
    let stage = Stage::with(Config { idle_ms_max: 300, ..config() });
    let program = stage.added(&stage.server("new"));
    let mark = stage.witness.path().to_string_lossy().into_owned();
    // Used for longer than it may be unused: not ended.
    let job = stage.start(&program, "hang", json!({}), limits(1_500));
    stage.finish(job).failed(FailureReason::TimedOut);
    assert!(wait_for_trace(stage.witness.path(), "cancelled"));
    assert!(all_gone(&mark));
    assert_eq!(stage.text(&program, "echo-text", json!({"text": "again"})), "again");
}

fn all_gone(mark: &str) -> bool {
    (0..300).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        processes_with(mark) == 0
    })
}

/// Processes other than this one that have a text in their command line.
fn processes_with(text: &str) -> usize {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(text))
        .count()
}

pub(crate) fn warm_calls_are_fast() {
    let stage = Stage::new();
    let program = stage.added(&stage.server("new"));
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let started = Instant::now();
            stage.call(&program, "add", json!({"a": 1, "b": 2}));
            started.elapsed()
        })
        .collect();
    times.sort();
    let median = times[times.len() / 2];
    println!("    a warm call through pipes, there and back: {median:?}");
    // Both sides together, in a build without optimisation, on a busy machine.
    assert!(median < Duration::from_millis(50), "{median:?}");
}

pub(crate) fn quotes_and_verifications_decline() {
    let stage = Stage::new();
    let program = Program::Remote(Arc::new(RemoteProgram::mcp(stage.server("new"))));
    let call = CallView {
        capability: "test-tool-server.add".parse().unwrap(),
        parameters: "{}".into(),
        input_bytes: 0,
        reserve: ainur_primitives::Amount::ZERO,
        deadline_ms: ainur_primitives::DurationMs(1),
        active_tasks: 0,
    };
    stage.pool.dispatch(JobId(1), Job::Quote { program, call }).unwrap();
    stage.finish(JobId(1)).failed(FailureReason::Declined);
}
