//! The REST face of a [`Service`](crate::Service): `/v1/…`, and `/openapi.json` that describes it.
//!
//! Every path, parameter, body and answer is one row of a table (`route::Route`); the router, the
//! checks of what comes in and the OpenAPI document are made of the same rows, so that none can say
//! what another does not. JSON has the shapes of [`view`](crate::view); what is refused is answered
//! with a problem document. Who asks, and what that lets them do, was settled by the guard and is
//! enforced by [`Counter`](crate::access::Counter).
mod aacl;
mod agents;
pub(crate) mod ask;
mod budgets;
pub(crate) mod capabilities;
mod events;
mod exchange;
mod follow;
mod market;
mod node;
mod number;
mod openapi;
mod others;
mod output;
mod query;
mod rental;
pub(crate) mod route;
mod shape;
mod tasks;
mod tokens;

use std::sync::Arc;

use axum::Router;

use crate::http::server::calls::Calls;
use crate::{discovery, metrics};
use route::{Access, Route};

/// Where the OpenAPI document is.
pub const OPENAPI_PATH: &str = "/openapi.json";
/// Bytes in the body of a request here.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The longest a purchase may be asked to wait for its end.
pub const WAIT_SECONDS_MAX: u64 = 60;
/// Tasks in one page.
pub const PAGE_TASKS_MAX: u32 = 1_000;
/// Tasks in a page whose size was not asked for.
pub const PAGE_TASKS_DEFAULT: u32 = 50;
/// Prices of each side of a book in one answer.
pub const BOOK_LEVELS_MAX: u32 = 1_000;
/// Prices of each side of a book when it was not asked for so many.
pub const BOOK_LEVELS_DEFAULT: u32 = 10;
/// Bytes of an output that are looked at to learn whether they are JSON.
pub const OUTPUT_LOOK_BYTES_MAX: u64 = 1024 * 1024;
/// Parameters in a query string.
pub const QUERY_PARAMETERS_MAX: usize = 32;
/// Digits of a task's id that name it: as many as lists show.
pub const TASK_ID_DIGITS_MIN: usize = 8;
/// Bytes in an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

/// The tables that are served here.
const TABLES: [&[Route]; 12] = [
    &tasks::ROUTES,
    &events::ROUTES,
    &output::ROUTES,
    &capabilities::ROUTES,
    &agents::ROUTES,
    &market::ROUTES,
    &aacl::ROUTES,
    &rental::ROUTES,
    &exchange::ROUTES,
    &budgets::ROUTES,
    &tokens::ROUTES,
    &node::ROUTES,
];

/// Every route of this module, and the metrics.
pub(crate) fn router() -> Router<Arc<Calls>> {
    let tables = TABLES.into_iter().chain([&openapi::ROUTES[..], &metrics::ROUTES]);
    tables.fold(Router::new(), |router, table| router.merge(route::mount(table)))
}

/// Whether this path needs no token.
pub(crate) fn is_public(path: &str) -> bool {
    openapi::ROUTES.iter().any(|route| route.access == Access::Public && route.path == path)
}

/// Every route that the node answers on, for the document that describes them.
fn documented() -> impl Iterator<Item = &'static Route> {
    let tables = TABLES.into_iter().chain([
        &openapi::ROUTES[..],
        &metrics::ROUTES,
        &discovery::ROUTES,
        &others::ROUTES,
    ]);
    tables.flatten()
}
