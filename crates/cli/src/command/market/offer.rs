//! Standing offers: browse, publish, withdraw.
use ainur_api::operation::OfferDraft;
use ainur_api::problem::{Code, Problem};
use ainur_api::view::OfferView;
use ainur_api::{Operation, Reply, Service};
use ainur_market::offer::{OfferCapacity, PremiumHours, VolumeDiscount};
use ainur_market::payment::{CancellationPolicy, Milestone, PaymentTerms};
use ainur_primitives::{CapabilityName, DurationMs, Ppm};

use crate::arguments::{
    DiscountArgument, MilestoneShares, OfferArguments, PaymentArgument, PremiumArgument, hours,
};
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
            Column("paid", false),
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

pub(in crate::command) fn draft(asked: OfferArguments) -> Result<OfferDraft, Problem> {
    let payment = payment(&asked)?;
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
        payment,
        cancellation: asked.cancellation_fee.map_or_else(CancellationPolicy::default, |asked| {
            let free_ms = DurationMs::seconds(asked.free_seconds);
            CancellationPolicy { free_ms, fee: asked.fee }
        }),
        valid_ms: hours(asked.hours),
    })
}

/// When the seller is paid; milestones are due in equal steps over the time the work takes.
fn payment(asked: &OfferArguments) -> Result<PaymentTerms, Problem> {
    let wrong = |why: &str, next: &str| Problem::new(Code::InvalidRequest, why).next(next);
    match (asked.payment, &asked.milestones, asked.duration) {
        (PaymentArgument::Completion, None, _) => Ok(PaymentTerms::Completion),
        (PaymentArgument::Upfront, None, _) => Ok(PaymentTerms::Upfront),
        (PaymentArgument::Milestones, Some(MilestoneShares(shares)), Some(seconds)) => {
            let (count, whole) = (shares.len() as u64, DurationMs::seconds(seconds).0);
            let milestone = |(number, share): (u64, &Ppm)| Milestone {
                name: format!("chunk {number}"),
                share: *share,
                due_ms: DurationMs(whole / count * number),
            };
            Ok(PaymentTerms::Milestone((1..).zip(shares).map(milestone).collect()))
        }
        (PaymentArgument::Milestones, None, _) => {
            Err(wrong("which milestones?", "add --milestones 3, or --milestones 50%,25%,25%"))
        }
        (PaymentArgument::Milestones, Some(_), None) => {
            let next = "say how long the work takes: --duration SECONDS";
            Err(wrong("milestones are due over the time the work takes", next))
        }
        (_, Some(_), _) => {
            Err(wrong("only --payment milestones has milestones", "add --payment milestones"))
        }
    }
}

/// When a seller is paid, in a few words.
fn paid(payment: &PaymentTerms) -> String {
    match payment {
        PaymentTerms::Completion => "at completion".into(),
        PaymentTerms::Upfront => "upfront".into(),
        PaymentTerms::Milestone(milestones) => {
            let shares = milestones.iter().map(|it| it.share.to_string());
            format!("in {} milestones: {}", milestones.len(), shares.collect::<Vec<_>>().join(", "))
        }
    }
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
        ("paid", paid(&terms.payment)),
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
        paid(&terms.payment),
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
