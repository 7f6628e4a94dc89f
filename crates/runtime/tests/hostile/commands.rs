//! Hostile commands, and a good one. They are shell scripts, as an operator would configure them.
use std::path::Path;
use std::time::{Duration, Instant};

use ainur_primitives::FailureReason::{Crashed, LimitExceeded, TimedOut};
use ainur_primitives::{DurationMs, ExecutionLimits};
use ainur_runtime::command::Isolation;
use ainur_runtime::{Event, Program, inspect};

use crate::guest::{MANIFEST, file};
use crate::stage::{Stage, config, execute, limits, short_time, survives};

fn script(text: &str) -> Program {
    let path = file("agent.sh", format!("#!/bin/sh\n{text}\n").as_bytes());
    Program::Command {
        argv: vec!["sh".into(), path.to_str().unwrap().into()],
        network: false,
        readable: vec![],
    }
}

fn output_of(text: &str) -> String {
    let heard = Stage::new().run(execute(script(text), b"input", limits()));
    assert!(matches!(heard.last, Some(Event::Executed { .. })), "{:?}", heard.last);
    String::from_utf8(heard.output()).unwrap()
}

/// What this machine can do; where it cannot, the promise is not made.
fn isolation() -> Isolation {
    Isolation::probe(&config().command).unwrap()
}

/// Processes whose command line contains this.
fn processes_with(mark: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(mark)
        })
        .count()
}

fn is_gone_soon(mark: &str) {
    let give_up = Instant::now() + Duration::from_secs(5);
    while processes_with(mark) > 0 {
        assert!(Instant::now() < give_up, "{} processes with {mark}", processes_with(mark));
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn good_command_delivers() {
    let input = vec![b'x'; 3_000_000];
    let heard = Stage::new().run(execute(script("cat"), &input, limits()));
    assert_eq!(heard.output(), input, "{:?}", heard.last);
    assert_eq!(heard.chunks.len(), 3);
    assert!(matches!(heard.last, Some(Event::Executed { chunks: 3, fuel_used: 0, .. })));
    let said = output_of(r#"printf '%s|' "$@"; pwd; touch file && ls"#);
    assert!(said.starts_with("run|bytes.copy|--parameters|{}|/"), "{said}");
    assert!(said.ends_with("/home\nfile\n"), "{said}");
}

pub(crate) fn command_describes_itself() {
    let text = format!("[ \"$*\" = 'introspect --json' ] && echo '{MANIFEST}'");
    assert_eq!(inspect(config(), script(&text)).unwrap().name, "guest");
    let error = inspect(config(), script("echo usage: me >&2; exit 2")).unwrap_err().to_string();
    assert!(error.contains("usage: me") && error.contains("exit code 2"), "{error}");
    let error = inspect(config(), script("echo hello")).unwrap_err().to_string();
    assert!(error.contains("not JSON"), "{error}");
}

pub(crate) fn exit_code_is_the_verdict() {
    let failing = script("echo half; echo first >&2; echo 'disk \x1b[31mon fire' >&2; exit 3");
    survives(execute(failing, b"", limits()), Crashed, "exit code 3: disk [31mon fire");
    survives(
        execute(script("kill -SEGV $$; sleep 1; exit 9"), b"", limits()),
        Crashed,
        "exit code",
    );
}

pub(crate) fn command_that_does_not_exist_is_named() {
    for (program, words) in [
        ("no-such-program", "no-such-program is not in"),
        ("/no/such/program", "/no/such/program"),
        ("./relative/program", "absolute path"),
    ] {
        let command =
            Program::Command { argv: vec![program.into()], network: false, readable: vec![] };
        survives(execute(command, b"", limits()), Crashed, words);
    }
}

pub(crate) fn command_that_ignores_signals_times_out() {
    let start = Instant::now();
    let stubborn = script("trap '' TERM INT HUP; while true; do sleep 4242.1; done");
    survives(execute(stubborn, b"", short_time()), TimedOut, "time ran out");
    assert!(start.elapsed() < Duration::from_secs(4));
    is_gone_soon("4242.1");
}

pub(crate) fn endless_command_output_is_a_limit() {
    let heard = survives(execute(script("yes"), b"", limits()), LimitExceeded, "bytes of output");
    assert_eq!(heard.output().len(), 32 << 20);
    survives(execute(script("yes >&2"), b"", short_time()), TimedOut, "");
}

pub(crate) fn fork_bomb_ends_with_its_attempt() {
    let bomb = script("f() { sleep 4242.2 & f | f & }; f; sleep 4242.2");
    let short = ExecutionLimits { duration_ms_max: DurationMs(150), ..limits() };
    let mut stage = Stage::new();
    let last = stage.run(execute(bomb, b"", short)).last;
    assert!(matches!(last, Some(Event::Failed { .. })), "{last:?}");
    is_gone_soon("4242.2");
    let heard = stage.run(execute(script("cat"), b"alive", limits()));
    assert_eq!(heard.output(), b"alive", "{:?}", heard.last);
}

pub(crate) fn background_child_ends_with_its_command() {
    assert_eq!(output_of("sleep 4242.3 >/dev/null 2>&1 & echo done"), "done\n");
    is_gone_soon("4242.3");
    // One that holds the output open must not hold the attempt open.
    let start = Instant::now();
    assert_eq!(output_of("sleep 4242.3 & echo done"), "done\n");
    assert!(start.elapsed() < Duration::from_secs(4));
}

pub(crate) fn child_that_left_the_group_ends_too() {
    if !isolation().processes.is_isolated() {
        println!("skipped: {:?}", isolation().processes);
        return;
    }
    assert_eq!(output_of("setsid sleep 4242.4 >/dev/null 2>&1 & sleep 0.1; echo done"), "done\n");
    is_gone_soon("4242.4");
}

pub(crate) fn network_is_out_of_reach() {
    if !isolation().network.is_isolated() {
        println!("skipped: {:?}", isolation().network);
        return;
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let call = format!(
        "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 1); \
         print(\"connected\")' || echo refused; cat /proc/net/dev | wc -l"
    );
    assert!(output_of(&call).starts_with("refused\n"));
    // The same with a grant, so that the test would notice if it could not connect anyway.
    let Program::Command { argv, readable, .. } = script(&call) else { unreachable!() };
    let granted = Program::Command { argv, readable, network: true };
    let heard = Stage::new().run(execute(granted, b"", limits()));
    assert!(heard.output().starts_with(b"connected\n"), "{heard:?}");
}

pub(crate) fn environment_holds_no_secrets() {
    let variables = output_of("env | sed 's/=.*//' | sort | tr '\\n' ' '");
    assert_eq!(variables, "HOME LANG PATH PWD TMPDIR ");
    let spying = output_of("cat /proc/*/environ | tr '\\0' '\\n' | grep -c CARGO; true");
    assert_eq!(spying, "0\n");
}

pub(crate) fn files_of_others_are_out_of_reach() {
    if !isolation().files.is_isolated() {
        println!("skipped: {:?}", isolation().files);
        return;
    }
    let secret = file("secret.key", b"hunter2");
    let folder = secret.parent().unwrap().display().to_string();
    let spy = format!(
        "cat {0}/secret.key; cat /proc/$PPID/root{0}/secret.key; cat /etc/shadow; \
         echo x > {0}/trace; echo x > /usr/trace; ln {0}/secret.key here; \
         mount -t tmpfs none /mnt && echo mounted; echo nothing",
        folder
    );
    assert_eq!(output_of(&spy), "nothing\n");
    assert!(!Path::new(&folder).join("trace").exists());
    // Granted, it can be read, and still not written.
    let spy = format!("cat {folder}/secret.key; echo x > {folder}/secret.key; true");
    let Program::Command { argv, network, .. } = script(&spy) else { unreachable!() };
    let granted = Program::Command { argv, network, readable: vec![folder.clone().into()] };
    assert_eq!(Stage::new().run(execute(granted, b"", limits())).output(), b"hunter2");
    assert_eq!(std::fs::read(&secret).unwrap(), b"hunter2");
}

pub(crate) fn memory_of_a_command_is_limited() {
    let hungry = script("python3 -c 'x = bytearray(512 << 20); print(len(x))'");
    survives(execute(hungry, b"", limits()), Crashed, "MemoryError");
}

pub(crate) fn large_file_is_a_limit() {
    let small = ExecutionLimits { output_bytes_max: 1 << 20, ..limits() };
    let hoarder = script("head -c 3000000 /dev/zero > big; exit $?");
    let last = Stage::new().run(execute(hoarder, b"", small)).last;
    assert!(matches!(last, Some(Event::Failed { .. })), "{last:?}");
}

pub(crate) fn command_that_reads_no_input_is_fine() {
    let input = vec![0; 4 << 20];
    let heard = Stage::new().run(execute(script("echo enough"), &input, limits()));
    assert_eq!(heard.output(), b"enough\n", "{:?}", heard.last);
}

pub(crate) fn killed_worker_takes_its_commands_along() {
    let mut stage = Stage::new();
    let job = stage.dispatch(execute(script("sleep 4242.5"), b"", limits()));
    let give_up = Instant::now() + Duration::from_secs(10);
    while processes_with("4242.5") == 0 {
        assert!(Instant::now() < give_up, "the command does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(stage.pool.kill(0));
    assert!(matches!(stage.end_of(job).last, Some(Event::Lost { .. })));
    is_gone_soon("4242.5");
}
