//! Worker processes that die, hang or are overwhelmed.
use std::time::{Duration, Instant};

use ainur_primitives::{DurationMs, ExecutionLimits, FailureReason};
use ainur_runtime::pool::{Cache, Config};
use ainur_runtime::{Error, Event, Input, Job, JobId};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::guest::{Guest, file};
use crate::stage::{Stage, config, execute, limits, quote};

const FOREVER: &str = "(loop $l (br $l)) (i32.const 128)";

fn forever() -> Job {
    let limits = ExecutionLimits { duration_ms_max: DurationMs(20_000), ..limits() };
    execute(Guest::that_executes(FOREVER).program(), b"", limits)
}

fn pid(pid: u32) -> Pid {
    Pid::from_raw(pid as i32).unwrap()
}

pub(crate) fn killed_worker_loses_its_jobs_and_is_replaced() {
    let mut stage = Stage::with(Config { workers: 2, ..config() });
    let first = stage.worker_event(|event| matches!(event, Event::WorkerStarted { .. }));
    let second = stage.worker_event(|event| matches!(event, Event::WorkerStarted { .. }));
    assert_ne!(first, second);
    let jobs: Vec<_> = (0..4).map(|_| stage.dispatch(forever())).collect();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(stage.pool.workers().iter().map(|worker| worker.jobs).collect::<Vec<_>>(), [2, 2]);
    assert!(stage.pool.kill(0));
    stage.worker_event(|event| matches!(event, Event::WorkerStopped { worker: 0, .. }));
    let lost: Vec<_> = jobs.iter().filter(|job| stage.lost(**job)).collect();
    assert_eq!(lost.len(), 2);
    stage.worker_event(|event| matches!(event, Event::WorkerStarted { worker: 0, .. }));
    let heard = stage.run(execute(Guest::good().program(), b"again", limits()));
    assert_eq!(heard.output(), b"again");
    assert_eq!(stage.pool.workers()[0].deaths, 1);
    assert!(!stage.pool.kill(7));
}

pub(crate) fn stopped_worker_is_killed_for_its_silence() {
    let mut stage = Stage::new();
    let Event::WorkerStarted { pid: stopped, .. } =
        stage.worker_event(|event| matches!(event, Event::WorkerStarted { .. }))
    else {
        unreachable!()
    };
    kill_process(pid(stopped), Signal::STOP).unwrap();
    let job = stage.dispatch(execute(Guest::good().program(), b"", limits()));
    assert!(matches!(stage.end_of(job).last, Some(Event::Lost { .. })));
    stage.worker_event(
        |event| matches!(event, Event::WorkerStopped { detail, .. } if detail.contains("silent")),
    );
    assert_eq!(stage.run(execute(Guest::good().program(), b"up", limits())).output(), b"up");
}

pub(crate) fn guest_wedged_in_the_host_costs_its_worker() {
    // Opening a pipe without a writer blocks the host's own code, which no epoch interrupts.
    let pipe = file("pipe", b"");
    std::fs::remove_file(&pipe).unwrap();
    let mkfifo = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(mkfifo.success());
    let limits = ExecutionLimits { duration_ms_max: DurationMs(200), ..limits() };
    let mut work = execute(Guest::good().program(), b"", limits);
    if let Job::Execute { input, .. } = &mut work {
        *input = Input::file(pipe, 10);
    }
    let mut stage = Stage::new();
    let wedged = stage.dispatch(work);
    let bystander = stage.dispatch(forever());
    match stage.end_of(wedged).last {
        Some(Event::Failed { reason, detail, .. }) => {
            assert_eq!(reason, FailureReason::TimedOut);
            assert!(detail.contains("could not be stopped"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(stage.end_of(bystander).last, Some(Event::Lost { .. })));
    assert_eq!(
        stage.run(execute(Guest::good().program(), b"up", super::stage::limits())).output(),
        b"up"
    );
    assert_eq!(stage.pool.workers()[0].deaths, 1);
}

pub(crate) fn quotes_do_not_wait_behind_executions() {
    let mut stage = Stage::new();
    let program = Guest::good().program();
    assert!(matches!(stage.run(quote(program.clone())).last, Some(Event::Quoted { .. })));
    let jobs: Vec<_> = (0..12).map(|_| stage.dispatch(forever())).collect();
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    for _ in 0..20 {
        let last = stage.run(quote(program.clone())).last;
        assert!(matches!(last, Some(Event::Quoted { quote: Some(_), .. })), "{last:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    for job in jobs {
        stage.pool.cancel(job);
    }
}

pub(crate) fn cancelled_job_ends_without_an_event() {
    let mut stage = Stage::new();
    let job = stage.dispatch(forever());
    std::thread::sleep(Duration::from_millis(200));
    stage.pool.cancel(job);
    let give_up = Instant::now() + Duration::from_secs(5);
    while stage.pool.workers()[0].jobs > 0 {
        assert!(Instant::now() < give_up, "the guest still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
    while let Some(event) = stage.step(Duration::from_millis(100)) {
        assert_ne!(event.job(), Some(job), "{event:?}");
    }
    assert_eq!(stage.pool.jobs(), 0);
}

pub(crate) fn job_name_is_free_after_cancel() {
    let stage = Stage::new();
    let job = JobId(1);
    stage.pool.dispatch(job, forever()).unwrap();
    assert!(matches!(stage.pool.dispatch(job, forever()), Err(Error::Duplicate(_))));
    stage.pool.cancel(job);
    stage.pool.dispatch(job, forever()).unwrap();
    stage.pool.cancel(job);
}

pub(crate) fn oversized_jobs_are_refused() {
    let mut stage = Stage::new();
    let large = execute(Guest::good().program(), &vec![0; (8 << 20) + 1], limits());
    assert!(matches!(stage.pool.dispatch(JobId(1), large), Err(Error::TooLarge)));
    let mut novel = execute(Guest::good().program(), b"", limits());
    if let Job::Execute { parameters, .. } = &mut novel {
        *parameters = " ".repeat(100_000);
    }
    assert!(matches!(stage.pool.dispatch(JobId(1), novel), Err(Error::TooLarge)));
    // The same input goes through a file.
    let bytes = vec![3; (8 << 20) + 1];
    let path = file("blob", &bytes);
    let mut work = execute(Guest::good().program(), b"", limits());
    if let Job::Execute { input, .. } = &mut work {
        *input = Input::file(path, bytes.len() as u64);
    }
    assert_eq!(stage.run(work).output(), bytes);
}

pub(crate) fn compiled_components_survive_and_forgeries_do_not() {
    let folder = tempfile::tempdir_in(crate::root()).unwrap();
    let cache = Cache { folder: folder.path().join("compiled"), key: [3; 32] };
    let with_cache = |key| {
        let cache = Cache { key, ..cache.clone() };
        Stage::with(Config { cache: Some(cache), ..config() })
    };
    let program = Guest::good().program();
    let run = |stage: &mut Stage| stage.run(execute(program.clone(), b"hot", limits())).output();
    assert_eq!(run(&mut with_cache([3; 32])), b"hot");
    let files: Vec<_> = std::fs::read_dir(&cache.folder).unwrap().map(|e| e.unwrap()).collect();
    assert_eq!(files.len(), 1);
    let path = files[0].path();
    let mode = std::os::unix::fs::PermissionsExt::mode(&files[0].metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let written = || std::fs::metadata(&path).unwrap().modified().unwrap();
    let original = std::fs::read(&path).unwrap();
    // Used again, not written again.
    let before = written();
    assert_eq!(run(&mut with_cache([3; 32])), b"hot");
    assert_eq!(written(), before);
    // One flipped bit, then another node's key: compiled anew, and the guest is none the wiser.
    let mut forged = original.clone();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    std::fs::write(&path, &forged).unwrap();
    assert_eq!(run(&mut with_cache([3; 32])), b"hot");
    assert_eq!(std::fs::read(&path).unwrap(), original);
    assert_eq!(run(&mut with_cache([4; 32])), b"hot");
    assert_ne!(std::fs::read(&path).unwrap()[..32], original[..32]);
}

pub(crate) fn workers_end_with_the_pool() {
    let mut stage = Stage::with(Config { workers: 2, ..config() });
    stage.dispatch(forever());
    stage.worker_event(|event| matches!(event, Event::WorkerStarted { .. }));
    let pids: Vec<_> = stage.pool.workers().iter().filter_map(|worker| worker.pid).collect();
    assert_eq!(pids.len(), 2);
    let start = Instant::now();
    stage.pool.shutdown();
    assert!(start.elapsed() < Duration::from_secs(3));
    for process in pids {
        assert!(test_kill_process(pid(process)).is_err(), "{process} still lives");
    }
}
