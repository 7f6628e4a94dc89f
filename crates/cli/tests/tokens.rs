//! Tokens: what a client may do and spend, through the running node, and through its death.
mod place;

use ainur_api::operation::{TaskQuery, TaskRequest};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::{TaskPhase, TaskView};
use ainur_api::{Operation, Reply, Service};
use ainur_primitives::{Amount, SelectionRule};
use place::Place;

fn request(reserve: &str, key: Option<&str>) -> TaskRequest {
    TaskRequest {
        capability: "text.echo".parse().expect("a capability"),
        parameters: serde_json::json!({ "say": "hi" }),
        input: None,
        reserve: Amount::from_ainu(reserve).expect("an amount"),
        loss: None,
        budget: None,
        selection: SelectionRule::Scored,
        check: None,
        deadline_ms: None,
        limits: None,
        graph: None,
        chunks: Vec::new(),
        only: None,
        venue: Default::default(),
        rental: None,
        service: None,
        negotiation: None,
        bidding_ms: None,
        idempotency_key: key.map(str::to_owned),
        request_digest: None,
        context: None,
        wait: true,
        trace: None,
    }
}

fn buy(service: &dyn Service, request: TaskRequest) -> Result<TaskView, Problem> {
    match service.perform(Operation::TaskRun(request))? {
        Reply::Task(task) => Ok(*task),
        other => unreachable!("another answer: {other:?}"),
    }
}

fn tasks(service: &dyn Service) -> Vec<TaskView> {
    match service.perform(Operation::TaskList(TaskQuery { limit: 100, ..TaskQuery::default() })) {
        Ok(Reply::Tasks(page)) => page.tasks,
        other => unreachable!("another answer: {other:?}"),
    }
}

#[test]
fn a_runaway_loop_stops_at_its_limit_which_the_error_names() {
    let place = Place::with_echo();
    let node = place.start_node();
    let secret = place.token(&["loop", "--limit", "5", "--daily", "2"]);
    let client = place.client(Some(&secret));
    let mut spent = Amount::ZERO;
    let stopped = loop {
        match buy(&client, request("0.3", None)) {
            Ok(task) => {
                assert_eq!(task.phase, TaskPhase::Settled);
                spent = spent.saturating_add(task.price.expect("a price"));
                assert!(spent <= Amount::ainu(2), "the day's limit is passed");
            }
            Err(problem) => break problem,
        }
    };
    assert_eq!(stopped.code, Code::BudgetExceeded);
    assert!(stopped.message.contains("allows 2 AINU each 86400 s"), "{stopped}");
    assert!(spent.saturating_add(Amount::from_ainu("0.3").expect("an amount")) > Amount::ainu(2));
    // Many at once fare no better: what is locked counts, and the ledger has the last word.
    let secret = place.token(&["flood", "--limit", "1"]);
    let flood = place.client(Some(&secret));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| drop(buy(&flood, request("0.3", None))));
        }
    });
    let paid: Amount = tasks(&flood)
        .iter()
        .filter(|task| task.phase == TaskPhase::Settled)
        .filter_map(|task| task.price)
        .sum();
    assert!(paid <= Amount::ainu(1) && !paid.is_zero(), "{paid:?}");
    drop(node);
    place.succeeds(&["ledger", "audit"]);
}

#[test]
fn a_token_opens_what_its_scope_and_budget_allow_and_nothing_else() {
    let place = Place::with_echo();
    let node = place.start_node();
    let one = place.client(Some(&place.token(&["one", "--limit", "5", "--per-task", "1"])));
    let two = place.client(Some(&place.token(&["two", "--limit", "5"])));
    let reader = place.client(Some(&place.token(&["reader", "--limit", "5", "--scope", "read"])));
    let refused =
        |service: &dyn Service, operation| service.perform(operation).expect_err("this is refused");
    // Of its own it sees everything, of others nothing, not even by the same key.
    let bought = buy(&one, request("1", Some("order 7"))).expect("bought");
    assert_eq!(buy(&one, request("1", Some("order 7"))).expect("found again").id, bought.id);
    assert_ne!(buy(&two, request("1", Some("order 7"))).expect("bought").id, bought.id);
    assert_eq!(tasks(&one).len(), 1);
    assert_eq!(tasks(&reader).len(), 0);
    let id = bought.id.to_string();
    for beginning in [&id[..], &id[..8]] {
        let show = Operation::TaskShow { task: beginning.to_owned() };
        assert_eq!(refused(&two, show).code, Code::NotFound);
        let receipt = Operation::ReceiptShow { task: beginning.to_owned() };
        assert_eq!(refused(&two, receipt).code, Code::NotFound);
        let cancel = Operation::TaskCancel { task: beginning.to_owned() };
        assert_eq!(refused(&two, cancel).code, Code::NotFound);
    }
    one.perform(Operation::ReceiptShow { task: id }).expect("its own receipt");
    // More than a task may cost, more than it may do.
    let dear = buy(&one, request("1.5", None)).expect_err("too dear");
    assert!(dear.message.contains("may spend 1 AINU on one task"), "{dear}");
    assert_eq!(buy(&reader, request("1", None)).expect_err("it only reads").code, Code::Forbidden);
    for forbidden in [
        Operation::NodeStop,
        Operation::AccountShow { account: None },
        Operation::AccountTransfer { to: bought.buyer, amount: Amount(1) },
        Operation::AgentRemove { agent: "echo".into() },
        Operation::TokenList,
        Operation::LedgerExport { folder: "/x".into() },
    ] {
        assert_eq!(refused(&one, forbidden).code, Code::Forbidden);
    }
    // Delegation narrows: inside its own budget, never around or beside it.
    let mine = bought.budget.expect("a budget");
    let open = |parent| Operation::BudgetOpen { limit: Amount::ainu(2), period_ms: None, parent };
    let Ok(Reply::Budget(inner)) = one.perform(open(None)) else { panic!("a budget inside") };
    assert_eq!(inner.parent, Some(mine));
    let drawn = TaskRequest { budget: Some(inner.id), ..request("1", None) };
    buy(&one, drawn.clone()).expect("drawn on the inner one");
    assert_eq!(buy(&two, drawn).expect_err("another's").code, Code::NotFound);
    assert_eq!(refused(&two, open(Some(mine))).code, Code::NotFound);
    let wide = Operation::BudgetOpen { limit: Amount::ainu(6), period_ms: None, parent: None };
    assert!(refused(&one, wide).message.contains("cannot allow more"));
    drop(node);
}

#[test]
fn a_token_outlives_a_killed_node_and_its_key_finds_the_task_again() {
    let place = Place::with_echo();
    let node = place.start_node();
    let secret = place.token(&["one", "--limit", "5"]);
    let bought = buy(&place.client(Some(&secret)), request("1", Some("once"))).expect("bought");
    drop(node); // SIGKILL
    let node = place.start_node();
    let again = buy(&place.client(Some(&secret)), request("1", Some("once"))).expect("found");
    assert_eq!(again.id, bought.id);
    assert_eq!(tasks(&place.client(Some(&secret))).len(), 1);
    place.succeeds(&["token", "revoke", "one"]);
    let refused = buy(&place.client(Some(&secret)), request("1", None)).expect_err("revoked");
    assert_eq!(refused.code, Code::Unauthorized);
    drop(node);
    let node = place.start_node();
    let refused = buy(&place.client(Some(&secret)), request("1", None)).expect_err("for good");
    assert_eq!(refused.code, Code::Unauthorized);
    drop(node);
    assert!(place.fails(&["token", "create", "one", "--limit", "1"]).contains("there is a token"));
    let file = std::fs::read_to_string(place.data_dir().join("tokens.json")).expect("readable");
    assert!(!file.contains(&secret));
}

#[test]
fn a_token_opens_nothing_after_its_time() {
    use ainur_api::operation::TokenCreate;
    use ainur_api::view::Scope;
    use ainur_primitives::DurationMs;
    let place = Place::with_echo();
    let node = place.start_node();
    let create = Operation::TokenCreate(TokenCreate {
        name: "brief".into(),
        scope: Scope::Spend,
        limit: Amount::ainu(5),
        daily: None,
        per_task: None,
        parent: None,
        expires_ms: Some(DurationMs(4_000)),
        weight: std::num::NonZeroU16::MIN,
    });
    let Ok(Reply::TokenCreated { secret, .. }) = place.client(None).perform(create) else {
        unreachable!("a token")
    };
    let client = place.client(Some(&secret));
    client.perform(Operation::AgentList).expect("it opens");
    std::thread::sleep(std::time::Duration::from_millis(4_100));
    let refused = client.perform(Operation::AgentList).expect_err("it is over");
    assert_eq!(refused.code, Code::Unauthorized);
    drop(node);
}
