//! The market through the binary: standing offers that are taken at once, open calls that people
//! bid on.
mod place;

use std::time::{Duration, Instant};

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
/// The content id of no bytes.
const NOTHING: &str = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";

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
    let input = place.file("input", b"something");
    let wish = ["task", "run", "text.echo", "--reserve", "5", "--input", &input];
    let asked = Instant::now();
    place.fails(&[&wish[..], &["--check", "digest", "--expected", NOTHING]].concat());
    // Nobody waits for a bid of the seller that has failed.
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
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

/// Pays an agent of the place.
fn pay(place: &Place, agent: &str, amount: &str) {
    let did = place.json(&["agent", "show", agent])["did"].as_str().expect("a DID").to_owned();
    place.succeeds(&["account", "transfer", &did, amount]);
}

/// A bazaar in which `dear` has issued 10 credits behind 1 AINU each and sells 5 of them for 2.
fn with_credits() -> (Place, String) {
    let place = bazaar();
    pay(&place, "dear", "20");
    let open = ["market", "credits", "open", "text.echo", "--collateral", "1", "--agent", "dear"];
    place.succeeds(&open);
    let issue = ["market", "credits", "issue", "text.echo", "10", "--agent", "dear"];
    let issued = place.json(&issue);
    assert_eq!((&issued["credits"], ainu(&issued["money"])), (&10.into(), "10000000000000"));
    assert_eq!(issued["holding"]["owed"], 10, "{issued}");
    let sell = ["market", "order", "sell", "text.echo", "5", "--price", "2", "--agent", "dear"];
    let rests = place.json(&sell);
    assert_eq!((&rests["filled"], &rests["resting"]), (&0.into(), &5.into()), "{rests}");
    let order = rests["order"].to_string();
    (place, order)
}

#[test]
fn credits_are_issued_sold_bought_pooled_and_routed_and_the_books_balance() {
    let (place, order) = with_credits();
    let bought = place.json(&["market", "order", "buy", "text.echo", "3"]);
    assert_eq!((&bought["filled"], &bought["ending"]), (&3.into(), &"filled".into()), "{bought}");
    assert_eq!(ainu(&bought["total"]), "6000000000000");
    assert_eq!(ainu(&bought["fee"]), "6000000000");
    assert_eq!(bought["trades"][0]["with"], "dear");
    let picture = place.path("depth.svg");
    let book = place.json(&["market", "book", "text.echo", "--svg", &picture]);
    assert_eq!(book["sell"][0]["quantity"], 2, "{book}");
    assert_eq!(ainu(&book["sell"][0]["price"]), "2000000000000");
    assert_eq!(ainu(&book["quotes"]["buy_in_book"]), "2002000000000");
    assert_eq!(book["holding"]["credits"], 3);
    let drawn = std::fs::read_to_string(&picture).expect("the picture was written");
    assert!(drawn.starts_with("<svg ") && drawn.contains("Depth of text.echo credits"), "{drawn}");
    let table = place.run(&["market", "book", "text.echo"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("sell") && table.contains('█'), "{table}");

    // The pool sells its first credit for about 1.5 AINU, its second for much more than the book.
    let open = ["market", "pool", "open", "text.echo", "--credits", "3", "--money", "3"];
    let opened = place.json(&open);
    assert_eq!(opened["credits"], 3, "{opened}");
    assert_eq!(ainu(&opened["shares"]), ainu(&opened["holding"]["pool_shares"]));
    assert_eq!(place.json(&["market", "pool", "text.echo"])["pool"]["credits"], 3);
    let routed = place.json(&["market", "order", "buy", "text.echo", "2", "--route"]);
    assert_eq!((&routed["filled"], &routed["ending"]), (&2.into(), &"filled".into()), "{routed}");
    let places: Vec<_> = routed["trades"]
        .as_array()
        .expect("trades")
        .iter()
        .map(|trade| (trade["place"].as_str(), trade["quantity"].as_u64()))
        .collect();
    assert_eq!(places, [(Some("book"), Some(1)), (Some("pool"), Some(1))], "{routed}");
    let swap = ["market", "pool", "swap", "sell", "text.echo", "1", "--limit", "0.5"];
    assert_eq!(place.json(&swap)["trades"][0]["place"], "pool");

    let cancel = ["market", "order", "cancel", "text.echo", order.as_str(), "--agent", "dear"];
    let cancelled = place.json(&cancel);
    assert_eq!(cancelled["credits"], 1, "{cancelled}");
    let holding = &cancelled["holding"];
    assert_eq!((&holding["credits"], &holding["credits_in_orders"]), (&6.into(), &0.into()));
    let retire = ["market", "credits", "retire", "text.echo", "6", "--agent", "dear"];
    assert_eq!(place.json(&retire)["holding"]["owed"], 4);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn an_order_for_less_keeps_its_number_and_another_price_gives_another() {
    let (place, order) = with_credits();
    let replace = |order: &str, quantity: &str, price: &str| {
        let words = ["market", "order", "replace", "text.echo", order, quantity, price];
        place.json(&[&words[..], &["--agent", "dear"]].concat())
    };
    let less = replace(&order, "4", "2");
    assert_eq!((less["order"].to_string(), &less["resting"]), (order.clone(), &4.into()), "{less}");
    let dearer = replace(&order, "4", "3");
    assert_ne!(dearer["order"].to_string(), order, "{dearer}");
    let book = place.json(&["market", "book", "text.echo", "--agent", "dear"]);
    assert_eq!(ainu(&book["sell"][0]["price"]), "3000000000000", "{book}");
    assert_eq!(book["holding"]["orders"][0]["id"], dearer["order"]);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn what_the_exchange_refuses_it_refuses_with_what_to_do() {
    let (place, order) = with_credits();
    for (arguments, said) in [
        (&["market", "book", "text.nothing"][..], "ainur market credits open text.nothing"),
        (&["market", "order", "buy", "text.nothing", "1"], "ainur market credits open"),
        (&["market", "order", "buy", "text.echo", "1", "--kind", "limit"], "--price"),
        (&["market", "order", "buy", "text.echo", "1", "--kind", "market", "--price", "1"], "ioc"),
        (&["market", "order", "buy", "text.echo", "1", "--price", "0.0000001"], "multiples"),
        (&["market", "order", "buy", "text.echo", "1", "--price", "1", "--route"], "--price"),
        (&["market", "order", "sell", "text.echo", "1", "--price", "2"], "market credits issue"),
        (&["market", "order", "cancel", "text.echo", order.as_str()], "market book"),
        (&["market", "order", "cancel", "text.echo", "99", "--agent", "dear"], "no order 99"),
        (&["market", "pool", "swap", "buy", "text.echo", "1", "--limit", "9"], "market pool open"),
        (
            &["market", "credits", "open", "text.echo", "--collateral", "1", "--agent", "dear"],
            "market credits issue",
        ),
        (&["market", "credits", "issue", "text.echo", "99", "--agent", "dear"], "account transfer"),
        (&["market", "credits", "retire", "text.echo", "1", "--agent", "cheap"], "short of 1"),
    ] {
        let refusal = place.fails(arguments);
        assert!(refusal.contains(said), "{arguments:?}: {refusal}");
    }
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_seller_that_is_paid_upfront_pays_back_what_it_fails_at() {
    let place = Place::new();
    let echo = component("echo");
    place.succeeds(&["agent", "add", &echo, "--name", "first", "--price", "2", "--stake", "1000"]);
    place.succeeds(&["market", "offer", "first", "--price", "1.5", "--payment", "upfront"]);
    let settled = run(&place, &[]);
    assert_eq!((&settled["phase"], ainu(&settled["price"])), (&"settled".into(), "1500000000000"));
    let input = place.file("input", b"something");
    let wish = ["task", "run", "text.echo", "--reserve", "5", "--input", &input];
    place.fails(&[&wish[..], &["--check", "digest", "--expected", NOTHING]].concat());
    let refunded = place.json(&["task", "list"])[0].clone();
    assert_eq!(refunded["phase"], "refunded", "{refunded}");
    for task in [&settled, &refunded] {
        let receipt = place.path("receipt.json");
        let id = task["id"].as_str().expect("a task has an id").to_owned();
        place.succeeds(&["receipt", "show", &id, "--output", &receipt]);
        place.succeeds(&["receipt", "verify", &receipt]);
    }
    assert_eq!(place.json(&["account", "show"])["in_escrow"], "0");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_killed_node_counts_what_was_bought_under_an_offer_once() {
    let place = bazaar();
    place.succeeds(&["market", "offer", "dear", "--price", "1.5", "--discount", "2:50%"]);
    let node = place.start_node();
    assert_eq!(ainu(&run(&place, &[])["price"]), "1500000000000");
    // SIGKILL: what follows repeats the journal.
    drop(node);
    let second = run(&place, &[]);
    assert_eq!((&second["seller_name"], ainu(&second["price"])), (&"dear".into(), "1500000000000"));
    assert_eq!(second["attempts"].as_array().map(Vec::len), Some(1), "{second}");
    assert_eq!(ainu(&run(&place, &[])["price"]), "750000000000");
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_seller_whose_offer_the_ledger_refuses_can_still_bid() {
    let place = Place::new();
    let echo = component("echo");
    place.succeeds(&["agent", "add", &echo, "--name", "poor", "--price", "2", "--stake", "100"]);
    // It has not that much to pledge.
    place.succeeds(&["market", "offer", "poor", "--price", "400", "--payment", "upfront"]);
    let task = place.json(&["task", "run", "text.echo", "--reserve", "500"]);
    assert_eq!(task["phase"], "settled", "{task}");
    assert_eq!(task["attempts"].as_array().map(Vec::len), Some(2), "{task}");
    let (receipt, id) = (place.path("receipt.json"), ainu(&task["id"]).to_owned());
    place.succeeds(&["receipt", "show", &id, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
}

#[test]
fn work_for_nothing_has_a_receipt_that_verifies() {
    let place = Place::new();
    place.succeeds(&["agent", "add", &component("echo"), "--name", "free", "--price", "0"]);
    let task = run(&place, &["--selection", "fastest"]);
    assert_eq!((&task["phase"], ainu(&task["price"])), (&"settled".into(), "0"), "{task}");
    let (receipt, id) = (place.path("receipt.json"), ainu(&task["id"]).to_owned());
    place.succeeds(&["receipt", "show", &id, "--output", &receipt]);
    place.succeeds(&["receipt", "verify", &receipt]);
    place.succeeds(&["task", "rate", &id, "5"]);
}

#[test]
fn a_trade_under_a_key_is_made_once_and_told_again_also_after_a_kill() {
    let (place, _) = with_credits();
    let node = place.start_node();
    let buy = ["market", "order", "buy", "text.echo", "2", "--price", "2", "--key", "first"];
    let bought = place.json(&buy);
    assert_eq!(bought["filled"], 2, "{bought}");
    let again = place.json(&buy);
    drop(node);
    let after = place.json(&buy);
    for told in [&again, &after] {
        for field in ["trades", "filled", "total", "fee", "ending", "holding"] {
            assert_eq!(told[field], bought[field], "{field}");
        }
    }
    let other = ["market", "order", "buy", "text.echo", "1", "--price", "2", "--key", "first"];
    let refusal = place.fails(&other);
    assert!(refusal.contains("the key belongs to another call"), "{refusal}");
    let issue = ["market", "credits", "issue", "text.echo", "3", "--agent", "dear", "--key", "x"];
    assert_eq!(place.json(&issue)["holding"]["owed"], 13);
    assert_eq!(place.json(&issue)["holding"]["owed"], 13);
    let open = ["market", "pool", "open", "text.echo", "--credits", "2", "--money", "3"];
    let open = [&open[..], &["--key", "pool"]].concat();
    assert_eq!(place.json(&open)["credits"], 2);
    assert_eq!(place.json(&open)["credits"], 2);
    place.succeeds(&["ledger", "audit"]);
}
