//! A job in the small real world: a graph of three parts, a combinatorial auction, a coalition of
//! two with a backup, a rival for everything, and the ledger that binds and pays them.
use std::collections::BTreeMap;

use ainur_audit::receipt::{
    self, AcceptedOutput, CoalitionRecord, JobRecord, LedgerEvent, PartAttempt, PartBasis, PartEnd,
    PartRecord, PartyKeys, ReceiptBody,
};
use ainur_crypto::batch::{RootSignature, sign_batch};
use ainur_crypto::{BatchProof, Proof, hash};
use ainur_ledger::escrow::{self, Consent, SignedAward};
use ainur_ledger::{Event, escrow::Action};
use ainur_market::auction::{CommitTerms, Entrant, Reveal, commitment};
use ainur_market::coalition::sharing::apportion;
use ainur_market::coalition::{
    CoalitionMember, CoalitionTerms, ExecutionPlan, FailureHandling, ProfitSharing, graph_digest,
};
use ainur_market::combinatorial::{
    Bundle, BundleBidTerms, CombinatorialTerms, CombinatorialTranscript, SubtaskTerms, award,
};
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::graph::{Subtask, TaskGraph};
use ainur_primitives::{
    AcceptanceCheck, Amount, CoalitionId, ContentId, Did, Digest, DurationMs, ExecutionLimits,
    FailureReason, PenaltyBeneficiary, PenaltyCause, PenaltyClause, Ppm, QualityLevel,
    SelectionRule, SharingMethod, TaskId, TaskSpec, Timestamp,
};

use crate::fixture::{Who, World};

/// Leads the coalition and fetches.
pub(crate) const LEAD: usize = 0;
/// Its other member, who parses.
pub(crate) const MEMBER: usize = 1;
/// Bids on merging alone.
pub(crate) const SINGLE: usize = 2;
/// Stands by for parsing.
pub(crate) const BACKUP: usize = 3;
/// Bids on everything, dearer.
pub(crate) const RIVAL: usize = 4;

pub(crate) const FETCH: u16 = 0;
pub(crate) const PARSE: u16 = 1;
pub(crate) const MERGE: u16 = 2;

/// What a job is made of before the ledger hears of it.
pub(crate) struct JobDeal {
    pub(crate) task: TaskId,
    pub(crate) specification: TaskSpec,
    pub(crate) transcript: CombinatorialTranscript,
    pub(crate) coalition: CoalitionTerms,
    deadline: Timestamp,
    serial: u64,
}

/// A job under way: what its receipt will tell, and the ledger's numbers of the parts.
pub(crate) struct Played {
    pub(crate) deal: JobDeal,
    pub(crate) record: JobRecord,
    numbers: BTreeMap<u16, u32>,
}

/// Fetching and parsing at once, and merging after what it needs.
fn graph(merge_needs: &[u16]) -> TaskGraph {
    let subtask = |name: &str, reserve, needs: &[u16]| Subtask {
        name: name.into(),
        capability: "archive.compress".parse().unwrap(),
        parameters: "{}".into(),
        reserve: Amount::ainu(reserve),
        duration_ms_max: DurationMs::seconds(60),
        needs: needs.to_vec(),
    };
    TaskGraph {
        subtasks: vec![
            subtask("fetch", 30, &[]),
            subtask("parse", 30, &[]),
            subtask("merge", 20, merge_needs),
        ],
    }
}

fn of_rival() -> Vec<Bundle> {
    vec![bundle(&[FETCH, PARSE], 50), bundle(&[PARSE], 25), bundle(&[MERGE], 14)]
}

/// Some subtasks for a price, in ten seconds.
pub(crate) fn bundle(subtasks: &[u16], price: u64) -> Bundle {
    Bundle {
        subtasks: subtasks.iter().map(|subtask| usize::from(*subtask)).collect(),
        price: Amount::ainu(price),
        estimated_duration_ms: DurationMs::seconds(10),
    }
}

impl World {
    /// A world with the sellers of a job.
    pub(crate) fn of_job() -> Self {
        Self::with_sellers("first", 5)
    }

    /// The coalition asks 40 for fetching and parsing, the single bidder 10 for merging; the rival
    /// asks 50 for the first two, 25 for parsing alone and 14 for merging.
    pub(crate) fn job(&self, number: u8) -> JobDeal {
        self.job_of(number, graph(&[FETCH, PARSE]), of_rival())
    }

    /// The same job, in which the rival offers something else.
    pub(crate) fn job_with_rival(&self, number: u8, bundles: Vec<Bundle>) -> JobDeal {
        self.job_of(number, graph(&[FETCH, PARSE]), bundles)
    }

    /// The same job with two outputs: nobody needs what parsing gives.
    pub(crate) fn job_of_two_outputs(&self, number: u8) -> JobDeal {
        self.job_of(number, graph(&[FETCH]), of_rival())
    }

    fn job_of(&self, number: u8, graph: TaskGraph, rival: Vec<Bundle>) -> JobDeal {
        let specification = TaskSpec {
            capability: "archive.compress".parse().unwrap(),
            parameters: "{}".into(),
            input: Some(ContentId(Digest([0xaa; 32]))),
            input_bytes: 1_048_576,
            reserve: Amount::ainu(100),
            loss: Amount::ainu(5),
            budget: None,
            selection: SelectionRule::Scored,
            check: AcceptanceCheck::Schema,
            deadline_ms: DurationMs::seconds(3_600),
            limits: ExecutionLimits::default(),
            graph: Some(graph.clone()),
            chunks: Vec::new(),
        };
        let serial = u64::from(number);
        let task = self.name(&specification, serial);
        let terms = CombinatorialTerms {
            task,
            graph: graph_digest(&graph),
            subtasks: graph.subtasks.iter().map(|part| called(&specification, part)).collect(),
            budget: specification.reserve,
            selection: specification.selection,
            deadline: self.now.plus(specification.deadline_ms),
            opened: self.now,
            commit_until: self.now.plus(DurationMs::seconds(1)),
            reveal_until: self.now.plus(DurationMs::seconds(2)),
            bid_bond: Amount::ainu(1),
        };
        let coalition = self.coalition(task, &graph, terms.reveal_until);
        let single = |seller, bundles| self.own_bid(&terms, seller, bundles);
        let bids = [
            coalition.bid(terms.bid_bond, Ppm(900_000), QualityLevel::Standard),
            single(SINGLE, vec![bundle(&[MERGE], 10)]),
            single(RIVAL, rival),
        ];
        let mut entrants: Vec<_> = bids.map(|bid| entrant(&terms, bid)).into();
        entrants.sort_by_key(|entrant| entrant.commit.bidder);
        let deadline = self.now.plus(specification.deadline_ms);
        let transcript = CombinatorialTranscript { terms, entrants, beacon: Digest([0xbe; 32]) };
        JobDeal { task, specification, transcript, coalition, deadline, serial }
    }

    fn coalition(&self, task: TaskId, graph: &TaskGraph, reveal: Timestamp) -> CoalitionTerms {
        let member = |seller: usize, subtask, bid| CoalitionMember {
            agent: self.sellers[seller].did,
            card: Digest([0xca; 32]),
            capability: "archive.compress".parse().unwrap(),
            subtask,
            bid: Amount::ainu(bid),
            estimated_duration_ms: DurationMs::seconds(10),
            bond: Amount::ainu(4),
        };
        let clause = |beneficiary, penalty| PenaltyClause {
            beneficiary,
            cause: PenaltyCause::Failed,
            penalty: Ppm(penalty),
        };
        let members = vec![member(LEAD, FETCH, 15), member(MEMBER, PARSE, 20)];
        CoalitionTerms {
            id: CoalitionId(Digest([0xc0; 32])),
            task,
            lead: self.sellers[LEAD].did,
            plan: ExecutionPlan::earliest(graph, &members),
            members,
            total: Amount::ainu(40),
            sharing: ProfitSharing {
                method: SharingMethod::Equal,
                member_shares: vec![Amount::ainu(18), Amount::ainu(22)],
                surplus_weights: Vec::new(),
            },
            failure: FailureHandling {
                backups: vec![member(BACKUP, PARSE, 20)],
                penalty_clauses: vec![
                    clause(PenaltyBeneficiary::Buyer, 100_000),
                    clause(PenaltyBeneficiary::Members, 200_000),
                    clause(PenaltyBeneficiary::Backup, 150_000),
                ],
                ..FailureHandling::default()
            },
            valid_until: reveal.plus(DurationMs::seconds(600)),
        }
    }

    fn own_bid(
        &self,
        terms: &CombinatorialTerms,
        seller: usize,
        bundles: Vec<Bundle>,
    ) -> BundleBidTerms {
        BundleBidTerms {
            task: terms.task,
            bidder: self.sellers[seller].did,
            bundles,
            bid_bond: terms.bid_bond,
            confidence: Ppm(900_000),
            quality_level: QualityLevel::Standard,
            card: Digest([0xca; 32]),
            valid_until: terms.reveal_until.plus(DurationMs::seconds(600)),
        }
    }

    fn seller(&self, did: Did) -> usize {
        self.sellers.iter().position(|seller| seller.did == did).unwrap()
    }

    fn sign_all(&self, digest: Digest, by: &[Did]) -> (Vec<RootSignature>, Vec<BatchProof>) {
        let mut signed = (Vec::new(), Vec::new());
        for did in by {
            let seller = &self.sellers[self.seller(*did)];
            let (root, mut proofs) = sign_batch(&seller.key, seller.did, 0, &[digest]);
            signed.0.push(root);
            signed.1.append(&mut proofs);
        }
        signed
    }

    pub(crate) fn prove(&self, digest: Digest, by: Did) -> Proof {
        Proof::sign(&self.sellers[self.seller(by)].key, by, 0, digest)
    }

    /// Has the ledger bind the winners of the auction.
    pub(crate) fn begin(&mut self, deal: JobDeal) -> Played {
        self.begin_with(deal, Amount::ZERO)
    }

    /// The same, with so much more for each winner than the auction says.
    pub(crate) fn begin_with(&mut self, deal: JobDeal, more: Amount) -> Played {
        let allocation = award(&deal.transcript, &[]).unwrap();
        let (mut awards, mut roots, mut firsts) = (Vec::new(), Vec::new(), BTreeMap::new());
        for won in &allocation.assignments {
            let bid = deal.transcript.bid(&won.bidder).unwrap();
            let is_coalition = won.bidder == deal.coalition.lead;
            let price = won.payment.checked_add(more).unwrap();
            let (consent, signers) = if is_coalition {
                let terms = deal.coalition.at_price(price).unwrap();
                for (member, share) in terms.members.iter().zip(terms.sharing.member_shares) {
                    let basis = PartBasis::Coalition { coalition: 0 };
                    firsts.insert(member.subtask, first(member.agent, share, basis));
                }
                let signers = deal.coalition.members.iter().map(|member| member.agent).collect();
                let (terms, transcript) = (deal.coalition.clone(), deal.transcript.digest());
                (Consent::Coalition { terms, transcript }, signers)
            } else {
                let place = bid.bundles.iter().position(|other| *other == won.bundle).unwrap();
                let basis = PartBasis::Bundle { bundle: u16::try_from(place).unwrap() };
                let shares = shares(&deal, &won.bundle, price);
                for (subtask, share) in won.bundle.subtasks.indices().zip(shares) {
                    let subtask = u16::try_from(subtask).unwrap();
                    firsts.insert(subtask, first(won.bidder, share, basis));
                }
                (consent_to(&deal, won.bidder, place, price), vec![won.bidder])
            };
            let (mut signed, proofs) = self.sign_all(consent.digest(), &signers);
            roots.append(&mut signed);
            awards.push(SignedAward { price, consent, proofs });
        }
        let action = Action::Agree {
            task: deal.task,
            verifier: self.node.did,
            reserve: deal.specification.reserve,
            awards,
            service: None,
            budget: None,
            call: receipt::specification_digest(&deal.specification),
            serial: deal.serial,
            check: receipt::check_digest(&deal.specification.check),
            deadline: deal.deadline,
        };
        let agreed = self.execute_all(Who::Buyer, action.into(), roots).remove(0);
        let Event::Escrow(escrow::Event::Agreed { sellers, .. }) = &agreed.proof.record.event
        else {
            unreachable!("an agreement says so");
        };
        let numbers = (0..).zip(sellers).map(|(number, hire)| (hire.subtask.unwrap(), number));
        let numbers = numbers.collect();
        let record = self.job_record(&deal, agreed, firsts);
        Played { deal, record, numbers }
    }

    fn job_record(
        &self,
        deal: &JobDeal,
        agreed: LedgerEvent,
        firsts: BTreeMap<u16, PartAttempt>,
    ) -> JobRecord {
        let reveals = deal.transcript.entrants.iter().map(|entrant| &entrant.reveal);
        let bids = reveals.flatten().map(|reveal| {
            let terms: &BundleBidTerms = &reveal.terms;
            self.prove(terms.digest(), terms.bidder)
        });
        let signers = deal.coalition.signers().into_iter();
        let proofs = signers.map(|signer| self.prove(deal.coalition.digest(), signer)).collect();
        let parts = firsts.into_iter().map(|(subtask, first)| PartRecord {
            subtask,
            attempts: vec![first],
            output: None,
            verdict: None,
            settled: None,
            call: None,
        });
        JobRecord {
            transcript: deal.transcript.clone(),
            bids: bids.collect(),
            coalitions: vec![CoalitionRecord { terms: deal.coalition.clone(), proofs }],
            agreed,
            parts: parts.collect(),
        }
    }

    /// Has the ledger note that whoever is at a part failed.
    pub(crate) fn fail_part(&mut self, job: &mut Played, subtask: u16) {
        let (reason, evidence) = (FailureReason::Crashed, Digest([0xee; 32]));
        let (task, part) = (job.deal.task, job.numbers[&subtask]);
        let action = Action::FailPart { task, attempt: 1, part, reason, evidence };
        let event = self.execute_all(Who::Node, action.into(), Vec::new()).remove(0);
        job.last(subtask).end = PartEnd::Failed { reason, event: Some(Box::new(event)) };
    }

    /// Has the ledger put the coalition's backup in the place of who failed at parsing.
    pub(crate) fn back_up(&mut self, job: &mut Played) {
        let backup = job.deal.coalition.failure.backups[0].clone();
        let consent = Consent::Backup { terms: job.deal.coalition.clone(), backup: 0 };
        let basis = PartBasis::Backup { coalition: 0, backup: 0 };
        self.substitute(job, PARSE, first(backup.agent, backup.bid, basis), consent);
    }

    /// Has the ledger put the rival in the place of who failed, by one of its bundles.
    pub(crate) fn replace(&mut self, job: &mut Played, subtask: u16, place: usize, price: Amount) {
        let rival = self.sellers[RIVAL].did;
        let consent = consent_to(&job.deal, rival, place, price);
        let basis = PartBasis::Bundle { bundle: u16::try_from(place).unwrap() };
        self.substitute(job, subtask, first(rival, price, basis), consent);
    }

    pub(crate) fn substitute(
        &mut self,
        job: &mut Played,
        subtask: u16,
        mut attempt: PartAttempt,
        consent: Consent,
    ) {
        let (roots, proofs) = self.sign_all(consent.digest(), &[attempt.seller]);
        let award = SignedAward { price: attempt.price, consent, proofs };
        let (task, part) = (job.deal.task, job.numbers[&subtask]);
        let action = Action::Substitute { task, part, award };
        let event = self.execute_all(Who::Buyer, action.into(), roots).remove(0);
        let Event::Escrow(escrow::Event::Substituted { first, .. }) = &event.proof.record.event
        else {
            unreachable!("a substitution says so");
        };
        job.numbers.insert(subtask, *first);
        attempt.agreed = Some(event);
        job.record.parts[usize::from(subtask)].attempts.push(attempt);
    }

    /// Has the ledger pay a part; returns the event that closed the escrow, when it was the last.
    pub(crate) fn pay(&mut self, job: &mut Played, subtask: u16) -> Option<LedgerEvent> {
        let verdict = Verdict {
            accepted: true,
            check: job.deal.specification.check.clone(),
            verifier: self.node.did,
            detail: format!("part {subtask} fits its schema"),
        };
        let digest = hash::sha256(&[b"output", &subtask.to_le_bytes()]);
        let (content, bytes) = (ContentId(digest), 1_000 + u64::from(subtask));
        let action = Action::SettlePart {
            task: job.deal.task,
            attempt: 1,
            part: job.numbers[&subtask],
            delivered: self.now,
            output: content,
            verdict: ainur_verification::verdict::digest(&verdict),
        };
        let mut events = self.execute_all(Who::Node, action.into(), Vec::new()).into_iter();
        let part = &mut job.record.parts[usize::from(subtask)];
        part.output = Some(AcceptedOutput { content, bytes });
        part.verdict = Some(verdict);
        part.settled = events.next();
        part.attempts.last_mut().unwrap().end = PartEnd::Settled;
        events.next()
    }

    /// The whole job, parsing by the backup, and the body of its receipt.
    pub(crate) fn finished_job(&mut self, number: u8) -> ReceiptBody {
        let deal = self.job(number);
        let mut job = self.begin(deal);
        self.pay(&mut job, FETCH);
        self.fail_part(&mut job, PARSE);
        self.back_up(&mut job);
        self.pay(&mut job, PARSE);
        let settlement = self.pay(&mut job, MERGE).unwrap();
        self.job_body(job, settlement)
    }

    /// The body of a receipt; of a job that was not finished, once its money is returned.
    pub(crate) fn job_body(&self, job: Played, settlement: LedgerEvent) -> ReceiptBody {
        let Played { deal, record, .. } = job;
        let paid: Amount =
            record.parts.iter().filter_map(PartRecord::paid).map(|attempt| attempt.price).sum();
        let last = deal.specification.graph.as_ref().unwrap().last();
        let outputs: Option<Vec<AcceptedOutput>> =
            last.iter().map(|subtask| record.parts[usize::from(*subtask)].output).collect();
        let settled = record.parts.iter().all(|part| part.paid().is_some());
        let output = outputs.filter(|_| settled).map(|outputs| match outputs.as_slice() {
            [only] => *only,
            several => AcceptedOutput {
                content: ContentId(Digest([0xbb; 32])),
                bytes: several.iter().map(|output| output.bytes).sum(),
            },
        });
        let keys = self.sellers.iter().chain([&self.node]);
        ReceiptBody {
            chain_id: self.genesis.chain_id(),
            task: deal.task,
            refunded: deal.specification.reserve.checked_sub(paid).unwrap(),
            specification: deal.specification,
            reserve_salt: None,
            buyer: self.buyer.did,
            verifier: self.node.did,
            issuer: self.node.did,
            issued: self.now,
            transcript: None,
            bids: Vec::new(),
            attempts: Vec::new(),
            job: Some(Box::new(record)),
            chunks: Vec::new(),
            output,
            verdict: None,
            paid,
            settlement,
            keys: keys.map(|party| PartyKeys::first(party.material.clone())).collect(),
        }
    }

    /// Returns the money of a job after its deadline; whoever was at work has failed.
    pub(crate) fn expire_job(&mut self, mut job: Played) -> ReceiptBody {
        self.now = job.deal.deadline;
        let action = Action::Expire { task: job.deal.task };
        let mut events = self.execute_all(Who::Buyer, action.into(), Vec::new());
        let settlement = events.pop().unwrap();
        for event in events {
            let Event::Escrow(escrow::Event::Failed { seller, reason, .. }) =
                event.proof.record.event
            else {
                continue;
            };
            let lasts = job.record.parts.iter_mut().flat_map(|part| part.attempts.last_mut());
            let mut open = lasts.filter(|last| last.end == PartEnd::Stopped);
            let late = open.find(|last| last.seller == seller).unwrap();
            late.end = PartEnd::Failed { reason, event: Some(Box::new(event)) };
        }
        self.job_body(job, settlement)
    }

    /// Returns the money of a job at which nobody is at work.
    pub(crate) fn refund_job(&mut self, job: Played) -> ReceiptBody {
        let action = Action::Refund { task: job.deal.task };
        let settlement = self.execute_all(Who::Buyer, action.into(), Vec::new()).remove(0);
        self.job_body(job, settlement)
    }
}

impl Played {
    /// The award of a part that came last.
    pub(crate) fn last(&mut self, subtask: u16) -> &mut PartAttempt {
        self.record.parts[usize::from(subtask)].attempts.last_mut().unwrap()
    }
}

/// An award before anything came of it.
pub(crate) fn first(seller: Did, price: Amount, basis: PartBasis) -> PartAttempt {
    PartAttempt { seller, price, basis, agreed: None, end: PartEnd::Stopped }
}

fn called(whole: &TaskSpec, subtask: &Subtask) -> SubtaskTerms {
    let Subtask { reserve, duration_ms_max, .. } = *subtask;
    SubtaskTerms { reserve, loss: receipt::subtask_loss(whole, subtask), duration_ms_max }
}

fn entrant(terms: &CombinatorialTerms, bid: BundleBidTerms) -> Entrant<BundleBidTerms> {
    let salt = hash::sha256(&[&bid.bidder.0.0]);
    let commit = CommitTerms {
        task: terms.task,
        bidder: bid.bidder,
        commitment: commitment(&bid, &salt.0),
        bid_bond: terms.bid_bond,
        reveal_until: terms.reveal_until,
    };
    let reveal = Some(Reveal { terms: bid, salt });
    Entrant { commit, failure_probability: Ppm(100_000), reveal }
}

/// What binds a bidder to a bundle of its own, at a price divided over its subtasks.
fn consent_to(deal: &JobDeal, bidder: Did, place: usize, price: Amount) -> Consent {
    let bid = deal.transcript.bid(&bidder).unwrap().clone();
    let shares = shares(deal, &bid.bundles[place], price);
    let (bundle, transcript) = (u16::try_from(place).unwrap(), deal.transcript.digest());
    Consent::Bundle { bid, bundle, shares, transcript }
}

fn shares(deal: &JobDeal, bundle: &Bundle, price: Amount) -> Vec<Amount> {
    let reserves = bundle.subtasks.indices().map(|at| deal.transcript.terms.subtasks[at].reserve.0);
    apportion(price, &reserves.collect::<Vec<_>>())
}
