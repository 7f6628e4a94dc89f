//! `/v1/market/books`, `/v1/market/orders`, `/v1/market/pools`, `/v1/market/credits`: credits for
//! work, and their trade.
use ainur_market::exchange::{OrderId, SelfTrade};
use ainur_primitives::{Amount, CapabilityName, QualityLevel};
use axum::http::StatusCode;
use axum::response::Response;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::{Ask, reply, unexpected};
use super::route::{Access, Gives, JSON, Method, Parameter, Route, Takes};
use super::{BOOK_LEVELS_DEFAULT, BOOK_LEVELS_MAX};
use crate::http::document::Refusal;
use crate::operation::{
    BookQuery, CreditsDraft, Operation, OrderCancellation, OrderDraft, OrderReplacement, PoolDraft,
    Reply,
};
use crate::schema;
use crate::view::{BookView, MovementReport, TradeReport};

const NAME: Parameter = Parameter::path(
    "name",
    |generator| json!(generator.subschema_for::<schema::CapabilityName>()),
    "What the credits are for",
);
const ORDER: Parameter = Parameter::path(
    "id",
    |generator| json!(generator.subschema_for::<schema::OrderNumber>()),
    "The order's number",
);
const QUALITY: Parameter = Parameter::query(
    "quality",
    |generator| json!(generator.subschema_for::<schema::QualityLevel>()),
    "At which quality [default: standard]",
);
const AGENT: Parameter = Parameter::query(
    "agent",
    |_| json!({ "type": "string" }),
    "Whose: an agent's DID or name [default: the node's own]",
);

const BOOK: Gives = Gives {
    status: 200,
    description: "The class, its book and its pool",
    content: &[(JSON, SchemaGenerator::subschema_for::<BookView>)],
    headers: &[],
};
const TRADED: Gives = Gives {
    status: 200,
    description: "What traded, and what rests",
    content: &[(JSON, SchemaGenerator::subschema_for::<TradeReport>)],
    headers: &[],
};
const MOVED: Gives = Gives {
    status: 200,
    description: "What moved",
    content: &[(JSON, SchemaGenerator::subschema_for::<MovementReport>)],
    headers: &[],
};

/// The table.
pub(super) static ROUTES: [Route; 6] = [
    Route {
        method: Method::Get,
        path: "/v1/market/books/{name}",
        name: "get_book",
        summary: "A class of credits: its book, its pool, and what one credit costs and fetches",
        access: Access::Read,
        parameters: &[
            NAME,
            QUALITY,
            Parameter::query(
                "levels",
                |_| json!({ "type": "integer", "minimum": 1, "maximum": BOOK_LEVELS_MAX, "default": BOOK_LEVELS_DEFAULT }),
                "At most this many prices of each side",
            ),
            AGENT,
        ],
        takes: None,
        gives: &[BOOK],
        refusals: &[404],
        handler: Some(|ask| Box::pin(book(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/market/orders",
        name: "place_order",
        summary: "Place an order for credits, as the node or an agent of it",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<OrderDraft>)),
        gives: &[TRADED],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(place(ask))),
    },
    Route {
        method: Method::Put,
        path: "/v1/market/books/{name}/orders/{id}",
        name: "replace_order",
        summary: "Give an order another quantity and price",
        access: Access::Admin,
        parameters: &[NAME, ORDER],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<Replacement>)),
        gives: &[TRADED],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(replace(ask))),
    },
    Route {
        method: Method::Delete,
        path: "/v1/market/books/{name}/orders/{id}",
        name: "cancel_order",
        summary: "Take an order out; what it locks is free again",
        access: Access::Admin,
        parameters: &[NAME, ORDER, QUALITY, AGENT],
        takes: None,
        gives: &[MOVED],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(cancel(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/market/pools",
        name: "change_pool",
        summary: "Begin a pool, add to it or take out of it; or trade with it, which tells of the trade",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<PoolDraft>)),
        gives: &[Gives {
            status: 200,
            description: "What moved, or what traded",
            content: &[(JSON, moved_or_traded)],
            headers: &[],
        }],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(change_pool(ask))),
    },
    Route {
        method: Method::Post,
        path: "/v1/market/credits",
        name: "change_credits",
        summary: "Open a class of credits of an agent's work, write some, or burn some",
        access: Access::Admin,
        parameters: &[],
        takes: Some(Takes::json(SchemaGenerator::subschema_for::<CreditsDraft>)),
        gives: &[MOVED],
        refusals: &[402, 404, 409],
        handler: Some(|ask| Box::pin(change_credits(ask))),
    },
];

fn moved_or_traded(generator: &mut SchemaGenerator) -> schemars::Schema {
    let moved = generator.subschema_for::<MovementReport>();
    let traded = generator.subschema_for::<TradeReport>();
    schemars::json_schema!({ "anyOf": [moved, traded] })
}

/// Another quantity and price for an order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Replacement {
    /// Whose: an agent's DID or name; the node's own when absent.
    agent: Option<String>,
    /// At which quality.
    #[serde(default)]
    #[schemars(with = "schema::QualityLevel")]
    quality_level: QualityLevel,
    /// Credits.
    #[schemars(with = "schema::CreditCount")]
    quantity: u64,
    /// What each is to cost.
    #[schemars(with = "schema::PositiveAmount")]
    price: Amount,
    /// What happens when it meets the trader's own order.
    #[serde(default)]
    #[schemars(with = "schema::SelfTrade")]
    self_trade: SelfTrade,
}

async fn book(ask: Ask) -> Result<Response, Refusal> {
    let levels = ask.parameter("levels")?.unwrap_or(BOOK_LEVELS_DEFAULT);
    if !(1..=BOOK_LEVELS_MAX).contains(&levels) {
        let message = format!("the query parameter `levels` is 1 to {BOOK_LEVELS_MAX}");
        return Err(Refusal::invalid(message));
    }
    let query = BookQuery {
        capability: capability(&ask)?,
        quality_level: quality(&ask)?,
        levels,
        agent: ask.parameter("agent")?,
    };
    match ask.perform(Operation::BookShow(query)).await? {
        Reply::Book(book) => reply(StatusCode::OK, &[], &*book),
        other => Err(unexpected(&other).into()),
    }
}

async fn place(ask: Ask) -> Result<Response, Refusal> {
    done(&ask, Operation::OrderPlace(ask.json()?)).await
}

async fn replace(ask: Ask) -> Result<Response, Refusal> {
    let Replacement { agent, quality_level, quantity, price, self_trade } = ask.json()?;
    let (capability, order) = (capability(&ask)?, order(&ask)?);
    let replacement =
        OrderReplacement { agent, capability, quality_level, order, quantity, price, self_trade };
    done(&ask, Operation::OrderReplace(replacement)).await
}

async fn cancel(ask: Ask) -> Result<Response, Refusal> {
    let cancellation = OrderCancellation {
        agent: ask.parameter("agent")?,
        capability: capability(&ask)?,
        quality_level: quality(&ask)?,
        order: order(&ask)?,
    };
    done(&ask, Operation::OrderCancel(cancellation)).await
}

async fn change_pool(ask: Ask) -> Result<Response, Refusal> {
    done(&ask, Operation::PoolChange(ask.json()?)).await
}

async fn change_credits(ask: Ask) -> Result<Response, Refusal> {
    done(&ask, Operation::CreditsChange(ask.json()?)).await
}

/// Has it performed, and tells what traded or moved.
async fn done(ask: &Ask, operation: Operation) -> Result<Response, Refusal> {
    match ask.perform(operation).await? {
        Reply::Traded(report) => reply(StatusCode::OK, &[], &*report),
        Reply::Moved(report) => reply(StatusCode::OK, &[], &*report),
        other => Err(unexpected(&other).into()),
    }
}

fn capability(ask: &Ask) -> Result<CapabilityName, Refusal> {
    let text = ask.named();
    text.parse()
        .map_err(|error| Refusal::invalid(format!("'{text}' is no name of a capability: {error}")))
}

fn order(ask: &Ask) -> Result<OrderId, Refusal> {
    let text = ask.named_second();
    let wrong = || Refusal::invalid(format!("'{text}' is no number of an order"));
    // Numbers have one spelling.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse().map(OrderId).map_err(|_| wrong())
}

fn quality(ask: &Ask) -> Result<QualityLevel, Refusal> {
    let Some(text) = ask.query.get("quality") else { return Ok(QualityLevel::default()) };
    serde_json::from_value(Value::String(text.to_owned()))
        .map_err(|error| Refusal::invalid(format!("the query parameter `quality`: {error}")))
}
