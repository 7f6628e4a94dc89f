//! Random histories of several parties: every invariant holds after every block ([`World::commit`]
//! checks them and replays the block), and the feed alone rebuilds each book.
use ainur_ledger::exchange::Event;
use ainur_ledger::{Outcome, Transaction};
use ainur_market::exchange::{Book, Order};
use ainur_primitives::{ContentId, DurationMs, FailureReason};

use super::*;

const HISTORIES: u64 = 6;
const BLOCKS: u64 = 40;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// An order of the party's that rests, or some number.
fn some_order(world: &World, random: &mut Random, party: u8) -> OrderId {
    let own = query::orders_of(world.ledger.state(), &did(party), 100);
    match own.get(random.below(12) as usize) {
        Some((_, order)) => order.id,
        None => OrderId(random.below(50)),
    }
}

fn some_place(world: &World, random: &mut Random) -> Action {
    let price = Amount::ainu(2 + random.below(6));
    let kind = match random.below(10) {
        0 => OrderKind::Market,
        1 => OrderKind::ImmediateOrCancel { price },
        2 => OrderKind::FillOrKill { price },
        3 => OrderKind::PostOnly { price },
        _ => OrderKind::Limit { price },
    };
    let modes = [SelfTrade::CancelNewest, SelfTrade::CancelOldest, SelfTrade::CancelBoth];
    Action::Place {
        class: class(),
        side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
        quantity: 1 + random.below(5),
        kind,
        self_trade: modes[random.below(3) as usize],
        expires: world.now.plus(DurationMs(1 + random.below(200_000))),
    }
}

fn some_pool_action(random: &mut Random) -> Action {
    let (class, credits) = (class(), 1 + random.below(8));
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    match random.below(8) {
        0 => Action::OpenPool { class, fee_bps: 30, credits, money: Amount::ainu(3 * credits) },
        1 => {
            let (money_max, shares_min) = (Amount::MAX, Amount::ZERO);
            Action::AddLiquidity { class, credits, money_max, shares_min }
        }
        2 => {
            let shares = Amount(u128::from(random.below(4_000_000)));
            let (credits_min, money_min) = (0, Amount::ZERO);
            Action::RemoveLiquidity { class, shares, credits_min, money_min }
        }
        3 | 4 => {
            let limit = if side == Side::Buy { Amount::MAX } else { Amount::ZERO };
            Action::Swap { class, side, quantity: credits.div_ceil(3), limit }
        }
        _ => Action::Route { class, side, quantity: credits, limit: None },
    }
}

fn some_action(world: &World, random: &mut Random, party: u8) -> (u8, Action) {
    let number = task(random.below(20) as u8);
    let reasons =
        [FailureReason::CheckFailed, FailureReason::Infrastructure, FailureReason::BuyerRefused];
    let action = match random.below(43) {
        0..=2 => issue(1 + random.below(8)),
        3 => Action::Retire { class: class(), quantity: 1 + random.below(3) },
        4..=6 => Action::Redeem {
            class: class(),
            task: number,
            issuer: [None, Some(did(SELLER)), Some(did(RIVAL))][random.below(3) as usize],
            verifier: (random.below(3) > 0).then(|| did(AUTHORITY)),
            call: Digest::ZERO,
            check: Digest::ZERO,
            deadline: world.now.plus(DurationMs(60_000 + random.below(200_000))),
        },
        7 => {
            let (output, verdict) = (ContentId(Digest::ZERO), Digest::ZERO);
            return (AUTHORITY, Action::Fulfil { task: number, output, verdict });
        }
        8 => {
            let (reason, evidence) = (reasons[random.below(3) as usize], Digest::ZERO);
            return (AUTHORITY, Action::Fail { task: number, reason, evidence });
        }
        9 => Action::Expire { task: number },
        40 => Action::Deliver { task: number, output: ContentId(Digest::ZERO) },
        41 => Action::Dispute { task: number, evidence: Digest::ZERO },
        42 => {
            let (reason, evidence) = (reasons[random.below(3) as usize], Digest::ZERO);
            Action::Fail { task: number, reason, evidence }
        }
        10..=12 => Action::Cancel { class: class(), order: some_order(world, random, party) },
        13..=15 => Action::Replace {
            class: class(),
            order: some_order(world, random, party),
            quantity: 1 + random.below(6),
            price: Amount::ainu(2 + random.below(6)),
            self_trade: SelfTrade::CancelOldest,
        },
        16 => {
            let order = some_order(world, random, SELLER);
            Action::ExpireOrder { class: class(), owner: did(SELLER), order }
        }
        17..=23 => some_pool_action(random),
        _ => some_place(world, random),
    };
    (party, action)
}

#[test]
fn no_history_breaks_an_invariant_and_the_feed_rebuilds_the_book() {
    for seed in 0..HISTORIES {
        let mut random = Random(seed);
        let mut world = World::with_credits();
        let mut copy = Book::new(world.ledger.parameters().exchange.tick);
        let mut applied = 0;
        for _ in 0..BLOCKS {
            world.later(DurationMs(random.below(30_000)));
            let mut transactions: Vec<Transaction> = Vec::new();
            for _ in 0..1 + random.below(8) {
                let party = [BUYER, SELLER, RIVAL, VERIFIER][random.below(4) as usize];
                let (party, action) = some_action(&world, &mut random, party);
                let mut transaction = world.transaction(party, action);
                let sender = transaction.sender;
                let earlier = transactions.iter().filter(|other| other.sender == sender);
                transaction.nonce += earlier.count() as u64;
                transactions.push(transaction);
            }
            let submission = world.submission(transactions);
            let executed = world.commit(&[submission]);
            let outcomes = executed.outcomes.iter();
            applied += outcomes.filter(|(_, o)| matches!(o, Outcome::Applied { .. })).count();
            for record in &executed.events {
                if let ainur_ledger::Event::Exchange(Event::Updated { update, .. }) = &record.event
                {
                    copy.apply(update).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                }
            }
            let state = world.ledger.state();
            let depth = query::depth(state, &class(), usize::MAX).unwrap();
            assert_eq!(copy.depth(usize::MAX), depth, "seed {seed}");
            for side in [Side::Buy, Side::Sell] {
                let stored: Vec<Order> = query::orders(state, &class(), side).collect();
                assert_eq!(copy.orders(side).collect::<Vec<_>>(), stored, "seed {seed}");
            }
        }
        assert!(applied > 60, "seed {seed}: only {applied} were possible");
    }
}
