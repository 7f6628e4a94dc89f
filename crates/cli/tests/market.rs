//! The market through the binary: standing offers that are taken at once, open calls that people
//! bid on.
mod place;

use place::{Place, component};
use serde_json::Value;

/// A place with two agents that echo, for 3 and 2 AINU.
fn bazaar() -> Place {
    let place = Place::new();
    for (name, price) in [("dear", "3"), ("cheap", "2")] {
        let echo = component("echo");
        place.succeeds(&["agent", "add", &echo, "--name", name, "--price", price]);
    }
    place
}

fn run(place: &Place, more: &[&str]) -> Value {
    let task = ["task", "run", "text.echo", "--reserve", "5", "--parameters", PARAMETERS];
    place.json(&[&task[..], more].concat())
}

const PARAMETERS: &str = "{}";

fn ainu(value: &Value) -> &str {
    value.as_str().expect("an amount")
}

#[test]
fn a_standing_offer_is_taken_without_an_auction_and_its_receipt_shows_why() {
    let place = bazaar();
    let offer = place.json(&["market", "offer", "dear", "--price", "1.5", "--discount", "1:50%"]);
    assert_eq!(ainu(&offer["price"]), "1500000000000", "{offer}");
    let task = run(&place, &[]);
    assert_eq!(task["seller_name"], "dear", "{task}");
    assert_eq!(ainu(&task["price"]), "1500000000000");
    let id = task["id"].as_str().expect("a task has an id").to_owned();
    let receipt = place.path("receipt.json");
    place.succeeds(&["receipt", "show", &id, "--output", &receipt]);
    let verified = place.run(&["receipt", "verify", &receipt]);
    let checks = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success());
    assert!(checks.contains("price 1.5 AINU by its standing offer"), "{checks}");
    let explained = place.json(&["task", "explain", &id]);
    assert_eq!(explained["transcript"], Value::Null);
    assert_eq!(explained["transcript_matches"], true, "{explained}");

    // The second one is cheaper by the volume discount; an auction can still be asked for.
    assert_eq!(ainu(&run(&place, &[])["price"]), "750000000000");
    let auctioned = run(&place, &["--venue", "auction", "--selection", "cheapest"]);
    assert_eq!(auctioned["seller_name"], "cheap", "{auctioned}");
    assert_eq!(ainu(&auctioned["price"]), "3000000000000");

    let digest = ainu(&offer["offer"]).to_owned();
    place.succeeds(&["market", "offer", "--withdraw", &digest[..8]]);
    assert_eq!(place.json(&["market", "offers"]), Value::Array(Vec::new()));
    assert_eq!(run(&place, &[])["seller_name"], "cheap");
    place.fails(&["task", "run", "text.echo", "--reserve", "5", "--venue", "offer"]);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_failure_under_an_offer_goes_on_to_an_auction_and_is_refunded_when_all_fail() {
    let place = bazaar();
    place.succeeds(&["market", "offer", "cheap", "--price", "1"]);
    let nothing = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";
    let input = place.file("input", b"something");
    let wish = ["task", "run", "text.echo", "--reserve", "5", "--input", &input];
    place.fails(&[&wish[..], &["--check", "digest", "--expected", nothing]].concat());
    let task = place.json(&["task", "list"])[0].clone();
    assert_eq!(task["phase"], "refunded", "{task}");
    let sellers: Vec<&str> = task["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .filter_map(|attempt| attempt["seller_name"].as_str())
        .collect();
    assert_eq!(sellers, ["cheap", "dear"]);
    let receipt = place.path("receipt.json");
    let id = task["id"].as_str().expect("a task has an id").to_owned();
    place.succeeds(&["receipt", "show", &id, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn an_open_call_takes_a_bid_from_the_owner_of_an_agent() {
    let place = bazaar();
    let _node = place.start_node();
    let call = ["market", "call", "text.echo", "--reserve", "2.5", "--bidding", "4", "--detach"];
    let task = place.json(&call)["task"].as_str().expect("a task").to_owned();
    let calls = place.json(&["market", "bid"]);
    assert_eq!(calls[0]["task"], task.as_str(), "{calls}");
    // One has bid its fixed price, which is above the reserve for the other; its owner bids less.
    let place_bid = ["market", "bid", &task[..8], "--agent", "dear", "--price", "1.25"];
    place.succeeds(&place_bid);
    let again = ["market", "bid", &task[..8], "--agent", "cheap", "--price", "1"];
    let refusal = place.fails(&again);
    assert!(refusal.contains("has sealed a bid"), "{refusal}");
    let ended = place.json(&["task", "watch", &task]);
    assert_eq!(ended["phase"], "settled", "{ended}");
    assert_eq!(ended["seller_name"], "dear");
    assert_eq!(ainu(&ended["price"]), "2000000000000");
}

#[test]
fn offers_that_make_no_sense_are_refused_with_what_to_do() {
    let place = bazaar();
    for (arguments, said) in [
        (&["market", "offer", "nobody", "--price", "1"][..], "nobody"),
        (&["market", "offer", "dear", "--price", "0"], "above zero"),
        (&["market", "offer", "dear", "--price", "1", "--discount", "5:100%"], "discount"),
        (&["market", "offer", "dear", "--price", "1", "--capability", "no.such"], "no.such"),
        (&["market", "offer", "dear", "--price", "1", "--for", "9999"], "at most"),
        (&["market", "offer", "--withdraw", "00000000"], "no standing offer"),
    ] {
        let refusal = place.fails(arguments);
        assert!(refusal.contains(said), "{arguments:?}: {refusal}");
    }
}
