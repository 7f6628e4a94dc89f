//! A whole market, simulated.
use std::path::Path;

use ainur_api::problem::{Code, Problem};
use ainur_sim::market::{MarketReport, Scenario, simulate};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{Output, io_problem};

pub(super) fn run(name: &str, seed: u64, output: &Output) -> Result<(), Problem> {
    let scenario = scenario(name)?;
    let bar = output.is_live().then(|| {
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} tasks  {elapsed}");
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    let mut progress = |done: u32, total: u32| {
        if let Some(bar) = &bar {
            bar.set_length(total.into());
            bar.set_position(done.into());
        }
    };
    let report = simulate(&scenario, seed, &mut progress).map_err(|error| {
        Problem::new(Code::Internal, format!("the market broke at seed {seed}: {error}"))
            .next("this is a fault of ainur: keep the scenario and the seed, and report them")
    })?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    if output.is_json() {
        output.json(&report);
    } else {
        show(&report, output);
    }
    Ok(())
}

/// One of ours by its name, or a file.
fn scenario(name: &str) -> Result<Scenario, Problem> {
    let wrong = |error: &dyn std::fmt::Display| {
        Problem::new(Code::InvalidRequest, format!("'{name}' is no scenario: {error}"))
            .next(format!("one of {}, or a file like them", Scenario::REFERENCE.join(", ")))
    };
    if Scenario::REFERENCE.contains(&name) || !Path::new(name).is_file() {
        return Scenario::reference(name).map_err(|error| wrong(&error));
    }
    let text = std::fs::read_to_string(name)
        .map_err(|error| io_problem(&format!("read {name}"), &error))?;
    Scenario::parse(&text).map_err(|error| wrong(&error))
}

fn show(report: &MarketReport, output: &Output) {
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    let known = |share: Option<f64>| share.map_or_else(|| "none".into(), percent);
    output.heading(&format!("{} with seed {}", report.scenario, report.seed));
    let mut facts = vec![
        ("tasks", report.tasks.to_string()),
        ("settled", report.settled.to_string()),
        ("refunded", report.refunded.to_string()),
        ("efficiency", percent(report.efficiency)),
        ("bid spread, median", known(report.spread_median)),
        ("coalitions win", known(report.coalition_win_rate)),
        ("failed attempts", percent(report.failure_rate)),
        ("concentration", format!("{:.3}", report.concentration)),
        ("buyers gained", in_ainu(&report.buyer_surplus)),
    ];
    if let Some(rounds) = report.rounds_p80 {
        facts.push(("rounds, 80th percentile", rounds.to_string()));
    }
    if let Some(bought) = &report.credits_bought {
        let (book, pool) = (percent(bought.book), percent(bought.pool));
        facts.push(("credits bought", format!("{book} in books, {pool} from pools")));
        facts.push(("bid–ask spread, median", known(report.bid_ask_spread_median)));
        facts.push(("pools off by, median", known(report.pool_gap_median)));
        facts.push(("pools earned", in_ainu(&report.pool_fees)));
        facts.push(("traders gained", in_ainu(&report.arbitrage_profit)));
    }
    facts.push(("ledger", format!("{} blocks, root {}", report.height, report.state_root.short())));
    output.facts(&facts);
    output.heading("agreed by");
    let shares: Vec<(String, String)> = report
        .share
        .iter()
        .map(|(way, share)| (format!("{way:?}").to_lowercase(), percent(*share)))
        .collect();
    let lines: Vec<(&str, String)> =
        shares.iter().map(|(way, share)| (way.as_str(), share.clone())).collect();
    output.facts(&lines);
    output.heading("profit by strategy");
    let profits: Vec<(&str, String)> = report
        .seller_profit_by_strategy
        .iter()
        .map(|(strategy, profit)| (strategy.as_str(), in_ainu(profit)))
        .collect();
    output.facts(&profits);
}

/// Base units, perhaps below zero, in AINU.
fn in_ainu(base_units: &str) -> String {
    let (sign, digits) = match base_units.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", base_units),
    };
    match digits.parse::<ainur_primitives::Amount>() {
        Ok(amount) => format!("{sign}{} AINU", amount.to_ainu()),
        Err(_) => base_units.to_owned(),
    }
}
