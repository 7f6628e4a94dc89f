//! Operations and their refusals, over the wire and back.
use ainur_api::http::{Client, Token};
use ainur_api::problem::Code;
use ainur_api::{Operation, Problem, Reply, Service};
use ainur_primitives::{Amount, BudgetId, Digest};

use crate::shelf::Served;

const CODES: [Code; 15] = [
    Code::InvalidRequest,
    Code::NotFound,
    Code::Conflict,
    Code::UnknownCapability,
    Code::NoBidder,
    Code::InsufficientFunds,
    Code::BudgetExceeded,
    Code::InvalidAgent,
    Code::Unauthorized,
    Code::Forbidden,
    Code::Busy,
    Code::LimitReached,
    Code::Corrupted,
    Code::Storage,
    Code::Internal,
];

#[test]
fn client_hands_over_the_operation_and_brings_back_the_reply() {
    let served = Served::start();
    let client = served.client();
    let operation = Operation::BudgetOpen {
        limit: Amount(u128::MAX),
        period_ms: None,
        parent: Some(BudgetId(Digest([7; 32]))),
    };
    assert_eq!(client.perform(operation.clone()), Ok(Reply::Done));
    let receipt = "\"\u{0}\u{1F600}\\".to_string();
    let echoed = client.perform(Operation::ReceiptVerify { receipt: receipt.clone() });
    assert_eq!(echoed, Ok(Reply::Receipt { receipt: receipt.clone() }));
    let performed = served.shelf.performed.lock().unwrap().clone();
    assert_eq!(performed, [operation, Operation::ReceiptVerify { receipt }]);
}

#[test]
fn every_code_comes_back_as_it_was_given() {
    let served = Served::start();
    let client = served.client();
    for code in CODES {
        let agent = serde_json::to_string(&code).unwrap();
        let given = Problem::new(code, format!("it is {agent}")).next("go on");
        assert_eq!(client.perform(Operation::AgentShow { agent }), Err(given));
    }
}

#[test]
fn what_is_not_an_operation_is_refused_with_its_reason() {
    let served = Served::start();
    let deep = format!(
        r#"{{"operation":"task-show","task":{}{}}}"#,
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    for (body, reason) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "operation"),
        ("\u{feff}{}", "expected value"),
        (r#"{"operation":"fly"}"#, "unknown variant `fly`"),
        (r#"{"operation":"task-show"}"#, "missing field `task`"),
        (r#"{"operation":"task-show","task":"a","extra":1}"#, "unknown field `extra`"),
        (r#"{"operation":"task-show","task":"a"} x"#, "trailing characters"),
        (r#"{"operation":"task-rate","task":"a","rating":256}"#, "u8"),
        (&deep, "recursion limit"),
    ] {
        let message = served.post_admitted(body.as_bytes()).assert_problem(400, "invalid-request");
        assert!(message.contains(reason), "{message}");
    }
    served.post_admitted(b"\xff\xfe").assert_problem(400, "invalid-request");
    assert_eq!(served.shelf.count_performed(), 0);
}

#[test]
fn nesting_within_the_limit_is_taken() {
    let served = Served::start();
    let run = |depth: usize| {
        let parameters = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let body = format!(
            r#"{{"operation":"task-run","capability":"text.echo","parameters":{parameters},
                "reserve":"1","selection":"scored","wait":false}}"#
        );
        served.post_admitted(body.as_bytes()).status
    };
    // One level is the operation itself.
    let depth_max = ainur_api::http::bounds::JSON_DEPTH_MAX - 1;
    assert_eq!((run(depth_max), run(depth_max + 1)), (200, 400));
}

#[test]
fn other_paths_methods_and_media_types_are_refused() {
    let served = Served::start();
    let ask = |line: &str, more: &str| {
        let headers = served.headers();
        served.send(format!("{line} HTTP/1.1\r\n{headers}{more}\r\n").as_bytes())
    };
    ask("GET /", "").assert_problem(404, "not-found");
    ask("GET /v1/operations/x", "").assert_problem(404, "not-found");
    ask("GET /v1/operations", "").assert_problem(405, "invalid-request");
    ask("DELETE /v1/blobs", "").assert_problem(405, "invalid-request");
    let text = "Content-Type: text/plain\r\nContent-Length: 0\r\n";
    ask("POST /v1/operations", text).assert_problem(415, "invalid-request");
    ask("POST /v1/operations", "Content-Length: 0\r\n").assert_problem(415, "invalid-request");
}

#[test]
fn a_call_that_panics_is_an_internal_problem_and_the_server_goes_on() {
    let served = Served::start();
    let client = served.client();
    let refused = client.perform(Operation::TaskShow { task: "panic".into() }).unwrap_err();
    assert_eq!(refused.code, Code::Internal);
    assert_eq!(client.perform(Operation::NodeStatus), Ok(Reply::Done));
}

#[test]
fn a_node_that_does_not_run_is_busy_with_a_next_step() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(address, Token::generate().unwrap()).unwrap();
    let refused = client.perform(Operation::NodeStatus).unwrap_err();
    assert_eq!(refused.code, Code::Busy);
    assert!(refused.next_step.contains("ainur node start"), "{refused:?}");
    assert_eq!(client.put_blob(&mut &b"x"[..]).unwrap_err(), refused);
}
