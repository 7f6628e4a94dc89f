//! Random histories: whatever is asked in whatever order, money is conserved, locks and budgets
//! add up, and replaying gives the same roots.
use ainur_ledger::{
    Action, Outcome, Submission, Transaction, balances, budget, escrow, identity, registry,
    reputation,
};
use ainur_market::auction::CommitTerms;
use ainur_market::offer::OfferTerms;
use ainur_market::payment::PaymentTerms;
use ainur_primitives::{Amount, BudgetId, ContentId, Digest, DurationMs, FailureReason, Ppm};
use proptest::prelude::*;

use crate::offers::{award, offer};
use crate::parts::{bid_of, in_milestones};
use crate::world::*;

/// One request, in numbers that the world turns into an action.
#[derive(Clone, Debug)]
struct Request {
    kind: u8,
    party: u8,
    other: u8,
    task: u8,
    small: u8,
    later_ms: u64,
}

fn requests() -> impl Strategy<Value = Vec<Vec<Request>>> {
    let party = prop::sample::select(&PARTIES[..]);
    let later = prop_oneof![
        6 => 0u64..1_000,
        2 => 0u64..4_000_000,
        1 => 80_000_000u64..100_000_000,
    ];
    let request = (0u8..30, party.clone(), party, 0u8..4, 0u8..12, later).prop_map(
        |(kind, party, other, task, small, later_ms)| Request {
            kind,
            party,
            other,
            task,
            small,
            later_ms,
        },
    );
    prop::collection::vec(prop::collection::vec(request, 1..6), 1..25)
}

const REASONS: [FailureReason; 7] = [
    FailureReason::CheckFailed,
    FailureReason::Crashed,
    FailureReason::TimedOut,
    FailureReason::LimitExceeded,
    FailureReason::Declined,
    FailureReason::BuyerRefused,
    FailureReason::Infrastructure,
];

/// The party and action a request stands for. Half of the agreements and verdicts come from those
/// who may make them, so that histories get somewhere.
fn action(world: &mut World, request: &Request) -> (u8, Action) {
    let Request { kind, party, other, task: number, small, .. } = *request;
    let amount = Amount::ainu(u64::from(small));
    let budget = BudgetId(Digest([small % 3; 32]));
    let attempt = u32::from(small % 3) + 1;
    let reason = REASONS[usize::from(small) % REASONS.len()];
    match kind {
        0 => (party, balances::Action::Transfer { to: did(other), amount }.into()),
        1 => (party, balances::Action::Burn { amount }.into()),
        2 => (party, reputation::Action::Bond { amount }.into()),
        3 => (party, reputation::Action::Unbond { amount }.into()),
        4..=8 => {
            let seller = if small % 2 == 0 { SELLER } else { other };
            let mut agreed = world.agreement(number, seller);
            if let escrow::Action::Agree { budget: from, .. } = &mut agreed {
                *from = (small > 8).then_some(budget);
            }
            (if small < 10 { BUYER } else { party }, agreed.into())
        }
        9..=11 => (VERIFIER, settle(number, attempt).into()),
        12..=13 => (VERIFIER, fail(number, attempt, reason).into()),
        14 => {
            let award = world.award(number, other);
            (BUYER, escrow::Action::Reaward { task: task(number), awards: vec![award] }.into())
        }
        15 => (BUYER, escrow::Action::Refund { task: task(number) }.into()),
        16 => (party, escrow::Action::Expire { task: task(number) }.into()),
        17 => {
            let limit = Amount::ainu(5 * u64::from(small));
            let parent = (small > 2).then_some(BudgetId(Digest([small % 3; 32])));
            let budget = BudgetId(Digest([number; 32]));
            let period = (small % 2 == 1).then_some(DurationMs::seconds(60));
            let expires = world.now.plus(DAY);
            (BUYER, budget::Action::Open { budget, parent, limit, period, expires }.into())
        }
        18 => (BUYER, budget::Action::Close { budget }.into()),
        19 => {
            let rating = small % 7;
            let report =
                reputation::Action::ReportOutcome { task: task(number), rating, success: true };
            (BUYER, report.into())
        }
        20 => {
            let evidence = Digest::ZERO;
            let disputed = reputation::Action::DisputeRating { task: task(number), evidence };
            (other, disputed.into())
        }
        21 => {
            let (did, reason) = (did(other), Digest::ZERO);
            (AUTHORITY, reputation::Action::Slash { did, amount, reason }.into())
        }
        22 => {
            let (bidder, commitment) = (did(other), Digest::ZERO);
            let (task, reveal_until) = (task(number), world.now);
            let commit = CommitTerms { task, bidder, commitment, bid_bond: amount, reveal_until };
            let (root, mut proofs) = sign(other, 0, &[commit.digest()]);
            world.signatures.push(root);
            let proof = proofs.remove(0);
            (BUYER, escrow::Action::ForfeitBidBond { commit, proof }.into())
        }
        23 => rarer(party, other, small),
        _ => in_parts(world, request, attempt, reason),
    }
}

/// What is asked of agreements in parts, and of those that can be cancelled.
fn in_parts(
    world: &mut World,
    request: &Request,
    attempt: u32,
    reason: FailureReason,
) -> (u8, Action) {
    let Request { kind, party, other, task: number, small, .. } = *request;
    let (task_id, part) = (task(number), u32::from(small % 3));
    match kind {
        24..=25 => {
            let terms = match small % 3 {
                0 => in_milestones(),
                1 => OfferTerms { payment: PaymentTerms::Upfront, ..offer() },
                _ => offer(),
            };
            let mut awards = vec![award(world, OfferTerms { seller: did(other), ..terms }, 6)];
            if small > 6 {
                awards.push(bid_of(world, number, RIVAL, 4));
            }
            let mut agreed = with_awards(world.agreement(number, SELLER), awards);
            if let escrow::Action::Agree { service, .. } = &mut agreed {
                let (latency_ms_max, compensation) = (DurationMs(1_000), Ppm(333_333));
                *service = (small % 2 == 0)
                    .then_some(escrow::ServiceTerms { latency_ms_max, compensation });
            }
            (BUYER, agreed.into())
        }
        26 => {
            let delivered = world.now;
            let (output, verdict) = (ContentId(Digest::ZERO), Digest::ZERO);
            let settle = escrow::Action::SettlePart {
                task: task_id,
                attempt,
                part,
                delivered,
                output,
                verdict,
            };
            (VERIFIER, settle.into())
        }
        27 => {
            let evidence = Digest::ZERO;
            let failed =
                escrow::Action::FailPart { task: task_id, attempt, part, reason, evidence };
            (VERIFIER, failed.into())
        }
        28 => {
            let award = bid_of(world, number, other, u64::from(small));
            (BUYER, escrow::Action::Substitute { task: task_id, part, award }.into())
        }
        _ if small < 10 => (BUYER, escrow::Action::Cancel { task: task_id }.into()),
        _ => {
            let offer = OfferTerms { seller: did(other), ..offer() };
            (party, escrow::Action::RevokeOffer { offer }.into())
        }
    }
}

fn rarer(party: u8, other: u8, small: u8) -> (u8, Action) {
    let create = identity::Action::Create { material: Box::new(material(NEWCOMER, 0)) };
    match small {
        0..=3 => (NEWCOMER, create.into()),
        4..=5 => (NEWCOMER, identity::Action::Deactivate { beneficiary: did(other) }.into()),
        6..=7 => (party, registry::Action::Withdraw.into()),
        _ => {
            let card = Digest([small; 32]);
            let version = u32::from(small) - 7;
            let previous = (version > 1).then_some(Digest([small - 1; 32]));
            let capabilities = vec!["archive.compress".parse().unwrap()];
            let register = registry::Action::Register { card, version, previous, capabilities };
            (party, register.into())
        }
    }
}

/// One block of requests; each sender's transactions are numbered on.
fn block(world: &mut World, requests: &[Request]) -> Submission {
    let mut transactions: Vec<Transaction> = Vec::new();
    for request in requests {
        let (party, action) = action(world, request);
        let mut transaction = world.transaction(party, action);
        let sender = transaction.sender;
        transaction.nonce += transactions.iter().filter(|t| t.sender == sender).count() as u64;
        transactions.push(transaction);
    }
    world.submission(transactions)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// [`World::commit`] checks every invariant and both kinds of replay after every block.
    #[test]
    fn no_history_breaks_an_invariant(history in requests()) {
        let mut world = World::new();
        let mut again = World::new();
        for requests in &history {
            world.later(DurationMs(requests[0].later_ms));
            let submission = block(&mut world, requests);
            let executed = world.commit(&[submission]);
            for (_, outcome) in &executed.outcomes {
                if let Outcome::Failed { event, .. } = outcome {
                    let record = &executed.events[*event as usize];
                    prop_assert!(matches!(record.event, ainur_ledger::Event::Failed(_)));
                }
            }
            again.now = world.now;
            let submission = block(&mut again, requests);
            let repeated = again.commit(&[submission]);
            prop_assert_eq!(repeated.block.header, executed.block.header);
        }
    }

    /// A failed transaction changes the sender's free money and nonce, and the treasury, only.
    #[test]
    fn a_failed_transaction_costs_its_fee_and_nothing_else(history in requests()) {
        let mut world = World::new();
        for requests in &history {
            world.later(DurationMs(requests[0].later_ms));
            world.commit(&[]);
            let request = &requests[0];
            let (party, action) = action(&mut world, request);
            let before = world.ledger.state().clone();
            let (outcome, _) = world.submit(party, action);
            let allowed: &[Vec<u8>] = match outcome {
                Outcome::Applied { .. } => continue,
                Outcome::Failed { .. } => &[
                    ainur_ledger::state::key::account(&did(party)),
                    ainur_ledger::state::key::totals(),
                ],
                Outcome::Rejected(_) => &[],
            };
            let after = world.ledger.state();
            let keys = before.iter().chain(after.iter()).map(|(key, _)| key);
            for key in keys.filter(|key| !allowed.contains(key)) {
                use ainur_ledger::ReadState;
                prop_assert_eq!(before.get(key), after.get(key), "{:?}", request);
            }
        }
    }
}
