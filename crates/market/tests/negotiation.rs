//! A negotiation takes exactly what may be said, and every word is under the thread's digest.
use ainur_market::negotiation::{
    CounterProposal, Error, Negotiation, NegotiationAct, NegotiationActKind, NegotiationEnd,
    NegotiationMessage, NegotiationProposal, NegotiationRules, Relaxation,
};
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentError, PaymentTerms};
use ainur_primitives::{
    Amount, Did, Digest, DisputeResolution, DurationMs, NegotiationId, Ppm, QualityLevel, TaskId,
    Timestamp,
};
use scale::{Decode, Encode};

const BUYER: Did = Did(Digest([1; 32]));
const SELLER: Did = Did(Digest([2; 32]));
const OPENED: Timestamp = Timestamp(1_000);

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

fn rules() -> NegotiationRules {
    NegotiationRules {
        task: TaskId(Digest([8; 32])),
        buyer: BUYER,
        seller: SELLER,
        card: Digest([4; 32]),
        cancellation: CancellationPolicy { free_ms: DurationMs(10), fee: Ppm(100_000) },
        opened: OPENED,
        deadline: Timestamp(2_000),
        rounds_max: 3,
        valid_until: Timestamp(3_000),
    }
}

fn proposal(price: u64) -> NegotiationProposal {
    NegotiationProposal {
        price: Amount::ainu(price),
        timeline_ms: DurationMs::seconds(3_600),
        quality_level: QualityLevel::Standard,
        payment: PaymentTerms::Completion,
        dispute_resolution: DisputeResolution::Chain,
    }
}

fn counter(price: u64) -> CounterProposal {
    CounterProposal {
        adjusted_price: Amount::ainu(price),
        alternate_timeline_ms: DurationMs::seconds(3_600),
        requirements_relaxation: vec![],
    }
}

fn say(session: &mut Negotiation, act: NegotiationAct) -> NegotiationMessage {
    let message = session.draft(act);
    session.take(OPENED, message.clone()).expect("a legal message");
    message
}

fn accept(session: &Negotiation) -> NegotiationAct {
    NegotiationAct::Accept { terms: session.offered().expect("a proposal").digest() }
}

/// 100 against 150.
fn bargaining() -> Negotiation {
    let mut session = Negotiation::open(rules()).expect("good rules");
    say(&mut session, NegotiationAct::Propose(proposal(100)));
    say(&mut session, NegotiationAct::Counter(counter(150)));
    session
}

fn refused(session: &Negotiation, now: Timestamp, message: NegotiationMessage) -> Error {
    let mut tried = session.clone();
    let error = tried.take(now, message).expect_err("to be refused");
    assert_eq!(tried, *session, "nothing changes");
    error
}

#[test]
fn a_hundred_against_a_hundred_and_fifty_is_settled_at_120_with_expedited_payment_in_round_2() {
    let mut session = bargaining();
    assert_eq!(session.round(), 2);
    let expedited = CounterProposal {
        requirements_relaxation: vec![Relaxation::Payment(PaymentTerms::Upfront)],
        ..counter(120)
    };
    let last = say(&mut session, NegotiationAct::Counter(expedited));
    let offered = session.offered().expect("a proposal");
    let yes = accept(&session);
    say(&mut session, yes);
    let terms = session.agreed().expect("an agreement");
    assert_eq!((session.round(), terms.validate()), (2, Ok(())));
    assert_eq!(*terms, offered, "what was on the table, word for word");
    assert_eq!(terms.agreed.price, Amount::ainu(120));
    assert_eq!(terms.agreed.payment, PaymentTerms::Upfront);
    assert_eq!(terms.thread, last.digest(), "bound to everything said before");
    assert_eq!((terms.buyer, terms.seller, terms.card), (BUYER, SELLER, Digest([4; 32])));
    let own = ainur_market::negotiation::NegotiatedTerms { seller: BUYER, ..terms.clone() };
    assert_eq!(own.validate(), Err(Error::Alone(BUYER)));
    assert!(session.turn(OPENED).is_none() && session.expected().is_empty());
    let replayed = session.messages().iter().fold(
        Negotiation::open(rules()).expect("good rules"),
        |mut replayed, message| {
            replayed.take(OPENED, message.clone()).expect("as before");
            replayed
        },
    );
    assert_eq!(replayed, session, "rules and messages are all there is");
}

#[test]
fn what_is_late_repeated_stale_or_out_of_turn_is_refused_with_what_was_expected() {
    let session = bargaining();
    let good = session.draft(NegotiationAct::Counter(counter(120)));
    let until = Timestamp(2_000);
    for now in [Timestamp(999), until] {
        let error = refused(&session, now, good.clone());
        assert_eq!(error, Error::NotOpen { now, from: OPENED, until });
    }
    let said = session.messages()[1].clone();
    assert_eq!(refused(&session, OPENED, said.clone()), Error::Repeated(said.digest()));
    let other = NegotiationId(Digest([7; 32]));
    let error =
        refused(&session, OPENED, NegotiationMessage { negotiation: other, ..good.clone() });
    assert_eq!(error, Error::OtherNegotiation { expected: rules().id(), found: other });
    let error = refused(&session, OPENED, NegotiationMessage { from: SELLER, ..good.clone() });
    assert_eq!(error, Error::Turn { expected: BUYER, found: SELLER });
    let error = refused(&session, OPENED, NegotiationMessage { round: 1, ..good.clone() });
    assert_eq!(error, Error::Round { expected: 2, found: 1 });
    let found = said.previous;
    let error = refused(&session, OPENED, NegotiationMessage { previous: found, ..good });
    assert_eq!(error, Error::Stale { expected: said.digest(), found });
}

#[test]
fn only_the_other_sides_last_proposal_can_be_accepted() {
    let mut session = bargaining();
    let first = session.offered().expect("a proposal").digest();
    say(&mut session, NegotiationAct::Counter(counter(120)));
    let stale = session.draft(NegotiationAct::Accept { terms: first });
    let expected = session.offered().expect("a proposal").digest();
    assert_eq!(refused(&session, OPENED, stale), Error::OtherTerms { expected, found: first });
}

#[test]
fn the_last_message_can_only_accept_or_end_it() {
    use NegotiationActKind::{Accept, Counter, Propose, Reject, Withdraw};
    let empty = Negotiation::open(rules()).expect("good rules");
    assert_eq!(empty.expected(), [Propose, Withdraw]);
    let early = empty.draft(NegotiationAct::Counter(counter(1)));
    let expected = empty.expected();
    assert_eq!(refused(&empty, OPENED, early), Error::Unexpected { found: Counter, expected });
    let mut session = bargaining();
    for price in [110, 140, 120] {
        assert_eq!(session.expected(), [Propose, Counter, Accept, Reject, Withdraw]);
        say(&mut session, NegotiationAct::Counter(counter(price)));
    }
    assert_eq!((session.round(), session.expected()), (3, &[Accept, Reject, Withdraw][..]));
    let more = session.draft(NegotiationAct::Counter(counter(130)));
    let error = refused(&session, OPENED, more);
    assert!(error.to_string().ends_with("expected: accept, reject, withdraw"), "{error}");
    let yes = accept(&session);
    say(&mut session, yes);
    assert_eq!(session.round(), 3);
}

#[test]
fn a_no_a_withdrawal_and_the_deadline_end_it_for_good() {
    let ended = |act: NegotiationAct| {
        let mut session = bargaining();
        say(&mut session, act);
        let more = session.draft(NegotiationAct::Reject);
        assert_eq!(refused(&session, OPENED, more), Error::Ended);
        assert!(session.agreed().is_none() && session.offered().is_none());
        session.end().cloned()
    };
    assert_eq!(ended(NegotiationAct::Reject), Some(NegotiationEnd::Rejected { by: BUYER }));
    assert_eq!(ended(NegotiationAct::Withdraw), Some(NegotiationEnd::Withdrawn { by: BUYER }));
    let mut session = bargaining();
    assert!(!session.expire(Timestamp(1_999)) && session.end().is_none());
    assert!(session.expire(Timestamp(2_000)));
    assert_eq!(session.end(), Some(&NegotiationEnd::Expired));
    let late = session.draft(accept(&bargaining()));
    assert_eq!(refused(&session, OPENED, late), Error::Ended);
    let mut agreed = bargaining();
    let yes = accept(&agreed);
    say(&mut agreed, yes);
    assert!(agreed.expire(Timestamp(9_000)) && agreed.agreed().is_some(), "an agreement stays");
}

#[test]
fn rules_and_proposals_that_cannot_be_are_refused() {
    let of = |rules| Negotiation::open(rules).map(|_| ()).expect_err("to be refused");
    assert_eq!(of(NegotiationRules { seller: BUYER, ..rules() }), Error::Alone(BUYER));
    assert_eq!(of(NegotiationRules { deadline: OPENED, ..rules() }), Error::Times);
    assert_eq!(of(NegotiationRules { valid_until: Timestamp(1_999), ..rules() }), Error::Times);
    assert_eq!(of(NegotiationRules { rounds_max: 0, ..rules() }), Error::Rounds(0));
    assert_eq!(of(NegotiationRules { rounds_max: 65, ..rules() }), Error::Rounds(65));
    let all = CancellationPolicy { free_ms: DurationMs(0), fee: Ppm(1_000_001) };
    let error = of(NegotiationRules { cancellation: all, ..rules() });
    assert_eq!(error, Error::Payment(PaymentError::Fee(Ppm(1_000_001))));
    let empty = Negotiation::open(rules()).expect("good rules");
    let propose =
        |proposal| refused(&empty, OPENED, empty.draft(NegotiationAct::Propose(proposal)));
    assert_eq!(propose(proposal(0)), Error::Nothing);
    let instant = NegotiationProposal { timeline_ms: DurationMs(0), ..proposal(1) };
    assert_eq!(propose(instant), Error::Nothing);
    let unpaid = NegotiationProposal { payment: PaymentTerms::Milestone(vec![]), ..proposal(1) };
    assert_eq!(propose(unpaid), Error::Payment(PaymentError::Count(0)));
    let session = bargaining();
    let quality = Relaxation::QualityLevel(QualityLevel::Premium);
    let dispute = Relaxation::DisputeResolution(DisputeResolution::Arbitrator);
    for requirements_relaxation in [vec![quality.clone(), quality.clone()], vec![dispute, quality]]
    {
        let changed = CounterProposal { requirements_relaxation, ..counter(120) };
        let message = session.draft(NegotiationAct::Counter(changed));
        assert_eq!(refused(&session, OPENED, message), Error::Relaxations);
    }
    let nothing = session.draft(NegotiationAct::Counter(counter(0)));
    assert_eq!(refused(&session, OPENED, nothing), Error::Nothing);
}

#[test]
fn a_counter_proposal_says_exactly_what_changes() {
    let payment = PaymentTerms::Milestone(vec![Milestone {
        name: "all".into(),
        share: Ppm::ONE,
        due_ms: DurationMs(5),
    }]);
    let all = NegotiationProposal {
        price: Amount(7),
        timeline_ms: DurationMs(9),
        quality_level: QualityLevel::Enterprise,
        payment,
        dispute_resolution: DisputeResolution::MajorityVote,
    };
    for wanted in [proposal(100), proposal(120), all] {
        let changes = CounterProposal::between(&proposal(100), &wanted);
        assert_eq!(changes.applied_to(&proposal(100)), Ok(wanted));
    }
    assert_eq!(CounterProposal::between(&proposal(1), &proposal(2)), counter(2));
}

/// Every byte of the encoding counts: whatever is changed, the digest changes.
fn every_byte_counts<T: Encode + Decode + PartialEq>(value: &T, digest: impl Fn(&T) -> Digest) {
    let (bytes, original) = (value.encode(), digest(value));
    let mut decoded = 0;
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            let Ok(other) = T::decode(&mut &changed[..]) else { continue };
            decoded += 1;
            assert!(other == *value || digest(&other) != original, "byte {place}, bit {bit}");
        }
    }
    assert!(decoded > bytes.len(), "most changes are still a message: {decoded}");
}

#[test]
fn the_thread_digest_changes_when_anything_said_changes() {
    let mut session = bargaining();
    let yes = accept(&session);
    say(&mut session, yes);
    for message in session.messages() {
        every_byte_counts(message, NegotiationMessage::digest);
    }
    every_byte_counts(&rules(), |rules| rules.id().0);
    every_byte_counts(session.agreed().expect("an agreement"), |terms| terms.digest());
    let chain: Vec<Digest> = session.messages().iter().map(NegotiationMessage::digest).collect();
    let before: Vec<Digest> = session.messages().iter().map(|message| message.previous).collect();
    assert_eq!(before[1..], chain[..chain.len() - 1], "each covers the one before it");
    assert_eq!((before[0], session.thread()), (rules().id().0, chain[chain.len() - 1]));
}

/// What is legal, said in another way: by counting.
struct Model {
    thread: Vec<Digest>,
    on_the_table: Option<NegotiationProposal>,
    ended: bool,
}

impl Model {
    fn allows(&self, now: Timestamp, message: &NegotiationMessage) -> bool {
        let said = self.thread.len() - 1;
        let header = message.negotiation == rules().id()
            && message.from == [BUYER, SELLER][said % 2]
            && message.round as usize == said / 2 + 1
            && Some(&message.previous) == self.thread.last();
        let act = match (&message.act, &self.on_the_table) {
            (NegotiationAct::Propose(proposal), _) => said < 5 && proposal.price > Amount::ZERO,
            (NegotiationAct::Counter(change), Some(_)) => {
                said < 5 && change.adjusted_price > Amount::ZERO
            }
            (NegotiationAct::Accept { terms }, Some(proposal)) => *terms == self.terms(proposal),
            (NegotiationAct::Reject, table) => table.is_some(),
            (NegotiationAct::Withdraw, _) => true,
            _ => false,
        };
        !self.ended && now.0 >= 1_000 && now.0 < 2_000 && header && act
    }

    fn terms(&self, proposal: &NegotiationProposal) -> Digest {
        let rules = rules();
        ainur_market::negotiation::NegotiatedTerms {
            task: rules.task,
            buyer: BUYER,
            seller: SELLER,
            card: rules.card,
            agreed: proposal.clone(),
            cancellation: rules.cancellation,
            thread: *self.thread.last().expect("the rules"),
            valid_until: rules.valid_until,
        }
        .digest()
    }

    fn take(&mut self, message: &NegotiationMessage) {
        match &message.act {
            NegotiationAct::Propose(proposal) => self.on_the_table = Some(proposal.clone()),
            NegotiationAct::Counter(change) => {
                let proposal = self.on_the_table.as_mut().expect("something to change");
                proposal.price = change.adjusted_price;
            }
            _ => self.ended = true,
        }
        self.thread.push(message.digest());
    }
}

fn random_message(
    numbers: &mut Numbers,
    session: &Negotiation,
    model: &Model,
) -> NegotiationMessage {
    let price = numbers.below(4);
    let terms = session.offered().map_or(Digest::ZERO, |terms| terms.digest());
    let mut message = session.draft(match numbers.below(12) {
        0..3 => NegotiationAct::Propose(proposal(price)),
        3..8 => NegotiationAct::Counter(counter(price)),
        8 => NegotiationAct::Accept { terms },
        9 => NegotiationAct::Accept { terms: Digest([numbers.below(2) as u8; 32]) },
        10 => NegotiationAct::Reject,
        _ => NegotiationAct::Withdraw,
    });
    match numbers.below(12) {
        0 => message.round = numbers.below(5) as u32,
        1 => message.from = [BUYER, SELLER, Did(Digest([3; 32]))][numbers.below(3) as usize],
        2 => {
            let place = numbers.below(model.thread.len() as u64) as usize;
            message.previous = model.thread[place];
        }
        3 => message.negotiation = NegotiationId(Digest([numbers.below(3) as u8; 32])),
        4 if !session.messages().is_empty() => {
            let place = numbers.below(session.messages().len() as u64) as usize;
            message = session.messages()[place].clone();
        }
        _ => {}
    }
    message
}

#[test]
fn random_messages_are_taken_exactly_when_they_are_legal() {
    let seed = 0x6e65_676f_7469_6174;
    let mut numbers = Numbers(seed);
    let (mut taken, mut refused, mut agreed) = (0, 0, 0);
    for game in 0..3_000 {
        let mut session = Negotiation::open(rules()).expect("good rules");
        let thread = vec![rules().id().0];
        let mut model = Model { thread, on_the_table: None, ended: false };
        for _ in 0..16 {
            let message = random_message(&mut numbers, &session, &model);
            let now =
                Timestamp([1_000, 1_500, 1_999, 999, 2_000][numbers.below(20).min(4) as usize]);
            let now = if numbers.below(4) > 0 { OPENED } else { now };
            let legal = model.allows(now, &message);
            let before = session.clone();
            let result = session.take(now, message.clone());
            assert_eq!(result.is_ok(), legal, "seed {seed}, game {game}: {message:?} {result:?}");
            if legal {
                model.take(&message);
                taken += 1;
            } else {
                assert_eq!(session, before);
                refused += 1;
            }
            assert_eq!(Some(&session.thread()), model.thread.last());
        }
        agreed += u32::from(session.agreed().is_some());
    }
    assert!(taken > 5_000 && refused > 5_000 && agreed > 200, "{taken} {refused} {agreed}");
}
