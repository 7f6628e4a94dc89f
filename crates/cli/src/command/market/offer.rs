//! Standing offers: browse, publish, withdraw.
use ainur_api::operation::OfferDraft;
use ainur_api::problem::{Code, Problem};
use ainur_api::view::OfferView;
use ainur_api::{Operation, Reply, Service};
use ainur_market::offer::{OfferCapacity, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, PaymentTerms};
use ainur_primitives::{CapabilityName, DurationMs};

use crate::arguments::{DiscountArgument, OfferArguments, PaymentArgument, PremiumArgument, hours};
use crate::command::ask;
use crate::output::{Column, Output, ainu};

pub(super) fn list(
    service: &dyn Service,
    capability: Option<CapabilityName>,
    output: &Output,
) -> Result<(), Problem> {
    let offers = ask(service, Operation::OfferList { capability }, |reply| match reply {
        Reply::Offers(offers) => Some(offers),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&offers);
    } else if offers.is_empty() {
        output.line("nothing is on offer: tasks are auctioned");
        output.line("next: ainur market offer AGENT --price AINU");
    } else {
        let columns = [
            Column("offer", false),
            Column("seller", false),
            Column("capabilities", false),
            Column("price AINU", true),
            Column("running", true),
            Column("waiting", true),
            Column("until", false),
            Column("now", false),
        ];
        output.table(&columns, offers.iter().map(row).collect());
    }
    Ok(())
}

pub(super) fn run(
    offer: OfferArguments,
    service: &dyn Service,
    output: &Output,
) -> Result<(), Problem> {
    if let Some(offer) = offer.withdraw {
        service.perform(Operation::OfferWithdraw { offer: offer.clone() })?;
        if output.is_json() {
            output.json(&serde_json::json!({ "withdrawn": offer }));
        } else {
            output.line(format!("{offer} cannot be taken any more; tasks under way go on"));
        }
        return Ok(());
    }
    let published = ask(service, Operation::OfferPublish(draft(offer)?), |reply| match reply {
        Reply::Offer(offer) => Some(offer),
        _ => None,
    })?;
    if output.is_json() {
        output.json(&published);
    } else {
        show(&published, output);
    }
    Ok(())
}

fn draft(asked: OfferArguments) -> Result<OfferDraft, Problem> {
    let missing = || Problem::new(Code::InvalidRequest, "an offer needs an agent and --price");
    let (Some(agent), Some(base_price)) = (asked.agent, asked.price) else {
        return Err(missing());
    };
    let discounts = asked
        .discount
        .into_iter()
        .map(|DiscountArgument { tasks_min, discount }| VolumeDiscount { tasks_min, discount });
    let premium = asked.premium.into_iter().map(|span| {
        let PremiumArgument { weekdays, from_minute, until_minute, surcharge } = span;
        PremiumHours { weekdays, from_minute, until_minute, surcharge }
    });
    Ok(OfferDraft {
        agent,
        capabilities: asked.capability,
        base_price,
        volume_discount: discounts.collect(),
        premium_hours: premium.collect(),
        capacity: OfferCapacity {
            concurrent_tasks: asked.concurrent,
            queue_size: asked.queue,
            estimated_wait_ms: DurationMs::seconds(asked.wait_each),
        },
        quality_level: asked.quality.into(),
        estimated_duration_ms: asked.duration.map(DurationMs::seconds),
        minimum_budget: asked.minimum_budget,
        payment: match asked.payment {
            PaymentArgument::Completion => PaymentTerms::Completion,
            PaymentArgument::Upfront => PaymentTerms::Upfront,
        },
        cancellation: asked.cancellation_fee.map_or_else(CancellationPolicy::default, |asked| {
            let free_ms = DurationMs::seconds(asked.free_seconds);
            CancellationPolicy { free_ms, fee: asked.fee }
        }),
        valid_ms: hours(asked.hours),
    })
}

fn show(offer: &OfferView, output: &Output) {
    let terms = &offer.terms;
    let capacity = &terms.capacity;
    output.facts(&[
        ("offer", offer.offer.to_string()),
        ("seller", offer.seller_name.clone()),
        ("capabilities", names(terms.capabilities.iter())),
        ("base price", ainu(terms.pricing.base_price)),
        ("price now", ainu(offer.price)),
        ("at once", format!("{} and {} waiting", capacity.concurrent_tasks, capacity.queue_size)),
        ("until", terms.valid_until.to_string()),
    ]);
    output.line("next: ainur market offers");
}

fn row(offer: &OfferView) -> Vec<String> {
    let terms = &offer.terms;
    vec![
        offer.offer.to_string()[..8].to_owned(),
        offer.seller_name.clone(),
        names(terms.capabilities.iter()),
        offer.price.to_ainu(),
        format!("{}/{}", offer.running, terms.capacity.concurrent_tasks),
        format!("{}/{}", offer.waiting, terms.capacity.queue_size),
        terms.valid_until.to_string(),
        offer.unavailable.clone().unwrap_or_else(|| "can be taken".into()),
    ]
}

/// Up to three names, and how many more there are.
fn names<'a>(capabilities: impl Iterator<Item = &'a CapabilityName>) -> String {
    let all: Vec<String> = capabilities.map(ToString::to_string).collect();
    match all.as_slice() {
        [one, two, three, more @ ..] if !more.is_empty() => {
            format!("{one}, {two}, {three} and {} more", more.len())
        }
        few => few.join(", "),
    }
}
