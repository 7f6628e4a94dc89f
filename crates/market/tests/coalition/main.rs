//! Coalitions: what terms have to be, how a price is divided, who should bid together, how that
//! goes in an auction, and what happens when a member fails.
mod auction;
mod formation;
mod message;
mod sharing;
mod substitution;
mod terms;
mod world;
