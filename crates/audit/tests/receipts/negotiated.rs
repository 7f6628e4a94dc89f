//! Receipts of negotiated work: the thread is believed as far as it is signed and follows its
//! rules, and no further.
use ainur_audit::receipt::{
    AttemptBasis, AttemptEnd, AttemptRecord, CheckName, NegotiatedAgreement, PartyKeys,
    ReceiptBody, Report, verify,
};
use ainur_crypto::Proof;
use ainur_crypto::batch::sign_batch;
use ainur_ledger::escrow;
use ainur_market::negotiation::{
    CounterProposal, Negotiation, NegotiationAct, NegotiationProposal, NegotiationRules,
    NegotiationThread,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{Amount, Digest, DisputeResolution, DurationMs, QualityLevel};

use crate::fixture::{Deal, START, World};

const SELLER: usize = 0;

fn rules(world: &World, deal: &Deal) -> NegotiationRules {
    NegotiationRules {
        task: deal.task,
        buyer: world.buyer.did,
        seller: world.sellers[SELLER].did,
        card: Digest([0xca; 32]),
        cancellation: CancellationPolicy::default(),
        opened: START,
        deadline: START.plus(DurationMs::seconds(30)),
        rounds_max: 3,
        valid_until: START.plus(DurationMs::seconds(60)),
    }
}

fn proposal(price: u64) -> NegotiationProposal {
    NegotiationProposal {
        price: Amount::ainu(price),
        timeline_ms: DurationMs::seconds(20),
        quality_level: QualityLevel::Standard,
        payment: PaymentTerms::Completion,
        dispute_resolution: DisputeResolution::Chain,
    }
}

/// The buyer opens, the seller asks 24, and the buyer says yes, or no.
fn conversation(world: &World, deal: &Deal, opening: u64, accepts: bool) -> Negotiation {
    let mut session = Negotiation::open(rules(world, deal)).unwrap();
    let say = |session: &mut Negotiation, act| {
        session.take(START, session.draft(act)).unwrap();
    };
    say(&mut session, NegotiationAct::Propose(proposal(opening)));
    let counter = CounterProposal::between(&proposal(opening), &proposal(24));
    say(&mut session, NegotiationAct::Counter(counter));
    let terms = session.offered().unwrap().digest();
    let answer = if accepts { NegotiationAct::Accept { terms } } else { NegotiationAct::Reject };
    say(&mut session, answer);
    session
}

/// What a receipt shows of a conversation, signed by whoever signs.
fn shown(world: &World, session: &Negotiation, agreed: &Negotiation) -> NegotiatedAgreement {
    let (buyer, seller) = (&world.buyer, &world.sellers[SELLER]);
    let sign = |message: &ainur_market::negotiation::NegotiationMessage| {
        let party = if message.from == buyer.did { buyer } else { seller };
        Proof::sign(&party.key, party.did, 0, message.digest())
    };
    let terms = agreed.agreed().unwrap().clone();
    let proof = Proof::sign(&seller.key, seller.did, 0, terms.digest());
    let thread = NegotiationThread::of(session);
    let messages = thread.messages.iter().map(sign).collect();
    NegotiatedAgreement { thread, messages, terms, proof }
}

/// A settled task whose price was negotiated.
fn settled(world: &mut World) -> (Deal, ReceiptBody) {
    let deal = world.deal(1);
    let session = conversation(world, &deal, 20, true);
    let terms = session.agreed().unwrap().clone();
    let seller = &world.sellers[SELLER];
    let (root, proofs) = sign_batch(&seller.key, seller.did, 0, &[terms.digest()]);
    let (price, seller) = (terms.agreed.price, seller.did);
    let consent = escrow::Consent::Negotiated { terms };
    let award = escrow::SignedAward { price, consent, proofs };
    let agreed = world.bind(&deal, award, root);
    let basis = AttemptBasis::Negotiated(Box::new(shown(world, &session, &session)));
    let record = AttemptRecord { seller, price, basis, agreed, end: AttemptEnd::Settled };
    let mut body = world.settle(&deal, vec![record]);
    body.transcript = None;
    body.bids = Vec::new();
    body.keys.push(PartyKeys::first(world.buyer.material.clone()));
    (deal, body)
}

fn problems(report: &Report) -> Vec<CheckName> {
    report.problems().map(|problem| problem.name).collect()
}

/// What is wrong with a receipt that its own issuer changed, logged and signed.
fn forged(
    world: &mut World,
    body: &ReceiptBody,
    change: impl FnOnce(&mut NegotiatedAgreement),
) -> Vec<CheckName> {
    let mut body = body.clone();
    let AttemptBasis::Negotiated(agreement) = &mut body.attempts[0].basis else {
        panic!("it was negotiated");
    };
    change(agreement);
    let receipt = world.issue(body);
    let report = verify(&receipt.to_bytes().unwrap(), &world.trust());
    for problem in report.problems() {
        println!("{}: {}", problem.name, problem.finding.detail());
    }
    problems(&report)
}

#[test]
fn an_issuer_can_show_what_was_said_and_nothing_else() {
    let mut world = World::new("first");
    let (deal, body) = settled(&mut world);
    assert_eq!(forged(&mut world, &body, |_| ()), []);

    // A word that does not fit what follows it.
    let word = forged(&mut world, &body, |agreement| {
        agreement.thread.messages[0].act = NegotiationAct::Propose(proposal(23));
    });
    assert_eq!(word, [CheckName::Award, CheckName::BidSignatures]);

    // Another conversation to the same price, which neither side has signed.
    let other = conversation(&world, &deal, 21, true);
    let unsigned = forged(&mut world, &body, |agreement| {
        agreement.thread = NegotiationThread::of(&other);
    });
    assert_eq!(unsigned, [CheckName::Award, CheckName::BidSignatures]);

    // Even one that both sides signed is not the one the ledger was told of.
    let signed = shown(&world, &other, &other);
    let elsewhere = forged(&mut world, &body, |agreement| *agreement = signed);
    assert_eq!(elsewhere, [CheckName::Attempts]);

    // No instead of yes.
    let refused = conversation(&world, &deal, 20, false);
    let signed = shown(&world, &refused, &conversation(&world, &deal, 20, true));
    let no = forged(&mut world, &body, |agreement| *agreement = signed);
    assert_eq!(no, [CheckName::Award]);

    // Signatures that are missing or of another message.
    let missing = forged(&mut world, &body, |agreement| {
        agreement.messages.pop();
    });
    assert_eq!(missing, [CheckName::BidSignatures]);
    let swapped = forged(&mut world, &body, |agreement| agreement.messages.swap(0, 2));
    assert_eq!(swapped, [CheckName::BidSignatures]);
    let by_issuer = Proof::sign(&world.node.key, world.node.did, 0, Digest::ZERO);
    let issuer = forged(&mut world, &body, |agreement| agreement.proof = by_issuer);
    assert_eq!(issuer, [CheckName::BidSignatures]);
}

#[test]
fn another_price_is_not_explained_by_the_thread() {
    let mut world = World::new("first");
    let (_, body) = settled(&mut world);
    let mut dear = body.clone();
    dear.attempts[0].price = Amount::ainu(25);
    let receipt = world.issue(dear);
    let report = verify(&receipt.to_bytes().unwrap(), &world.trust());
    assert_eq!(problems(&report), [CheckName::Attempts, CheckName::Award, CheckName::Settlement]);
}
