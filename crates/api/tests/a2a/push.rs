//! Push notifications: what is kept, what is sent, and to whom it is not.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ainur_api::a2a::{Config, Deliver, PushDelivery, PushFailure};
use ainur_api::http::Bounds;
use ainur_api::view::TaskPhase;
use serde_json::{Value, json};

use crate::bazaar::{Served, order};

/// What was delivered; the first try of every notification fails.
#[derive(Clone, Default)]
struct Postbox(Arc<Mutex<Vec<PushDelivery>>>);

impl Postbox {
    fn deliver(&self) -> Deliver {
        let postbox = self.clone();
        Arc::new(move |delivery| {
            let postbox = postbox.clone();
            Box::pin(async move {
                let mut delivered = postbox.0.lock().unwrap();
                if delivered.is_empty() {
                    delivered.push(delivery);
                    return Err(PushFailure::Temporary);
                }
                delivered.push(delivery);
                Ok(())
            })
        })
    }

    fn wait_for(&self, done: impl Fn(&[Value]) -> bool) -> Vec<PushDelivery> {
        let begun = Instant::now();
        loop {
            let delivered = self.0.lock().unwrap().clone();
            let bodies: Vec<Value> = delivered
                .iter()
                .map(|delivery| serde_json::from_slice(&delivery.body).unwrap())
                .collect();
            if done(&bodies) {
                return delivered;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{bodies:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn start(postbox: &Postbox) -> Served {
    let config = Config { deliver: Some(postbox.deliver()), ..Config::default() };
    Served::with(config, Bounds::default())
}

#[test]
fn every_update_is_posted_with_its_token_and_tried_again() {
    let postbox = Postbox::default();
    let served = start(&postbox);
    let mut request = order("m1", "json.echo", &json!({}));
    request["configuration"] = json!({ "taskPushNotificationConfig": {
        "url": "https://hooks.example/a2a", "token": "mine",
        "authentication": { "scheme": "Bearer", "credentials": "secret" },
    }});
    let sent = served.result("SendMessage", &request);
    assert_eq!(sent["task"]["status"]["state"], "TASK_STATE_COMPLETED");
    let delivered = postbox.wait_for(|bodies| {
        bodies
            .last()
            .is_some_and(|body| body["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED")
    });
    assert_eq!(delivered[0], delivered[1], "what failed is sent again");
    let headers = &delivered[0].headers;
    let has = |name: &str, value: &str| headers.contains(&(name.to_owned(), value.to_owned()));
    assert!(has("X-A2A-Notification-Token", "mine"), "{headers:?}");
    assert!(has("Authorization", "Bearer secret"), "{headers:?}");
    assert_eq!(delivered[0].url, "https://hooks.example/a2a");
    let hidden = format!("{:?}", delivered[0]);
    assert!(!hidden.contains("secret") && !hidden.contains("mine"), "{hidden}");
}

#[test]
fn configurations_are_made_shown_listed_and_deleted() {
    let postbox = Postbox::default();
    let served = start(&postbox);
    let card = served.ask("GET", "/.well-known/agent-card.json", "", b"").json();
    assert_eq!(card["capabilities"]["pushNotifications"], true);
    let id = json!(served.start_waiting("m1"));
    let create = "CreateTaskPushNotificationConfig";
    let config = |name: &str| json!({ "taskId": id, "id": name, "url": "https://hooks.example" });
    let one = served.result(create, &config("one"));
    assert_eq!(one, json!({ "taskId": id, "id": "one", "url": "https://hooks.example" }));
    served.result(create, &json!({ "taskId": id, "url": "https://hooks.example" }));
    let named = |name: &str| json!({ "taskId": id, "id": name });
    assert_eq!(served.result("GetTaskPushNotificationConfig", &named("one")), one);
    let list = served.result("ListTaskPushNotificationConfigs", &json!({ "taskId": id }));
    assert_eq!(list["configs"].as_array().unwrap().len(), 2, "{list}");
    let legacy = served.result("tasks/pushNotificationConfig/get", &json!({ "id": id }));
    assert_eq!(legacy["pushNotificationConfig"]["id"], id, "{legacy}");
    served.result("DeleteTaskPushNotificationConfig", &named("one"));
    served.result("DeleteTaskPushNotificationConfig", &named("one"));
    served.refused("GetTaskPushNotificationConfig", &named("one"), -32001);
    let v1 = "A2A-Version: 1.0\r\n";
    let path = format!("/a2a/v1/tasks/{}/pushNotificationConfigs", id.as_str().unwrap());
    let body = json!({ "url": "https://hooks.example/rest", "id": "rest" }).to_string();
    let made = served.ask("POST", &path, v1, body.as_bytes()).json();
    assert_eq!(made["taskId"], id);
    assert_eq!(served.ask("GET", &format!("{path}/rest"), v1, b"").json(), made);
    let list = served.ask("GET", &path, v1, b"").json();
    assert_eq!(list["configs"].as_array().unwrap().len(), 2);
    assert_eq!(served.ask("DELETE", &format!("{path}/rest"), v1, b"").status, 200);
    assert_eq!(served.ask("GET", &format!("{path}/rest"), v1, b"").status, 404);
}

#[test]
fn addresses_that_are_not_https_and_tasks_of_others_are_refused() {
    let served = start(&Postbox::default());
    let id = json!(served.start_waiting("m1"));
    let create = "CreateTaskPushNotificationConfig";
    for url in ["http://hooks.example", "https://", "https://a@b.example", "file:///etc", "", "x"] {
        served.refused(create, &json!({ "taskId": id, "url": url }), -32602);
    }
    let control = json!({ "taskId": id, "url": "https://hooks.example", "token": "a\r\nb" });
    served.refused(create, &control, -32602);
    let config = json!({ "taskId": "nobody's", "url": "https://hooks.example" });
    served.refused(create, &config, -32001);
    for number in 0..8 {
        let config = json!({ "taskId": id, "id": number.to_string(), "url": "https://x.example" });
        served.result(create, &config);
    }
    let config = json!({ "taskId": id, "id": "ninth", "url": "https://x.example" });
    served.refused(create, &config, -32600);
}

#[test]
fn a_client_of_0_3_is_posted_the_task_as_0_3_has_it() {
    let postbox = Postbox::default();
    let served = start(&postbox);
    let id = served.start_waiting("m1");
    let config = json!({ "taskId": id, "pushNotificationConfig": { "url": "https://x.example" } });
    let set = served.result("tasks/pushNotificationConfig/set", &config);
    assert_eq!(set["pushNotificationConfig"]["url"], "https://x.example");
    served.bazaar.happen(id, "chunk", "1", TaskPhase::Running);
    served.bazaar.settle(id, b"{}".to_vec());
    postbox.wait_for(|bodies| {
        bodies
            .last()
            .is_some_and(|task| task["kind"] == "task" && task["status"]["state"] == "completed")
    });
}

#[test]
fn what_was_asked_for_is_kept_in_a_file_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("push.json");
    let postbox = Postbox::default();
    let config = Config {
        deliver: Some(postbox.deliver()),
        push_file: Some(file.clone()),
        ..Config::default()
    };
    let served = Served::with(config, Bounds::default());
    let id = served.start_waiting("m1");
    let config = json!({ "taskId": id, "url": "https://x.example", "token": "mine" });
    served.result("CreateTaskPushNotificationConfig", &config);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains(&id.to_string()) && kept.contains("mine"), "{kept}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    served.bazaar.settle(id, b"{}".to_vec());
    let begun = Instant::now();
    while std::fs::read_to_string(&file).unwrap().contains("mine") {
        assert!(begun.elapsed() < Duration::from_secs(20), "an ended task is not told again");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_end_that_came_while_the_server_was_away_is_told_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let postbox = Postbox::default();
    let config = || Config {
        deliver: Some(postbox.deliver()),
        push_file: Some(folder.path().join("push.json")),
        ..Config::default()
    };
    let served = Served::with(config(), Bounds::default());
    let id = served.start_waiting("m1");
    let asked = json!({ "taskId": id, "url": "https://x.example" });
    served.result("CreateTaskPushNotificationConfig", &asked);
    let bazaar = Arc::clone(&served.bazaar);
    drop(served);
    bazaar.settle(id, b"{}".to_vec());
    assert_eq!(postbox.0.lock().unwrap().len(), 0);
    let served = Served::over(bazaar, config(), Bounds::default());
    postbox.wait_for(|bodies| {
        bodies
            .last()
            .is_some_and(|body| body["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED")
    });
    drop(served);
}

#[test]
fn every_task_is_taken_up_again_however_few_places_there_are() {
    const TASKS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let postbox = Postbox::default();
    let config = || Config {
        deliver: Some(postbox.deliver()),
        push_file: Some(folder.path().join("push.json")),
        ..Config::default()
    };
    let served = Served::with(config(), Bounds::default());
    let ids: Vec<_> = (0..TASKS)
        .map(|number| {
            let mut request = order(&format!("m{number}"), "task.wait", &json!({}));
            request["configuration"] = json!({ "returnImmediately": true,
                "taskPushNotificationConfig": { "url": "https://x.example" } });
            let sent = served.result("SendMessage", &request);
            sent["task"]["id"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    let bazaar = Arc::clone(&served.bazaar);
    drop(served);
    for id in ids {
        bazaar.settle(id, b"{}".to_vec());
    }
    postbox.0.lock().unwrap().clear();
    let bounds = Bounds { prompt_calls_max: 8, ..Bounds::default() };
    let served = Served::over(bazaar, config(), bounds);
    postbox.wait_for(|bodies| {
        let ended =
            |body: &&Value| body["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED";
        let tasks: BTreeSet<_> = bodies
            .iter()
            .filter(ended)
            .map(|body| body["statusUpdate"]["taskId"].as_str().unwrap())
            .collect();
        tasks.len() == TASKS
    });
    drop(served);
}
