//! Both sides of a negotiation in messages, each with its own view of it.
use ainur_market::negotiation::{CounterProposal, NegotiationAct, NegotiationProposal};
use ainur_market::payment::{Milestone, PaymentTerms};
use ainur_primitives::{
    AcceptanceCheck, Amount, Digest, DisputeResolution, ExecutionLimits, Ppm, QualityLevel,
    SelectionRule, TaskSpec,
};

use super::*;

const NOW: Timestamp = Timestamp(1_795_254_600_000);

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).expect("a key")
}

fn signer(key: &SigningKey, number: u8) -> MessageSigner<'_> {
    MessageSigner { did: Did(Digest([number; 32])), key_version: 0, key }
}

fn specification() -> Specification {
    Specification::open(&TaskSpec {
        capability: "text.echo".parse().expect("a name"),
        parameters: "{}".into(),
        input: None,
        input_bytes: 0,
        reserve: Amount::ainu(200),
        loss: Amount::ainu(200),
        budget: None,
        selection: SelectionRule::Scored,
        check: AcceptanceCheck::BuyerWord { window_ms: DurationMs(1) },
        deadline_ms: DurationMs::seconds(7_200),
        limits: ExecutionLimits::default(),
        graph: None,
        chunks: Vec::new(),
    })
}

fn rules() -> NegotiationRules {
    let conversation = ConversationId(Digest([9; 32]));
    NegotiationRules {
        task: task_meant(&specification().digest().expect("a digest"), &conversation),
        buyer: Did(Digest([1; 32])),
        seller: Did(Digest([2; 32])),
        card: Digest([4; 32]),
        cancellation: CancellationPolicy { free_ms: DurationMs(60_000), fee: Ppm(100_000) },
        opened: NOW,
        deadline: NOW.plus(DurationMs::seconds(600)),
        rounds_max: 4,
        valid_until: NOW.plus(DurationMs::seconds(1_200)),
    }
}

fn wanted(price: u64) -> NegotiationProposal {
    NegotiationProposal {
        price: Amount::ainu(price),
        timeline_ms: DurationMs::seconds(3_600),
        quality_level: QualityLevel::Standard,
        payment: PaymentTerms::Completion,
        dispute_resolution: DisputeResolution::Chain,
    }
}

fn read(bytes: &[u8]) -> Message {
    Message::from_json(bytes).expect("our own message")
}

/// A buyer that has opened with 100, its seller that has heard it, and the message.
fn opened() -> (SpokenNegotiation, SpokenNegotiation, Vec<u8>) {
    let conversation = ConversationId(Digest([9; 32]));
    let mut buyer = SpokenNegotiation::new(conversation, rules()).expect("good rules");
    let first = opening(&rules(), specification());
    let bytes = buyer.open(NOW, first, wanted(100), signer(&key(1), 1)).expect("an opening");
    let seller = SpokenNegotiation::opened(NOW, &read(&bytes)).expect("an opening");
    (buyer, seller, bytes)
}

fn counter(side: &SpokenNegotiation, wanted: &NegotiationProposal) -> NegotiationAct {
    let answered = side.session().proposals().last().expect("a proposal");
    NegotiationAct::Counter(CounterProposal::between(answered, wanted))
}

#[test]
fn both_sides_hear_the_same_and_agree_to_the_same_terms() {
    let (mut buyer, mut seller, _) = opened();
    let milestones = [("draft", 400_000, 1_800_000), ("final", 600_000, 3_600_000)];
    let milestone = |(name, share, due_ms): (&str, u32, u64)| Milestone {
        name: name.into(),
        share: Ppm(share),
        due_ms: DurationMs(due_ms),
    };
    let better = NegotiationProposal {
        quality_level: QualityLevel::Premium,
        payment: PaymentTerms::Milestone(milestones.map(milestone).into()),
        ..wanted(150)
    };
    let act = counter(&seller, &better);
    let answer = seller.say(NOW, act.clone(), ("", None), signer(&key(2), 2)).expect("a counter");
    assert_eq!(buyer.hear(NOW, &read(&answer)), Ok(act));
    assert_eq!(buyer.session().proposals().last(), Some(&better));
    // Everything is countered at once.
    let last = NegotiationProposal { payment: PaymentTerms::Upfront, ..wanted(120) };
    let act = counter(&buyer, &last);
    let said = buyer.say(NOW, act, ("", None), signer(&key(1), 1)).expect("a counter");
    seller.hear(NOW, &read(&said)).expect("in place");
    let terms = seller.session().offered().expect("a proposal");
    let act = NegotiationAct::Accept { terms: terms.digest() };
    let task = TaskId(Digest([7; 32]));
    let yes = seller.say(NOW, act, ("", Some(task)), signer(&key(2), 2)).expect("a yes");
    let Message::Accept(accept) = read(&yes) else { unreachable!("an Accept") };
    let named = accept.body().extensions.get(TASK_FIELD).and_then(Value::as_str);
    assert_eq!(named, Some(task.to_string().as_str()));
    buyer.hear(NOW, &Message::Accept(accept)).expect("in place");
    assert_eq!(buyer.session(), seller.session());
    assert_eq!(buyer.session().agreed(), Some(&terms));
    assert_eq!(terms.agreed, last);
}

#[test]
fn what_is_stale_out_of_turn_or_late_is_refused_and_changes_nothing() {
    let (mut buyer, mut seller, first) = opened();
    let act = counter(&seller, &wanted(150));
    let answer = seller.say(NOW, act, ("", None), signer(&key(2), 2)).expect("a counter");
    // Said twice, or by whoever has not the turn.
    assert!(matches!(seller.hear(NOW, &read(&first)), Err(SpokenError::Place(_))));
    assert!(matches!(seller.hear(NOW, &read(&answer)), Err(SpokenError::Place(_))));
    let before = buyer.clone();
    // After the deadline nothing is heard.
    let late = rules().deadline;
    let refused = buyer.hear(late, &read(&answer)).expect_err("too late");
    assert!(refused.to_string().contains("until before"), "{refused}");
    assert_eq!(buyer.session(), before.session());
    buyer.hear(NOW, &read(&answer)).expect("in place");
    // An answer to what was said before that.
    let stale = before.clone();
    let act = NegotiationAct::Reject;
    assert!(stale.clone().say(NOW, act.clone(), ("", None), signer(&key(1), 1)).is_err());
    buyer.say(NOW, act, ("too dear", None), signer(&key(1), 1)).expect("a no");
    assert!(buyer.hear(NOW, &read(&answer)).is_err(), "it is over");
}

#[test]
fn an_opening_about_another_task_or_by_other_rules_than_it_names_is_refused() {
    let (_, _, bytes) = opened();
    let Message::Negotiate(envelope) = read(&bytes) else { unreachable!("Negotiate") };
    let refused = |change: &dyn Fn(&mut Negotiate)| {
        let mut body = envelope.body().clone();
        change(&mut body);
        let header = envelope.header();
        let draft = Draft {
            conversation_id: header.conversation_id,
            in_reply_to: None,
            from: header.from,
            to: header.to.clone(),
            created: header.created,
            expires: header.expires,
            body,
            extensions: Extensions::default(),
        };
        let message = Message::Negotiate(Box::new(draft.finish().expect("a message")));
        SpokenNegotiation::opened(NOW, &message).expect_err("to be refused").to_string()
    };
    let said = refused(&|body| body.opening.as_mut().expect("an opening").rounds_max = 5);
    assert!(said.contains("belongs to negotiation"), "{said}");
    let said = refused(&|body| {
        body.opening.as_mut().expect("an opening").specification = None;
    });
    assert!(said.contains("specification is missing"), "{said}");
    let said = refused(&|body| {
        let other = TaskSpec { reserve: Amount(1), ..specification().task_spec().expect("open") };
        let opening = body.opening.as_mut().expect("an opening");
        opening.specification = Some(Box::new(Specification::open(&other)));
    });
    assert!(said.contains("task is not the one"), "{said}");
    let said = refused(&|body| body.thread_digest = Digest([5; 32]));
    assert!(said.contains("thread stands at"), "{said}");
}

#[test]
fn an_acceptance_of_something_else_is_refused() {
    let (_, seller, _) = opened();
    let terms = seller.session().offered().expect("a proposal");
    let accept = |change: &dyn Fn(&mut Accept)| {
        let (last, created) = seller.last.expect("said");
        let mut body = Accept {
            agreement: terms.digest(),
            price: terms.agreed.price,
            task: rules().task,
            transcript: terms.thread,
            extensions: Extensions::default(),
        };
        change(&mut body);
        let draft = Draft {
            conversation_id: seller.conversation_id,
            in_reply_to: Some(last),
            from: rules().seller,
            to: Recipients::One(rules().buyer),
            created,
            expires: created.plus(DurationMs(1)),
            body,
            extensions: Extensions::default(),
        };
        let message = Message::Accept(Box::new(draft.finish().expect("a message")));
        seller.clone().hear(NOW, &message)
    };
    assert!(accept(&|_| ()).is_ok());
    assert!(accept(&|body| body.agreement = Digest([5; 32])).is_err());
    assert!(accept(&|body| body.price = Amount(1)).is_err());
    assert!(accept(&|body| body.task = TaskId(Digest([5; 32]))).is_err());
    assert!(accept(&|body| body.transcript = Digest([5; 32])).is_err());
}
