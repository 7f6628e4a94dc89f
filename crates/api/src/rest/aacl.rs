//! `/v1/aacl`: outside parties speak in signed messages of AACL, with keys of their own.
use std::time::Duration;

use ainur_primitives::{CapabilityName, ConversationId};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::WAIT_SECONDS_MAX;
use super::ask::{Ask, reply, unexpected};
use super::follow::News;
use super::route::{Access, Gives, JSON, Method, OF_CAPABILITY, Parameter, Route, Takes};
use crate::http::document::Refusal;
use crate::operation::{AaclIntroduction, AaclListing, AaclQuery, AaclSay, Operation, Reply};
use crate::problem::{Code, Problem};
use crate::schema;
use crate::view::{AaclKeys, AaclParty, AaclThread};

const CONVERSATION: Parameter = Parameter::path(
    "id",
    |generator| json!(generator.subschema_for::<schema::Digest>()),
    "The conversation's id",
);

/// The table.
pub(super) static ROUTES: [Route; 6] = [
    Route {
        method: Method::Post,
        path: "/v1/aacl",
        name: "say_message",
        summary: "Say a signed message of AACL: a call, a proposal, an offer, a bid. A call that \
                  comes again with the same token is answered again and counts once",
        access: Access::Spend,
        parameters: &[],
        takes: Some(Takes::json(envelope)),
        gives: &[Gives {
            status: 200,
            description: "What was said in answer so far",
            content: &[(JSON, thread)],
            headers: &[],
        }],
        refusals: &[402, 404, 409, 422],
        handler: Some(|ask| Box::pin(say(ask))),
    },
    Route {
        method: Method::Put,
        path: "/v1/aacl/parties",
        name: "introduce_party",
        summary: "Introduce the keys of an outside party: its first key document, signed by them",
        access: Access::Spend,
        parameters: &[],
        takes: Some(Takes::json(document)),
        gives: &[Gives {
            status: 200,
            description: "The keys are known",
            content: &[(JSON, SchemaGenerator::subschema_for::<AaclParty>)],
            headers: &[],
        }],
        refusals: &[409, 422],
        handler: Some(|ask| Box::pin(introduce(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/aacl/parties/{id}",
        name: "get_party_keys",
        summary: "The public keys of a party, to verify what it signs",
        access: Access::Read,
        parameters: &[Parameter::path(
            "id",
            |generator| json!(generator.subschema_for::<schema::Did>()),
            "The party's DID",
        )],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "Its keys",
            content: &[(JSON, SchemaGenerator::subschema_for::<AaclKeys>)],
            headers: &[],
        }],
        refusals: &[404],
        handler: Some(|ask| Box::pin(party_keys(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/aacl/conversations/{id}",
        name: "get_conversation",
        summary: "Everything said in a conversation that was begun with the asker's token",
        access: Access::Read,
        parameters: &[
            CONVERSATION,
            Parameter::query(
                "after",
                |_| json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX, "default": 0 }),
                "So many of its messages are known to the caller",
            ),
            Parameter::query(
                "wait",
                |_| json!({ "type": "integer", "minimum": 0, "maximum": WAIT_SECONDS_MAX }),
                "Seconds to wait for more than those, while the conversation goes on",
            ),
        ],
        takes: None,
        gives: &[Gives {
            status: 200,
            description: "The whole thread, oldest first",
            content: &[(JSON, thread)],
            headers: &[],
        }],
        refusals: &[404],
        handler: Some(|ask| Box::pin(conversation(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/aacl/offers",
        name: "list_offer_messages",
        summary: "Standing offers that can be taken, as signed messages",
        access: Access::Read,
        parameters: &[OF_CAPABILITY],
        takes: None,
        gives: &[LISTED],
        refusals: &[],
        handler: Some(|ask| Box::pin(offers(ask))),
    },
    Route {
        method: Method::Get,
        path: "/v1/aacl/calls",
        name: "list_call_messages",
        summary: "Calls that are held open for bids, as messages signed by the node's operator",
        access: Access::Spend,
        parameters: &[OF_CAPABILITY],
        takes: None,
        gives: &[LISTED],
        refusals: &[],
        handler: Some(|ask| Box::pin(calls(ask))),
    },
];

/// How often a conversation is looked at whose task is not the caller's.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const LISTED: Gives =
    Gives { status: 200, description: "Messages", content: &[(JSON, listed)], headers: &[] };

/// The envelope of a message, as far as all types have it; the bodies are described in
/// `docs/market/aacl.md`.
fn envelope(generator: &mut SchemaGenerator) -> Schema {
    let digest = generator.subschema_for::<schema::Digest>();
    let did = generator.subschema_for::<schema::Did>();
    let at = generator.subschema_for::<schema::Timestamp>();
    json_schema!({
        "type": "object",
        "required": ["body", "conversation_id", "created", "expires", "from", "id", "to", "type"],
        "properties": {
            "body": { "type": "object" },
            "conversation_id": digest,
            "created": at,
            "expires": at,
            "from": did,
            "id": digest,
            "in_reply_to": digest,
            "proof": { "type": "object" },
            "to": {
                "oneOf": [{ "type": "string" }, { "type": "array", "items": did }]
            },
            "type": { "type": "string", "pattern": "^AACL-[A-Za-z]+-v1$" }
        },
        "description": "A signed message of AACL v2 in canonical form (RFC 8785)"
    })
}

fn document(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["type", "did", "key_version", "material", "created", "previous", "proofs"],
        "properties": { "type": { "const": "ainur-key-document-v1" } },
        "description": "A party's signed key document in canonical form (RFC 8785)"
    })
}

fn thread(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["messages", "over"],
        "properties": {
            "task": generator.subschema_for::<Option<schema::Digest>>(),
            "over": { "type": "boolean", "description": "Nothing more will be said" },
            "messages": { "type": "array", "items": envelope(generator) }
        },
        "description": "What was said, oldest first, and the task on the ledger when there is one"
    })
}

fn listed(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["messages"],
        "properties": { "messages": { "type": "array", "items": envelope(generator) } }
    })
}

async fn say(ask: Ask) -> Result<Response, Refusal> {
    let say = AaclSay { message: ask.text()?.to_owned(), ..AaclSay::default() };
    let reply = ask.perform(Operation::AaclSay(say)).await.map_err(Refusal::unprocessable)?;
    shown(&told(reply)?)
}

async fn introduce(ask: Ask) -> Result<Response, Refusal> {
    let document = ask.text()?.to_owned();
    let introduction = AaclIntroduction { document, ..AaclIntroduction::default() };
    match ask
        .perform(Operation::AaclIntroduce(introduction))
        .await
        .map_err(Refusal::unprocessable)?
    {
        Reply::AaclParty(party) => reply(StatusCode::OK, &[], &party),
        other => Err(unexpected(&other).into()),
    }
}

async fn party_keys(ask: Ask) -> Result<Response, Refusal> {
    match ask.perform(Operation::AaclKeys { party: ask.id()? }).await? {
        Reply::AaclKeys(keys) => reply(StatusCode::OK, &[], &*keys),
        other => Err(unexpected(&other).into()),
    }
}

/// Waits without a thread of its own, as purchases do.
async fn conversation(ask: Ask) -> Result<Response, Refusal> {
    let conversation: ConversationId = ask.id()?;
    let after: u32 = ask.parameter("after")?.unwrap_or(0);
    let wait: u64 = ask.parameter("wait")?.unwrap_or(0);
    if wait > WAIT_SECONDS_MAX {
        let message = format!("the query parameter `wait` is {WAIT_SECONDS_MAX} at most");
        return Err(Refusal::invalid(message));
    }
    let deadline = Instant::now() + Duration::from_secs(wait);
    loop {
        let query = AaclQuery { after, ..AaclQuery::of(conversation) };
        let thread = told(ask.perform(Operation::AaclThread(query)).await?)?;
        let has_news = thread.messages.len() > usize::try_from(after).unwrap_or(usize::MAX);
        if has_news || thread.over || Instant::now() >= deadline {
            return shown(&thread);
        }
        let Some(task) = thread.task else { return shown(&thread) };
        let caller = ask.caller()?;
        let news = News::of(&ask.calls, &caller, task.to_string(), thread.events).await;
        let told = tokio::select! {
            told = timeout_at(deadline, told_of(news.ok())) => told,
            () = ask.calls.stop.stopped() => return shown(&thread),
            lapsed = ask.calls.lapsed(&caller) => return Err(lapsed.into()),
        };
        if !matches!(told, Ok(Ok(_))) {
            return shown(&thread);
        }
    }
}

/// News of a task; when it is another's, the time to look again.
async fn told_of(news: Option<News>) -> Result<(), Problem> {
    match news {
        Some(news) => news.told().await.map(drop),
        None => {
            tokio::time::sleep(LOOK_AGAIN).await;
            Ok(())
        }
    }
}

async fn offers(ask: Ask) -> Result<Response, Refusal> {
    let capability: Option<CapabilityName> = ask.parameter("capability")?;
    list(ask.perform(Operation::AaclOffers(AaclListing { capability })).await?)
}

async fn calls(ask: Ask) -> Result<Response, Refusal> {
    let capability: Option<CapabilityName> = ask.parameter("capability")?;
    list(ask.perform(Operation::AaclCalls(AaclListing { capability })).await?)
}

fn told(reply: Reply) -> Result<AaclThread, Refusal> {
    match reply {
        Reply::AaclThread(thread) => Ok(*thread),
        other => Err(unexpected(&other).into()),
    }
}

fn list(reply: Reply) -> Result<Response, Refusal> {
    match reply {
        Reply::AaclMessages(messages) => Ok(raw(format!("{{\"messages\":{}}}", array(&messages)))),
        other => Err(unexpected(&other).into()),
    }
}

/// The messages as they were signed, byte for byte.
fn shown(thread: &AaclThread) -> Result<Response, Refusal> {
    let task = serde_json::to_string(&thread.task)
        .map_err(|error| Problem::new(Code::Internal, format!("no JSON for this: {error}")))?;
    let (over, messages) = (thread.over, array(&thread.messages));
    Ok(raw(format!("{{\"task\":{task},\"over\":{over},\"messages\":{messages}}}")))
}

fn array(messages: &[String]) -> String {
    format!("[{}]", messages.join(","))
}

fn raw(body: String) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, JSON)], body).into_response()
}
