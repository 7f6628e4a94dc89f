//! What is counted.
use ainur_api::http::Bounds;
use ainur_api::view::Scope;

use crate::market::SLOW;
use crate::served::Served;

#[test]
fn requests_are_counted_by_template_and_the_node_is_shown() {
    let served = Served::start();
    for _ in 0..3 {
        served.announce(SLOW, &served.owner);
    }
    for number in 0..50 {
        served.ask(&format!("GET /v1/tasks/ffffff{number:02x}"), &served.owner);
        served.ask(&format!("GET /made/up/{number}"), &served.owner);
        served.ask(&format!("GET /v1/tasks/{number}"), "");
        served.ask(&format!("MADEUP{number} /v1/tasks"), &served.owner);
    }
    let answer = served.ask("GET /metrics", "");
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = answer.text();
    for line in [
        r#"ainur_http_requests_total{method="POST",route="/v1/tasks",status="201"} 3"#,
        r#"ainur_http_requests_total{method="GET",route="/v1/tasks/{id}",status="404"} 50"#,
        r#"ainur_http_requests_total{method="GET",route="/v1/tasks/{id}",status="401"} 50"#,
        r#"ainur_http_requests_total{method="GET",route="unmatched",status="404"} 50"#,
        r#"ainur_http_requests_total{method="other",route="/v1/tasks",status="405"} 50"#,
        r#"ainur_http_request_duration_seconds_count{route="/v1/tasks"} 53"#,
        "ainur_tasks_open 3",
        "ainur_tasks_announced 3",
        "ainur_agents 3",
        "ainur_ledger_height 42",
        "ainur_workers 1",
        "ainur_worker_jobs 2",
        "ainur_streams_open 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    assert!(text.lines().count() < 120, "{text}");
}

#[test]
fn a_node_that_listens_to_others_shows_its_metrics_to_holders_of_tokens_only() {
    let served = Served::bound_to([0, 0, 0, 0], Bounds::default());
    served.ask("GET /metrics", "").assert_problem(401, "unauthorized");
    let reader = served.token("reader", Scope::Read);
    assert_eq!(served.ask("GET /metrics", &reader).status, 200);
    assert_eq!(served.ask("GET /openapi.json", "").status, 200);
}
