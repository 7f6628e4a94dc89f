//! HTTP+JSON in 1.0: every path, and errors in the manner of AIP-193.
use serde_json::{Value, json};

use crate::bazaar::{Heard, Served, order};

const V1: &str = "A2A-Version: 1.0\r\nContent-Type: application/a2a+json\r\n";

fn post(served: &Served, path: &str, body: &Value) -> Heard {
    served.ask("POST", &format!("/a2a/v1{path}"), V1, body.to_string().as_bytes())
}

fn get(served: &Served, path: &str) -> Heard {
    served.ask("GET", &format!("/a2a/v1{path}"), V1, b"")
}

#[track_caller]
fn assert_refused(heard: Heard, status: u16, reason: &str) {
    assert!(heard.head.contains("content-type: application/a2a+json"), "{}", heard.head);
    let found = heard.status;
    let body = heard.json();
    let error = &body["error"];
    assert_eq!((found, error["code"].as_u64()), (status, Some(u64::from(status))), "{body}");
    assert_eq!(error["details"][0]["reason"], reason, "{body}");
    assert_eq!(error["details"][0]["domain"], "a2a-protocol.org");
    assert_eq!(error["details"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo");
    assert!(error["status"].is_string() && error["message"].is_string(), "{body}");
}

#[test]
fn a_task_is_sent_got_listed_and_cancelled() {
    let served = Served::start();
    let heard = post(&served, "/message:send", &order("m1", "json.echo", &json!({ "a": 1 })));
    assert!(heard.head.contains("content-type: application/a2a+json"), "{}", heard.head);
    let sent = heard.json()["task"].clone();
    assert_eq!(sent["status"]["state"], "TASK_STATE_COMPLETED");
    let id = sent["id"].as_str().unwrap();
    let got = get(&served, &format!("/tasks/{id}?historyLength=1")).json();
    assert_eq!(got["history"].as_array().unwrap().len(), 1);
    assert_eq!(got["artifacts"], sent["artifacts"]);
    let list = get(&served, "/tasks?pageSize=5&status=TASK_STATE_COMPLETED&includeArtifacts=true");
    let list = list.json();
    assert_eq!(list["tasks"][0]["id"], id);
    assert_eq!(list["tasks"][0]["artifacts"], sent["artifacts"]);
    assert_eq!((&list["nextPageToken"], &list["totalSize"]), (&json!(""), &json!(1)));
    let waiting = served.start_waiting("m2");
    let cancelled = post(&served, &format!("/tasks/{waiting}:cancel"), &json!({})).json();
    assert_eq!(cancelled["status"]["state"], "TASK_STATE_CANCELED");
    let empty = served.ask("POST", &format!("/a2a/v1/tasks/{waiting}:cancel"), V1, b"");
    assert_eq!(empty.json()["status"]["state"], "TASK_STATE_CANCELED");
}

#[test]
fn streams_hold_updates_without_an_envelope() {
    let served = Served::start();
    let heard = post(&served, "/message:stream", &order("m1", "json.echo", &json!({})));
    assert!(heard.head.contains("content-type: text/event-stream"), "{}", heard.head);
    let events = heard.events();
    assert!(events[0]["task"]["id"].is_string(), "{events:?}");
    assert_eq!(events.last().unwrap()["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    let id = served.start_waiting("m2");
    for method in ["GET", "POST"] {
        let path = format!("/a2a/v1/tasks/{id}:subscribe");
        let mut heard = served.ask(method, &path, V1, b"");
        assert_eq!(heard.event().unwrap()["task"]["id"], json!(id));
    }
}

#[test]
fn refusals_say_which_and_why() {
    let served = Served::start();
    let done = post(&served, "/message:send", &order("m1", "json.echo", &json!({}))).json();
    let id = done["task"]["id"].as_str().unwrap();
    assert_refused(get(&served, "/tasks/nobody"), 404, "TASK_NOT_FOUND");
    let cancel = post(&served, &format!("/tasks/{id}:cancel"), &json!({}));
    assert_refused(cancel, 400, "TASK_NOT_CANCELABLE");
    let subscribe = post(&served, &format!("/tasks/{id}:subscribe"), &json!({}));
    assert_refused(subscribe, 400, "UNSUPPORTED_OPERATION");
    let mut file = order("m2", "json.echo", &json!({}));
    file["message"]["parts"].as_array_mut().unwrap().push(json!({ "raw": "YQ==" }));
    let sent = post(&served, "/message:send", &file);
    assert_refused(sent, 400, "CONTENT_TYPE_NOT_SUPPORTED");
    assert_refused(post(&served, "/message:send", &json!({})), 400, "INVALID_PARAMS");
    assert_refused(get(&served, "/tasks?pageSize=0"), 400, "INVALID_PARAMS");
    assert_refused(get(&served, "/tasks?pageSize=many"), 400, "INVALID_PARAMS");
    assert_refused(get(&served, "/tasks?pageToken=many"), 400, "INVALID_PARAMS");
    assert_refused(get(&served, "/tasks?status=BUSY"), 400, "INVALID_PARAMS");
    assert_refused(get(&served, "/nowhere"), 404, "METHOD_NOT_FOUND");
    assert_refused(get(&served, "/message:send"), 404, "METHOD_NOT_FOUND");
    assert_refused(post(&served, &format!("/tasks/{id}"), &json!({})), 404, "METHOD_NOT_FOUND");
    let push = get(&served, "/tasks/t/pushNotificationConfigs");
    assert_refused(push, 400, "PUSH_NOTIFICATION_NOT_SUPPORTED");
    let future = "A2A-Version: 99.0\r\n";
    let future = served.ask("GET", "/a2a/v1/tasks", future, b"");
    assert_refused(future, 400, "VERSION_NOT_SUPPORTED");
    let text = "A2A-Version: 1.0\r\nContent-Type: text/plain\r\n";
    let text = served.ask("POST", "/a2a/v1/message:send", text, b"{}");
    assert_refused(text, 415, "CONTENT_TYPE_NOT_SUPPORTED");
    let broken = served.ask("POST", "/a2a/v1/message:send", V1, b"{");
    assert_refused(broken, 400, "PARSE_ERROR");
}

#[test]
fn who_states_no_version_and_sends_a_message_of_1_0_is_answered_in_1_0() {
    let served = Served::start();
    let body = order("m1", "json.echo", &json!({})).to_string();
    let heard = served.ask("POST", "/a2a/v1/message:send", "", body.as_bytes());
    assert!(heard.json()["task"]["artifacts"][0]["parts"][0]["data"].is_object());
}

#[test]
fn strangers_are_not_let_in() {
    let served = Served::start();
    let nobody = ainur_api::http::Token::generate().unwrap();
    for (method, path) in [("POST", "/a2a"), ("GET", "/a2a/v1/tasks"), ("GET", "/a2a/v1/card")] {
        assert_eq!(served.ask_as(&nobody, method, path, V1, b"").status, 401, "{path}");
    }
}
