//! Every kind of check, passed and failed, and every check that cannot be carried out.
use ainur_crypto::hash::content_id;
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{
    AcceptanceCheck, CapabilityContract, ContentId, Did, Digest, DurationMs, FailureReason,
};
use ainur_verification::acceptance::{DEPTH_MAX, Error, PlanError, WINDOW_MS_MAX};
use ainur_verification::{Acceptance, Evidence, Plan, Schema, Step, verdict};

const OUTPUT: &[u8] = br#"{"answer": 42}"#;
const VERIFIER: Did = Did(Digest([9; 32]));
const COMPONENT: ContentId = ContentId(Digest([1; 32]));

fn digest(of: &[u8]) -> AcceptanceCheck {
    AcceptanceCheck::Digest { expected: content_id(of) }
}

fn buyer(window_ms: u64) -> AcceptanceCheck {
    AcceptanceCheck::BuyerWord { window_ms: DurationMs(window_ms) }
}

fn all(checks: Vec<AcceptanceCheck>) -> AcceptanceCheck {
    AcceptanceCheck::All { checks }
}

fn begin(check: &AcceptanceCheck) -> Acceptance {
    Acceptance::new(Plan::new(check).expect("a good check"), VERIFIER, content_id(OUTPUT))
}

fn refused(acceptance: &Acceptance) -> (&str, FailureReason) {
    let verdict = acceptance.verdict().expect("a verdict");
    assert!(!verdict.accepted);
    assert_eq!(acceptance.step(), Step::Done);
    (&verdict.detail, acceptance.failure().expect("a reason"))
}

fn accepted(acceptance: &Acceptance) -> bool {
    acceptance.failure().is_none() && acceptance.verdict().is_some_and(|verdict| verdict.accepted)
}

#[test]
fn a_digest_decides_at_once() {
    assert!(accepted(&begin(&digest(OUTPUT))));
    let other = begin(&digest(b"41"));
    let (detail, reason) = refused(&other);
    assert_eq!(reason, FailureReason::CheckFailed);
    assert!(detail.starts_with("digest (check 1 of 1): the output is bafkr4i"), "{detail}");
}

#[test]
fn a_schema_is_checked_on_the_output_itself() {
    let schema = Schema::compile(r#"{"properties":{"answer":{"type":"integer"}}}"#).unwrap();
    let mut acceptance = begin(&AcceptanceCheck::Schema);
    assert_eq!(acceptance.step(), Step::Schema);
    let other = acceptance.check_schema(&schema, b"{}");
    assert!(matches!(other, Err(Error::OtherOutput { .. })), "{other:?}");
    acceptance.check_schema(&schema, OUTPUT).unwrap();
    assert!(accepted(&acceptance));
    assert!(matches!(acceptance.check_schema(&schema, OUTPUT), Err(Error::OtherStep { .. })));

    let strict = Schema::compile(r#"{"properties":{"answer":{"type":"string"}}}"#).unwrap();
    let mut acceptance = begin(&AcceptanceCheck::Schema);
    acceptance.check_schema(&strict, OUTPUT).unwrap();
    let (detail, _) = refused(&acceptance);
    assert!(detail.contains("at /answer: ") && detail.contains("string"), "{detail}");
    assert!(!detail.contains("42"), "the output may be confidential: {detail}");
}

#[test]
fn a_verifier_component_is_run_by_the_caller() {
    let check = AcceptanceCheck::Verifier { component: COMPONENT };
    let mut acceptance = begin(&check);
    assert_eq!(acceptance.step(), Step::Verifier { component: COMPONENT });
    let yes = Evidence::Verified { accepted: true, detail: String::new() };
    acceptance.feed(yes).unwrap();
    assert!(accepted(&acceptance));
    let mut acceptance = begin(&check);
    let no = Evidence::Verified { accepted: false, detail: "too\nshort".into() };
    acceptance.feed(no).unwrap();
    let (detail, reason) = refused(&acceptance);
    assert_eq!(detail, "verifier (check 1 of 1): too short");
    assert_eq!(reason, FailureReason::CheckFailed);
}

#[test]
fn re_execution_has_to_give_the_same_bytes() {
    let mut acceptance = begin(&AcceptanceCheck::Reexecution);
    assert_eq!(acceptance.step(), Step::Reexecution);
    acceptance.feed(Evidence::Reexecuted(content_id(OUTPUT))).unwrap();
    assert!(accepted(&acceptance));
    let mut acceptance = begin(&AcceptanceCheck::Reexecution);
    acceptance.feed(Evidence::Reexecuted(content_id(b"43"))).unwrap();
    assert!(refused(&acceptance).0.contains("running it again gave"));
}

#[test]
fn silence_accepts_and_a_refusal_names_the_buyer() {
    let mut acceptance = begin(&buyer(5_000));
    acceptance.feed(Evidence::BuyerSilent).unwrap();
    assert!(accepted(&acceptance));
    let mut acceptance = begin(&buyer(5_000));
    acceptance.feed(Evidence::BuyerRefused { detail: "not blue".into() }).unwrap();
    assert_eq!(
        refused(&acceptance),
        ("the buyer's word (check 1 of 1): not blue", FailureReason::BuyerRefused)
    );
}

#[test]
fn steps_run_in_order_until_one_fails() {
    let verifier = AcceptanceCheck::Verifier { component: COMPONENT };
    let check = all(vec![
        digest(OUTPUT),
        all(vec![AcceptanceCheck::Reexecution, verifier]),
        digest(OUTPUT),
        buyer(1),
    ]);
    let mut acceptance = begin(&check);
    assert_eq!(acceptance.step(), Step::Reexecution);
    acceptance.feed(Evidence::Reexecuted(content_id(OUTPUT))).unwrap();
    let mut unlucky = acceptance.clone();
    let no = Evidence::Verified { accepted: false, detail: "no".into() };
    unlucky.feed(no).unwrap();
    assert_eq!(refused(&unlucky).0, "verifier (check 3 of 5): no");
    assert_eq!(unlucky.verdict().unwrap().check, check, "the verdict names the whole check");

    let yes = Evidence::Verified { accepted: true, detail: String::new() };
    acceptance.feed(yes).unwrap();
    assert_eq!(acceptance.step(), Step::BuyerWord { window_ms: DurationMs(1) });
    assert!(acceptance.verdict().is_none());
    acceptance.feed(Evidence::BuyerSilent).unwrap();
    let verdict = acceptance.verdict().unwrap();
    assert_eq!((verdict.accepted, verdict.verifier), (true, VERIFIER));
}

#[test]
fn evidence_for_another_step_changes_nothing() {
    let verified = || Evidence::Verified { accepted: false, detail: String::new() };
    let kinds = [
        (AcceptanceCheck::Verifier { component: COMPONENT }, Evidence::BuyerSilent),
        (AcceptanceCheck::Reexecution, verified()),
        (buyer(1), Evidence::Reexecuted(COMPONENT)),
        (AcceptanceCheck::Schema, verified()),
        (digest(OUTPUT), verified()),
    ];
    for (check, wrong) in kinds {
        let mut acceptance = begin(&check);
        let before = acceptance.clone();
        assert!(matches!(acceptance.feed(wrong), Err(Error::OtherStep { .. })), "{check:?}");
        assert_eq!(acceptance, before);
    }
    let schema = Schema::compile("true").unwrap();
    let mut acceptance = begin(&buyer(1));
    assert!(acceptance.check_schema(&schema, OUTPUT).is_err());
    assert!(acceptance.verdict().is_none());
}

#[test]
fn a_long_reason_is_cut() {
    let mut acceptance = begin(&buyer(1));
    acceptance.feed(Evidence::BuyerRefused { detail: "no ".repeat(10_000) }).unwrap();
    assert!(refused(&acceptance).0.len() <= verdict::DETAIL_BYTES_MAX);
}

#[test]
fn the_digest_of_a_verdict_covers_all_of_it() {
    let acceptance = begin(&digest(OUTPUT));
    let given = acceptance.verdict().unwrap().clone();
    let named = verdict::digest(&given);
    assert_eq!(named.short(), "8bf51bcc");
    let changes: [fn(&mut Verdict); 4] = [
        |verdict| verdict.accepted = false,
        |verdict| verdict.verifier = Did(Digest::ZERO),
        |verdict| verdict.detail.push(' '),
        |verdict| verdict.check = AcceptanceCheck::Schema,
    ];
    for change in changes {
        let mut changed = given.clone();
        change(&mut changed);
        assert_ne!(verdict::digest(&changed), named);
    }
}

#[test]
fn checks_that_cannot_be_carried_out_are_refused() {
    let refused = |check| Plan::new(&check).unwrap_err();
    assert_eq!(refused(all(vec![])), PlanError::Empty);
    assert_eq!(refused(all(vec![all(vec![]), all(vec![])])), PlanError::Empty);
    let many = vec![AcceptanceCheck::Reexecution; 17];
    assert_eq!(refused(all(many)), PlanError::TooMany(17));
    let mut deep = AcceptanceCheck::Reexecution;
    for _ in 0..DEPTH_MAX {
        deep = all(vec![deep]);
    }
    assert!(Plan::new(&deep).is_ok());
    assert_eq!(refused(all(vec![deep])), PlanError::TooDeep);
    assert_eq!(refused(all(vec![buyer(1), digest(OUTPUT)])), PlanError::BuyerNotLast);
    assert_eq!(refused(all(vec![buyer(1), buyer(1)])), PlanError::BuyerNotLast);
    assert_eq!(refused(buyer(0)), PlanError::Window(DurationMs(0)));
    let long = WINDOW_MS_MAX.0 + 1;
    assert_eq!(refused(buyer(long)), PlanError::Window(DurationMs(long)));
    assert_eq!(refused(all(vec![digest(b"1"), digest(b"2")])), PlanError::Contradiction);
}

#[test]
fn a_check_has_to_fit_the_capability() {
    let contract = |more: &str| -> CapabilityContract {
        serde_json::from_str(&format!(r#"{{"name":"text.index"{more}}}"#)).unwrap()
    };
    let schema = Plan::new(&AcceptanceCheck::Schema).unwrap();
    assert!(matches!(schema.fits(&contract("")), Err(PlanError::NotJson { .. })));
    let json = r#","output_media_type":"application/json; charset=utf-8""#;
    assert_eq!(schema.fits(&contract(json)), Ok(()));
    let again = Plan::new(&all(vec![AcceptanceCheck::Reexecution])).unwrap();
    assert!(matches!(again.fits(&contract("")), Err(PlanError::NotDeterministic(_))));
    assert_eq!(again.fits(&contract(r#","deterministic":true"#)), Ok(()));
}
