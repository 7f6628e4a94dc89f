//! Messages as bytes: golden files, canonical form, round trips, and everything that is refused.
use ainur_crypto::{HybridVerifier, Proof, SigningKey, batch};
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    AcceptanceCheck, Amount, BudgetId, ContentId, ConversationId, Did, Digest, DisputeResolution,
    DurationMs, ExecutionLimits, MessageId, NegotiationId, Ppm, QualityLevel, SelectionRule,
    Subtask, TaskGraph, TaskId, TaskSpec, Timestamp,
};
use ainur_protocol::limits::{INTEGER_MAX, LIFETIME_MS_MAX, MESSAGE_BYTES_MAX, RECIPIENTS_MAX};
use ainur_protocol::{
    Accept, Bid, BidCommit, Body, Call, Constraints, Conversation, CounterTerms, Draft, Envelope,
    Error, Extensions, Message, MessageHeader, MessageType, Negotiate, NegotiationOpening,
    PaymentSchedule, ProposedTerms, Recipients, Reject, RejectReason, RelaxedRequirement,
    ReservePrice, ScheduledPayment, Specification,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const CREATED: Timestamp = Timestamp(1_795_254_600_000);

fn did(number: u8) -> Did {
    Did(Digest([number; 32]))
}

fn spec() -> TaskSpec {
    TaskSpec {
        capability: "archive.compress".parse().expect("a name"),
        parameters: r#"{"level":9,"note":"é \"quoted\"\n\u0001"}"#.into(),
        input: Some(ContentId(Digest([5; 32]))),
        input_bytes: 1_000_000,
        reserve: Amount::ainu(2),
        loss: Amount(7),
        budget: Some(BudgetId(Digest([6; 32]))),
        selection: SelectionRule::Scored,
        check: AcceptanceCheck::All {
            checks: vec![
                AcceptanceCheck::Schema,
                AcceptanceCheck::Digest { expected: ContentId(Digest([1; 32])) },
                AcceptanceCheck::Verifier { component: ContentId(Digest([2; 32])) },
                AcceptanceCheck::Reexecution,
                AcceptanceCheck::BuyerWord { window_ms: DurationMs(60_000) },
            ],
        },
        deadline_ms: DurationMs::seconds(600),
        limits: ExecutionLimits::default(),
        graph: None,
        chunks: Vec::new(),
    }
}

fn call_of(spec: &TaskSpec) -> Call {
    let specification = Specification::open(spec);
    Call {
        bid_bond: Amount(20_000),
        commit_until: CREATED.plus(DurationMs::seconds(2)),
        constraints: Constraints {
            duration_ms_max: DurationMs::seconds(60),
            failure_probability_max: Ppm(200_000),
            quality_level_min: QualityLevel::Standard,
        },
        deadline: CREATED.plus(spec.deadline_ms),
        input_schema: r#"{"type":"object"}"#.into(),
        output_schema: "true".into(),
        reveal_until: CREATED.plus(DurationMs::seconds(4)),
        specification_digest: specification.digest().expect("a good specification"),
        specification,
        task: TaskId(Digest([8; 32])),
        extensions: Extensions::default(),
    }
}

fn call() -> Call {
    call_of(&spec())
}

fn commit() -> BidCommit {
    BidCommit {
        bid_bond: Amount(20_000),
        commitment: Digest([3; 32]),
        consent: None,
        reveal_until: CREATED.plus(DurationMs::seconds(4)),
        task: TaskId(Digest([8; 32])),
        extensions: Extensions::default(),
    }
}

fn bid() -> Bid {
    Bid {
        bid_bond: Amount(20_000),
        bundles: Vec::new(),
        card: Digest([4; 32]),
        confidence: Ppm(950_000),
        consent: None,
        estimated_duration_ms: DurationMs(1_500),
        payment_schedule: PaymentSchedule::Completion,
        price: Amount(1_250_000_000_000),
        quality_level: QualityLevel::Premium,
        salt: Digest([5; 32]),
        task: TaskId(Digest([8; 32])),
        valid_until: CREATED.plus(DurationMs::seconds(60)),
        extensions: Extensions::default(),
    }
}

fn accept() -> Accept {
    Accept {
        agreement: Digest([6; 32]),
        price: Amount(1_500_000_000_000),
        task: TaskId(Digest([8; 32])),
        transcript: Digest([7; 32]),
        extensions: Extensions::default(),
    }
}

fn reject() -> Reject {
    Reject {
        agreement: Some(Digest([6; 32])),
        detail: "ran out of memory".into(),
        price: Some(Amount(1_500_000_000_000)),
        reason: RejectReason::Failed,
        task: TaskId(Digest([8; 32])),
        transcript: Some(Digest([7; 32])),
        extensions: Extensions::default(),
    }
}

fn negotiate() -> Negotiate {
    let part = |milestone: &str, share, seconds| ScheduledPayment {
        due_ms: DurationMs::seconds(seconds),
        milestone: milestone.into(),
        share: Ppm(share),
    };
    Negotiate {
        conversation_thread: vec![MessageId(Digest([11; 32])), MessageId(Digest([10; 32]))],
        counter_proposal: Some(CounterTerms {
            adjusted_price: Amount::ainu(120),
            alternate_timeline_ms: DurationMs::seconds(3_600),
            requirements_relaxation: vec![
                RelaxedRequirement::QualityLevel(QualityLevel::Standard),
                RelaxedRequirement::PaymentSchedule(PaymentSchedule::Upfront),
                RelaxedRequirement::DisputeResolution(DisputeResolution::MajorityVote),
            ],
        }),
        negotiation_id: NegotiationId(Digest([12; 32])),
        opening: None,
        proposal: ProposedTerms {
            dispute_resolution: DisputeResolution::Chain,
            payment_schedule: PaymentSchedule::Milestone(vec![
                part("draft", 400_000, 1_800),
                part("final", 600_000, 3_600),
            ]),
            price: Amount::ainu(150),
            quality_level: QualityLevel::Premium,
            timeline_ms: DurationMs::seconds(3_600),
        },
        round: 2,
        task: TaskId(Digest([8; 32])),
        thread_digest: Digest([13; 32]),
        extensions: Extensions::default(),
    }
}

fn opening() -> Negotiate {
    Negotiate {
        conversation_thread: vec![],
        counter_proposal: None,
        opening: Some(NegotiationOpening {
            cancellation_fee: Ppm(100_000),
            cancellation_free_ms: DurationMs::seconds(60),
            card: Digest([4; 32]),
            deadline: CREATED.plus(DurationMs::seconds(600)),
            opened: CREATED,
            rounds_max: 3,
            specification: None,
            valid_until: CREATED.plus(DurationMs::seconds(1_200)),
        }),
        round: 1,
        ..negotiate()
    }
}

fn draft<B>(body: B) -> Draft<B> {
    Draft {
        conversation_id: ConversationId(Digest([9; 32])),
        in_reply_to: Some(MessageId(Digest([10; 32]))),
        from: did(1),
        to: Recipients::One(did(2)),
        created: CREATED,
        expires: CREATED.plus(DurationMs::seconds(30)),
        body,
        extensions: Extensions::default(),
    }
}

fn envelope<B: Body>(body: B) -> Envelope<B> {
    draft(body).finish().expect("a good message")
}

fn bytes<B: Body>(envelope: &Envelope<B>) -> Vec<u8> {
    envelope.to_json().expect("not too large")
}

/// Reads a changed message; the id is made to fit first, so that it is not what is refused.
fn read<B: Body>(change: impl Fn(&mut Value), body: B) -> Error {
    let mut value: Value = serde_json::from_slice(&bytes(&envelope(body))).expect("JSON");
    change(&mut value);
    let id = {
        let mut hashed = value.clone();
        hashed.as_object_mut().expect("an object").retain(|name, _| name != "id");
        let hashed = to_canonical_json(&hashed).expect("JSON");
        ainur_crypto::hash::tagged("ainur/aacl-message/v2", &[&hashed])
    };
    value["id"] = json!(id);
    let bytes = to_canonical_json(&value).expect("JSON");
    Envelope::<B>::from_json(&bytes).map(|_| ()).expect_err("to be refused")
}

/// Golden files are rewritten by `AINUR_GOLDEN_WRITE=1`.
fn golden<B: Body + PartialEq + std::fmt::Debug>(name: &str, body: B) {
    let message = envelope(body);
    let written = bytes(&message);
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("AINUR_GOLDEN_WRITE").is_some() {
        std::fs::write(&path, &written).expect("a writable tree");
    }
    let stored = std::fs::read(&path).expect("a golden file");
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&stored), "{name}");
    assert_eq!(Envelope::<B>::from_json(&stored).expect("our own message"), message);
    let value: Value = serde_json::from_slice(&stored).expect("JSON");
    assert_eq!(to_canonical_json(&value).expect("JSON"), stored, "{name} is RFC 8785");
}

#[test]
fn bytes_of_every_message_are_as_in_the_golden_files() {
    golden("call", call());
    golden("bid-commit", commit());
    golden("bid", bid());
    golden("accept", accept());
    golden("reject", reject());
    golden("negotiate", negotiate());
    golden("negotiate-opening", opening());
}

/// Two parts.
fn graph_call() -> Call {
    let part = |name: &str, needs| Subtask {
        name: name.into(),
        capability: "archive.compress".parse().expect("a name"),
        parameters: "{}".into(),
        reserve: Amount::ainu(1),
        duration_ms_max: DurationMs::seconds(9),
        needs,
    };
    let subtasks = vec![part("one", vec![]), part("two", vec![0])];
    call_of(&TaskSpec { graph: Some(TaskGraph { subtasks }), ..spec() })
}

#[test]
fn a_call_for_a_graph_is_canonical_and_several_bids_on_it_are_accepted() {
    let call = envelope(graph_call());
    let written = bytes(&call);
    let value: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(to_canonical_json(&value).unwrap(), written);
    let said = |from: u8, to: u8, answers: MessageId| MessageHeader {
        in_reply_to: Some(answers),
        from: did(from),
        to: Recipients::One(did(to)),
        ..call.header().clone()
    };
    let make = |header: MessageHeader, message_type, id: u8| MessageHeader {
        id: MessageId(Digest([id; 32])),
        message_type,
        ..header
    };
    let accepted_by = |is_parted: bool| {
        let mut conversation = Conversation::new(call.header().conversation_id);
        let first = Draft {
            in_reply_to: None,
            ..draft(if is_parted { graph_call() } else { call_of(&spec()) })
        };
        let first = first.finish().unwrap();
        conversation.take(&Message::from(first.clone())).unwrap();
        for (seller, id) in [(3, 20), (4, 30)] {
            let commit = make(said(seller, 1, first.id()), MessageType::BidCommit, id);
            conversation.accept(&commit).unwrap();
            let bid = make(said(seller, 1, commit.id), MessageType::Bid, id + 1);
            conversation.accept(&bid).unwrap();
        }
        // The call is for one party alone, who speaks for the buyer.
        let accept = |seller: u8, bid: u8| {
            make(said(2, seller, MessageId(Digest([bid; 32]))), MessageType::Accept, bid + 1)
        };
        conversation.accept(&accept(3, 21)).unwrap();
        let second = conversation.accept(&accept(4, 31)).is_ok();
        (second, conversation.all_accepted().count())
    };
    assert_eq!(accepted_by(true), (true, 2));
    assert_eq!(accepted_by(false), (false, 1));
}

#[test]
fn a_message_of_any_type_is_read_by_its_type() {
    let read = |bytes: Vec<u8>| Message::from_json(&bytes).unwrap();
    let header = |message: &Message| message.header().message_type;
    assert_eq!(header(&read(bytes(&envelope(call())))), MessageType::Call);
    assert_eq!(header(&read(bytes(&envelope(commit())))), MessageType::BidCommit);
    assert_eq!(header(&read(bytes(&envelope(bid())))), MessageType::Bid);
    assert_eq!(header(&read(bytes(&envelope(reject())))), MessageType::Reject);
    assert_eq!(header(&read(bytes(&envelope(negotiate())))), MessageType::Negotiate);
    let message = read(bytes(&envelope(accept())));
    assert_eq!(message, Message::Accept(Box::new(envelope(accept()))));
    let unknown = Message::from_json(br#"{"type":"AACL-Gift-v1"}"#);
    assert!(matches!(unknown, Err(Error::UnknownType(name)) if name == "AACL-Gift-v1"));
    for known in MessageType::ALL {
        assert_eq!(json!(known), json!(known.as_str()));
    }
}

#[test]
fn one_signature_covers_many_messages() {
    let key = SigningKey::from_seed(&[3; 32]).unwrap();
    let (keys, sender) = (key.public(), did(1));
    let mut messages: Vec<_> = (0..5u8)
        .map(|number| envelope(Accept { agreement: Digest([number; 32]), ..accept() }))
        .collect();
    let items: Vec<Digest> = messages.iter().map(|message| message.id().0).collect();
    let proofs = batch::prove_all(&key, sender, 0, &items);
    for (message, proof) in messages.iter_mut().zip(proofs.clone()) {
        assert!(matches!(message.verify(&keys, &HybridVerifier), Err(Error::Unsigned)));
        message.attach(proof).unwrap();
        message.verify(&keys, &HybridVerifier).unwrap();
        let sent = bytes(message);
        let value: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(to_canonical_json(&value).unwrap(), sent, "with a proof, too");
        let received = Envelope::<Accept>::from_json(&sent).unwrap();
        received.verify(&keys, &HybridVerifier).unwrap();
        assert_eq!(received.id(), message.id(), "the proof is not part of the id");
    }
    messages[0].attach(proofs[1].clone()).unwrap();
    assert!(matches!(messages[0].verify(&keys, &HybridVerifier), Err(Error::Proof(_))));
    let other = SigningKey::from_seed(&[4; 32]).unwrap();
    assert!(matches!(messages[1].verify(&other.public(), &HybridVerifier), Err(Error::Proof(_))));
    let stranger = Proof::sign(&other, did(7), 0, items[0]);
    assert!(matches!(messages[0].attach(stranger), Err(Error::OtherSigner { .. })));
}

#[test]
fn an_id_cannot_lie() {
    let mut value: Value = serde_json::from_slice(&bytes(&envelope(bid()))).unwrap();
    value["body"]["price"] = json!("1");
    let changed = to_canonical_json(&value).unwrap();
    assert!(matches!(Envelope::<Bid>::from_json(&changed), Err(Error::Id { .. })));
    let one = envelope(bid());
    let later = Draft { expires: CREATED.plus(DurationMs::seconds(31)), ..draft(bid()) };
    assert_ne!(one.id(), later.finish().unwrap().id(), "the header counts, too");
}

#[test]
fn other_spellings_are_refused() {
    let good = String::from_utf8(bytes(&envelope(bid()))).unwrap();
    let refused = |text: String| Envelope::<Bid>::from_json(text.as_bytes()).unwrap_err();
    assert!(matches!(refused(good.replacen(':', ": ", 1)), Error::NotCanonical(_)));
    assert!(matches!(refused(good.replace("950000", "950000.0")), Error::Shape(_)));
    assert!(matches!(
        refused(good.replace("\"bid_bond\"", "\"bid\\u005fbond\"")),
        Error::NotCanonical(_)
    ));
    assert!(matches!(refused(format!("{good} ")), Error::NotCanonical(_)));
    assert!(matches!(refused(format!("{good}x")), Error::Shape(_)));
    let twice = good.replacen("\"created\"", "\"created\":\"x\",\"created\"", 1);
    assert!(matches!(refused(twice), Error::Shape(_)));
    let null = good.replacen("\"to\"", "\"proof\":null,\"to\"", 1);
    assert!(matches!(refused(null), Error::NotCanonical(_)));
    assert!(matches!(refused(" ".repeat(MESSAGE_BYTES_MAX + 1)), Error::TooLarge(_)));
    let many = Message::from_json(&[b' '; MESSAGE_BYTES_MAX + 1]);
    assert!(matches!(many, Err(Error::TooLarge(_))));
    let other = Envelope::<Accept>::from_json(&bytes(&envelope(reject())));
    assert!(other.is_err());
}

#[test]
fn unknown_fields_are_refused_unless_they_are_optional() {
    let unknown = read(|value| value["urgent"] = json!(true), bid());
    assert!(unknown.to_string().contains("urgent"), "{unknown}");
    let unknown = read(|value| value["body"]["color"] = json!("red"), bid());
    assert!(unknown.to_string().contains("color"), "{unknown}");
    let nested = read(|value| value["body"]["constraints"]["x-a"] = json!(1), call());
    assert!(matches!(nested, Error::Shape(_)), "inner objects are closed: {nested}");
    let missing = read(
        |value| {
            value["body"].as_object_mut().unwrap().remove("price");
        },
        bid(),
    );
    assert!(missing.to_string().contains("price"), "{missing}");
    let other = read(|value| value["type"] = json!("AACL-Accept-v1"), bid());
    assert!(matches!(other, Error::OtherType { .. }));

    let mut body = bid();
    body.extensions
        .insert("x-color", json!({"é": [1, null, "r"], "\u{ffff}": -2, "😀": {}}))
        .unwrap();
    let mut with = draft(body);
    with.extensions.insert("x-trace", json!("abc")).unwrap();
    let sent = with.finish().unwrap();
    let received = Envelope::<Bid>::from_json(&bytes(&sent)).unwrap();
    assert_eq!(received, sent);
    assert_eq!(received.extensions().get("x-trace"), Some(&json!("abc")));
    assert_eq!(received.body().extensions.iter().len(), 1);
    assert_ne!(received.id(), envelope(bid()).id(), "optional fields are signed");
}

#[test]
fn optional_fields_have_limits() {
    let mut extensions = Extensions::default();
    for (name, value) in [
        ("color", json!(1)),
        ("x-Color", json!(1)),
        ("x-", json!(1.5)),
        ("x-a", json!(INTEGER_MAX + 1)),
        ("x-a", json!({"deep": [i64::MIN]})),
    ] {
        assert!(extensions.insert(name, value).is_err(), "{name}");
    }
    let long = format!("x-{}", "a".repeat(63));
    assert!(extensions.insert(&long, json!(1)).is_err());
    for number in 0..16 {
        extensions.insert(&format!("x-{number}"), json!(number)).unwrap();
    }
    assert!(extensions.insert("x-16", json!(1)).is_err());
    extensions.insert("x-0", json!("replaced")).unwrap();
    let float = read(|value| value["x-a"] = json!(0.5), bid());
    assert!(matches!(float, Error::Shape(_)), "{float}");
}

#[test]
fn a_lifetime_is_positive_and_at_most_a_day() {
    let lives = |ms| Draft { expires: CREATED.plus(DurationMs(ms)), ..draft(bid()) }.finish();
    assert!(matches!(lives(0), Err(Error::Lifetime)));
    assert!(lives(LIFETIME_MS_MAX.0).is_ok());
    assert!(matches!(lives(LIFETIME_MS_MAX.0 + 1), Err(Error::Lifetime)));
    let past = Draft { expires: Timestamp(CREATED.0 - 1), ..draft(bid()) };
    assert!(matches!(past.finish(), Err(Error::Lifetime)));
}

#[test]
fn recipients_are_one_many_or_a_topic() {
    let round = |to: Recipients| {
        let sent = Draft { to, ..draft(accept()) }.finish().unwrap();
        assert_eq!(Envelope::<Accept>::from_json(&bytes(&sent)).unwrap(), sent);
    };
    round(Recipients::Many(vec![did(3), did(2)]));
    round(Recipients::Topic("topic:call/archive.compress".parse().unwrap()));
    let refused = |many| Draft { to: Recipients::Many(many), ..draft(accept()) }.finish().is_err();
    assert!(refused(vec![]) && refused(vec![did(1)]) && refused(vec![did(1), did(2), did(1)]));
    assert!(!refused((0..RECIPIENTS_MAX as u8).map(did).collect()));
    assert!(refused((0..=RECIPIENTS_MAX as u8).map(did).collect()));
    for to in [json!("topic:"), json!("topic:A b"), json!([did(1)]), json!("did:key:z"), json!(5)] {
        assert!(
            matches!(read(|value| value["to"] = to.clone(), accept()), Error::Shape(_)),
            "{to}"
        );
    }
    assert!(Recipients::Many(vec![did(1), did(2)]).names(&did(2)));
    assert!(!Recipients::One(did(1)).names(&did(2)));
}

#[test]
fn bodies_that_cannot_be_are_refused() {
    fn refused<B: Body>(body: B) -> &'static str {
        match draft(body).finish().map(|_| ()).expect_err("to be refused") {
            Error::Field { field, .. } | Error::Digest { field, .. } => field,
            other => unreachable!("{other}"),
        }
    }
    assert_eq!(refused(Call { commit_until: CREATED, ..call() }), "reveal_until");
    let late = call().reveal_until;
    assert_eq!(refused(Call { commit_until: late, ..call() }), "reveal_until");
    assert_eq!(refused(Call { deadline: late, ..call() }), "deadline");
    let other = call().deadline.plus(DurationMs(1));
    assert_eq!(refused(Call { deadline: other, ..call() }), "deadline");
    let lie = Call { specification_digest: Digest::ZERO, ..call() };
    assert_eq!(refused(lie), "specification_digest");
    let mut sure = call();
    sure.constraints.failure_probability_max = Ppm(1_000_001);
    assert_eq!(refused(sure), "constraints.failure_probability_max");
    let mut endless = call();
    endless.constraints.duration_ms_max = DurationMs(INTEGER_MAX + 1);
    assert_eq!(refused(endless), "constraints.duration_ms_max");
    let mut large = call();
    large.specification.limits.fuel_max = INTEGER_MAX + 1;
    assert_eq!(refused(large), "specification.limits.fuel_max");
    assert_eq!(refused(BidCommit { reveal_until: CREATED, ..commit() }), "reveal_until");
    assert_eq!(refused(Bid { valid_until: CREATED, ..bid() }), "valid_until");
    assert_eq!(refused(Bid { confidence: Ppm(1_000_001), ..bid() }), "confidence");
    let slow = DurationMs(INTEGER_MAX + 1);
    assert_eq!(refused(Bid { estimated_duration_ms: slow, ..bid() }), "estimated_duration_ms");
    assert_eq!(refused(Reject { detail: "a".repeat(1_025), ..reject() }), "detail");
    assert_eq!(refused(Reject { agreement: None, ..reject() }), "agreement");
    let thread = negotiate().conversation_thread;
    let twice = vec![thread[0], thread[0]];
    assert_eq!(
        refused(Negotiate { conversation_thread: twice, ..negotiate() }),
        "conversation_thread"
    );
    let ids = |count: u8| (0..count).map(|number| MessageId(Digest([number; 32]))).collect();
    let long = Negotiate { conversation_thread: ids(128), round: 65, ..negotiate() };
    assert_eq!(refused(long), "conversation_thread");
    assert_eq!(refused(Negotiate { round: 3, ..negotiate() }), "round");
    assert_eq!(refused(Negotiate { opening: None, ..opening() }), "opening");
    assert_eq!(refused(Negotiate { opening: opening().opening, ..negotiate() }), "opening");
    let counter = negotiate().counter_proposal;
    assert_eq!(refused(Negotiate { counter_proposal: counter, ..opening() }), "counter_proposal");
    let mut over = opening();
    over.opening.as_mut().unwrap().deadline = CREATED;
    assert_eq!(refused(over), "opening.deadline");
    let mut dear = opening();
    dear.opening.as_mut().unwrap().cancellation_fee = Ppm(1_000_001);
    assert_eq!(refused(dear), "opening.cancellation_fee");
    let mut slow = negotiate();
    slow.proposal.timeline_ms = DurationMs(INTEGER_MAX + 1);
    assert_eq!(refused(slow), "proposal.timeline_ms");
    let mut unpaid = negotiate();
    unpaid.proposal.payment_schedule = PaymentSchedule::Milestone(vec![]);
    assert_eq!(refused(unpaid), "proposal.payment_schedule");
    let mut many = negotiate();
    let relaxed = &mut many.counter_proposal.as_mut().unwrap().requirements_relaxation;
    relaxed.push(RelaxedRequirement::QualityLevel(QualityLevel::Premium));
    assert_eq!(refused(many), "counter_proposal.requirements_relaxation");
    let huge = Call { input_schema: "a".repeat(MESSAGE_BYTES_MAX), ..call() };
    assert!(matches!(draft(huge).finish(), Err(Error::TooLarge(_))));
}

#[test]
fn a_specification_travels_whole_and_its_reserve_can_be_sealed() {
    let specification = Specification::open(&spec());
    assert_eq!(specification.task_spec(), Some(spec()));
    let sealed = Specification::sealed(&spec(), &[1; 32]);
    assert_eq!(sealed.task_spec(), None);
    assert_eq!(sealed.unsealed(spec().reserve, &[1; 32]), Some(spec()));
    assert_eq!(sealed.unsealed(spec().reserve, &[2; 32]), None);
    assert_eq!(sealed.unsealed(Amount(1), &[1; 32]), None);
    assert_ne!(sealed.digest().unwrap(), specification.digest().unwrap());
    let written = serde_json::to_string(&sealed).unwrap();
    assert!(!written.contains(&spec().reserve.to_string()), "{written}");
    assert!(matches!(sealed.reserve, ReservePrice::Sealed(_)));
}

prop_compose! {
    fn any_spec()(
        parameters in ".{0,60}",
        numbers in any::<(u128, u128)>(),
        small in (0..=INTEGER_MAX, 100_000..=1_000_000_000u64, 0..=INTEGER_MAX),
        budget in proptest::option::of(any::<[u8; 32]>()),
        rule in 0..4usize,
        check in any_check(),
    ) -> TaskSpec {
        let rules = [
            SelectionRule::Scored, SelectionRule::Cheapest, SelectionRule::Fastest,
            SelectionRule::BestReputation,
        ];
        TaskSpec {
            parameters,
            input: budget.map(|bytes| ContentId(Digest(bytes))),
            input_bytes: small.0,
            reserve: Amount(numbers.0),
            loss: Amount(numbers.1),
            budget: budget.map(|bytes| BudgetId(Digest(bytes))),
            selection: rules[rule],
            check,
            deadline_ms: DurationMs(small.1),
            limits: ExecutionLimits { fuel_max: small.2, ..ExecutionLimits::default() },
            ..spec()
        }
    }
}

fn any_check() -> impl Strategy<Value = AcceptanceCheck> {
    let content = any::<[u8; 32]>().prop_map(|bytes| ContentId(Digest(bytes)));
    let leaf = prop_oneof![
        Just(AcceptanceCheck::Schema),
        Just(AcceptanceCheck::Reexecution),
        content.clone().prop_map(|expected| AcceptanceCheck::Digest { expected }),
        content.prop_map(|component| AcceptanceCheck::Verifier { component }),
        (0..=INTEGER_MAX).prop_map(|ms| AcceptanceCheck::BuyerWord { window_ms: DurationMs(ms) }),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(|checks| AcceptanceCheck::All { checks })
    })
}

proptest! {
    #[test]
    fn any_call_is_canonical_and_comes_back(spec in any_spec(), text in ".{0,40}") {
        let sent = envelope(Call { input_schema: text, ..call_of(&spec) });
        let written = bytes(&sent);
        let value: Value = serde_json::from_slice(&written).unwrap();
        prop_assert_eq!(to_canonical_json(&value).unwrap(), written.clone());
        let received = Envelope::<Call>::from_json(&written).unwrap();
        prop_assert_eq!(received.body().specification.task_spec(), Some(spec));
        prop_assert_eq!(received, sent);
    }

    #[test]
    fn any_bid_and_reject_is_canonical_and_comes_back(
        price in any::<u128>(),
        duration in 0..=INTEGER_MAX,
        detail in ".{0,200}",
        agreement in any::<bool>(),
        created in 0..253_000_000_000_000u64,
    ) {
        let at = Timestamp(created);
        let body = Bid {
            price: Amount(price),
            estimated_duration_ms: DurationMs(duration),
            valid_until: at.plus(DurationMs(1)),
            ..bid()
        };
        let expires = at.plus(DurationMs(1));
        let sent = Draft { created: at, expires, ..draft(body) }.finish().unwrap();
        prop_assert_eq!(Envelope::<Bid>::from_json(&bytes(&sent)).unwrap(), sent);
        let body = Reject {
            detail,
            agreement: agreement.then_some(Digest([1; 32])),
            price: agreement.then_some(Amount(price)),
            reason: RejectReason::Outbid,
            ..reject()
        };
        let sent = envelope(body);
        let written = bytes(&sent);
        let value: Value = serde_json::from_slice(&written).unwrap();
        prop_assert_eq!(to_canonical_json(&value).unwrap(), written.clone());
        prop_assert_eq!(Envelope::<Reject>::from_json(&written).unwrap(), sent);
    }

    #[test]
    fn no_bytes_make_reading_panic(mut place in any::<usize>(), byte in any::<u8>()) {
        let mut written = bytes(&envelope(call()));
        place %= written.len();
        written[place] = byte;
        if let Ok(read) = Message::from_json(&written) {
            prop_assert_eq!(read, Message::Call(Box::new(envelope(call()))));
        }
    }
}
