//! What a client may do: its scope, its budget, and nothing of anyone else's.
//!
//! A [`Counter`] is a [`Service`] seen through one client's token. It lets through what the token's
//! scope allows, puts every purchase under the token's budget, which the ledger enforces, and shows
//! only tasks bought under that budget. A client with every right buys under its budget too, unless it
//! names another, and sees all. Delegation narrows: a client may open budgets inside its own
//! and nowhere else. What it makes the node keep counts against its [`Allowances`], unless it has
//! every right: then it could make itself another token.
use std::io::{self, Read, Write};
use std::sync::Arc;

use ainur_primitives::{Amount, BudgetId, ContentId};

use crate::http::Token;
use crate::http::server::Holder;
use crate::operation::{Operation, Reply, TaskQuery, TaskRequest};
use crate::problem::{Code, Problem};
use crate::service::{Service, Told, Waiting};
use crate::view::{AgentView, BudgetView, Scope, TaskView};
use allowance::Kept;

mod aacl;
mod allowance;

pub use allowance::{Allowances, STEP_BYTES, TASK_BYTES};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The node's own operator.
    Owner,
    /// The holder of a token.
    Client {
        /// Whom the token stands for.
        client: Client,
        /// The token that was shown; none where strangers are let in.
        token: Option<Token>,
    },
}

/// What the holder of a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The token's name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// What its tasks draw on.
    pub budget: BudgetId,
    /// The most one task may cost.
    pub per_task: Amount,
}

/// How many budgets may lie between a task's and the client's; the ledger allows no more.
const BUDGETS_ABOVE_MAX: usize = 16;

/// A service as one client may use it.
pub struct Counter {
    service: Arc<dyn Service>,
    client: Client,
    allowances: Arc<Allowances>,
}

impl Caller {
    /// The service as this caller may use it.
    pub fn served_by(
        &self,
        service: Arc<dyn Service>,
        allowances: &Arc<Allowances>,
    ) -> Arc<dyn Service> {
        match self {
            Self::Client { client, .. } => {
                let (client, allowances) = (client.clone(), Arc::clone(allowances));
                Arc::new(Counter { service, client, allowances })
            }
            Self::Owner => service,
        }
    }

    /// Whose places this caller takes.
    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Owner => Holder::Owner,
            Self::Client { token: None, .. } => Holder::Stranger,
            Self::Client { client, .. } => Holder::Client(client.name.as_str().into()),
        }
    }

    /// What tasks that name no budget draw on.
    pub fn budget(&self) -> Option<BudgetId> {
        match self {
            Self::Owner => None,
            Self::Client { client, .. } => Some(client.budget),
        }
    }

    /// The most one task may cost, when that is limited.
    pub fn per_task(&self) -> Option<Amount> {
        match self {
            Self::Owner => None,
            Self::Client { client, .. } => Some(client.per_task),
        }
    }
}

impl Counter {
    fn need(&self, scope: Scope) -> Result<(), Problem> {
        if self.client.scope >= scope {
            return Ok(());
        }
        let message = format!("the token '{}' may not do this", self.client.name);
        Err(Problem::new(Code::Forbidden, message)
            .next("ask the node's operator for one of a wider scope: ainur token create"))
    }

    /// The budget to draw on: the client's own, or one inside it.
    fn budget(&self, asked: Option<BudgetId>) -> Result<BudgetId, Problem> {
        let Some(budget) = asked else { return Ok(self.client.budget) };
        if self.is_inside(budget)? { Ok(budget) } else { Err(no_budget(budget)) }
    }

    fn is_inside(&self, budget: BudgetId) -> Result<bool, Problem> {
        if self.client.scope >= Scope::Admin {
            return Ok(true);
        }
        let mut next = Some(budget);
        for _ in 0..BUDGETS_ABOVE_MAX {
            match next {
                None => return Ok(false),
                Some(id) if id == self.client.budget => return Ok(true),
                Some(id) => next = self.show_budget(id)?.and_then(|view| view.parent),
            }
        }
        Ok(false)
    }

    /// Counts what the node is about to keep for the client.
    fn charge(&self, kept: Kept) -> Result<(), Problem> {
        match self.client.scope {
            Scope::Admin => Ok(()),
            _ => self.allowances.charge(&self.client.name, kept),
        }
    }

    fn give_back(&self, kept: Kept) {
        if self.client.scope < Scope::Admin {
            self.allowances.give_back(&self.client.name, kept);
        }
    }

    fn show_budget(&self, budget: BudgetId) -> Result<Option<BudgetView>, Problem> {
        match self.service.perform(Operation::BudgetShow { budget }) {
            Ok(Reply::Budget(view)) => Ok(Some(view)),
            Ok(_) => Ok(None),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The task's full id, when it was bought under the client's budget. Tasks of others are as if
    /// they were not there.
    fn own(&self, text: &str) -> Result<String, Problem> {
        let show = Operation::TaskShow { task: text.to_owned() };
        let unknown = || Problem::new(Code::NotFound, format!("there is no task '{text}'"));
        match self.service.perform(show) {
            result if self.client.scope >= Scope::Admin => result.map(|_| text.to_owned()),
            Ok(Reply::Task(task)) if self.bought(&task)? => Ok(task.id.to_string()),
            // That a beginning fits tasks of others must not be learnt either.
            Err(problem) if !matches!(problem.code, Code::NotFound | Code::InvalidRequest) => {
                Err(problem)
            }
            _ => Err(unknown()),
        }
    }

    fn bought(&self, task: &TaskView) -> Result<bool, Problem> {
        match task.budget {
            None => Ok(false),
            Some(budget) => self.is_inside(budget),
        }
    }

    fn purchase(&self, mut request: TaskRequest) -> Result<TaskRequest, Problem> {
        self.need(Scope::Spend)?;
        self.within_limit(request.reserve)?;
        request.budget = Some(self.budget(request.budget)?);
        request.idempotency_key = request.idempotency_key.map(|key| self.key(&key));
        Ok(request)
    }

    /// A purchase under a key that made its task before.
    fn was_bought(&self, operation: &Operation) -> bool {
        let Operation::TaskRun(request) = operation else { return false };
        let (Some(key), Ok(request_digest)) = (&request.idempotency_key, request.identity()) else {
            return false;
        };
        let find = Operation::TaskFind { idempotency_key: key.clone(), request_digest };
        matches!(self.service.perform(find), Ok(Reply::TaskFound { task: Some(_) }))
    }

    /// Two clients that happen to use one key mean two tasks.
    fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.client.name)
    }

    /// The client's tasks; those of budgets inside its own are found by naming the budget.
    fn tasks(&self, query: TaskQuery) -> Result<Reply, Problem> {
        if self.client.scope >= Scope::Admin {
            return self.service.perform(Operation::TaskList(query));
        }
        let budget = Some(self.budget(query.budget)?);
        self.service.perform(Operation::TaskList(TaskQuery { budget, ..query }))
    }

    /// An agent as the client may see it: command lines and URLs may hold keys.
    fn shown(&self, mut agent: AgentView) -> AgentView {
        if self.client.scope < Scope::Admin {
            let kind = agent.program.split([' ', ':']).next().unwrap_or_default();
            let kinds = ["component", "MCP", "A2A", "HTTP"];
            agent.program = if kinds.contains(&kind) { kind } else { "program" }.to_owned();
            // What it learned of its rivals is its owner's.
            agent.strategy = None;
            agent.bidding.clear();
            agent.unreachable = agent.unreachable.map(|_| "unreachable".to_owned());
            // Whom one negotiates with is not told how one concedes.
            agent.tactic = None;
        }
        agent
    }

    /// A task of the client's that it may say something about.
    fn spent_on(&self, task: &str) -> Result<String, Problem> {
        self.need(Scope::Spend)?;
        self.own(task)
    }

    /// The operation as the client may have it performed.
    fn narrowed(&self, operation: Operation) -> Result<Operation, Problem> {
        Ok(match operation {
            Operation::NodeLimits
            | Operation::AgentList
            | Operation::AgentShow { .. }
            | Operation::OfferList { .. }
            | Operation::RentalList { .. }
            | Operation::BookShow(_)
            | Operation::AaclOffers(_)
            | Operation::AaclKeys { .. }
            | Operation::LedgerStatus
            | Operation::ReceiptVerify { .. }
            | Operation::TaskList(_) => operation,
            Operation::TaskRun(request) => Operation::TaskRun(self.purchase(request)?),
            Operation::TaskFind { idempotency_key, request_digest } => {
                self.need(Scope::Spend)?;
                Operation::TaskFind { idempotency_key: self.key(&idempotency_key), request_digest }
            }
            Operation::TaskShow { task } => Operation::TaskShow { task: self.own(&task)? },
            Operation::TaskEvents { task, after, wait_ms } => {
                Operation::TaskEvents { task: self.own(&task)?, after, wait_ms }
            }
            Operation::TaskExplain { task } => Operation::TaskExplain { task: self.own(&task)? },
            Operation::ReceiptShow { task } => Operation::ReceiptShow { task: self.own(&task)? },
            Operation::TaskCancel { task } => Operation::TaskCancel { task: self.spent_on(&task)? },
            Operation::TaskDecide { task, accept, reason } => {
                Operation::TaskDecide { task: self.spent_on(&task)?, accept, reason }
            }
            Operation::TaskRate { task, rating } => {
                Operation::TaskRate { task: self.spent_on(&task)?, rating }
            }
            Operation::AaclSay(_)
            | Operation::AaclIntroduce(_)
            | Operation::AaclThread(_)
            | Operation::AaclCalls(_) => self.spoken(operation)?,
            Operation::BudgetOpen { limit, period_ms, parent } => {
                self.need(Scope::Spend)?;
                Operation::BudgetOpen { limit, period_ms, parent: Some(self.budget(parent)?) }
            }
            Operation::BudgetShow { budget } => {
                Operation::BudgetShow { budget: self.budget(Some(budget))? }
            }
            Operation::NodeStatus
            | Operation::NodeStop
            | Operation::AgentAdd(_)
            | Operation::AgentPrepare(_)
            | Operation::AgentAccept { .. }
            | Operation::AgentRemove { .. }
            | Operation::CallList
            | Operation::BidPlace(_)
            | Operation::OfferPublish(_)
            | Operation::OfferWithdraw { .. }
            | Operation::RentalShow { .. }
            | Operation::RentalStatement { .. }
            | Operation::RentalOffer(_)
            | Operation::RentalRent { .. }
            | Operation::RentalWithdraw { .. }
            | Operation::OrderPlace(_)
            | Operation::OrderCancel(_)
            | Operation::OrderReplace(_)
            | Operation::PoolChange(_)
            | Operation::CreditsChange(_)
            | Operation::AccountShow { .. }
            | Operation::AccountTransfer { .. }
            | Operation::TokenCreate(_)
            | Operation::TokenList
            | Operation::TokenRevoke { .. }
            | Operation::LedgerAudit
            | Operation::LedgerSubmit { .. }
            | Operation::LedgerExport { .. } => {
                self.need(Scope::Admin)?;
                operation
            }
        })
    }
}

impl Service for Counter {
    fn perform(&self, operation: Operation) -> Result<Reply, Problem> {
        let operation = self.narrowed(operation)?;
        // What was bought before costs nothing more.
        let kept = if self.was_bought(&operation) { Kept::default() } else { Kept::by(&operation) };
        self.charge(kept)?;
        // A message is kept before it is judged.
        let is_kept = matches!(operation, Operation::AaclSay(_));
        let reply = match operation {
            Operation::TaskList(query) => self.tasks(query),
            operation => self.service.perform(operation),
        };
        if reply.is_err() && !is_kept {
            self.give_back(kept);
        }
        match reply {
            Ok(Reply::Agent(agent)) => Ok(Reply::Agent(self.shown(agent))),
            Ok(Reply::Agents(agents)) => {
                Ok(Reply::Agents(agents.into_iter().map(|agent| self.shown(agent)).collect()))
            }
            // What the operator rents is nobody else's business, and what it could rent is anyone's.
            Ok(Reply::Rentals(mut rentals)) if self.client.scope < Scope::Admin => {
                rentals.retain(|rental| rental.held.is_none());
                Ok(Reply::Rentals(rentals))
            }
            // Money and orders of the operator are nobody else's business.
            Ok(Reply::Book(mut book)) if self.client.scope < Scope::Admin => {
                book.holding = None;
                Ok(Reply::Book(book))
            }
            reply => reply,
        }
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        self.need(Scope::Spend)?;
        let mut metered = Metered { source, counter: self, bytes: 0, refused: None };
        let stored = self.service.put_blob(&mut metered);
        let Metered { bytes, refused, .. } = metered;
        // What was refused is what counts, whatever was made of the read that failed.
        let stored = refused.map_or(stored, Err);
        if stored.is_err() {
            self.give_back(Kept { bytes, budgets: 0 });
        }
        stored
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        self.service.get_blob(content, sink)
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        self.service.watch(&self.own(task)?, after, told)
    }

    fn client(&self, _: &Token) -> Option<Client> {
        None
    }
}

/// A blob on its way in, counted as it comes.
struct Metered<'a> {
    source: &'a mut dyn Read,
    counter: &'a Counter,
    bytes: u64,
    refused: Option<Problem>,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        if let Err(problem) = self.counter.charge(Kept { bytes, budgets: 0 }) {
            self.refused = Some(problem);
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.bytes += bytes;
        Ok(length)
    }
}

fn no_budget(budget: BudgetId) -> Problem {
    Problem::new(Code::NotFound, format!("there is no budget {budget}"))
        .next("draw on your own: leave the budget out")
}
