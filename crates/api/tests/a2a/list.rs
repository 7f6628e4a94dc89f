//! Lists of tasks: pages, filters, totals.
use serde_json::{Value, json};

use crate::bazaar::{Served, order};

fn ids(list: &Value) -> Vec<&str> {
    let tasks = list["tasks"].as_array().unwrap();
    tasks.iter().map(|task| task["id"].as_str().unwrap()).collect()
}

#[test]
fn pages_hold_every_task_once_and_the_newest_first() {
    let served = Served::start();
    let mut sent: Vec<_> = (0..5)
        .map(|number| {
            let request = order(&format!("m{number}"), "json.echo", &json!({}));
            served.result("SendMessage", &request)["task"]["id"].as_str().unwrap().to_owned()
        })
        .collect();
    sent.reverse();
    let (mut found, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let list = served.result("ListTasks", &json!({ "pageSize": 2, "pageToken": token }));
        assert_eq!((&list["pageSize"], &list["totalSize"]), (&json!(2), &json!(5)), "{list}");
        found.extend(ids(&list).into_iter().map(str::to_owned));
        pages += 1;
        token = list["nextPageToken"].as_str().unwrap().into();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, 3);
    let (mut all, mut expected) = (found.clone(), sent.clone());
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(found[..2].iter().max(), sent[..2].iter().max(), "the newest are on the first page");
}

#[test]
fn filters_choose_by_context_and_state() {
    let served = Served::start();
    let send = |message: &str, capability: &str, context: Option<&Value>| {
        let mut request = order(message, capability, &json!({}));
        if let Some(context) = context {
            request["message"]["contextId"] = context.clone();
        }
        served.result("SendMessage", &request)["task"].clone()
    };
    let first = send("m1", "json.echo", None);
    let second = send("m2", "task.fail", Some(&first["contextId"]));
    let third = send("m3", "json.echo", Some(&json!("talk")));
    let waiting = json!(served.start_waiting("m4"));
    served.result("CancelTask", &json!({ "id": waiting }));
    let list = |filter: Value| served.result("ListTasks", &filter);
    let found = list(json!({ "contextId": first["contextId"] }));
    let mut found = ids(&found);
    found.sort_unstable();
    let mut both = [first["id"].as_str().unwrap(), second["id"].as_str().unwrap()];
    both.sort_unstable();
    assert_eq!(found, both, "a task without a context begins one");
    assert_eq!(ids(&list(json!({ "contextId": "talk" }))), [third["id"].as_str().unwrap()]);
    assert_eq!(ids(&list(json!({ "contextId": "nobody's" }))), [""; 0]);
    let failed = list(json!({ "status": "TASK_STATE_FAILED" }));
    assert_eq!(ids(&failed), [second["id"].as_str().unwrap()]);
    let cancelled = list(json!({ "status": "TASK_STATE_CANCELED" }));
    assert_eq!(ids(&cancelled), [waiting.as_str().unwrap()]);
    assert_eq!(ids(&list(json!({ "status": "TASK_STATE_COMPLETED" }))).len(), 2);
    assert_eq!(ids(&list(json!({ "status": "TASK_STATE_AUTH_REQUIRED" }))), [""; 0]);
    let later = list(json!({ "statusTimestampAfter": "2030-01-01T00:00:00Z" }));
    assert_eq!(ids(&later), [""; 0]);
}

#[test]
fn outputs_and_messages_are_listed_when_asked_for() {
    let served = Served::start();
    served.result("SendMessage", &order("m1", "json.echo", &json!({})));
    let plain = served.result("ListTasks", &json!({}));
    assert!(plain["tasks"][0].get("artifacts").is_none(), "{plain}");
    assert!(plain["tasks"][0].get("history").is_none(), "{plain}");
    let full = served.result("ListTasks", &json!({ "includeArtifacts": true, "historyLength": 9 }));
    assert_eq!(full["tasks"][0]["artifacts"].as_array().unwrap().len(), 1);
    assert_eq!(full["tasks"][0]["history"].as_array().unwrap().len(), 4);
}
