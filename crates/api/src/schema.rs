//! JSON Schemas of what primitives look like in JSON, for the document that describes the API.
//!
//! The primitives know nothing of schemas, so their shapes are written here; a test holds the golden
//! operations and replies against them.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The largest number that every reader of JSON takes as it is: 2^53 - 1.
const EXACT_MAX: u64 = (1 << 53) - 1;

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident |$generator:ident| $schema:tt)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

mod negotiation;
mod parts;
mod rentals;

pub(crate) use negotiation::*;
pub(crate) use parts::*;
pub(crate) use rentals::*;

/// An order with a price.
fn priced(generator: &mut SchemaGenerator, kind: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "required": [kind],
        "additionalProperties": false,
        "properties": {
            (kind): {
                "type": "object",
                "required": ["price"],
                "additionalProperties": false,
                "properties": { "price": generator.subschema_for::<PositiveAmount>() }
            }
        },
        "description": description
    })
}

shapes! {
    /// Base units as a decimal string. Between 3·10³⁸ and the largest there are none.
    Amount |_g| {
        "type": "string",
        "pattern": "^(0|[1-9][0-9]{0,37}|[12][0-9]{38}|340282366920938463463374607431768211455)$",
        "description": "Money in base units as a decimal string; one AINU is 10^12 of them",
        "examples": ["2500000000000"]
    }
    /// Base units of which there is at least one.
    PositiveAmount |_g| {
        "type": "string",
        "pattern": "^([1-9][0-9]{0,37}|[12][0-9]{38}|340282366920938463463374607431768211455)$",
        "description": "Money in base units as a decimal string, at least one; one AINU is 10^12",
        "examples": ["2500000000000"]
    }
    /// Prices by capability.
    Prices |generator| {
        "type": "object",
        "propertyNames": generator.subschema_for::<CapabilityName>(),
        "additionalProperties": generator.subschema_for::<Amount>(),
        "description": "Prices of single capabilities, where they differ"
    }
    /// A name an operator gives.
    ShortName |_g| {
        "type": "string",
        "pattern": "^[a-z0-9-]{1,48}$",
        "description": "A name of a-z, 0-9 and '-'",
        "examples": ["assistant"]
    }
    /// A key against doing something twice.
    IdempotencyKey |_g| {
        "type": "string",
        "pattern": "^[!-~]([ -~]*[!-~])?$",
        "maxLength": crate::rest::IDEMPOTENCY_KEY_BYTES_MAX,
        "description": "The sender's own key, of visible characters"
    }
    /// A party.
    Did |_g| {
        "type": "string",
        "pattern": "^did:ainur:[a-z2-7]{51}[aq]$",
        "description": "A party's decentralized identifier"
    }
    /// A digest, or an id that is one.
    Digest |_g| {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "32 bytes as hexadecimal digits: a digest, or the id of a task or a budget"
    }
    /// The address of bytes.
    ContentId |_g| {
        "type": "string",
        "pattern": "^bafkr4i[a-h][a-z2-7]{50}[aeimquy4]$",
        "description": "The address of bytes: a CIDv1 (raw, BLAKE3-256) in base32"
    }
    /// An instant.
    Timestamp |_g| {
        "type": "string",
        "format": "date-time",
        "description": "RFC 3339 in UTC with milliseconds"
    }
    /// A span of time.
    Milliseconds |_g| {
        "type": "integer",
        "minimum": 0,
        "maximum": EXACT_MAX,
        "description": "Milliseconds"
    }
    /// A place in a distributed trace.
    TraceContext |_g| {
        "type": "object",
        "required": ["traceparent"],
        "properties": {
            "traceparent": {
                "type": "string",
                "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
            },
            "tracestate": { "type": ["string", "null"] }
        },
        "additionalProperties": false,
        "description": "W3C Trace Context: the headers traceparent and tracestate"
    }
    /// How long a task may take.
    Deadline |_g| {
        "type": "integer",
        "minimum": 1_000,
        "maximum": 82_800_000,
        "description": "Milliseconds: a second at least, 23 hours at most"
    }
    /// A probability.
    Ppm |_g| {
        "type": "integer",
        "minimum": 0,
        "maximum": u32::MAX,
        "description": "Parts per million; 1000000 is certainty"
    }
    /// The name of a capability.
    CapabilityName |_g| {
        "type": "string",
        "pattern": "^[a-z0-9-]+(\\.[a-z0-9-]+)+$",
        "maxLength": 128,
        "description": "noun.verb",
        "examples": ["text.summarize"]
    }
    /// How a winner is chosen.
    SelectionRule |_g| {
        "type": "string",
        "enum": ["scored", "cheapest", "fastest", "best-reputation"],
        "description": "How the winner among valid bids is chosen"
    }
    /// How an agent makes its bids.
    StrategyChoice |_g| {
        "type": "string",
        "enum": ["static-floor", "load-aware", "bandit", "policy"],
        "description": "How the agent makes its bids from its costs: the cost itself, more the busier it is, margins it learns from its own outcomes, or margins learned in simulation"
    }
    /// Where a buyer looks for a price.
    Venue |_g| {
        "type": "string",
        "enum": ["any", "auction", "offer", "negotiation", "credit", "rental"],
        "description": "Where to look for a price: the best standing offer that fits or else an auction, an auction alone, offers alone, a negotiation with each agent that offers what is wanted, a credit the buyer holds, with which no money is paid, or a rental the buyer holds, which is paid by periods"
    }
    /// How good the work is to be.
    QualityLevel |_g| {
        "type": "string",
        "enum": ["standard", "premium", "enterprise"],
        "description": "How good the work is to be"
    }
    /// Less for those who have bought before.
    VolumeDiscount |generator| {
        "type": "object",
        "required": ["tasks_min", "discount"],
        "additionalProperties": false,
        "properties": {
            "tasks_min": { "type": "integer", "minimum": 1, "maximum": u32::MAX },
            "discount": generator.subschema_for::<Ppm>()
        },
        "description": "From so many tasks agreed before, this share of the base price is not charged"
    }
    /// More at certain hours.
    PremiumHours |generator| {
        "type": "object",
        "required": ["weekdays", "from_minute", "until_minute", "surcharge"],
        "additionalProperties": false,
        "properties": {
            "weekdays": { "type": "integer", "minimum": 1, "maximum": 127 },
            "from_minute": { "type": "integer", "minimum": 0, "maximum": 1440 },
            "until_minute": { "type": "integer", "minimum": 0, "maximum": 1440 },
            "surcharge": generator.subschema_for::<Ppm>()
        },
        "description": "Minutes of the day in UTC; bit 0 of the weekdays is Monday; the surcharge is a share of the discounted price"
    }
    /// How much is done at once.
    OfferCapacity |generator| {
        "type": "object",
        "required": ["concurrent_tasks", "queue_size", "estimated_wait_ms"],
        "additionalProperties": false,
        "properties": {
            "concurrent_tasks": { "type": "integer", "minimum": 1, "maximum": u32::MAX },
            "queue_size": { "type": "integer", "minimum": 0, "maximum": u32::MAX },
            "estimated_wait_ms": generator.subschema_for::<Milliseconds>()
        },
        "description": "Tasks at work at once, tasks that may wait beyond those, and how long each of them waits for each one before it"
    }
    /// When a seller is paid.
    PaymentTerms |generator| {
        "oneOf": [
            { "type": "string", "enum": ["completion", "upfront"] },
            {
                "type": "object",
                "required": ["milestone"],
                "additionalProperties": false,
                "properties": {
                    "milestone": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 32,
                        "items": {
                            "type": "object",
                            "required": ["name", "share", "due_ms"],
                            "additionalProperties": false,
                            "properties": {
                                "name": { "type": "string", "minLength": 1, "maxLength": 48 },
                                "share": generator.subschema_for::<Ppm>(),
                                "due_ms": generator.subschema_for::<Milliseconds>()
                            }
                        }
                    }
                }
            }
        ],
        "description": "When the seller is paid: at completion, all of it at the beginning, or by milestones"
    }
    /// What ending an agreement early costs its buyer.
    CancellationPolicy |generator| {
        "type": "object",
        "required": ["free_ms", "fee"],
        "additionalProperties": false,
        "properties": {
            "free_ms": generator.subschema_for::<Milliseconds>(),
            "fee": generator.subschema_for::<Ppm>()
        },
        "description": "Free until so long after the agreement, then the seller gets this share of what is not paid yet"
    }
    /// A standing offer as its seller signs it.
    OfferTerms |generator| {
        "type": "object",
        "required": [
            "seller", "serial", "card", "capabilities", "quality_level", "estimated_duration_ms",
            "pricing", "capacity", "minimum_budget", "payment", "cancellation", "valid_from",
            "valid_until"
        ],
        "additionalProperties": false,
        "properties": {
            "seller": generator.subschema_for::<Did>(),
            "serial": { "type": "integer", "minimum": 0, "maximum": EXACT_MAX },
            "card": generator.subschema_for::<Digest>(),
            "capabilities": { "type": "array", "items": generator.subschema_for::<CapabilityName>() },
            "quality_level": generator.subschema_for::<QualityLevel>(),
            "estimated_duration_ms": generator.subschema_for::<Milliseconds>(),
            "pricing": {
                "type": "object",
                "required": ["base_price", "volume_discount", "premium_hours"],
                "additionalProperties": false,
                "properties": {
                    "base_price": generator.subschema_for::<PositiveAmount>(),
                    "volume_discount": { "type": "array", "items": generator.subschema_for::<VolumeDiscount>() },
                    "premium_hours": { "type": "array", "items": generator.subschema_for::<PremiumHours>() }
                }
            },
            "capacity": generator.subschema_for::<OfferCapacity>(),
            "minimum_budget": generator.subschema_for::<Amount>(),
            "payment": generator.subschema_for::<PaymentTerms>(),
            "cancellation": generator.subschema_for::<CancellationPolicy>(),
            "valid_from": generator.subschema_for::<Timestamp>(),
            "valid_until": generator.subschema_for::<Timestamp>()
        },
        "description": "A standing offer as its seller signs it"
    }
    /// Credits of one order or one step.
    CreditCount |_g| {
        "type": "integer",
        "minimum": 1,
        "maximum": EXACT_MAX,
        "description": "Whole credits"
    }
    /// The number of an order.
    OrderNumber |_g| {
        "type": "integer",
        "minimum": 0,
        "maximum": EXACT_MAX,
        "description": "The number of an order in its book"
    }
    /// Buying or selling.
    Side |_g| {
        "type": "string",
        "enum": ["buy", "sell"],
        "description": "Buying or selling credits"
    }
    /// How an order trades.
    OrderKind |generator| {
        "oneOf": [
            { "const": "market", "description": "At once at any price; the rest is cancelled" },
            priced(generator, "limit", "At once at the price or better; the rest rests"),
            priced(generator, "post-only", "Rests, or does nothing when it would trade at once"),
            priced(generator, "immediate-or-cancel", "At once at the price or better; the rest is cancelled"),
            priced(generator, "fill-or-kill", "All at once at the price or better, or nothing")
        ],
        "description": "How an order trades"
    }
    /// What happens between orders of one owner.
    SelfTrade |_g| {
        "type": "string",
        "enum": ["cancel-newest", "cancel-oldest", "cancel-both"],
        "description": "What happens when an order meets one of its owner"
    }
    /// How an incoming order ended.
    OrderEnding |_g| {
        "type": "string",
        "enum": [
            "filled", "resting", "unfilled", "killed", "would-take", "self-trade", "exhausted"
        ],
        "description": "Filled, resting with what is left, or why the rest was cancelled"
    }
    /// All orders at one price.
    DepthLevel |generator| {
        "type": "object",
        "required": ["price", "quantity", "orders"],
        "additionalProperties": false,
        "properties": {
            "price": generator.subschema_for::<Amount>(),
            "quantity": generator.subschema_for::<CreditCount>(),
            "orders": { "type": "integer", "minimum": 1, "maximum": u32::MAX }
        },
        "description": "All orders at one price"
    }
    /// What a pool holds.
    LiquidityPool |generator| {
        "type": "object",
        "required": ["credits", "money", "shares", "fee_bps"],
        "additionalProperties": false,
        "properties": {
            "credits": generator.subschema_for::<CreditCount>(),
            "money": generator.subschema_for::<Amount>(),
            "shares": generator.subschema_for::<Amount>(),
            "fee_bps": { "type": "integer", "minimum": 0, "maximum": 1_000 }
        },
        "description": "Credits and money, all shares as a decimal string, and the fee in basis points"
    }
    /// An order that rests.
    RestingOrder |generator| {
        "type": "object",
        "required": ["id", "owner", "side", "price", "quantity", "expires"],
        "additionalProperties": false,
        "properties": {
            "id": generator.subschema_for::<OrderNumber>(),
            "owner": generator.subschema_for::<Did>(),
            "side": generator.subschema_for::<Side>(),
            "price": generator.subschema_for::<PositiveAmount>(),
            "quantity": generator.subschema_for::<CreditCount>(),
            "expires": generator.subschema_for::<Timestamp>()
        },
        "description": "An order that rests, with what is left of it"
    }
    /// Why an attempt failed.
    FailureReason |_g| {
        "type": "string",
        "enum": [
            "check-failed", "crashed", "timed-out", "limit-exceeded", "declined", "buyer-refused",
            "infrastructure"
        ],
        "description": "Why an attempt did not lead to accepted work"
    }
    /// Limits on an attempt.
    ExecutionLimits |_g| {
        "type": "object",
        "description": "Hard limits on one attempt",
        "properties": {
            "fuel_max": {
                "type": "integer", "minimum": 1, "maximum": EXACT_MAX,
                "description": "WASM fuel; about one unit per instruction"
            },
            "memory_bytes_max": {
                "type": "integer", "minimum": 1, "maximum": EXACT_MAX,
                "description": "Memory of the sandbox"
            },
            "duration_ms_max": {
                "type": "integer", "minimum": 1, "maximum": EXACT_MAX,
                "description": "Milliseconds"
            },
            "output_bytes_max": {
                "type": "integer", "minimum": 0, "maximum": EXACT_MAX,
                "description": "All output of one attempt"
            }
        },
        "additionalProperties": false
    }
    /// How a result is accepted.
    AcceptanceCheck |generator| {
        "description": "How a result is accepted",
        "oneOf": [
            {
                "type": "object",
                "description": "The output is JSON that the contract's output schema accepts",
                "properties": { "kind": { "const": "schema" } },
                "required": ["kind"],
                "additionalProperties": false
            },
            {
                "type": "object",
                "description": "The output is exactly these bytes",
                "properties": {
                    "kind": { "const": "digest" },
                    "expected": generator.subschema_for::<ContentId>()
                },
                "required": ["kind", "expected"],
                "additionalProperties": false
            },
            {
                "type": "object",
                "description": "A WASM component says yes",
                "properties": {
                    "kind": { "const": "verifier" },
                    "component": generator.subschema_for::<ContentId>()
                },
                "required": ["kind", "component"],
                "additionalProperties": false
            },
            {
                "type": "object",
                "description": "Running the deterministic component again gives the same bytes",
                "properties": { "kind": { "const": "reexecution" } },
                "required": ["kind"],
                "additionalProperties": false
            },
            {
                "type": "object",
                "description": "The buyer says so in time; silence accepts",
                "properties": {
                    "kind": { "const": "buyer-word" },
                    "window_ms": generator.subschema_for::<Milliseconds>()
                },
                "required": ["kind", "window_ms"],
                "additionalProperties": false
            },
            {
                "type": "object",
                "description": "Every one of these",
                "properties": {
                    "kind": { "const": "all" },
                    "checks": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": ainur_primitives::acceptance::CHECKS_MAX,
                        "items": generator.subschema_for::<AcceptanceCheck>()
                    }
                },
                "required": ["kind", "checks"],
                "additionalProperties": false
            }
        ]
    }
    /// What an agent promises about a capability.
    CapabilityContract |generator| {
        "type": "object",
        "description": "What an agent promises about one capability",
        "properties": {
            "name": generator.subschema_for::<CapabilityName>(),
            "description": { "type": "string" },
            "input_schema": {
                "type": "string", "description": "JSON Schema of the parameters, as JSON text"
            },
            "input_media_type": {
                "type": ["string", "null"],
                "description": "Media type of the input stream; null when there is none"
            },
            "output_schema": {
                "type": "string", "description": "JSON Schema of a JSON output, as JSON text"
            },
            "output_media_type": { "type": "string" },
            "effects": generator.subschema_for::<Effects>(),
            "sensitivity": { "type": "string", "enum": ["public", "internal", "confidential"] },
            "idempotent": { "type": "boolean" },
            "deterministic": { "type": "boolean" },
            "dry_run": { "type": "boolean" },
            "price_hint": generator.subschema_for::<Option<Amount>>(),
            "service_level": generator.subschema_for::<ServiceLevel>()
        },
        "required": [
            "name", "description", "input_schema", "input_media_type", "output_schema",
            "output_media_type", "effects", "sensitivity", "idempotent", "deterministic", "dry_run",
            "price_hint", "service_level"
        ],
        "additionalProperties": false
    }
    /// What a call may touch.
    Effects |_g| {
        "type": "object",
        "description": "What a call may touch beyond its own input and output",
        "properties": {
            "read_only": { "type": "boolean" },
            "mutates": { "type": "boolean" },
            "network": { "type": "boolean" },
            "storage": { "type": "boolean" },
            "privileged": { "type": "boolean" }
        },
        "required": ["read_only", "mutates", "network", "storage", "privileged"],
        "additionalProperties": false
    }
    /// What an agent claims of its service.
    ServiceLevel |generator| {
        "type": "object",
        "description": "The service level an agent claims",
        "properties": {
            "duration_ms": generator.subschema_for::<Option<Milliseconds>>(),
            "concurrency_max": { "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX }
        },
        "required": ["duration_ms", "concurrency_max"],
        "additionalProperties": false
    }
}
