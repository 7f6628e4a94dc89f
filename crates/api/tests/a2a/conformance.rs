//! The fixtures that the conformance tests ask for by the id of a message.
use std::time::{Duration, Instant};

use ainur_api::a2a::{Config, Desk};
use ainur_api::http::Bounds;
use serde_json::{Value, json};

use crate::bazaar::{Served, message};

fn start() -> Served {
    let config = Config { desk: Desk::Conformance, ..Config::default() };
    Served::with(config, Bounds::default())
}

fn send(served: &Served, id: &str) -> Value {
    served.result("SendMessage", &message(&format!("{id}-1a2b"), &json!([{ "text": "hi" }])))
}

#[test]
fn each_prefix_is_answered_as_asked() {
    let served = start();
    let part = |id: &str| {
        let sent = send(&served, id);
        assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{sent}");
        sent["task"]["artifacts"][0]["parts"][0].clone()
    };
    let named = |key: &str, value: &str| json!({ key: value, "filename": "output.txt", "mediaType": "text/plain" });
    assert_eq!(part("tck-artifact-text"), json!({ "text": "Generated text content" }));
    assert_eq!(part("tck-artifact-file"), named("raw", "dGNr"));
    assert_eq!(part("tck-artifact-file-url"), named("url", "https://example.com/output.txt"));
    assert_eq!(part("tck-artifact-data"), json!({ "data": { "key": "value", "count": 42 } }));
    let done = send(&served, "tck-complete-task");
    assert_eq!(done["task"]["status"]["message"]["parts"][0]["text"], "Hello from TCK");
    let said = send(&served, "tck-message-response");
    assert_eq!(said["message"]["parts"][0]["text"], "Direct message response");
    assert!(said["message"]["contextId"].is_string(), "{said}");
    let rejected = send(&served, "tck-reject-task");
    assert_eq!(rejected["task"]["status"]["state"], "TASK_STATE_REJECTED");
    let asks = send(&served, "tck-input-required");
    assert_eq!(asks["task"]["status"]["state"], "TASK_STATE_INPUT_REQUIRED");
    let asks = send(&served, "tck-auth-required");
    assert_eq!(asks["task"]["status"]["state"], "TASK_STATE_AUTH_REQUIRED");
}

#[test]
fn strangers_may_ask_the_fixtures_and_nothing_else() {
    let served = start();
    let ask = |method: &str, path: &str, body: &Value| {
        let headers = "A2A-Version: 1.0\r\nContent-Type: application/json\r\n";
        served.ask_without_token(method, path, headers, body.to_string().as_bytes())
    };
    let request = message("tck-complete-task-1", &json!([{ "text": "hi" }]));
    let sent = ask("POST", "/a2a/v1/message:send", &request).json();
    assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{sent}");
    let card = ask("GET", "/.well-known/agent-card.json", &json!({})).json();
    assert!(card.get("securityRequirements").is_none(), "{card}");
    assert_eq!(card["skills"][0]["id"], "tck");
    assert_eq!(served.result("ListTasks", &json!({}))["totalSize"], 0, "the owner's are others");
    let operation = json!({ "operation": "agent-list" });
    assert_eq!(ask("POST", "/v1/operations", &operation).status, 401);
    let wrong = ainur_api::http::Token::generate().unwrap();
    assert_eq!(served.ask_as(&wrong, "GET", "/a2a/v1/tasks", "", b"").status, 401);
    let market = Served::start();
    assert_eq!(market.ask_without_token("GET", "/a2a/v1/tasks", "", b"").status, 401);
}

#[test]
fn streams_hold_what_the_tests_look_for() {
    let served = start();
    let events = |id: &str| -> Vec<Value> {
        let request = message(id, &json!([{ "text": "hi" }]));
        let events = served.stream("SendStreamingMessage", &request).events();
        events.into_iter().map(|mut event| event["result"].take()).collect()
    };
    assert_eq!(events("tck-stream-002-1").len(), 1);
    assert!(events("tck-stream-002-1")[0]["message"].is_object());
    for (id, text) in [
        ("tck-stream-001", "Stream hello from TCK"),
        ("tck-stream-003", "Stream task lifecycle"),
        ("tck-stream-ordering-001", "Ordered output"),
        ("tck-stream-artifact-text", "Streamed text content"),
    ] {
        let told = events(id);
        assert_eq!(told[0]["task"]["status"]["state"], "TASK_STATE_SUBMITTED", "{told:?}");
        assert_eq!(told[1]["statusUpdate"]["status"]["state"], "TASK_STATE_WORKING");
        assert_eq!(told[2]["artifactUpdate"]["artifact"]["parts"][0]["text"], text);
        assert_eq!(told[3]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
        assert_eq!(told.len(), 4);
    }
    let told = events("tck-stream-artifact-chunked");
    let chunk = |index: usize| {
        let update = &told[index]["artifactUpdate"];
        let text = update["artifact"]["parts"][0]["text"].as_str().unwrap().to_owned();
        (text, update["append"].clone(), update["lastChunk"].clone())
    };
    assert_eq!(chunk(2), ("chunk-1 ".into(), json!(true), json!(false)));
    assert_eq!(chunk(3), ("chunk-2".into(), json!(true), json!(true)));
    let file = events("tck-stream-artifact-file");
    assert_eq!(file[2]["artifactUpdate"]["artifact"]["parts"][0]["raw"], "dGNr");
}

#[test]
fn conversations_and_their_ends_follow_the_rules() {
    let served = start();
    let asks = send(&served, "tck-input-required")["task"].clone();
    let reply = |id: &str, context: &str| {
        let mut request = message(id, &json!([{ "text": "more" }]));
        request["message"]["taskId"] = asks["id"].clone();
        if !context.is_empty() {
            request["message"]["contextId"] = json!(context);
        }
        request
    };
    served.refused("SendMessage", &reply("tck-complete-task-x", "another"), -32602);
    let done = served.result("SendMessage", &reply("tck-complete-task-x", ""));
    assert_eq!(done["task"]["contextId"], asks["contextId"]);
    assert_eq!(done["task"]["status"]["state"], "TASK_STATE_COMPLETED");
    served.refused("SendMessage", &reply("tck-complete-task-y", ""), -32004);
    served.refused("CancelTask", &json!({ "id": asks["id"] }), -32002);
    served.refused("SubscribeToTask", &json!({ "id": asks["id"] }), -32004);
    let other = send(&served, "tck-input-required")["task"]["id"].clone();
    let cancelled = served.result("CancelTask", &json!({ "id": other }));
    assert_eq!(cancelled["status"]["state"], "TASK_STATE_CANCELED");
    let strange = json!([{ "raw": "dGNr", "mediaType": "application/x-unsupported-tck-type" }]);
    served.refused("SendMessage", &message("tck-send-003", &strange), -32005);
    let list = served.result("ListTasks", &json!({ "pageSize": 1 }));
    assert_eq!((&list["totalSize"], &list["nextPageToken"]), (&json!(2), &json!("1")));
}

#[test]
fn who_waits_waits_and_who_does_not_does_not() {
    let served = start();
    let begun = Instant::now();
    let mut request = message("tck-delayed-complete-1", &json!([{ "text": "hi" }]));
    request["configuration"] = json!({ "returnImmediately": true });
    let sent = served.result("SendMessage", &request);
    assert_ne!(sent["task"]["status"]["state"], "TASK_STATE_COMPLETED");
    assert!(begun.elapsed() < Duration::from_secs(1));
    let id = json!({ "id": sent["task"]["id"] });
    let events = served.stream("SubscribeToTask", &id).events();
    let last = &events.last().unwrap()["result"]["statusUpdate"]["status"];
    assert_eq!(last["state"], "TASK_STATE_COMPLETED");
    assert!(begun.elapsed() >= Duration::from_secs(2));
}
