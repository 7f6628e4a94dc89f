//! Standing offers: a price that is there before anybody asks.
//!
//! An offer is a seller's signed word, [`OfferTerms`], that it does any task of some capabilities
//! at a price anyone can compute: a base price, less for those who have bought before, more at
//! premium hours. Whoever takes it needs no auction.
pub mod terms;

pub use terms::{
    OfferCapacity, OfferError, OfferPricing, OfferTerms, PremiumHours, VolumeDiscount,
};
