//! Work under way, and how it ends: accepted, replaced in part, awarded again, or paid back.
use ainur_ledger::escrow::{self, Consent};
use ainur_market::auction::Transcript;
use ainur_primitives::{
    Amount, ContentId, Did, Digest, DurationMs, FailureReason, TaskId, Timestamp,
};

use super::Error;
use super::demand::Wish;
use super::economy::Economy;
use super::report::Route;
use super::turn::{Deal, Effect};

/// How often a task is awarded before its buyer gives up.
const ATTEMPTS_MAX: u32 = 4;
/// The escrow's deadline, as a multiple of the time one attempt may take.
pub(super) const DEADLINE_FACTOR: u64 = 10;

/// A task from its agreement to its end.
pub(super) struct Job {
    pub(super) wish: Wish,
    /// Agreed after warm-up.
    pub(super) counted: bool,
    pub(super) route: Route,
    /// What a re-award replays.
    pub(super) transcript: Option<Transcript>,
    /// Sellers who failed.
    pub(super) failed: Vec<Did>,
    pub(super) deadline: Timestamp,
    pub(super) attempt: u32,
    /// What all work cost its sellers so far.
    pub(super) spent: Amount,
    /// The attempt under way is owed for a redeemed credit; there is no escrow.
    pub(super) claim: bool,
}

impl Job {
    /// A task whose first attempt is yet to be counted.
    pub(super) fn new(wish: Wish, route: Route, deadline: Timestamp) -> Self {
        Self {
            wish,
            counted: true,
            route,
            transcript: None,
            failed: Vec::new(),
            deadline,
            attempt: 0,
            spent: Amount::ZERO,
            claim: false,
        }
    }
}

/// What sellers have agreed to together: one, or the members of a coalition.
pub(super) struct Engaged {
    pub(super) consent: Consent,
    /// One for each share, in the order of the consent.
    pub(super) shares: Vec<Share>,
    pub(super) duration_ms: DurationMs,
}

/// What one seller gets, and what it costs it.
#[derive(Clone, Copy)]
pub(super) struct Share {
    pub(super) seller: usize,
    pub(super) price: Amount,
    pub(super) cost: Amount,
}

/// An attempt under way.
pub(super) struct Work {
    pub(super) began: Timestamp,
    pub(super) members: Vec<Member>,
}

/// One seller's part of an attempt.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) share: Share,
    pub(super) stage: MemberStage,
}

/// How one seller's part stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberStage {
    /// At work, and going to deliver or not.
    Working { delivers: bool },
    /// Delivered while others were replaced.
    Delivered,
    /// Failed and was replaced by a later member.
    Replaced,
}

impl Economy<'_> {
    /// Buyer and sellers have agreed; the ledger hears of it at the end of the turn.
    pub(super) fn agree(
        &mut self,
        (wish, route): (Wish, Route),
        engaged: Vec<Engaged>,
        transcript: Option<Transcript>,
    ) {
        let task = wish.task;
        self.take_places(task, &engaged);
        let deadline = self.now.plus(DurationMs(wish.duration_ms_max.0 * DEADLINE_FACTOR));
        let job = self.jobs.entry(task).or_insert_with(|| Job::new(wish, route, deadline));
        job.attempt += 1;
        job.transcript = transcript.or(job.transcript.take());
        self.deals.push(Deal { task, engaged, beside: None });
    }

    fn take_places(&mut self, task: TaskId, engaged: &[Engaged]) {
        for engaged in engaged {
            let end = self.now.plus(engaged.duration_ms);
            for share in &engaged.shares {
                let capability = self.capability_of(share.seller);
                self.sellers[share.seller].take_on(&capability, task, end);
            }
        }
    }

    /// Everything whose time has come ends.
    pub(super) fn end_works(&mut self) -> Result<(), Error> {
        while let Some(entry) = self.works.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let ((_, task), mut work) = entry.remove_entry();
            self.end_members(task, &mut work)?;
            let failed = |member: &Member| member.stage == MemberStage::Working { delivers: false };
            if !work.members.iter().any(failed) {
                self.settle(task, &work);
            } else if work.members.len() == 1 {
                self.fail(task, work.members[0].share)?;
            } else {
                self.replace(task, work);
            }
        }
        Ok(())
    }

    /// Frees the places of all who were at work and counts what it cost them.
    fn end_members(&mut self, task: TaskId, work: &mut Work) -> Result<(), Error> {
        if self.board.offer_of(&task).is_some() {
            self.board.release(&task)?;
        }
        let took = self.now.since(work.began);
        for member in &mut work.members {
            let MemberStage::Working { delivers } = member.stage else { continue };
            let capability =
                self.venues[self.sellers[member.share.seller].capability].capability.clone();
            let seller = &mut self.sellers[member.share.seller];
            seller.let_go(task);
            let paid = delivers.then_some(member.share.price);
            let cost = if seller.conduct.works() { member.share.cost } else { Amount::ZERO };
            seller.state.finished(&capability, paid, cost, took);
            seller.profit -= cost.0 as i128;
            if let Some(job) = self.jobs.get_mut(&task) {
                job.spent = job.spent.saturating_add(cost);
            }
            if delivers {
                member.stage = MemberStage::Delivered;
            }
        }
        Ok(())
    }

    fn settle(&mut self, task: TaskId, work: &Work) {
        let Some(job) = self.jobs.remove(&task) else { return };
        let mut paid = Amount::ZERO;
        for member in work.members.iter().filter(|m| m.stage == MemberStage::Delivered) {
            let seller = &mut self.sellers[member.share.seller];
            seller.profit += member.share.price.0 as i128;
            seller.settled += 1;
            seller.failed = 0;
            paid = paid.saturating_add(member.share.price);
            let served_by = &mut self.buyers[job.wish.buyer].served_by;
            served_by.insert(seller.capability, member.share.seller);
        }
        if job.counted {
            self.tally.settled(&job.wish, job.route, paid, job.spent);
        }
        if job.claim {
            return self.fulfil(task);
        }
        let action = escrow::Action::Settle {
            task,
            attempt: job.attempt,
            delivered: self.now,
            output: ContentId(task.0),
            verdict: Digest::ZERO,
        };
        self.calls.push((self.operator, action.into(), Effect::Closed));
    }

    /// A lone seller failed: the next one of the transcript, or of a new auction, or nobody.
    fn fail(&mut self, mut task: TaskId, share: Share) -> Result<(), Error> {
        let reason = self.count_failure(task, share.seller);
        let Some(job) = self.jobs.get(&task) else { return Ok(()) };
        let (attempt, late) = (job.attempt, self.now >= job.deadline);
        if job.claim {
            task = self.default(task, share, reason);
        } else {
            let action = escrow::Action::Fail { task, attempt, reason, evidence: Digest::ZERO };
            self.calls.push((self.operator, action.into(), Effect::Closed));
        }
        if attempt >= ATTEMPTS_MAX || late || !self.award_again(task)? {
            self.give_up(task, Amount::ZERO);
        }
        Ok(())
    }

    /// One of a team failed: somebody else does its part for no more, while what the others
    /// delivered is kept.
    fn replace(&mut self, task: TaskId, mut work: Work) {
        let Some(job) = self.jobs.get(&task) else { return };
        let (attempt, late) = (job.attempt, self.now >= job.deadline);
        let mut replaced = Vec::new();
        for part in 0..work.members.len() {
            let member = work.members[part];
            if member.stage != (MemberStage::Working { delivers: false }) {
                continue;
            }
            let reason = self.count_failure(task, member.share.seller);
            let number = part as u32;
            let evidence = Digest::ZERO;
            let action = escrow::Action::FailPart { task, attempt, part: number, reason, evidence };
            self.calls.push((self.operator, action.into(), Effect::Closed));
            work.members[part].stage = MemberStage::Replaced;
            replaced.push((part, member));
        }
        let backups: Option<Vec<Engaged>> =
            replaced.iter().map(|(_, member)| self.backup(task, member)).collect();
        match backups {
            Some(backups) if !late && replaced.len() == 1 => {
                self.take_places(task, &backups);
                let beside = Some((replaced[0].0 as u32, work.members));
                self.deals.push(Deal { task, engaged: backups, beside });
            }
            _ => self.settle_parts(task, attempt, &work),
        }
    }

    /// Nobody takes over: what was delivered is paid, the rest goes back.
    fn settle_parts(&mut self, task: TaskId, attempt: u32, work: &Work) {
        let mut paid = Amount::ZERO;
        for (part, member) in work.members.iter().enumerate() {
            if member.stage != MemberStage::Delivered {
                continue;
            }
            self.sellers[member.share.seller].profit += member.share.price.0 as i128;
            paid = paid.saturating_add(member.share.price);
            let action = escrow::Action::SettlePart {
                task,
                attempt,
                part: part as u32,
                delivered: self.now,
                output: ContentId(task.0),
                verdict: Digest::ZERO,
            };
            self.calls.push((self.operator, action.into(), Effect::Closed));
        }
        self.give_up(task, paid);
    }

    fn count_failure(&mut self, task: TaskId, seller: usize) -> FailureReason {
        let seller = &mut self.sellers[seller];
        seller.failed += 1;
        self.tally.failed();
        if let Some(job) = self.jobs.get_mut(&task) {
            job.failed.push(seller.did);
        }
        if seller.conduct.works() { FailureReason::Crashed } else { FailureReason::CheckFailed }
    }

    fn give_up(&mut self, task: TaskId, paid: Amount) {
        let Some(job) = self.jobs.remove(&task) else { return };
        if job.counted {
            self.tally.refunded(paid, job.spent);
        }
        if job.attempt == 0 {
            return;
        }
        let action = escrow::Action::Refund { task };
        self.calls.push((self.operator, action.into(), Effect::Closed));
    }
}
