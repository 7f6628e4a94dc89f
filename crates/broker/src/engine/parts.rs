//! Task graphs at work: beginning each part when what it needs is there, taking over what became of
//! it, finding another seller when one fails, and ending the whole.
//!
//! A part is a task of its own whose money is in the escrow of the whole: where another task would
//! agree, settle or fail, a part has the ledger substitute a seller, pay the part, or note that its
//! seller failed.
use ainur_audit::receipt::PartBasis;
use ainur_consensus::ReplicatedLog;
use ainur_crypto::hash;
use ainur_ledger::escrow::{self, Closing, Engagement, Escrow, PartState};
use ainur_ledger::reputation;
use ainur_market::coalition::part_task_id;
use ainur_primitives::{
    Amount, ContentId, Did, DurationMs, FailureReason, Subtask, TaskSpec, Venue,
};
use ainur_runtime::Executor;
use ainur_storage::{Disk, crash_point};

use super::contract::{Posting, SEARCH_BLOCKS_MAX};
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Announcement, Event, LedgerPosition};
use crate::task::graph::{PartAward, PartOf};
use crate::task::{Phase, Task, TaskStep};

/// The least time for a part to begin in.
const PART_MS_MIN: DurationMs = DurationMs(10);
/// Why a part ends that nobody waits for any more.
pub(super) const GIVEN_UP: &str = "the task it is a part of was given up";

/// What some parts delivered, one after another.
pub(super) enum Joined {
    /// Where it is stored, and its length.
    Whole(ContentId, u64),
    /// Not all of them have delivered.
    Nothing,
    /// Stored bytes are damaged or gone: why.
    Damaged(String),
}

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Does what a task graph at work waits for: begins parts, or ends the whole.
    pub(super) fn drive_graph(&mut self, number: u64) -> Result<(), Error> {
        // Asked again whenever a part ends.
        self.doing.remove(&number);
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let (Some(graph), Some(progress)) = (&task.spec.graph, &task.graph) else { return Ok(()) };
        if task.phase != Phase::Running {
            return Ok(());
        }
        if let Some(lost) = progress.lost() {
            let name = task.part_name(lost.subtask);
            let detail = one_line(&format!("'{name}' could not be done: {}", lost.detail));
            let reason = FailureReason::Infrastructure;
            return self.record(number, Event::AttemptFailed { reason, detail });
        }
        if progress.ended.len() == graph.subtasks.len() {
            return self.settle_graph(number);
        }
        let running = |index: u16| self.parts.contains_key(&(number, index));
        let is_ready = |index: u16, subtask: &Subtask| {
            let done = |need: &u16| progress.outcome(*need).is_some();
            progress.outcome(index).is_none() && !running(index) && subtask.needs.iter().all(done)
        };
        let ready: Vec<u16> = (0..)
            .zip(&graph.subtasks)
            .filter(|(index, subtask)| is_ready(*index, subtask))
            .map(|(index, _)| index)
            .collect();
        let idle = !(0..graph.subtasks.len() as u16).any(running);
        // No auction, even one that is not held, has less time.
        if task.deadline.since(self.now) < PART_MS_MIN {
            if !idle {
                return Ok(());
            }
            let detail = "the task's deadline passed".to_owned();
            let reason = FailureReason::Infrastructure;
            return self.record(number, Event::AttemptFailed { reason, detail });
        }
        for index in ready {
            // A damaged output fails the whole.
            if self.tasks.get(&number).is_none_or(|task| task.phase != Phase::Running) {
                break;
            }
            self.begin_part(number, index)?;
        }
        Ok(())
    }

    /// Announces a part as a task of its own, at work from the beginning.
    fn begin_part(&mut self, whole: u64, index: u16) -> Result<(), Error> {
        let Some(input) = self.part_input(whole, index)? else { return Ok(()) };
        let Some(task) = self.tasks.get(&whole) else { return Ok(()) };
        let (Some(graph), Some(progress)) = (&task.spec.graph, &task.graph) else { return Ok(()) };
        let subtask = graph.subtasks.get(usize::from(index));
        let agreed_at = task.attempt().and_then(|attempt| attempt.agreed_at);
        let (Some(subtask), Some(award), Some(agreed_at)) =
            (subtask, progress.award(index).copied(), agreed_at)
        else {
            return Ok(());
        };
        let part_of = PartOf { number: whole, id: task.id, subtask: index };
        let spec = part_spec(task, subtask, input, task.deadline.since(self.now));
        let id = part_task_id(task.id, index);
        let announcement = Announcement {
            id,
            call: ainur_audit::receipt::specification_digest(&spec),
            buyer: task.buyer,
            verifier: task.verifier,
            terms: self.auction_terms(id, (&spec, None), None),
            invited: Vec::new(),
            venue: Venue::Auction,
            service: None,
            rental: None,
            negotiation: None,
            outside: None,
            held_open: false,
            idempotency: None,
            context: task.context.clone(),
            trace: None,
            part_of: Some(part_of),
            spec,
        };
        let number = self.last_number + 1;
        self.record(number, Event::Announced(Box::new(announcement)))?;
        self.record(number, Event::PartBegun { award, agreed_at })
    }

    /// Puts a part to work that was announced and no more.
    pub(super) fn resume_part(&mut self, number: u64) -> Result<(), Error> {
        let Some(part_of) = self.tasks.get(&number).and_then(|task| task.part_of) else {
            return Ok(());
        };
        let Some(whole) = self.tasks.get(&part_of.number) else { return Ok(()) };
        let award = whole.graph.as_ref().and_then(|graph| graph.award(part_of.subtask)).copied();
        let agreed_at = whole.attempt().and_then(|attempt| attempt.agreed_at);
        match (award, agreed_at) {
            (Some(award), Some(agreed_at)) => {
                self.record(number, Event::PartBegun { award, agreed_at })
            }
            _ => Ok(()),
        }
    }

    /// What a part works on: the input of the whole when it needs nothing, else what it needs, one
    /// after another. `None` when a stored output is gone, which fails the whole.
    fn part_input(
        &mut self,
        whole: u64,
        index: u16,
    ) -> Result<Option<(Option<ContentId>, u64)>, Error> {
        let Some(task) = self.tasks.get(&whole) else { return Ok(None) };
        let graph = task.spec.graph.as_ref();
        let subtask = graph.and_then(|graph| graph.subtasks.get(usize::from(index)));
        let Some(subtask) = subtask else { return Ok(None) };
        if subtask.needs.is_empty() {
            return Ok(Some((task.spec.input, task.spec.input_bytes)));
        }
        let needs = subtask.needs.clone();
        match self.join_outputs(whole, &needs)? {
            Joined::Whole(content, bytes) => Ok(Some((Some(content), bytes))),
            Joined::Nothing => Ok(None),
            Joined::Damaged(detail) => {
                let reason = FailureReason::Infrastructure;
                self.record(whole, Event::AttemptFailed { reason, detail })?;
                Ok(None)
            }
        }
    }

    /// What some parts delivered, one after another.
    fn join_outputs(&mut self, whole: u64, parts: &[u16]) -> Result<Joined, Error> {
        let progress = self.tasks.get(&whole).and_then(|task| task.graph.as_ref());
        let Some(progress) = progress else { return Ok(Joined::Nothing) };
        let outputs: Option<Vec<(ContentId, u64)>> = parts
            .iter()
            .map(|part| progress.outcome(*part).and_then(|outcome| outcome.output))
            .collect();
        match outputs {
            None => Ok(Joined::Nothing),
            Some(outputs) => self.join_stored(&outputs),
        }
    }

    /// Stored outputs, one after another.
    pub(super) fn join_stored(&mut self, outputs: &[(ContentId, u64)]) -> Result<Joined, Error> {
        match outputs {
            [] => Ok(Joined::Nothing),
            [(content, bytes)] => Ok(Joined::Whole(*content, *bytes)),
            outputs => {
                let mut writer = self.blobs.writer()?;
                for (content, _) in outputs {
                    match self.blobs.get(content) {
                        Ok(data) => writer.write(&data)?,
                        Err(error)
                            if error.is_damage()
                                || matches!(error, ainur_storage::Error::BlobMissing(_)) =>
                        {
                            return Ok(Joined::Damaged(one_line(&error.to_string())));
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
                let bytes = outputs.iter().map(|(_, bytes)| bytes).sum();
                Ok(Joined::Whole(writer.finish()?, bytes))
            }
        }
    }

    /// Has the whole take over what became of a part, before the part is put away.
    pub(super) fn report_part(&mut self, number: u64) -> Result<(), Error> {
        let Some(part) = self.tasks.get(&number) else { return Ok(()) };
        let (Some(part_of), Some(outcome)) = (part.part_of, part.outcome()) else { return Ok(()) };
        // Small outputs are in the part's chunks alone; other parts read stored ones.
        if let Some(inline) = Self::inline_output(part).filter(|_| outcome.output.is_some()) {
            self.blobs.put(&inline)?;
        }
        self.parts.remove(&(part_of.number, part_of.subtask));
        let whole = self.tasks.get(&part_of.number);
        let is_open = |whole: &&Task| !whole.phase.is_final();
        let progress = whole.filter(is_open).and_then(|whole| whole.graph.as_ref());
        if progress.is_some_and(|progress| progress.outcome(part_of.subtask).is_none()) {
            self.record(part_of.number, Event::PartEnded(Box::new(outcome)))?;
        }
        self.dirty.insert(part_of.number);
        self.doing.remove(&part_of.number);
        Ok(())
    }

    /// Every part is accepted: what is left is that the ledger pays.
    pub(super) fn is_accepted_graph(&self, number: u64) -> bool {
        let Some(task) = self.tasks.get(&number) else { return false };
        let (Some(graph), Some(progress)) = (&task.spec.graph, &task.graph) else { return false };
        let is_accepted = |index: u16| match progress.outcome(index) {
            Some(outcome) => outcome.output.is_some(),
            None => {
                let live = self.parts.get(&(number, index)).and_then(|part| self.tasks.get(part));
                live.is_some_and(|part| matches!(part.phase, Phase::Accepted | Phase::Settled))
            }
        };
        (0..graph.subtasks.len() as u16).all(is_accepted)
    }

    /// The last payment has closed the escrow.
    pub(super) fn settle_graph(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let (id, last) = (task.id, task.spec.graph.as_ref().map(|graph| graph.last()));
        let found = self.ledger.read(|state| escrow::query::escrow(state, &id));
        let Some(Escrow::Closed(tombstone)) = found else { return Ok(()) };
        if tombstone.closing != Closing::Settled {
            // Somebody ended it before all of it was paid.
            return self.reconcile(number).map(drop);
        }
        let last = last.unwrap_or_default();
        let (output, bytes) = match self.join_outputs(number, &last)? {
            Joined::Whole(output, bytes) => (output, bytes),
            Joined::Nothing => return Ok(()),
            Joined::Damaged(detail) => {
                // All is paid; what cannot be read here can be had part by part, if at all.
                tracing::error!(task = number, detail, "the outputs could not be put together");
                let task = self.tasks.get(&number).and_then(|task| task.graph.as_ref());
                let outcome = last.last().and_then(|part| task?.outcome(*part)?.output);
                outcome.unwrap_or_default()
            }
        };
        let (height, index) = (tombstone.height.0, tombstone.event);
        let block = self.ledger.events(height)?.1;
        let position = LedgerPosition { height, index, block };
        self.record(number, Event::GraphSettled { position, output, bytes })
    }

    /// Looks for somebody else to do a part; without one the whole cannot be done.
    pub(super) fn find_substitute(&mut self, number: u64, attempt: u32) -> Result<(), Error> {
        let Some(part) = self.tasks.get(&number) else { return Ok(()) };
        let Some(part_of) = part.part_of else { return Ok(()) };
        let failed = part.attempt().and_then(|attempt| attempt.part_award()).copied();
        let whole = self.tasks.get(&part_of.number);
        let stopped = match whole {
            Some(whole) if whole.phase == Phase::Running => self.reason_to_stop(part, attempt),
            _ => Some(GIVEN_UP.into()),
        };
        if let Some(detail) = stopped {
            return self.record(number, Event::NoAward { detail });
        }
        let last = part.attempt().and_then(|attempt| attempt.failure.clone());
        let (excluded, engaged) = self.engaged_in(part_of.number);
        let progress = whole.and_then(|whole| whole.graph.as_ref());
        let found = self.ledger.read(|state| escrow::query::escrow(state, &part_of.id));
        let word = failed.zip(progress);
        let word = word.and_then(|(failed, progress)| progress.decision.coalition_digest(&failed));
        let (available, for_backup) = match found {
            // What failed counts as promised until somebody else does it.
            Some(Escrow::Open(open)) => {
                let place = open.part_of_subtask(part_of.subtask);
                let counted = open.parts().zip(open.counted());
                let counted = place.and_then(|place| counted.into_iter().nth(place as usize));
                let own = counted.filter(|(part, _)| part.state == PartState::Failed);
                let own = own.map_or(Amount::ZERO, |(_, counted)| counted);
                let available = open.unpaid().saturating_sub(open.promised().saturating_sub(own));
                let pact = open.pacts.iter().find(|pact| Some(pact.consent) == word);
                let max = pact.map(|pact| pact.backup_max(part_of.subtask, available));
                (available, max.unwrap_or(available))
            }
            _ => (Amount::ZERO, Amount::ZERO),
        };
        let next = failed.zip(progress).and_then(|(failed, progress)| {
            let most = (available, for_backup);
            progress.decision.next_seller(&failed, &excluded, &engaged, most)
        });
        if let Some(award) = next {
            return self.record(number, Event::PartReawarded(award));
        }
        if self.call_part(number, (&excluded, available))? {
            return Ok(());
        }
        let detail = "nobody else offers to do it".to_owned();
        let detail = last.map_or(detail.clone(), |(reason, why)| {
            one_line(&format!("{detail}; the last seller failed ({reason}): {why}"))
        });
        self.record(number, Event::NoAward { detail })
    }

    /// Who failed at a part of a graph, and who was awarded one.
    fn engaged_in(&self, whole: u64) -> (Vec<Did>, Vec<PartAward>) {
        let progress = self.tasks.get(&whole).and_then(|task| task.graph.as_ref());
        let ended = progress.iter().flat_map(|progress| &progress.ended);
        let live = self.parts.range((whole, 0)..=(whole, u16::MAX));
        let live = live.filter_map(|(_, number)| self.tasks.get(number));
        let attempts =
            ended.flat_map(|outcome| &outcome.attempts).chain(live.flat_map(|part| &part.attempts));
        let (mut failed, mut engaged) = (Vec::new(), Vec::new());
        engaged.extend(progress.iter().flat_map(|progress| progress.awards.iter().copied()));
        for attempt in attempts {
            if attempt.failure.is_some() {
                failed.push(attempt.seller);
            }
            engaged.extend(attempt.part_award());
        }
        failed.sort_unstable();
        failed.dedup();
        (failed, engaged)
    }

    /// Stops the parts of a graph that was given up; true when none is left at work.
    pub(super) fn stop_parts(&mut self, whole: u64) -> Result<bool, Error> {
        let live: Vec<u64> =
            self.parts.range((whole, 0)..=(whole, u16::MAX)).map(|(_, part)| *part).collect();
        for number in &live {
            let phase = self.tasks.get(number).map(|part| part.phase);
            if matches!(phase, Some(Phase::Announced | Phase::Revealing)) {
                // It was called for again.
                self.cancel_errands(*number);
                self.record(*number, Event::NoAward { detail: GIVEN_UP.to_owned() })?;
            }
            // What was accepted is paid, and who failed has failed.
            if matches!(phase, Some(Phase::Running | Phase::Delivered)) {
                self.cancel_errands(*number);
                self.checks.remove(number);
                let reason = FailureReason::Infrastructure;
                let detail = "another part of the task failed".to_owned();
                self.record(*number, Event::AttemptFailed { reason, detail })?;
            }
        }
        Ok(live.is_empty())
    }

    /// Ends parts whose whole has ended without them, as when somebody else had its escrow expire.
    pub(super) fn close_parts(&mut self, whole: u64) -> Result<(), Error> {
        let Some(position) = self.tasks.get(&whole).and_then(|task| task.closed_at) else {
            return Ok(());
        };
        let live: Vec<u64> =
            self.parts.range((whole, 0)..=(whole, u16::MAX)).map(|(_, part)| *part).collect();
        for number in live {
            self.cancel_errands(number);
            if self.tasks.get(&number).is_some_and(|part| !part.phase.is_final()) {
                self.record(number, Event::Refunded(position))?;
            }
        }
        Ok(())
    }

    /// Asks the ledger to bind who takes a part over.
    pub(super) fn substitute(&mut self, number: u64) -> Result<(), Error> {
        let Some(part) = self.tasks.get(&number) else { return Ok(()) };
        let Some(part_of) = part.part_of else { return Ok(()) };
        let award = part.attempt().and_then(|attempt| attempt.part_award()).copied();
        let whole = self.tasks.get(&part_of.number);
        if whole.is_none_or(|whole| whole.phase != Phase::Running) {
            let (because_of_seller, detail) = (false, GIVEN_UP.to_owned());
            return self.record(number, Event::AgreementRefused { because_of_seller, detail });
        }
        let whole = whole.and_then(|whole| whole.graph.as_ref());
        let signed = award.zip(whole).and_then(|(award, whole)| match award.basis {
            PartBasis::Call { .. } => self.called_award(part),
            _ => whole.decision.substitution(&award),
        });
        let (Some(award), Some(place)) = (signed, self.part_place(&part_of)) else {
            let detail = "nothing binds its seller any more".to_owned();
            let because_of_seller = true;
            return self.record(number, Event::AgreementRefused { because_of_seller, detail });
        };
        let digest = award.consent.digest();
        let roots = award.proofs.iter().filter_map(|proof| proof.root(digest)).collect();
        let action = escrow::Action::Substitute { task: part_of.id, part: place.0, award };
        let step = TaskStep::Agree(part.attempts.len() as u32);
        self.outbox.push(Posting { task: number, step, action: action.into(), roots, agent: None });
        Ok(())
    }

    /// Asks the ledger to pay a part.
    pub(super) fn settle_part(&mut self, number: u64) -> Result<(), Error> {
        let Some(part) = self.tasks.get(&number) else { return Ok(()) };
        let Some(part_of) = part.part_of else { return Ok(()) };
        let (Some((output, _)), Some(verdict), Some((place, attempt, _))) =
            (part.output, &part.verdict, self.part_place(&part_of))
        else {
            return Ok(());
        };
        crash_point("broker.part");
        let action = escrow::Action::SettlePart {
            task: part_of.id,
            attempt,
            part: place,
            delivered: part.delivered.unwrap_or(self.now),
            output,
            verdict: ainur_verification::verdict::digest(verdict),
        };
        self.push(number, action)
    }

    /// Tells the ledger that the seller of a part failed.
    pub(super) fn fail_part(&mut self, number: u64) -> Result<(), Error> {
        let Some(part) = self.tasks.get(&number) else { return Ok(()) };
        let Some(part_of) = part.part_of else { return Ok(()) };
        let failure = part.attempt().and_then(|attempt| attempt.failure.clone());
        let (Some((reason, detail)), Some((place, attempt, _))) =
            (failure, self.part_place(&part_of))
        else {
            return Ok(());
        };
        let action = escrow::Action::FailPart {
            task: part_of.id,
            attempt,
            part: place,
            reason,
            evidence: hash::tagged("ainur/evidence/v1", &[detail.as_bytes()]),
        };
        self.push(number, action)
    }

    /// The number of the part that stands for a subtask now, the attempt it belongs to, and its
    /// engagement, while the escrow is open.
    fn part_place(&self, part_of: &PartOf) -> Option<(u32, u32, Engagement)> {
        let found = self.ledger.read(|state| escrow::query::escrow(state, &part_of.id));
        let Some(Escrow::Open(open)) = found else { return None };
        let part = open.part_of_subtask(part_of.subtask)?;
        let engagement =
            open.engagements.iter().rfind(|known| known.subtask == Some(part_of.subtask))?;
        Some((part, open.attempt, engagement.clone()))
    }

    /// What a seller lost with the failure that the ledger noted there: it may have failed at other
    /// parts of the same task, too. Nothing when it is not known where that was.
    fn slashed_at(&self, position: LedgerPosition, seller: Did) -> Result<Amount, Error> {
        if position == LedgerPosition::UNKNOWN {
            return Ok(Amount::ZERO);
        }
        let events = self.ledger.events(position.height)?.0;
        let noted = events.iter().find(|record| record.index == position.index);
        let Some(transaction) = noted.map(|record| record.transaction) else {
            return Ok(Amount::ZERO);
        };
        let of_failure = events.iter().filter(|record| record.transaction == transaction);
        let lost =
            of_failure.filter_map(|record| match &record.event {
                ainur_ledger::Event::Reputation(reputation::Event::Slashed {
                    did, amount, ..
                }) if *did == seller => Some(*amount),
                _ => None,
            });
        Ok(lost.sum())
    }

    /// Where a closed escrow paid a part: the first payment of its seller for its output that no
    /// other part of the whole has taken for its own. Two parts may have the same of both.
    fn payment_of(&self, part: &Task, part_of: &PartOf) -> Result<LedgerPosition, Error> {
        let seller = part.attempt().map(|attempt| attempt.seller);
        let own = part.output.map(|(output, _)| output);
        let progress = self.tasks.get(&part_of.number).and_then(|whole| whole.graph.as_ref());
        let ended = progress.iter().flat_map(|progress| &progress.ended);
        let ended = ended.filter_map(|outcome| outcome.settled_at);
        let of_whole = (part_of.number, 0)..=(part_of.number, u16::MAX);
        let others = self.parts.range(of_whole).map(|(_, number)| *number);
        let others = others.filter(|number| *number != part.number);
        let live = others.filter_map(|number| self.tasks.get(&number)?.closed_at);
        let taken: Vec<LedgerPosition> = ended.chain(live).collect();
        let tip = self.ledger.height();
        for height in tip.saturating_sub(SEARCH_BLOCKS_MAX)..=tip {
            let (events, block) = self.ledger.events(height)?;
            let paid = events.iter().filter(|record| {
                matches!(&record.event, ainur_ledger::Event::Escrow(
                    escrow::Event::PartSettled { task, seller: payee, output, .. },
                ) if *task == part_of.id && Some(*payee) == seller && Some(*output) == own)
            });
            let mut paid = paid.map(|record| LedgerPosition { height, index: record.index, block });
            if let Some(position) = paid.find(|position| !taken.contains(position)) {
                return Ok(position);
            }
        }
        Ok(LedgerPosition::UNKNOWN)
    }

    /// What the ledger has already done of what a part waits for.
    pub(super) fn reconciled_part(&self, part: &Task) -> Result<Option<Event>, Error> {
        let Some(part_of) = part.part_of else { return Ok(None) };
        let found = self.ledger.read(|state| escrow::query::escrow(state, &part_of.id));
        let seller = part.attempt().map(|attempt| attempt.seller);
        let of_part = |wanted: u32| {
            move |event: &ainur_ledger::Event| match event {
                ainur_ledger::Event::Escrow(
                    escrow::Event::PartSettled { task, part, .. }
                    | escrow::Event::PartFailed { task, part, .. }
                    | escrow::Event::Substituted { task, first: part, .. },
                ) => *task == part_of.id && *part == wanted,
                _ => false,
            }
        };
        match found {
            Some(Escrow::Closed(tombstone)) if !part.phase.is_final() => {
                if part.phase == Phase::Accepted {
                    let paid = self.payment_of(part, &part_of)?;
                    // An escrow that was settled has paid every part.
                    if paid != LedgerPosition::UNKNOWN || tombstone.closing == Closing::Settled {
                        return Ok(Some(Event::Settled(paid)));
                    }
                }
                let (height, index) = (tombstone.height.0, tombstone.event);
                let block = self.ledger.events(height)?.1;
                Ok(Some(Event::Refunded(LedgerPosition { height, index, block })))
            }
            Some(Escrow::Open(_)) => {
                let Some((place, _, engagement)) = self.part_place(&part_of) else {
                    return Ok(None);
                };
                let state = engagement.parts.first().map(|part| part.state);
                let own = seller == Some(engagement.seller);
                let find = || self.find_event(of_part(place));
                Ok(match (part.phase, state) {
                    (Phase::Awarded, Some(PartState::Running)) if own => {
                        Some(Event::AgreementApplied(find()?))
                    }
                    (Phase::Accepted, Some(PartState::Paid)) if own => {
                        Some(Event::Settled(find()?))
                    }
                    (Phase::Failing, Some(PartState::Failed)) if own => {
                        let position = find()?;
                        let slashed = self.slashed_at(position, engagement.seller)?;
                        Some(Event::FailureApplied { position, slashed })
                    }
                    _ => None,
                })
            }
            _ => Ok(None),
        }
    }
}

/// What is wanted of a part, as a task of its own.
fn part_spec(
    whole: &Task,
    subtask: &Subtask,
    (input, input_bytes): (Option<ContentId>, u64),
    left: DurationMs,
) -> TaskSpec {
    let mut limits = whole.spec.limits;
    limits.duration_ms_max = limits.duration_ms_max.min(subtask.duration_ms_max);
    TaskSpec {
        capability: subtask.capability.clone(),
        parameters: subtask.parameters.clone(),
        input,
        input_bytes,
        // Its price may be nothing, a reserve may not.
        reserve: subtask.reserve,
        budget: None,
        deadline_ms: left,
        limits,
        graph: None,
        chunks: Vec::new(),
        ..whole.spec.clone()
    }
}
