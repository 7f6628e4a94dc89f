//! Standing offers: a price that is there before anybody asks.
//!
//! An offer is a seller's signed word, [`OfferTerms`], that it does any task of some capabilities
//! at a price anyone can compute: a base price, less for those who have bought before, more at
//! premium hours. Whoever takes it needs no auction. The [`OfferBoard`] finds the best for a task
//! and keeps who has a place under which.
pub mod board;
pub mod error;
pub mod terms;

pub use board::{
    OfferBoard, OfferLoad, OfferMatch, OfferPlace, OfferRefusal, OfferRequest, RankedOffer,
};
pub use error::Error;
pub use terms::{
    OfferCapacity, OfferError, OfferPricing, OfferTerms, PremiumHours, VolumeDiscount,
};
