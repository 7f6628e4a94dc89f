//! Sealed-bid auctions as pure, replayable integer mechanisms.
