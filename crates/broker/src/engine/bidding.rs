//! Sealed bids: asking for them, sealing, opening, and finding who wins.
use std::collections::{BTreeMap, BTreeSet};

use ainur_consensus::ReplicatedLog;
use ainur_crypto::batch::sign_batch;
use ainur_crypto::hash;
use ainur_ledger::reputation;
use ainur_market::auction::terms::TERMS_AMOUNT_MAX;
use ainur_market::auction::{BidTerms, CommitTerms, NoAward, Reveal, award, commitment};
use ainur_primitives::task::QualityLevel;
use ainur_primitives::{CapabilityName, Did, Digest, DurationMs, Ppm, Venue};
use ainur_runtime::job::Quote;
use ainur_runtime::{CallView, Executor, Job};
use ainur_storage::{Disk, crash_point};

use super::parts::GIVEN_UP;
use super::work::Errand;
use super::{Broker, one_line};
use crate::error::Error;
use crate::event::{Event, JournalEntry, SignedReveal};
use crate::limits::ATTEMPTS_MAX;
use crate::seat::Seat;
use crate::task::{Phase, Task};

/// A bid about to be sealed; all bids of one agent in one turn share a signature.
pub(super) struct Sealing {
    task: u64,
    terms: BidTerms,
    salt: [u8; 32],
}

/// Why an agent that keeps its own key is not asked for a price.
pub(super) const KEEPS_ITS_KEY: &str =
    "keeps its own key: it sells by standing offers, and bids on calls that are held open";

/// What an agent with a fixed price says of itself when its contract says nothing.
const FIXED_PRICE_CONFIDENCE: Ppm = Ppm(900_000);

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Asks every invited agent that has not answered.
    pub(super) fn gather_bids(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.venue == Venue::Offer {
            // Its offer was not durable when the node died.
            return self.next_offer(number, task.attempts.len() as u32 + 1);
        }
        if task.venue == Venue::Credit {
            return self.take_credit_again(number);
        }
        if task.venue == Venue::Rental {
            return self.take_rental_again(number);
        }
        if task.outside.is_some() && !self.negotiations.is_spoken(number) {
            // What was said was not agreed on when the node died.
            let detail = "the node stopped while it was talked about: begin again".to_owned();
            return self.record(number, Event::NoAward { detail });
        }
        if task.part_of.is_some() && !task.is_called_part() {
            // Its beginning was not durable when the node died.
            return self.resume_part(number);
        }
        if task.spec.graph.is_some() {
            return self.gather_part_quotes(number);
        }
        let spec = task.spec.clone();
        let task_duration_max = task.auction.terms().duration_ms_max;
        // Whom one negotiates with is not told how far one would go.
        let told_reserve = match task.venue {
            Venue::Negotiation => TERMS_AMOUNT_MAX,
            _ => task.auction.terms().reserve,
        };
        for bidder in self.unanswered(task) {
            let Some(seat) = self.seats.get(bidder) else {
                let detail = "is no longer here".into();
                self.record(number, Event::Passed { bidder, detail })?;
                continue;
            };
            if !seat.is_keyed() {
                self.record(number, Event::Passed { bidder, detail: KEEPS_ITS_KEY.to_owned() })?;
                continue;
            }
            if let Some(quote) = fixed_quote(seat, &spec.capability, task_duration_max) {
                self.bid_by_strategy(number, bidder, Some(quote))?;
                continue;
            }
            let call = CallView {
                capability: spec.capability.clone(),
                parameters: spec.parameters.clone(),
                input_bytes: spec.input_bytes,
                reserve: told_reserve,
                deadline_ms: task_duration_max,
                active_tasks: seat.active,
            };
            let job = Job::Quote { program: seat.program.clone(), call };
            self.dispatch(Errand::Quote { task: number, bidder }, job)?;
        }
        self.close_when_answered(number)
    }

    fn unanswered(&self, task: &Task) -> Vec<Did> {
        let answered = |did: &Did| {
            task.passed.iter().any(|(who, _)| who == did)
                || task.auction.entrants().any(|entrant| entrant.commit.bidder == *did)
                || self.is_negotiable(task, *did)
                || self.is_sealing(task.number, *did)
                || self
                    .errands_of(task.number)
                    .any(|errand| matches!(errand, Errand::Quote { bidder, .. } if bidder == did))
        };
        // While a call is held open, who keeps its own key may still say something.
        let may_speak =
            |did: &Did| task.held_open && self.seats.get(*did).is_some_and(|seat| !seat.is_keyed());
        let silent = task.invited.iter().filter(|did| !answered(did) && !may_speak(did));
        silent.copied().collect()
    }

    /// A bid of this agent is to be sealed at the end of the turn.
    pub(super) fn is_sealing(&self, number: u64, bidder: Did) -> bool {
        self.sealing.iter().any(|s| s.task == number && s.terms.bidder == bidder)
    }

    /// Takes an agent's answer to a call.
    pub(super) fn seal(
        &mut self,
        number: u64,
        bidder: Did,
        quote: Option<Quote>,
    ) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.venue == Venue::Negotiation {
            return self.take_limits(number, bidder, quote);
        }
        // Its owner may have bid for it meanwhile.
        let has_bid = task.auction.entrants().any(|entrant| entrant.commit.bidder == bidder);
        if task.phase != Phase::Announced || has_bid || self.is_sealing(number, bidder) {
            return Ok(());
        }
        let reserve = task.auction.terms().reserve;
        let refusal = match quote {
            None => Some("does not bid".to_owned()),
            Some(quote) if quote.price > reserve => {
                Some(format!("asks {} AINU, above the reserve", quote.price.to_ainu()))
            }
            // Beside being of no use, a number beyond 2^53 could not stand in a receipt.
            Some(quote) if quote.estimated_duration_ms > task.auction.terms().duration_ms_max => {
                Some("expects to take longer than it may".to_owned())
            }
            Some(_) => None,
        };
        let seat = self.seats.get(bidder).filter(|seat| seat.is_keyed());
        if let (None, Some(quote), Some(seat)) = (&refusal, quote, seat) {
            let terms = BidTerms {
                task: task.id,
                bidder,
                price: quote.price,
                bid_bond: task.auction.terms().bid_bond,
                estimated_duration_ms: quote.estimated_duration_ms,
                confidence: quote.confidence,
                quality_level: quality_level(&quote),
                card: seat.card,
                valid_until: task.deadline,
                payment: task.auction.terms().payment.clone(),
            };
            let salt = (self.entropy)()?;
            self.sealing.push(Sealing { task: number, terms, salt });
            return Ok(());
        }
        let detail = refusal.unwrap_or_else(|| "is no longer here".into());
        self.record(number, Event::Passed { bidder, detail })?;
        self.close_when_answered(number)
    }

    /// Signs and records the bids of this turn, one signature an agent.
    pub(super) fn seal_bids(&mut self) -> Result<(), Error> {
        let mut by_bidder: BTreeMap<Did, Vec<Sealing>> = BTreeMap::new();
        let (now, tasks) = (self.now, &self.tasks);
        let mut sealing = std::mem::take(&mut self.sealing);
        // What arrived too late, or for a task that was cancelled meanwhile, is no bid.
        sealing.retain(|bid| {
            tasks.get(&bid.task).is_some_and(|task| {
                task.phase == Phase::Announced && now < task.auction.commitments_end()
            })
        });
        for sealing in sealing {
            by_bidder.entry(sealing.terms.bidder).or_default().push(sealing);
        }
        let mut bid_on = BTreeSet::new();
        for (bidder, bids) in by_bidder {
            let commits: Vec<CommitTerms> =
                bids.iter().filter_map(|bid| self.commit_terms(bid)).collect();
            let Some(seat) = self.seats.get(bidder) else { continue };
            let Some(key) = &seat.key else { continue };
            let items: Vec<Digest> = commits
                .iter()
                .map(CommitTerms::digest)
                .chain(bids.iter().map(|bid| bid.terms.digest()))
                .collect();
            let (signature, mut proofs) = sign_batch(key, bidder, seat.key_version, &items);
            let bid_proofs = proofs.split_off(commits.len());
            let failure_probability = self.failure_probability(bidder);
            self.journal.append(&JournalEntry::Signature(signature))?;
            let signed = bids.into_iter().zip(bid_proofs).zip(commits.into_iter().zip(proofs));
            for ((bid, bid_proof), (commit, proof)) in signed {
                let number = bid.task;
                let reveal = Reveal { terms: bid.terms, salt: Digest(bid.salt) };
                let custody = Some(SignedReveal { reveal, proof: bid_proof });
                self.record(
                    number,
                    Event::Committed { commit, proof, failure_probability, custody, message: None },
                )?;
                bid_on.insert(number);
            }
        }
        // Only now: one who need not be waited for may have bid in the same turn.
        for number in bid_on {
            self.close_when_answered(number)?;
        }
        Ok(())
    }

    fn commit_terms(&self, bid: &Sealing) -> Option<CommitTerms> {
        let task = self.tasks.get(&bid.task)?;
        Some(CommitTerms {
            task: task.id,
            bidder: bid.terms.bidder,
            commitment: commitment(&bid.terms, &bid.salt),
            bid_bond: task.auction.terms().bid_bond,
            reveal_until: task.auction.terms().reveal_until,
        })
    }

    /// The ledger's estimate that an agent's next attempt fails.
    pub(super) fn failure_probability(&self, did: Did) -> Ppm {
        let (now, params) = (self.now, &self.parameters.reputation);
        self.ledger.read(|state| {
            let record = reputation::query::reputation(state, &did);
            reputation::query::failure_probability(&record, now, params)
        })
    }

    pub(super) fn close_when_answered(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.venue == Venue::Negotiation {
            self.negotiate_when_answered(number);
            return Ok(());
        }
        let sealing = self.sealing.iter().any(|sealing| sealing.task == number);
        if task.phase == Phase::Announced && !sealing && task.all_answered() {
            return self.record(number, Event::CommitmentsClosed);
        }
        Ok(())
    }

    /// Opens the bids in custody; once all are open, or time is up, looks for the winner.
    pub(super) fn open_bids(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        if task.is_called_part() {
            crash_point("broker.recall");
        }
        let (now, until) = (self.now, task.auction.terms().reveal_until);
        if now < until && !task.custody.is_empty() {
            let held: Vec<Did> = task.custody.iter().map(|held| held.reveal.terms.bidder).collect();
            for bidder in held {
                self.record(number, Event::Opened { bidder })?;
            }
            return Ok(());
        }
        if task.auction.entrants().len() == 0 {
            let detail = no_bid(task);
            return self.record(number, Event::NoAward { detail });
        }
        let closes_at = task.auction.closes_at();
        if now < closes_at {
            self.wake_at(closes_at, number);
            return Ok(());
        }
        self.spare_unheard(number)?;
        self.find_winner(number)
    }

    /// Replays the transcript without those who failed.
    pub(super) fn find_winner(&mut self, number: u64) -> Result<(), Error> {
        let Some(task) = self.tasks.get(&number) else { return Ok(()) };
        let attempt = task.attempts.len() as u32 + 1;
        if task.part_of.is_some() && !task.is_called_part() {
            return self.find_substitute(number, attempt);
        }
        if task.part_of.is_some() && !self.is_whole_at_work(task) {
            return self.record(number, Event::NoAward { detail: GIVEN_UP.to_owned() });
        }
        if let Some(detail) = self.reason_to_stop(task, attempt) {
            return self.record(number, Event::NoAward { detail });
        }
        if task.spec.graph.is_some() {
            let detail = task.attempt().and_then(|attempt| attempt.failure.as_ref());
            let detail = detail.map(|(_, detail)| detail.clone()).unwrap_or_default();
            return self.record(number, Event::NoAward { detail });
        }
        if task.venue == Venue::Negotiation {
            return self.negotiate_again(number);
        }
        if task.part_of.is_none() && !task.is_called() {
            return self.next_offer(number, attempt);
        }
        let (found, beacon) = match &task.transcript {
            Some(transcript) => (task.award(), transcript.beacon),
            None => {
                let beacon = beacon(task);
                match task.auction.close(self.now, beacon) {
                    Ok(transcript) => (award(&transcript, &task.excluded()), beacon),
                    Err(error) => (Err(NoAward::Invalid(error)), beacon),
                }
            }
        };
        match found {
            Ok(award) => {
                let (seller, payment) = (award.winner, award.payment);
                self.record(number, Event::Awarded { attempt, seller, payment, beacon })
            }
            Err(no_award) => {
                let detail = match self.tasks.get(&number) {
                    Some(task) if !task.attempts.is_empty() => {
                        "every bidder has failed or is excluded".into()
                    }
                    _ => one_line(&no_award.to_string()),
                };
                self.record(number, Event::NoAward { detail })
            }
        }
    }

    pub(super) fn reason_to_stop(&self, task: &Task, attempt: u32) -> Option<String> {
        if task.cancelled {
            return Some("cancelled by the buyer".into());
        }
        if self.now >= task.deadline {
            return Some("the task's deadline passed".into());
        }
        (attempt > ATTEMPTS_MAX).then(|| format!("{ATTEMPTS_MAX} attempts failed (ATTEMPTS_MAX)"))
    }
}

/// What an agent of a fixed price asks; `None` for one whose program quotes.
pub(super) fn fixed_quote(
    seat: &Seat,
    capability: &CapabilityName,
    longest: DurationMs,
) -> Option<Quote> {
    let claimed = seat.contract(capability).and_then(|claimed| claimed.service_level.duration_ms);
    Some(Quote {
        price: seat.price_of(capability)?,
        estimated_duration_ms: claimed.unwrap_or(DurationMs(longest.0 / 2)),
        confidence: FIXED_PRICE_CONFIDENCE,
        quality_level: 0,
    })
}

/// The quality a quote is of.
pub(super) fn quality_level(quote: &Quote) -> QualityLevel {
    match quote.quality_level {
        0 => QualityLevel::Standard,
        1 => QualityLevel::Premium,
        _ => QualityLevel::Enterprise,
    }
}

/// Why nobody bid, with what each said.
pub(super) fn no_bid(task: &Task) -> String {
    let reasons: Vec<String> =
        task.passed.iter().map(|(who, why)| format!("{} {why}", who.short())).collect();
    one_line(&format!("no agent bid: {}", reasons.join("; ")))
}

/// Ends ties; fixed by the bidders' salts together, which nobody knew while bids were sealed.
///
/// On an embedded ledger the node that keeps its agents' keys also knows their salts: see
/// docs/security.md.
fn beacon(task: &Task) -> Digest {
    let mut salts: Vec<(Did, Digest)> = task
        .auction
        .entrants()
        .filter_map(|entrant| Some((entrant.commit.bidder, entrant.reveal.as_ref()?.salt)))
        .collect();
    salts.sort_unstable();
    let bytes: Vec<u8> = salts.iter().flat_map(|(_, salt)| salt.0).collect();
    hash::tagged("ainur/auction-beacon/v1", &[&task.id.0.0, &bytes])
}
