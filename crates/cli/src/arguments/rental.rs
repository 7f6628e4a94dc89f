//! `ainur market rental …`.
use std::path::PathBuf;

use ainur_primitives::{Amount, CapabilityName, DurationMs, Ppm};
use clap::{Args, Subcommand};

use super::TaskRun;
use super::market::{Quality, percent};

/// What can be done with rentals.
#[derive(Subcommand, Debug)]
pub(crate) enum RentalVerb {
    /// Rent out slots of an agent of this node.
    Offer(Box<RentalOfferArguments>),
    /// What can be rented, and what the node rents.
    List {
        /// Only those of this capability.
        capability: Option<CapabilityName>,
    },
    /// A rental: how it is used, and what its periods came to.
    Show {
        /// The rental: its id or a unique beginning of it.
        rental: String,
    },
    /// Rent it: the price of all periods is locked, and paid period by period.
    Rent {
        /// The rental: its id or a unique beginning of it.
        rental: String,
    },
    /// Have a task done by what the node rents; without --rental, by the rental with the most of its
    /// quota left.
    Use(Box<TaskRun>),
    /// What a period came to, with the ledger's proofs; check it with `ainur receipt verify`.
    Statement {
        /// The rental: its id or a unique beginning of it.
        rental: String,
        /// Which period, from zero.
        period: u32,
        /// Write it into this file.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take back what nobody has rented.
    Withdraw {
        /// The rental: its id or a unique beginning of it.
        rental: String,
    },
}

/// Slots to rent out.
#[derive(Args, Debug)]
pub(crate) struct RentalOfferArguments {
    /// The agent: its name or DID.
    pub(crate) agent: String,
    /// What is rented out.
    #[arg(long, value_name = "NOUN.VERB")]
    pub(crate) capability: CapabilityName,
    /// How long a period is, such as 90s, 15m, 1h or 7d.
    #[arg(long, value_parser = span, value_name = "TIME")]
    pub(crate) period: DurationMs,
    /// What a period costs, in AINU.
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) price: Amount,
    /// Tasks that the price of a period covers.
    #[arg(long, value_name = "TASKS")]
    pub(crate) quota: u64,
    /// What each task beyond the quota costs, in AINU [default: there is none].
    #[arg(long, value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) overage: Option<Amount>,
    /// Tasks at work at once; more wait for their turn.
    #[arg(long, default_value_t = 1)]
    pub(crate) slots: u32,
    /// How many periods it lasts.
    #[arg(long, default_value_t = 1)]
    pub(crate) periods: u32,
    /// The quality of every task.
    #[arg(long, value_enum, default_value_t = Quality::Standard)]
    pub(crate) quality: Quality,
    /// A task that takes longer is late, such as 5s [default: nothing is promised].
    #[arg(long, value_parser = span, value_name = "TIME")]
    pub(crate) latency: Option<DurationMs>,
    /// At least this share of a period's tasks is not late.
    #[arg(long, value_parser = percent, value_name = "PERCENT", requires = "latency", default_value = "99%")]
    pub(crate) latency_share: Ppm,
    /// What goes back of a period's price when more are late.
    #[arg(long, value_parser = percent, value_name = "PERCENT", default_value = "20%")]
    pub(crate) latency_compensation: Ppm,
    /// At least this share of a period's tasks succeeds [default: nothing is promised].
    #[arg(long, value_parser = percent, value_name = "PERCENT")]
    pub(crate) success_share: Option<Ppm>,
    /// What goes back of a period's price when fewer do.
    #[arg(long, value_parser = percent, value_name = "PERCENT", default_value = "30%")]
    pub(crate) success_compensation: Ppm,
    /// For at least this share of a period the agent is there [default: nothing is promised].
    #[arg(long, value_parser = percent, value_name = "PERCENT")]
    pub(crate) availability: Option<Ppm>,
    /// What goes back of a period's price when it is not.
    #[arg(long, value_parser = percent, value_name = "PERCENT", default_value = "50%")]
    pub(crate) availability_compensation: Ppm,
    /// Hours for which it can be rented.
    #[arg(long = "for", default_value_t = 24, value_name = "HOURS")]
    pub(crate) hours: u64,
}

/// `500ms`, `90s`, `15m`, `1h`, `7d`; a number alone is seconds.
pub(super) fn span(text: &str) -> Result<DurationMs, String> {
    let wrong = || format!("'{text}' is no time such as 500ms, 90s, 15m, 1h or 7d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).map(DurationMs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_or_are_seconds() {
        for (text, ms) in
            [("500ms", 500), ("90s", 90_000), ("15m", 900_000), ("1h", 3_600_000), ("2", 2_000)]
        {
            assert_eq!(span(text), Ok(DurationMs(ms)), "{text}");
        }
        for text in ["", "s", "1w", "-1s", "1.5h", "18446744073709551615d", "1 s"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
