//! Examples of rentals.
use ainur_api::operation::{Operation, RentalDraft, Reply};
use ainur_api::view::{RentalHolding, RentalStatement, RentalView};
use ainur_market::pricing::rental::{Breach, PeriodStatement, PeriodUsage, ServiceLevelAgreement};
use ainur_market::pricing::{RentalTerms, Subscription};
use ainur_primitives::{Amount, Digest, DurationMs, Ppm, QualityLevel, Timestamp};

use crate::did;

pub(crate) fn operations() -> Vec<Operation> {
    let RentalTerms { slots, subscription, periods, service, capability, .. } = view().terms;
    let rental = "0a1b2c3d".to_owned();
    vec![
        Operation::RentalList { capability: Some(capability.clone()) },
        Operation::RentalShow { rental: rental.clone() },
        Operation::RentalOffer(RentalDraft {
            agent: "upper".into(),
            capability,
            quality_level: QualityLevel::Standard,
            slots,
            period_ms: subscription.period_ms,
            price: subscription.price,
            included_units: subscription.included_units,
            overage_price: subscription.overage_price,
            periods,
            service,
            valid_ms: DurationMs::seconds(86_400),
        }),
        Operation::RentalStatement { rental: rental.clone(), period: 2 },
        Operation::RentalRent { rental: rental.clone() },
        Operation::RentalWithdraw { rental },
    ]
}

pub(crate) fn replies() -> Vec<Reply> {
    let offered = RentalView { held: None, statements: Vec::new(), ..view() };
    vec![Reply::Rentals(vec![offered]), Reply::Rental(Box::new(view()))]
}

fn view() -> RentalView {
    let at = |seconds: u64| Timestamp(1_700_000_000_123 + seconds * 1_000);
    RentalView {
        rental: Digest([12; 32]),
        seller_name: "upper".into(),
        terms: RentalTerms {
            seller: did(2),
            serial: 7,
            card: Digest([13; 32]),
            capability: "text.upper".parse().unwrap(),
            quality_level: QualityLevel::Standard,
            slots: 2,
            subscription: Subscription {
                period_ms: DurationMs::seconds(3_600),
                price: Amount::ainu(10),
                included_units: 100,
                overage_price: Some(Amount::ainu(1)),
            },
            periods: 3,
            service: ServiceLevelAgreement {
                latency_ms_max: DurationMs::seconds(5),
                latency_share_min: Ppm(990_000),
                success_share_min: Ppm(900_000),
                availability_min: Ppm(950_000),
                latency_compensation: Ppm(200_000),
                success_compensation: Ppm(300_000),
                availability_compensation: Ppm(500_000),
            },
            valid_until: at(86_400),
        },
        held: Some(RentalHolding {
            from: at(0),
            until: at(10_800),
            period: Some(1),
            units_used: 40,
            units_left: 60,
            in_use: 2,
            waiting: 1,
            locked: Amount::ainu(20),
            stated: 1,
            next_statement: Some(at(7_205)),
        }),
        statements: vec![RentalStatement {
            statement: PeriodStatement {
                period: 0,
                usage: PeriodUsage {
                    units: 101,
                    ended: 101,
                    succeeded: 101,
                    in_time: 90,
                    down_ms: 0,
                },
                price: Amount::ainu(10),
                overage: Amount::ainu(1),
                breaches: vec![Breach::Latency],
                compensation: Amount::ainu(2),
                payment: Amount::ainu(9),
            },
            stated: at(3_605),
            block: 77,
            event: 3,
        }],
        unavailable: None,
    }
}
