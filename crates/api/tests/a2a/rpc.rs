//! JSON-RPC in 1.0: orders, answers, refusals.
use ainur_api::view::Scope;
use ainur_primitives::Amount;
use serde_json::json;

use crate::bazaar::{LARGE_BYTES, Served, message, order};

#[test]
fn a_message_is_bought_and_answered_with_its_output() {
    let served = Served::start();
    let sent = served.result("SendMessage", &order("m1", "json.echo", &json!({ "say": "hi" })));
    let task = &sent["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_COMPLETED", "{task}");
    assert_eq!(task["artifacts"][0]["parts"][0]["data"], json!({ "say": "hi" }));
    assert_eq!(task["metadata"]["ainur/paid"], "0.25");
    assert_eq!(task["contextId"], task["id"]);
    assert_eq!(task["history"][0]["role"], "ROLE_USER");
    let bought = served.bazaar.requests.lock().unwrap()[0].clone();
    assert_eq!(bought.capability.as_str(), "json.echo");
    assert_eq!(bought.reserve, Amount::ainu(1));
    assert_eq!(bought.idempotency_key.as_deref(), Some("a2a/m1"));
    assert!(!bought.wait);
}

#[test]
fn a_repeated_message_finds_its_task() {
    let served = Served::start();
    let first = served.result("SendMessage", &order("m1", "json.echo", &json!({})));
    let again = served.result("SendMessage", &order("m1", "json.echo", &json!({})));
    assert_eq!(first, again);
    let other = served.result("SendMessage", &order("m2", "json.echo", &json!({})));
    assert_ne!(first["task"]["id"], other["task"]["id"]);
}

#[test]
fn text_goes_to_the_only_capability_that_takes_it() {
    let served = Served::start();
    let parts = json!([{ "text": "some" }, { "text": "text" }]);
    let sent = served.result("SendMessage", &message("m1", &parts));
    assert_eq!(sent["task"]["artifacts"][0]["parts"][0]["text"], "SOME\nTEXT");
    assert_eq!(sent["task"]["metadata"]["ainur/capability"], "text.upper");
}

#[test]
fn metadata_say_what_to_hire_and_for_how_much() {
    let served = Served::start();
    let mut request = message("m1", &json!([{ "raw": "YWJj", "mediaType": "text/plain" }]));
    request["message"]["metadata"] = json!({
        "skillId": "text.upper", "ainur/reserve": "0.5", "ainur/idempotency-key": "mine",
        "ainur/parameters": { "a": 1 },
    });
    request["message"]["contextId"] = json!("talk");
    let sent = served.result("SendMessage", &request);
    assert_eq!(sent["task"]["artifacts"][0]["parts"][0]["text"], "ABC");
    assert_eq!(sent["task"]["contextId"], "talk");
    let bought = served.bazaar.requests.lock().unwrap()[0].clone();
    assert_eq!(bought.reserve, Amount::from_ainu("0.5").unwrap());
    assert_eq!(bought.idempotency_key.as_deref(), Some("mine"));
    assert_eq!(bought.context.as_deref(), Some("talk"));
    assert_eq!(bought.parameters, json!({ "a": 1 }));
}

#[test]
fn outputs_are_bytes_or_addresses_where_they_are_no_text() {
    let served = Served::start();
    let made = served.result("SendMessage", &order("m1", "bytes.make", &json!({})));
    assert_eq!(made["task"]["artifacts"][0]["parts"][0]["raw"], "/wAB");
    let large = served.result("SendMessage", &order("m2", "blob.large", &json!({})));
    let url = large["task"]["artifacts"][0]["parts"][0]["url"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{}", served.address)).unwrap();
    assert_eq!(served.ask("GET", path, "", b"").body().len(), LARGE_BYTES);
}

#[test]
fn a_stored_blob_is_input_by_its_address_and_nothing_else_is_fetched() {
    let served = Served::start();
    let stored = served.ask("PUT", "/v1/blobs", "", b"stored").json();
    let url = format!("http://{}/v1/blobs/{}", served.address, stored["content"].as_str().unwrap());
    let sent = served.result("SendMessage", &message("m1", &json!([{ "url": url }])));
    assert_eq!(sent["task"]["artifacts"][0]["parts"][0]["text"], "STORED");
    let elsewhere = message("m2", &json!([{ "url": "http://127.0.0.1:22/secret" }]));
    served.refused("SendMessage", &elsewhere, -32005);
}

#[test]
fn what_cannot_be_bought_is_a_rejected_task_that_can_be_got() {
    let served = Served::start();
    let unknown = order("m1", "moon.fetch", &json!({}));
    let mut dear = order("m2", "json.echo", &json!({}));
    dear["message"]["metadata"] = json!({ "ainur/reserve": "2000" });
    let nothing = message("m3", &json!([{ "data": { "x": 1 } }]));
    for (request, why) in [(unknown, "on offer: "), (dear, "not bought"), (nothing, "noun.verb")] {
        let sent = served.result("SendMessage", &request);
        let task = &sent["task"];
        assert_eq!(task["status"]["state"], "TASK_STATE_REJECTED", "{task}");
        let said = task["status"]["message"]["parts"][0]["text"].as_str().unwrap();
        assert!(said.contains(why), "{said}");
        assert_eq!(served.result("GetTask", &json!({ "id": task["id"] })), *task);
        let client = served.bazaar.client("other", Scope::Spend, Amount::ainu(1));
        let asked = served.rpc_as(&client, "GetTask", &json!({ "id": task["id"] }));
        assert_eq!(asked["error"]["code"], -32001);
        served.refused("CancelTask", &json!({ "id": task["id"] }), -32002);
        served.refused("SubscribeToTask", &json!({ "id": task["id"] }), -32004);
    }
}

#[test]
fn failed_work_is_a_failed_task_that_cost_nothing() {
    let served = Served::start();
    let sent = served.result("SendMessage", &order("m1", "task.fail", &json!({})));
    let task = &sent["task"];
    assert_eq!(task["status"]["state"], "TASK_STATE_FAILED");
    assert_eq!(task["metadata"]["ainur/paid"], "0");
    assert!(task["status"]["message"]["parts"][0]["text"].as_str().unwrap().contains("failed"));
}

#[test]
fn a_client_buys_within_its_token_and_sees_only_its_own() {
    let served = Served::start();
    let token = served.bazaar.client("small", Scope::Spend, Amount::from_ainu("0.1").unwrap());
    let mine = served.rpc_as(&token, "SendMessage", &order("m1", "json.echo", &json!({})));
    assert_eq!(mine["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED", "{mine}");
    assert_eq!(mine["result"]["task"]["metadata"]["ainur/reserve"], "0.1");
    let theirs = served.result("SendMessage", &order("m1", "json.echo", &json!({})));
    let id = json!({ "id": theirs["task"]["id"] });
    assert_eq!(served.rpc_as(&token, "GetTask", &id)["error"]["code"], -32001);
    assert_eq!(served.rpc_as(&token, "CancelTask", &id)["error"]["code"], -32001);
    let list = served.rpc_as(&token, "ListTasks", &json!({}));
    assert_eq!(list["result"]["tasks"].as_array().unwrap().len(), 1);
    let mut dear = order("m2", "json.echo", &json!({}));
    dear["message"]["metadata"] = json!({ "ainur/reserve": "0.2" });
    let sent = served.rpc_as(&token, "SendMessage", &dear);
    assert_eq!(sent["result"]["task"]["status"]["state"], "TASK_STATE_REJECTED");
    let reader = served.bazaar.client("reader", Scope::Read, Amount::ainu(1));
    let refused = served.call_as(&reader, "SendMessage", &order("m3", "json.echo", &json!({})));
    assert_eq!(refused.json()["error"]["code"], -32600);
}

#[test]
fn who_does_not_want_to_wait_gets_the_task_at_once() {
    let served = Served::start();
    let mut request = order("m1", "task.wait", &json!({}));
    request["configuration"] = json!({ "returnImmediately": true });
    let sent = served.result("SendMessage", &request);
    assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
}

#[test]
fn a_running_task_is_cancelled_and_an_ended_one_is_not() {
    let served = Served::start();
    let id = served.start_waiting("m1");
    let cancelled = served.result("CancelTask", &json!({ "id": id }));
    assert_eq!(cancelled["status"]["state"], "TASK_STATE_CANCELED", "{cancelled}");
    let again = served.result("CancelTask", &json!({ "id": id }));
    assert_eq!(again["status"]["state"], "TASK_STATE_CANCELED");
    let done = served.result("SendMessage", &order("m2", "json.echo", &json!({})));
    served.refused("CancelTask", &json!({ "id": done["task"]["id"] }), -32002);
    served.refused("CancelTask", &json!({ "id": "5f3a" }), -32001);
}

#[test]
fn the_buyers_word_decides_a_task_that_waits_for_it() {
    let served = Served::start();
    let mut ask = order("m1", "word.ask", &json!({}));
    ask["configuration"] = json!({ "returnImmediately": true });
    let id = served.result("SendMessage", &ask)["task"]["id"].clone();
    let word = |message: &str, accept: bool| {
        json!({ "message": {
            "messageId": message, "role": "ROLE_USER", "taskId": id,
            "parts": [{ "data": { "accept": accept, "reason": "as asked" } }],
        }})
    };
    let mut mismatched = word("m2", true);
    mismatched["message"]["contextId"] = json!("another");
    served.refused("SendMessage", &mismatched, -32602);
    let mut chat = word("m3", true);
    chat["message"]["parts"] = json!([{ "text": "hurry up" }]);
    served.refused("SendMessage", &chat, -32004);
    while served.result("GetTask", &json!({ "id": id }))["status"]["message"]["parts"][0]["text"]
        != "delivered 3 bytes"
    {
        std::thread::yield_now();
    }
    let decided = served.result("SendMessage", &word("m4", true));
    assert_eq!(decided["task"]["status"]["state"], "TASK_STATE_COMPLETED");
    served.refused("SendMessage", &word("m5", true), -32004);
    let mut unknown = word("m6", true);
    unknown["message"]["taskId"] = json!("nobody's");
    served.refused("SendMessage", &unknown, -32001);
}

#[test]
fn history_is_as_long_as_asked_for() {
    let served = Served::start();
    let done = served.result("SendMessage", &order("m1", "json.echo", &json!({})));
    let history = |length: i32| {
        let asked = json!({ "id": done["task"]["id"], "historyLength": length });
        served.result("GetTask", &asked)["history"].as_array().map_or(0, Vec::len)
    };
    assert_eq!([history(0), history(1), history(2)], [0, 1, 2]);
    let whole = done["task"]["history"].as_array().unwrap();
    assert_eq!((whole.len(), history(100)), (4, 4));
    let asked = json!({ "id": done["task"]["id"], "historyLength": -1 });
    served.refused("GetTask", &asked, -32602);
}

#[test]
fn a_file_of_another_kind_than_the_capability_takes_is_refused() {
    let served = Served::start();
    let file = |media_type: &str| {
        let parts = json!([{ "raw": "YWJj", "mediaType": media_type }]);
        let mut request = message(media_type, &parts);
        request["message"]["metadata"] = json!({ "ainur/capability": "text.upper" });
        request
    };
    for refused in ["image/png", "application/json", "text"] {
        served.refused("SendMessage", &file(refused), -32005);
    }
    for taken in ["text/plain; charset=utf-8", "TEXT/markdown", "application/octet-stream"] {
        let sent = served.result("SendMessage", &file(taken));
        assert_eq!(sent["task"]["artifacts"][0]["parts"][0]["text"], "ABC", "{taken}");
    }
    let spoken = message("m1", &json!([{ "text": r#"{"say": "hi"}"# }]));
    let with = |mut request: serde_json::Value| {
        request["message"]["metadata"] = json!({ "ainur/capability": "json.echo" });
        request
    };
    let sent = served.result("SendMessage", &with(spoken));
    assert_eq!(sent["task"]["artifacts"][0]["parts"][0]["data"], json!({ "say": "hi" }));
    let chat = message("m2", &json!([{ "text": "say hi" }]));
    served.refused("SendMessage", &with(chat), -32005);
}
