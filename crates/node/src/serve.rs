//! The node as a service: one arm for each operation, and a line in the log for each command.
use std::io::{Read, Write};

use ainur_api::Service;
use ainur_api::access::Client;
use ainur_api::http::Token;
use ainur_api::operation::{Operation, Reply, TaskQuery};
use ainur_api::problem::{Code, Problem};
use ainur_api::service::{Told, Waiting};
use ainur_api::view::{NodeStatus, TaskPage, TaskView, Worker};
use ainur_broker::event::Idempotency;
use ainur_broker::task::Task;
use ainur_crypto::hash;
use ainur_ledger::{balances, budget};
use ainur_primitives::{Amount, BudgetId, ContentId, Did, DurationMs, Timestamp};
use ainur_storage::clock::{Clock, SystemClock};

use crate::node::Node;
use crate::problem::{of_broker, of_storage};
use crate::views;

/// The largest blob that is taken in.
pub(crate) const UPLOAD_BYTES_MAX: u64 = 4 << 30;
/// Tasks in one list.
pub(crate) const LIST_MAX: u32 = 1_000;
/// How long a budget is open.
const BUDGET_MS: DurationMs = DurationMs::seconds(365 * 24 * 3_600);
const COPY_BYTES: usize = 256 << 10;

impl Node {
    fn transfer(&self, to: Did, amount: Amount) -> Result<Reply, Problem> {
        self.do_on_ledger(vec![balances::Action::Transfer { to, amount }.into()])?;
        Ok(Reply::Account(self.account_view(self.did)))
    }
}

impl Service for Node {
    fn perform(&self, operation: Operation) -> Result<Reply, Problem> {
        match operation {
            Operation::NodeStatus => self.status(),
            Operation::NodeLimits => Ok(Reply::Limits(crate::limits::all())),
            // Whoever serves stops serving when it sees this; the node closes after that.
            Operation::NodeStop => Ok(Reply::Done),
            Operation::AgentAdd(add) => {
                let began = SystemClock.now();
                let added = self.add_agent(add);
                self.telemetry.agent_added(began, &added);
                added.map(|agent| Reply::Agent(self.agent_view(&agent)))
            }
            Operation::AgentList => Ok(Reply::Agents(self.agent_views())),
            Operation::AgentShow { agent } => {
                self.agent(&agent).map(|agent| Reply::Agent(self.agent_view(&agent)))
            }
            Operation::AgentAccept { agent } => {
                self.accept_agent(&agent).map(|agent| Reply::Agent(self.agent_view(&agent)))
            }
            Operation::AgentRemove { agent } => self.remove_agent(&agent).map(|()| Reply::Done),
            Operation::TaskRun(request) => self.run_task(request),
            Operation::TaskFind { idempotency_key: key, request_digest: request } => {
                self.known_task(Idempotency { key, request }).map(|task| Reply::TaskFound { task })
            }
            Operation::TaskList(query) => self.task_list(query),
            Operation::TaskShow { task } => {
                self.task(&task).map(|task| Reply::Task(Box::new(self.task_view(&task))))
            }
            Operation::TaskEvents { task, after, wait_ms } => {
                self.task_events(&task, after, wait_ms).map(Reply::TaskEvents)
            }
            Operation::TaskExplain { task } => {
                self.task(&task).map(|task| Reply::Explanation(self.explanation(&task)))
            }
            Operation::TaskCancel { task } => {
                self.change_task(&task, |broker, number| broker.cancel(number))
            }
            Operation::TaskDecide { task, accept, reason } => self
                .change_task(&task, move |broker, number| broker.decide(number, accept, &reason)),
            Operation::TaskRate { task, rating } => self.rate_task(&task, rating),
            Operation::CallList => self.open_calls().map(Reply::Calls),
            Operation::BidPlace(draft) => self.place_bid(draft),
            Operation::OfferList { capability } => self.offer_list(capability).map(Reply::Offers),
            Operation::OfferPublish(draft) => self.publish_offer(draft),
            Operation::OfferWithdraw { offer } => self.withdraw_offer(&offer),
            Operation::RentalList { capability } => {
                self.rental_list(capability).map(Reply::Rentals)
            }
            Operation::RentalShow { rental } => self.rental_show(&rental),
            Operation::RentalStatement { rental, period } => self.rental_statement(&rental, period),
            Operation::RentalOffer(draft) => self.offer_rental(draft),
            Operation::RentalRent { rental } => self.rent(&rental),
            Operation::RentalWithdraw { rental } => self.withdraw_rental(&rental),
            Operation::BookShow(query) => self.book(query),
            Operation::OrderPlace(draft) => self.place_order(draft),
            Operation::OrderCancel(asked) => self.cancel_order(asked),
            Operation::OrderReplace(asked) => self.replace_order(asked),
            Operation::PoolChange(draft) => self.change_pool(draft),
            Operation::CreditsChange(draft) => self.change_credits(draft),
            Operation::AaclSay(say) => self.hear(say),
            Operation::AaclIntroduce(introduction) => {
                self.introduce(&introduction).map(Reply::AaclParty)
            }
            Operation::AaclKeys { party } => self.shown_keys(party),
            Operation::AaclThread(query) => self.conversation(&query),
            Operation::AaclOffers(listing) => self.offer_messages(listing.capability),
            Operation::AaclCalls(listing) => self.call_messages(listing.capability),
            Operation::BudgetOpen { limit, period_ms, parent } => {
                self.open_budget(limit, period_ms, parent, None).and_then(|id| self.show_budget(id))
            }
            Operation::BudgetShow { budget } => self.show_budget(budget),
            Operation::AccountShow { account } => {
                Ok(Reply::Account(self.account_view(account.unwrap_or(self.did))))
            }
            Operation::AccountTransfer { to, amount } => self.transfer(to, amount),
            Operation::TokenCreate(asked) => self.create_token(&asked),
            Operation::TokenList => Ok(Reply::Tokens(self.tokens.list())),
            Operation::TokenRevoke { token } => self.tokens.revoke(&self.directory, &token),
            Operation::LedgerStatus => {
                let entries = self.mailbox.call(|broker| Ok(broker.audit().size()))?;
                Ok(Reply::Ledger(self.ledger_status(entries)))
            }
            Operation::LedgerAudit => self.audit().map(Reply::Audit),
            Operation::LedgerExport { folder } => self.export(&folder),
            Operation::ReceiptShow { task } => self.receipt(&task),
            Operation::ReceiptVerify { receipt } => {
                let trust = crate::trust::of_node(self);
                Ok(Reply::Verification(crate::trust::verify(receipt.as_bytes(), &trust)))
            }
        }
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        let mut writer = self.blobs.writer().map_err(|error| of_storage(&error))?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = source.read(&mut buffer).map_err(|error| {
                Problem::new(Code::Storage, format!("cannot read the input: {error}"))
            })?;
            if read == 0 {
                break;
            }
            if writer.len() + read as u64 > UPLOAD_BYTES_MAX {
                return Err(Problem::new(
                    Code::LimitReached,
                    format!("a blob has at most {UPLOAD_BYTES_MAX} bytes (UPLOAD_BYTES_MAX)"),
                ));
            }
            writer.write(&buffer[..read]).map_err(|error| of_storage(&error))?;
        }
        let length = writer.len();
        let content = writer.finish().map_err(|error| of_storage(&error))?;
        Ok((content, length))
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        self.tell_news(task, after, told)
    }

    fn client(&self, token: &Token) -> Option<Client> {
        self.tokens.client(token, SystemClock.now())
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        let refused = |error: std::io::Error| {
            Problem::new(Code::Storage, format!("cannot write the output: {error}"))
        };
        let stored = self.blobs.len(&content).map_err(|error| of_storage(&error))?;
        if stored.is_none() {
            let inline = self.mailbox.call(move |broker| {
                broker.find_inline(content).map_err(|error| of_broker(&error))
            })?;
            let bytes = inline.ok_or_else(|| {
                Problem::new(Code::NotFound, format!("{content} is not stored here"))
                    .next("see ainur task show for the outputs of tasks")
            })?;
            sink.write_all(&bytes).map_err(refused)?;
            return Ok(bytes.len() as u64);
        }
        let mut reader = self.blobs.reader(&content).map_err(|error| of_storage(&error))?;
        while let Some(group) = reader.next_group().map_err(|error| of_storage(&error))? {
            sink.write_all(group).map_err(refused)?;
        }
        Ok(reader.len())
    }
}

impl Node {
    fn status(&self) -> Result<Reply, Problem> {
        use ainur_consensus::ReplicatedLog as _;
        let (open, total) =
            self.mailbox.call(|broker| Ok((broker.open_tasks(), broker.tasks_announced())))?;
        let agents = self.agents.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let workers = self.pool.workers().into_iter().map(|worker| Worker {
            id: worker.id,
            pid: worker.pid.unwrap_or(0),
            jobs: u32::try_from(worker.jobs).unwrap_or(u32::MAX),
        });
        Ok(Reply::NodeStatus(NodeStatus {
            did: self.did,
            chain_id: self.chain_id,
            version: env!("CARGO_PKG_VERSION").into(),
            data_dir: self.directory.root().display().to_string(),
            listen: self.options.listen.clone(),
            height: self.log.query(|view| view.height().0),
            agents: agents.values().filter(|agent| agent.active).count() as u32,
            tasks_open: open,
            tasks_total: total,
            workers: workers.collect(),
            traces: self.telemetry.status(),
            command_network: self.network.get_or_init(|| self.command_network()).clone(),
        }))
    }

    fn command_network(&self) -> String {
        use ainur_runtime::command::{Isolation, Separation};
        let isolation = crate::node::pool_config(&self.directory, &self.config, &self.options)
            .map_err(|problem| problem.message)
            .and_then(|pool| Isolation::probe(&pool.command).map_err(|error| error.to_string()));
        match isolation.map(|isolation| isolation.network) {
            Ok(Separation::Isolated) => "isolated".into(),
            Ok(Separation::NotIsolated(why)) | Err(why) => format!("NOT isolated: {why}"),
        }
    }

    fn task_list(&self, query: TaskQuery) -> Result<Reply, Problem> {
        let limit = query.limit.clamp(1, LIST_MAX) as usize;
        let TaskQuery { before, budget, context, phases, .. } = query;
        // Parts are shown with the task they belong to.
        let wanted = move |task: &Task| {
            task.part_of.is_none()
                && budget.is_none_or(|budget| task.spec.budget == Some(budget))
                && context.as_ref().is_none_or(|context| task.context.as_ref() == Some(context))
                && (phases.is_empty() || phases.contains(&views::phase(task.phase)))
        };
        let (tasks, next) = self.mailbox.call(move |broker| {
            broker.tasks_before(before, limit, wanted).map_err(|error| of_broker(&error))
        })?;
        let listed = |task| TaskView { negotiations: Vec::new(), ..self.task_view(task) };
        let tasks = tasks.iter().map(listed).collect();
        Ok(Reply::Tasks(TaskPage { tasks, next }))
    }

    /// Opens a budget; one inside another lasts no longer than it.
    pub(crate) fn open_budget(
        &self,
        limit: Amount,
        period: Option<DurationMs>,
        parent: Option<BudgetId>,
        expires: Option<Timestamp>,
    ) -> Result<BudgetId, Problem> {
        if period.is_some_and(|period| period.0 > EXACT_MAX) {
            return Err(too_long("a period"));
        }
        let salt = ainur_crypto::entropy::random_bytes::<32>()
            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        let id = BudgetId(hash::tagged("ainur/budget/v1", &[&self.did.0.0, &salt]));
        let around = parent.and_then(|id| self.read(|state| budget::query::budget(state, &id)));
        let longest = around.map_or(SystemClock.now().plus(BUDGET_MS), |around| around.expires);
        let expires = expires.map_or(longest, |expires| expires.min(longest));
        let open = budget::Action::Open { budget: id, parent, limit, period, expires };
        self.do_on_ledger(vec![open.into()])?;
        Ok(id)
    }

    fn show_budget(&self, id: BudgetId) -> Result<Reply, Problem> {
        self.budget_view(id).map(Reply::Budget).ok_or_else(|| {
            Problem::new(Code::NotFound, format!("there is no budget {id}"))
                .next("open one: ainur budget open AINU")
        })
    }

    fn receipt(&self, task: &str) -> Result<Reply, Problem> {
        let task = self.task(task)?;
        let bytes = self
            .mailbox
            .call(move |broker| broker.receipt(&task).map_err(|error| of_broker(&error)))?;
        let receipt = String::from_utf8(bytes).expect("JSON is UTF-8");
        Ok(Reply::Receipt { receipt })
    }
}

/// The largest number that every reader of JSON takes as it is: 2^53 - 1.
pub(crate) const EXACT_MAX: u64 = (1 << 53) - 1;

/// A refusal of times that could not be told in JSON.
pub(crate) fn too_long(what: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("{what} is at most {EXACT_MAX} ms long"))
}
