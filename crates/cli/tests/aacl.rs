//! Outside parties that speak to a node in signed messages, over the real binary's door: buying by
//! auction and by standing offer, failure and substitute, coalitions; what is refused; and what a
//! killed node does with a call that comes again.
#[expect(dead_code, reason = "only its market is needed here")]
mod job;
mod party;
mod place;

use ainur_api::Service;
use ainur_crypto::Proof;
use ainur_primitives::{Amount, Digest, DurationMs, Timestamp};
use ainur_protocol::{BidCommit, Draft, Extensions, Message, Recipients, RejectReason, Withdraw};
use party::{Door, Party, bytes, check, echo, hopeless, messages, now, types};
use place::{Place, component};
use serde_json::Value;

/// A place with two agents that echo, for 3 and 2 AINU.
fn bazaar() -> Place {
    let place = Place::new();
    for (name, price) in [("dear", "3"), ("cheap", "2")] {
        place.succeeds(&["agent", "add", &component("echo"), "--name", name, "--price", price]);
    }
    place
}

fn did_of(place: &Place, agent: &str) -> String {
    place.json(&["agent", "show", agent])["did"].as_str().expect("a DID").to_owned()
}

fn tasks(place: &Place) -> Vec<Value> {
    place.json(&["task", "list"]).as_array().expect("tasks").clone()
}

/// The receipt of a task holds.
fn verified(place: &Place, task: &str) {
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", task, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
}

#[test]
fn a_call_buys_by_auction_and_every_message_of_its_thread_holds() {
    let place = bazaar();
    let node = place.start_node();
    let secret = place.token(&["outside", "--limit", "20", "--per-task", "6"]);
    let door = Door::of(&place, Some(&secret));
    let party = Party::new(1);
    let operator = door.introduce(&party);
    let call = party.call(operator, &echo("5"));
    let answer = door.says(&bytes(&call));
    let id = answer["task"].as_str().expect("a task").to_owned();
    let (thread, said) = door.whole(call.header().conversation_id);
    assert_eq!(thread["task"], id.as_str());
    check(&door, &said);
    let expected = ["Call", "BidCommit", "BidCommit", "Bid", "Bid", "Accept", "Reject"];
    assert_eq!(types(&said), expected);
    let [.., Message::Accept(accept), Message::Reject(reject)] = &said[..] else {
        unreachable!("as their types say")
    };
    assert_eq!(accept.header().from, operator);
    assert_eq!(
        accept.header().to,
        Recipients::One(did_of(&place, "cheap").parse().expect("a DID"))
    );
    assert_eq!(accept.body().price, Amount::ainu(3));
    assert_eq!(accept.body().task.to_string(), id);
    assert_eq!(reject.body().reason, RejectReason::Outbid);
    let task = place.json(&["task", "show", &id]);
    assert_eq!((&task["phase"], &task["seller_name"]), (&"settled".into(), &"cheap".into()));
    assert_eq!(task["price"], "3000000000000");
    verified(&place, &id);
    // It was paid out of the token's budget; the same call again is the same task.
    let budget = task["budget"].as_str().expect("the token's budget").to_owned();
    assert_eq!(place.json(&["budget", "show", &budget])["spent"], "3000000000000");
    assert_eq!(door.says(&bytes(&call))["task"], id.as_str());
    assert_eq!(tasks(&place).len(), 1);
    drop(node);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_standing_offer_is_accepted_in_its_own_conversation() {
    let place = bazaar();
    place.succeeds(&["market", "offer", "dear", "--price", "1.5"]);
    let _node = place.start_node();
    let door = Door::of(&place, Some(&place.token(&["outside", "--limit", "20"])));
    let party = Party::new(2);
    let operator = door.introduce(&party);
    let (status, offers) = door.get("/v1/aacl/offers?capability=text.echo");
    assert_eq!(status, 200, "{offers}");
    let offers = messages(&offers);
    assert_eq!(types(&offers), ["StandingOffer"]);
    check(&door, &offers);
    assert!(messages(&door.get("/v1/aacl/offers?capability=no.such").1).is_empty());
    let call = party.call(operator, &echo("5"));
    door.says(&bytes(&call));
    let (_, said) = door.whole(call.header().conversation_id);
    check(&door, &said);
    assert_eq!(types(&said), ["Call", "StandingOffer", "Accept"]);
    let (Message::StandingOffer(offer), Message::Accept(accept)) = (&said[1], &said[2]) else {
        unreachable!("as their types say")
    };
    assert_eq!(offer.id(), offers[0].header().id, "the offer that was listed");
    assert_eq!(accept.header().conversation_id, offer.header().conversation_id);
    assert_eq!(accept.body().price, Amount::from_ainu("1.5").expect("an amount"));
    assert_eq!(accept.body().extensions.get("x-call"), Some(&call.id().to_string().into()));
    verified(&place, &accept.body().task.to_string());
}

#[test]
fn a_failed_attempt_is_rejected_and_its_substitute_accepted() {
    let place = bazaar();
    place.succeeds(&["market", "offer", "cheap", "--price", "1"]);
    let _node = place.start_node();
    let secret = place.token(&["outside", "--limit", "20"]);
    let door = Door::of(&place, Some(&secret));
    let party = Party::new(3);
    let operator = door.introduce(&party);
    let stored = place.client(Some(&secret)).put_blob(&mut &b"something"[..]);
    let (input, length) = stored.expect("the input is stored");
    let call = party.call(operator, &hopeless(input, length));
    door.says(&bytes(&call));
    let (thread, said) = door.whole(call.header().conversation_id);
    check(&door, &said);
    // The offer's seller fails, then the only one who bids on the call.
    let expected =
        ["Call", "StandingOffer", "Accept", "Reject", "BidCommit", "Bid", "Accept", "Reject"];
    assert_eq!(types(&said), expected);
    for place in [3, 7] {
        let Message::Reject(reject) = &said[place] else { unreachable!("as their types say") };
        assert_eq!(reject.body().reason, RejectReason::Failed);
        let Message::Accept(accept) = &said[place - 1] else { unreachable!("as their types say") };
        assert_eq!(reject.body().agreement, Some(accept.body().agreement));
    }
    let task = place.json(&["task", "show", thread["task"].as_str().expect("a task")]);
    assert_eq!(task["phase"], "refunded", "{task}");
}

#[test]
fn coalitions_bid_through_their_leads_and_all_winners_are_accepted() {
    let place = job::market("3", "0", true);
    let _node = place.start_node();
    let secret = place.token(&["outside", "--limit", "100"]);
    let token = place.file("token", secret.as_bytes());
    let endpoint = ainur_api::Endpoint::read(&place.data_dir()).expect("readable").expect("there");
    let address = endpoint.address.to_string();
    let (key, graph, input) = (place.path("key"), place.path("graph.json"), place.path("input"));
    let output = place.path("output");
    place.succeeds(&["aacl", "key", &key]);
    let call = ["aacl", "call", "--key", &key, "--graph", &graph, "--input", &input];
    let more = ["--reserve", "30", "--check", "reexecution", "--output", &output];
    let node = ["--node", &address, "--token-file", &token];
    let thread = place.json(&[&call[..], &more, &node].concat());
    let said = messages(&thread);
    let door = Door::of(&place, Some(&secret));
    check(&door, &said);
    let count = |name: &str| types(&said).into_iter().filter(|found| *found == name).count();
    assert!(count("CoalitionBid") >= 1, "{:?}", types(&said));
    assert!(count("Accept") >= 2, "the coalition's lead and the one who joins: {:?}", types(&said));
    let task = place.json(&["task", "show", thread["task"].as_str().expect("a task")]);
    assert_eq!(task["phase"], "settled", "{task}");
    assert!(std::fs::read_to_string(&output).expect("the output").starts_with("text.join:"));
    // The same thread for whoever holds the token, and for nobody else.
    let conversation = said[0].header().conversation_id.to_string();
    let again = place.json(&[&["aacl", "thread", &conversation][..], &node].concat());
    assert_eq!(again["messages"].as_array().map(Vec::len), Some(said.len()));
    let refusal = place.fails(&["aacl", "thread", &conversation]);
    assert!(refusal.contains("no conversation"), "{refusal}");
    verified(&place, thread["task"].as_str().expect("a task"));
}

#[test]
fn messages_that_do_not_hold_are_refused_and_change_nothing() {
    let place = bazaar();
    let _node = place.start_node();
    let door = Door::of(&place, Some(&place.token(&["one", "--limit", "20"])));
    let reader =
        Door::of(&place, Some(&place.token(&["reader", "--limit", "1", "--scope", "read"])));
    let (party, stranger) = (Party::new(4), Party::new(5));
    let operator = door.introduce(&party);
    let call = party.call(operator, &echo("5"));
    let good = bytes(&call);
    // The token.
    let nobody =
        Door::of(&place, Some(&ainur_api::http::Token::generate().expect("a token").to_text()));
    nobody.refuses(&good, 401);
    reader.refuses(&good, 403);
    // Form: another spelling, another content, too many bytes, no message.
    assert!(door.refuses(&[&good[..], b" "].concat(), 422).contains("canonical"));
    let text = String::from_utf8(good.clone()).expect("JSON is UTF-8");
    let dearer = text.replace("5000000000000", "4000000000000");
    assert_ne!(dearer, text);
    assert!(door.refuses(dearer.as_bytes(), 422).contains("digest"));
    let mut padded = party.draft(operator, &echo("5"));
    padded.body.extensions.insert("x-note", "n".repeat(200_000).into()).expect("it is a field");
    let mut long = String::from_utf8(bytes(&party.signed(padded))).expect("JSON is UTF-8");
    long = long.replace("nnnn", "nnnnnn");
    assert!(door.refuses(long.as_bytes(), 422).contains("262144"));
    door.refuses(b"{}", 422);
    // Who: keys nobody knows, somebody else's signature, none.
    assert!(door.refuses(&bytes(&stranger.call(operator, &echo("5"))), 403).contains("not known"));
    let mut forged = party.draft(operator, &echo("5")).finish().expect("a good message");
    forged.attach(Proof::sign(&stranger.key, party.did, 0, forged.id().0)).expect("it says so");
    assert!(door.refuses(&bytes(&forged), 403).contains("proof does not hold"));
    let unsigned = party.draft(operator, &echo("5")).finish().expect("a good message");
    assert!(door.refuses(&bytes(&unsigned), 403).contains("not signed"));
    let mut borrowed = stranger.document();
    assert_eq!(door.introduces(&[&borrowed[..], b" "].concat()).0, 422);
    let last = borrowed.len() - 40;
    borrowed[last] ^= 1;
    assert_eq!(door.introduces(&borrowed).0, 422);
    assert!(tasks(&place).is_empty(), "something was bought");
}

#[test]
fn messages_out_of_time_or_place_are_refused_and_a_good_one_counts_once() {
    let place = bazaar();
    let _node = place.start_node();
    let owner = Door::of(&place, None);
    let door = Door::of(&place, Some(&place.token(&["one", "--limit", "20"])));
    let other = Door::of(&place, Some(&place.token(&["two", "--limit", "20"])));
    let (party, stranger) = (Party::new(4), Party::new(5));
    let operator = door.introduce(&party);
    let call = party.call(operator, &echo("5"));
    let good = bytes(&call);
    // When: too old, of a clock that is far ahead.
    let spec = echo("5");
    let old = party.draft_at(operator, &spec, Timestamp(now().0 - 301_000));
    assert!(door.refuses(&bytes(&party.signed(old)), 422).contains("created"));
    let ahead = party.draft_at(operator, &spec, now().plus(DurationMs::seconds(20)));
    assert!(door.refuses(&bytes(&party.signed(ahead)), 422).contains("ahead"));
    // Where in a conversation, to whom, and what it means.
    let withdraw = Draft {
        conversation_id: call.header().conversation_id,
        in_reply_to: Some(call.id()),
        from: party.did,
        to: Recipients::One(operator),
        created: now(),
        expires: now().plus(DurationMs::seconds(60)),
        body: Withdraw { offer: Digest([1; 32]), extensions: Extensions::default() },
        extensions: Extensions::default(),
    };
    let withdraw = bytes(&party.signed(withdraw));
    assert!(door.refuses(&withdraw, 409).contains("not expected"));
    assert!(door.refuses(&withdraw, 409).contains("seen before"));
    let elsewhere = party.call(stranger.did, &spec);
    assert!(door.refuses(&bytes(&elsewhere), 422).contains("addressed to"));
    let mut other_task = party.draft(operator, &spec);
    other_task.body.task.0.0[0] ^= 1;
    assert!(door.refuses(&bytes(&party.signed(other_task)), 422).contains("task"));
    let commit = BidCommit {
        bid_bond: Amount::ZERO,
        commitment: Digest([2; 32]),
        consent: None,
        reveal_until: now().plus(DurationMs::seconds(60)),
        task: call.body().task,
        extensions: Extensions::default(),
    };
    let Draft { conversation_id, from, to, .. } = party.draft(operator, &spec);
    let (created, expires) = (now(), now().plus(DurationMs::seconds(60)));
    let extensions = Extensions::default();
    let in_reply_to = Some(call.id());
    let commit = Draft {
        conversation_id,
        in_reply_to,
        from,
        to,
        created,
        expires,
        body: commit,
        extensions,
    };
    door.refuses(&bytes(&party.signed(commit)), 409);
    assert!(tasks(&place).is_empty(), "something was bought");
    // The good one is good, once, with the token it came with.
    let task = door.says(&good)["task"].clone();
    assert_eq!(door.says(&good)["task"], task);
    assert!(other.refuses(&good, 409).contains("another token"));
    assert!(owner.refuses(&good, 409).contains("another token"));
    let thread = format!("/v1/aacl/conversations/{}", call.header().conversation_id);
    assert_eq!(other.get(&thread).0, 404);
    let mut twice = party.draft(operator, &echo("4"));
    twice.conversation_id = call.header().conversation_id;
    twice.body.task =
        ainur_protocol::task_meant(&twice.body.specification_digest, &twice.conversation_id);
    assert!(door.refuses(&bytes(&party.signed(twice)), 409).contains("another call"));
    door.whole(call.header().conversation_id);
    assert_eq!(tasks(&place).len(), 1);
}

#[test]
fn a_token_spends_no_more_through_this_door() {
    let place = bazaar();
    let _node = place.start_node();
    let secret = place.token(&["outside", "--limit", "5", "--per-task", "4"]);
    let door = Door::of(&place, Some(&secret));
    let other = place.json(&["budget", "open", "50"])["id"].as_str().expect("an id").to_owned();
    let party = Party::new(6);
    let operator = door.introduce(&party);
    let dear = door.refuses(&bytes(&party.call(operator, &echo("4.5"))), 402);
    assert!(dear.contains("may spend 4 AINU on one task"), "{dear}");
    let mut elsewhere = echo("4");
    elsewhere.budget = Some(other.parse().expect("a budget"));
    door.refuses(&bytes(&party.call(operator, &elsewhere)), 404);
    let call = party.call(operator, &echo("4"));
    door.says(&bytes(&call));
    door.whole(call.header().conversation_id);
    // 3 of 5 are spent.
    let over = door.refuses(&bytes(&party.call(operator, &echo("2.5"))), 402);
    assert!(over.contains("has 2 AINU left"), "{over}");
    assert_eq!(tasks(&place).len(), 1);
}

#[test]
fn a_call_that_comes_again_after_the_node_was_killed_is_one_task_and_paid_once() {
    let place = bazaar();
    let node = place.start_node();
    let secret = place.token(&["outside", "--limit", "50"]);
    let party = Party::new(7);
    let operator = Door::of(&place, Some(&secret)).introduce(&party);
    drop(node);
    let free = || {
        let free = place.json(&["account", "show"])["free"].clone();
        free.as_str().and_then(|text| text.parse::<u128>().ok()).expect("an amount")
    };
    let points = [
        "",
        "broker.appended",
        "broker.synced",
        "broker.submitting",
        "chain.synced",
        "broker.executing",
        "broker.receipts",
    ];
    for (number, point) in points.into_iter().enumerate() {
        let before = free();
        let node = place.start_node_with(|command| {
            if !point.is_empty() {
                command.env("AINUR_CRASH_AT", point);
            }
        });
        let call = party.call(operator, &echo("5"));
        // The node may die before it answers; otherwise it is killed right after.
        drop(Door::of(&place, Some(&secret)).try_say(&bytes(&call)));
        if !point.is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        drop(node);
        let node = place.start_node();
        let door = Door::of(&place, Some(&secret));
        let first = door.says(&bytes(&call))["task"].clone();
        assert_eq!(door.says(&bytes(&call))["task"], first);
        let (thread, said) = door.whole(call.header().conversation_id);
        check(&door, &said);
        let accepted = types(&said).into_iter().filter(|name| *name == "Accept").count();
        assert_eq!((&thread["task"], accepted), (&first, 1), "{point}");
        let task = place.json(&["task", "show", first.as_str().expect("a task")]);
        assert_eq!(task["phase"], "settled", "{point}: {task}");
        assert_eq!(tasks(&place).len(), number + 1, "{point}");
        drop(node);
        let spent = before - free();
        let price = 3_000_000_000_000;
        assert!((price..price + 10_000_000_000).contains(&spent), "{point}: spent {spent}");
    }
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn calls_that_are_held_open_are_messages_of_the_operator() {
    let place = bazaar();
    let _node = place.start_node();
    let door = Door::of(&place, Some(&place.token(&["outside", "--limit", "20"])));
    let call = ["market", "call", "text.echo", "--reserve", "2.5", "--bidding", "20", "--detach"];
    let task = place.json(&call)["task"].as_str().expect("a task").to_owned();
    let calls = messages(&door.get("/v1/aacl/calls?capability=text.echo").1);
    check(&door, &calls);
    let [Message::Call(call)] = &calls[..] else { unreachable!("{calls:?}") };
    assert_eq!(call.body().task.to_string(), task);
    assert_eq!(call.body().specification.capability.as_str(), "text.echo");
    assert!(messages(&door.get("/v1/aacl/calls?capability=no.such").1).is_empty());
    place.succeeds(&["task", "cancel", &task]);
    assert!(messages(&door.get("/v1/aacl/calls").1).is_empty());
}

#[test]
fn work_in_chunks_is_called_for_and_paid_chunk_after_chunk() {
    let place = bazaar();
    let key = place.path("mine");
    place.succeeds(&["aacl", "key", &key]);
    let (chunks, output) = (place.file("chunks.json", br#"["one","two"]"#), place.path("output"));
    let call = ["aacl", "call", "text.echo", "--reserve", "5", "--check", "reexecution"];
    let more = ["--key", &key, "--chunks", &chunks, "--output", &output];
    let thread = place.json(&[&call[..], &more].concat());
    let said = messages(&thread);
    let Some(Message::Bid(bid)) = said.iter().find(|it| matches!(it, Message::Bid(_))) else {
        unreachable!("nobody bids: {thread}")
    };
    let milestones = &bid.body().payment_schedule;
    assert!(format!("{milestones:?}").starts_with("Milestone"), "{milestones:?}");
    assert_eq!(std::fs::read(&output).expect("the output"), b"onetwo");
    let task = place.json(&["task", "show", thread["task"].as_str().expect("a task")]);
    assert_eq!(task["phase"], "settled", "{task}");
}

#[test]
fn a_token_introduces_so_many_parties_and_no_more() {
    let place = bazaar();
    let _node = place.start_node();
    let door = Door::of(&place, Some(&place.token(&["one", "--limit", "20"])));
    let other = Door::of(&place, Some(&place.token(&["two", "--limit", "20"])));
    let first = Party::new(1);
    door.introduce(&first);
    for _ in 1..256 {
        assert_eq!(door.introduces(&Party::new(1).document()).0, 200);
    }
    let last = Party::new(1);
    let (status, refusal) = door.introduces(&last.document());
    assert_eq!(status, 429, "{refusal}");
    assert!(refusal["detail"].as_str().is_some_and(|it| it.contains("PARTIES_PER_TOKEN_MAX")));
    let again = door.introduces(&first.document());
    assert_eq!((again.0, &again.1["is_new"]), (200, &Value::Bool(false)));
    other.introduce(&last);
}

#[test]
fn keys_are_made_once_and_a_session_of_the_command_line_ends_with_the_output() {
    let place = bazaar();
    let key = place.path("mine");
    let made = place.json(&["aacl", "key", &key]);
    assert!(made["did"].as_str().is_some_and(|did| did.starts_with("did:ainur:")), "{made}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&key).expect("a file"));
    assert_eq!(mode & 0o777, 0o600);
    assert!(place.fails(&["aacl", "key", &key]).contains("is there already"));
    let missing = place.path("nothing");
    let call = ["aacl", "call", "text.echo", "--reserve", "5", "--check", "reexecution"];
    let refusal = place.fails(&[&call[..], &["--key", &missing]].concat());
    assert!(refusal.contains("ainur aacl key"), "{refusal}");
    // Without a running node the command is one for its own length.
    let (input, output) = (place.file("input", b"hello"), place.path("output"));
    let said =
        place.run(&[&call[..], &["--key", &key, "--input", &input, "--output", &output]].concat());
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{text} {}", String::from_utf8_lossy(&said.stderr));
    assert!(text.contains("7 signed messages, each in its place"), "{text}");
    assert_eq!(std::fs::read(&output).expect("the output"), b"hello");
    let refusal = place.fails(&[&call[..], &["--key", &key, "--venue", "offer"]].concat());
    assert!(refusal.contains("--venue"), "{refusal}");
}
