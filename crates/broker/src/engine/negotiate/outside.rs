//! A negotiation whose buyer is outside: what it says in messages of its own is said for the buyer
//! on the ledger, and what the agent answers is said to it, signed with the agent's key.
//!
//! There are two threads of the same acts. The one inside is about the ledger's task, with the
//! operator as its buyer, and is signed and kept as every negotiation is. The one outside is the
//! party's: its task has no name on the ledger yet. It is kept with the task, message by
//! message. Where both stand in it is kept in memory alone, since nothing is locked before they agree:
//! after a crash a task that was talked about ends by itself, and the party begins again.
use ainur_consensus::ReplicatedLog;
use ainur_market::auction::terms::TERMS_AMOUNT_MAX;
use ainur_market::negotiation::{
    NegotiationAct, NegotiationProposal, NegotiationRules, NegotiationWish,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{
    Amount, Did, DisputeResolution, DurationMs, TaskId, TaskSpec, Timestamp, Venue,
};
use ainur_protocol::limits::CLOCK_DIFFERENCE_MS_MAX;
use ainur_protocol::{Accept, Envelope, Message};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::super::announce::{Request, in_time, longest_work};
use super::super::{Broker, one_line};
use super::Negotiations;
use super::talk::Talk;
use crate::aacl::{MessageSigner, SpokenError, SpokenNegotiation};
use crate::error::Error;
use crate::event::{Event, Idempotency, OutsideBuyer};
use crate::limits::{SPOKEN_BUDGET_MAX, SPOKEN_BYTES_MAX, SPOKEN_MAX, SPOKEN_MS_MAX};
use crate::task::{Phase, Task, TaskTrace};

/// What one answer of an agent has at most: terms, names and a signature.
const ANSWER_BYTES_MAX: usize = 32 << 10;

/// A conversation with a buyer outside, while it runs.
pub(super) struct OutsideTalk {
    agent: Did,
    spoken: SpokenNegotiation,
    /// What was said and is not in the journal yet, each message in canonical form.
    fresh: Vec<Vec<u8>>,
    /// How much of the thread inside was said outside.
    told: usize,
}

impl OutsideTalk {
    /// Says inside what the first message proposes.
    pub(super) fn open(
        &mut self,
        now: Timestamp,
        talk: &mut Talk,
    ) -> Result<(), ainur_market::negotiation::Error> {
        let first = self.spoken.session().messages().first();
        let act = first.map(|message| message.act.clone());
        act.map_or(Ok(()), |act| talk.take_from_outside(now, act))?;
        self.told = talk.length();
        Ok(())
    }
}

impl Negotiations {
    /// A buyer outside talks about the task.
    pub(crate) fn is_spoken(&self, number: u64) -> bool {
        self.outside.contains_key(&number)
    }

    /// What was said last with the buyer outside, when there is one.
    pub(super) fn said_outside(&mut self, number: u64) -> Vec<Vec<u8>> {
        let outside = self.outside.get_mut(&number);
        outside.map(|outside| std::mem::take(&mut outside.fresh)).unwrap_or_default()
    }
}

impl Request {
    /// Has somebody outside speak for the buyer, who negotiates in at most so many rounds.
    fn spoken_by(self, outside: OutsideBuyer, rounds_max: u32) -> Self {
        let wish = NegotiationWish { rounds_max, ..NegotiationWish::default() };
        let mut request = self.at(Venue::Negotiation).negotiating(Some(wish));
        request.outside = Some(outside);
        request
    }
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Begins a negotiation that a buyer outside opens with this message, whose signature and
    /// freshness were checked: `spec` is what it specifies, as the operator would buy it. The same
    /// key gives the task it made before.
    ///
    /// # Errors
    /// When the message opens nothing that could be agreed on, and why.
    pub fn begin_spoken(
        &mut self,
        spec: TaskSpec,
        (idempotency, trace): (Idempotency, Option<TaskTrace>),
        (message, bytes): (&Message, Vec<u8>),
    ) -> Result<TaskId, Error> {
        if let Some(known) = self.known(&idempotency)? {
            return Ok(known);
        }
        self.check_room(&spec)?;
        let spoken = SpokenNegotiation::opened(self.now, message)?;
        let rules = spoken.session().rules().clone();
        self.check_rules(&rules, &spec)?;
        let longest = in_time(&spec, None).min(longest_work(&spec));
        let proposals = spoken.session().proposals();
        proposals.iter().try_for_each(|it| can_be_agreed(it, spec.reserve, longest))?;
        let outside = OutsideBuyer {
            party: rules.buyer,
            conversation: message.header().conversation_id,
            deadline: rules.deadline,
            valid_until: rules.valid_until,
        };
        let agent = rules.seller;
        let request = Request::new(spec)?
            .only(Some(agent))
            .spoken_by(outside, rules.rounds_max)
            .keyed(Some(idempotency))
            .traced(trace);
        let id = self.announce(request)?;
        let number = self.last_number;
        let talk = OutsideTalk { agent, spoken, fresh: Vec::new(), told: 0 };
        self.negotiations.outside.insert(number, talk);
        self.record(number, Event::Said { messages: vec![bytes] })?;
        Ok(id)
    }

    /// Takes what a buyer outside says next in the conversation that began with this key. Who
    /// signed it, and whether it is fresh, was checked. What it accepted before a crash is heard
    /// again and changes nothing.
    ///
    /// # Errors
    /// When it has no place in the conversation now, with what was expected, or cannot be agreed
    /// on; nothing changes then.
    pub fn hear_spoken(
        &mut self,
        key: &str,
        (message, bytes): (&Message, Vec<u8>),
    ) -> Result<(), Error> {
        let number = self.spoken_number(key)?;
        let open = self.tasks.get(&number).filter(|task| task.phase == Phase::Announced);
        let (Some(outside), Some(task)) = (self.negotiations.outside.get_mut(&number), open) else {
            return self.heard_before(number, message);
        };
        if message.header().from != outside.spoken.session().rules().buyer {
            return Err(
                SpokenError::Meaning("whoever began it speaks here, and nobody else").into()
            );
        }
        let said: usize = task.spoken.iter().chain(&outside.fresh).map(Vec::len).sum();
        // The agent has the last word, which is short.
        if said + bytes.len() + ANSWER_BYTES_MAX > SPOKEN_BYTES_MAX {
            let why = format!("it has {SPOKEN_BYTES_MAX} bytes at most (SPOKEN_BYTES_MAX)");
            return Err(Error::ConversationOver(why));
        }
        if self.seats.get(outside.agent).is_none() {
            return Err(Error::ConversationOver("the agent is no longer here".into()));
        }
        let mut spoken = outside.spoken.clone();
        let act = spoken.hear(self.now, message)?;
        let agreeable = match &act {
            // What the agent proposed is what is accepted.
            NegotiationAct::Accept { .. } => outside.spoken.session().proposals().last(),
            NegotiationAct::Propose(_) | NegotiationAct::Counter(_) => {
                spoken.session().proposals().last()
            }
            NegotiationAct::Reject | NegotiationAct::Withdraw => None,
        };
        let longest = task.auction.terms().duration_ms_max;
        agreeable.map_or(Ok(()), |it| can_be_agreed(it, task.spec.reserve, longest))?;
        let talks = self.negotiations.talks.get_mut(&number);
        let Some(talk) = talks.and_then(|talks| talks.get_mut(&outside.agent)) else {
            return Err(SpokenError::Meaning("the agent has not answered yet").into());
        };
        talk.take_from_outside(self.now, act).map_err(SpokenError::from)?;
        outside.told = talk.length();
        outside.spoken = spoken;
        outside.fresh.push(bytes);
        crash_point("broker.spoken");
        self.negotiate_now(number);
        Ok(())
    }

    /// Says to the buyer outside what its agent has said inside.
    pub(super) fn answer_outside(&mut self, number: u64) {
        let Some(outside) = self.negotiations.outside.get_mut(&number) else { return };
        let (Some(task), Some(seat)) = (self.tasks.get(&number), self.seats.get(outside.agent))
        else {
            return;
        };
        let talks = self.negotiations.talks.get_mut(&number);
        let talk = talks.as_ref().and_then(|talks| talks.get(&outside.agent));
        let passed = task.passed.iter().find(|(who, _)| *who == outside.agent);
        let (said, detail) = match (talk, passed) {
            (Some(talk), _) => (talk.said_by_seller(outside.told), ""),
            (None, Some((_, why))) => (vec![NegotiationAct::Reject], why.as_str()),
            (None, None) => return,
        };
        outside.told = talk.map_or(outside.told, Talk::length);
        let Some(key) = &seat.key else { return };
        let signer = MessageSigner { did: seat.did, key_version: seat.key_version, key };
        for act in said {
            let act = match (act, outside.spoken.session().offered()) {
                (NegotiationAct::Accept { .. }, Some(terms)) => {
                    NegotiationAct::Accept { terms: terms.digest() }
                }
                (act, _) => act,
            };
            match outside.spoken.say(self.now, act, (&one_line(detail), Some(task.id)), signer) {
                Ok(bytes) => outside.fresh.push(bytes),
                Err(error) => {
                    // What the party cannot hear counts for nobody.
                    tracing::warn!(number, %error, "an agent's answer was not said");
                    if let Some(talks) = talks {
                        talks.remove(&outside.agent);
                    }
                    break;
                }
            }
        }
    }

    /// Keeps what was said while the conversation goes on.
    pub(super) fn keep_said(&mut self, number: u64) -> Result<(), Error> {
        let messages = self.negotiations.said_outside(number);
        let is_open = self.tasks.get(&number).is_some_and(|it| it.phase == Phase::Announced);
        match messages.is_empty() || !is_open {
            true => Ok(()),
            false => self.record(number, Event::Said { messages }),
        }
    }

    fn spoken_number(&self, key: &str) -> Result<u64, Error> {
        let number = match self.keys.get(key) {
            Some(number) => Some(*number),
            None => self.journal.number_of_key(key)?,
        };
        number.ok_or_else(|| Error::ConversationOver("nobody began it here".into()))
    }

    /// What was agreed on stays agreed, however often it is said.
    fn heard_before(&self, number: u64, message: &Message) -> Result<(), Error> {
        let task = self.task_by_number(number)?.ok_or(Error::Missing(number))?;
        let is_said = |accept: &Envelope<Accept>| {
            let read = |bytes: &Vec<u8>| Message::from_json(bytes).ok();
            let said = task.spoken.last().and_then(read);
            said.is_some_and(|said| said.header().id == accept.id())
        };
        match message {
            Message::Accept(accept) if !task.attempts.is_empty() && is_said(accept) => Ok(()),
            _ => Err(Error::ConversationOver(why_over(&task))),
        }
    }

    fn check_room(&self, spec: &TaskSpec) -> Result<(), Error> {
        let open = &self.negotiations.outside;
        if open.len() >= SPOKEN_MAX {
            return Err(Error::TooManySpoken(open.len(), "SPOKEN_MAX"));
        }
        let Some(budget) = spec.budget else { return Ok(()) };
        let tasks = open.keys().filter_map(|number| self.tasks.get(number));
        let same = tasks.filter(|task| task.spec.budget == spec.budget);
        let reserves: Vec<Amount> = same.map(|task| task.spec.reserve).collect();
        if reserves.len() >= SPOKEN_BUDGET_MAX {
            return Err(Error::TooManySpoken(reserves.len(), "SPOKEN_BUDGET_MAX"));
        }
        // Talk is free, but the operator keeps the money for it together.
        let together = reserves.into_iter().fold(spec.reserve, Amount::saturating_add);
        self.check_budget(budget, together)
    }

    /// The rules that the buyer outside has fixed are ones that a task can be negotiated by.
    fn check_rules(&self, rules: &NegotiationRules, spec: &TaskSpec) -> Result<(), Error> {
        let refused = |why: String| Err(Error::Invalid(why));
        let (now, left) = (self.now, rules.deadline.since(self.now));
        let Some(seat) = self.seats.get(rules.seller) else {
            return refused(format!("{} is no agent of this node", rules.seller));
        };
        if !seat.is_keyed() {
            let name = &seat.name;
            return refused(format!(
                "{name} keeps its own key: it sells by offers and sealed bids"
            ));
        }
        if rules.card != seat.card {
            return refused(format!("the card of {} is {}: name that", seat.name, seat.card));
        }
        if rules.cancellation != CancellationPolicy::default() {
            return refused("fees for cancellation are not negotiated: leave them at zero".into());
        }
        if !spec.chunks.is_empty() {
            return refused("work in chunks is not negotiated by messages: call for it".into());
        }
        if now.since(rules.opened).max(rules.opened.since(now)) > CLOCK_DIFFERENCE_MS_MAX {
            return refused(format!("it opens at {}, and it is {now}", rules.opened));
        }
        let longest = SPOKEN_MS_MAX.min(DurationMs(spec.deadline_ms.0 / 2));
        if left.0 == 0 || left > longest {
            return refused(format!(
                "what is said is answered until a deadline at most {longest} from now (half of the \
                 task's, SPOKEN_MS_MAX), not in {left}"
            ));
        }
        if rules.valid_until >= now.plus(spec.deadline_ms) {
            return refused("what is agreed is valid until before the task's own deadline".into());
        }
        Ok(())
    }
}

/// A proposal that can be brought to the ledger as it is.
fn can_be_agreed(
    proposal: &NegotiationProposal,
    reserve: Amount,
    longest: DurationMs,
) -> Result<(), Error> {
    let most = reserve.min(TERMS_AMOUNT_MAX);
    let why = if proposal.price > most {
        format!(
            "{} AINU are proposed, and the reserve of the task is {} AINU: propose less, or begin \
             again with a higher reserve",
            proposal.price.to_ainu(),
            most.to_ainu()
        )
    } else if proposal.timeline_ms > longest {
        format!("the work may take {longest} at most, not {}", proposal.timeline_ms)
    } else if proposal.payment != PaymentTerms::Completion {
        "a task is paid at completion: leave the schedule as it is".to_owned()
    } else if proposal.dispute_resolution != DisputeResolution::Chain {
        "disputes are decided on the ledger: leave that as it is".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::Invalid(why))
}

fn why_over(task: &Task) -> String {
    let task_id = task.id.short();
    match task.attempts.is_empty() {
        true => format!("{} (task {task_id}); begin another", task.detail),
        false => format!("it was agreed on, see task {task_id}"),
    }
}
