//! The worked example as it travels: signed messages, each bound to all before it, and the market's
//! session on both sides.
use ainur_crypto::{HybridVerifier, Proof, PublicKeys, SigningKey};
use ainur_market::negotiation::{
    CounterProposal, Negotiation, NegotiationAct, NegotiationMessage, NegotiationProposal,
    NegotiationRules, Relaxation,
};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{
    Amount, ConversationId, Did, Digest, DisputeResolution, DurationMs, MessageId, Ppm,
    QualityLevel, TaskId, Timestamp,
};
use ainur_protocol::{
    Accept, Body, Conversation, CounterTerms, Draft, Envelope, Extensions, Message, MessageType,
    Negotiate, NegotiationOpening, PaymentSchedule, ProposedTerms, Recipients, RelaxedRequirement,
    conversation,
};

const OPENED: Timestamp = Timestamp(1_795_254_600_000);

struct Party {
    did: Did,
    key: SigningKey,
    /// What it has heard and said, by the rules of the protocol and of the market.
    conversation: Conversation,
    session: Negotiation,
}

fn party(number: u8) -> Party {
    Party {
        did: Did(Digest([number; 32])),
        key: SigningKey::from_seed(&[number; 32]).expect("a key"),
        conversation: Conversation::new(ConversationId(Digest([9; 32]))),
        session: Negotiation::open(rules()).expect("good rules"),
    }
}

fn rules() -> NegotiationRules {
    NegotiationRules {
        task: TaskId(Digest([8; 32])),
        buyer: Did(Digest([1; 32])),
        seller: Did(Digest([2; 32])),
        card: Digest([4; 32]),
        cancellation: CancellationPolicy { free_ms: DurationMs(60_000), fee: Ppm(100_000) },
        opened: OPENED,
        deadline: OPENED.plus(DurationMs::seconds(600)),
        rounds_max: 3,
        valid_until: OPENED.plus(DurationMs::seconds(1_200)),
    }
}

fn proposed(proposal: &NegotiationProposal) -> ProposedTerms {
    assert_eq!(proposal.payment, PaymentTerms::Completion, "in this example");
    ProposedTerms {
        dispute_resolution: proposal.dispute_resolution,
        payment_schedule: PaymentSchedule::Completion,
        price: proposal.price,
        quality_level: proposal.quality_level,
        timeline_ms: proposal.timeline_ms,
    }
}

fn countered(counter: &CounterProposal) -> CounterTerms {
    let expedited = vec![Relaxation::Payment(PaymentTerms::Upfront)];
    let requirements_relaxation = if counter.requirements_relaxation == expedited {
        vec![RelaxedRequirement::PaymentSchedule(PaymentSchedule::Upfront)]
    } else {
        assert!(counter.requirements_relaxation.is_empty(), "in this example");
        vec![]
    };
    CounterTerms {
        adjusted_price: counter.adjusted_price,
        alternate_timeline_ms: counter.alternate_timeline_ms,
        requirements_relaxation,
    }
}

/// The act that a Negotiate carries, read by its receiver.
fn act(body: &Negotiate) -> NegotiationAct {
    match &body.counter_proposal {
        None => NegotiationAct::Propose(NegotiationProposal {
            price: body.proposal.price,
            timeline_ms: body.proposal.timeline_ms,
            quality_level: body.proposal.quality_level,
            payment: PaymentTerms::Completion,
            dispute_resolution: body.proposal.dispute_resolution,
        }),
        Some(counter) => NegotiationAct::Counter(CounterProposal {
            adjusted_price: counter.adjusted_price,
            alternate_timeline_ms: counter.alternate_timeline_ms,
            requirements_relaxation: counter
                .requirements_relaxation
                .iter()
                .map(|_| Relaxation::Payment(PaymentTerms::Upfront))
                .collect(),
        }),
    }
}

/// Signs a body in reply to the last message, and reads it back from its bytes.
fn signed<B: Body>(from: &Party, to: Did, said: &[MessageId], body: B) -> Envelope<B> {
    let created = OPENED.plus(DurationMs::seconds(said.len() as u64));
    let draft = Draft {
        conversation_id: ConversationId(Digest([9; 32])),
        in_reply_to: said.last().copied(),
        from: from.did,
        to: Recipients::One(to),
        created,
        expires: created.plus(DurationMs::seconds(60)),
        body,
        extensions: Extensions::default(),
    };
    let mut envelope = draft.finish().expect("a good message");
    envelope.attach(Proof::sign(&from.key, from.did, 0, envelope.id().0)).expect("its own");
    Envelope::from_json(&envelope.to_json().expect("small")).expect("our own message")
}

fn negotiate(from: &Party, to: Did, said: &[MessageId], act: NegotiationAct) -> Negotiate {
    let message = from.session.draft(act);
    let opening = said.is_empty().then(|| NegotiationOpening {
        cancellation_fee: rules().cancellation.fee,
        cancellation_free_ms: rules().cancellation.free_ms,
        card: rules().card,
        deadline: rules().deadline,
        opened: rules().opened,
        rounds_max: rules().rounds_max,
        specification: None,
        valid_until: rules().valid_until,
    });
    assert_ne!(from.did, to);
    let turn = from.session.turn(OPENED).expect("still open");
    let (proposal, counter_proposal) = match &message.act {
        NegotiationAct::Propose(proposal) => (proposal, None),
        NegotiationAct::Counter(counter) => {
            (turn.answered().expect("something to counter"), Some(countered(counter)))
        }
        _ => unreachable!("a proposal"),
    };
    Negotiate {
        conversation_thread: said.to_vec(),
        counter_proposal,
        negotiation_id: rules().id(),
        opening,
        proposal: proposed(proposal),
        round: message.round,
        task: rules().task,
        thread_digest: message.digest(),
        extensions: Extensions::default(),
    }
}

/// A party takes a message: signature, place in the conversation, place in the thread.
fn hear(party: &mut Party, keys: &PublicKeys, envelope: &Envelope<Negotiate>) {
    envelope.verify(keys, &HybridVerifier).expect("signed by its sender");
    party.conversation.take(&Message::Negotiate(Box::new(envelope.clone()))).expect("in place");
    let body = envelope.body();
    let message = NegotiationMessage {
        negotiation: body.negotiation_id,
        round: body.round,
        from: envelope.header().from,
        previous: party.session.thread(),
        act: act(body),
    };
    assert_eq!(message.digest(), body.thread_digest, "the same thread on both sides");
    party.session.take(envelope.header().created, message).expect("legal");
}

fn counter(price: u64, requirements_relaxation: Vec<Relaxation>) -> NegotiationAct {
    NegotiationAct::Counter(CounterProposal {
        adjusted_price: Amount::ainu(price),
        alternate_timeline_ms: DurationMs::seconds(3_600),
        requirements_relaxation,
    })
}

/// 100, 150, and 120 with expedited payment.
fn bargain(buyer: &mut Party, seller: &mut Party) -> Vec<Envelope<Negotiate>> {
    let first = NegotiationAct::Propose(NegotiationProposal {
        price: Amount::ainu(100),
        timeline_ms: DurationMs::seconds(3_600),
        quality_level: QualityLevel::Standard,
        payment: PaymentTerms::Completion,
        dispute_resolution: DisputeResolution::Chain,
    });
    let expedited = vec![Relaxation::Payment(PaymentTerms::Upfront)];
    let mut said = Vec::new();
    let mut envelopes = Vec::new();
    for act in [first, counter(150, vec![]), counter(120, expedited)] {
        let (from, to) =
            if said.len() % 2 == 0 { (&*buyer, &*seller) } else { (&*seller, &*buyer) };
        let body = negotiate(from, to.did, &said, act);
        let envelope = signed(from, to.did, &said, body);
        let keys = from.key.public();
        hear(buyer, &keys, &envelope);
        hear(seller, &keys, &envelope);
        said.push(envelope.id());
        envelopes.push(envelope);
    }
    envelopes
}

#[test]
fn a_hundred_against_a_hundred_and_fifty_settles_at_120_over_signed_messages() {
    let (mut buyer, mut seller) = (party(1), party(2));
    let envelopes = bargain(&mut buyer, &mut seller);
    let ids: Vec<MessageId> = envelopes.iter().map(Envelope::id).collect();
    assert_eq!(buyer.conversation.thread(&seller.did), ids);
    assert_eq!(envelopes[2].body().round, 2);
    let terms = seller.session.offered().expect("a proposal");
    let yes = seller.session.draft(NegotiationAct::Accept { terms: terms.digest() });
    let body = Accept {
        agreement: terms.digest(),
        price: terms.agreed.price,
        task: terms.task,
        transcript: terms.thread,
        extensions: Extensions::default(),
    };
    let accept = signed(&seller, buyer.did, &ids, body);
    accept.verify(&seller.key.public(), &HybridVerifier).expect("signed by the seller");
    for party in [&mut buyer, &mut seller] {
        party.conversation.take(&Message::Accept(Box::new(accept.clone()))).expect("in place");
        party.session.take(accept.header().created, yes.clone()).expect("legal");
        assert_eq!(party.conversation.accepted(), Some(Did(Digest([2; 32]))));
    }
    assert_eq!(buyer.session, seller.session);
    let agreed = buyer.session.agreed().expect("an agreement");
    assert_eq!(agreed.agreed.price, Amount::ainu(120));
    assert_eq!(agreed.agreed.payment, PaymentTerms::Upfront);
    assert_eq!((agreed.thread, buyer.session.round()), (envelopes[2].body().thread_digest, 2));
    let consent = Proof::sign(&seller.key, seller.did, 0, agreed.digest());
    consent.verify(agreed.digest(), &seller.key.public(), &HybridVerifier).expect("the seller's");
}

#[test]
fn a_signature_covers_the_messages_before_it() {
    let (mut buyer, mut seller) = (party(1), party(2));
    let envelopes = bargain(&mut buyer, &mut seller);
    let last = &envelopes[2];
    let proof = last.proof().expect("signed").clone();
    let tampered = |change: &dyn Fn(&mut Negotiate)| {
        let mut body = last.body().clone();
        change(&mut body);
        let mut other = signed(&buyer, seller.did, &[envelopes[0].id(), envelopes[1].id()], body);
        other.attach(proof.clone()).expect("of the same signer");
        other.verify(&buyer.key.public(), &HybridVerifier).is_err()
    };
    assert!(!tampered(&|_| ()), "unchanged, it holds");
    assert!(tampered(&|body| body.conversation_thread.swap(0, 1)));
    assert!(tampered(&|body| body.conversation_thread[0] = MessageId(Digest([5; 32]))));
    assert!(tampered(&|body| body.thread_digest = Digest([5; 32])));
    assert!(tampered(&|body| body.proposal.price = Amount(1)));
}

#[test]
fn a_proposal_that_names_another_thread_has_no_place() {
    let (mut buyer, mut seller) = (party(1), party(2));
    let envelopes = bargain(&mut buyer, &mut seller);
    let ids: Vec<MessageId> = envelopes.iter().map(Envelope::id).collect();
    let act = counter(130, vec![Relaxation::Payment(PaymentTerms::Completion)]);
    let mut body = Negotiate { counter_proposal: None, ..envelopes[2].body().clone() };
    body.thread_digest = seller.session.draft(act).digest();
    body.conversation_thread = vec![ids[0], ids[2], ids[1]];
    let message = Message::Negotiate(Box::new(signed(&seller, buyer.did, &ids, body.clone())));
    let before = buyer.conversation.clone();
    let error = buyer.conversation.take(&message).expect_err("to be refused");
    assert_eq!(error, conversation::Error::OtherThread { expected: 3, same: 1 });
    assert_eq!(buyer.conversation, before);
    body.conversation_thread = ids.clone();
    let stale = signed(&seller, buyer.did, &ids[..2], body.clone());
    let error = buyer.conversation.take(&Message::Negotiate(Box::new(stale))).expect_err("stale");
    let conversation::Error::Stale { expected, .. } = error else { unreachable!("{error}") };
    assert_eq!(expected, [MessageType::Accept, MessageType::Reject, MessageType::Negotiate]);
    let good = signed(&seller, buyer.did, &ids, body);
    buyer.conversation.take(&Message::Negotiate(Box::new(good))).expect("in place");
}
