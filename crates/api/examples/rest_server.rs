//! A market in memory behind the real server, for programs that try an API out (`rest_fuzz.py`).
//!
//! Prints its address and its token on one line, and ends when it is told to.
#![expect(clippy::unwrap_used, clippy::panic, reason = "it stands in for a test")]
#[expect(dead_code, reason = "tests use all of it")]
#[path = "../tests/rest/market.rs"]
mod market;

use std::sync::Arc;

use ainur_api::http::{Error, Server, StopSignal, Token};

fn main() -> Result<(), Error> {
    let token = Token::generate()?;
    let server = Server::bind(([127, 0, 0, 1], 0).into(), token.clone())?;
    println!("http://{} {}", server.address(), token.to_text());
    server.serve(Arc::new(market::Market::new()), StopSignal::new())
}
