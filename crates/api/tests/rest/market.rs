//! A small market in memory: tasks that end when a test says so, budgets, tokens, blobs.
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ainur_api::http::Token;
use ainur_api::operation::{TaskQuery, TaskRequest, TokenCreate};
use ainur_api::problem::Code;
use ainur_api::service::{Told, Waiting};
use ainur_api::view::{
    AgentView, AttemptView, AwardRow, BidRow, BudgetView, Check, Explanation, LedgerStatus, Limit,
    NodeStatus, Scope, TaskEvent, TaskNews, TaskPage, TaskPhase, TaskView, TokenView, Verification,
    Worker,
};
use ainur_api::{Operation, Problem, Reply, Service, access};
use ainur_crypto::hash::{content_id, tagged};
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, CapabilityContract, ContentId, Did, Digest, FailureReason,
    Ppm, TaskId, Timestamp,
};

/// The capability whose tasks end at once, with their parameters as output.
pub(crate) const ECHO: &str = "text.echo";
/// The capability whose tasks end when [`Market::finish`] is called.
pub(crate) const SLOW: &str = "stone.carve";

/// Keeps everything in memory.
#[derive(Default)]
pub(crate) struct Market {
    state: Mutex<State>,
    /// How long it takes to begin to watch, as with a node that is busy.
    pub(crate) watch_ms: AtomicU64,
}

#[derive(Default)]
struct State {
    tasks: Vec<Stored>,
    agents: Vec<AgentView>,
    budgets: BTreeMap<BudgetId, BudgetView>,
    tokens: Vec<(Token, access::Client, TokenView)>,
    blobs: BTreeMap<ContentId, Vec<u8>>,
    keys: BTreeMap<String, usize>,
}

struct Stored {
    view: TaskView,
    events: Vec<TaskEvent>,
    watchers: Vec<(u32, Weak<()>, Option<Told>)>,
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

fn did(byte: u8) -> Did {
    Did(Digest([byte; 32]))
}

fn id(kind: &str, number: usize) -> Digest {
    tagged(kind, &[&number.to_be_bytes()])
}

fn not_found(what: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no {what}"))
}

fn contract(name: &str, description: &str, input_schema: &str) -> CapabilityContract {
    serde_json::from_value(serde_json::json!({
        "name": name, "description": description, "input_schema": input_schema,
    }))
    .unwrap()
}

fn agent(number: u8, capability: CapabilityContract, price: Option<Amount>) -> AgentView {
    AgentView {
        did: did(number),
        name: format!("agent-{number}"),
        card: Digest([number; 32]),
        description: "Works in memory".into(),
        program: "component bafkr4i…".into(),
        capabilities: vec![capability],
        price,
        prices: BTreeMap::new(),
        tactic: None,
        strategy: None,
        bidding: BTreeMap::new(),
        quarantined: BTreeMap::new(),
        unreachable: None,
        active: true,
        balance: Amount(5),
        stake: Amount::ainu(10),
        completed: 3,
        failed: 1,
        failure_probability: Ppm(250_000),
        barred: false,
        own_key: false,
        losses: Vec::new(),
    }
}

impl Market {
    /// A market with three agents and two contracts.
    pub(crate) fn new() -> Self {
        let market = Self::default();
        let echo = contract(
            ECHO,
            "Says a sentence again",
            r#"{"type":"object","properties":{"sentence":{"type":"string"}}}"#,
        );
        let slow = contract(SLOW, "Carves a figure into granite", "true");
        market.state().agents = vec![
            agent(1, echo.clone(), Some(Amount(3))),
            agent(2, echo, Some(Amount(2))),
            agent(3, slow, None),
        ];
        market
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A token with a budget of its own.
    pub(crate) fn token(&self, name: &str, scope: Scope) -> Token {
        let create = TokenCreate {
            name: name.into(),
            scope,
            limit: Amount(1_000),
            daily: None,
            per_task: Some(Amount(100)),
            parent: None,
            expires_ms: None,
            weight: std::num::NonZeroU16::MIN,
        };
        match self.state().create_token(create).unwrap() {
            Reply::TokenCreated { secret, .. } => Token::from_text(&secret).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Something happens to a task.
    pub(crate) fn happen(&self, task: &str, kind: &str) {
        let mut state = self.state();
        let task = state.find(task).unwrap();
        state.tasks[task].happen(kind);
    }

    /// A slow task ends, with this output.
    pub(crate) fn finish(&self, task: &str, output: &[u8]) {
        let mut state = self.state();
        let task = state.find(task).unwrap();
        state.settle(task, output);
    }

    /// How many wait for news.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state();
        let watchers = state.tasks.iter().flat_map(|task| &task.watchers);
        watchers.filter(|(_, waiting, _)| waiting.strong_count() > 0).count()
    }
}

impl Stored {
    fn happen(&mut self, kind: &str) {
        let number = u32::try_from(self.events.len()).unwrap() + 1;
        let detail = format!("line one\nline two of {kind}");
        self.events.push(TaskEvent { number, at: now(), kind: kind.into(), detail });
        self.tell();
    }

    fn tell(&mut self) {
        for (after, waiting, told) in &mut self.watchers {
            let is_news = self.view.phase.is_final() || self.events.len() > *after as usize;
            if is_news && waiting.strong_count() > 0 {
                let events = self.events[(*after as usize).min(self.events.len())..].to_vec();
                if let Some(told) = told.take() {
                    told(Ok(TaskNews { events, phase: self.view.phase }));
                }
            }
        }
        self.watchers.retain(|(_, waiting, told)| told.is_some() && waiting.strong_count() > 0);
    }
}

impl State {
    fn find(&self, text: &str) -> Result<usize, Problem> {
        let fits = |(_, task): &(usize, &Stored)| task.view.id.to_string().starts_with(text);
        let mut found = self.tasks.iter().enumerate().filter(fits).map(|(index, _)| index);
        let is_hex = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        match (found.next(), found.next()) {
            _ if !is_hex => Err(Problem::new(Code::InvalidRequest, "this is no task id")),
            (Some(index), None) => Ok(index),
            (None, _) => Err(not_found("such task")),
            _ => Err(Problem::new(Code::InvalidRequest, "several tasks begin like this")),
        }
    }

    fn settle(&mut self, index: usize, output: &[u8]) {
        let content = content_id(output);
        self.blobs.insert(content, output.to_vec());
        let task = &mut self.tasks[index];
        task.view.phase = TaskPhase::Settled;
        task.view.output = Some(content);
        task.view.output_bytes = output.len() as u64;
        task.view.price = Some(Amount(2));
        task.view.ended = Some(now());
        task.view.has_receipt = true;
        task.happen("settled");
    }

    fn run(&mut self, request: TaskRequest) -> Result<Reply, Problem> {
        if let Some(index) = request.idempotency_key.as_ref().and_then(|key| self.keys.get(key)) {
            return Ok(Reply::TaskAnnounced { task: self.tasks[*index].view.id });
        }
        let name = request.capability.as_str();
        if ![ECHO, SLOW].contains(&name) {
            return Err(Problem::new(Code::UnknownCapability, format!("nobody offers {name}")));
        }
        if let Some(budget) = request.budget {
            let budget = self.budgets.get(&budget).ok_or_else(|| not_found("such budget"))?;
            if request.reserve > budget.limit {
                return Err(Problem::new(Code::BudgetExceeded, "the budget holds less"));
            }
        }
        let index = self.tasks.len();
        let view = self.announced(&request, index);
        let (is_echo, view_phase) = (name == ECHO, view.phase);
        assert_eq!(view_phase, TaskPhase::Running);
        self.tasks.push(Stored { view, events: Vec::new(), watchers: Vec::new() });
        self.tasks[index].happen("announced");
        self.keys.extend(request.idempotency_key.map(|key| (key, index)));
        if is_echo {
            self.settle(index, request.parameters.to_string().as_bytes());
        }
        Ok(Reply::TaskAnnounced { task: self.tasks[index].view.id })
    }

    fn announced(&self, request: &TaskRequest, index: usize) -> TaskView {
        let attempt = AttemptView {
            attempt: 1,
            seller: did(1),
            seller_name: "agent-1".into(),
            price: Amount(2),
            failure: Some(FailureReason::Crashed),
            detail: String::new(),
            slashed: Amount(1),
            resumed: 0,
            resumed_at_chunk: 0,
        };
        TaskView {
            id: TaskId(id("task", index)),
            number: index as u64 + 1,
            capability: request.capability.clone(),
            phase: TaskPhase::Running,
            buyer: did(9),
            seller: Some(did(1)),
            seller_name: Some("agent-1".into()),
            reserve: request.reserve,
            price: None,
            paid: None,
            service: None,
            budget: request.budget,
            context: request.context.clone(),
            parameters: request.parameters.to_string(),
            input: request.input,
            input_bytes: 0,
            output: None,
            output_bytes: 0,
            check: request.check.clone().unwrap_or(AcceptanceCheck::Schema),
            selection: request.selection,
            negotiations: Vec::new(),
            attempts: vec![attempt],
            opened: now(),
            ended: None,
            cancelled: false,
            detail: String::new(),
            has_receipt: false,
            parts: Vec::new(),
            chunks: Vec::new(),
            part_of: None,
        }
    }

    fn list(&self, query: &TaskQuery) -> TaskPage {
        let wanted = |task: &&Stored| {
            let view = &task.view;
            query.before.is_none_or(|before| view.number < before)
                && query.budget.is_none_or(|budget| view.budget == Some(budget))
                && query.context.as_ref().is_none_or(|it| view.context.as_ref() == Some(it))
                && (query.phases.is_empty() || query.phases.contains(&view.phase))
        };
        let mut tasks: Vec<_> =
            self.tasks.iter().rev().filter(wanted).map(|task| task.view.clone()).collect();
        let limit = query.limit as usize;
        let more = tasks.len() > limit;
        tasks.truncate(limit);
        let next = tasks.last().filter(|_| more).map(|task| task.number);
        TaskPage { tasks, next }
    }

    fn open_budget(&mut self, limit: Amount, parent: Option<BudgetId>) -> BudgetView {
        let id = BudgetId(id("budget", self.budgets.len()));
        let (reserved, spent) = (Amount::ZERO, Amount::ZERO);
        let view = BudgetView { id, parent, limit, period_ms: None, reserved, spent };
        self.budgets.insert(id, view.clone());
        view
    }

    fn create_token(&mut self, asked: TokenCreate) -> Result<Reply, Problem> {
        if self.tokens.iter().any(|(_, _, view)| view.name == asked.name) {
            return Err(Problem::new(Code::Conflict, "there is such a token"));
        }
        if let Some(parent) = asked.parent.filter(|id| !self.budgets.contains_key(id)) {
            return Err(not_found(&format!("budget {parent}")));
        }
        let budget = self.open_budget(asked.limit, asked.parent).id;
        let per_task = asked.per_task.unwrap_or(asked.limit);
        let token = Token::generate().unwrap();
        let TokenCreate { name, scope, .. } = asked;
        let client = access::Client { name: name.clone(), scope, budget, per_task };
        let (created, expires) = (now(), Timestamp(now().0 + 1_000_000));
        let view = TokenView {
            name,
            scope,
            budget,
            per_task,
            created,
            expires,
            revoked: false,
            weight: std::num::NonZeroU16::MIN,
        };
        let secret = token.to_text();
        self.tokens.push((token, client, view.clone()));
        Ok(Reply::TokenCreated { secret, token: view })
    }

    fn explanation(&self, task: usize) -> Explanation {
        let view = &self.tasks[task].view;
        let bid = BidRow {
            bidder: did(1),
            name: "agent-1".into(),
            price: Some(Amount(2)),
            failure_probability: Ppm(1),
            score: None,
            estimated_duration_ms: None,
            standing: "eligible".into(),
        };
        let award = AwardRow {
            attempt: 1,
            winner: did(1),
            winner_name: "agent-1".into(),
            bid: Amount(2),
            payment: Amount(3),
            runner_up: Some(did(2)),
            why: "the lowest".into(),
        };
        Explanation {
            task: view.id,
            selection: view.selection,
            reserve: view.reserve,
            loss: view.reserve,
            bids: vec![bid],
            awards: vec![award],
            transcript: Some(Digest([4; 32])),
            transcript_matches: true,
            penalties: Vec::new(),
            insurance: Vec::new(),
        }
    }

    fn status(&self) -> NodeStatus {
        let open = self.tasks.iter().filter(|task| !task.view.phase.is_final()).count();
        NodeStatus {
            did: did(9),
            chain_id: Digest([1; 32]),
            version: "1.2.3".into(),
            data_dir: "/nowhere".into(),
            listen: None,
            height: 42,
            agents: self.agents.len() as u32,
            tasks_open: open as u64,
            tasks_total: self.tasks.len() as u64,
            workers: vec![Worker { id: 0, pid: 1, jobs: 2 }],
            command_network: "isolated".into(),
            traces: None,
        }
    }

    fn agent_index(&self, name: &str) -> Result<usize, Problem> {
        let is_it = |agent: &AgentView| agent.name == name || agent.did.to_string() == name;
        self.agents.iter().position(is_it).ok_or_else(|| not_found("such agent"))
    }

    fn change(&mut self, operation: Operation) -> Result<Reply, Problem> {
        let view =
            |state: &Self, index: usize| Ok(Reply::Task(Box::new(state.tasks[index].view.clone())));
        match operation {
            Operation::TaskCancel { task } => {
                let index = self.find(&task)?;
                if self.tasks[index].view.phase.is_final() {
                    return Err(Problem::new(Code::Conflict, "the task has ended"));
                }
                self.tasks[index].view.phase = TaskPhase::Refunded;
                self.tasks[index].happen("refunded");
                view(self, index)
            }
            Operation::TaskDecide { task, accept, reason } => {
                let index = self.find(&task)?;
                self.tasks[index].view.detail = format!("{accept}: {reason}");
                view(self, index)
            }
            Operation::TaskRate { task, .. } => {
                let index = self.find(&task)?;
                if self.tasks[index].view.phase != TaskPhase::Settled {
                    return Err(Problem::new(Code::Conflict, "the task is not settled"));
                }
                view(self, index)
            }
            Operation::AgentAdd(add) => {
                let mut added = self.agents[0].clone();
                added.name = add.name.unwrap_or_else(|| format!("added-{}", self.agents.len()));
                if self.agent_index(&added.name).is_ok() {
                    return Err(Problem::new(Code::Conflict, "there is such an agent"));
                }
                self.agents.push(added.clone());
                Ok(Reply::Agent(added))
            }
            Operation::AgentRemove { agent } => {
                let index = self.agent_index(&agent)?;
                self.agents.remove(index);
                Ok(Reply::Done)
            }
            Operation::TokenRevoke { token } => {
                let held = self.tokens.iter_mut().find(|(_, _, view)| view.name == token);
                held.ok_or_else(|| not_found("such token"))?.2.revoked = true;
                Ok(Reply::Done)
            }
            Operation::CallList => Ok(Reply::Calls(Vec::new())),
            Operation::OfferList { .. } => Ok(Reply::Offers(Vec::new())),
            Operation::AaclOffers(_) | Operation::AaclCalls(_) => {
                Ok(Reply::AaclMessages(Vec::new()))
            }
            Operation::AaclKeys { .. } => Err(not_found("such party")),
            Operation::AaclThread(_) => Err(not_found("such conversation")),
            Operation::AaclSay(_) | Operation::AaclIntroduce(_) => {
                Err(Problem::new(Code::InvalidRequest, "this is no message"))
            }
            Operation::OfferWithdraw { .. } => Err(not_found("such offer")),
            Operation::BidPlace(_) | Operation::OfferPublish(_) => Err(not_found("such agent")),
            Operation::RentalList { .. } => Ok(Reply::Rentals(Vec::new())),
            Operation::RentalOffer(_) => Err(not_found("such agent")),
            Operation::RentalShow { .. }
            | Operation::RentalStatement { .. }
            | Operation::RentalRent { .. }
            | Operation::RentalWithdraw { .. } => Err(not_found("such rental")),
            Operation::BookShow(_)
            | Operation::OrderPlace(_)
            | Operation::OrderCancel(_)
            | Operation::OrderReplace(_)
            | Operation::PoolChange(_)
            | Operation::CreditsChange(_) => Err(not_found("such class of credits")),
            Operation::BudgetOpen { limit, parent, .. } => {
                if parent.is_some_and(|parent| !self.budgets.contains_key(&parent)) {
                    return Err(not_found("such budget"));
                }
                Ok(Reply::Budget(self.open_budget(limit, parent)))
            }
            other => Err(Problem::new(Code::Internal, format!("not here: {other:?}"))),
        }
    }

    fn ledger(&self) -> LedgerStatus {
        LedgerStatus {
            chain_id: Digest([1; 32]),
            height: 42,
            state_root: Digest([2; 32]),
            timestamp: now(),
            totals: vec![("free".into(), Amount(u128::MAX))],
            balanced: true,
            audit_entries: self.tasks.len() as u64,
            fee_min: Amount(100),
        }
    }
}

impl Service for Market {
    fn perform(&self, operation: Operation) -> Result<Reply, Problem> {
        let mut state = self.state();
        Ok(match operation {
            Operation::NodeStatus => Reply::NodeStatus(state.status()),
            Operation::NodeLimits => Reply::Limits(vec![Limit {
                area: "api".into(),
                name: "SOMETHING_MAX".into(),
                value: 7,
                unit: "things".into(),
            }]),
            Operation::AgentList => Reply::Agents(state.agents.clone()),
            Operation::AgentShow { agent } => {
                Reply::Agent(state.agents[state.agent_index(&agent)?].clone())
            }
            Operation::TaskRun(request) => state.run(request)?,
            Operation::TaskFind { idempotency_key, .. } => {
                let index = state.keys.get(&idempotency_key);
                Reply::TaskFound { task: index.map(|index| state.tasks[*index].view.id) }
            }
            Operation::TaskList(query) => Reply::Tasks(state.list(&query)),
            Operation::TaskShow { task } => {
                Reply::Task(Box::new(state.tasks[state.find(&task)?].view.clone()))
            }
            Operation::TaskEvents { task, after, .. } => {
                let events = &state.tasks[state.find(&task)?].events;
                Reply::TaskEvents(events.iter().skip(after as usize).cloned().collect())
            }
            Operation::TaskExplain { task } => {
                Reply::Explanation(state.explanation(state.find(&task)?))
            }
            Operation::BudgetShow { budget } => {
                let view = state.budgets.get(&budget).ok_or_else(|| not_found("such budget"))?;
                Reply::Budget(view.clone())
            }
            Operation::TokenCreate(asked) => state.create_token(asked)?,
            Operation::TokenList => {
                Reply::Tokens(state.tokens.iter().map(|(_, _, view)| view.clone()).collect())
            }
            Operation::LedgerStatus => Reply::Ledger(state.ledger()),
            Operation::ReceiptShow { task } => {
                let view = &state.tasks[state.find(&task)?].view;
                if !view.has_receipt {
                    return Err(Problem::new(Code::Conflict, "the task has not ended"));
                }
                Reply::Receipt { receipt: format!(r#"{{"task":"{}"}}"#, view.id) }
            }
            Operation::ReceiptVerify { receipt } => Reply::Verification(Verification {
                checks: vec![Check { name: "text".into(), ok: true, detail: receipt }],
                ok: true,
                facts: vec![("label".into(), "value".into())],
            }),
            other => return state.change(other),
        })
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        let mut bytes = Vec::new();
        source
            .read_to_end(&mut bytes)
            .map_err(|error| Problem::new(Code::Storage, format!("not read: {error}")))?;
        let (content, length) = (content_id(&bytes), bytes.len() as u64);
        self.state().blobs.insert(content, bytes);
        Ok((content, length))
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        std::thread::sleep(Duration::from_millis(self.watch_ms.load(Ordering::Relaxed)));
        let mut state = self.state();
        let index = state.find(task)?;
        let waiting = Waiting(Arc::new(()));
        let task = &mut state.tasks[index];
        task.watchers.push((after, Arc::downgrade(&waiting.0), Some(told)));
        task.tell();
        Ok(waiting)
    }

    fn client(&self, token: &Token) -> Option<access::Client> {
        let state = self.state();
        let held = state.tokens.iter().find(|(held, _, view)| held == token && !view.revoked);
        held.map(|(_, client, _)| client.clone())
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        let bytes = self.state().blobs.get(&content).cloned();
        let bytes = bytes.ok_or_else(|| not_found("such blob"))?;
        sink.write_all(&bytes)
            .map_err(|error| Problem::new(Code::Storage, format!("not written: {error}")))?;
        Ok(bytes.len() as u64)
    }
}
