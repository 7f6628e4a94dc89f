//! Streams: what they tell, in which order, and how little an idle one costs.
use std::time::{Duration, Instant};

use ainur_api::a2a::Config;
use ainur_api::a2a::limits::STREAMS_MAX;
use ainur_api::http::Bounds;
use ainur_api::view::{Scope, TaskPhase};
use ainur_primitives::Amount;
use serde_json::{Value, json};

use crate::bazaar::{Heard, Served, order};

fn kinds(events: &[Value]) -> Vec<String> {
    let kind = |event: &Value| event["result"].as_object().unwrap().keys().next().unwrap().clone();
    events.iter().map(kind).collect()
}

#[test]
fn a_stream_begins_with_the_task_and_ends_with_its_output_and_state() {
    let served = Served::start();
    let request = order("m1", "json.echo", &json!({ "say": "hi" }));
    let events = served.stream("SendStreamingMessage", &request).events();
    assert!(events.iter().all(|event| event["id"] == 7 && event["jsonrpc"] == "2.0"));
    let told = ["task", "statusUpdate", "statusUpdate", "artifactUpdate", "statusUpdate"];
    assert_eq!(kinds(&events), told, "{events:?}");
    let result = |index: usize| &events[index]["result"];
    assert_eq!(result(0)["task"]["status"]["state"], "TASK_STATE_SUBMITTED");
    assert_eq!(result(1)["statusUpdate"]["status"]["state"], "TASK_STATE_SUBMITTED");
    assert_eq!(result(2)["statusUpdate"]["status"]["state"], "TASK_STATE_WORKING");
    let artifact = &result(3)["artifactUpdate"];
    assert_eq!(artifact["artifact"]["parts"][0]["data"], json!({ "say": "hi" }));
    assert_eq!(artifact["lastChunk"], true);
    assert_eq!(result(4)["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
    let context = &result(0)["task"]["contextId"];
    assert!((1..5).all(|index| {
        result(index).as_object().unwrap().values().all(|update| update["contextId"] == *context)
    }));
    let again = served.stream("SendStreamingMessage", &request).events();
    assert_eq!(kinds(&again), ["task"], "a repeated message finds the end");
    assert_eq!(again[0]["result"]["task"]["status"]["state"], "TASK_STATE_COMPLETED");
}

#[test]
fn every_subscriber_hears_the_same_and_one_who_leaves_disturbs_nobody() {
    let served = Served::start();
    let id = served.start_waiting("m1");
    let subscribe = || {
        let mut heard = served.stream("SubscribeToTask", &json!({ "id": id }));
        let first = heard.event().unwrap();
        assert_eq!(first["result"]["task"]["status"]["state"], "TASK_STATE_WORKING");
        heard
    };
    let (one, two, gone) = (subscribe(), subscribe(), subscribe());
    served.bazaar.happen(id, "chunk", "1", TaskPhase::Running);
    drop(gone);
    served.bazaar.happen(id, "chunk", "2", TaskPhase::Running);
    served.bazaar.settle(id, b"{}".to_vec());
    let (one, two) = (one.events(), two.events());
    assert_eq!(one, two);
    assert_eq!(kinds(&one), ["statusUpdate", "statusUpdate", "artifactUpdate", "statusUpdate"]);
    served.refused("SubscribeToTask", &json!({ "id": id }), -32004);
    served.refused("SubscribeToTask", &json!({ "id": "nobody's" }), -32001);
}

#[test]
fn a_refusal_is_told_before_a_stream_begins() {
    let served = Served::start();
    let mut request = order("m1", "json.echo", &json!({}));
    request["message"]["parts"] = json!([]);
    let heard = served.call_as(&served.token, "SendStreamingMessage", &request);
    assert!(heard.head.contains("content-type: application/json"), "{}", heard.head);
    assert_eq!(heard.json()["error"]["code"], -32602);
}

#[test]
fn a_stop_ends_streams_with_a_word() {
    let served = Served::start();
    let id = served.start_waiting("m1");
    let mut heard = served.stream("SubscribeToTask", &json!({ "id": id }));
    heard.event().unwrap();
    served.stop.stop();
    let last = heard.events().pop().unwrap();
    assert!(last["error"]["message"].as_str().unwrap().contains("stopping"), "{last}");
}

#[test]
fn streams_and_waiting_calls_end_with_a_word_when_their_token_is_taken_back() {
    let served = Served::start();
    let token = served.bazaar.client("gone", Scope::Spend, Amount::ainu(5));
    let mut heard =
        served.stream_as(&token, "SendStreamingMessage", &order("m1", "task.wait", &json!({})));
    let first = heard.event().unwrap();
    let id = first["result"]["task"]["id"].clone();
    let mut other = served.stream_as(&token, "SubscribeToTask", &json!({ "id": id }));
    other.event().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope
            .spawn(|| served.rpc_as(&token, "SendMessage", &order("m2", "task.wait", &json!({}))));
        let begun = Instant::now();
        while served.bazaar.requests.lock().unwrap().len() < 2 {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is bought");
            std::thread::sleep(Duration::from_millis(10));
        }
        let begun = Instant::now();
        served.bazaar.revoke(&token);
        for heard in [heard, other] {
            let last = heard.events().pop().unwrap();
            assert_eq!(
                last["error"]["data"][0]["metadata"]["ainur/code"], "unauthorized",
                "{last}"
            );
        }
        let last = waiting.join().unwrap();
        assert_eq!(last["error"]["data"][0]["metadata"]["ainur/code"], "unauthorized", "{last}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}

#[test]
fn a_client_opens_its_part_of_the_streams() {
    let served = Served::start();
    let token = served.bazaar.client("greedy", Scope::Spend, Amount::ainu(5));
    let mut request = order("m1", "task.wait", &json!({}));
    request["configuration"] = json!({ "returnImmediately": true });
    let id = served.rpc_as(&token, "SendMessage", &request)["result"]["task"]["id"].clone();
    let id = json!({ "id": id });
    let held: Vec<Heard> =
        (0..STREAMS_MAX / 4).map(|_| served.stream_as(&token, "SubscribeToTask", &id)).collect();
    let refused = served.rpc_as(&token, "SubscribeToTask", &id);
    assert!(refused["error"]["message"].as_str().unwrap().contains("too many"), "{refused}");
    served.stream("SubscribeToTask", &id).event().unwrap();
    drop(held);
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn a_thousand_idle_streams_take_no_thread_each() {
    const STREAMS: usize = STREAMS_MAX;
    let bounds = Bounds { connections_max: STREAMS + 50, ..Bounds::default() };
    let served = Served::with(Config::default(), bounds);
    let id = served.start_waiting("m1");
    let mut heard: Vec<Heard> =
        (0..STREAMS).map(|_| served.stream("SubscribeToTask", &json!({ "id": id }))).collect();
    for heard in &mut heard {
        heard.event().unwrap();
    }
    let begun = Instant::now();
    while served.bazaar.count_watchers(id) < STREAMS {
        assert!(begun.elapsed() < Duration::from_secs(20), "all come to wait");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Other tests run beside this one; their threads are few.
    assert!(threads() < STREAMS / 4, "{} threads", threads());
    let more = served.result("GetTask", &json!({ "id": id }));
    assert_eq!(more["status"]["state"], "TASK_STATE_WORKING", "others are still answered");
    let one_more = served.call_as(&served.token, "SubscribeToTask", &json!({ "id": id }));
    assert!(one_more.head.contains("content-type: application/json"), "{}", one_more.head);
    let refused = one_more.json();
    assert!(refused["error"]["message"].as_str().unwrap().contains("too many"), "{refused}");
    served.bazaar.settle(id, b"{}".to_vec());
    for heard in heard {
        let last = heard.events().pop().unwrap();
        let state = &last["result"]["statusUpdate"]["status"]["state"];
        assert_eq!(state, "TASK_STATE_COMPLETED", "{last}");
    }
}

#[test]
fn streams_are_told_to_the_end_however_busy_the_node_is() {
    let bounds = Bounds { prompt_calls_max: 1, ..Bounds::default() };
    let served = Served::with(Config::default(), bounds);
    let id = served.start_waiting("m1");
    let mut heard = Vec::new();
    while heard.len() < 30 {
        let stream = served.call_as(&served.token, "SubscribeToTask", &json!({ "id": id }));
        // To begin, a stream takes its turn like any other question.
        if stream.head.contains("text/event-stream") {
            heard.push(stream);
        }
    }
    for number in 0..5 {
        served.bazaar.happen(id, "chunk", &number.to_string(), TaskPhase::Running);
    }
    served.bazaar.settle(id, b"{}".to_vec());
    for heard in heard {
        let events = heard.events();
        let last = &events.last().unwrap()["result"]["statusUpdate"]["status"]["state"];
        assert_eq!(last, "TASK_STATE_COMPLETED", "{events:?}");
        assert_eq!(events.len(), 1 + 5 + 2, "{events:?}");
    }
}
