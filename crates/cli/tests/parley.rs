//! Outside parties negotiate with agents of a node by signed messages of their own: what is agreed is
//! worked for and paid once, and what is not costs nobody anything.
mod counters;
mod haggle;
mod place;

use std::time::Duration;

use ainur_broker::aacl::SpokenNegotiation;
use ainur_market::negotiation::{NegotiationAct, NegotiationRules, Relaxation};
use ainur_node::keys::KeyPair;
use ainur_primitives::{Did, Digest, DurationMs, QualityLevel, TaskSpec};
use ainur_protocol::{Draft, Extensions, Message, Reject, RejectReason};
use counters::{THREE, component_that_counters};
use haggle::{AINU, Party, WISH, Wish, base_units, http, messages, shop};
use place::{Place, component};
use serde_json::Value;

/// Nothing is locked, and the books are in order.
fn nothing_is_locked(place: &Place) {
    let account = place.json(&["account", "show"]);
    assert_eq!(account["in_escrow"], "0", "{account}");
    place.succeeds(&["ledger", "audit"]);
}

fn receipt_verifies(place: &Place, task: &str) {
    let file = place.path("receipt.json");
    place.succeeds(&["receipt", "show", task, "--output", &file]);
    place.succeeds(&["receipt", "verify", &file]);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_party_haggles_by_the_command_line_and_pays_what_it_agreed_to() {
    let (place, _node) = shop();
    let key = place.path("party.key");
    let did = place.json(&["aacl", "key", &key])["did"].as_str().expect("a DID").to_owned();
    let mode = std::fs::metadata(&key).expect("a file").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    assert!(place.fails(&["aacl", "key", &key]).contains("is there already"));

    let wish = ["aacl", "negotiate", "text.echo", "--reserve", "5", "--price", "1"];
    let said = place.json(&[&wish[..], &["--with", "echo", "--key", &key]].concat());
    let conversation = said["conversation"].as_str().expect("a conversation").to_owned();
    assert_eq!((&said["over"], said["messages"][0]["from"].as_str()), (&false.into(), Some(&*did)));
    let first = base_units(&said["proposed"]);
    assert!((2 * AINU..=4 * AINU).contains(&first), "{said}");

    let reply = ["aacl", "reply", &conversation, "--key", &key];
    let said = place.json(&[&reply[..], &["--counter", "2.1"]].concat());
    let second = base_units(&said["proposed"]);
    assert!((2 * AINU..first).contains(&second), "{said}");
    assert_eq!(said["messages"].as_array().map(Vec::len), Some(4), "{said}");
    let account = place.json(&["account", "show"]);
    assert_eq!(account["in_escrow"], "0", "nothing is locked while they talk: {account}");

    let said = place.json(&[&reply[..], &["--accept"]].concat());
    assert_eq!((&said["over"], base_units(&said["agreed"])), (&true.into(), second), "{said}");
    let task = said["task"].as_str().expect("a task").to_owned();
    let task = place.json(&["task", "watch", &task]);
    assert_eq!((&task["phase"], base_units(&task["price"])), (&"settled".into(), second), "{task}");
    receipt_verifies(&place, task["id"].as_str().expect("an id"));
    nothing_is_locked(&place);
    let over = place.fails(&[&reply[..], &["--reject", "too late"]].concat());
    assert!(over.contains("nothing is expected"), "{over}");
    let table = place.run(&[&wish[..], &["--with", "echo", "--key", &key]].concat());
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("propose") && table.contains("ainur aacl reply"), "{table}");
}

#[test]
fn every_word_of_a_negotiation_is_signed_and_an_agent_that_accepts_names_the_task() {
    let (place, _node) = shop();
    let secret = place.token(&["party", "--limit", "20"]);
    let mut party = Party::new(&place, &secret, "echo");
    party.opened(&Wish { quality_level: QualityLevel::Premium, ..WISH });
    let NegotiationAct::Counter(counter) = party.listen() else { unreachable!("a counter") };
    let standard = Relaxation::QualityLevel(QualityLevel::Standard);
    assert_eq!(counter.requirements_relaxation, [standard], "it does no better work");
    let asked = party.asked();
    let bytes = party.counter(asked - 1);
    assert_eq!(party.post(&bytes).0, 200);
    let act = party.listen();
    assert!(matches!(act, NegotiationAct::Accept { .. }), "what is near enough is taken: {act:?}");
    let thread = party.thread(0, 0);
    let messages = party.check_thread("echo");
    let Some(Message::Accept(accept)) = messages.last() else { unreachable!("an Accept") };
    let named = accept.body().extensions.get("x-task").and_then(Value::as_str);
    assert_eq!(named, thread["task"].as_str());
    assert_eq!((thread["over"].as_bool(), accept.body().price.0), (Some(true), asked - 1));
    let task = party.ended();
    assert_eq!((&task["phase"], base_units(&task["price"])), (&"settled".into(), asked - 1));
    receipt_verifies(&place, named.expect("a task"));
}

#[test]
fn a_component_with_a_strategy_of_its_own_answers_the_party() {
    let place = Place::new();
    let guest = component_that_counters(&place, THREE);
    place.succeeds(&["agent", "add", &guest, "--name", "guest"]);
    let _node = place.start_node();
    let secret = place.token(&["party", "--limit", "20"]);
    let mut party = Party::new(&place, &secret, "guest");
    let greet = "text.greet".parse().expect("a name");
    let spec = TaskSpec { capability: greet, ..party.specification(5 * AINU) };
    let bytes = party.opening_for(&spec, &WISH, |_| ());
    let (status, said) = party.post(&bytes);
    assert_eq!(status, 200, "{said}");
    party.listen();
    assert_eq!(party.asked(), 3 * AINU, "it proposes 3 whatever is said");
    let bytes = party.counter(2 * AINU);
    assert_eq!(party.post(&bytes).0, 200);
    party.listen();
    assert_eq!(party.asked(), 3 * AINU);
    let bytes = party.accept();
    let (status, said) = party.post(&bytes);
    assert_eq!(status, 200, "{said}");
    party.check_thread("guest");
    let task = party.ended();
    assert_eq!((&task["phase"], base_units(&task["price"])), (&"settled".into(), 3 * AINU));
    receipt_verifies(&place, &party.task());
}

#[test]
fn what_is_stale_repeated_out_of_turn_or_another_s_is_refused_with_what_was_expected() {
    let (place, _node) = shop();
    let secret = place.token(&["party", "--limit", "20"]);
    let mut party = Party::new(&place, &secret, "echo");
    let opening = party.opening(&WISH, |_| ());
    assert_eq!(party.post(&opening).0, 200);
    party.listen();
    let refused = |party: &Party<'_>, bytes: &[u8], expected: &str| {
        let before = party.thread(0, 0);
        let (status, said) = party.post(bytes);
        assert!((400..500).contains(&status), "{status} {said}");
        assert!(said.to_string().contains(expected), "{expected}: {said}");
        assert_eq!(party.thread(0, 0), before, "a refusal changes nothing");
    };
    // The same message again.
    refused(&party, &opening, "seen before");
    // Two answers to one message: the second is to nothing that stands.
    let stale = party.spoken.clone();
    let good = party.counter(AINU + 1);
    let fresh = std::mem::replace(&mut party.spoken, stale);
    let other = party.counter(AINU + 2);
    party.heard -= 1;
    party.spoken = fresh;
    assert_eq!(party.post(&good).0, 200);
    party.listen();
    refused(&party, &other, "expected: AACL-Accept-v1, AACL-Reject-v1, AACL-Negotiate-v1");
    // Changed on its way, or of other keys.
    let accept = party.accept();
    let text = String::from_utf8(accept.clone()).expect("JSON");
    let price = party.asked();
    let changed = text.replace(&format!("\"price\":\"{price}\""), "\"price\":\"1\"");
    assert_ne!(changed, text);
    refused(&party, changed.as_bytes(), "its id is");
    let stranger = KeyPair::generate().expect("keys");
    let mut forged = Message::from_json(&accept).expect("ours");
    let id = forged.header().id.0;
    let proof = ainur_crypto::Proof::sign(&stranger.signing, party.keys.did(), 0, id);
    forged.attach(proof).expect("it claims to be ours");
    refused(&party, &forged.to_json().expect("JSON"), "does not hold");
    // With another token, the conversation is not there, and nothing can be said in it.
    let other = place.token(&["other", "--limit", "20"]);
    let path = format!("/v1/aacl/conversations/{}", party.conversation);
    assert_eq!(http(&place, &other, ("GET", &path), b"").0, 404);
    let (status, said) = http(&place, &other, ("POST", "/v1/aacl"), &accept);
    assert_eq!(status, 409, "{said}");
    // Another party does not speak in it either, with the same token.
    let intruder = Party::new(&place, &secret, "echo");
    let reject = reject_by(&intruder.keys, &party);
    let (status, said) = intruder.post(&reject);
    assert!(status == 422 && said.to_string().contains("nobody else"), "{status} {said}");
    // What was refused can be said anew, and is agreed on.
    let thread = messages(&party.thread(0, 0));
    party.spoken = Some(SpokenNegotiation::replay(&thread).expect("in order"));
    let bytes = party.accept();
    let (status, said) = party.post(&bytes);
    assert_eq!(status, 200, "{said}");
    assert_eq!(party.ended()["phase"], "settled");
    // Said again, it is confirmed and counts no more.
    let (status, again) = party.post(&bytes);
    assert_eq!((status, &again["task"]), (200, &said["task"]), "{again}");
    assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(1));
    place.succeeds(&["ledger", "audit"]);
}

/// A no to what was said last, by somebody else.
fn reject_by(keys: &KeyPair, party: &Party<'_>) -> Vec<u8> {
    let thread = messages(&party.thread(0, 0));
    let (first, last) = (thread[0].header(), thread[thread.len() - 1].header());
    let Message::Negotiate(opening) = &thread[0] else { unreachable!("Negotiate") };
    let draft = Draft {
        conversation_id: party.conversation,
        in_reply_to: Some(last.id),
        from: keys.did(),
        to: first.to.clone(),
        created: last.created.max(ainur_node::now()),
        expires: last.expires.plus(DurationMs(1)),
        body: Reject {
            agreement: None,
            detail: String::new(),
            price: None,
            reason: RejectReason::Declined,
            task: opening.body().task,
            transcript: None,
            extensions: Extensions::default(),
        },
        extensions: Extensions::default(),
    };
    let mut envelope = draft.finish().expect("a message");
    let proof = ainur_crypto::Proof::sign(&keys.signing, keys.did(), 0, envelope.id().0);
    envelope.attach(proof).expect("its own");
    envelope.to_json().expect("JSON")
}

/// What a party says of the rules that others would not.
type Change = fn(&mut NegotiationRules);

#[test]
fn openings_that_could_not_lead_to_an_agreement_are_refused_with_why() {
    let (place, _node) = shop();
    let secret = place.token(&["party", "--limit", "20", "--per-task", "6"]);
    let refusal = |wish: &Wish, change: Change| {
        let mut party = Party::new(&place, &secret, "echo");
        let bytes = party.opening(wish, change);
        let (status, said) = party.post(&bytes);
        assert!((400..500).contains(&status), "{status} {said}");
        said.to_string()
    };
    let cases: [(Wish, Change, &str); 7] = [
        (Wish { price: 6 * AINU, ..WISH }, |_| (), "the reserve of the task is 5 AINU"),
        (Wish { reserve: 7 * AINU, ..WISH }, |_| (), "may spend 6 AINU on one task"),
        (Wish { rounds_max: 17, ..WISH }, |_| (), "1 to 16 rounds"),
        (Wish { within: DurationMs::seconds(150), ..WISH }, |_| (), "half of the"),
        (WISH, |rules| rules.card = Digest([1; 32]), "the card of echo is"),
        (WISH, |rules| rules.seller = Did(Digest([1; 32])), "no agent of this node"),
        (WISH, |rules| rules.cancellation.fee = ainur_primitives::Ppm(1), "fees for cancellation"),
    ];
    for (wish, change, expected) in cases {
        let said = refusal(&wish, change);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(0));

    // What the agent asks above the reserve cannot be accepted, and the talk goes on.
    let mut party = Party::new(&place, &secret, "echo");
    party.opened(&Wish { reserve: 21 * AINU / 10, ..WISH });
    party.listen();
    assert!(party.asked() > 21 * AINU / 10);
    let (mine, heard) = (party.spoken.clone(), party.heard);
    let bytes = party.accept();
    let (status, said) = party.post(&bytes);
    assert!(status == 422 && said.to_string().contains("begin again with a higher reserve"));
    (party.spoken, party.heard) = (mine, heard);
    let bytes = party.message(|_| NegotiationAct::Reject);
    assert_eq!(party.post(&bytes).0, 200);
    let task = party.ended();
    assert_eq!(task["phase"], "unfunded", "{task}");
    assert!(task["detail"].as_str().is_some_and(|why| why.contains("the buyer did not agree")));
    party.check_thread("echo");
    nothing_is_locked(&place);
}

#[test]
fn a_party_that_falls_silent_binds_nobody_and_is_told_that_it_is_late() {
    let (place, _node) = shop();
    let secret = place.token(&["party", "--limit", "20"]);
    let mut party = Party::new(&place, &secret, "echo");
    party.opened(&Wish { within: DurationMs(2_000), ..WISH });
    party.listen();
    let late = party.accept();
    nothing_is_locked(&place);
    let task = party.ended();
    assert_eq!(task["phase"], "unfunded", "{task}");
    assert!(task["detail"].as_str().is_some_and(|why| why.contains("time to negotiate was up")));
    let (status, said) = party.post(&late);
    assert!((400..500).contains(&status), "{status} {said}");
    assert!(said.to_string().contains("expired") || said.to_string().contains("time to negotiate"));
    assert_eq!(party.thread(0, 0)["over"], true);
    nothing_is_locked(&place);
}

#[test]
fn a_node_killed_while_they_talk_or_when_they_agree_awards_once_or_not_at_all() {
    // The first message is the party's counter, the second its acceptance.
    let points = [
        ("broker.spoken", false),
        ("broker.spoken:2", false),
        ("broker.negotiated", false),
        ("broker.submitting", true),
        ("broker.receipts", true),
    ];
    for (point, is_kept) in points {
        let place = Place::new();
        let echo = component("echo");
        place.succeeds(&["agent", "add", &echo, "--name", "echo", "--price", "2"]);
        let mut node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        let secret = place.token(&["party", "--limit", "20"]);
        let mut party = Party::new(&place, &secret, "echo");
        party.opened(&WISH);
        party.listen();
        let counter = party.counter(AINU + 1);
        let accept = match try_post(&party, &counter) {
            Some(_) => {
                party.listen();
                let accept = party.accept();
                try_post(&party, &accept);
                accept
            }
            None => counter,
        };
        let until = std::time::Instant::now() + Duration::from_secs(20);
        while !node.was_killed() {
            assert!(std::time::Instant::now() < until, "{point}: it did not die");
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(node);
        let _node = place.start_node();
        let task = party.ended();
        let (status, said) = party.post(&accept);
        if is_kept {
            // The party had no answer, says it again, and is told of what it led to.
            assert_eq!(status, 200, "{point}: {said}");
            assert_eq!(task["phase"], "settled", "{point}: {task}");
            assert_eq!(task["attempts"].as_array().map(Vec::len), Some(1), "{point}: {task}");
            receipt_verifies(&place, &party.task());
        } else {
            assert_eq!(status, 409, "{point}: {said}");
            assert!(said.to_string().contains("begin"), "{point}: {said}");
            assert_eq!(task["phase"], "unfunded", "{point}: {task}");
            assert!(task["detail"].to_string().contains("the node stopped"), "{point}: {task}");
        }
        assert_eq!(place.json(&["task", "list"]).as_array().map(Vec::len), Some(1), "{point}");
        nothing_is_locked(&place);
    }
}

/// Posts to a node that may die over it.
fn try_post(party: &Party<'_>, bytes: &[u8]) -> Option<u16> {
    let endpoint = ainur_api::Endpoint::read(&party.place.data_dir()).expect("readable");
    let url = format!("http://{}/v1/aacl", endpoint.expect("a node").address);
    let request = ureq::post(url).header("Authorization", format!("Bearer {}", party.secret));
    let answer = request.header("Content-Type", "application/json").send(bytes);
    answer.ok().map(|answer| answer.status().as_u16())
}

#[test]
fn reserves_of_what_is_talked_about_fit_into_the_budget_together() {
    let (place, _node) = shop();
    let secret = place.token(&["party", "--limit", "12"]);
    let open = |reserve: u128| {
        let mut party = Party::new(&place, &secret, "echo");
        let bytes = party.opening(&Wish { reserve, ..WISH }, |_| ());
        let (status, said) = party.post(&bytes);
        (party, status, said)
    };
    let (mut first, status, said) = open(6 * AINU);
    assert_eq!(status, 200, "{said}");
    let (_, status, said) = open(7 * AINU);
    assert!(status == 402 && said.to_string().contains("allows 12 AINU"), "{status} {said}");
    // Whoever says no makes room.
    first.listen();
    let bytes = first.message(|_| NegotiationAct::Reject);
    assert_eq!(first.post(&bytes).0, 200);
    assert_eq!(first.ended()["phase"], "unfunded");
    let (_, status, said) = open(7 * AINU);
    assert_eq!(status, 200, "{said}");
}

#[test]
fn a_node_that_stops_in_good_order_ends_what_is_talked_about_and_keeps_every_word() {
    let (place, node) = shop();
    let secret = place.token(&["party", "--limit", "20"]);
    let mut agreed = Party::new(&place, &secret, "echo");
    agreed.opened(&WISH);
    agreed.listen();
    let bytes = agreed.accept();
    assert_eq!(agreed.post(&bytes).0, 200);
    assert_eq!(agreed.ended()["phase"], "settled");
    let mut open = Party::new(&place, &secret, "echo");
    open.opened(&WISH);
    open.listen();
    let threads = [agreed.thread(0, 0), open.thread(0, 0)];
    place.succeeds(&["node", "stop"]);
    node.has_ended();
    let _node = place.start_node();
    let task = open.ended();
    assert_eq!(task["phase"], "unfunded", "{task}");
    for (party, before) in [&agreed, &open].into_iter().zip(&threads) {
        let after = party.thread(0, 0);
        assert_eq!((&after["messages"], &after["over"]), (&before["messages"], &true.into()));
        party.check_thread("echo");
    }
    nothing_is_locked(&place);
}

#[test]
fn an_agent_that_has_left_is_not_agreed_with() {
    let (place, _node) = shop();
    let secret = place.token(&["party", "--limit", "20"]);
    let mut party = Party::new(&place, &secret, "echo");
    party.opened(&Wish { within: DurationMs(3_000), ..WISH });
    party.listen();
    place.succeeds(&["agent", "remove", "echo"]);
    let bytes = party.accept();
    let (status, said) = party.post(&bytes);
    assert!(status == 409 && said.to_string().contains("no longer here"), "{status} {said}");
    let task = party.ended();
    assert_eq!(task["phase"], "unfunded", "{task}");
    nothing_is_locked(&place);
}
