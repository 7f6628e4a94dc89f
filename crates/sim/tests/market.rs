//! Simulated markets, shortened: what must be true of every scenario, whatever the seed.
use ainur_sim::market::{MarketReport, Route, Scenario, simulate};

fn short(name: &str, seed: u64) -> MarketReport {
    market(name, seed, (40, 120))
}

fn market(name: &str, seed: u64, (warm_up, tasks): (u32, u32)) -> MarketReport {
    let mut scenario = Scenario::reference(name).expect("a reference scenario");
    scenario.warm_up = warm_up;
    scenario.tasks = tasks;
    simulate(&scenario, seed, &mut |_, _| {}).expect("production code keeps its promises")
}

fn number(amount: &str) -> i128 {
    amount.parse().expect("a decimal string of base units")
}

#[test]
fn the_same_seed_gives_the_same_market_down_to_the_state_root() {
    let (once, again) = (short("complex", 7), short("complex", 7));
    assert_eq!(once, again);
    assert_ne!(once.state_root, short("complex", 8).state_root);
}

#[test]
fn every_scenario_settles_most_tasks_at_prices_that_leave_buyers_and_sellers_a_gain() {
    for name in ["simple", "thin", "adversarial"] {
        let report = short(name, 3);
        assert_eq!(report.tasks, 120);
        assert!(report.settled * 10 >= report.tasks * 7, "{name}: {report:?}");
        assert!(report.efficiency > 0.5 && report.efficiency <= 1.3, "{name}: {report:?}");
        assert!(number(&report.buyer_surplus) > 0, "{name}: {report:?}");
        assert!(report.refusals.is_empty(), "{name}: {report:?}");
        let shares: f64 = report.share.values().sum();
        assert!((shares - 1.0).abs() < 1e-4, "{name}: {report:?}");
    }
}

#[test]
fn cheats_lose_money_and_the_honest_do_not() {
    let report = short("adversarial", 5);
    let profits = &report.seller_profit_by_strategy;
    let honest: i128 =
        profits.iter().filter(|(n, _)| *n != "dishonest").map(|(_, p)| number(p)).sum();
    assert!(honest > 0, "{report:?}");
    assert!(number(&profits["dishonest"]) < 0, "{report:?}");
}

#[test]
fn coalitions_are_paid_through_the_ledger_where_they_are_cheaper() {
    let report = short("complex", 2);
    assert!(report.share[&Route::Coalition] > 0.0, "{report:?}");
    assert!(report.coalition_win_rate.is_some_and(|rate| rate >= 0.4), "{report:?}");
}

#[test]
fn credits_are_sold_in_book_and_pool_and_redeemed_through_the_ledger() {
    for (name, lengths) in [("simple", (40, 120)), ("mature", (300, 500))] {
        let report = market(name, 4, lengths);
        assert!(report.share[&Route::Book] > 0.0, "{report:?}");
        assert!(report.spread_by_route.contains_key(&Route::Book), "{report:?}");
        assert!(report.refusals.is_empty(), "{report:?}");
        let bought = report.credits_bought.expect("somebody bought a credit");
        assert!(bought.book > 0.0 && bought.pool > 0.0, "{report:?}");
        assert!((bought.book + bought.pool - 1.0).abs() < 1e-4, "{report:?}");
        assert!(number(&report.pool_fees) > 0, "{report:?}");
    }
    let without = short("thin", 4);
    assert_eq!(without.share[&Route::Book], 0.0, "nobody writes credits there");
    assert!(without.credits_bought.is_none() && without.pool_gap_median.is_none(), "{without:?}");
}

#[test]
fn books_have_two_sides_that_stay_near_the_pool() {
    let report = market("mature", 6, (300, 500));
    let spread = report.bid_ask_spread_median.expect("both sides rest");
    assert!(spread > 0.0 && spread < 0.5, "{report:?}");
    assert!(report.pool_gap_median.is_some_and(|gap| gap < 0.2), "{report:?}");
}

#[test]
fn a_market_with_pools_is_the_same_again_down_to_the_state_root() {
    assert_eq!(short("simple", 9), short("simple", 9));
}
