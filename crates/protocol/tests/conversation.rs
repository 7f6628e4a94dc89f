//! Which message may follow which, and what counts as fresh.
use ainur_primitives::{ConversationId, Did, Digest, DurationMs, MessageId, Timestamp};
use ainur_protocol::conversation::Error;
use ainur_protocol::limits::{BIDDERS_MAX, CLOCK_DIFFERENCE_MS_MAX, NEGOTIATION_MESSAGES_MAX};
use ainur_protocol::replay::{self, Window};
use ainur_protocol::{Conversation, MessageHeader, MessageType, Recipients};

const BUYER: Did = Did(Digest([1; 32]));
const ALICE: Did = Did(Digest([2; 32]));
const BOB: Did = Did(Digest([3; 32]));

fn id(number: u64) -> MessageId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    MessageId(Digest(bytes))
}

fn header(
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

fn call() -> MessageHeader {
    MessageHeader {
        to: Recipients::Topic("topic:call/a.b".parse().expect("a topic")),
        ..header(MessageType::Call, 1, None, BUYER, BUYER)
    }
}

fn commit(number: u64, bidder: Did) -> MessageHeader {
    header(MessageType::BidCommit, number, Some(1), bidder, BUYER)
}

fn bid(number: u64, answers: u64, bidder: Did) -> MessageHeader {
    header(MessageType::Bid, number, Some(answers), bidder, BUYER)
}

fn coalition_bid(number: u64, answers: u64, bidder: Did) -> MessageHeader {
    header(MessageType::CoalitionBid, number, Some(answers), bidder, BUYER)
}

fn accept(number: u64, answers: u64, bidder: Did) -> MessageHeader {
    header(MessageType::Accept, number, Some(answers), BUYER, bidder)
}

fn reject(number: u64, answers: u64, bidder: Did) -> MessageHeader {
    header(MessageType::Reject, number, Some(answers), BUYER, bidder)
}

fn after(messages: &[MessageHeader]) -> Conversation {
    let mut conversation = Conversation::new(ConversationId(Digest([9; 32])));
    for message in messages {
        conversation.accept(message).expect("a legal message");
    }
    conversation
}

/// Call, two commitments, two bids.
fn bidden() -> Conversation {
    after(&[call(), commit(2, ALICE), commit(3, BOB), bid(4, 2, ALICE), bid(5, 3, BOB)])
}

/// Refused, with nothing changed.
fn refused(conversation: &Conversation, message: &MessageHeader) -> Error {
    let mut tried = conversation.clone();
    let error = tried.accept(message).expect_err("to be refused");
    assert_eq!(tried, *conversation);
    error
}

#[test]
fn an_auction_runs_from_call_to_acceptance() {
    use MessageType::{Accept, Bid, BidCommit, Call, CoalitionBid, Negotiate, Reject};
    assert_eq!(after(&[]).expected(), [Call, Negotiate]);
    assert_eq!(after(&[call()]).expected(), [BidCommit]);
    assert_eq!(
        after(&[call(), commit(2, ALICE)]).expected(),
        [BidCommit, Bid, CoalitionBid, Reject, Negotiate]
    );
    let mut conversation = bidden();
    assert_eq!(conversation.expected(), [BidCommit, Accept, Reject, Negotiate]);
    assert_eq!(conversation.expected_from(&BUYER), [Accept, Reject, Negotiate]);
    assert_eq!(conversation.expected_from(&ALICE), []);
    conversation.accept(&accept(6, 4, ALICE)).unwrap();
    assert_eq!(conversation.accepted(), Some(ALICE));
    conversation.accept(&reject(7, 5, BOB)).unwrap();
    assert_eq!(conversation.buyer(), Some(BUYER));
}

#[test]
fn a_call_to_one_party_alone_names_the_buyers_broker() {
    const BROKER: Did = Did(Digest([7; 32]));
    let to_broker = MessageHeader { to: Recipients::One(BROKER), ..call() };
    let mut conversation =
        after(&[to_broker, commit(2, ALICE), commit(3, BOB), bid(4, 2, ALICE), bid(5, 3, BOB)]);
    assert_eq!(conversation.broker(), Some(BROKER));
    assert_eq!(conversation.expected_from(&BROKER), conversation.expected_from(&BUYER));
    let broker = |message: MessageHeader| MessageHeader { from: BROKER, ..message };
    let error = refused(&conversation, &broker(commit(6, BROKER)));
    assert!(matches!(error, Error::Unexpected { .. }), "a broker does not bid: {error}");
    conversation.accept(&broker(accept(6, 4, ALICE))).unwrap();
    conversation.accept(&broker(reject(7, 5, BOB))).unwrap();
    assert_eq!(conversation.accepted(), Some(ALICE));
    // Nobody speaks for a buyer who called everybody.
    let error = refused(&bidden(), &broker(accept(6, 4, ALICE)));
    assert!(matches!(error, Error::Unexpected { .. }), "{error}");
    assert_eq!(bidden().broker(), None);
}

#[test]
fn a_coalition_bids_once_through_the_commitment_of_its_lead() {
    let committed = after(&[call(), commit(2, ALICE), commit(3, BOB)]);
    let stale = refused(&committed, &coalition_bid(4, 3, ALICE));
    assert!(matches!(stale, Error::Stale { .. }), "another's commitment: {stale}");
    let mut conversation = committed;
    conversation.accept(&coalition_bid(4, 2, ALICE)).unwrap();
    conversation.accept(&bid(5, 3, BOB)).unwrap();
    for again in [coalition_bid(6, 2, ALICE), bid(6, 2, ALICE), coalition_bid(6, 3, BOB)] {
        let error = refused(&conversation, &again);
        assert!(matches!(error, Error::Unexpected { .. }), "one bid each: {error}");
    }
    for (message, from) in
        [(coalition_bid(2, 1, ALICE), ALICE), (coalition_bid(2, 1, BUYER), BUYER)]
    {
        let error = refused(&after(&[call()]), &message);
        assert!(
            matches!(error, Error::Unexpected { found: MessageType::CoalitionBid, from: by, .. } if by == from)
        );
    }
    conversation.accept(&accept(6, 4, ALICE)).unwrap();
    assert_eq!(conversation.accepted(), Some(ALICE));
    conversation.accept(&reject(7, 4, ALICE)).unwrap();
    conversation.accept(&accept(8, 5, BOB)).unwrap();
}

#[test]
fn a_failed_winner_is_replaced_even_by_one_rejected_before() {
    let mut conversation = bidden();
    conversation.accept(&accept(6, 4, ALICE)).unwrap();
    conversation.accept(&reject(7, 5, BOB)).unwrap();
    let early = refused(&conversation, &accept(8, 5, BOB));
    assert!(matches!(early, Error::Unexpected { .. }), "one at a time: {early}");
    conversation.accept(&reject(9, 4, ALICE)).unwrap();
    assert_eq!(conversation.accepted(), None);
    conversation.accept(&accept(10, 5, BOB)).unwrap();
    assert_eq!(conversation.accepted(), Some(BOB));
    conversation.accept(&reject(11, 5, BOB)).unwrap();
    for (again, bidder) in [(4, ALICE), (5, BOB)] {
        let error = refused(&conversation, &accept(12, again, bidder));
        assert!(matches!(error, Error::Unexpected { .. }), "withdrawn for good: {error}");
    }
    assert_eq!(conversation.expected_from(&BUYER), []);
}

#[test]
fn what_is_not_expected_is_refused_with_what_is() {
    let fresh = after(&[]);
    let error = refused(&fresh, &commit(2, ALICE));
    assert_eq!(
        error,
        Error::Unexpected {
            found: MessageType::BidCommit,
            from: ALICE,
            expected: vec![MessageType::Call, MessageType::Negotiate]
        }
    );
    assert!(error.to_string().ends_with("expected: AACL-Call-v1, AACL-Negotiate-v1"), "{error}");
    let called = after(&[call()]);
    let unexpected = |conversation: &Conversation, message: &MessageHeader| {
        assert!(matches!(refused(conversation, message), Error::Unexpected { .. }), "{message:?}");
    };
    unexpected(&called, &call());
    unexpected(&called, &MessageHeader { from: ALICE, ..call() });
    unexpected(&called, &commit(2, BUYER));
    unexpected(&called, &bid(2, 1, ALICE));
    unexpected(&called, &accept(2, 1, ALICE));
    let committed = after(&[call(), commit(2, ALICE)]);
    unexpected(&committed, &commit(3, ALICE));
    unexpected(&committed, &bid(3, 2, BOB));
    unexpected(&committed, &accept(3, 2, ALICE));
    unexpected(&bidden(), &bid(6, 2, ALICE));
    unexpected(&bidden(), &MessageHeader { from: BOB, ..accept(6, 4, ALICE) });
    let rejected = after(&[call(), commit(2, ALICE), reject(3, 2, ALICE)]);
    unexpected(&rejected, &bid(4, 2, ALICE));
}

#[test]
fn answers_to_something_else_are_stale() {
    let stale = |conversation: &Conversation, message: &MessageHeader| {
        assert!(matches!(refused(conversation, message), Error::Stale { .. }), "{message:?}");
    };
    stale(&after(&[]), &MessageHeader { in_reply_to: Some(id(0)), ..call() });
    let called = after(&[call()]);
    stale(&called, &MessageHeader { in_reply_to: Some(id(7)), ..commit(2, ALICE) });
    stale(&called, &MessageHeader { in_reply_to: None, ..commit(2, ALICE) });
    let committed = after(&[call(), commit(2, ALICE), commit(3, BOB)]);
    stale(&committed, &bid(4, 3, ALICE));
    stale(&bidden(), &accept(6, 2, ALICE));
    stale(&bidden(), &reject(6, 2, ALICE));
    let rejected = after(&[call(), commit(2, ALICE), commit(3, BOB), reject(4, 2, ALICE)]);
    stale(&rejected, &reject(5, 2, ALICE));
}

#[test]
fn messages_go_to_whom_they_concern_in_time_and_place() {
    let called = after(&[call()]);
    let public = Recipients::Topic("topic:all".parse().unwrap());
    let error = refused(&called, &MessageHeader { to: public, ..commit(2, ALICE) });
    assert_eq!(error, Error::Recipient { found: MessageType::BidCommit, expected: BUYER });
    let error = refused(&bidden(), &accept(6, 4, BOB));
    assert_eq!(error, Error::Recipient { found: MessageType::Accept, expected: ALICE });
    let early = MessageHeader { created: Timestamp(1_000), ..commit(2, ALICE) };
    assert_eq!(refused(&called, &early), Error::Backdated { found: MessageType::BidCommit });
    let early = MessageHeader { created: Timestamp(1_003), ..reject(6, 4, ALICE) };
    assert_eq!(refused(&bidden(), &early), Error::Backdated { found: MessageType::Reject });
    let elsewhere = ConversationId(Digest([8; 32]));
    let other = MessageHeader { conversation_id: elsewhere, ..commit(2, ALICE) };
    assert!(matches!(refused(&called, &other), Error::OtherConversation { .. }));
}

#[test]
fn a_conversation_keeps_so_many_bidders() {
    let mut conversation = after(&[call()]);
    for number in 0..BIDDERS_MAX as u64 {
        conversation.accept(&commit(100 + number, Did(id(100 + number).0))).unwrap();
    }
    assert_eq!(refused(&conversation, &commit(500, ALICE)), Error::Full);
}

fn propose(number: u64, answers: Option<u64>, from: Did, to: Did) -> MessageHeader {
    header(MessageType::Negotiate, number, answers, from, to)
}

/// The buyer opens with Alice, who answers.
fn negotiating() -> Conversation {
    after(&[propose(1, None, BUYER, ALICE), propose(2, Some(1), ALICE, BUYER)])
}

#[test]
fn a_negotiation_without_a_call_goes_by_turns_until_somebody_accepts() {
    use MessageType::{Accept, Negotiate, Reject};
    let mut conversation = negotiating();
    assert_eq!(conversation.buyer(), Some(BUYER));
    assert_eq!(conversation.thread(&ALICE), [id(1), id(2)]);
    assert_eq!(conversation.expected_from(&BUYER), [Accept, Reject, Negotiate]);
    assert_eq!(conversation.expected_from(&ALICE), []);
    conversation.accept(&propose(3, Some(2), BUYER, ALICE)).unwrap();
    assert_eq!(conversation.expected_from(&ALICE), [Accept, Reject, Negotiate]);
    assert_eq!(conversation.expected_from(&BUYER), [Negotiate], "only with somebody else");
    assert_eq!(conversation.expected_from(&BOB), []);
    let yes = header(Accept, 4, Some(3), ALICE, BUYER);
    conversation.accept(&yes).unwrap();
    assert_eq!(conversation.accepted(), Some(ALICE));
    assert_eq!(conversation.expected_from(&ALICE), []);
    assert_eq!(conversation.expected_from(&BUYER), [Reject]);
    conversation.accept(&reject(5, 4, ALICE)).unwrap();
    assert_eq!(conversation.accepted(), None, "withdrawn, for good");
    assert_eq!(conversation.expected_from(&BUYER), [Negotiate]);
    assert_eq!(refused(&conversation, &propose(6, None, BUYER, ALICE)), Error::Opening);
}

#[test]
fn a_bid_stands_when_the_negotiation_after_it_fails() {
    let mut conversation = bidden();
    let error = refused(&conversation, &propose(6, None, BUYER, ALICE));
    assert!(matches!(error, Error::Stale { .. }), "in reply to the bid: {error}");
    let error = refused(&conversation, &propose(6, Some(2), BUYER, ALICE));
    assert!(matches!(error, Error::Stale { .. }), "not to the commitment before it: {error}");
    conversation.accept(&propose(6, Some(4), BUYER, ALICE)).unwrap();
    let error = refused(&conversation, &accept(7, 4, ALICE));
    assert!(matches!(error, Error::Stale { .. }), "the proposal binds: {error}");
    conversation.accept(&propose(7, Some(6), ALICE, BUYER)).unwrap();
    conversation.accept(&header(MessageType::Reject, 8, Some(7), BUYER, ALICE)).unwrap();
    assert_eq!(conversation.expected_from(&ALICE), []);
    let error = refused(&conversation, &propose(9, Some(4), BUYER, ALICE));
    assert!(matches!(error, Error::Stale { .. }), "once: {error}");
    conversation.accept(&accept(9, 4, ALICE)).unwrap();
    assert_eq!(conversation.accepted(), Some(ALICE));
    let error = refused(&conversation, &propose(10, Some(5), BUYER, BOB));
    assert!(matches!(error, Error::Unexpected { .. }), "somebody is accepted: {error}");
}

#[test]
fn a_seller_can_still_open_its_bid_while_it_negotiates_and_after() {
    let mut conversation = after(&[call(), commit(2, ALICE), propose(3, Some(2), BUYER, ALICE)]);
    let mut later = conversation.clone();
    conversation.accept(&bid(4, 2, ALICE)).unwrap();
    conversation.accept(&header(MessageType::Reject, 5, Some(3), ALICE, BUYER)).unwrap();
    conversation.accept(&accept(6, 4, ALICE)).unwrap();
    assert_eq!(conversation.accepted(), Some(ALICE));
    later.accept(&header(MessageType::Reject, 4, Some(3), ALICE, BUYER)).unwrap();
    later.accept(&bid(5, 2, ALICE)).unwrap();
    later.accept(&accept(6, 5, ALICE)).unwrap();
    assert_eq!(later.accepted(), Some(ALICE), "and after it failed");
}

#[test]
fn proposals_out_of_turn_stale_or_to_others_are_refused() {
    let conversation = negotiating();
    let unexpected = |message: MessageHeader| {
        let error = refused(&conversation, &message);
        assert!(matches!(error, Error::Unexpected { .. }), "{message:?}: {error}");
    };
    unexpected(propose(3, Some(2), ALICE, BUYER));
    unexpected(propose(3, Some(2), BOB, BUYER));
    unexpected(header(MessageType::Accept, 3, Some(1), ALICE, BUYER));
    unexpected(MessageHeader { to: Recipients::One(BUYER), ..call() });
    let stale = |message: MessageHeader| {
        let error = refused(&conversation, &message);
        assert!(matches!(error, Error::Stale { .. }), "{message:?}: {error}");
    };
    stale(propose(3, Some(1), BUYER, ALICE));
    stale(accept(3, 1, ALICE));
    stale(reject(3, 9, ALICE));
    let many = Recipients::Many(vec![ALICE, BOB]);
    for (to, seller) in [(Recipients::One(BUYER), None), (many, None)] {
        let message = MessageHeader { to, ..propose(3, seller, BUYER, BOB) };
        assert_eq!(refused(&conversation, &message), Error::Opening);
    }
    let error = refused(&conversation, &propose(3, Some(2), BUYER, BOB));
    assert_eq!(error, Error::Recipient { found: MessageType::Negotiate, expected: ALICE });
    let early = MessageHeader { created: Timestamp(1_001), ..propose(3, Some(2), BUYER, ALICE) };
    assert_eq!(refused(&conversation, &early), Error::Backdated { found: early.message_type });
}

#[test]
fn a_thread_has_so_many_messages_and_then_ends() {
    let mut conversation = negotiating();
    for number in 3..=NEGOTIATION_MESSAGES_MAX as u64 {
        let (from, to) = if number % 2 == 1 { (BUYER, ALICE) } else { (ALICE, BUYER) };
        conversation.accept(&propose(number, Some(number - 1), from, to)).unwrap();
    }
    let last = NEGOTIATION_MESSAGES_MAX as u64;
    let error = refused(&conversation, &propose(last + 1, Some(last), BUYER, ALICE));
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    conversation.accept(&accept(last + 1, last, ALICE)).unwrap();
}

fn at(created: u64, number: u64) -> MessageHeader {
    let expires = Timestamp(created + 2 * CLOCK_DIFFERENCE_MS_MAX.0);
    MessageHeader { created: Timestamp(created), expires, ..commit(number, ALICE) }
}

#[test]
fn a_message_counts_once_and_near_its_time() {
    let now = Timestamp(1_000_000);
    let width = CLOCK_DIFFERENCE_MS_MAX.0;
    let mut window = Window::default();
    for created in [now.0, now.0 - width, now.0 + width] {
        window.take(now, &at(created, created)).unwrap();
        assert_eq!(window.take(now, &at(created, created)), Err(replay::Error::Seen(id(created))));
    }
    let old = window.take(now, &at(now.0 - width - 1, 1));
    assert!(matches!(old, Err(replay::Error::TooOld { .. })), "{old:?}");
    let new = window.take(now, &at(now.0 + width + 1, 1));
    assert!(matches!(new, Err(replay::Error::FromTheFuture { .. })), "{new:?}");
    let over = MessageHeader { expires: now, ..at(now.0 - 5, 1) };
    assert!(matches!(window.take(now, &over), Err(replay::Error::Expired { .. })));
    assert_eq!(window.len(), 3);
}

#[test]
fn the_window_forgets_what_is_too_old_anyway_even_if_the_clock_goes_back() {
    let mut window = Window::default();
    let first = at(1_000_000, 1);
    window.take(Timestamp(1_000_000), &first).unwrap();
    let later = Timestamp(1_000_001).plus(CLOCK_DIFFERENCE_MS_MAX);
    window.take(later, &at(later.0, 2)).unwrap();
    assert_eq!(window.len(), 1, "memory follows the window");
    let back = window.take(Timestamp(1_000_000), &first);
    assert_eq!(back, Err(replay::Error::Forgotten { floor: first.created }));
}

#[test]
fn a_full_window_narrows_and_lets_nothing_through_twice() {
    let now = Timestamp(1_000_000);
    let mut window = Window::with_capacity(100);
    let mut counted = 0;
    for number in 0..1_000u64 {
        let message = at(now.0 + number, number);
        counted += u64::from(window.take(now.plus(DurationMs(number)), &message).is_ok());
        assert!(window.len() <= 100);
    }
    assert_eq!(counted, 1_000, "in the order of their time all are taken");
    for number in 0..1_000u64 {
        let again = window.take(now.plus(DurationMs(999)), &at(now.0 + number, number));
        let expected = if number < 900 {
            replay::Error::Forgotten { floor: Timestamp(now.0 + 899) }
        } else {
            replay::Error::Seen(id(number))
        };
        assert_eq!(again, Err(expected));
    }
    let crowd = Window::with_capacity(0).take(now, &at(now.0, 1));
    assert_eq!(crowd, Ok(()));
}
