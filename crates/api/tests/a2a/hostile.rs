//! What is sent by mistake or in malice is refused, costs little, and stops nothing.
use ainur_api::a2a::limits::{BODY_BYTES_MAX, MESSAGE_ID_BYTES_MAX, PARTS_MAX};
use serde_json::{Value, json};

use crate::bazaar::{Served, message, order};

const JSON: &str = "A2A-Version: 1.0\r\nContent-Type: application/json\r\n";

fn code(served: &Served, body: &[u8]) -> (Value, i64) {
    let mut answer = served.ask("POST", "/a2a", JSON, body).json();
    (answer["id"].take(), answer["error"]["code"].as_i64().unwrap_or_default())
}

#[test]
fn envelopes_that_are_none_are_refused() {
    let served = Served::start();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{}1{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    for (body, id, expected) in [
        ("", json!(null), -32700),
        ("{", json!(null), -32700),
        ("\u{0}", json!(null), -32700),
        (deep.as_str(), json!(null), -32700),
        ("[]", json!(null), -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ListTasks"}]"#, json!(null), -32600),
        ("7", json!(null), -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ListTasks"}"#, json!(1), -32600),
        (r#"{"id":"a","method":"ListTasks"}"#, json!("a"), -32600),
        (r#"{"jsonrpc":"2.0","id":1}"#, json!(1), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, json!(1), -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ListTasks"}"#, json!(null), -32600),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ListTasks"}"#, json!(null), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","params":[]}"#, json!(1), -32602),
        (r#"{"jsonrpc":"2.0","id":1,"method":"Fly"}"#, json!(1), -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask"}"#, json!(1), -32602),
    ] {
        assert_eq!(code(&served, body.as_bytes()), (id, expected), "{:.80}", body);
    }
    assert_eq!(code(&served, b"\xff\xfe").1, -32700);
    assert!(served.bazaar.requests.lock().unwrap().is_empty());
}

#[test]
fn messages_of_the_wrong_shape_buy_nothing() {
    let served = Served::start();
    let text = json!([{ "text": "hi" }]);
    let with = |path: &[&str], value: Value| {
        let mut request = order("m1", "json.echo", &json!({}));
        let mut place = &mut request;
        for step in path {
            place = match step.parse::<usize>() {
                Ok(index) => &mut place[index],
                Err(_) => &mut place[*step],
            };
        }
        *place = value;
        request
    };
    let many: Vec<_> = (0..=PARTS_MAX).map(|_| json!({ "text": "x" })).collect();
    for request in [
        json!({}),
        json!({ "message": null }),
        json!({ "message": [] }),
        json!({ "message": "hi" }),
        message("", &text),
        message(&"x".repeat(MESSAGE_ID_BYTES_MAX + 1), &text),
        message("m1", &json!([])),
        message("m1", &json!({})),
        message("m1", &json!([{}])),
        message("m1", &json!([{ "text": 5 }])),
        message("m1", &json!([{ "raw": "not base64!" }])),
        message("m1", &json!(many)),
        with(&["message", "role"], json!("ROLE_AGENT")),
        with(&["message", "role"], json!("user")),
        with(&["message", "contextId"], json!("x".repeat(129))),
        with(&["message", "contextId"], json!(5)),
        with(&["message", "metadata"], json!({ "ainur/reserve": 1 })),
        with(&["message", "metadata"], json!({ "ainur/reserve": "-1" })),
        with(&["message", "metadata"], json!({ "ainur/capability": ["json.echo"] })),
        with(&["message", "metadata"], json!({ "ainur/idempotency-key": 9 })),
        with(&["message", "metadata"], json!({ "ainur/parameters": "x" })),
        with(&["message", "parts", "0", "data", "parameters"], json!([1])),
        with(&["configuration"], json!({ "historyLength": -1 })),
        with(&["configuration"], json!({ "historyLength": 1e30 })),
    ] {
        let said = served.refused("SendMessage", &request, -32602);
        assert!(!said.is_empty());
    }
    assert!(served.bazaar.requests.lock().unwrap().is_empty());
}

#[test]
fn a_body_that_is_too_large_is_refused_and_the_largest_is_taken() {
    let served = Served::start();
    let body = |length: usize| {
        let empty = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage",
            "params": message("m1", &json!([{ "text": "" }])) });
        let text = "a".repeat(length - empty.to_string().len());
        let full = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage",
            "params": message("m1", &json!([{ "text": text }])) });
        full.to_string().into_bytes()
    };
    let refused = served.ask("POST", "/a2a", JSON, &body(BODY_BYTES_MAX + 1));
    assert_eq!(refused.status, 413);
    assert_eq!(refused.json()["error"]["code"], -32600);
    let taken = served.ask("POST", "/a2a", JSON, &body(BODY_BYTES_MAX)).json();
    let url = taken["result"]["task"]["artifacts"][0]["parts"][0]["url"].as_str().unwrap();
    assert!(url.contains("/v1/blobs/"), "{url}");
}

#[test]
fn other_media_types_and_versions_are_refused() {
    let served = Served::start();
    let call = br#"{"jsonrpc":"2.0","id":1,"method":"ListTasks"}"#;
    let asked =
        |headers: &str| served.ask("POST", "/a2a", headers, call).json()["error"]["code"].as_i64();
    assert_eq!(asked("Content-Type: text/plain\r\n"), Some(-32005));
    assert_eq!(asked("A2A-Version: 99.0\r\n"), Some(-32009));
    assert_eq!(asked("A2A-Version: nonsense\r\n"), Some(-32009));
    for fine in
        ["", "A2A-Version:\r\n", "A2A-Version: 1.0.5\r\n", "Content-Type: application/a2a+json\r\n"]
    {
        assert_eq!(asked(fine), None, "{fine}");
    }
}

/// Every value of a request is replaced by every kind of another value in turn.
#[test]
fn no_value_of_another_kind_breaks_the_server() {
    fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    paths(value, &format!("{at}/{key}"), found);
                });
            }
            Value::Array(values) => {
                values.iter().enumerate().for_each(|(index, value)| {
                    paths(value, &format!("{at}/{index}"), found);
                });
            }
            _ => {}
        }
    }
    let served = Served::start();
    let mut request = order("m1", "json.echo", &json!({ "a": 1 }));
    request["message"]["metadata"] = json!({ "ainur/reserve": "1" });
    let text = json!({ "text": "x", "mediaType": "text/plain" });
    request["message"]["parts"].as_array_mut().unwrap().push(text);
    request["configuration"] = json!({
        "returnImmediately": true, "historyLength": 1, "acceptedOutputModes": ["text/plain"],
    });
    let mut found = Vec::new();
    paths(&request, "", &mut found);
    let strange = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!([]),
        json!({}),
        json!([[{}]]),
    ];
    for method in ["SendMessage", "message/send"] {
        for path in &found {
            for value in &strange {
                let mut request = request.clone();
                *request.pointer_mut(path).unwrap() = value.clone();
                let answer = served.rpc(method, &request);
                let code = answer["error"]["code"].as_i64();
                let is_expected = answer.get("result").is_some()
                    || matches!(code, Some(-32602 | -32001 | -32004 | -32005));
                assert!(is_expected, "{method} {path} {value}: {answer}");
            }
        }
    }
    served.result("SendMessage", &order("last", "json.echo", &json!({})));
}
