//! Receipts of jobs a liar would make: signed and logged as they are, refused by the check that
//! should.
use ainur_audit::receipt::{
    AcceptedOutput, AttemptBasis, AttemptEnd, AttemptRecord, CheckName, JobRecord, PartBasis,
    PartEnd, PartRecord, ReceiptBody, Report,
};
use ainur_primitives::{
    AcceptanceCheck, Amount, ContentId, Digest, DurationMs, FailureReason, SelectionRule,
};

use crate::fixture::World;
use crate::job::{FETCH, MERGE, PARSE};
use crate::jobs::report;

pub(crate) fn job(body: &mut ReceiptBody) -> &mut JobRecord {
    body.job.as_mut().unwrap()
}

pub(crate) fn part(body: &mut ReceiptBody, subtask: u16) -> &mut PartRecord {
    &mut job(body).parts[usize::from(subtask)]
}

pub(crate) fn other_id() -> ContentId {
    ContentId(Digest([1; 32]))
}

pub(crate) fn problems(report: &Report) -> Vec<CheckName> {
    report.problems().map(|problem| problem.name).collect()
}

/// What a lie is called, how it is told, the check that finds it, and a word of what that says.
type Lie = (&'static str, fn(&mut ReceiptBody), CheckName, &'static str);

/// Lies about who got what and why.
const AWARDS: [Lie; 16] = [
    (
        "backup of another subtask",
        |body| {
            let backup = part(body, PARSE).attempts[1].clone();
            part(body, FETCH).attempts[0].end =
                PartEnd::Failed { reason: FailureReason::Crashed, event: None };
            part(body, FETCH).attempts.push(backup);
        },
        CheckName::Award,
        "subtask",
    ),
    (
        "a coalition instead of a backup",
        |body| part(body, PARSE).attempts[1].basis = PartBasis::Coalition { coalition: 0 },
        CheckName::Award,
        "does not take over",
    ),
    (
        "price",
        |body| part(body, FETCH).attempts[0].price = Amount::ainu(23),
        CheckName::Award,
        "price",
    ),
    (
        "seller",
        |body| part(body, MERGE).attempts[0].seller = body_buyer(),
        CheckName::Award,
        "seller",
    ),
    (
        "basis",
        |body| part(body, FETCH).attempts[0].basis = PartBasis::Bundle { bundle: 0 },
        CheckName::Award,
        "the auction says Coalition",
    ),
    (
        "backup's price",
        |body| part(body, PARSE).attempts[1].price = Amount::ainu(21),
        CheckName::Award,
        "price",
    ),
    (
        "another backup",
        |body| {
            part(body, PARSE).attempts[1].basis = PartBasis::Backup { coalition: 0, backup: 1 };
        },
        CheckName::Award,
        "no backup 1",
    ),
    (
        "backup of nobody",
        |body| {
            let backup = part(body, PARSE).attempts[1].clone();
            part(body, MERGE).attempts[0].end =
                PartEnd::Failed { reason: FailureReason::Crashed, event: None };
            part(body, MERGE).attempts.push(backup);
        },
        CheckName::Award,
        "not of its coalition",
    ),
    (
        "backup without a failure",
        |body| part(body, PARSE).attempts[0].end = PartEnd::Stopped,
        CheckName::Award,
        "nobody had failed",
    ),
    ("no failure", |body| drop(part(body, PARSE).attempts.remove(0)), CheckName::Award, "seller"),
    ("no award", |body| part(body, FETCH).attempts.clear(), CheckName::Award, "awarded to nobody"),
    ("no coalition", |body| job(body).coalitions.clear(), CheckName::Award, "price"),
    (
        "coalition twice",
        |body| {
            let twice = job(body).coalitions[0].clone();
            job(body).coalitions.push(twice);
        },
        CheckName::Award,
        "told twice",
    ),
    (
        "coalition of another task",
        |body| job(body).coalitions[0].terms.task.0.0[0] ^= 1,
        CheckName::Award,
        "task",
    ),
    (
        "shares",
        |body| job(body).coalitions[0].terms.sharing.member_shares.reverse(),
        CheckName::Award,
        "",
    ),
    (
        "deadline of the call",
        |body| {
            let terms = &mut job(body).transcript.terms;
            terms.deadline = terms.reveal_until.plus(DurationMs(1));
        },
        CheckName::Award,
        "without a seller",
    ),
];

/// Lies about the auction and what was signed.
const AUCTIONS: [Lie; 16] = [
    (
        "loss of a subtask",
        |body| job(body).transcript.terms.subtasks[1].loss = Amount::ZERO,
        CheckName::Transcript,
        "loss",
    ),
    (
        "deadline of the call, a little",
        |body| {
            let terms = &mut job(body).transcript.terms;
            terms.deadline = terms.deadline.plus(DurationMs(1));
        },
        CheckName::Attempts,
        "deadline",
    ),
    (
        "beacon",
        |body| job(body).transcript.beacon = Digest::ZERO,
        CheckName::Attempts,
        "transcript digest",
    ),
    (
        "selection",
        |body| job(body).transcript.terms.selection = SelectionRule::Cheapest,
        CheckName::Transcript,
        "another rule",
    ),
    (
        "budget",
        |body| job(body).transcript.terms.budget = Amount::ainu(90),
        CheckName::Transcript,
        "reserve",
    ),
    (
        "graph of the call",
        |body| job(body).transcript.terms.graph = Digest::ZERO,
        CheckName::Transcript,
        "graph digest",
    ),
    (
        "task of the call",
        |body| job(body).transcript.terms.task.0.0[0] ^= 1,
        CheckName::Transcript,
        "task",
    ),
    (
        "reserve of a subtask",
        |body| job(body).transcript.terms.subtasks[1].reserve = Amount::ainu(31),
        CheckName::Transcript,
        "'parse'",
    ),
    (
        "duration of a subtask",
        |body| job(body).transcript.terms.subtasks[0].duration_ms_max = DurationMs(1),
        CheckName::Transcript,
        "'fetch'",
    ),
    (
        "fewer subtasks in the call",
        |body| job(body).transcript.terms.subtasks.truncate(2),
        CheckName::Transcript,
        "number of subtasks",
    ),
    (
        "a bid",
        |body| {
            let entrant = &mut job(body).transcript.entrants[0];
            entrant.reveal.as_mut().unwrap().terms.bundles[0].price = Amount::ainu(1);
        },
        CheckName::Transcript,
        "commit",
    ),
    ("whose bid", |body| job(body).bids.swap(0, 1), CheckName::BidSignatures, "signer"),
    (
        "whose word",
        |body| job(body).coalitions[0].proofs.swap(0, 1),
        CheckName::BidSignatures,
        "coalition 0",
    ),
    (
        "terms nobody signed",
        |body| job(body).coalitions[0].terms.failure.backups[0].bid = Amount::ainu(19),
        CheckName::BidSignatures,
        "coalition 0",
    ),
    (
        "graph",
        |body| body.specification.graph.as_mut().unwrap().subtasks[0].name = "steal".into(),
        CheckName::Transcript,
        "graph digest",
    ),
    (
        "another auction",
        |body| {
            let world = World::new("first");
            body.transcript = Some(world.deal(1).transcript);
            let proof = body.job.as_ref().unwrap().bids[0].clone();
            body.bids = vec![proof.clone(), proof];
        },
        CheckName::Transcript,
        "another too",
    ),
];

/// Lies about what the ledger says, what was paid and what was delivered.
const LEDGER: [Lie; 33] = [
    (
        "settlement before the last payment",
        |body| {
            let payment = part(body, MERGE).settled.take();
            part(body, MERGE).settled = Some(body.settlement.clone());
            body.settlement = payment.unwrap();
        },
        CheckName::Chain,
        "settlement is not after",
    ),
    (
        "seller on the ledger, whose payment is hidden",
        |body| {
            part(body, MERGE).attempts[0].seller = body_buyer();
            part(body, MERGE).settled = None;
        },
        CheckName::Attempts,
        "seller",
    ),
    (
        "check of a verdict",
        |body| verdict(body).check = AcceptanceCheck::Reexecution,
        CheckName::Verdict,
        "another check",
    ),
    (
        "price on the ledger, whose payment is hidden",
        |body| {
            part(body, FETCH).attempts[0].price = Amount::ainu(23);
            part(body, FETCH).settled = None;
        },
        CheckName::Attempts,
        "price",
    ),
    ("buyer", |body| body.buyer = body_buyer(), CheckName::Settlement, "buyer"),
    (
        "bids outside the job",
        |body| {
            let world = World::new("first");
            body.transcript = Some(world.deal(1).transcript);
            let proof = body.job.as_ref().unwrap().bids[0].clone();
            body.bids = vec![proof.clone(), proof];
        },
        CheckName::BidSignatures,
        "outside the job",
    ),
    (
        "who was paid what, where payments are hidden",
        |body| {
            let prices = [FETCH, MERGE].map(|subtask| part(body, subtask).attempts[0].price);
            for (subtask, price) in [MERGE, FETCH].into_iter().zip(prices) {
                part(body, subtask).attempts[0].price = price;
                part(body, subtask).settled = None;
            }
        },
        CheckName::Settlement,
        "paid to",
    ),
    (
        "reserve",
        |body| body.specification.reserve = Amount::ainu(101),
        CheckName::Agreement,
        "reserve",
    ),
    ("check", |body| part(body, FETCH).verdict = None, CheckName::Verdict, "without a verdict"),
    ("verdict", |body| verdict(body).detail.push('!'), CheckName::Verdict, "verdict digest"),
    ("rejected", |body| verdict(body).accepted = false, CheckName::Verdict, "rejects"),
    ("verifier", |body| verdict(body).verifier = body_buyer(), CheckName::Verdict, "verifier"),
    (
        "verdict of all",
        |body| body.verdict = part(body, FETCH).verdict.clone(),
        CheckName::Verdict,
        "one of all",
    ),
    (
        "an attempt outside the parts",
        |body| {
            body.attempts.push(AttemptRecord {
                seller: body.buyer,
                price: Amount::ZERO,
                basis: AttemptBasis::Auction,
                agreed: None,
                end: AttemptEnd::Settled,
            });
        },
        CheckName::Attempts,
        "outside the parts",
    ),
    ("paid", |body| body.paid = Amount::ainu(56), CheckName::Settlement, "paid"),
    ("refunded", |body| body.refunded = Amount::ZERO, CheckName::Settlement, "refunded"),
    (
        "output",
        |body| body.output.as_mut().unwrap().content = other_id(),
        CheckName::Settlement,
        "output",
    ),
    ("no output", |body| body.output = None, CheckName::Settlement, "no output"),
    (
        "length of the output",
        |body| body.output.as_mut().unwrap().bytes += 1,
        CheckName::Settlement,
        "bytes",
    ),
    (
        "output of a part",
        |body| part(body, PARSE).output.as_mut().unwrap().content = other_id(),
        CheckName::Settlement,
        "'parse'",
    ),
    (
        "no output of a part",
        |body| part(body, FETCH).output = None,
        CheckName::Settlement,
        "without an output",
    ),
    (
        "output of the last part, whose payment is hidden",
        |body| {
            let output = AcceptedOutput { content: other_id(), bytes: 1 };
            part(body, MERGE).settled = None;
            part(body, MERGE).output = Some(output);
            body.output = Some(output);
        },
        CheckName::Settlement,
        "another output or verdict",
    ),
    (
        "a part stopped",
        |body| {
            let part = part(body, MERGE);
            part.attempts[0].end = PartEnd::Stopped;
            (part.output, part.verdict, part.settled) = (None, None, None);
        },
        CheckName::Settlement,
        "a part does not",
    ),
    (
        "a payment of a stopped part",
        |body| part(body, MERGE).attempts[0].end = PartEnd::Stopped,
        CheckName::Attempts,
        "yet there is a payment",
    ),
    (
        "a part left out",
        |body| drop(job(body).parts.remove(1)),
        CheckName::Attempts,
        "every subtask",
    ),
    ("parts in disorder", |body| job(body).parts.swap(0, 1), CheckName::Attempts, "every subtask"),
    (
        "reason",
        |body| {
            let PartEnd::Failed { reason, .. } = &mut part(body, PARSE).attempts[0].end else {
                return;
            };
            *reason = FailureReason::Infrastructure;
        },
        CheckName::Attempts,
        "reason",
    ),
    (
        "refused",
        |body| {
            part(body, PARSE).attempts[1].end = PartEnd::Refused { detail: "no stake".into() };
        },
        CheckName::Attempts,
        "the ledger agreed",
    ),
    (
        "another's payment",
        |body| {
            let other = part(body, MERGE).settled.take();
            part(body, PARSE).settled = other;
        },
        CheckName::Attempts,
        "seller",
    ),
    (
        "a payment told twice",
        |body| part(body, PARSE).settled = part(body, FETCH).settled.clone(),
        CheckName::Chain,
        "told twice",
    ),
    (
        "an event out of order",
        |body| {
            let agreed = job(body).agreed.clone();
            let first = part(body, FETCH).settled.replace(agreed).unwrap();
            job(body).agreed = first;
        },
        CheckName::Chain,
        "not after",
    ),
    (
        "an event that did not happen",
        |body| part(body, FETCH).settled.as_mut().unwrap().proof.record.index += 7,
        CheckName::EventInclusion,
        "payment of part 0",
    ),
    ("no job", |body| body.job = None, CheckName::Specification, "its parts"),
];

/// Somebody who did nothing.
fn body_buyer() -> ainur_primitives::Did {
    ainur_primitives::Did(Digest([7; 32]))
}

fn verdict(body: &mut ReceiptBody) -> &mut ainur_primitives::acceptance::Verdict {
    part(body, PARSE).verdict.as_mut().unwrap()
}

#[test]
fn lies_about_a_job_are_found_by_the_check_that_should() {
    let mut world = World::of_job();
    let honest = world.finished_job(1);
    for (what, lie, name, says) in AWARDS.into_iter().chain(AUCTIONS).chain(LEDGER) {
        let mut body = honest.clone();
        lie(&mut body);
        let report = report(&mut world, body);
        let found = problems(&report);
        assert!(found.contains(&name), "{what}: {:#?}", report.checks);
        let detail = report.finding(name).unwrap().detail();
        assert!(detail.contains(says), "{what}: {detail}");
        // Signed and logged as it is, the lie breaks nothing there.
        for intact in [CheckName::AuditInclusion, CheckName::IssuerSignature] {
            assert!(!found.contains(&intact), "{what}: {found:?}");
        }
    }
}
