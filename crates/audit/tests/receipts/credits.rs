//! Receipts of tasks that were paid with a credit, and every lie about one.
use ainur_audit::receipt::{
    self, AcceptedOutput, AttemptBasis, AttemptEnd, AttemptRecord, CheckName, LedgerEvent,
    ReceiptBody, RedeemedCredit,
};
use ainur_ledger::{exchange, registry};
use ainur_market::exchange::{OrderKind, SelfTrade, Side};
use ainur_primitives::{Amount, ContentId, Digest, DurationMs, FailureReason, QualityLevel};

use crate::fixture::{Deal, Who, World};
use crate::forgeries::{check, problems};

const OUTPUT: ContentId = ContentId(Digest([0xbb; 32]));
const COLLATERAL: Amount = Amount::ainu(7);

/// Seller 0 issues a credit, the buyer buys and redeems it, and the node is to decide disputes.
fn redeemed(world: &mut World, deal: &Deal) -> LedgerEvent {
    let (capability, quality) = (deal.specification.capability.clone(), QualityLevel::Standard);
    let class = exchange::CreditClassId::of(&capability, quality);
    let capabilities = vec![capability.clone()];
    let (card, version, previous) = (Digest::ZERO, 1, None);
    let expires = world.now().plus(DurationMs::seconds(60));
    let place = |side| {
        let kind = OrderKind::Limit { price: Amount::ainu(2) };
        let (quantity, self_trade) = (1, SelfTrade::default());
        exchange::Action::Place { class, side, quantity, kind, self_trade, expires }
    };
    let register = registry::Action::Register { card, version, previous, capabilities };
    let seller = Who::Seller(0);
    world.execute(seller, register.into(), None);
    let open = exchange::Action::OpenClass { capability, quality, collateral: COLLATERAL };
    world.execute(seller, open.into(), None);
    world.execute(seller, exchange::Action::Issue { class, quantity: 1 }.into(), None);
    world.execute(seller, place(Side::Sell).into(), None);
    world.execute(Who::Buyer, place(Side::Buy).into(), None);
    let redeem = exchange::Action::Redeem {
        class,
        task: deal.task,
        issuer: None,
        verifier: Some(world.node.did),
        call: receipt::specification_digest(&deal.specification),
        check: receipt::check_digest(&deal.specification.check),
        deadline: world.now().plus(deal.specification.deadline_ms),
    };
    world.execute(Who::Buyer, redeem.into(), None).unwrap()
}

/// The body of the receipt of such a task, accepted or not.
fn body(world: &mut World, number: u8, accepted: bool) -> ReceiptBody {
    let mut deal = world.deal(number);
    deal.specification.reserve = COLLATERAL;
    let agreed = redeemed(world, &deal);
    let verdict = world.verdict(&deal);
    let action = match accepted {
        true => {
            let verdict = ainur_verification::verdict::digest(&verdict);
            exchange::Action::Fulfil { task: deal.task, output: OUTPUT, verdict }
        }
        false => {
            let (reason, evidence) = (FailureReason::CheckFailed, Digest::ZERO);
            exchange::Action::Fail { task: deal.task, reason, evidence }
        }
    };
    let settlement = world.execute(Who::Node, action.into(), None).unwrap();
    let end = match accepted {
        true => AttemptEnd::Settled,
        false => AttemptEnd::Failed { reason: FailureReason::CheckFailed, event: None },
    };
    let attempt = AttemptRecord {
        seller: world.sellers[0].did,
        price: Amount::ZERO,
        basis: AttemptBasis::Credit(RedeemedCredit {
            quality: QualityLevel::Standard,
            collateral: COLLATERAL,
        }),
        agreed: Some(agreed),
        end,
    };
    let mut body = world.body(&deal, vec![attempt], settlement);
    body.transcript = None;
    body.bids = Vec::new();
    body.refunded = if accepted { Amount::ZERO } else { COLLATERAL };
    body.output = accepted.then_some(AcceptedOutput { content: OUTPUT, bytes: 9 });
    body.verdict = Some(ainur_primitives::acceptance::Verdict { accepted, ..verdict });
    body
}

#[test]
fn receipts_of_a_redeemed_credit_verify() {
    for accepted in [true, false] {
        let mut world = World::new("first");
        let body = body(&mut world, 1, accepted);
        let report = check(&world.issue(body), &world.trust());
        assert!(report.ok(), "{accepted}: {:#?}", report.checks);
    }
}

/// What is changed, how, and which check finds it.
type Lie = (&'static str, fn(&mut ReceiptBody), CheckName);

fn credit(body: &mut ReceiptBody) -> &mut RedeemedCredit {
    match &mut body.attempts[0].basis {
        AttemptBasis::Credit(credit) => credit,
        other => panic!("{other:?}"),
    }
}

const LIES: [Lie; 12] = [
    ("quality", |body| credit(body).quality = QualityLevel::Premium, CheckName::Agreement),
    ("collateral", |body| credit(body).collateral = Amount(1), CheckName::Agreement),
    ("buyer", |body| body.buyer = body.attempts[0].seller, CheckName::Agreement),
    ("verifier", |body| body.verifier = body.attempts[0].seller, CheckName::Agreement),
    ("call", |body| body.specification.parameters.push(' '), CheckName::Specification),
    ("price", |body| body.attempts[0].price = Amount(1), CheckName::Award),
    ("seller", |body| body.attempts[0].seller = body.issuer, CheckName::Attempts),
    ("claim", |body| body.attempts[0].agreed = None, CheckName::Attempts),
    ("twice", |body| body.attempts.push(body.attempts[0].clone()), CheckName::Attempts),
    ("paid", |body| body.paid = Amount(1), CheckName::Settlement),
    ("refunded", |body| body.refunded = Amount(1), CheckName::Settlement),
    ("basis", |body| body.attempts[0].basis = AttemptBasis::Auction, CheckName::Agreement),
];

#[test]
fn lies_about_a_redeemed_credit_are_found_by_the_right_check() {
    for accepted in [true, false] {
        let mut world = World::new("first");
        let honest = body(&mut world, 1, accepted);
        for (what, lie, name) in LIES {
            let mut body = honest.clone();
            lie(&mut body);
            let report = check(&world.issue(body), &world.trust());
            let found = problems(&report);
            assert!(found.contains(&name), "{what}, {accepted}: {found:?}");
        }
    }
}

#[test]
fn a_claim_told_the_other_way_round_is_refused() {
    let mut world = World::new("first");
    let mut settled = body(&mut world, 1, true);
    let output =
        settled.output.replace(AcceptedOutput { content: ContentId(Digest([1; 32])), bytes: 9 });
    let found = problems(&check(&world.issue(settled.clone()), &world.trust()));
    assert!(found.contains(&CheckName::Settlement), "another output: {found:?}");
    settled.output = output;
    settled.attempts[0].end =
        AttemptEnd::Failed { reason: FailureReason::CheckFailed, event: None };
    let found = problems(&check(&world.issue(settled), &world.trust()));
    assert!(found.contains(&CheckName::Settlement), "settled told as failed: {found:?}");
    let mut world = World::new("first");
    let mut failed = body(&mut world, 1, false);
    failed.attempts[0].end = AttemptEnd::Settled;
    failed.verdict.as_mut().unwrap().accepted = true;
    let found = problems(&check(&world.issue(failed), &world.trust()));
    for name in [CheckName::Settlement, CheckName::Verdict] {
        assert!(found.contains(&name), "failed told as settled: {found:?}");
    }
}
