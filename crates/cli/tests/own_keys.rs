//! Agents that keep their own keys, through the binary: they sell by offers and bids that they sign
//! themselves, and the node never sees a key of theirs.
mod place;

use std::path::Path;
use std::time::{Duration, Instant};

use ainur_api::operation::{AaclHolder, AaclListing, AaclSay};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::JoinPapers;
use ainur_api::{Operation, Reply, Service};
use ainur_crypto::Proof;
use ainur_node::keys::KeyPair;
use ainur_node::own_keys;
use ainur_node::own_keys::speech::{self, BidAsk};
use ainur_protocol::{BidCommit, Draft, Envelope};
use place::{Place, RunningNode, component};
use serde_json::Value;

/// What an agent bonds that is asked for no other stake.
const STAKE: u128 = 100_000_000_000_000;
/// The same after the bond of one bid on a call for 5 AINU was lost.
const STAKE_LEFT: u128 = STAKE - 50_000_000_000;

/// A place with an agent that echoes and keeps its own key, and the key's file.
fn with_own_key() -> (Place, String) {
    let place = Place::new();
    let key = place.path("own.key");
    place.succeeds(&["aacl", "key", &key]);
    place.succeeds(&["agent", "add", &component("echo"), "--name", "own", "--key", &key]);
    (place, key)
}

/// The same with another agent beside it, whose key the node keeps.
fn with_rival() -> (Place, String) {
    let (place, key) = with_own_key();
    let echo = component("echo");
    place.succeeds(&["agent", "add", &echo, "--name", "kept", "--price", "2"]);
    (place, key)
}

fn run(place: &Place, more: &[&str]) -> Value {
    place.json(&[&["task", "run", "text.echo", "--reserve", "5"], more].concat())
}

fn amount(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

fn agent(place: &Place, name: &str) -> Value {
    place.json(&["agent", "show", name])
}

/// A call that takes bids for some seconds, of a task that has some more.
fn call(place: &Place, bidding: &str, deadline: &str) -> String {
    let wish = ["market", "call", "text.echo", "--reserve", "5", "--bidding", bidding];
    let more = ["--selection", "cheapest", "--deadline", deadline, "--detach"];
    let task = place.json(&[&wish[..], &more].concat());
    task["task"].as_str().expect("a task").to_owned()
}

/// What of a key file is secret: what comes after is the public half of the last key in it.
fn secret(key: &str) -> Vec<u8> {
    let mut bytes = std::fs::read(key).expect("the key");
    bytes.truncate(1_200);
    bytes
}

/// The conversation that an opening belongs to, as the command checks and shows it.
fn thread(place: &Place, opening: &str) -> Vec<Value> {
    let opening = std::fs::read(opening).expect("an opening");
    let opening: Value = serde_json::from_slice(&opening).expect("JSON");
    let id = opening["conversation"].as_str().expect("an id");
    let told = place.json(&["aacl", "thread", id]);
    told["messages"].as_array().expect("messages").clone()
}

/// Every file below a folder holds no 16 bytes of the key in a row.
fn knows_nothing_of(folder: &Path, key: &[u8]) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            knows_nothing_of(&path, key);
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for (at, secret) in key.windows(16).enumerate().step_by(8) {
            let found = bytes.windows(16).any(|window| window == secret);
            assert!(!found, "{} holds bytes {at}… of the key", path.display());
        }
    }
}

#[test]
fn an_agent_with_its_own_key_sells_by_an_offer_that_it_signs() {
    let (place, key) = with_own_key();
    let added = agent(&place, "own");
    assert_eq!(added["own_key"], true, "{added}");
    assert_eq!(amount(&added["stake"]), STAKE, "{added}");
    // Nothing is signed for it here.
    let refusal = place.fails(&["market", "offer", "own", "--price", "1"]);
    assert!(refusal.contains("keeps its own key"), "{refusal}");
    let unsold = place.run(&["task", "run", "text.echo", "--reserve", "5"]);
    let told = String::from_utf8_lossy(&unsold.stdout);
    assert!(!unsold.status.success() && told.contains("keeps its own key"), "{told}");

    let offer = place.json(&["aacl", "offer", "own", "--key", &key, "--price", "1.5"]);
    let task = run(&place, &[]);
    assert_eq!(task["phase"], "settled", "{task}");
    assert_eq!(task["seller_name"], "own");
    assert_eq!(amount(&task["price"]), 1_500_000_000_000);
    let id = task["id"].as_str().expect("an id");
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", id, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
    let paid = agent(&place, "own");
    assert_eq!(amount(&paid["balance"]) - amount(&added["balance"]), 1_500_000_000_000);

    let other = place.path("other.key");
    place.succeeds(&["aacl", "key", &other]);
    let digest = offer["offer"].as_str().expect("a digest");
    let refusal = place.fails(&["aacl", "withdraw", &digest[..8], "--key", &other]);
    assert!(refusal.contains("another seller"), "{refusal}");
    place.succeeds(&["aacl", "withdraw", &digest[..8], "--key", &key]);
    assert_eq!(place.json(&["market", "offers"]), Value::Array(Vec::new()));
    place.fails(&["task", "run", "text.echo", "--reserve", "5", "--venue", "offer"]);

    knows_nothing_of(&place.data_dir(), &secret(&key));
    // It leaves with its stake, which only its key can take.
    let refusal = place.fails(&["agent", "remove", "own", "--key", &other]);
    assert!(refusal.contains("not that of own"), "{refusal}");
    place.succeeds(&["agent", "remove", "own", "--key", &key]);
    let left = agent(&place, "own");
    assert_eq!((&left["active"], amount(&left["stake"])), (&Value::Bool(false), 0), "{left}");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn joining_goes_on_wherever_the_node_dies() {
    let place = Place::new();
    let key = place.path("own.key");
    place.succeeds(&["aacl", "key", &key]);
    let add = ["agent", "add", &component("echo"), "--name", "own", "--key", &key];
    for point in ["join.keys", "join.funded", "join.registered", "join.stored"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ainur"));
        command.arg("--data-dir").arg(place.data_dir()).args(add).env("AINUR_CRASH_AT", point);
        let died = command.output().expect("it runs");
        assert_eq!(died.status.code(), None, "{point}: {died:?}");
        if point == "join.stored" {
            break;
        }
    }
    let added = agent(&place, "own");
    assert_eq!((&added["own_key"], &added["active"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(amount(&added["stake"]), STAKE, "{added}");
    place.succeeds(&["aacl", "offer", "own", "--key", &key, "--price", "1"]);
    assert_eq!(run(&place, &[])["seller_name"], "own");
    knows_nothing_of(&place.data_dir(), &secret(&key));
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn an_agent_with_its_own_key_bids_on_an_open_call_and_wins() {
    // Added through a running node: what is signed crosses the network, and the key does not.
    let place = Place::new();
    place.succeeds(&["init"]);
    let _node = place.start_node();
    let key = place.path("own.key");
    place.succeeds(&["aacl", "key", &key]);
    place.succeeds(&["agent", "add", &component("echo"), "--name", "own", "--key", &key]);
    let echo = component("echo");
    place.succeeds(&["agent", "add", &echo, "--name", "kept", "--price", "2"]);
    // It is not asked where it could not sign: nobody waits for it.
    let asked = Instant::now();
    assert_eq!(run(&place, &["--venue", "auction"])["seller_name"], "kept");
    let talk = ["market", "negotiate", "text.echo", "--reserve", "5"];
    assert_eq!(place.json(&talk)["seller_name"], "kept");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let rental = ["market", "rental", "offer", "own", "--capability", "text.echo"];
    let words = ["--period", "1h", "--price", "1", "--quota", "2"];
    let refusal = place.fails(&[&rental[..], &words].concat());
    assert!(refusal.contains("keeps its own key"), "{refusal}");
    let task = call(&place, "4", "60");
    // The owner of the node cannot bid for it.
    let refusal = place.fails(&["market", "bid", &task[..8], "--agent", "own", "--price", "1"]);
    assert!(refusal.contains("keeps its own key"), "{refusal}");
    let opening = place.path("opening.json");
    let bid = ["aacl", "bid", &task[..8], "--key", &key, "--price", "1", "--opening", &opening];
    place.succeeds(&bid);
    let ended = place.json(&["task", "watch", &task]);
    assert_eq!(ended["phase"], "settled", "{ended}");
    assert_eq!(ended["seller_name"], "own", "{ended}");
    assert_eq!(amount(&ended["price"]), 2_000_000_000_000, "the second price");
    // Whoever reads the conversation finds every message in its place, signed by whose it is.
    let said = thread(&place, &opening);
    let types: Vec<&str> = said.iter().filter_map(|message| message["type"].as_str()).collect();
    let (commit, bid) = ("AACL-BidCommit-v1", "AACL-Bid-v1");
    let (accept, reject) = ("AACL-Accept-v1", "AACL-Reject-v1");
    assert_eq!(types, ["AACL-Call-v1", commit, commit, bid, bid, accept, reject]);
    assert_eq!(said[5]["to"], agent(&place, "own")["did"], "{said:?}");
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", &task, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
    assert_eq!(amount(&agent(&place, "own")["stake"]), STAKE);
    place.succeeds(&["ledger", "audit"]);
}

/// Waits until an agent's stake is what it is to be, and a moment longer.
fn loses_its_bond_once(place: &Place, task: &str) {
    let ended = place.json(&["task", "watch", task]);
    assert_eq!((&ended["phase"], &ended["seller_name"]), (&"settled".into(), &"kept".into()));
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", task, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
    let until = Instant::now() + Duration::from_secs(20);
    while amount(&agent(place, "own")["stake"]) != STAKE_LEFT {
        assert!(Instant::now() < until, "{}", agent(place, "own"));
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(amount(&agent(place, "own")["stake"]), STAKE_LEFT);
}

#[test]
fn who_seals_a_bid_and_does_not_open_it_loses_its_bond_once() {
    let (place, key) = with_rival();
    let node = place.start_node();
    let task = call(&place, "2", "10");
    let opening = place.path("opening.json");
    let seal = ["aacl", "bid", &task[..8], "--key", &key, "--price", "1", "--opening", &opening];
    place.succeeds(&[&seal[..], &["--detach"]].concat());
    loses_its_bond_once(&place, &task);
    let told = events(&place, &task);
    assert!(told.contains("lost 0.05 AINU: it did not open its bid"), "{told}");
    let said = thread(&place, &opening);
    let silent = said.iter().find(|message| message["body"]["reason"] == "unrevealed");
    assert_eq!(silent.expect("a rejection")["to"], agent(&place, "own")["did"], "{said:?}");
    // Too late, and it costs nothing more.
    let refusal = place.fails(&["aacl", "bid", "--open", &opening, "--key", &key]);
    assert!(refusal.contains("takes no bids any more"), "{refusal}");
    drop(node);
    let _node = place.start_node();
    loses_its_bond_once(&place, &task);
    place.succeeds(&["ledger", "audit"]);
}

/// What has happened to a task.
fn events(place: &Place, task: &str) -> String {
    let (wait_ms, after) = (ainur_primitives::DurationMs(0), 0);
    let events = Operation::TaskEvents { task: task.to_owned(), after, wait_ms };
    format!("{:?}", place.client(None).perform(events))
}

/// Waits until a node has died where it was to.
fn dies(mut node: RunningNode, point: &str) {
    let until = Instant::now() + Duration::from_secs(30);
    while !node.was_killed() {
        assert!(Instant::now() < until, "{point}: the node does not die");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_bond_is_taken_once_wherever_the_node_dies() {
    for point in ["broker.bond", "broker.bond-taken", "broker.submitting:2"] {
        let (place, key) = with_rival();
        let node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        let task = call(&place, "2", "10");
        let opening = place.path("opening.json");
        let seal = ["aacl", "bid", &task[..8], "--key", &key, "--price", "1"];
        let more = ["--detach", "--opening", &opening];
        place.succeeds(&[&seal[..], &more].concat());
        dies(node, point);
        let _node = place.start_node();
        loses_its_bond_once(&place, &task);
        place.succeeds(&["ledger", "audit"]);
    }
}

#[test]
fn a_sealed_bid_outlives_the_node_and_is_opened_after() {
    for point in ["broker.committed", "broker.revealed"] {
        let (place, key) = with_rival();
        let mut node = place.start_node_with(|command| {
            command.env("AINUR_CRASH_AT", point);
        });
        let task = call(&place, "8", "60");
        let seal = ["aacl", "bid", &task[..8], "--key", &key, "--price", "1", "--detach"];
        let first = place.path("first.json");
        let sealed = place.run(&[&seal[..], &["--opening", &first]].concat());
        let mut opening = first;
        if point == "broker.committed" {
            assert!(!sealed.status.success(), "{sealed:?}");
            dies(node, point);
            node = place.start_node();
            opening = place.path("second.json");
            place.succeeds(&[&seal[..], &["--opening", &opening]].concat());
        }
        let early = place.fails(&["aacl", "bid", "--open", &opening, "--key", &key]);
        assert!(early.contains("bids are opened from"), "{early}");
        let called = place.json(&["task", "show", &task]);
        assert_eq!(called["phase"], "announced", "{called}");
        std::thread::sleep(Duration::from_secs(8));
        let open = ["aacl", "bid", "--open", &opening, "--key", &key];
        if point == "broker.revealed" {
            assert!(!place.run(&open).status.success());
            dies(node, point);
            node = place.start_node();
        }
        place.succeeds(&open);
        let ended = place.json(&["task", "watch", &task]);
        assert_eq!((&ended["phase"], &ended["seller_name"]), (&"settled".into(), &"own".into()));
        assert_eq!(amount(&agent(&place, "own")["stake"]), STAKE);
        drop(node);
        place.succeeds(&["ledger", "audit"]);
    }
}

#[test]
fn who_could_not_be_heard_keeps_its_bond() {
    let (place, key) = with_rival();
    let node = place.start_node();
    let task = call(&place, "2", "24");
    let opening = place.path("opening.json");
    let seal = ["aacl", "bid", &task[..8], "--key", &key, "--price", "1", "--opening", &opening];
    place.succeeds(&[&seal[..], &["--detach"]].concat());
    // The other bid is open, and this one could be for five seconds more; nobody listens.
    std::thread::sleep(Duration::from_secs(3));
    drop(node);
    std::thread::sleep(Duration::from_secs(6));
    let _node = place.start_node();
    let ended = place.json(&["task", "watch", &task]);
    assert_eq!((&ended["phase"], &ended["seller_name"]), (&"settled".into(), &"kept".into()));
    assert!(events(&place, &task).contains("keeps its bond"), "{}", events(&place, &task));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(amount(&agent(&place, "own")["stake"]), STAKE);
    place.succeeds(&["ledger", "audit"]);
}

fn say(place: &Place, message: &str) -> Result<Reply, Problem> {
    let say = AaclSay { message: message.into(), holder: AaclHolder::default() };
    place.client(None).perform(Operation::AaclSay(say))
}

fn refused(place: &Place, message: &str, code: Code, said: &str) {
    let problem = say(place, message).expect_err("a refusal");
    assert_eq!(problem.code, code, "{problem:?}");
    assert!(problem.message.contains(said), "{problem:?}");
}

/// A sealed bid with the consent of another one, signed anew.
fn with_consent_of(other: &str, commit: &str, keys: &KeyPair) -> String {
    let read = |text: &str| Envelope::<BidCommit>::from_json(text.as_bytes()).expect("a bid");
    let (other, commit) = (read(other), read(commit));
    let header = commit.header().clone();
    let draft = Draft {
        conversation_id: header.conversation_id,
        in_reply_to: header.in_reply_to,
        from: header.from,
        to: header.to,
        created: header.created,
        expires: header.expires,
        body: BidCommit { consent: other.body().consent.clone(), ..commit.body().clone() },
        extensions: commit.extensions().clone(),
    };
    let mut envelope = draft.finish().expect("a message");
    let proof = Proof::sign(&keys.signing, keys.did(), 0, envelope.id().0);
    envelope.attach(proof).expect("its own signature");
    String::from_utf8(envelope.to_json().expect("JSON")).expect("text")
}

#[test]
fn forged_and_repeated_messages_are_refused() {
    let (place, key) = with_rival();
    let node = place.start_node();
    let task = call(&place, "20", "60");
    let keys = KeyPair::read(Path::new(&key)).expect("the key");
    let other = KeyPair::generate().expect("another key");
    let listed = place.client(None).perform(Operation::AaclCalls(AaclListing::default()));
    let Ok(Reply::AaclMessages(calls)) = listed else { panic!("{listed:?}") };
    assert_eq!(speech::called_task(&calls[0]).map(|id| id.to_string()), Some(task.clone()));
    let card = agent(&place, "own")["card"].as_str().and_then(|text| text.parse().ok());
    let ask = BidAsk {
        card: card.expect("a digest"),
        price: ainur_primitives::Amount::ainu(1),
        estimated_duration_ms: None,
        quality_level: ainur_primitives::QualityLevel::Standard,
    };
    let (commit, opening) = speech::say_commit(&keys, &calls[0], ask).expect("a bid");
    // Signed by nobody who is here, or by somebody else.
    let (foreign, _) = speech::say_commit(&other, &calls[0], ask).expect("a bid");
    refused(&place, &foreign, Code::Forbidden, "keys");
    let forged = foreign.replace(&other.did().to_string(), &keys.did().to_string());
    refused(&place, &forged, Code::InvalidRequest, "");
    // Another word in it, and its id is another one.
    let changed = commit.replace("\"bid_bond\":\"5", "\"bid_bond\":\"6");
    assert_ne!(changed, commit);
    refused(&place, &changed, Code::InvalidRequest, "");
    // The envelope is the sender's and the consent in it somebody else's.
    let lent = with_consent_of(&foreign, &commit, &keys);
    refused(&place, &lent, Code::InvalidRequest, "somebody else signed");
    let stale = with_consent_of(
        &speech::say_commit(&keys, &calls[0], ask).expect("a bid").0,
        &commit,
        &keys,
    );
    refused(&place, &stale, Code::InvalidRequest, "does not hold");
    // The opening before the sealing.
    let bid = speech::say_bid(&keys, &opening).expect("an opening");
    refused(&place, &bid, Code::Conflict, "expected");
    assert!(say(&place, &commit).is_ok());
    // A party whose connection broke says it again.
    assert!(say(&place, &commit).is_ok());
    let (second, _) = speech::say_commit(&keys, &calls[0], ask).expect("a bid");
    refused(&place, &second, Code::Conflict, "expected");

    // An offer that was taken back cannot be put up again, not even by a node that forgot it.
    place.succeeds(&["aacl", "offer", "own", "--key", &key, "--price", "1"]);
    let listed = place.client(None).perform(Operation::AaclOffers(AaclListing::default()));
    let Ok(Reply::AaclMessages(offers)) = listed else { panic!("{listed:?}") };
    let terms = speech::offered_terms(&offers[0]).expect("terms");
    let operator = place.json(&["node", "status"])["did"].as_str().and_then(|did| did.parse().ok());
    let end = speech::say_withdraw(&keys, operator.expect("a DID"), &offers[0]).expect("an end");
    refused(&place, &end, Code::Conflict, "still stands on the ledger");
    place.succeeds(&["aacl", "withdraw", &terms.digest().to_string(), "--key", &key]);
    drop(node);
    let _node = place.start_node();
    refused(&place, &offers[0], Code::InvalidRequest, "took it back");
    place.succeeds(&["ledger", "audit"]);
}

/// Posts a body to the running node as its operator; the answer's status and text.
fn post(place: &Place, path: &str, body: &str) -> (u16, String) {
    let endpoint = ainur_api::Endpoint::read(&place.data_dir()).expect("readable");
    let endpoint = endpoint.expect("a running node");
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = agent
        .post(format!("http://{}{path}", endpoint.address))
        .header("Authorization", format!("Bearer {}", endpoint.token.to_text()))
        .header("Content-Type", "application/json");
    let mut answer = request.send(body).expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    (answer.status().as_u16(), text)
}

#[test]
fn an_agent_joins_and_sells_over_rest_by_signatures_alone() {
    let place = Place::with_echo();
    let _node = place.start_node();
    let keys = KeyPair::generate().expect("a key");
    let echo = agent(&place, "echo");
    let content = echo["program"].as_str().and_then(|text| text.split(' ').next_back());
    let mut add = serde_json::json!({
        "name": "own",
        "program": { "kind": "component", "content": content },
        "price": null,
        "stake": null,
        "capability": null,
        "own_key": own_keys::material_of(&keys),
    });
    let (status, papers) = post(&place, "/v1/agents/papers", &add.to_string());
    assert_eq!(status, 200, "{papers}");
    let papers: JoinPapers = serde_json::from_str(&papers).expect("papers");
    // Whoever holds the key does not sign more than it was asked for.
    let status = place.json(&["node", "status"]);
    let chain = status["chain_id"].as_str().and_then(|id| id.parse().ok()).expect("a ledger");
    let mean = Some(ainur_primitives::Amount::ainu(1));
    own_keys::sign_papers(&keys, &papers, (chain, mean)).expect_err("too large a stake");
    let elsewhere = ainur_primitives::Digest([1; 32]);
    own_keys::sign_papers(&keys, &papers, (elsewhere, None)).expect_err("another ledger's papers");
    let mut twice = papers.clone();
    twice.transactions.extend(papers.transactions.last().cloned());
    own_keys::sign_papers(&keys, &twice, (chain, None)).expect_err("more than is needed");
    let other = KeyPair::generate().expect("another key");
    own_keys::sign_papers(&other, &papers, (chain, None)).expect_err("another's papers");
    let signed = own_keys::sign_papers(&keys, &papers, (chain, None)).expect("signed");

    // Not signed, signed by another, or another name than the card's: no agent.
    assert_eq!(post(&place, "/v1/agents", &add.to_string()).0, 422);
    let foreign = JoinPapers { did: other.did(), ..papers.clone() };
    assert!(own_keys::sign_papers(&other, &foreign, (chain, None)).is_err());
    add["own_key"]["signed"] = serde_json::to_value(&signed).expect("JSON");
    add["name"] = "alias".into();
    let (status, problem) = post(&place, "/v1/agents", &add.to_string());
    assert!(status == 422 && problem.contains("not the one that was prepared"), "{problem}");
    add["name"] = "own".into();
    let (status, added) = post(&place, "/v1/agents", &add.to_string());
    assert_eq!(status, 201, "{added}");
    // The papers are of use once.
    add["name"] = "again".into();
    assert_eq!(post(&place, "/v1/agents", &add.to_string()).0, 409);

    let mine = place.path("mine.key");
    keys.create(Path::new(&mine)).expect("a file");
    // A token that may spend is enough to offer: the signature says whose offer it is.
    let secret = place.file("token", place.token(&["seller", "--limit", "1"]).as_bytes());
    let endpoint = ainur_api::Endpoint::read(&place.data_dir()).expect("readable");
    let address = endpoint.expect("a running node").address.to_string();
    let offer = ["aacl", "offer", "own", "--key", &mine, "--price", "0.0001"];
    place.succeeds(&[&offer[..], &["--node", &address, "--token-file", &secret]].concat());
    assert_eq!(place.json(&["market", "offers"])[0]["seller_name"], "own");
    assert_eq!(run(&place, &[])["seller_name"], "own");
    // Nothing but what an agent with its own key has signed is handed to the ledger.
    let nothing = serde_json::json!({ "submission": "00" }).to_string();
    assert_eq!(post(&place, "/v1/ledger/transactions", &nothing).0, 422);
    place.succeeds(&["agent", "remove", "own", "--key", &mine]);
    place.succeeds(&["ledger", "audit"]);
}
