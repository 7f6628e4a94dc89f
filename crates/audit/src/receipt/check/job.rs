//! The checks that the receipt of a job passes in its own way: its auction and everybody's
//! signature here, who was chosen in [`award`], what the ledger says of it in [`attempts`] and
//! [`settlement`].
use ainur_market::coalition::graph_digest;
use ainur_primitives::graph::TaskGraph;
use ainur_primitives::{Did, Digest};

use super::{Checked, Examination, because, same};
use crate::receipt::report::CheckName;
use crate::receipt::{
    JobRecord, LedgerEvent, PartBasis, PartEnd, PartRecord, ReceiptBody, subtask_loss,
};

mod attempts;
mod award;
mod call;
mod penalties;
mod settlement;

use award::Planned;

/// A job is awarded once; whatever follows is a substitution within that.
const ATTEMPT: u32 = 1;

/// A job being checked, with what several checks need of it.
pub(super) struct JobExamination<'a> {
    body: &'a ReceiptBody,
    job: &'a JobRecord,
    /// The task's graph, when it is one.
    graph: Result<&'a TaskGraph, String>,
    /// The digest of the transcript.
    transcript: Digest,
    /// The digests of the coalitions' terms.
    coalitions: Vec<Digest>,
    /// Who gets which subtask for how much, by replay, in the order in which the ledger binds them.
    plan: Result<Vec<Planned>, String>,
}

impl<'a> JobExamination<'a> {
    /// Replays the auction of the job, when the receipt is of one.
    pub(super) fn of(body: &'a ReceiptBody) -> Option<Self> {
        let job = body.job.as_deref()?;
        let graph = match &body.specification.graph {
            Some(graph) => graph.validate().map(|()| graph).map_err(|error| because(&error)),
            None => Err("the task has no graph, yet the receipt tells of parts".into()),
        };
        let mut examination = Self {
            body,
            job,
            graph,
            transcript: job.transcript.digest(),
            coalitions: job.coalitions.iter().map(|record| record.terms.digest()).collect(),
            plan: Ok(Vec::new()),
        };
        examination.plan = examination.replay();
        Some(examination)
    }

    /// Makes a check in the way of jobs; none for a check that is the same for all receipts.
    pub(super) fn check(&self, whole: &Examination<'a>, name: CheckName) -> Option<Checked> {
        Some(match name {
            CheckName::Transcript => self.transcript(),
            CheckName::Attempts => self.attempts(),
            CheckName::Award => self.award(),
            CheckName::BidSignatures => self.bid_signatures(whole),
            CheckName::Settlement => self.settlement(),
            CheckName::Verdict => self.verdict(),
            _ => return None,
        })
    }

    /// The task's graph.
    pub(super) fn graph(&self) -> Result<&'a TaskGraph, String> {
        self.graph.clone()
    }

    /// The parts, which are the subtasks of the graph.
    fn parts(&self) -> Result<&'a [PartRecord], String> {
        let parts = &self.job.parts;
        let named = parts.iter().map(|part| usize::from(part.subtask));
        if named.eq(0..self.graph()?.subtasks.len()) {
            Ok(parts)
        } else {
            Err("the receipt does not tell of every subtask of the graph, once and in order".into())
        }
    }

    /// What people call a part.
    fn name_of(&self, subtask: u16) -> String {
        let graph = self.graph.as_ref().ok();
        match graph.and_then(|graph| graph.subtasks.get(usize::from(subtask))) {
            Some(named) => format!("part {subtask} '{}'", named.name.escape_debug()),
            None => format!("part {subtask}"),
        }
    }

    /// What a seller signed to get a subtask on this basis.
    fn consent(&self, subtask: u16, seller: Did, basis: PartBasis) -> Result<Digest, String> {
        match basis {
            PartBasis::Call { .. } => self.called_consent(subtask, seller),
            PartBasis::Bundle { .. } => {
                let bid = self.job.transcript.bid(&seller);
                Ok(bid.ok_or_else(|| format!("{seller} opened no bid"))?.digest())
            }
            PartBasis::Coalition { coalition } | PartBasis::Backup { coalition, .. } => {
                let digest = self.coalitions.get(usize::from(coalition));
                digest.copied().ok_or_else(|| format!("there is no coalition {coalition}"))
            }
        }
    }

    /// The transcript is about this task, its graph and its terms. That it is the one agreed to is
    /// part of the attempts.
    fn transcript(&self) -> Checked {
        let (body, transcript) = (self.body, &self.job.transcript);
        if body.transcript.is_some() {
            return Err("a job has one auction of all parts, the receipt shows another too".into());
        }
        let (terms, wanted, graph) = (&transcript.terms, &body.specification, self.graph()?);
        same("task", &body.task, &terms.task)?;
        same("graph digest", &graph_digest(graph), &terms.graph)?;
        same("reserve", &wanted.reserve, &terms.budget)?;
        if wanted.selection != terms.selection {
            return Err("the auction selected by another rule than was asked for".into());
        }
        same("number of subtasks", &graph.subtasks.len(), &terms.subtasks.len())?;
        for ((number, subtask), called) in (0..).zip(&graph.subtasks).zip(&terms.subtasks) {
            let place = |reason: String| format!("{}: {reason}", self.name_of(number));
            same("reserve", &subtask.reserve, &called.reserve).map_err(place)?;
            same("loss", &subtask_loss(wanted, subtask), &called.loss).map_err(place)?;
            let (asked, allowed) = (subtask.duration_ms_max, called.duration_ms_max);
            same("time allowed, in milliseconds,", &asked.0, &allowed.0).map_err(place)?;
        }
        transcript.validate().map_err(|error| because(&error))?;
        let (entrants, parts) = (transcript.entrants.len(), terms.subtasks.len());
        let digest = self.transcript.short();
        let calls = self.check_calls()?;
        let again = match calls {
            0 => String::new(),
            calls => format!(", parts called for again: {calls}"),
        };
        Ok(format!("{entrants} sealed bids on {parts} subtasks, digest {digest}{again}"))
    }

    /// Every bid that was opened is signed by its bidder, every coalition's terms by its members
    /// and backups.
    fn bid_signatures(&self, whole: &Examination<'a>) -> Checked {
        if !self.body.bids.is_empty() {
            return Err("there are bids outside the job".into());
        }
        let mut proofs = self.job.bids.iter();
        let mut bids = 0;
        for entrant in &self.job.transcript.entrants {
            let Some(reveal) = &entrant.reveal else { continue };
            let bidder = entrant.commit.bidder;
            let place = |reason: String| format!("bid of {bidder}: {reason}");
            let proof =
                proofs.next().ok_or_else(|| place("the bidder's signature is missing".into()))?;
            whole.signed(bidder, reveal.terms.digest(), proof).map_err(place)?;
            bids += 1;
        }
        if proofs.next().is_some() {
            return Err("there is a signature of a bid that was not opened".into());
        }
        for (number, (record, digest)) in
            self.job.coalitions.iter().zip(&self.coalitions).enumerate()
        {
            let place = |reason: String| format!("coalition {number}: {reason}");
            let signers = record.terms.signers();
            if signers.len() != record.proofs.len() {
                let (needed, found) = (signers.len(), record.proofs.len());
                return Err(place(format!("{needed} members and backups sign, {found} did")));
            }
            for (signer, proof) in signers.into_iter().zip(&record.proofs) {
                whole.signed(signer, *digest, proof).map_err(place)?;
            }
        }
        bids += self.call_signatures(whole)?;
        Ok(match self.job.coalitions.len() {
            0 => format!("{bids} bids signed, Ed25519 and ML-DSA-65"),
            teams => format!("{bids} bids and {teams} coalitions signed, Ed25519 and ML-DSA-65"),
        })
    }

    /// What happened to a part follows upon the job's agreement, each event upon the one before,
    /// and before the settlement; what happened to another part meanwhile is told elsewhere.
    pub(super) fn events_in_order(&self) -> Result<(), String> {
        let at = |event: &LedgerEvent| (event.proof.record.height, event.proof.record.index);
        for part in &self.job.parts {
            let mut last = at(&self.job.agreed);
            for (what, event) in part_events(part) {
                if last >= at(event) {
                    return Err(format!("the {what} is not after the event before it"));
                }
                last = at(event);
            }
        }
        let all = self.events().map(|(_, event)| at(event)).max();
        if all.is_some_and(|last| last >= at(&self.body.settlement)) {
            return Err("the settlement is not after all that happened to the parts".into());
        }
        Ok(())
    }

    /// All events that the job tells of, each with a name for people.
    pub(super) fn events(&self) -> impl Iterator<Item = (String, &'a LedgerEvent)> + use<'a> {
        job_events(self.job)
    }
}

/// All events that a job tells of, each with a name for people.
pub(in crate::receipt) fn job_events(
    job: &JobRecord,
) -> impl Iterator<Item = (String, &LedgerEvent)> {
    let agreed = ("agreement of the job".to_owned(), &job.agreed);
    [agreed].into_iter().chain(job.parts.iter().flat_map(part_events))
}

/// The events of one part, in the order in which they must have happened.
fn part_events(part: &PartRecord) -> impl Iterator<Item = (String, &LedgerEvent)> {
    let subtask = part.subtask;
    let of_attempts = (1..).zip(&part.attempts).flat_map(move |(number, attempt)| {
        let agreed = attempt.agreed.as_ref();
        let failed = match &attempt.end {
            PartEnd::Failed { event: Some(event), .. } => Some(&**event),
            _ => None,
        };
        let name = move |what: &str| format!("{what} of attempt {number} at part {subtask}");
        let agreed = agreed.map(|event| (name("agreement"), event));
        agreed.into_iter().chain(failed.map(|event| (name("failure"), event)))
    });
    let settled = part.settled.as_ref();
    of_attempts.chain(settled.map(|event| (format!("payment of part {subtask}"), event)))
}
