//! What negotiations look like in JSON.
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::Ppm;

shapes! {
    /// What a message of a negotiation does.
    NegotiationActKind |_g| {
        "type": "string",
        "enum": ["propose", "counter", "accept", "reject", "withdraw"],
        "description": "What a message of a negotiation does"
    }
    /// A way to concede.
    TacticName |_g| {
        "type": "string",
        "pattern": "^(boulware|linear|conceder|time-dependent:[1-6]/[1-6]|tit-for-tat|micro|learned)$",
        "description": "How a side of a negotiation concedes: by the clock (late, evenly, early, or with another exponent), as the other side does, step for step, or by what it learns of the other side's limit",
        "examples": ["linear"]
    }
    /// How much each issue of a negotiation counts.
    IssueWeights |generator| {
        "type": "object",
        "required": ["price", "timeline", "quality", "schedule"],
        "additionalProperties": false,
        "properties": {
            "price": generator.subschema_for::<Ppm>(),
            "timeline": generator.subschema_for::<Ppm>(),
            "quality": generator.subschema_for::<Ppm>(),
            "schedule": generator.subschema_for::<Ppm>()
        },
        "description": "How much each issue counts, together 1000000; a task is paid at completion, so its schedule counts nothing"
    }
    /// How a buyer negotiates.
    NegotiationWish |generator| {
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "opening": generator.subschema_for::<Ppm>(),
            "tactic": generator.subschema_for::<TacticName>(),
            "rounds_max": { "type": "integer", "minimum": 1, "maximum": 16, "default": 3 },
            "weights": generator.subschema_for::<IssueWeights>()
        },
        "description": "How to negotiate: the first proposal as a share of the reserve (half), how to go on from there (linear), after how many rounds a seller can only accept or end it, and how much each issue counts (the price alone). Nobody is told the reserve"
    }
}
