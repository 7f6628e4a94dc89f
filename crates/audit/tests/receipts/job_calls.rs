//! Parts that were called for again, alone, and what a liar would tell of it.
use ainur_audit::receipt::{CheckName, PartBasis, PartCallRecord, ReceiptBody, rows, subtask_loss};
use ainur_ledger::escrow::Consent;
use ainur_market::auction::{AuctionTerms, Entrant, Transcript, award};
use ainur_market::coalition::part_task_id;
use ainur_primitives::{Amount, Digest, DurationMs};

use crate::fixture::World;
use crate::job::{BACKUP, FETCH, MERGE, PARSE, Played, RIVAL, first};
use crate::job_lies::{job, part, problems};
use crate::jobs::report;

impl World {
    /// Calls again for who parses: the backup asks 26 in it, the rival 28 of at most 30.
    fn call_again(&mut self, job: &mut Played) {
        let wanted = &job.deal.specification;
        let subtask = &wanted.graph.as_ref().unwrap().subtasks[usize::from(PARSE)];
        let terms = AuctionTerms {
            task: part_task_id(job.deal.task, PARSE),
            reserve: Amount::ainu(30),
            loss: subtask_loss(wanted, subtask),
            selection: wanted.selection,
            duration_ms_max: DurationMs::seconds(60),
            opened: self.now,
            commit_until: self.now.plus(DurationMs::seconds(1)),
            reveal_until: self.now.plus(DurationMs::seconds(2)),
            bid_bond: Amount::ainu(1),
            payment: ainur_market::payment::PaymentTerms::Completion,
        };
        let mut entrants: Vec<Entrant> = [(BACKUP, 26), (RIVAL, 28)]
            .map(|(seller, price)| self.entrant(&terms, self.sellers[seller].did, price))
            .to_vec();
        entrants.sort_by_key(|entrant| entrant.commit.bidder);
        let transcript = Transcript { terms, entrants, beacon: Digest([0xbf; 32]) };
        let won = award(&transcript, &[]).unwrap();
        let digest = transcript.digest();
        let consent = Consent::Bid { bid: won.bid, transcript: digest };
        let basis = PartBasis::Call { transcript: digest };
        self.substitute(job, PARSE, first(won.winner, won.payment, basis), consent);
        let reveals = transcript.entrants.iter().flat_map(|entrant| &entrant.reveal);
        let bids = reveals.map(|reveal| self.prove(reveal.terms.digest(), reveal.terms.bidder));
        let bids = bids.collect();
        job.record.parts[usize::from(PARSE)].call = Some(PartCallRecord { transcript, bids });
    }

    /// The whole job, parsing by who won the call for it, and the body of its receipt.
    fn called_job(&mut self) -> ReceiptBody {
        let deal = self.job(1);
        let mut job = self.begin(deal);
        self.pay(&mut job, FETCH);
        self.fail_part(&mut job, PARSE);
        self.call_again(&mut job);
        self.pay(&mut job, PARSE);
        let settlement = self.pay(&mut job, MERGE).unwrap();
        self.job_body(job, settlement)
    }
}

#[test]
fn receipt_of_a_job_with_a_part_that_was_called_for_again_verifies() {
    let mut world = World::of_job();
    let body = world.called_job();
    let report = report(&mut world, body);
    assert!(report.ok(), "{:#?}", report.checks);
    let rows = rows(report.receipt.as_ref().unwrap());
    let row = rows.iter().find(|row| row.label == "part parse, attempt 2").unwrap();
    let said = "for 28 AINU by its bid in a call for this part alone: settled";
    assert!(row.value.ends_with(said), "{}", row.value);
}

/// What a lie is called, how it is told, the check that finds it, and a word of what that says.
type Lie = (&'static str, fn(&mut ReceiptBody), CheckName, &'static str);

fn call(body: &mut ReceiptBody) -> &mut PartCallRecord {
    part(body, PARSE).call.as_mut().unwrap()
}

const LIES: [Lie; 9] = [
    ("no call", |body| part(body, PARSE).call = None, CheckName::Award, "is missing"),
    (
        "a call of another part",
        |body| call(body).transcript.terms.task = part_task_id(body_task(), FETCH),
        CheckName::Transcript,
        "task",
    ),
    (
        "more than the part may cost",
        |body| call(body).transcript.terms.reserve = Amount::ainu(31),
        CheckName::Transcript,
        "more was offered",
    ),
    (
        "another loss",
        |body| call(body).transcript.terms.loss = Amount::ZERO,
        CheckName::Transcript,
        "loss",
    ),
    (
        "a bid less",
        |body| {
            call(body).transcript.entrants.remove(0);
        },
        CheckName::Award,
        "",
    ),
    ("a signature less", |body| drop(call(body).bids.pop()), CheckName::BidSignatures, "missing"),
    (
        "a signature more",
        |body| {
            let twice = call(body).bids[0].clone();
            call(body).bids.push(twice);
        },
        CheckName::BidSignatures,
        "not opened",
    ),
    (
        "another price",
        |body| part(body, PARSE).attempts[1].price = Amount::ainu(27),
        CheckName::Award,
        "price",
    ),
    (
        "a call nobody won",
        |body| {
            let call = part(body, PARSE).call.clone();
            part(body, MERGE).call = call;
        },
        CheckName::Transcript,
        "part 2",
    ),
];

fn body_task() -> ainur_primitives::TaskId {
    ainur_primitives::TaskId(Digest([1; 32]))
}

#[test]
fn every_lie_about_a_call_for_a_part_is_found() {
    let mut world = World::of_job();
    let honest = world.called_job();
    assert!(report(&mut world, honest.clone()).ok());
    for (lie, tell, name, says) in LIES {
        let mut body = honest.clone();
        tell(&mut body);
        assert!(job(&mut body).parts.len() == 3);
        let report = report(&mut world, body);
        assert!(problems(&report).contains(&name), "{lie}: {:#?}", report.checks);
        let detail = report.finding(name).unwrap().detail();
        assert!(detail.contains(says), "{lie}: {detail}");
    }
}
