//! Standing offers as messages, and the conversation they open: taken at once, by many, as often as
//! they like, until they are withdrawn.
use ainur_crypto::merkle::InclusionProof;
use ainur_crypto::signature::ML_DSA_65_SIGNATURE_BYTES;
use ainur_crypto::{HybridSignature, HybridVerifier, Proof, SigningKey};
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    Amount, ConversationId, Did, Digest, DurationMs, MessageId, Ppm, QualityLevel, Timestamp,
};
use ainur_protocol::conversation::Error as Refused;
use ainur_protocol::limits::{INTEGER_MAX, OFFER_ACCEPTANCES_MAX};
use ainur_protocol::{
    Body, Conversation, Draft, Envelope, Error, Extensions, Message, MessageHeader, MessageType,
    OfferConversation, OfferedCancellation, OfferedCapacity, OfferedDiscount, OfferedHours,
    OfferedPricing, OfferedTerms, PaymentSchedule, Recipients, ScheduledPayment, StandingOffer,
    Withdraw,
};
use serde_json::{Value, json};

const CREATED: Timestamp = Timestamp(1_795_254_600_000);
const SELLER: Did = Did(Digest([1; 32]));
const BUYER: Did = Did(Digest([2; 32]));
const OTHER: Did = Did(Digest([3; 32]));
const TERMS: Digest = Digest([5; 32]);

/// A proof of the right shape that proves nothing: real signatures differ from run to run.
fn unproven() -> Proof {
    Proof {
        signer: SELLER,
        key_version: 0,
        inclusion: InclusionProof { index: 0, size: 1, path: vec![] },
        signature: HybridSignature {
            ed25519: [7; 64],
            ml_dsa_65: Box::new([7; ML_DSA_65_SIGNATURE_BYTES]),
        },
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[3; 32]).expect("a key")
}

fn offer() -> StandingOffer {
    StandingOffer {
        agent: SELLER,
        capabilities: ["image.resize", "text.translate"]
            .map(|name| name.parse().expect("a name"))
            .into(),
        capacity: OfferedCapacity {
            concurrent_tasks: 4,
            estimated_wait_ms: DurationMs(2_000),
            queue_size: 16,
        },
        card: Digest([4; 32]),
        consent: unproven(),
        estimated_duration_ms: DurationMs(1_500),
        expiry: CREATED.plus(DurationMs::seconds(30 * 24 * 3_600)),
        offer: TERMS,
        pricing: OfferedPricing {
            base_price: Amount(1_250_000_000_000),
            premium_hours: vec![OfferedHours {
                from_minute: 480,
                surcharge: Ppm(500_000),
                until_minute: 1_080,
                weekdays: 0b001_1111,
            }],
            volume_discount: vec![
                OfferedDiscount { discount: Ppm(50_000), tasks_min: 10 },
                OfferedDiscount { discount: Ppm(200_000), tasks_min: 100 },
            ],
        },
        quality_level: QualityLevel::Premium,
        serial: 7,
        terms: OfferedTerms {
            cancellation_policy: OfferedCancellation {
                fee: Ppm(250_000),
                free_ms: DurationMs(60_000),
            },
            minimum_budget: Amount(500_000_000_000),
            payment_terms: PaymentSchedule::Milestone(vec![
                ScheduledPayment {
                    due_ms: DurationMs(1_000),
                    milestone: "draft".into(),
                    share: Ppm(400_000),
                },
                ScheduledPayment {
                    due_ms: DurationMs(2_000),
                    milestone: "final".into(),
                    share: Ppm(600_000),
                },
            ]),
        },
        valid_from: CREATED,
        extensions: Extensions::default(),
    }
}

fn withdraw() -> Withdraw {
    Withdraw { offer: TERMS, extensions: Extensions::default() }
}

fn draft<B>(body: B, in_reply_to: Option<MessageId>) -> Draft<B> {
    Draft {
        conversation_id: ConversationId(Digest([9; 32])),
        in_reply_to,
        from: SELLER,
        to: Recipients::Topic("topic:offer/text.translate".parse().expect("a topic")),
        created: CREATED,
        expires: CREATED.plus(DurationMs::seconds(30)),
        body,
        extensions: Extensions::default(),
    }
}

fn envelope<B: Body>(body: B) -> Envelope<B> {
    draft(body, None).finish().expect("a good message")
}

/// Golden files are rewritten by `AINUR_GOLDEN_WRITE=1`.
fn golden<B: Body + PartialEq + std::fmt::Debug>(name: &str, message: &Envelope<B>) {
    let written = message.to_json().expect("not too large");
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("AINUR_GOLDEN_WRITE").is_some() {
        std::fs::write(&path, &written).expect("a writable tree");
    }
    let stored = std::fs::read(&path).expect("a golden file");
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&stored), "{name}");
    assert_eq!(Envelope::<B>::from_json(&stored).expect("our own message"), *message);
    let value: Value = serde_json::from_slice(&stored).expect("JSON");
    assert_eq!(to_canonical_json(&value).expect("JSON"), stored, "{name} is RFC 8785");
    let read = Message::from_json(&stored).expect("our own message");
    assert_eq!(read.header(), message.header());
}

#[test]
fn bytes_of_an_offer_and_its_withdrawal_are_as_in_the_golden_files() {
    let offered = envelope(offer());
    golden("standing-offer", &offered);
    golden("withdraw", &draft(withdraw(), Some(offered.id())).finish().unwrap());
}

#[test]
fn every_kind_of_payment_travels() {
    for payment_terms in [PaymentSchedule::Upfront, PaymentSchedule::Completion] {
        let terms = OfferedTerms { payment_terms, ..offer().terms };
        let sent = envelope(StandingOffer { terms, ..offer() });
        assert_eq!(Envelope::from_json(&sent.to_json().unwrap()).unwrap(), sent);
    }
}

#[test]
fn the_agent_signs_the_terms_themselves() {
    let keys = key().public();
    let signed = || StandingOffer { consent: Proof::sign(&key(), SELLER, 0, TERMS), ..offer() };
    envelope(signed()).verify_consent(&keys, &HybridVerifier).unwrap();
    let wrong = envelope(offer()).verify_consent(&keys, &HybridVerifier);
    assert!(matches!(wrong, Err(Error::Proof(_))));
    let other_terms = StandingOffer { offer: Digest([6; 32]), ..signed() };
    let wrong = envelope(other_terms).verify_consent(&keys, &HybridVerifier);
    assert!(matches!(wrong, Err(Error::Proof(_))));
    let consent = Proof::sign(&key(), OTHER, 0, TERMS);
    let stranger = envelope(StandingOffer { consent, ..offer() });
    let wrong = stranger.verify_consent(&keys, &HybridVerifier);
    assert!(matches!(wrong, Err(Error::OtherSigner { signer: OTHER, .. })));
    let for_another = envelope(StandingOffer { agent: OTHER, ..signed() });
    let wrong = for_another.verify_consent(&keys, &HybridVerifier);
    assert!(matches!(wrong, Err(Error::OtherSigner { signer: OTHER, .. })));
}

#[test]
fn offers_that_cannot_be_are_refused() {
    let refused = |change: fn(&mut StandingOffer)| {
        let mut body = offer();
        change(&mut body);
        match draft(body, None).finish() {
            Err(Error::Field { field, .. }) => field,
            other => unreachable!("{other:?}"),
        }
    };
    assert_eq!(refused(|offer| offer.capabilities.clear()), "capabilities");
    assert_eq!(refused(|offer| offer.capabilities.reverse()), "capabilities");
    assert_eq!(refused(|o| o.capacity.concurrent_tasks = 0), "capacity.concurrent_tasks");
    let long = |offer: &mut StandingOffer| {
        offer.capacity.estimated_wait_ms = DurationMs(INTEGER_MAX + 1);
    };
    assert_eq!(refused(long), "capacity.estimated_wait_ms");
    let long = |o: &mut StandingOffer| o.estimated_duration_ms = DurationMs(INTEGER_MAX + 1);
    assert_eq!(refused(long), "estimated_duration_ms");
    assert_eq!(refused(|offer| offer.serial = INTEGER_MAX + 1), "serial");
    assert_eq!(refused(|o| o.pricing.base_price = Amount::ZERO), "pricing.base_price");
    let many = |o: &mut StandingOffer| {
        o.pricing.volume_discount = vec![o.pricing.volume_discount[0]; 17];
    };
    assert_eq!(refused(many), "pricing.volume_discount");
    let sure = |o: &mut StandingOffer| o.pricing.volume_discount[0].discount = Ppm(1_000_001);
    assert_eq!(refused(sure), "pricing.volume_discount.discount");
    assert_eq!(
        refused(|o| o.pricing.premium_hours[0].until_minute = 1_441),
        "pricing.premium_hours"
    );
    assert_eq!(refused(|o| o.pricing.premium_hours[0].weekdays = 0x80), "pricing.premium_hours");
    let fee = |o: &mut StandingOffer| o.terms.cancellation_policy.fee = Ppm(1_000_001);
    assert_eq!(refused(fee), "terms.cancellation_policy.fee");
    let free = |o: &mut StandingOffer| {
        o.terms.cancellation_policy.free_ms = DurationMs(INTEGER_MAX + 1);
    };
    assert_eq!(refused(free), "terms.cancellation_policy.free_ms");
    let none = |o: &mut StandingOffer| o.terms.payment_terms = PaymentSchedule::Milestone(vec![]);
    assert_eq!(refused(none), "terms.payment_terms");
    assert_eq!(refused(|offer| offer.expiry = CREATED), "expiry");
    assert_eq!(refused(|offer| offer.valid_from = offer.expiry), "expiry");
}

#[test]
fn unknown_and_missing_fields_of_an_offer_are_refused() {
    let read = |change: fn(&mut Value)| {
        let bytes = envelope(offer()).to_json().unwrap();
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        change(&mut value["body"]);
        let bytes = to_canonical_json(&value).unwrap();
        Envelope::<StandingOffer>::from_json(&bytes).unwrap_err().to_string()
    };
    let unknown = read(|body| body["pricing"]["tip"] = json!("1"));
    assert!(unknown.contains("tip"), "{unknown}");
    for field in ["agent", "capabilities", "capacity", "consent", "expiry", "pricing", "terms"] {
        let bytes = envelope(offer()).to_json().unwrap();
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        value["body"].as_object_mut().unwrap().remove(field);
        let bytes = to_canonical_json(&value).unwrap();
        let missing = Envelope::<StandingOffer>::from_json(&bytes).unwrap_err().to_string();
        assert!(missing.contains(field), "{missing}");
    }
}

fn id(number: u64) -> MessageId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    MessageId(Digest(bytes))
}

fn says(
    message_type: MessageType,
    number: u64,
    answers: Option<u64>,
    from: Did,
    to: Did,
) -> MessageHeader {
    MessageHeader {
        id: id(number),
        message_type,
        conversation_id: ConversationId(Digest([9; 32])),
        in_reply_to: answers.map(id),
        from,
        to: Recipients::One(to),
        created: Timestamp(1_000 + number),
        expires: Timestamp(100_000),
    }
}

fn offers() -> MessageHeader {
    says(MessageType::StandingOffer, 1, None, SELLER, OTHER)
}

fn accepts(number: u64, buyer: Did) -> MessageHeader {
    says(MessageType::Accept, number, Some(1), buyer, SELLER)
}

fn after(messages: &[MessageHeader]) -> OfferConversation {
    let mut conversation = OfferConversation::new(ConversationId(Digest([9; 32])));
    for message in messages {
        conversation.accept(message).expect("a legal message");
    }
    conversation
}

/// Refused, with nothing changed.
fn refused(conversation: &OfferConversation, message: &MessageHeader) -> Refused {
    let mut tried = conversation.clone();
    let error = tried.accept(message).expect_err("to be refused");
    assert_eq!(tried, *conversation);
    error
}

#[test]
fn an_offer_is_taken_at_once_by_many_until_it_is_withdrawn() {
    use MessageType::{Accept, Reject, StandingOffer, Withdraw};
    assert_eq!(after(&[]).expected_from(&BUYER), [StandingOffer]);
    let mut conversation = after(&[offers()]);
    assert_eq!(conversation.expected_from(&BUYER), [Accept]);
    assert_eq!(conversation.expected_from(&SELLER), [Withdraw]);
    for (number, buyer) in [(2, BUYER), (3, OTHER), (4, BUYER)] {
        conversation.accept(&accepts(number, buyer)).unwrap();
    }
    let accepted: Vec<(Did, MessageId)> = conversation.accepted().collect();
    assert_eq!(accepted, [(BUYER, id(2)), (OTHER, id(3)), (BUYER, id(4))]);
    conversation.accept(&says(Reject, 5, Some(2), SELLER, BUYER)).unwrap();
    conversation.accept(&says(Reject, 6, Some(4), BUYER, SELLER)).unwrap();
    assert_eq!(conversation.expected_from(&BUYER), [Accept]);
    conversation.accept(&says(Withdraw, 7, Some(1), SELLER, OTHER)).unwrap();
    assert!(!conversation.stands());
    assert_eq!(conversation.expected_from(&BUYER), []);
    assert_eq!(conversation.expected_from(&OTHER), [Reject], "what was taken can be taken back");
    conversation.accept(&says(Reject, 8, Some(3), OTHER, SELLER)).unwrap();
    assert_eq!(conversation.accepted().len(), 0);
}

#[test]
fn what_has_no_place_in_the_conversation_is_refused() {
    use MessageType::{Accept, Call, Reject, Withdraw};
    let unexpected = |conversation: &OfferConversation, message: &MessageHeader| {
        assert!(
            matches!(refused(conversation, message), Refused::Unexpected { .. }),
            "{message:?}"
        );
    };
    let stale = |conversation: &OfferConversation, message: &MessageHeader| {
        assert!(matches!(refused(conversation, message), Refused::Stale { .. }), "{message:?}");
    };
    unexpected(&after(&[]), &accepts(2, BUYER));
    unexpected(&after(&[]), &says(Call, 1, None, BUYER, SELLER));
    stale(&after(&[]), &MessageHeader { in_reply_to: Some(id(0)), ..offers() });
    let offered = after(&[offers()]);
    unexpected(&offered, &offers());
    unexpected(&offered, &accepts(2, SELLER));
    unexpected(&offered, &says(Withdraw, 2, Some(1), BUYER, SELLER));
    unexpected(&offered, &says(Reject, 2, Some(1), BUYER, SELLER));
    stale(&offered, &says(Accept, 2, None, BUYER, SELLER));
    stale(&offered, &says(Withdraw, 2, Some(7), SELLER, BUYER));
    let error = refused(&offered, &says(Accept, 2, Some(1), BUYER, OTHER));
    assert_eq!(error, Refused::Recipient { found: Accept, expected: SELLER });
    let early = MessageHeader { created: Timestamp(1_000), ..accepts(2, BUYER) };
    assert_eq!(refused(&offered, &early), Refused::Backdated { found: Accept });
    let elsewhere = ConversationId(Digest([8; 32]));
    let other = MessageHeader { conversation_id: elsewhere, ..accepts(2, BUYER) };
    assert!(matches!(refused(&offered, &other), Refused::OtherConversation { .. }));
    let taken = after(&[offers(), accepts(2, BUYER), accepts(3, OTHER)]);
    stale(&taken, &says(Reject, 4, Some(2), OTHER, SELLER));
    stale(&taken, &says(Reject, 4, Some(9), SELLER, BUYER));
    let error = refused(&taken, &says(Reject, 4, Some(2), SELLER, OTHER));
    assert_eq!(error, Refused::Recipient { found: Reject, expected: BUYER });
    let withdrawn = after(&[offers(), says(Withdraw, 2, Some(1), SELLER, OTHER)]);
    unexpected(&withdrawn, &accepts(3, BUYER));
    unexpected(&withdrawn, &says(Withdraw, 3, Some(1), SELLER, OTHER));
    let auction = Conversation::new(ConversationId(Digest([9; 32])));
    let error = auction.clone().accept(&offers()).unwrap_err();
    assert!(matches!(error, Refused::Unexpected { .. }), "offers are kept apart: {error}");
}

#[test]
fn a_conversation_keeps_so_many_acceptances() {
    let mut conversation = after(&[offers()]);
    for number in 0..=OFFER_ACCEPTANCES_MAX as u64 {
        conversation.accept(&accepts(10 + number, BUYER)).unwrap();
    }
    assert_eq!(conversation.accepted().len(), OFFER_ACCEPTANCES_MAX);
    let forgotten = says(MessageType::Reject, 9_999, Some(10), SELLER, BUYER);
    assert!(matches!(refused(&conversation, &forgotten), Refused::Stale { .. }));
}
