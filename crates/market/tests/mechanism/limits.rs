//! The limits of the mechanism that docs/market/auctions.md states, with its numbers.
use ainur_market::combinatorial::greedy;
use ainur_market::combinatorial::mechanism::{Contender, decide};
use ainur_primitives::Amount;

/// Two subtasks, each with a reserve of 10.
const RESERVES: [Amount; 2] = [Amount(10), Amount(10)];
const FIRST: &[usize] = &[0];
const SECOND: &[usize] = &[1];
const BOTH: &[usize] = &[0, 1];

fn offer(bidder: u32, subtasks: &[usize], price: u128) -> Contender {
    let subtasks = subtasks.iter().copied().collect();
    Contender { bidder, subtasks, price: Amount(price), expected_loss: Amount::ZERO, lot: 1 }
}

/// Who wins, and what each is paid.
fn paid(contenders: &[Contender]) -> Vec<(u32, u128)> {
    let decision = decide(&RESERVES, contenders);
    decision.wins.iter().map(|win| (contenders[win.place].bidder, win.payment.0)).collect()
}

#[test]
fn one_seller_under_two_names_is_paid_more() {
    // Seller 1 asks 12 for both, seller 2 does both for 11.
    let honest = [offer(1, BOTH, 12), offer(2, BOTH, 11)];
    assert_eq!(paid(&honest), [(2, 12)], "a profit of 1");
    let split = [offer(1, BOTH, 12), offer(2, FIRST, 2), offer(3, SECOND, 2)];
    assert_eq!(paid(&split), [(2, 10), (3, 10)], "a profit of 20 − 11 = 9; the buyer pays 8 more");
}

#[test]
fn two_sellers_who_should_lose_win_together() {
    // Sellers 2 and 3 have costs of 8 each; seller 1 does both for 12.
    let honest = [offer(1, BOTH, 12), offer(2, FIRST, 8), offer(3, SECOND, 8)];
    assert_eq!(paid(&honest), [(1, 16)]);
    let alone = [offer(1, BOTH, 12), offer(2, FIRST, 2), offer(3, SECOND, 8)];
    assert_eq!(paid(&alone), [(2, 4), (3, 10)], "alone, asking 2 loses 4 to the other's benefit");
    let together = [offer(1, BOTH, 12), offer(2, FIRST, 2), offer(3, SECOND, 2)];
    assert_eq!(paid(&together), [(2, 10), (3, 10)], "a profit of 2 each; the work costs 4 more");
}

#[test]
fn under_the_greedy_rule_hiding_a_bundle_can_gain() {
    let greedily = |contenders: &[Contender]| {
        let gains: Vec<_> = contenders.iter().map(|one| one.gain(&RESERVES)).collect();
        let decision = greedy::decide(contenders, &gains);
        let win = decision.wins.iter().find(|win| contenders[win.place].bidder == 1);
        win.map(|win| (contenders[win.place].subtasks.count(), win.payment.0))
    };
    // Seller 1 does the first for 2 or both for 9; seller 2 does the first for 6.
    let all = [offer(1, FIRST, 2), offer(1, BOTH, 9), offer(2, FIRST, 6)];
    assert_eq!(greedily(&all), Some((1, 6)), "a profit of 4");
    let hiding = [offer(1, BOTH, 9), offer(2, FIRST, 6)];
    assert_eq!(greedily(&hiding), Some((2, 14)), "a profit of 5");
    // The exact rule gives it both at once.
    assert_eq!(paid(&all), [(1, 16)], "a profit of 7");
}
