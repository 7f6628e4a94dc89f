//! Jobs that were not what their auction or their ledger says, told by an issuer that signs and logs
//! whatever it likes.
use ainur_audit::receipt::{AcceptedOutput, CheckName, JobRecord, PartBasis, PartEnd, ReceiptBody};
use ainur_primitives::{Amount, DurationMs, FailureReason};

use crate::fixture::World;
use crate::job::{FETCH, JobDeal, MERGE, PARSE, RIVAL, bundle};
use crate::job_lies::{job, other_id, part, problems};
use crate::jobs::report;

#[test]
fn a_job_whose_buyer_paid_more_than_the_auction_says_is_refused() {
    let mut world = World::of_job();
    let deal = world.job(1);
    let mut played = world.begin_with(deal, Amount::ainu(2));
    for subtask in [FETCH, PARSE] {
        world.pay(&mut played, subtask);
    }
    let settlement = world.pay(&mut played, MERGE).unwrap();
    let body = world.job_body(played, settlement);
    let report = report(&mut world, body);
    assert_eq!(problems(&report), [CheckName::Award], "{:#?}", report.checks);
}

#[test]
fn a_substitute_that_did_not_bid_on_the_part_alone_is_refused() {
    let mut world = World::of_job();
    let deal = world.job(1);
    let honest = taken_over(&mut world, deal);
    assert!(report(&mut world, honest.clone()).ok());
    for (bundle, says) in [(0, "this subtask alone"), (2, "this subtask alone"), (3, "no such")] {
        let mut body = honest.clone();
        part(&mut body, PARSE).attempts[1].basis = PartBasis::Bundle { bundle };
        let report = report(&mut world, body);
        assert_eq!(problems(&report), [CheckName::Award]);
        let detail = report.finding(CheckName::Award).unwrap().detail();
        assert!(detail.contains(says), "{detail}");
    }
    for price in [24, 31] {
        let mut body = honest.clone();
        part(&mut body, PARSE).attempts[1].price = Amount::ainu(price);
        let report = report(&mut world, body);
        let detail = report.finding(CheckName::Award).unwrap().detail();
        assert!(detail.contains("not between"), "{detail}");
        assert!(problems(&report).contains(&CheckName::Attempts));
    }
    let mut body = honest;
    part(&mut body, PARSE).attempts[1].seller = world.sellers[RIVAL - 1].did;
    assert!(problems(&report(&mut world, body)).contains(&CheckName::Award));
}

#[test]
fn a_job_that_failed_cannot_be_told_as_one_that_settled() {
    let mut world = World::of_job();
    let deal = world.job(1);
    let mut played = world.begin(deal);
    for subtask in [FETCH, PARSE, MERGE] {
        world.fail_part(&mut played, subtask);
    }
    let honest = world.refund_job(played);
    assert!(report(&mut world, honest.clone()).ok());
    let mut body = honest.clone();
    let output = Some(AcceptedOutput { content: other_id(), bytes: 3 });
    body.output = output;
    let found = report(&mut world, body.clone());
    assert_eq!(problems(&found), [CheckName::Settlement]);
    for subtask in [FETCH, PARSE, MERGE] {
        part(&mut body, subtask).attempts[0].end = PartEnd::Settled;
        part(&mut body, subtask).output = output;
    }
    let found = report(&mut world, body);
    let detail = found.finding(CheckName::Settlement).unwrap().detail();
    assert!(detail.contains("says refunded"), "{detail}");
    assert!(problems(&found).contains(&CheckName::Verdict));
    let mut body = honest;
    let mut accepting = world.finished_job(2);
    part(&mut body, FETCH).verdict = part(&mut accepting, FETCH).verdict.clone();
    assert_eq!(problems(&report(&mut world, body)), [CheckName::Verdict]);
}

#[test]
fn events_of_another_job_are_refused() {
    let mut world = World::of_job();
    let mut other = world.finished_job(2);
    let honest = world.finished_job(1);
    let failure = |body: &mut ReceiptBody| match &mut part(body, PARSE).attempts[0].end {
        PartEnd::Failed { event: Some(event), .. } => (**event).clone(),
        _ => unreachable!("it failed"),
    };
    let of_failure = failure(&mut other);
    let of_parse = part(&mut other, PARSE).clone();
    let of_merge = part(&mut other, MERGE).settled.clone();
    type Take<'a> = (&'a str, Box<dyn Fn(&mut ReceiptBody) + 'a>, CheckName);
    let takes: [Take<'_>; 6] = [
        (
            "agreement",
            Box::new(|body| job(body).agreed = job_of(&other).agreed.clone()),
            CheckName::Attempts,
        ),
        (
            "failure",
            Box::new(|body| {
                let reason = FailureReason::Crashed;
                let event = Some(Box::new(of_failure.clone()));
                part(body, PARSE).attempts[0].end = PartEnd::Failed { reason, event };
            }),
            CheckName::Attempts,
        ),
        (
            "substitution",
            Box::new(|body| {
                part(body, PARSE).attempts[1].agreed = of_parse.attempts[1].agreed.clone();
            }),
            CheckName::Attempts,
        ),
        (
            "payment",
            Box::new(|body| part(body, PARSE).settled = of_parse.settled.clone()),
            CheckName::Attempts,
        ),
        (
            "last payment",
            Box::new(|body| part(body, MERGE).settled = of_merge.clone()),
            CheckName::Attempts,
        ),
        (
            "settlement",
            Box::new(|body| body.settlement = other.settlement.clone()),
            CheckName::Settlement,
        ),
    ];
    for (what, take, name) in takes {
        let mut body = honest.clone();
        take(&mut body);
        let report = report(&mut world, body);
        let detail = report.finding(name).unwrap().detail();
        assert!(detail.contains("task"), "{what}: {detail}");
    }
}

fn job_of(body: &ReceiptBody) -> &JobRecord {
    body.job.as_ref().unwrap()
}

/// A job at which parsing failed and the rival took over by its second bundle.
fn taken_over(world: &mut World, deal: JobDeal) -> ReceiptBody {
    let mut played = world.begin(deal);
    world.pay(&mut played, FETCH);
    world.fail_part(&mut played, PARSE);
    world.replace(&mut played, PARSE, 1, Amount::ainu(26));
    world.pay(&mut played, PARSE);
    let settlement = world.pay(&mut played, MERGE).unwrap();
    world.job_body(played, settlement)
}

#[test]
fn a_substitute_whose_bundle_could_not_win_is_refused() {
    let mut slow = bundle(&[PARSE], 25);
    slow.estimated_duration_ms = DurationMs::seconds(61);
    let all = [bundle(&[FETCH, PARSE], 50), slow, bundle(&[MERGE], 14)];
    let asking_less = vec![all[0], bundle(&[PARSE], 25), all[2], bundle(&[PARSE], 24)];
    let less_but_slow = vec![all[0], bundle(&[PARSE], 26), all[2], slow];
    for (bundles, says) in [
        (all.to_vec(), Some("could not win")),
        (asking_less, Some("asked for less")),
        (less_but_slow, None),
    ] {
        let mut world = World::of_job();
        let deal = world.job_with_rival(1, bundles);
        let body = taken_over(&mut world, deal);
        let report = report(&mut world, body);
        let detail = report.finding(CheckName::Award).unwrap().detail();
        match says {
            Some(says) => {
                assert_eq!(problems(&report), [CheckName::Award], "{says}");
                assert!(detail.contains(says), "{detail}");
            }
            None => assert!(report.ok(), "{detail}"),
        }
    }
}
