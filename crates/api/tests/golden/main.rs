//! The JSON of every operation and every reply is a contract: `golden/operations.json` holds one of
//! each.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ainur_api::operation::{
    AgentAdd, BidDraft, Credential, McpCommand, OwnKey, ProgramSource, ServicePlace, SignedPapers,
    TaskQuery, TaskRequest, TokenCreate,
};
use ainur_api::problem::Code;
use ainur_api::view::{
    AccountView, AgentView, AttemptView, AuditReport, AwardRow, BidRow, BiddingView, BudgetView,
    Check, Explanation, InsuranceRow, JoinPapers, LatenessTerms, LedgerStatus, Limit,
    NegotiationTurn, NegotiationView, NodeStatus, OpenCall, PenaltyRow, Scope, StakeLoss,
    TaskEvent, TaskPage, TaskPhase, TaskView, TokenView, TraceExport, Verification, Worker,
};
use ainur_api::{Operation, Problem, Reply};
use ainur_market::negotiation::power::ConcessionRate;
use ainur_market::negotiation::{NegotiationActKind, NegotiationWish, TacticName};
use ainur_market::strategy::StrategyChoice;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, ContentId, Did, Digest, DurationMs, ExecutionLimits,
    FailureReason, PenaltyCause, Ppm, QualityLevel, SelectionRule, TaskId, Timestamp, TraceContext,
    Venue,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

mod aacl;
mod exchange;
mod offers;
mod rentals;

/// What the golden file holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    operations: Vec<Operation>,
    replies: Vec<Reply>,
    problem: Problem,
}

fn did(byte: u8) -> Did {
    Did(Digest([byte; 32]))
}

fn content(byte: u8) -> ContentId {
    ContentId(Digest([byte; 32]))
}

fn task() -> String {
    "5f3a".into()
}

/// The node itself, and every way to add an agent.
fn first_operations() -> Vec<Operation> {
    let component = ProgramSource::Component { content: content(1) };
    let argv = vec!["/usr/bin/tr".into(), "a-z".into(), "A-Z".into()];
    vec![
        Operation::NodeStatus,
        Operation::NodeLimits,
        Operation::NodeStop,
        Operation::AgentAdd(AgentAdd {
            name: None,
            program: component,
            price: None,
            prices: BTreeMap::new(),
            tactic: TacticName::default(),
            strategy: None,
            stake: None,
            capability: None,
            team: None,
            own_key: None,
        }),
        Operation::AgentAdd(AgentAdd {
            name: Some("upper".into()),
            program: ProgramSource::Command { argv, network: false, or_mcp: true },
            price: Some(Amount::ainu(2)),
            prices: BTreeMap::from([("text.upper".parse().unwrap(), Amount::ainu(3))]),
            tactic: TacticName::Micro,
            strategy: Some(StrategyChoice::Bandit),
            stake: Some(Amount(u128::MAX)),
            capability: Some("text.upper".parse().unwrap()),
            team: None,
            own_key: None,
        }),
        Operation::AgentAdd(AgentAdd {
            name: Some("files".into()),
            program: ProgramSource::McpCommand(McpCommand {
                argv: vec!["node".into(), "server.js".into()],
                network: true,
                readable: vec!["/srv".into()],
                writable: vec!["/srv/out".into()],
                environment: BTreeMap::from([("LEVEL".into(), "3".into())]),
            }),
            price: Some(Amount::ainu(1)),
            prices: BTreeMap::new(),
            tactic: TacticName::default(),
            strategy: None,
            stake: None,
            capability: None,
            team: None,
            own_key: None,
        }),
        Operation::AgentAdd(AgentAdd {
            name: None,
            program: ProgramSource::Url(ServicePlace {
                url: "https://tools.example/mcp".into(),
                allow_private: false,
                credential: Some(Credential("secret".into())),
                credential_header: None,
            }),
            price: Some(Amount::ainu(1)),
            prices: BTreeMap::new(),
            tactic: TacticName::default(),
            strategy: None,
            stake: None,
            capability: None,
            team: None,
            own_key: None,
        }),
    ]
}

fn operations() -> Vec<Operation> {
    let mut operations = first_operations();
    operations.extend(aacl::operations());
    operations.extend(exchange::operations());
    operations.extend(rentals::operations());
    operations.extend([
        Operation::AgentList,
        Operation::AgentAccept { agent: "files".into() },
        Operation::AgentShow { agent: "upper".into() },
        Operation::AgentRemove { agent: did(2).to_string() },
        Operation::TaskRun(task_request()),
        Operation::TaskFind { idempotency_key: "order 7".into(), request_digest: Digest([8; 32]) },
        Operation::TaskList(TaskQuery {
            limit: 20,
            before: Some(41),
            budget: Some(BudgetId(Digest([3; 32]))),
            context: Some("order 7".into()),
            phases: vec![TaskPhase::Settled, TaskPhase::Refunded],
        }),
        Operation::TaskShow { task: task() },
        Operation::TaskEvents { task: task(), after: 3, wait_ms: DurationMs(15_000) },
        Operation::TaskExplain { task: task() },
        Operation::TaskCancel { task: task() },
        Operation::TaskDecide { task: task(), accept: false, reason: "empty".into() },
        Operation::TaskRate { task: task(), rating: 5 },
        Operation::CallList,
        Operation::BidPlace(BidDraft {
            task: task(),
            agent: "upper".into(),
            price: Amount::ainu(3),
            estimated_duration_ms: Some(DurationMs::seconds(9)),
            quality_level: QualityLevel::Premium,
        }),
        Operation::OfferList { capability: Some("text.upper".parse().unwrap()) },
        Operation::OfferPublish(offers::draft()),
        Operation::OfferWithdraw { offer: "0a1b2c3d".into() },
        Operation::BudgetOpen {
            limit: Amount::ainu(100),
            period_ms: Some(DurationMs::seconds(86_400)),
            parent: None,
        },
        Operation::BudgetShow { budget: BudgetId(Digest([3; 32])) },
        Operation::AccountShow { account: None },
        Operation::AccountTransfer { to: did(4), amount: Amount(1) },
        Operation::TokenCreate(TokenCreate {
            name: "assistant".into(),
            scope: Scope::Spend,
            limit: Amount::ainu(100),
            daily: Some(Amount::ainu(5)),
            per_task: None,
            parent: None,
            expires_ms: Some(DurationMs::seconds(3_600)),
            weight: std::num::NonZeroU16::MIN,
        }),
        Operation::TokenList,
        Operation::TokenRevoke { token: "assistant".into() },
        Operation::LedgerStatus,
        Operation::LedgerAudit,
        Operation::LedgerSubmit { submission: "00".into() },
        Operation::AgentPrepare(AgentAdd {
            name: Some("own".into()),
            program: ProgramSource::Component { content: content(1) },
            price: None,
            prices: BTreeMap::new(),
            tactic: TacticName::default(),
            strategy: None,
            stake: None,
            capability: None,
            team: None,
            own_key: Some(OwnKey {
                material: "00ff".into(),
                signed: Some(SignedPapers { card: "{}".into(), submission: "01".into() }),
            }),
        }),
        Operation::LedgerExport { folder: "/var/export".into() },
        Operation::ReceiptShow { task: task() },
        Operation::ReceiptVerify { receipt: "{\"a\":1}".into() },
    ]);
    operations
}

fn task_request() -> TaskRequest {
    TaskRequest {
        capability: "compress.gzip".parse().unwrap(),
        parameters: json!({ "level": 9, "name": "a\u{e9}", "ratio": 0.5, "nothing": null }),
        input: Some(content(5)),
        reserve: Amount::ainu(10),
        loss: Some(Amount::ainu(3)),
        budget: Some(BudgetId(Digest([3; 32]))),
        selection: SelectionRule::Scored,
        check: Some(AcceptanceCheck::All {
            checks: vec![
                AcceptanceCheck::Schema,
                AcceptanceCheck::Verifier { component: content(6) },
                AcceptanceCheck::BuyerWord { window_ms: DurationMs::seconds(60) },
            ],
        }),
        deadline_ms: Some(DurationMs::seconds(30)),
        limits: Some(ExecutionLimits::default()),
        graph: None,
        chunks: Vec::new(),
        only: Some(did(2)),
        venue: Venue::Offer,
        rental: None,
        service: Some(LatenessTerms {
            late_after_ms: DurationMs(5_000),
            compensation: Ppm(200_000),
        }),
        negotiation: Some(NegotiationWish { opening: Ppm(600_000), ..NegotiationWish::default() }),
        bidding_ms: Some(DurationMs(30_000)),
        idempotency_key: Some("order 7".into()),
        request_digest: Some(Digest([8; 32])),
        context: Some("orders".into()),
        wait: true,
        trace: TraceContext::read(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            Some("vendor=1"),
        )
        .map(Box::new),
    }
}

fn token_view() -> TokenView {
    TokenView {
        name: "assistant".into(),
        scope: Scope::Read,
        budget: BudgetId(Digest([3; 32])),
        per_task: Amount::ainu(5),
        created: Timestamp(1_700_000_000_123),
        expires: Timestamp(1_700_003_600_123),
        revoked: true,
        weight: std::num::NonZeroU16::MIN,
    }
}

fn replies() -> Vec<Reply> {
    let mut replies = aacl::replies();
    replies.extend(exchange::replies());
    replies.extend(rentals::replies());
    replies.extend(first_replies());
    replies.push(Reply::Papers(JoinPapers {
        did: did(2),
        card: "{}".into(),
        transactions: vec!["00ff".into()],
    }));
    replies
}

fn first_replies() -> Vec<Reply> {
    let checks = || {
        let detail = "12 blocks".to_string();
        vec![Check { name: "chain".into(), ok: true, detail }]
    };
    let limit = |name: &str, value| Limit {
        area: "api".into(),
        name: name.into(),
        value,
        unit: "bytes".into(),
    };
    let event = TaskEvent {
        number: 1,
        at: Timestamp(1_700_000_000_123),
        kind: "announced".into(),
        detail: "compress.gzip, at most 10 AINU".into(),
    };
    vec![
        Reply::Done,
        Reply::NodeStatus(node_status()),
        Reply::Limits(vec![limit("OPERATION_BYTES_MAX", 1 << 20), limit("MOST", u128::MAX)]),
        Reply::Agent(agent()),
        Reply::Agents(vec![agent()]),
        Reply::TaskAnnounced { task: TaskId(Digest([7; 32])) },
        Reply::TaskFound { task: Some(TaskId(Digest([7; 32]))) },
        Reply::Task(Box::new(task_view())),
        Reply::Tasks(TaskPage { tasks: vec![], next: Some(41) }),
        Reply::TaskEvents(vec![event]),
        Reply::Explanation(explanation()),
        Reply::Calls(vec![OpenCall {
            task: TaskId(Digest([7; 32])),
            capability: "text.upper".parse().unwrap(),
            buyer: did(1),
            reserve: Amount::ainu(10),
            bids: 2,
            unanswered: 1,
            commit_until: Timestamp(1_700_000_000_123),
            deadline: Timestamp(1_700_000_009_999),
        }]),
        Reply::Offers(vec![offers::view()]),
        Reply::Offer(Box::new(offers::view())),
        Reply::Budget(BudgetView {
            id: BudgetId(Digest([3; 32])),
            parent: None,
            period_ms: None,
            limit: Amount::ainu(100),
            reserved: Amount::ainu(10),
            spent: Amount::ZERO,
        }),
        Reply::TokenCreated { secret: "AbC".into(), token: token_view() },
        Reply::Tokens(vec![token_view()]),
        Reply::Account(AccountView {
            did: did(2),
            name: Some("upper".into()),
            free: Amount::ainu(1),
            staked: Amount::ainu(50),
            locked: Amount::ainu(5),
            in_escrow: Amount::ZERO,
            nonce: u64::MAX,
        }),
        Reply::Ledger(LedgerStatus {
            chain_id: Digest([8; 32]),
            height: 12,
            state_root: Digest([9; 32]),
            timestamp: Timestamp(1_700_000_000_123),
            totals: vec![("accounts".into(), Amount::ainu(1000))],
            balanced: true,
            audit_entries: 40,
            fee_min: Amount(100),
        }),
        Reply::Audit(AuditReport { checks: checks(), ok: true }),
        Reply::Receipt { receipt: "{\"a\":1}".into() },
        Reply::Verification(Verification {
            checks: checks(),
            ok: false,
            facts: vec![("seller".into(), did(2).to_string())],
        }),
    ]
}

fn node_status() -> NodeStatus {
    NodeStatus {
        did: did(1),
        chain_id: Digest([8; 32]),
        version: "0.1.0".into(),
        data_dir: "/var/lib/ainur".into(),
        listen: Some("127.0.0.1:7117".into()),
        height: 12,
        agents: 3,
        tasks_open: 1,
        tasks_total: 41,
        workers: vec![Worker { id: 1, pid: 4242, jobs: 2 }],
        command_network: "isolated".into(),
        traces: Some(TraceExport {
            collector: "http://localhost:4318".into(),
            exported: 40,
            dropped: 2,
        }),
    }
}

fn bidding() -> BiddingView {
    BiddingView {
        bids: 8,
        wins: 5,
        win_rate: Ppm(625_000),
        mean_margin: Ppm(40_000),
        accepted: 4,
        failed: 1,
        earned: Amount::ainu(9),
        spent: Amount::ainu(8),
        latency_ms: Some(DurationMs(40)),
    }
}

fn agent() -> AgentView {
    AgentView {
        did: did(2),
        name: "upper".into(),
        card: Digest([12; 32]),
        description: "Makes letters large.".into(),
        program: "/usr/bin/tr a-z A-Z".into(),
        capabilities: vec![serde_json::from_value(json!({ "name": "text.upper" })).unwrap()],
        price: Some(Amount::ainu(2)),
        prices: BTreeMap::from([("text.upper".parse().unwrap(), Amount::ainu(3))]),
        tactic: Some(TacticName::TimeDependent(ConcessionRate { numerator: 2, denominator: 5 })),
        strategy: Some(StrategyChoice::LoadAware),
        bidding: BTreeMap::from([("text.upper".parse().unwrap(), bidding())]),
        quarantined: BTreeMap::from([("text.lower".parse().unwrap(), "changed".into())]),
        unreachable: None,
        active: true,
        balance: Amount::ainu(9),
        stake: Amount::ainu(50),
        completed: 4,
        failed: 1,
        failure_probability: Ppm(285_714),
        barred: false,
        own_key: false,
        losses: vec![StakeLoss {
            at: Timestamp(1_790_000_000_000),
            amount: Amount::ainu(1),
            why: "failed at task 07070707 (timed-out)".into(),
        }],
    }
}

fn task_view() -> TaskView {
    TaskView {
        id: TaskId(Digest([7; 32])),
        number: 41,
        capability: "compress.gzip".parse().unwrap(),
        phase: TaskPhase::Settled,
        buyer: did(1),
        seller: Some(did(2)),
        seller_name: Some("upper".into()),
        reserve: Amount::ainu(10),
        price: Some(Amount::ainu(4)),
        paid: Some(Amount(1)),
        service: None,
        budget: None,
        context: Some("orders".into()),
        parameters: "{}".into(),
        input: Some(content(5)),
        input_bytes: 1_000_000,
        output: Some(content(10)),
        output_bytes: 300_000,
        check: AcceptanceCheck::Digest { expected: content(10) },
        selection: SelectionRule::BestReputation,
        negotiations: vec![negotiation()],
        attempts: vec![AttemptView {
            attempt: 1,
            seller: did(2),
            seller_name: "upper".into(),
            price: Amount::ainu(4),
            failure: Some(FailureReason::TimedOut),
            detail: "no output in 30 s".into(),
            slashed: Amount(1),
            resumed: 2,
            resumed_at_chunk: 17,
        }],
        opened: Timestamp(1_700_000_000_123),
        ended: Some(Timestamp(1_700_000_009_999)),
        cancelled: false,
        detail: String::new(),
        has_receipt: true,
        parts: Vec::new(),
        chunks: Vec::new(),
        part_of: None,
    }
}

fn negotiation() -> NegotiationView {
    NegotiationView {
        seller: did(2),
        seller_name: "upper".into(),
        rounds: 1,
        agreed: Some(Amount::ainu(4)),
        awarded: true,
        messages: vec![NegotiationTurn {
            round: 1,
            from: did(1),
            act: NegotiationActKind::Propose,
            price: Some(Amount::ainu(4)),
            timeline_ms: Some(DurationMs::seconds(20)),
            quality_level: Some(QualityLevel::Premium),
        }],
        thread: Digest([9; 32]),
    }
}

fn explanation() -> Explanation {
    Explanation {
        task: TaskId(Digest([7; 32])),
        selection: SelectionRule::Scored,
        reserve: Amount::ainu(10),
        loss: Amount::ainu(10),
        bids: vec![BidRow {
            bidder: did(2),
            name: "upper".into(),
            price: Some(Amount::ainu(3)),
            failure_probability: Ppm(100_000),
            score: Some(Amount::ainu(4)),
            estimated_duration_ms: None,
            standing: "eligible".into(),
        }],
        awards: vec![AwardRow {
            attempt: 1,
            winner: did(2),
            winner_name: "upper".into(),
            bid: Amount::ainu(3),
            payment: Amount::ainu(4),
            runner_up: Some(did(4)),
            why: "lowest score; paid up to the runner-up's".into(),
        }],
        transcript: Some(Digest([11; 32])),
        transcript_matches: true,
        penalties: vec![PenaltyRow {
            part: "draw".into(),
            seller: did(2),
            seller_name: "upper".into(),
            cause: PenaltyCause::Failed,
            payee: did(4),
            payee_name: "lower".into(),
            amount: Amount::ainu(1),
            waited: true,
        }],
        insurance: vec![InsuranceRow {
            payee: did(4),
            payee_name: "lower".into(),
            amount: Amount::ainu(1),
        }],
    }
}

fn golden() -> Golden {
    let problem = Problem::new(Code::NoBidder, "three agents offer it, none bid")
        .next("raise the reserve: ainur task run --reserve 20");
    Golden { operations: operations(), replies: replies(), problem }
}

/// A new operation does not compile here until it has a number; then it needs an example.
fn number_of_operation(operation: &Operation) -> usize {
    match operation {
        Operation::NodeStatus => 0,
        Operation::NodeLimits => 1,
        Operation::NodeStop => 2,
        Operation::AgentAdd(_) => 3,
        Operation::AgentList => 4,
        Operation::AgentShow { .. } => 5,
        Operation::AgentRemove { .. } => 6,
        Operation::TaskRun(_) => 7,
        Operation::TaskList(_) => 8,
        Operation::TaskShow { .. } => 9,
        Operation::TaskEvents { .. } => 10,
        Operation::TaskExplain { .. } => 11,
        Operation::TaskCancel { .. } => 12,
        Operation::TaskDecide { .. } => 13,
        Operation::TaskRate { .. } => 14,
        Operation::BudgetOpen { .. } => 15,
        Operation::BudgetShow { .. } => 16,
        Operation::AccountShow { .. } => 17,
        Operation::AccountTransfer { .. } => 18,
        Operation::LedgerStatus => 19,
        Operation::LedgerAudit => 20,
        Operation::LedgerExport { .. } => 21,
        Operation::ReceiptShow { .. } => 22,
        Operation::ReceiptVerify { .. } => 23,
        Operation::TokenCreate(_) => 24,
        Operation::TokenList => 25,
        Operation::TokenRevoke { .. } => 26,
        Operation::AgentAccept { .. } => 27,
        Operation::TaskFind { .. } => 28,
        Operation::CallList => 29,
        Operation::BidPlace(_) => 30,
        Operation::OfferList { .. } => 31,
        Operation::OfferPublish(_) => 32,
        Operation::OfferWithdraw { .. } => 33,
        Operation::BookShow(_) => 34,
        Operation::OrderPlace(_) => 35,
        Operation::OrderCancel(_) => 36,
        Operation::OrderReplace(_) => 37,
        Operation::PoolChange(_) => 38,
        Operation::CreditsChange(_) => 39,
        Operation::RentalList { .. } => 40,
        Operation::RentalShow { .. } => 41,
        Operation::RentalOffer(_) => 42,
        Operation::RentalRent { .. } => 43,
        Operation::RentalWithdraw { .. } => 44,
        Operation::RentalStatement { .. } => 45,
        Operation::AaclSay(_) => 46,
        Operation::AaclIntroduce(_) => 47,
        Operation::AaclThread(_) => 48,
        Operation::AaclOffers(_) => 49,
        Operation::AaclCalls(_) => 50,
        Operation::AaclKeys { .. } => 51,
        Operation::AgentPrepare(_) => 52,
        Operation::LedgerSubmit { .. } => 53,
    }
}

fn number_of_reply(reply: &Reply) -> usize {
    match reply {
        Reply::Done => 0,
        Reply::NodeStatus(_) => 1,
        Reply::Limits(_) => 2,
        Reply::Agent(_) => 3,
        Reply::Agents(_) => 4,
        Reply::TaskAnnounced { .. } => 5,
        Reply::Task(_) => 6,
        Reply::Tasks(_) => 7,
        Reply::TaskEvents(_) => 8,
        Reply::Explanation(_) => 9,
        Reply::Budget(_) => 10,
        Reply::Account(_) => 11,
        Reply::Ledger(_) => 12,
        Reply::Audit(_) => 13,
        Reply::Receipt { .. } => 14,
        Reply::Verification(_) => 15,
        Reply::TokenCreated { .. } => 16,
        Reply::Tokens(_) => 17,
        Reply::TaskFound { .. } => 18,
        Reply::Calls(_) => 19,
        Reply::Offers(_) => 20,
        Reply::Offer(_) => 21,
        Reply::Book(_) => 22,
        Reply::Traded(_) => 23,
        Reply::Moved(_) => 24,
        Reply::Rentals(_) => 25,
        Reply::Rental(_) => 26,
        Reply::AaclThread(_) => 27,
        Reply::AaclParty(_) => 28,
        Reply::AaclMessages(_) => 29,
        Reply::AaclKeys(_) => 30,
        Reply::Papers(_) => 31,
    }
}

/// Rewritten by `AINUR_GOLDEN_WRITE=1`.
#[test]
fn json_of_operations_and_replies_is_the_golden_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/operations.json");
    let text = serde_json::to_string_pretty(&golden()).unwrap() + "\n";
    if std::env::var_os("AINUR_GOLDEN_WRITE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert_eq!(stored, text);
    assert_eq!(serde_json::from_str::<Golden>(&stored).unwrap(), golden());
}

#[test]
fn every_operation_and_reply_has_an_example() {
    let seen = |numbers: BTreeSet<usize>| numbers.into_iter().collect::<Vec<_>>();
    let operations = seen(operations().iter().map(number_of_operation).collect());
    assert_eq!(operations, (0..54).collect::<Vec<_>>());
    let replies = seen(replies().iter().map(number_of_reply).collect());
    assert_eq!(replies, (0..32).collect::<Vec<_>>());
}

#[test]
fn operations_are_read_whatever_the_order_of_their_fields() {
    for operation in operations() {
        let text = serde_json::to_string(&operation).unwrap();
        let mut fields: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&text).unwrap();
        let tag = fields.remove("operation").unwrap();
        let mut reordered: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        reordered.push(format!("\"operation\":{tag}"));
        let text = format!("{{{}}}", reordered.join(","));
        assert_eq!(serde_json::from_str::<Operation>(&text).unwrap(), operation, "{text}");
    }
}

#[test]
fn what_is_quarantined_unreachable_barred_or_removed_is_not_on_offer() {
    let mut offering = agent();
    let lower = json!({ "name": "text.lower" });
    offering.capabilities.push(serde_json::from_value(lower).unwrap());
    let on_offer = |agent: &AgentView| -> Vec<_> {
        agent.on_offer().map(|(contract, price)| (contract.name.to_string(), price)).collect()
    };
    // Its own price goes before that of everything.
    assert_eq!(on_offer(&offering), [("text.upper".to_owned(), Some(Amount::ainu(3)))]);
    let unreachable = Some("no answer".to_owned());
    for gone in [
        AgentView { unreachable, ..offering.clone() },
        AgentView { barred: true, ..offering.clone() },
        AgentView { active: false, ..offering.clone() },
    ] {
        assert_eq!(on_offer(&gone), []);
    }
}
