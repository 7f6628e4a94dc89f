//! The catalog and its search.
use serde_json::{Value, json};

use crate::market::{ECHO, SLOW};
use crate::served::Served;

#[test]
fn both_catalogs_name_every_capability_and_how_to_buy_it() {
    let served = Served::start();
    let catalog = served.ask("GET /.well-known/ard.json", "").json();
    assert_eq!(served.ask("GET /.well-known/ai-catalog.json", "").json(), catalog);
    assert_eq!(catalog["specVersion"], "1.0");
    let entries = catalog["entries"].as_array().unwrap();
    let find = |name: &str| entries.iter().find(|entry| entry["displayName"] == name).unwrap();
    let echo = find(ECHO);
    assert_eq!(echo["identifier"], "urn:air:localhost:capability:text.echo");
    assert_eq!(echo["metadata"], json!({ "agents": 2, "cheapest": "2" }));
    assert_eq!(echo["data"]["buy"]["url"], format!("http://{}/v1/tasks", served.address));
    assert_eq!(find(SLOW)["metadata"], json!({ "agents": 1 }));
    for entry in entries {
        assert_ne!(entry.get("url").is_some(), entry.get("data").is_some(), "{entry}");
    }
    assert!(!catalog.to_string().contains("agent-1"), "who works is not public");
}

#[track_caller]
fn search(served: &Served, body: &Value) -> Value {
    let answer = served.send("POST /search", "", &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn names(found: &Value) -> Vec<&str> {
    let results = found["results"].as_array().unwrap();
    results.iter().map(|result| result["displayName"].as_str().unwrap()).collect()
}

#[test]
fn capabilities_are_found_by_name_description_and_parameters() {
    let served = Served::start();
    for (text, name) in [("stone", SLOW), ("carve figures", SLOW), ("sentence", ECHO)] {
        let found = search(&served, &json!({ "query": { "text": text } }));
        assert_eq!(names(&found)[0], name, "{found}");
        let score = found["results"][0]["score"].as_u64().unwrap();
        assert!((1..=100).contains(&score), "{found}");
        assert_eq!(found["results"][0]["source"], format!("http://{}/", served.address));
    }
    assert!(names(&search(&served, &json!({ "query": { "text": "teleport" } }))).is_empty());
}

#[test]
fn filters_pages_and_federation_are_obeyed() {
    let served = Served::start();
    let text = "capabilities that carve a sentence";
    let all = search(&served, &json!({ "query": { "text": text } }));
    assert!(names(&all).len() >= 3, "{all}");
    let filtered = search(
        &served,
        &json!({ "query": { "text": text, "filter": {
        "type": ["application/vnd.ainur.capability+json", "x"], "data.contract.name": ECHO } } }),
    );
    assert_eq!(names(&filtered), [ECHO]);
    let none =
        search(&served, &json!({ "query": { "text": text, "filter": { "colour": "red" } } }));
    assert!(names(&none).is_empty());

    let mut paged = Vec::new();
    let mut token = None;
    loop {
        let page = search(
            &served,
            &json!({ "query": { "text": text }, "pageSize": 1, "pageToken": token }),
        );
        paged.extend(names(&page).into_iter().map(str::to_owned));
        match page.get("pageToken") {
            Some(next) => token = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!(paged, names(&all));
    let asked = json!({ "query": { "text": text }, "federation": "referrals" });
    assert_eq!(search(&served, &asked)["referrals"], json!([]));
}

#[test]
fn searches_that_ask_too_much_are_refused() {
    let served = Served::start();
    let long = "ä".repeat(257);
    for body in [
        json!({}),
        json!({ "query": {} }),
        json!({ "query": { "text": long } }),
        json!({ "query": { "text": "a", "filter": { "type": vec!["a"; 65] } } }),
        json!({ "query": { "text": "a", "filter": { "type": 1 } } }),
        json!({ "query": { "text": "a" }, "pageSize": 101 }),
        json!({ "query": { "text": "a" }, "pageSize": 0 }),
        json!({ "query": { "text": "a" }, "pageToken": "-1" }),
        json!({ "query": { "text": "a" }, "federation": "all" }),
        json!({ "query": { "text": "a" }, "colour": "red" }),
    ] {
        served.send("POST /search", "", &body.to_string()).assert_problem(400, "invalid-request");
    }
}

#[test]
fn the_registration_file_names_the_node_and_its_services() {
    let served = Served::start();
    let file = served.ask("GET /.well-known/agent-registration.json", "").json();
    assert_eq!(file["type"], "https://eips.ethereum.org/EIPS/eip-8004#registration-v1");
    let openapi = format!("http://{}/openapi.json", served.address);
    assert_eq!(file["services"][0]["endpoint"], openapi);
}
