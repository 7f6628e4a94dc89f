//! Receipts a liar would make: consistent where the liar can be, refused where it cannot.
use ainur_audit::receipt::{CheckName, Finding, Receipt, ReceiptBody, Report, Trust, verify};
use ainur_crypto::{HybridVerifier, Verifier};
use ainur_primitives::{Amount, ContentId, Digest};

use crate::fixture::{Deal, World};

fn settled(world: &mut World, number: u8) -> (Deal, ReceiptBody) {
    let deal = world.deal(number);
    let attempts = vec![world.agree(&deal, &[])];
    let body = world.settle(&deal, attempts);
    (deal, body)
}

pub(crate) fn check(receipt: &Receipt, trust: &Trust) -> Report {
    verify(&receipt.to_bytes().unwrap(), trust)
}

/// The checks that failed or could not be made.
pub(crate) fn problems(report: &Report) -> Vec<CheckName> {
    report.problems().map(|problem| problem.name).collect()
}

fn failure(report: &Report, name: CheckName) -> &str {
    match report.finding(name) {
        Some(Finding::Failed(reason)) => reason,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn receipt_of_another_ledger_says_issuer_unknown() {
    let mut stranger = World::new("stranger");
    let (_, body) = settled(&mut stranger, 1);
    let receipt = stranger.issue(body);
    assert!(check(&receipt, &stranger.trust()).ok(), "it is consistent in itself");
    let ours = World::new("ours");
    let report = check(&receipt, &ours.trust());
    assert!(report.issuer_unknown());
    assert!(!report.ok());
    assert!(failure(&report, CheckName::Issuer).starts_with("issuer unknown"));
    assert_eq!(problems(&report), [CheckName::Issuer, CheckName::HeaderSignatures]);
}

#[test]
fn nothing_is_ok_without_trust() {
    let mut world = World::new("first");
    let (_, body) = settled(&mut world, 1);
    let report = check(&world.issue(body), &Trust::default());
    let expected = [
        CheckName::Issuer,
        CheckName::HeaderSignatures,
        CheckName::Checkpoint,
        CheckName::AuditInclusion,
    ];
    assert_eq!(problems(&report), expected);
}

#[test]
fn a_stranger_s_events_under_our_chain_id_are_refused() {
    let mut stranger = World::new("stranger");
    let (_, mut body) = settled(&mut stranger, 1);
    let ours = World::new("ours");
    body.chain_id = ours.genesis.chain_id();
    let report = check(&stranger.issue(body), &ours.trust());
    assert!(failure(&report, CheckName::Chain).contains("is of ledger"));
}

#[test]
fn a_header_signed_by_no_validator_is_refused() {
    let mut world = World::new("first");
    let (_, mut body) = settled(&mut world, 1);
    // The buyer signs as itself, then in the validator's name.
    let digest = body.settlement.proof.header.digest();
    let forged = &mut body.settlement.signatures[0];
    forged.signature = world.buyer.key.sign(ainur_ledger::block::HEADER_DOMAIN, &digest.0);
    forged.validator = world.buyer.did;
    let report = check(&world.issue(body.clone()), &world.trust());
    assert!(failure(&report, CheckName::HeaderSignatures).contains("is not a validator"));
    body.settlement.signatures[0].validator = world.node.did;
    let report = check(&world.issue(body.clone()), &world.trust());
    assert!(failure(&report, CheckName::HeaderSignatures).contains("Ed25519"));
    body.settlement.signatures.clear();
    let report = check(&world.issue(body), &world.trust());
    assert!(failure(&report, CheckName::HeaderSignatures).contains("0 validators signed"));
    assert_eq!(problems(&report), [CheckName::HeaderSignatures]);
}

#[test]
fn a_header_without_its_post_quantum_half_is_refused() {
    let mut world = World::new("first");
    let (_, mut body) = settled(&mut world, 1);
    let signature = &mut body.settlement.signatures[0].signature;
    *signature.ml_dsa_65 = [0; 3309];
    let digest = body.settlement.proof.header.digest();
    let keys = world.node.key.public();
    let domain = ainur_ledger::block::HEADER_DOMAIN;
    let stripped = &body.settlement.signatures[0].signature;
    assert!(HybridVerifier.verify(&keys, domain, &digest.0, stripped).is_err());
    let report = check(&world.issue(body), &world.trust());
    assert!(failure(&report, CheckName::HeaderSignatures).contains("ML-DSA-65"));
}

#[test]
fn an_issuer_s_signature_without_its_post_quantum_half_is_refused() {
    let mut world = World::new("first");
    let (_, body) = settled(&mut world, 1);
    let mut receipt = world.issue(body);
    *receipt.proof.signature.ml_dsa_65 = [0; 3309];
    let report = check(&receipt, &world.trust());
    assert_eq!(problems(&report), [CheckName::IssuerSignature]);
    assert!(failure(&report, CheckName::IssuerSignature).contains("ML-DSA-65"));
    // Leaving the field out is no way around it.
    let text = String::from_utf8(receipt.to_bytes().unwrap()).unwrap();
    let from = text.rfind(",\"ml_dsa_65\":\"").unwrap();
    let until = from + text[from..].find('}').unwrap();
    let without = [&text[..from], &text[until..]].concat();
    let report = verify(without.as_bytes(), &world.trust());
    assert!(failure(&report, CheckName::CanonicalForm).contains("ml_dsa_65"));
}

#[test]
fn a_checkpoint_without_its_post_quantum_line_is_refused() {
    let mut world = World::new("first");
    let (_, body) = settled(&mut world, 1);
    let mut audit = world.log(&body);
    let lines: Vec<&str> = audit.checkpoint.lines().collect();
    audit.checkpoint = lines[..5].iter().map(|line| format!("{line}\n")).collect();
    let report = check(&world.sign(body, audit), &world.trust());
    assert!(failure(&report, CheckName::Checkpoint).contains("hybrid"));
    assert_eq!(problems(&report), [CheckName::Checkpoint, CheckName::AuditInclusion]);
}

#[test]
fn the_settlement_of_another_task_is_refused() {
    let mut world = World::new("first");
    let (_, other) = settled(&mut world, 1);
    let (_, mut body) = settled(&mut world, 2);
    body.settlement = other.settlement;
    let report = check(&world.issue(body), &world.trust());
    assert!(failure(&report, CheckName::Settlement).contains("task"));
    assert!(failure(&report, CheckName::Chain).contains("not after"));
}

#[test]
fn the_agreement_of_another_task_is_refused() {
    let mut world = World::new("first");
    let (_, other) = settled(&mut world, 1);
    let (_, mut body) = settled(&mut world, 2);
    body.attempts[0].agreed = other.attempts[0].agreed.clone();
    let report = check(&world.issue(body), &world.trust());
    assert_eq!(problems(&report), [CheckName::Agreement, CheckName::Attempts]);
}

#[test]
fn a_price_changed_under_an_old_log_proof_is_refused() {
    let mut world = World::new("first");
    let (_, body) = settled(&mut world, 1);
    let honest = world.issue(body);
    // The liar recomputes every digest it can and signs again, but the log said otherwise.
    let mut forged = honest.body.clone();
    forged.paid = Amount::ainu(20);
    forged.attempts[0].price = Amount::ainu(20);
    let mut audit = honest.audit.clone();
    audit.entry.subject = forged.story().digest();
    let report = check(&world.sign(forged, audit), &world.trust());
    let expected =
        [CheckName::Attempts, CheckName::Award, CheckName::Settlement, CheckName::AuditInclusion];
    assert_eq!(problems(&report), expected);
    assert!(failure(&report, CheckName::AuditInclusion).contains("not under the checkpoint"));
    assert!(failure(&report, CheckName::Award).contains("price"));
}

/// What a lie is called, how it is told, and the check that finds it.
type Lie = (&'static str, fn(&mut ReceiptBody), CheckName);

/// Lies that the issuer signs and logs: only the ledger's proofs stand against them.
const LIES: [Lie; 15] = [
    ("paid", |body| body.paid = Amount::ainu(31), CheckName::Settlement),
    ("refunded", |body| body.refunded = Amount::ZERO, CheckName::Settlement),
    ("output", |body| body.output.as_mut().unwrap().content = other_id(), CheckName::Settlement),
    ("no output", |body| body.output = None, CheckName::Settlement),
    ("buyer", |body| body.buyer = body.attempts[0].seller, CheckName::Agreement),
    ("verifier", |body| body.verifier = body.buyer, CheckName::Agreement),
    ("input", |body| body.specification.input = Some(other_id()), CheckName::Specification),
    ("parameters", |body| body.specification.parameters = "{}".into(), CheckName::Specification),
    ("reserve", |body| body.specification.reserve = Amount::ainu(60), CheckName::Agreement),
    ("beacon", |body| body.transcript.as_mut().unwrap().beacon = Digest::ZERO, CheckName::Attempts),
    ("verdict", |body| body.verdict.as_mut().unwrap().detail.push('!'), CheckName::Verdict),
    ("rejected", |body| body.verdict.as_mut().unwrap().accepted = false, CheckName::Verdict),
    ("a bid", |body| body.bids[1] = body.bids[0].clone(), CheckName::BidSignatures),
    ("bidders", |body| body.bids.reverse(), CheckName::BidSignatures),
    ("event", |body| body.settlement.proof.record.index += 1, CheckName::EventInclusion),
];

fn other_id() -> ContentId {
    ContentId(Digest([1; 32]))
}

#[test]
fn lies_the_issuer_signs_and_logs_are_found_by_the_right_check() {
    let mut world = World::new("first");
    let (_, honest) = settled(&mut world, 1);
    for (what, lie, name) in LIES {
        let mut body = honest.clone();
        lie(&mut body);
        let report = check(&world.issue(body), &world.trust());
        let found = problems(&report);
        assert!(found.contains(&name), "{what}: {found:?}");
        // Signed and logged as it is, the lie breaks nothing there.
        for intact in [CheckName::AuditInclusion, CheckName::IssuerSignature, CheckName::Chain] {
            assert!(!found.contains(&intact), "{what}: {found:?}");
        }
    }
}

#[test]
fn a_refund_told_as_a_settlement_is_refused() {
    let mut world = World::new("first");
    let deal = world.deal(1);
    let mut attempt = world.agree(&deal, &[]);
    world.fail(&deal, 1, &mut attempt);
    let mut body = world.refund(&deal, vec![attempt]);
    body.attempts[0].end = ainur_audit::receipt::AttemptEnd::Settled;
    body.verdict = Some(world.verdict(&deal));
    let report = check(&world.issue(body), &world.trust());
    assert!(failure(&report, CheckName::Settlement).contains("says refunded"));
    assert!(failure(&report, CheckName::Verdict).contains("refunded on a verdict that accepts"));
}

#[test]
fn a_second_attempt_left_out_is_refused() {
    let mut world = World::new("first");
    let deal = world.deal(1);
    let mut first = world.agree(&deal, &[]);
    world.fail(&deal, 1, &mut first);
    let second = world.agree(&deal, &[first.seller]);
    let mut body = world.settle(&deal, vec![first, second]);
    body.attempts.remove(0);
    let report = check(&world.issue(body), &world.trust());
    assert!(failure(&report, CheckName::Attempts).contains("not agreement 1"));
    assert!(failure(&report, CheckName::Award).contains("seller"));
}

#[test]
fn keys_given_for_another_did_are_refused() {
    let mut world = World::new("first");
    let (_, mut body) = settled(&mut world, 1);
    body.keys[0].first = world.buyer.material.clone();
    let report = check(&world.issue(body), &world.trust());
    assert!(failure(&report, CheckName::Identities).contains("not the ones its DID was made of"));
    assert!(failure(&report, CheckName::BidSignatures).contains("no key"));
}

#[test]
fn other_spellings_are_refused() {
    let mut world = World::new("first");
    let (_, body) = settled(&mut world, 1);
    let text = String::from_utf8(world.issue(body).to_bytes().unwrap()).unwrap();
    let trust = world.trust();
    let audit = text.find(",\"body\":").unwrap();
    let reordered = format!("{{{},{}", &text[audit + 1..text.len() - 1], &text[1..audit]);
    let spellings = [
        text.replacen(':', ": ", 1),
        format!("{text}\n"),
        format!(" {text}"),
        format!("{reordered}}}"),
        text.replacen("\"audit\"", "\"\\u0061udit\"", 1),
        text.replacen("{\"audit\"", "{\"added\":1,\"audit\"", 1),
        text.replacen("1048576", "1048576.0", 1),
    ];
    for spelling in spellings {
        assert_ne!(spelling, text);
        let report = verify(spelling.as_bytes(), &trust);
        assert!(matches!(report.finding(CheckName::CanonicalForm), Some(Finding::Failed(_))));
        assert!(!report.ok());
    }
}
