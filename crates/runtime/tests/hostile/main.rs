//! Hostile guests against real worker processes: whatever they do, their job ends with the right
//! reason, a good guest at their side succeeds, and the pool lives.
//!
//! This test has its own `main`, because it is also the worker binary: started with `worker` as its
//! first argument, it is one.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test, which clippy does not see because it has its own main"
)]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use tempfile::TempDir;

mod commands;
mod components;
mod guest;
mod manifests;
mod stage;
mod workers;

static ROOT: OnceLock<TempDir> = OnceLock::new();

/// A folder for the files of this run.
fn root() -> &'static Path {
    ROOT.get_or_init(|| tempfile::Builder::new().prefix("ainur-hostile-").tempdir().unwrap()).path()
}

type Test = (&'static str, fn());

/// Lists functions with their names.
macro_rules! tests {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        &[$($((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),+),+]
    };
}

const TESTS: &[Test] = tests! {
    components:
        good_guest_copies_bids_and_verifies,
        a_guest_negotiates_by_its_own_strategy_where_it_has_one,
        attempt_continues_at_first_chunk,
        same_call_gives_same_bytes_and_fuel,
        infinite_loop_times_out,
        infinite_loop_in_quote_times_out,
        spent_fuel_is_a_limit,
        memory_bomb_is_a_limit,
        table_growth_is_a_limit,
        deep_recursion_is_a_limit,
        endless_output_is_a_limit,
        giant_chunk_is_a_limit,
        trap_is_a_crash,
        lying_pointer_is_a_crash,
        endless_progress_is_rationed,
        read_past_the_end_is_empty,
        read_of_too_much_at_once_is_a_crash,
        emit_in_a_quote_is_a_crash,
        price_that_is_no_number_is_a_crash,
        declining_is_declining,
        failure_text_is_cleaned,
        missing_input_file_is_not_the_guests_fault,
        unacknowledged_chunks_hold_the_guest_back,
        sleeping_takes_no_time_and_reads_nothing;
    manifests:
        component_describes_itself,
        manifest_that_is_no_json_is_refused,
        manifest_that_lies_is_refused,
        endless_manifest_is_refused,
        unknown_import_is_named,
        core_module_is_named,
        text_file_is_named,
        truncated_component_is_refused,
        component_without_exports_is_named;
    workers:
        killed_worker_loses_its_jobs_and_is_replaced,
        stopped_worker_is_killed_for_its_silence,
        guest_wedged_in_the_host_costs_its_worker,
        quotes_do_not_wait_behind_executions,
        cancelled_job_ends_without_an_event,
        job_name_is_free_after_cancel,
        oversized_jobs_are_refused,
        compiled_components_survive_and_forgeries_do_not,
        workers_end_with_the_pool;
    commands:
        good_command_delivers,
        command_describes_itself,
        exit_code_is_the_verdict,
        command_that_does_not_exist_is_named,
        command_that_ignores_signals_times_out,
        endless_command_output_is_a_limit,
        fork_bomb_ends_with_its_attempt,
        background_child_ends_with_its_command,
        child_that_left_the_group_ends_too,
        network_is_out_of_reach,
        environment_holds_no_secrets,
        files_of_others_are_out_of_reach,
        memory_of_a_command_is_limited,
        large_file_is_a_limit,
        command_that_reads_no_input_is_fine,
        killed_worker_takes_its_commands_along;
};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("worker") {
        return ainur_runtime::worker::main();
    }
    if arguments.chain(first.clone()).any(|argument| argument == "--list") {
        TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let filter = first.filter(|first| !first.starts_with('-')).unwrap_or_default();
    let mut failed = Vec::new();
    for (name, test) in TESTS.iter().filter(|(name, _)| name.contains(&filter)) {
        let start = Instant::now();
        let good = catch_unwind(AssertUnwindSafe(test)).is_ok();
        let word = if good { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({} ms)", start.elapsed().as_millis());
        if !good {
            failed.push(name);
        }
    }
    if let Err(error) = std::fs::remove_dir_all(root()) {
        println!("cannot remove {}: {error}", root().display());
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed: {failed:?}");
    ExitCode::FAILURE
}
