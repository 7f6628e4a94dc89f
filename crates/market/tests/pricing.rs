//! Pricing models and rentals: what use costs, when a quota is exhausted, and what a broken promise
//! gives back.
use ainur_market::pricing::rental::{
    Breach, Error, PeriodStatement, RENTAL_PERIODS_MAX, ServiceLevelAgreement,
};
use ainur_market::pricing::{self, PricingModel, RentalMeter, RentalTerms, Subscription};
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, QualityLevel, TaskId, Timestamp};
use scale::{Decode, Encode};

const FROM: Timestamp = Timestamp(1_000_000);
const PERIOD: u64 = 10_000;

fn subscription() -> Subscription {
    Subscription {
        period_ms: DurationMs(PERIOD),
        price: Amount(1_001),
        included_units: 10,
        overage_price: Some(Amount(7)),
    }
}

fn terms() -> RentalTerms {
    RentalTerms {
        seller: Did(Digest([1; 32])),
        serial: 0,
        card: Digest([2; 32]),
        capability: "text.translate".parse().expect("a name"),
        quality_level: QualityLevel::Standard,
        slots: 2,
        subscription: subscription(),
        periods: 3,
        service: ServiceLevelAgreement {
            latency_ms_max: DurationMs(100),
            latency_share_min: Ppm(500_000),
            success_share_min: Ppm(750_000),
            availability_min: Ppm(900_000),
            latency_compensation: Ppm(100_000),
            success_compensation: Ppm(300_000),
            availability_compensation: Ppm(600_000),
        },
        valid_until: FROM,
    }
}

fn meter() -> RentalMeter {
    RentalMeter::new(terms(), FROM).expect("good terms")
}

fn task(number: u8) -> TaskId {
    TaskId(Digest([number; 32]))
}

fn at(ms: u64) -> Timestamp {
    FROM.plus(DurationMs(ms))
}

/// The first period's statement, as soon as it is due.
fn first(meter: &mut RentalMeter) -> PeriodStatement {
    assert_eq!(meter.statements(at(PERIOD + 99)), []);
    let drawn = meter.statements(at(PERIOD + 100));
    assert_eq!(drawn.len(), 1);
    assert_eq!(drawn[0].payment.0 + drawn[0].compensation.0, drawn[0].price.0 + drawn[0].overage.0);
    drawn[0].clone()
}

#[test]
fn each_model_charges_what_it_says() {
    let fixed = PricingModel::Fixed { price: Amount(5) };
    assert_eq!((fixed.charge(0), fixed.charge(9)), (Ok(Some(Amount(5))), Ok(Some(Amount(5)))));
    let metered = PricingModel::PerUse { unit_price: Amount(u128::MAX / 2), price_max: None };
    assert_eq!(metered.charge(2), Ok(Some(Amount(u128::MAX - 1))));
    assert_eq!(metered.charge(3), Err(pricing::Error::TooLarge));
    let capped = PricingModel::PerUse { unit_price: Amount(4), price_max: Some(Amount(10)) };
    assert_eq!((capped.charge(2), capped.charge(3)), (Ok(Some(Amount(8))), Ok(Some(Amount(10)))));
    let capped = PricingModel::PerUse { unit_price: Amount::MAX, price_max: Some(Amount(10)) };
    assert_eq!(capped.charge(u64::MAX), Ok(Some(Amount(10))));
    let subscribed = PricingModel::Subscription(subscription());
    assert_eq!(subscribed.charge(10), Ok(Some(Amount(1_001))));
    assert_eq!(subscribed.charge(12), Ok(Some(Amount(1_015))));
    let hard = PricingModel::Subscription(Subscription { overage_price: None, ..subscription() });
    let exhausted = pricing::Error::QuotaExhausted { quota: 10, units: 11 };
    assert_eq!(hard.charge(11), Err(exhausted));
    assert_eq!(PricingModel::Auction.charge(1), Ok(None));
    let free = PricingModel::Fixed { price: Amount::ZERO };
    assert_eq!(free.validate(), Err(pricing::Error::PriceZero));
    let still = Subscription { period_ms: DurationMs(0), ..subscription() };
    assert_eq!(still.validate(), Err(pricing::Error::PeriodEmpty));
}

#[test]
fn parts_of_a_use_cost_what_the_whole_costs() {
    let models = [
        PricingModel::Fixed { price: Amount(5) },
        PricingModel::PerUse { unit_price: Amount(3), price_max: Some(Amount(50)) },
        PricingModel::Subscription(subscription()),
    ];
    for model in models {
        let start = model.charge(0).unwrap().unwrap();
        let mut sum = start.0;
        for units in 0..40 {
            sum += model.charge_more(units, 1).unwrap().unwrap().0;
            assert_eq!(model.charge(units + 1), Ok(Some(Amount(sum))), "{model:?}");
        }
    }
}

#[test]
fn terms_that_cannot_be_are_refused() {
    let refused = |change: fn(&mut RentalTerms)| {
        let mut terms = terms();
        change(&mut terms);
        RentalMeter::new(terms, FROM).expect_err("to be refused")
    };
    assert_eq!(refused(|terms| terms.slots = 0), Error::Slots);
    assert_eq!(refused(|terms| terms.periods = 0), Error::Periods);
    assert_eq!(refused(|terms| terms.periods = RENTAL_PERIODS_MAX + 1), Error::Periods);
    assert_eq!(refused(|t| t.subscription.period_ms = DurationMs(u64::MAX / 3)), Error::Periods);
    let slow = |terms: &mut RentalTerms| terms.service.latency_ms_max = DurationMs(PERIOD + 1);
    assert_eq!(refused(slow), Error::Latency);
    assert_eq!(refused(|t| t.service.success_share_min = Ppm(1_000_001)), Error::Share);
    assert_eq!(refused(|t| t.service.latency_compensation = Ppm(100_001)), Error::Share);
    let free = refused(|terms| terms.subscription.price = Amount::ZERO);
    assert_eq!(free, Error::Subscription(pricing::Error::PriceZero));
}

#[test]
fn slots_and_quota_are_what_was_rented_and_no_more() {
    let mut meter = meter();
    let over = Error::NotRunning { from: FROM, until: at(3 * PERIOD) };
    assert_eq!(meter.begin(task(1), 1, Timestamp(FROM.0 - 1)), Err(over.clone()));
    assert_eq!(meter.begin(task(1), 1, at(3 * PERIOD)), Err(over));
    assert_eq!(meter.begin(task(1), 6, at(0)), Ok(Amount::ZERO));
    assert_eq!(meter.begin(task(1), 1, at(0)), Err(Error::AlreadyBegun(task(1))));
    assert_eq!(meter.begin(task(2), 6, at(1)), Ok(Amount(14)), "two beyond the quota");
    assert_eq!(meter.begin(task(3), 1, at(2)), Err(Error::NoSlot(2)));
    assert_eq!(meter.end(&task(1), true, at(50)), Ok(DurationMs(50)));
    assert_eq!(meter.end(&task(1), true, at(50)), Err(Error::UnknownUse(task(1))));
    assert_eq!((meter.units_left(at(60)), meter.units_left(at(PERIOD))), (0, 10));
    assert_eq!(meter.begin(task(3), 1, at(PERIOD)), Ok(Amount::ZERO), "the quota is new");

    let mut hard = terms();
    hard.subscription.overage_price = None;
    let mut meter = RentalMeter::new(hard, FROM).unwrap();
    meter.begin(task(1), 10, at(0)).unwrap();
    let before = meter.clone();
    let exhausted = pricing::Error::QuotaExhausted { quota: 10, units: 11 };
    assert_eq!(meter.begin(task(2), 1, at(1)), Err(Error::Subscription(exhausted)));
    assert_eq!(meter, before, "a refusal changes nothing");
}

#[test]
fn a_service_as_promised_costs_its_price() {
    let mut meter = meter();
    for number in 0..4 {
        meter.begin(task(number), 3, at(u64::from(number) * 200)).unwrap();
        let late = if number < 2 { 101 } else { 100 };
        meter.end(&task(number), number > 0, at(u64::from(number) * 200 + late)).unwrap();
    }
    let statement = first(&mut meter);
    assert_eq!(statement.breaches, [], "half in time and three of four are just enough");
    assert_eq!((statement.overage, statement.payment), (Amount(14), Amount(1_015)));
    let unused = meter.statements(at(4 * PERIOD));
    assert_eq!(unused.len(), 2);
    assert!(unused.iter().all(|drawn| drawn.breaches.is_empty() && drawn.payment == Amount(1_001)));
    assert_eq!(meter.statements(at(9 * PERIOD)), [], "each is drawn once");
}

#[test]
fn each_broken_promise_gives_back_its_share_rounded_down() {
    let mut late = meter();
    late.begin(task(1), 1, at(0)).unwrap();
    late.end(&task(1), true, at(101)).unwrap();
    let statement = first(&mut late);
    assert_eq!(statement.breaches, [Breach::Latency]);
    assert_eq!((statement.compensation, statement.payment), (Amount(100), Amount(901)));

    let mut failing = meter();
    failing.begin(task(1), 1, at(0)).unwrap();
    failing.end(&task(1), false, at(100)).unwrap();
    let statement = first(&mut failing);
    assert_eq!(statement.breaches, [Breach::Success]);
    assert_eq!(statement.compensation, Amount(300));

    let mut cancelled = meter();
    cancelled.begin(task(1), 11, at(0)).unwrap();
    cancelled.cancel(&task(1)).unwrap();
    let statement = first(&mut cancelled);
    assert_eq!((statement.breaches, statement.overage), (vec![], Amount(7)));
}

#[test]
fn a_use_that_never_ends_is_late_and_failed() {
    let mut meter = meter();
    meter.begin(task(1), 1, at(PERIOD - 1)).unwrap();
    let statement = first(&mut meter);
    assert_eq!(statement.breaches, [Breach::Latency, Breach::Success]);
    assert_eq!(statement.usage.ended, 1);
    meter.end(&task(1), true, at(PERIOD + 200)).unwrap();
    let next = meter.statements(at(2 * PERIOD + 100));
    assert_eq!(next[0].usage.ended, 0, "it is not counted again");
}

#[test]
fn an_outage_counts_in_every_period_it_touches() {
    let mut meter = meter();
    meter.down(at(PERIOD - 1_000));
    meter.down(at(PERIOD - 500));
    assert_eq!(meter.begin(task(1), 1, at(PERIOD - 400)), Err(Error::Unavailable));
    let statement = first(&mut meter);
    assert_eq!(statement.usage.down_ms, 1_000);
    assert_eq!(statement.breaches, [], "nine tenths are just enough");
    meter.up(at(2 * PERIOD + 1_001));
    let drawn = meter.statements(at(4 * PERIOD));
    assert_eq!(drawn[0].usage.down_ms, PERIOD);
    assert_eq!(drawn[1].usage.down_ms, 1_001);
    assert_eq!(drawn[1].breaches, [Breach::Availability]);
    assert_eq!((drawn[1].compensation, drawn[1].payment), (Amount(600), Amount(401)));
    let mut short = RentalMeter::new(terms(), FROM).unwrap();
    short.down(at(10));
    short.up(at(1_010));
    assert_eq!(first(&mut short).usage.down_ms, 1_000);
}

#[test]
fn a_meter_is_stored_and_goes_on() {
    let mut meter = meter();
    meter.begin(task(1), 2, at(5)).unwrap();
    meter.down(at(7));
    let stored = RentalMeter::decode(&mut meter.encode().as_slice()).unwrap();
    assert_eq!(stored, meter);
    assert_ne!(terms().digest(), RentalTerms { serial: 1, ..terms() }.digest());
}
