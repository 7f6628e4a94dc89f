//! Shapes of rentals and of what their periods came to.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    Amount, CapabilityName, Did, Digest, EXACT_MAX, Milliseconds, PositiveAmount, Ppm,
    QualityLevel, Timestamp,
};

shapes! {
    /// How much a token's holder weighs.
    TokenWeight |_g| {
        "type": "integer",
        "minimum": 1,
        "maximum": u16::MAX,
        "default": 1,
        "description": "How much tasks weigh where they wait for an agent beside those of others"
    }
    /// Uses of a rental at once.
    RentalSlots |_g| {
        "type": "integer",
        "minimum": 1,
        "maximum": 256,
        "description": "Uses at once"
    }
    /// Periods of a rental.
    RentalPeriods |_g| {
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000,
        "description": "How many periods it lasts"
    }
    /// A promised service.
    ServiceLevelAgreement |generator| {
        "type": "object",
        "required": [
            "latency_ms_max", "latency_share_min", "success_share_min", "availability_min",
            "latency_compensation", "success_compensation", "availability_compensation"
        ],
        "additionalProperties": false,
        "properties": {
            "latency_ms_max": generator.subschema_for::<Milliseconds>(),
            "latency_share_min": generator.subschema_for::<Ppm>(),
            "success_share_min": generator.subschema_for::<Ppm>(),
            "availability_min": generator.subschema_for::<Ppm>(),
            "latency_compensation": generator.subschema_for::<Ppm>(),
            "success_compensation": generator.subschema_for::<Ppm>(),
            "availability_compensation": generator.subschema_for::<Ppm>()
        },
        "description": "What share of the uses of a period is not late and succeeds, for what share of it the service is there, and what share of its price goes back for each promise that is broken"
    }
    /// What a seller rents out, as it signs it.
    RentalTerms |generator| {
        "type": "object",
        "required": [
            "seller", "serial", "card", "capability", "quality_level", "slots", "subscription",
            "periods", "service", "valid_until"
        ],
        "additionalProperties": false,
        "properties": {
            "seller": generator.subschema_for::<Did>(),
            "serial": { "type": "integer", "minimum": 0, "maximum": EXACT_MAX },
            "card": generator.subschema_for::<Digest>(),
            "capability": generator.subschema_for::<CapabilityName>(),
            "quality_level": generator.subschema_for::<QualityLevel>(),
            "slots": generator.subschema_for::<RentalSlots>(),
            "subscription": {
                "type": "object",
                "required": ["period_ms", "price", "included_units", "overage_price"],
                "additionalProperties": false,
                "properties": {
                    "period_ms": generator.subschema_for::<Milliseconds>(),
                    "price": generator.subschema_for::<PositiveAmount>(),
                    "included_units": { "type": "integer", "minimum": 0, "maximum": EXACT_MAX },
                    "overage_price": {
                        "anyOf": [generator.subschema_for::<PositiveAmount>(), { "type": "null" }]
                    }
                }
            },
            "periods": generator.subschema_for::<RentalPeriods>(),
            "service": generator.subschema_for::<ServiceLevelAgreement>(),
            "valid_until": generator.subschema_for::<Timestamp>()
        },
        "description": "Slots of an agent for so many periods, as their seller signs it"
    }
    /// What a period of a rental came to.
    PeriodStatement |generator| {
        "type": "object",
        "required": [
            "period", "usage", "price", "overage", "breaches", "compensation", "payment"
        ],
        "additionalProperties": false,
        "properties": {
            "period": { "type": "integer", "minimum": 0, "maximum": 999 },
            "usage": {
                "type": "object",
                "required": ["units", "ended", "succeeded", "in_time", "down_ms"],
                "additionalProperties": false,
                "properties": {
                    "units": { "type": "integer", "minimum": 0, "maximum": EXACT_MAX },
                    "ended": { "type": "integer", "minimum": 0, "maximum": EXACT_MAX },
                    "succeeded": { "type": "integer", "minimum": 0, "maximum": EXACT_MAX },
                    "in_time": { "type": "integer", "minimum": 0, "maximum": EXACT_MAX },
                    "down_ms": generator.subschema_for::<Milliseconds>()
                }
            },
            "price": generator.subschema_for::<Amount>(),
            "overage": generator.subschema_for::<Amount>(),
            "breaches": {
                "type": "array",
                "items": { "type": "string", "enum": ["latency", "success", "availability"] }
            },
            "compensation": generator.subschema_for::<Amount>(),
            "payment": generator.subschema_for::<Amount>()
        },
        "description": "Used, broken, paid to the seller and given back to the buyer: payment and compensation are price and overage"
    }
}
