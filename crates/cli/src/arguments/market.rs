//! `ainur market …`.
use std::path::PathBuf;

use ainur_market::negotiation::terms::ROUNDS_DEFAULT;
use ainur_market::negotiation::{IssueWeights, TacticName};
use ainur_primitives::{
    Amount, CapabilityName, Did, DurationMs, Ppm, QualityLevel, WORK_CHUNKS_MAX,
};
use clap::{Args, Subcommand, ValueEnum};

use super::TaskRun;
use super::exchange::{BookArguments, CreditsVerb, OrderVerb, PoolArguments};
use super::rental::RentalVerb;

/// What can be done on the market.
#[derive(Subcommand, Debug)]
pub(crate) enum Market {
    /// Call for proposals and keep the call open, so that owners of agents can bid too.
    Call {
        /// Seconds for which bids are taken, whoever has answered.
        #[arg(long, default_value_t = 30, value_name = "SECONDS")]
        bidding: u64,
        #[command(flatten)]
        run: Box<TaskRun>,
    },
    /// Bid for an agent of this node; without a task, show the calls that take bids.
    Bid(BidArguments),
    /// Negotiate a task with each agent that offers it, and have the best agreement done.
    Negotiate(Box<NegotiateArguments>),
    /// Standing offers that can be taken now, cheapest first.
    Offers {
        /// Only those of this capability.
        capability: Option<CapabilityName>,
    },
    /// Publish a standing offer of an agent of this node, or withdraw one.
    Offer(Box<OfferArguments>),
    /// Decide a closed auction again from its transcript, or from a receipt that holds one.
    Replay {
        /// The transcript or the receipt, as JSON.
        file: PathBuf,
        /// Without this bidder, as after it failed; several times for several.
        #[arg(long, value_name = "DID")]
        without: Vec<Did>,
    },
    /// Run a whole market over the production mechanisms and a ledger in memory.
    Simulate {
        /// simple, complex, thin, mature, adversarial, or a file like them.
        scenario: String,
        /// The same seed gives the same market, to the last bit.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Credits for work of one kind: their orders, their pool, and what one costs and fetches.
    Book(BookArguments),
    /// Buy and sell credits, cancel and replace orders.
    #[command(subcommand)]
    Order(OrderVerb),
    /// The pool that trades credits at any time: show it, begin it, add, take out, trade.
    Pool(PoolArguments),
    /// Credits: have a task done for one; for an agent's own work open their class, write some, burn
    /// some.
    #[command(subcommand)]
    Credits(CreditsVerb),
    /// Slots of an agent for so many periods, with a quota and a promised service: offer, rent and
    /// use them.
    #[command(subcommand)]
    Rental(RentalVerb),
}

/// A bid by the owner of an agent.
#[derive(Args, Debug)]
pub(crate) struct BidArguments {
    /// The task, or a unique beginning of its id.
    #[arg(requires_all = ["agent", "price"])]
    pub(crate) task: Option<String>,
    /// The agent that bids: its name or DID.
    #[arg(long, requires = "task")]
    pub(crate) agent: Option<String>,
    /// What it asks for accepted work, in AINU.
    #[arg(long, requires = "task", value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) price: Option<Amount>,
    /// Seconds it expects to take [default: half of what it may].
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duration: Option<u64>,
    /// The quality it offers.
    #[arg(long, value_enum, default_value_t = Quality::Standard)]
    pub(crate) quality: Quality,
}

/// A task whose price is negotiated. The reserve is the most you pay, and nobody is told of it.
#[derive(Args, Debug)]
pub(crate) struct NegotiateArguments {
    /// Your first proposal, as a share of the reserve.
    #[arg(long, default_value = "50%", value_parser = percent, value_name = "PERCENT")]
    pub(crate) open: Ppm,
    /// How you concede from there: boulware (late), linear, conceder (early), time-dependent:N/M,
    /// tit-for-tat, micro or learned.
    #[arg(long, default_value_t = TacticName::default(), value_name = "TACTIC")]
    pub(crate) strategy: TacticName,
    /// After so many rounds an agent can only accept or end it.
    #[arg(long, default_value_t = ROUNDS_DEFAULT)]
    pub(crate) rounds: u32,
    /// How much each issue counts, such as price=70%,time=20%,quality=10% [default: the price alone].
    #[arg(long, value_parser = weights, value_name = "ISSUE=PERCENT,…")]
    pub(crate) weights: Option<IssueWeights>,
    /// Negotiate with this agent alone: its name or DID.
    #[arg(long, value_name = "AGENT", conflicts_with = "only")]
    pub(crate) with: Option<String>,
    #[command(flatten)]
    pub(crate) run: TaskRun,
}

/// A standing offer.
#[derive(Args, Debug)]
pub(crate) struct OfferArguments {
    /// The agent that offers: its name or DID.
    #[arg(required_unless_present = "withdraw")]
    pub(crate) agent: Option<String>,
    /// Withdraw this offer: its id or a unique beginning of it.
    #[arg(long, value_name = "OFFER", conflicts_with = "agent")]
    pub(crate) withdraw: Option<String>,
    /// What one task costs, in AINU.
    #[arg(long, required_unless_present = "withdraw", value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) price: Option<Amount>,
    /// What is offered; several times for several [default: all the agent can do].
    #[arg(long, value_name = "NOUN.VERB")]
    pub(crate) capability: Vec<CapabilityName>,
    /// Less for whoever has bought so many tasks before, such as 10:20% from the eleventh on.
    #[arg(long, value_parser = discount, value_name = "TASKS:PERCENT")]
    pub(crate) discount: Vec<DiscountArgument>,
    /// More at certain hours in UTC, such as mon-fri/08:00-18:00/50%.
    #[arg(long, value_parser = premium, value_name = "DAYS/FROM-UNTIL/PERCENT")]
    pub(crate) premium: Vec<PremiumArgument>,
    /// Tasks at work at once.
    #[arg(long, default_value_t = 1)]
    pub(crate) concurrent: u32,
    /// Tasks that may wait beyond those.
    #[arg(long, default_value_t = 0)]
    pub(crate) queue: u32,
    /// Seconds a task in the queue waits for each one before it.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub(crate) wait_each: u64,
    /// The quality offered.
    #[arg(long, value_enum, default_value_t = Quality::Standard)]
    pub(crate) quality: Quality,
    /// Seconds one task is expected to take [default: as the agent's contract says].
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duration: Option<u64>,
    /// Only for buyers whose reserve is at least this, in AINU.
    #[arg(long, default_value = "0", value_parser = Amount::from_ainu, value_name = "AINU")]
    pub(crate) minimum_budget: Amount,
    /// When the seller is paid. Upfront takes as much of its stake as a pledge; milestones are for
    /// tasks with as many chunks.
    #[arg(long, value_enum, default_value_t = PaymentArgument::Completion)]
    pub(crate) payment: PaymentArgument,
    /// How many milestones with equal shares of the price, such as 3, or the share of each, such as
    /// 50%,25%,25% (with `--payment milestones`).
    #[arg(long, value_parser = milestone_shares, value_name = "COUNT|PERCENT,…")]
    pub(crate) milestones: Option<MilestoneShares>,
    /// What cancelling a task at work costs its buyer: a share of the price, and for how many seconds
    /// it is free [default: nothing], such as 25% or 25%/30.
    #[arg(long, value_parser = cancellation, value_name = "PERCENT[/SECONDS]")]
    pub(crate) cancellation_fee: Option<CancellationArgument>,
    /// Hours for which it can be taken.
    #[arg(long = "for", default_value_t = 24, value_name = "HOURS")]
    pub(crate) hours: u64,
}

/// What late work costs its seller.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LatenessArguments {
    /// Seconds from the agreement on, after which work is late and its seller paid less.
    #[arg(long, value_parser = seconds, value_name = "SECONDS")]
    pub(crate) late_after: Option<DurationMs>,
    /// The share of its price that late work gives up.
    #[arg(long, value_parser = percent, value_name = "PERCENT", requires = "late_after", default_value = "20%")]
    pub(crate) late_compensation: Ppm,
}

/// Seconds, with their unit or without.
fn seconds(text: &str) -> Result<DurationMs, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    let wrong = |_| format!("'{text}' is no number of seconds such as 5 or 5s");
    number.parse().map(DurationMs::seconds).map_err(wrong)
}

/// The share of the price of each milestone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MilestoneShares(pub(crate) Vec<Ppm>);

fn milestone_shares(text: &str) -> Result<MilestoneShares, String> {
    let wrong = |why: &str| format!("'{text}': {why}, such as 3 or 50%,25%,25%");
    let shares = match text.parse::<u32>() {
        Ok(count) => {
            if !(2..=WORK_CHUNKS_MAX).contains(&(count as usize)) {
                return Err(wrong(&format!("there are 2 to {WORK_CHUNKS_MAX} milestones")));
            }
            let equal = Ppm::ONE.0 / count;
            let rest = Ppm(Ppm::ONE.0 - equal * (count - 1));
            (1..count).map(|_| Ppm(equal)).chain([rest]).collect()
        }
        Err(_) => text.split(',').map(percent).collect::<Result<Vec<Ppm>, String>>()?,
    };
    let whole: u64 = shares.iter().map(|share| u64::from(share.0)).sum();
    match whole == u64::from(Ppm::ONE.0) {
        true => Ok(MilestoneShares(shares)),
        false => Err(wrong("the shares are together 100%")),
    }
}

/// How good the work is to be.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Quality {
    /// What the contract promises.
    Standard,
    /// Better than the contract asks.
    Premium,
    /// The seller's best.
    Enterprise,
}

impl From<Quality> for QualityLevel {
    fn from(quality: Quality) -> Self {
        match quality {
            Quality::Standard => Self::Standard,
            Quality::Premium => Self::Premium,
            Quality::Enterprise => Self::Enterprise,
        }
    }
}

/// When a seller is paid.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum PaymentArgument {
    /// When the work is accepted.
    Completion,
    /// At the agreement.
    Upfront,
    /// Chunk by chunk, each when it is accepted.
    Milestones,
}

/// A step of volume discount.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DiscountArgument {
    pub(crate) tasks_min: u32,
    pub(crate) discount: Ppm,
}

/// What a cancellation costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CancellationArgument {
    pub(crate) fee: Ppm,
    pub(crate) free_seconds: u64,
}

/// A span of premium hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PremiumArgument {
    pub(crate) weekdays: u8,
    pub(crate) from_minute: u16,
    pub(crate) until_minute: u16,
    pub(crate) surcharge: Ppm,
}

/// How long `hours` are.
pub(crate) fn hours(hours: u64) -> DurationMs {
    DurationMs::seconds(hours.saturating_mul(3_600))
}

pub(crate) fn percent(text: &str) -> Result<Ppm, String> {
    let wrong = || format!("'{text}' is not a percentage such as 20% or 2.5%");
    let digits = text.strip_suffix('%').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if fraction.len() > 4 || fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let fraction: u32 = format!("{fraction:0<4}").parse().map_err(|_| wrong())?;
    let parts = whole.checked_mul(10_000).and_then(|parts| parts.checked_add(fraction));
    parts.map(Ppm).ok_or_else(wrong)
}

fn weights(text: &str) -> Result<IssueWeights, String> {
    let wrong = || format!("'{text}' is not like price=70%,time=20%,quality=10%, together 100%");
    let mut weights = IssueWeights { price: Ppm::ZERO, ..IssueWeights::PRICE };
    let mut whole: u64 = 0;
    for part in text.split(',') {
        let (issue, share) = part.split_once('=').ok_or_else(wrong)?;
        let share = percent(share)?;
        let weight = match issue {
            "price" => &mut weights.price,
            "time" => &mut weights.timeline,
            "quality" => &mut weights.quality,
            _ => return Err(wrong()),
        };
        if *weight > Ppm::ZERO {
            return Err(wrong());
        }
        *weight = share;
        whole += u64::from(share.0);
    }
    if whole == u64::from(Ppm::ONE.0) { Ok(weights) } else { Err(wrong()) }
}

fn discount(text: &str) -> Result<DiscountArgument, String> {
    let wrong = || format!("'{text}' is not a discount such as 10:20%");
    let (tasks, share) = text.split_once(':').ok_or_else(wrong)?;
    let tasks_min = tasks.parse().map_err(|_| wrong())?;
    Ok(DiscountArgument { tasks_min, discount: percent(share)? })
}

fn cancellation(text: &str) -> Result<CancellationArgument, String> {
    let (fee, free) = text.split_once('/').unwrap_or((text, "0"));
    let wrong = |_| format!("'{free}' is no number of seconds, in a fee such as 25%/30");
    Ok(CancellationArgument { fee: percent(fee)?, free_seconds: free.parse().map_err(wrong)? })
}

fn premium(text: &str) -> Result<PremiumArgument, String> {
    let wrong = || format!("'{text}' is not a span such as mon-fri/08:00-18:00/50%");
    let mut parts = text.split('/');
    let (Some(days), Some(span), Some(share), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    let (from, until) = span.split_once('-').ok_or_else(wrong)?;
    Ok(PremiumArgument {
        weekdays: weekdays(days).ok_or_else(wrong)?,
        from_minute: minute(from).ok_or_else(wrong)?,
        until_minute: minute(until).ok_or_else(wrong)?,
        surcharge: percent(share)?,
    })
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `daily`, `sat`, `mon-fri`.
fn weekdays(text: &str) -> Option<u8> {
    if text == "daily" {
        return Some(0x7f);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let place = |day: &str| DAYS.iter().position(|known| *known == day);
    let (first, last) = (place(first)?, place(last)?);
    let count = (last + 7 - first) % 7 + 1;
    Some((0..count).fold(0, |days, step| days | 1 << ((first + step) % 7)))
}

/// `08:30` as a minute of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let of_day = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && of_day <= 1_440).then_some(of_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_exact_and_nothing_else_is_one() {
        assert_eq!(percent("20%"), Ok(Ppm(200_000)));
        assert_eq!(percent("2.5"), Ok(Ppm(25_000)));
        assert_eq!(percent("0.0001%"), Ok(Ppm(1)));
        for text in ["", "%", "-1%", "1.%", "0.00001%", "ten", "99999999%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn weights_are_the_whole_and_name_each_issue_once() {
        let parsed = weights("price=70%,time=20%,quality=10%").expect("weights");
        assert_eq!((parsed.price, parsed.timeline), (Ppm(700_000), Ppm(200_000)));
        assert_eq!((parsed.quality, parsed.schedule), (Ppm(100_000), Ppm::ZERO));
        for text in ["price=70%", "price=50%,price=50%", "speed=100%", "price", "price=101%"] {
            assert!(weights(text).is_err(), "{text}");
        }
    }

    #[test]
    fn premium_hours_name_days_and_minutes() {
        let span = premium("mon-fri/08:00-18:30/50%").expect("a span");
        assert_eq!((span.weekdays, span.from_minute, span.until_minute), (0x1f, 480, 1_110));
        assert_eq!(premium("sat-mon/00:00-24:00/5%").expect("a span").weekdays, 0b110_0001);
        assert_eq!(premium("daily/00:00-01:00/5%").expect("a span").weekdays, 0x7f);
        for text in
            ["mon", "mon/8-9/5%", "xyz/08:00-09:00/5%", "mon/08:00-24:01/5%", "mon/08:61-09:00/5%"]
        {
            assert!(premium(text).is_err(), "{text}");
        }
    }
}
