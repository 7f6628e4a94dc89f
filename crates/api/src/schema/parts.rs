//! What work in parts looks like in JSON.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{CapabilityName, Milliseconds, PositiveAmount, Ppm};

shapes! {
    /// How a coalition divides what it is paid.
    SharingMethod |_g| {
        "type": "string",
        "enum": ["equal", "contribution-based", "auction-based", "nash"],
        "description": "How a coalition divides what it is paid above its members' prices"
    }
    /// What a penalty is for.
    PenaltyCause |_g| {
        "type": "string",
        "enum": ["failed", "late"],
        "description": "What a penalty is for"
    }
    /// What a member of a coalition pays.
    PenaltyClause |generator| {
        "type": "object",
        "description": "What a member of a coalition pays when it lets the others down",
        "properties": {
            "beneficiary": {
                "type": "string",
                "enum": ["buyer", "backup", "members"],
                "description": "Who gets it: the buyer, whoever takes the work over, or the other \
                                members by their shares"
            },
            "cause": generator.subschema_for::<PenaltyCause>(),
            "penalty": generator.subschema_for::<Ppm>()
        },
        "required": ["beneficiary", "cause", "penalty"],
        "additionalProperties": false
    }
    /// Work in parts.
    TaskGraph |generator| {
        "type": "object",
        "description": "Work in parts, each after all that it needs",
        "properties": {
            "subtasks": {
                "type": "array",
                "minItems": 1,
                "maxItems": ainur_primitives::graph::SUBTASKS_MAX,
                "items": {
                    "type": "object",
                    "properties": {
                        "name": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": ainur_primitives::graph::SUBTASK_NAME_BYTES_MAX,
                            "description": "What people call it; unique in its graph"
                        },
                        "capability": generator.subschema_for::<CapabilityName>(),
                        "parameters": {
                            "type": "string", "description": "JSON parameters in canonical form"
                        },
                        "reserve": generator.subschema_for::<PositiveAmount>(),
                        "duration_ms_max": generator.subschema_for::<Milliseconds>(),
                        "needs": {
                            "type": "array",
                            "items": { "type": "integer", "minimum": 0, "maximum": 63 },
                            "description": "Earlier parts whose output it works on, ascending"
                        }
                    },
                    "required": [
                        "name", "capability", "parameters", "reserve", "duration_ms_max", "needs"
                    ],
                    "additionalProperties": false
                }
            }
        },
        "required": ["subtasks"],
        "additionalProperties": false
    }
}
