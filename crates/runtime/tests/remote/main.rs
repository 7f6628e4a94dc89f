//! Remote agents against real servers: of the Model Context Protocol, started confined and spoken to
//! through pipes, or over HTTP; of the Agent2Agent protocol; and of
//! plain HTTP with an OpenAPI document.
//!
//! This test has its own `main`, because it is also the worker binary and the server: started with
//! `worker`, `mcp-server`, `mcp-fuzz` or `node` as its first argument, it is one of them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test, which clippy does not see because it has its own main"
)]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

mod documents;
mod fuzz;
mod openapi;
mod peers;
mod pipes;
mod sandbox;
mod server;
mod stage;
mod web;

type Test = (&'static str, fn());

/// Lists functions with their names.
macro_rules! tests {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        &[$($((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn())),+),+]
    };
}

const TESTS: &[Test] = tests! {
    pipes:
        server_describes_itself_as_capabilities,
        pool_tells_the_manifest_as_an_event,
        structured_output_is_the_output,
        content_is_wrapped_when_there_is_no_schema,
        old_server_is_spoken_to_in_its_own_way,
        server_that_dies_of_an_unknown_first_message_is_started_again,
        tool_that_says_it_failed_declines,
        wrong_arguments_decline,
        tool_that_never_answers_times_out_and_is_told,
        cancelled_job_is_silent_and_its_server_is_told,
        server_that_exits_during_a_call_crashed_and_comes_back,
        endless_line_is_a_limit,
        endless_chatter_is_a_limit,
        endless_garbage_is_a_limit,
        tools_that_are_too_long_together_are_a_limit,
        output_over_its_limit_is_a_limit,
        large_output_waits_for_acknowledgements,
        changed_tool_is_refused_at_once,
        tool_changed_during_a_restart_is_refused,
        progress_is_told_and_rationed,
        questions_of_a_server_are_refused,
        concurrent_calls_share_one_process,
        server_that_cannot_be_started_is_named,
        server_ends_with_the_pool,
        server_ends_with_a_killed_node,
        unused_server_is_ended_and_started_again,
        warm_calls_are_fast,
        quotes_and_verifications_decline;
    sandbox:
        files_outside_are_out_of_reach,
        granted_folder_can_be_written_and_home_is_temporary,
        environment_is_what_was_given,
        network_is_out_of_reach_unless_granted;
    web:
        server_with_a_url_describes_itself_and_is_called,
        old_sessions_work_and_lost_ones_are_opened_again,
        credential_is_sent_and_its_absence_is_named,
        answer_larger_than_a_message_is_a_limit,
        changed_tool_is_refused_over_http,
        call_over_http_times_out_and_the_server_is_told,
        progress_arrives_over_http,
        server_that_vanishes_during_a_call_crashed,
        private_address_needs_permission,
        name_of_a_private_address_is_refused,
        redirect_is_not_followed;
    peers:
        agent_describes_itself_as_capabilities,
        message_and_artifacts_are_the_output,
        ends_of_tasks_have_their_reasons,
        wrong_parameters_of_a_skill_decline,
        task_over_its_time_is_cancelled,
        old_agent_is_spoken_to_in_its_own_way,
        changed_skill_is_refused,
        credential_goes_only_where_the_card_is,
        agents_on_private_addresses_need_permission,
        long_answer_of_an_agent_is_a_limit;
    openapi:
        service_describes_its_operations_as_capabilities,
        parameters_go_where_the_document_says,
        wrong_parameters_of_an_operation_decline,
        answers_other_than_success_have_their_reasons,
        output_of_a_service_arrives_in_chunks,
        endless_output_of_a_service_is_a_limit,
        service_that_stalls_times_out_and_its_connection_is_closed,
        answer_that_breaks_off_or_is_not_json_crashed,
        redirect_of_an_operation_is_not_followed,
        changed_operation_is_refused,
        credential_of_a_service_goes_only_to_the_origin_of_its_document,
        documents_on_private_addresses_need_permission,
        server_that_may_not_be_reached_leaves_its_operations_out,
        document_of_version_3_0_is_understood;
    documents:
        hostile_documents_are_refused_or_cut_in_time,
        outputs_of_one_agent_take_their_share_of_memory_and_no_more;
    fuzz:
        servers_that_answer_wrongly_do_no_harm;
};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    match first.as_deref() {
        Some("worker") => return ainur_runtime::worker::main(),
        Some("node") => return pipes::node(&arguments.next().expect("a folder")),
        Some("mcp-server") => return server::main(arguments.next().as_deref()),
        Some("mcp-fuzz") => {
            let seed = arguments.next().and_then(|seed| seed.parse().ok());
            return fuzz::server::command(seed.expect("a number"));
        }
        _ => {}
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
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("failed: {failed:?}");
    ExitCode::FAILURE
}
