//! Receipts of task graphs: several sellers under one escrow, each part awarded, checked and paid
//! by itself.
use ainur_audit::receipt::{
    CheckName, IssueError, JobRecord, PartAttempt, PartBasis, PartEnd, ReceiptBody, Report, issue,
    rows, verify,
};
use ainur_primitives::Amount;

use crate::fixture::World;
use crate::job::{BACKUP, FETCH, MERGE, PARSE, Played};

fn ainu(text: &str) -> Amount {
    Amount::from_ainu(text).unwrap()
}

pub(crate) fn report(world: &mut World, body: ReceiptBody) -> Report {
    verify(&world.issue(body).to_bytes().unwrap(), &world.trust())
}

fn passes(world: &mut World, body: ReceiptBody) -> Report {
    let report = report(world, body);
    assert!(report.ok(), "{:#?}", report.checks);
    assert_eq!(report.checks.len(), CheckName::ALL.len());
    report
}

fn job(body: &mut ReceiptBody) -> &mut JobRecord {
    body.job.as_mut().unwrap()
}

/// A row of the receipt.
fn shown(report: &Report, label: &str) -> String {
    let rows = rows(report.receipt.as_ref().unwrap());
    let row = rows.iter().find(|row| row.label == label);
    row.unwrap_or_else(|| panic!("no row '{label}' in {rows:#?}")).value.clone()
}

#[test]
fn receipt_of_a_job_whose_backup_took_over_verifies() {
    let mut world = World::of_job();
    let body = world.finished_job(1);
    // The rival would do the first two for 50, and merge for 14.
    assert_eq!((body.paid, body.refunded), (ainu("56.5"), ainu("43.5")));
    let report = passes(&mut world, body);
    // A tenth of the bond of 4 to the buyer, a fifth to the lead, 15 % to who took over.
    let settlement = report.finding(CheckName::Settlement).unwrap().detail();
    assert!(settlement.ends_with("clauses of 1 coalitions cost 1.8 AINU"), "{settlement}");
    let row = |label| shown(&report, label);
    assert!(row("penalty at parse").contains(" pays 0.4 AINU to "), "{}", row("penalty at parse"));
    assert_eq!(row("parts"), "3 of 3 accepted and paid");
    assert!(row("part fetch").ends_with("for 22.5 AINU in coalition 0 of 2: settled"));
    assert!(row("part parse").ends_with("for 27.5 AINU in coalition 0 of 2: crashed"));
    let again = row("part parse, attempt 2");
    assert!(again.ends_with("for 20 AINU as a backup of coalition 0: settled"), "{again}");
    assert!(row("part merge").ends_with("for 14 AINU by its own bid: settled"));
    assert_eq!((row("paid"), row("refunded")), ("56.5 AINU".into(), "43.5 AINU".into()));
    assert_eq!(row("bids"), "3");
}

#[test]
fn receipt_of_a_job_says_what_was_refused_and_who_came_instead() {
    let mut world = World::of_job();
    let deal = world.job(1);
    let mut job = world.begin(deal);
    world.pay(&mut job, FETCH);
    world.fail_part(&mut job, PARSE);
    job.record.parts[usize::from(PARSE)].attempts.push(PartAttempt {
        seller: world.sellers[BACKUP].did,
        price: Amount::ainu(20),
        basis: PartBasis::Backup { coalition: 0, backup: 0 },
        agreed: None,
        end: PartEnd::Refused { detail: "the stake is too small".into() },
    });
    world.replace(&mut job, PARSE, 1, Amount::ainu(29));
    world.pay(&mut job, PARSE);
    let settlement = world.pay(&mut job, MERGE).unwrap();
    let body = world.job_body(job, settlement);
    // More than the one that failed would have got, and within the subtask's reserve.
    assert_eq!(body.paid, ainu("65.5"));
    let report = passes(&mut world, body);
    let refused = shown(&report, "part parse, attempt 2");
    assert!(refused.ends_with("refused by the ledger: the stake is too small"), "{refused}");
    assert!(shown(&report, "part parse, attempt 3").ends_with("by its own bid: settled"));
    let detail = report.finding(CheckName::Attempts).unwrap().detail();
    assert!(detail.contains("1 substituted, 1 refused"), "{detail}");
}

/// One part paid, one failed, one stopped.
fn broken(world: &mut World) -> Played {
    let deal = world.job(1);
    let mut job = world.begin(deal);
    world.pay(&mut job, FETCH);
    world.fail_part(&mut job, PARSE);
    world.fail_part(&mut job, MERGE);
    job.last(MERGE).end = PartEnd::Stopped;
    job
}

#[test]
fn receipt_of_a_job_that_failed_tells_what_was_paid_and_returned() {
    let mut world = World::of_job();
    let job = broken(&mut world);
    let body = world.refund_job(job);
    assert_eq!((body.paid, body.refunded, body.output), (ainu("22.5"), ainu("77.5"), None));
    let report = passes(&mut world, body);
    assert_eq!(shown(&report, "parts"), "1 of 3 accepted and paid");
    assert!(shown(&report, "part merge").ends_with("stopped with the job"));
    let log = report.receipt.unwrap().audit.entry.summary;
    assert!(log.ends_with("refunded"), "{log}");
}

#[test]
fn receipt_of_a_job_that_ran_out_of_time_tells_who_was_late() {
    let mut world = World::of_job();
    let deal = world.job(1);
    let mut job = world.begin(deal);
    world.pay(&mut job, FETCH);
    let mut body = world.expire_job(job);
    assert!(matches!(self::job(&mut body).parts[1].attempts[0].end, PartEnd::Failed { .. }));
    let report = passes(&mut world, body);
    assert!(shown(&report, "part parse").ends_with("timed out"));
}

#[test]
fn receipt_of_a_job_verifies_without_the_events_a_crash_hid() {
    let mut world = World::of_job();
    let honest = world.finished_job(1);
    let mut body = honest.clone();
    let parse = &mut job(&mut body).parts[usize::from(PARSE)];
    parse.attempts[1].agreed = None;
    passes(&mut world, body.clone());
    job(&mut body).parts[usize::from(MERGE)].settled = None;
    let PartEnd::Failed { event, .. } = &mut job(&mut body).parts[1].attempts[0].end else {
        unreachable!("it failed")
    };
    *event = None;
    passes(&mut world, body.clone());
    for part in &mut job(&mut body).parts {
        part.settled = None;
    }
    passes(&mut world, body.clone());
    // The ledger's last event still holds what each was paid.
    job(&mut body).parts[usize::from(PARSE)].attempts[1].price = Amount::ainu(21);
    body.paid = ainu("57.5");
    let report = report(&mut world, body);
    let named: Vec<_> = report.problems().map(|problem| problem.name).collect();
    assert_eq!(named, [CheckName::Award, CheckName::Settlement]);
    // A number that is known to be another's is not taken for one that is hidden.
    let mut body = honest;
    let record = job(&mut body);
    record.parts[usize::from(PARSE)].attempts[1].agreed = None;
    let taken = record.parts[usize::from(MERGE)].settled.take();
    record.parts[usize::from(PARSE)].settled = taken;
    let report = self::report(&mut world, body);
    let detail = report.finding(CheckName::Attempts).unwrap().detail();
    assert!(detail.contains("'parse'"), "{detail}");
}

#[test]
fn several_outputs_of_a_job_are_as_long_as_its_last_parts_together() {
    let mut world = World::of_job();
    let deal = world.job_of_two_outputs(1);
    let mut played = world.begin(deal);
    world.pay(&mut played, FETCH);
    world.pay(&mut played, PARSE);
    let settlement = world.pay(&mut played, MERGE).unwrap();
    let mut body = world.job_body(played, settlement);
    assert_eq!(body.output.unwrap().bytes, 1_001 + 1_002);
    passes(&mut world, body.clone());
    body.output.as_mut().unwrap().bytes += 1;
    let found = report(&mut world, body.clone());
    assert!(found.finding(CheckName::Settlement).unwrap().detail().contains("2004 bytes"));
    body.output = None;
    let found = report(&mut world, body);
    assert!(found.finding(CheckName::Settlement).unwrap().detail().contains("no output"));
}

#[test]
fn receipts_of_simple_tasks_do_not_mention_jobs() {
    let mut world = World::new("first");
    let deal = world.deal(1);
    let attempts = vec![world.agree(&deal, &[])];
    let body = world.settle(&deal, attempts);
    let text = String::from_utf8(world.issue(body).to_bytes().unwrap()).unwrap();
    assert!(!text.contains("\"job\"") && !text.contains("\"graph\""));
}

#[test]
fn a_job_somebody_did_not_sign_for_is_not_issued() {
    let mut world = World::of_job();
    let honest = world.finished_job(1);
    let drop: [fn(&mut JobRecord); 2] =
        [|job| drop(job.coalitions[0].proofs.pop()), |job| drop(job.bids.pop())];
    for (number, drop) in drop.into_iter().enumerate() {
        let mut body = honest.clone();
        drop(job(&mut body));
        let audit = world.log(&body);
        let issued = issue(&world.node.key, world.node.did, 0, vec![(body, audit)]);
        match number {
            0 => assert!(matches!(issued, Err(IssueError::UnsignedCoalition)), "{issued:?}"),
            _ => assert!(matches!(issued, Err(IssueError::UnsignedBid)), "{issued:?}"),
        }
    }
    let mut body = honest;
    let part = job(&mut body).parts[0].clone();
    job(&mut body).parts = vec![part; 65];
    let audit = world.log(&body);
    let issued = issue(&world.node.key, world.node.did, 0, vec![(body, audit)]);
    let Err(IssueError::TooLarge { what: "parts", found: 65, max: 64 }) = issued else {
        panic!("{issued:?}");
    };
}
