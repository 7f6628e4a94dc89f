//! What a task believes of a negotiation, and what it does not.
use ainur_crypto::draw::Draw;
use ainur_crypto::merkle::InclusionProof;
use ainur_market::auction::{Auction, AuctionTerms};
use ainur_market::bond::BondRule;
use ainur_market::negotiation::power::ConcessionRate;
use ainur_market::negotiation::strategy::negotiate;
use ainur_market::negotiation::{NegotiationAct, Negotiator, SellerLimits, TacticName};
use ainur_primitives::{
    AcceptanceCheck, ConversationId, ExecutionLimits, QualityLevel, TaskId, TaskSpec, Venue,
};

use super::*;
use crate::event::{Announcement, Event, OutsideBuyer};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn did(number: u8) -> Did {
    Did(Digest([number; 32]))
}

/// A task of buyer 0 that is negotiated with sellers 1 to `sellers`.
fn task(sellers: u8, reserve: u64, wish: NegotiationWish, selection: SelectionRule) -> Task {
    let spec = TaskSpec {
        capability: "text.echo".parse().expect("a name"),
        parameters: "{}".into(),
        input: None,
        input_bytes: 0,
        reserve: Amount::ainu(reserve),
        loss: Amount::ainu(reserve),
        budget: None,
        selection,
        check: AcceptanceCheck::Schema,
        deadline_ms: DurationMs::seconds(600),
        limits: ExecutionLimits::default(),
        graph: None,
        chunks: Vec::new(),
    };
    let id = TaskId(Digest([9; 32]));
    let terms = AuctionTerms {
        task: id,
        reserve: spec.reserve,
        loss: spec.loss,
        selection,
        duration_ms_max: spec.limits.duration_ms_max,
        opened: NOW,
        commit_until: NOW.plus(DurationMs::seconds(30)),
        reveal_until: NOW.plus(DurationMs::seconds(60)),
        bid_bond: BondRule::default().required(spec.reserve),
        payment: PaymentTerms::Completion,
    };
    let announcement = Announcement {
        id,
        spec,
        call: Digest::ZERO,
        buyer: did(0),
        verifier: did(0),
        terms: terms.clone(),
        invited: (1..=sellers).map(did).collect(),
        venue: Venue::Negotiation,
        service: None,
        rental: None,
        negotiation: Some(wish),
        outside: None,
        held_open: false,
        idempotency: None,
        context: None,
        trace: None,
        part_of: None,
    };
    Task::announced(1, NOW, announcement, Auction::open(terms).expect("an auction"))
}

fn proof(signer: Did) -> BatchProof {
    let inclusion = InclusionProof { index: 0, size: 1, path: Vec::new() };
    BatchProof { signer, key_version: 0, inclusion }
}

/// The conversation with one seller, as the broker holds it.
fn held(task: &Task, seller: Did, price: Amount, tactic: TacticName, failing: u32) -> SignedThread {
    let rules = task.negotiation_rules(NOW, seller, Digest([7; 32]));
    let limits = SellerLimits {
        price,
        timeline_ms: DurationMs::seconds(1),
        quality_level: QualityLevel::Standard,
    };
    let (ours, theirs) = (task.buyer_preferences(&rules), limits.preferences());
    let strategy = task.wish().tactic().strategy(&ours, Digest::ZERO);
    let mut buyer = Negotiator::new(ours, strategy);
    let strategy = tactic.conceding(Ppm(100_000)).strategy(&theirs, Digest::ZERO);
    let mut seller = Negotiator::new(theirs, strategy);
    let session = negotiate(rules, &mut buyer, &mut seller, DurationMs(0)).expect("rules");
    let thread = NegotiationThread::of(&session);
    let proofs = thread.messages.iter().map(|message| proof(message.from)).collect();
    SignedThread { thread, proofs, failure_probability: Ppm(failing) }
}

/// The event that follows from these conversations.
fn outcome(task: &Task, threads: Vec<SignedThread>) -> Event {
    let unsigned = threads.iter().map(|signed| (&signed.thread, signed.failure_probability));
    let best = task.best_agreement(NOW, unsigned).expect("threads that follow their rules");
    let attempt = task.attempts.len() as u32 + 1;
    let award = best.map(|(_, terms)| {
        let proof = proof(terms.seller);
        Box::new(NegotiatedAward { attempt, terms, proof })
    });
    Event::Negotiated { threads, award, spoken: Vec::new() }
}

#[test]
fn whatever_both_sides_want_the_price_is_within_both_limits_or_nothing_is_agreed() {
    let mut draw = Draw::new(Digest([1; 32]), "test");
    let tactics = [
        TacticName::TimeDependent(ConcessionRate::BOULWARE),
        TacticName::TimeDependent(ConcessionRate::CONCEDER),
        TacticName::TitForTat,
        TacticName::Micro,
        TacticName::Learned,
    ];
    let mut below = |limit: u64| draw.next_below(limit);
    let (mut agreed, mut parted) = (0, 0);
    for _ in 0..300 {
        let wish = NegotiationWish {
            opening: Ppm(1 + below(1_000_000) as u32),
            tactic: tactics[below(5) as usize],
            rounds_max: 1 + below(16) as u32,
            ..NegotiationWish::default()
        };
        let reserve = 1 + below(20);
        let mut task = task(3, reserve, wish, SelectionRule::Cheapest);
        let limits: Vec<u64> = (0..3).map(|_| 1 + below(20)).collect();
        let threads = (1..=3).zip(&limits).map(|(seller, price)| {
            let tactic = tactics[below(5) as usize];
            held(&task, did(seller), Amount::ainu(*price), tactic, 0)
        });
        let threads: Vec<SignedThread> = threads.collect();
        let prices: Vec<Amount> = threads
            .iter()
            .filter_map(|signed| Some(signed.thread.replay().ok()?.agreed()?.agreed.price))
            .collect();
        let event = outcome(&task, threads);
        task.apply(NOW, &event).expect("an honest outcome");
        match task.attempt() {
            Some(attempt) => {
                agreed += 1;
                let limit = limits[usize::from(attempt.seller.0.0[0]) - 1];
                assert!(attempt.price >= Amount::ainu(limit), "{attempt:?}");
                assert!(attempt.price <= Amount::ainu(reserve), "{attempt:?}");
                assert_eq!(Some(&attempt.price), prices.iter().min());
                assert_eq!(task.phase, Phase::Awarded);
            }
            None => {
                parted += 1;
                assert!(prices.is_empty());
                assert_eq!(task.phase, Phase::Unfunded);
                assert!(!task.detail.is_empty());
            }
        }
    }
    assert!(agreed > 50 && parted > 50, "{agreed} agreed, {parted} parted");
}

#[test]
fn scored_selection_adds_the_expected_loss_to_what_was_agreed() {
    let wish = NegotiationWish::default();
    let linear = TacticName::default();
    for (selection, best) in [(SelectionRule::Scored, 2), (SelectionRule::Cheapest, 1)] {
        let mut task = task(2, 10, wish, selection);
        let risky = held(&task, did(1), Amount::ainu(3), linear, 500_000);
        let safe = held(&task, did(2), Amount::ainu(4), linear, 10_000);
        let event = outcome(&task, vec![risky, safe]);
        task.apply(NOW, &event).expect("an honest outcome");
        assert_eq!(task.attempt().map(|attempt| attempt.seller), Some(did(best)), "{selection:?}");
    }
}

/// Refused, and nothing has changed.
fn refuses(task: &Task, event: &Event, at: Timestamp) -> Illegal {
    let mut changed = task.clone();
    let refusal = changed.apply(at, event).expect_err("it does not follow");
    assert_eq!(changed, *task);
    refusal
}

#[test]
fn an_outcome_that_does_not_follow_from_what_was_said_is_refused() {
    let linear = TacticName::default();
    let task = task(2, 10, NegotiationWish::default(), SelectionRule::Cheapest);
    let threads = || {
        vec![
            held(&task, did(1), Amount::ainu(3), linear, 0),
            held(&task, did(2), Amount::ainu(4), linear, 0),
        ]
    };
    let Event::Negotiated { award: Some(award), .. } = outcome(&task, threads()) else {
        panic!("they agree");
    };
    let with = |threads, award: NegotiatedAward| {
        let award = Some(Box::new(award));
        Event::Negotiated { threads, award, spoken: Vec::new() }
    };
    let honest = || (threads(), (*award).clone());
    let mut cases: Vec<(&str, Event, Timestamp)> = Vec::new();

    let (said, mut other) = honest();
    other.terms.agreed.price = Amount::ainu(1);
    cases.push(("another price", with(said, other), NOW));
    let (said, mut other) = honest();
    other.attempt = 2;
    cases.push(("another attempt", with(said, other), NOW));
    let (said, mut other) = honest();
    other.proof = proof(did(0));
    cases.push(("terms the buyer signed", with(said, other), NOW));
    let (said, _) = honest();
    cases.push((
        "no award of an agreement",
        Event::Negotiated { threads: said, award: None, spoken: Vec::new() },
        NOW,
    ));
    let (mut said, award) = honest();
    said.swap(0, 1);
    cases.push(("sellers out of order", with(said, award), NOW));
    let (mut said, award) = honest();
    said[1] = said[0].clone();
    cases.push(("one seller twice", with(said, award), NOW));
    let (mut said, award) = honest();
    said[1].proofs.pop();
    cases.push(("an unsigned message", with(said, award), NOW));
    let (mut said, award) = honest();
    said[1].proofs[0] = proof(did(2));
    cases.push(("a message that another signed", with(said, award), NOW));
    let (mut said, award) = honest();
    said[1].thread.rules.valid_until = said[1].thread.rules.valid_until.plus(DurationMs(1));
    cases.push(("other rules than were agreed under", with(said, award), NOW));
    let (mut said, award) = honest();
    said.truncate(1);
    said[0].thread.rules.valid_until = task.deadline;
    said[0].thread.messages.clear();
    said[0].proofs.clear();
    cases.push(("rules that outlive the task", with(said, award), NOW));
    let (mut said, award) = honest();
    if let NegotiationAct::Propose(proposal) = &mut said[1].thread.messages[0].act {
        proposal.price = Amount::ainu(9);
    }
    cases.push(("another opening", with(said, award), NOW));
    let (said, award) = honest();
    let late = said[0].thread.rules.valid_until;
    cases.push(("after it has lapsed", with(said, award), late));
    let (said, award) = honest();
    let early = Timestamp(NOW.0 - 1);
    cases.push(("before it was opened", with(said, award), early));
    cases.push((
        "nobody",
        Event::Negotiated { threads: Vec::new(), award: None, spoken: Vec::new() },
        NOW,
    ));
    for (what, event, at) in cases {
        println!("{what}: {}", refuses(&task, &event, at));
    }

    let mut uninvited = task.clone();
    uninvited.invited = vec![did(2)];
    let (said, award) = honest();
    refuses(&uninvited, &with(said, award), NOW);
    let mut auctioned = task.clone();
    auctioned.negotiation = None;
    let (said, award) = honest();
    refuses(&auctioned, &with(said, award), NOW);
}

#[test]
fn a_seller_that_fails_is_not_negotiated_with_again_and_one_whose_terms_lapsed_is() {
    let linear = TacticName::default();
    let mut task = task(2, 10, NegotiationWish::default(), SelectionRule::Cheapest);
    let both = |task: &Task| {
        let sellers = task.negotiable().into_iter();
        let held = sellers.map(|seller| held(task, seller, Amount::ainu(3), linear, 0));
        outcome(task, held.collect())
    };
    let refused =
        |at| (at, Event::AgreementRefused { because_of_seller: true, detail: "no".into() });
    let again = Event::Called(Box::new(task.auction.terms().clone()));

    task.apply(NOW, &both(&task)).expect("the first");
    let valid_until = task.threads[0].thread.rules.valid_until;
    let (at, event) = refused(valid_until);
    task.apply(at, &event).expect("the terms have lapsed");
    assert_eq!((task.phase, task.negotiable()), (Phase::Rewarding, vec![did(1), did(2)]));
    task.apply(at, &again).expect("another call");
    task.apply(NOW, &both(&task)).expect("the second");
    assert_eq!(task.attempt().map(|attempt| (attempt.number, attempt.seller)), Some((2, did(1))));
    let (at, event) = refused(NOW);
    task.apply(at, &event).expect("the seller cannot be bound");
    assert_eq!(task.negotiable(), [did(2)]);
    task.apply(at, &again).expect("another call");
    task.apply(NOW, &both(&task)).expect("the third");
    assert_eq!(task.attempt().map(|attempt| (attempt.number, attempt.seller)), Some((3, did(2))));
}

#[test]
fn what_a_buyer_outside_says_is_kept_with_its_task_and_belongs_to_no_other() {
    let outside = |task: &mut Task| {
        task.outside = Some(OutsideBuyer {
            party: did(9),
            conversation: ConversationId(Digest([9; 32])),
            deadline: NOW.plus(DurationMs::seconds(20)),
            valid_until: NOW.plus(DurationMs::seconds(40)),
        });
    };
    let message = |length: usize| vec![vec![b'x'; length]];
    let said = |length| Event::Said { messages: message(length) };
    let mut plain = task(1, 5, NegotiationWish::default(), SelectionRule::Scored);
    assert!(plain.apply(NOW, &said(1)).is_err(), "its buyer is here");
    let none = || Event::Negotiated { threads: Vec::new(), award: None, spoken: message(1) };
    assert!(plain.apply(NOW, &none()).is_err());
    let mut task = task(1, 5, NegotiationWish::default(), SelectionRule::Scored);
    outside(&mut task);
    let rules = task.negotiation_rules(NOW, did(1), Digest([7; 32]));
    assert_eq!(rules.deadline, NOW.plus(DurationMs::seconds(20)), "as the buyer has fixed it");
    assert_eq!(rules.valid_until, NOW.plus(DurationMs::seconds(40)));
    task.apply(NOW, &said(100)).expect("kept");
    let before = task.clone();
    assert!(task.apply(NOW, &said(SPOKEN_BYTES_MAX)).is_err(), "too much");
    assert_eq!(task, before);
    task.apply(NOW, &none()).expect("the end");
    assert_eq!((task.phase, task.spoken.len()), (Phase::Unfunded, 2));
    assert!(task.detail.contains("does not negotiate"), "{}", task.detail);
    assert!(task.apply(NOW, &said(1)).is_err(), "it is over");
}
