//! The fixtures of the conformance tests behind the real server, for the suites of the protocols'
//! authors. Prints its address and its token on one line, and ends when it is told to.
//!
//! An argument names the port; a free one is picked without.
#![expect(clippy::unwrap_used, clippy::panic, reason = "it stands in for a test")]
#[expect(dead_code, reason = "tests use all of it")]
#[path = "../tests/rest/market.rs"]
mod market;

use std::sync::Arc;

use ainur_api::http::{Error, Server, StopSignal, Token};

fn main() -> Result<(), Error> {
    let port = std::env::args().nth(1).map_or(0, |port| port.parse().unwrap());
    let token = Token::generate()?;
    let server = Server::bind(([127, 0, 0, 1], port).into(), token.clone())?.with_conformance();
    println!("http://{} {}", server.address(), token.to_text());
    server.serve(Arc::new(market::Market::new()), StopSignal::new())
}
