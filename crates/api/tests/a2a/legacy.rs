//! 0.3: its methods, its shapes and its paths.
use serde_json::{Value, json};

use crate::bazaar::{Served, order};

fn message(id: &str, parts: &Value) -> Value {
    json!({ "message": { "kind": "message", "messageId": id, "role": "user", "parts": parts } })
}

fn echo(id: &str) -> Value {
    let form = json!({ "capability": "json.echo", "parameters": { "say": "hi" } });
    message(id, &json!([{ "kind": "data", "data": form }]))
}

#[test]
fn a_message_is_answered_with_a_task_in_the_shape_of_0_3() {
    let served = Served::start();
    let task = served.result("message/send", &echo("m1"));
    assert_eq!((&task["kind"], &task["status"]["state"]), (&json!("task"), &json!("completed")));
    let part = &task["artifacts"][0]["parts"][0];
    assert_eq!((&part["kind"], &part["data"]), (&json!("data"), &json!({ "say": "hi" })));
    assert!(part.get("mediaType").is_none(), "{part}");
    assert_eq!(task["status"]["message"]["kind"], "message");
    assert_eq!(task["history"][0]["role"], "user");
    assert_eq!(task["history"][1]["role"], "agent");
    let same = served.result("SendMessage", &order("m1", "json.echo", &json!({})));
    assert_eq!(same["task"]["id"], task["id"], "both versions mean the same task");
    let got = served.result("tasks/get", &json!({ "id": task["id"], "historyLength": 0 }));
    assert_eq!(got, task, "nought means everything");
}

#[test]
fn files_go_in_and_out_by_their_old_names() {
    let served = Served::start();
    let file = json!({ "bytes": "YWJj", "mimeType": "text/plain", "name": "a.txt" });
    let task =
        served.result("message/send", &message("m1", &json!([{ "kind": "file", "file": file }])));
    assert_eq!(task["artifacts"][0]["parts"][0], json!({ "kind": "text", "text": "ABC" }));
    let mut bytes = echo("m2");
    bytes["message"]["parts"][0]["data"]["capability"] = json!("bytes.make");
    let task = served.result("message/send", &bytes);
    let part = &task["artifacts"][0]["parts"][0];
    let file = json!({ "bytes": "/wAB", "mimeType": "application/octet-stream" });
    assert_eq!(*part, json!({ "kind": "file", "file": file }));
}

#[test]
fn streams_tell_what_they_hold_and_when_they_end() {
    let served = Served::start();
    let events = served.stream("message/stream", &echo("m1")).events();
    let kinds: Vec<_> = events.iter().map(|event| event["result"]["kind"].clone()).collect();
    let told = ["task", "status-update", "status-update", "artifact-update", "status-update"];
    assert_eq!(kinds, told);
    let finals: Vec<_> = events.iter().map(|event| event["result"]["final"].clone()).collect();
    assert_eq!(finals, [json!(null), json!(false), json!(false), json!(null), json!(true)]);
    let id = served.start_waiting("m2");
    let mut heard = served.stream("tasks/resubscribe", &json!({ "id": id }));
    assert_eq!(heard.event().unwrap()["result"]["status"]["state"], "working");
}

#[test]
fn who_does_not_block_gets_the_task_at_once_and_cancels_it() {
    let served = Served::start();
    let mut request = echo("m1");
    request["message"]["parts"][0]["data"]["capability"] = json!("task.wait");
    request["configuration"] = json!({ "blocking": false, "historyLength": 0 });
    let task = served.result("message/send", &request);
    assert_eq!(task["status"]["state"], "submitted");
    let cancelled = served.result("tasks/cancel", &json!({ "id": task["id"] }));
    assert_eq!(cancelled["status"]["state"], "canceled");
}

#[test]
fn errors_have_the_codes_of_0_3() {
    let served = Served::start();
    served.refused("tasks/get", &json!({ "id": "nobody's" }), -32001);
    served.refused("tasks/cancel", &json!({ "id": "nobody's" }), -32001);
    served.refused("tasks/resubscribe", &json!({ "id": "nobody's" }), -32001);
    served.refused("message/send", &json!({}), -32602);
    served.refused("message/send", &message("m1", &json!([{ "kind": "video" }])), -32602);
    for what in ["set", "get", "list", "delete"] {
        let method = format!("tasks/pushNotificationConfig/{what}");
        served.refused(&method, &json!({ "id": "t", "taskId": "t", "pushNotificationConfig": { "url": "https://x.example" } }), -32003);
    }
    served.refused("tasks/list", &json!({}), -32601);
}

#[test]
fn the_extended_card_is_in_the_shape_of_0_3() {
    let served = Served::start();
    let card = served.result("agent/getAuthenticatedExtendedCard", &json!({}));
    assert_eq!(card["url"], format!("http://{}/a2a", served.address));
    assert_eq!(card["supportsAuthenticatedExtendedCard"], true);
    assert!(card["capabilities"]["extensions"][0]["params"]["offers"].is_array());
}

#[test]
fn paths_of_0_3_speak_as_protocol_buffers_do() {
    let served = Served::start();
    let headers = "A2A-Version: 0.3\r\nContent-Type: application/json\r\n";
    let form = json!({ "data": { "capability": "json.echo", "parameters": { "say": "hi" } } });
    let request = json!({
        "request": {
            "message_id": "m1", "role": "ROLE_USER", "content": [{ "data": form }],
        },
        "configuration": { "blocking": true },
    });
    let body = request.to_string();
    let sent = served.ask("POST", "/a2a/v1/message:send", headers, body.as_bytes()).json();
    let task = &sent["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED", "{sent}");
    assert_eq!(task["artifacts"][0]["parts"][0], json!({ "data": { "data": { "say": "hi" } } }));
    assert!(task["history"][0]["content"].is_array());
    let got =
        served.ask("GET", &format!("/a2a/v1/tasks/{}", task["id"].as_str().unwrap()), "", b"");
    assert_eq!(got.json(), *task, "silence is 0.3");
    let body = body.replace("m1", "m2");
    let events = served.ask("POST", "/a2a/v1/message:stream", headers, body.as_bytes()).events();
    assert!(events[0]["task"].is_object());
    assert_eq!(events.last().unwrap()["statusUpdate"]["final"], true);
    let missing = served.ask("GET", "/a2a/v1/tasks/nobody", headers, b"");
    assert_eq!(missing.status, 404);
    let missing = missing.json();
    assert_eq!((&missing["type"], &missing["code"]), (&json!("TaskNotFoundError"), &json!(-32001)));
}

#[test]
fn null_asks_for_no_notifications() {
    let served = Served::start();
    let form = json!({ "data": { "capability": "json.echo", "parameters": { "say": "hi" } } });
    let body = json!({
        "request": { "message_id": "m1", "role": "ROLE_USER", "content": [{ "data": form }] },
        "configuration": { "blocking": true, "push_notification": null },
    });
    let headers = "A2A-Version: 0.3\r\nContent-Type: application/json\r\n";
    let body = body.to_string();
    let sent = served.ask("POST", "/a2a/v1/message:send", headers, body.as_bytes()).json();
    assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{sent}");
}
