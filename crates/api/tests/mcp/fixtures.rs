//! What the fixtures answer that the suite does not look at.
use std::io::{BufRead, BufReader};
use std::time::Duration;

use ainur_api::mcp::conformance::limits::TASKS_MAX;
use serde_json::{Value, json};

use crate::served::{Answer, STATELESS, Served, stateless};

const CONFIRM: &str = "test_input_required_result_request_state";
const OTHER: &str = "test_input_required_result_tampered_state";

fn answered(state: &Value) -> Value {
    let answer = json!({ "confirm": { "action": "accept", "content": { "ok": true } } });
    json!({ "arguments": {}, "inputResponses": answer, "requestState": state })
}

#[test]
fn state_is_good_for_the_tool_it_was_sealed_for_and_no_other() {
    let served = Served::fixtures();
    let asked = served.result("tools/call", &json!({ "name": CONFIRM, "arguments": {} }));
    assert_eq!(asked["resultType"], "input_required");
    assert_eq!(asked["inputRequests"]["confirm"]["method"], "elicitation/create");
    let mut again = answered(&asked["requestState"]);
    again["name"] = json!(CONFIRM);
    let done = served.result("tools/call", &again);
    assert_eq!(done["content"][0]["text"], "state-ok");
    again["name"] = json!(OTHER);
    served.call("tools/call", &again).assert_error(200, -32602);
    again["name"] = json!(CONFIRM);
    again["requestState"] = json!(format!("{}x", asked["requestState"].as_str().unwrap()));
    served.call("tools/call", &again).assert_error(200, -32602);
    again["requestState"] = Value::Null;
    assert_eq!(served.result("tools/call", &again)["resultType"], "input_required");
}

#[test]
fn client_is_never_asked_for_what_it_cannot_do() {
    let served = Served::fixtures();
    let tool = "test_input_required_result_elicitation";
    let mut call = stateless("tools/call", &json!({ "name": tool, "arguments": {} }));
    call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let headers =
        [("MCP-Protocol-Version", STATELESS), ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)];
    let refused = served.post(&headers, &call);
    refused.assert_error(400, -32021);
    let required = refused.message()["error"]["data"]["requiredCapabilities"].clone();
    assert_eq!(required, json!({ "elicitation": {} }));
}

#[test]
fn listener_is_told_when_a_tool_comes_and_when_it_goes() {
    let served = Served::fixtures();
    let headers = [("MCP-Protocol-Version", STATELESS), ("Mcp-Method", "subscriptions/listen")];
    let wanted = json!({ "notifications": { "toolsListChanged": true } });
    let body = stateless("subscriptions/listen", &wanted).to_string();
    let mut lines = BufReader::new(served.send("POST", &headers, body.as_bytes())).lines();
    let mut heard = |method: &str| {
        let mut texts = lines.by_ref().map(Result::unwrap);
        assert!(texts.any(|line| line.contains(method)), "{method} is heard");
    };
    heard("notifications/subscriptions/acknowledged");
    let is_there = || {
        let list = served.result("tools/list", &json!({}));
        let tools = list["tools"].as_array().unwrap();
        tools.iter().any(|tool| tool["name"] == "test_dynamic_tool")
    };
    for there in [true, false] {
        assert_eq!(is_there(), !there);
        // Prompts change too, which nobody here wants to hear of.
        for trigger in ["test_trigger_prompt_change", "test_trigger_tool_change"] {
            served.result("tools/call", &json!({ "name": trigger, "arguments": {} }));
        }
        heard("notifications/tools/list_changed");
        assert_eq!(is_there(), there);
    }
}

#[test]
fn missing_arguments_and_unknown_names_are_the_callers_fault() {
    let served = Served::fixtures();
    let call = |name: &str| json!({ "name": name, "arguments": {} });
    for tool in ["test_sampling", "test_elicitation", "test_dynamic_tool", "nothing"] {
        served.call("tools/call", &call(tool)).assert_error(200, -32602);
    }
    for prompt in ["test_prompt_with_arguments", "test_dynamic_prompt", "nothing"] {
        served.call("prompts/get", &call(prompt)).assert_error(200, -32602);
    }
    served.call("resources/read", &json!({ "uri": "test://nothing" })).assert_error(200, -32602);
}

/// A call that becomes a task.
fn begin(served: &Served, tool: &str, arguments: &Value) -> Answer {
    let mut call = stateless("tools/call", &json!({ "name": tool, "arguments": arguments }));
    call["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = takes_tasks();
    let headers =
        [("MCP-Protocol-Version", STATELESS), ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)];
    served.post(&headers, &call)
}

fn takes_tasks() -> Value {
    json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

/// What a request about a task results in.
fn about(served: &Served, method: &str, task: &str, params: &Value) -> Value {
    let mut params = params.clone();
    params["taskId"] = json!(task);
    let mut request = stateless(method, &params);
    request["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = takes_tasks();
    let headers = [("MCP-Protocol-Version", STATELESS), ("Mcp-Method", method), ("Mcp-Name", task)];
    served.post(&headers, &request).message()["result"].take()
}

/// How a task is once it is so.
fn once(served: &Served, task: &str, status: &str) -> Value {
    for _ in 0..200 {
        let got = about(served, "tasks/get", task, &json!({}));
        if got["status"] == status {
            return got;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the task is not {status}");
}

#[test]
fn task_asks_for_what_it_needs_and_goes_on_with_it() {
    let served = Served::fixtures();
    let begun = begin(&served, "confirm_delete", &json!({ "filename": "a.txt" })).message();
    assert_eq!(begun["result"]["resultType"], "task", "{begun}");
    let task = begun["result"]["taskId"].as_str().unwrap();
    let asks = once(&served, task, "input_required");
    assert_eq!(asks["inputRequests"]["confirm"]["method"], "elicitation/create");
    let answer = json!({ "confirm": { "action": "accept", "content": { "confirm": true } } });
    about(&served, "tasks/update", task, &json!({ "inputResponses": answer }));
    let done = once(&served, task, "completed");
    assert_eq!(done["result"]["content"][0]["text"], "a.txt is deleted.");
}

#[test]
fn one_task_too_many_is_refused() {
    let served = Served::fixtures();
    let begin = || begin(&served, "slow_compute", &json!({ "seconds": 60 })).message();
    for _ in 0..TASKS_MAX {
        assert_eq!(begin()["result"]["resultType"], "task");
    }
    let refused = begin();
    assert!(refused["error"]["message"].as_str().unwrap().contains("too many"), "{refused}");
}
