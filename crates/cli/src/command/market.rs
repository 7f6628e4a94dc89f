//! `ainur market …`.
use std::process::ExitCode;

use ainur_primitives::{DurationMs, Venue};

use super::Outcome;
use super::task::announce;
use crate::arguments::Market;
use crate::connect::Place;
use crate::output::Output;

mod bid;
mod book;
mod depth;
mod exchange;
pub(super) mod negotiate;
pub(super) mod offer;
mod rental;
mod replay;
mod simulate;

pub(super) fn run(verb: Market, place: &Place, output: &Output) -> Outcome {
    // An offer that nobody can take, or a call that nobody answers, needs a node that goes on.
    match verb {
        Market::Call { bidding, run } => {
            let service = match run.detach {
                true => place.connect_running()?,
                false => place.connect()?,
            };
            let bidding_ms = Some(DurationMs::seconds(bidding));
            announce(*run, &*service, output, |request| {
                request.bidding_ms = bidding_ms;
                request.venue = Venue::Auction;
            })
        }
        Market::Negotiate(asked) => negotiate::run(*asked, place, output),
        Market::Bid(bid) => bid::run(bid, &*place.connect_running()?, output),
        Market::Offers { capability } => {
            offer::list(&*place.connect()?, capability, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Market::Replay { file, without } => {
            replay::run(&file, &without, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Market::Simulate { scenario, seed } => {
            simulate::run(&scenario, seed, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Market::Offer(offer) => {
            offer::run(*offer, &*place.connect()?, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Market::Book(book) => {
            book::run(book, &*place.connect()?, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Market::Order(verb) => {
            exchange::order(verb, &*place.connect()?, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Market::Pool(pool) => {
            exchange::pool(pool, &*place.connect()?, output)?;
            Ok(ExitCode::SUCCESS)
        }
        Market::Credits(verb) => exchange::credits(verb, place, output),
        Market::Rental(verb) => rental::run(verb, place, output),
    }
}
