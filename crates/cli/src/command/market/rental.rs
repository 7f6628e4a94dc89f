//! Rentals: offer slots, rent them, use them.
use std::process::ExitCode;

use ainur_api::operation::RentalDraft;
use ainur_api::problem::Problem;
use ainur_api::view::{RentalStatement, RentalView};
use ainur_api::{Operation, Reply, Service};
use ainur_market::pricing::rental::{Breach, ServiceLevelAgreement};
use ainur_primitives::{CapabilityName, DurationMs, Ppm};

use crate::arguments::{RentalOfferArguments, RentalVerb, TaskRun, VenueArgument, hours};
use crate::command::receipt::hand_out;
use crate::command::task::announce;
use crate::command::{Outcome, ask};
use crate::connect::Place;
use crate::output::{Column, Output, ainu};

/// What the meter waits for when no latency is promised, before it draws a period's statement.
const GRACE_MS: DurationMs = DurationMs::seconds(60);

pub(super) fn run(verb: RentalVerb, place: &Place, output: &Output) -> Outcome {
    match verb {
        RentalVerb::Use(run) => {
            let service = match run.detach {
                true => place.connect_running()?,
                false => place.connect()?,
            };
            let run = TaskRun { venue: VenueArgument::Rental, ..*run };
            return announce(run, &*service, output, |_| {});
        }
        RentalVerb::Offer(offered) => {
            let operation = Operation::RentalOffer(draft(*offered));
            let shown = told(&*place.connect()?, operation, output)?;
            if let Some(rental) = shown {
                output.line(format!("next: ainur market rental rent {}", short(&rental)));
            }
        }
        RentalVerb::List { capability } => list(&*place.connect()?, capability, output)?,
        RentalVerb::Show { rental } => {
            let shown = told(&*place.connect()?, Operation::RentalShow { rental }, output)?;
            if let Some(rental) = shown.filter(|rental| !rental.statements.is_empty()) {
                statements(&rental.statements, output);
            }
        }
        RentalVerb::Rent { rental } => {
            let shown = told(&*place.connect()?, Operation::RentalRent { rental }, output)?;
            if let Some(rental) = shown {
                let (capability, id) = (&rental.terms.capability, short(&rental));
                output.line(format!("next: ainur market rental use {capability} --rental {id}"));
            }
        }
        RentalVerb::Statement { rental, period, output: file } => {
            let operation = Operation::RentalStatement { rental, period };
            let receipt = ask(&*place.connect()?, operation, |reply| match reply {
                Reply::Receipt { receipt } => Some(receipt),
                _ => None,
            })?;
            hand_out(&receipt, file.as_deref(), output)?;
        }
        RentalVerb::Withdraw { rental } => {
            let operation = Operation::RentalWithdraw { rental: rental.clone() };
            place.connect()?.perform(operation)?;
            if output.is_json() {
                output.json(&serde_json::json!({ "withdrawn": rental }));
            } else {
                output.line(format!("{rental} cannot be rented any more"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn draft(asked: RentalOfferArguments) -> RentalDraft {
    let nothing = |share: Option<Ppm>| share.unwrap_or(Ppm::ZERO);
    let promised = |is_promised: bool, share: Ppm| if is_promised { share } else { Ppm::ZERO };
    let latency_share_min = promised(asked.latency.is_some(), asked.latency_share);
    RentalDraft {
        agent: asked.agent,
        capability: asked.capability,
        quality_level: asked.quality.into(),
        slots: asked.slots,
        period_ms: asked.period,
        price: asked.price,
        included_units: asked.quota,
        overage_price: asked.overage,
        periods: asked.periods,
        service: ServiceLevelAgreement {
            latency_ms_max: asked.latency.unwrap_or_else(|| GRACE_MS.min(asked.period)),
            latency_share_min,
            success_share_min: nothing(asked.success_share),
            availability_min: nothing(asked.availability),
            latency_compensation: promised(asked.latency.is_some(), asked.latency_compensation),
            success_compensation: promised(
                asked.success_share.is_some(),
                asked.success_compensation,
            ),
            availability_compensation: promised(
                asked.availability.is_some(),
                asked.availability_compensation,
            ),
        },
        valid_ms: hours(asked.hours),
    }
}

/// Shows a rental, to people; gives it back when it did.
fn told(
    service: &dyn Service,
    operation: Operation,
    output: &Output,
) -> Result<Option<RentalView>, Problem> {
    let rental = ask(service, operation, |reply| match reply {
        Reply::Rental(rental) => Some(*rental),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&rental);
        return Ok(None);
    }
    show(&rental, output);
    Ok(Some(rental))
}

fn show(rental: &RentalView, output: &Output) {
    let terms = &rental.terms;
    let subscription = &terms.subscription;
    let mut facts = vec![
        ("rental", rental.rental.to_string()),
        ("seller", rental.seller_name.clone()),
        ("capability", terms.capability.to_string()),
        ("slots", terms.slots.to_string()),
        ("periods", format!("{} of {}", terms.periods, subscription.period_ms)),
        ("price of a period", ainu(subscription.price)),
        ("quota of a period", quota(rental)),
    ];
    facts.extend(promises(&terms.service));
    match &rental.held {
        None => facts.push(("can be rented until", terms.valid_until.to_string())),
        Some(held) => {
            let used = match held.period {
                Some(period) => {
                    format!("{} of {} in period {period}", held.units_used, quota(rental))
                }
                None => "over".to_owned(),
            };
            facts.push(("from", held.from.to_string()));
            facts.push(("until", held.until.to_string()));
            facts.push(("used", used));
            facts.push(("at work", format!("{}, {} waiting", held.in_use, held.waiting)));
            facts.push(("locked", ainu(held.locked)));
            facts.push(("paid for", format!("{} of {} periods", held.stated, terms.periods)));
        }
    }
    if let Some(why) = &rental.unavailable {
        facts.push(("now", why.clone()));
    }
    output.facts(&facts);
}

fn quota(rental: &RentalView) -> String {
    let subscription = &rental.terms.subscription;
    match subscription.overage_price {
        None => format!("{} tasks", subscription.included_units),
        Some(price) => {
            format!("{} tasks, then {} each", subscription.included_units, ainu(price))
        }
    }
}

fn promises(service: &ServiceLevelAgreement) -> Vec<(&'static str, String)> {
    let promised = [
        (
            "latency",
            service.latency_share_min,
            format!(" in {}", service.latency_ms_max),
            service.latency_compensation,
        ),
        ("success", service.success_share_min, String::new(), service.success_compensation),
        (
            "availability",
            service.availability_min,
            String::new(),
            service.availability_compensation,
        ),
    ];
    promised
        .into_iter()
        .filter(|(_, least, _, _)| *least > Ppm::ZERO)
        .map(|(what, least, within, back)| {
            let text = format!("{}{within}, or {} goes back", share(least), share(back));
            (what, text)
        })
        .collect()
}

/// `99.5%`.
fn share(share: Ppm) -> String {
    let (whole, rest) = (share.0 / 10_000, share.0 % 10_000);
    match rest {
        0 => format!("{whole}%"),
        _ => format!("{whole}.{}%", format!("{rest:04}").trim_end_matches('0')),
    }
}

fn list(
    service: &dyn Service,
    capability: Option<CapabilityName>,
    output: &Output,
) -> Result<(), Problem> {
    let rentals = ask(service, Operation::RentalList { capability }, |reply| match reply {
        Reply::Rentals(rentals) => Some(rentals),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&rentals);
    } else if rentals.is_empty() {
        output.line("nothing can be rented, and nothing is");
        output.line(
            "next: ainur market rental offer AGENT --capability NOUN.VERB --period 1h --price AINU --quota TASKS",
        );
    } else {
        let columns = [
            Column("rental", false),
            Column("seller", false),
            Column("capability", false),
            Column("period", false),
            Column("price AINU", true),
            Column("used", true),
            Column("slots", true),
            Column("waiting", true),
            Column("until", false),
            Column("now", false),
        ];
        output.table(&columns, rentals.iter().map(row).collect());
    }
    Ok(())
}

fn row(rental: &RentalView) -> Vec<String> {
    let (terms, held) = (&rental.terms, rental.held.as_ref());
    let included = terms.subscription.included_units;
    let period = held.and_then(|held| held.period).map_or(0, |period| period + 1);
    let now = if held.is_some() { "rented" } else { "can be rented" };
    vec![
        short(rental),
        rental.seller_name.clone(),
        terms.capability.to_string(),
        format!("{period}/{} of {}", terms.periods, terms.subscription.period_ms),
        terms.subscription.price.to_ainu(),
        format!("{}/{included}", held.map_or(0, |held| held.units_used)),
        format!("{}/{}", held.map_or(0, |held| held.in_use), terms.slots),
        held.map_or(0, |held| held.waiting).to_string(),
        held.map_or(terms.valid_until, |held| held.until).to_string(),
        rental.unavailable.clone().unwrap_or_else(|| now.into()),
    ]
}

fn statements(stated: &[RentalStatement], output: &Output) {
    let columns = [
        Column("period", true),
        Column("used", true),
        Column("in time", true),
        Column("succeeded", true),
        Column("down", true),
        Column("broken", false),
        Column("paid AINU", true),
        Column("back AINU", true),
        Column("block", true),
    ];
    let row = |stated: &RentalStatement| {
        let (statement, usage) = (&stated.statement, &stated.statement.usage);
        let broken = statement.breaches.iter().map(|breach| match breach {
            Breach::Latency => "latency",
            Breach::Success => "success",
            Breach::Availability => "availability",
        });
        let broken: Vec<&str> = broken.collect();
        vec![
            statement.period.to_string(),
            usage.units.to_string(),
            format!("{}/{}", usage.in_time, usage.ended),
            format!("{}/{}", usage.succeeded, usage.ended),
            DurationMs(usage.down_ms).to_string(),
            if broken.is_empty() { "nothing".to_owned() } else { broken.join(", ") },
            statement.payment.to_ainu(),
            statement.compensation.to_ainu(),
            stated.block.to_string(),
        ]
    };
    output.table(&columns, stated.iter().map(row).collect());
}

fn short(rental: &RentalView) -> String {
    rental.rental.to_string()[..8].to_owned()
}
