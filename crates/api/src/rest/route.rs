//! One row for each thing that can be asked: what it takes, what it gives, and who answers.
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use axum::{Extension, Router};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::ask::Ask;
use crate::access::Caller;
use crate::http::document::Refusal;
use crate::http::server::calls::Calls;
use crate::schema;

/// A path and a method.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// With names in braces, the same for the router and the document.
    pub(crate) path: &'static str,
    /// Unique among all routes; clients made of the document name their functions after it.
    pub(crate) name: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) takes: Option<Takes>,
    pub(crate) gives: &'static [Gives],
    /// Statuses of refusals beside those that the method, the access and the body bring along.
    pub(crate) refusals: &'static [u16],
    /// Absent where another module answers and only the description is here.
    pub(crate) handler: Option<Handler>,
}

/// What a request is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anyone.
    Public,
    /// Anyone on this machine when the node listens to nobody else, and holders of any token.
    Local,
    /// Holders of any token.
    Read,
    /// Holders of a token that may spend.
    Spend,
    /// The owner, and holders of a token that may do everything.
    Admin,
}

/// Something named that comes with a request.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    /// May occur more than once.
    pub(crate) repeated: bool,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Value,
    pub(crate) description: &'static str,
}

/// Where a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// How a body is described.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The body of a request.
pub(crate) struct Takes {
    pub(crate) media_type: &'static str,
    pub(crate) shape: Shape,
}

/// An answer that is no refusal.
pub(crate) struct Gives {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    /// Media type and shape; several where the caller or the content decides.
    pub(crate) content: &'static [(&'static str, Shape)],
    /// Headers: name and description.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

/// What answers.
pub(crate) type Handler = fn(Ask) -> Answer;
/// What a handler will have answered.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

pub(crate) use crate::http::JSON;

impl Parameter {
    /// A part of the path.
    pub(crate) const fn path(
        name: &'static str,
        schema: fn(&mut SchemaGenerator) -> Value,
        description: &'static str,
    ) -> Self {
        Self { name, place: Place::Path, repeated: false, schema, description }
    }

    /// An optional part of the query.
    pub(crate) const fn query(
        name: &'static str,
        schema: fn(&mut SchemaGenerator) -> Value,
        description: &'static str,
    ) -> Self {
        Self { name, place: Place::Query, repeated: false, schema, description }
    }

    /// An optional header.
    pub(crate) const fn header(
        name: &'static str,
        schema: fn(&mut SchemaGenerator) -> Value,
        description: &'static str,
    ) -> Self {
        Self { name, place: Place::Header, repeated: false, schema, description }
    }

    /// The same, as often as one likes.
    pub(crate) const fn repeated(mut self) -> Self {
        self.repeated = true;
        self
    }
}

impl Takes {
    /// JSON.
    pub(crate) const fn json(shape: Shape) -> Self {
        Self { media_type: JSON, shape }
    }
}

/// What a list can be narrowed to.
pub(super) const OF_CAPABILITY: Parameter = Parameter::query(
    "capability",
    |generator| json!(generator.subschema_for::<schema::CapabilityName>()),
    "Only those of it",
);

/// A task's id or its beginning.
pub(crate) const TASK: Parameter = Parameter::path(
    "id",
    |_| json!({ "type": "string", "pattern": "^[0-9a-f]{8,64}$" }),
    "The task's id, or eight or more digits that no other task's id begins with",
);

/// The router of some rows.
pub(crate) fn mount(routes: &'static [Route]) -> Router<Arc<Calls>> {
    routes.iter().fold(Router::new(), |router, route| {
        let Some(handler) = route.handler else { return router };
        let answer = move |State(calls): State<Arc<Calls>>,
                           caller: Option<Extension<Caller>>,
                           path: Result<RawPathParams, RawPathParamsRejection>,
                           request: Request| async move {
            let caller = caller.map(|Extension(caller)| caller);
            let ask = Ask::read(route, calls, caller, path, request).await?;
            handler(ask).await
        };
        let answer = match route.method {
            Method::Get => get(answer),
            Method::Post => post(answer),
            Method::Put => put(answer),
            Method::Delete => delete(answer),
        };
        router.route(route.path, answer)
    })
}
