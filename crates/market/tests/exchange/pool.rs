//! The pool against exact fractions, and a million random operations on many pools.
use ainur_market::exchange::pool::{FEE_BPS_MAX, RESERVE_MAX, SHARES_LOCKED};
use ainur_market::exchange::{Error, LiquidityPool};
use ainur_primitives::Amount;

use crate::random::Random;

const OPERATIONS: u32 = 1_000_000;

fn pool(credits: u64, money: u128, fee_bps: u16) -> LiquidityPool {
    LiquidityPool::begin(fee_bps, credits, Amount(money)).unwrap().0
}

/// `a × b` in base 2⁶⁴, least first: another way than the pool's.
fn product(a: u128, b: u128) -> [u64; 4] {
    let digits = |n: u128| [n as u64, (n >> 64) as u64];
    let mut sum = [0u64; 4];
    for (i, x) in digits(a).into_iter().enumerate() {
        let mut carry = 0u128;
        for (j, y) in digits(b).into_iter().enumerate() {
            let digit = u128::from(x) * u128::from(y) + u128::from(sum[i + j]) + carry;
            sum[i + j] = digit as u64;
            carry = digit >> 64;
        }
        sum[i + 2] = carry as u64;
    }
    sum.reverse();
    sum
}

/// The product of two products, most first like they are.
fn widened(a: [u64; 4], b: [u64; 4]) -> [u64; 8] {
    let mut sum = [0u64; 8];
    for (i, x) in a.into_iter().rev().enumerate() {
        let mut carry = 0u128;
        for (j, y) in b.into_iter().rev().enumerate() {
            let digit = u128::from(x) * u128::from(y) + u128::from(sum[i + j]) + carry;
            sum[i + j] = digit as u64;
            carry = digit >> 64;
        }
        sum[i + 4] = carry as u64;
    }
    sum.reverse();
    sum
}

#[test]
fn a_part_of_a_credit_comes_out_as_money() {
    // 10 credits for 1,000,000 in 3,162 shares: half a credit is 158 shares of it.
    let mut pool = pool(10, 1_000_000, 100);
    let (credits, money) = pool.remove(158).unwrap();
    // ⌊10⁶ × 158 ∕ 3162⌋ = 49,968 of the money, and 0.49968 credits sold to 9.50031 for 950,031:
    // ⌊950,031 × 0.49968 × 9,900 ∕ (9.50031 × 10⁴ + 0.49968 × 9,900)⌋ = 47,020 more.
    assert_eq!((credits, money), (0, Amount(49_968 + 47_020)));
    // One and a half.
    let (credits, money) = pool.remove(474).unwrap();
    assert_eq!(credits, 1);
    assert!((135_000..230_000).contains(&money.0), "{money}");
}

#[test]
fn prices_are_the_formulas_rounded_for_the_pool() {
    let pool = pool(1_000, 1_000_000, 30);
    // ⌈10⁶ × 100 × 10⁴ ∕ (900 × 9970)⌉ and ⌊10⁶ × 997000 ∕ (10⁷ + 997000)⌋.
    assert_eq!(pool.cost(100), Ok(Amount(111_446)));
    assert_eq!(pool.proceeds(100), Ok(Amount(90_661)));
    assert_eq!(pool.cost(0), Err(Error::NothingMoved));
    assert_eq!(pool.cost(1_000), Err(Error::PoolExhausted));
    assert_eq!(pool.proceeds(0), Err(Error::NothingMoved));
}

#[test]
fn a_pool_begins_with_locked_shares_and_refuses_what_it_cannot_count() {
    let (pool, minted) = LiquidityPool::begin(30, 100, Amount(1_000_000_000_000)).unwrap();
    assert_eq!((pool.shares, minted), (10_000_000, 10_000_000 - SHARES_LOCKED));
    let begin = LiquidityPool::begin;
    assert_eq!(begin(FEE_BPS_MAX + 1, 100, Amount(1 << 60)), Err(Error::FeeOutOfRange));
    assert_eq!(begin(30, 100, Amount(RESERVE_MAX + 1)), Err(Error::ReserveTooLarge));
    assert_eq!(begin(30, 1_000, Amount(1_000)), Err(Error::TooLittleLiquidity));
    let mut full = begin(30, u64::MAX, Amount(RESERVE_MAX)).unwrap().0;
    assert_eq!(full.buy(1), Err(Error::ReserveTooLarge));
    assert_eq!(full.sell(1), Err(Error::ReserveTooLarge));
    assert_eq!(full.add(1), Err(Error::ReserveTooLarge));
}

#[test]
fn locked_shares_cannot_be_taken_out() {
    let (mut pool, minted) = LiquidityPool::begin(30, 100, Amount(1_000_000_000_000)).unwrap();
    assert_eq!(pool.remove(minted + 1), Err(Error::PoolExhausted));
    assert_eq!(pool.remove(0), Err(Error::NothingMoved));
    pool.remove(minted).unwrap();
    assert_eq!(pool.shares, SHARES_LOCKED);
    assert!(pool.credits > 0 && !pool.money.is_zero());
}

/// One random operation; false when the pool refused it, which leaves it as it was.
fn operate(pool: &mut LiquidityPool, random: &mut Random, held: &mut u128) -> bool {
    let before = *pool;
    let kind = random.between(0, 9);
    let credits = random.bits(u64::BITS - pool.credits.leading_zeros()) as u64;
    let k = product(u128::from(before.credits), before.money.0);
    let done = match kind {
        0..=3 => pool.buy(credits).map(|cost| {
            let kept = 10_000 - u128::from(before.fee_bps);
            let left = u128::from(before.credits - credits) * kept;
            let exact = product(before.money.0, u128::from(credits) * 10_000);
            assert!(product(cost.0, left) >= exact, "bought below the formula");
            assert!(product(cost.0 - 1, left) < exact, "more than one unit above the formula");
            assert_eq!(pool.money.0 - before.money.0, cost.0);
            assert_eq!(before.credits - pool.credits, credits);
            // Selling them again at once never gains.
            let mut copy = *pool;
            assert!(copy.sell(credits).is_ok_and(|back| back <= cost) || *pool == copy);
        }),
        4..=7 => pool.sell(credits).map(|proceeds| {
            let given = u128::from(credits) * (10_000 - u128::from(before.fee_bps));
            let divisor = u128::from(before.credits) * 10_000 + given;
            let exact = product(before.money.0, given);
            assert!(product(proceeds.0, divisor) <= exact, "sold above the formula");
            assert!(product(proceeds.0 + 1, divisor) > exact, "a unit below the formula");
            assert_eq!(before.money.0 - pool.money.0, proceeds.0);
            let mut copy = *pool;
            assert!(copy.buy(credits).is_ok_and(|again| again >= proceeds));
        }),
        8 => pool.add(credits).map(|(money, shares)| {
            *held += shares;
            assert_eq!(pool.money.0 - before.money.0, money.0);
            let mut copy = *pool;
            let (out, back) = copy.remove(shares).unwrap_or_default();
            // What is short of a whole credit comes back as money, for less than one costs.
            let short = if out == credits { 0 } else { copy.cost(1).map_or(u128::MAX, |c| c.0) };
            assert!(out <= credits, "a deposit gained credits at once");
            assert!(back.0 <= money.0.saturating_add(short), "a deposit gained at once");
        }),
        _ => {
            let shares = random.bits(128) % (*held + 1);
            pool.remove(shares).map(|_| *held -= shares)
        }
    };
    if done.is_err() {
        assert_eq!(*pool, before);
        return false;
    }
    if kind < 8 {
        assert!(product(u128::from(pool.credits), pool.money.0) >= k, "k fell: {before:?}");
        assert_eq!(pool.shares, before.shares);
    }
    // What one share is worth never falls: k after ∕ shares² ≥ k before ∕ shares before².
    if kind >= 8 {
        let each = |pool: &LiquidityPool, other: &LiquidityPool| {
            let k = product(u128::from(pool.credits), pool.money.0);
            widened(k, product(other.shares, other.shares))
        };
        assert!(each(pool, &before) >= each(&before, pool), "{before:?}");
    }
    assert_eq!(pool.shares, *held + SHARES_LOCKED);
    assert!(pool.credits > 0 && !pool.money.is_zero());
    true
}

#[test]
fn a_million_random_operations_never_favour_the_trader() {
    let seed = 7;
    let mut random = Random(seed);
    let mut done = 0;
    let mut operations = 0;
    while operations < OPERATIONS {
        let fee_bps = random.between(0, u64::from(FEE_BPS_MAX)) as u16;
        let (credits, money) = (random.bits(48) as u64, Amount(random.bits(90)));
        let Ok((mut pool, mut held)) = LiquidityPool::begin(fee_bps, credits, money) else {
            continue;
        };
        for _ in 0..1_000 {
            operations += 1;
            done += u32::from(operate(&mut pool, &mut random, &mut held));
        }
    }
    assert!(done > OPERATIONS / 2, "only {done} were possible, seed {seed}");
}
