//! The numbers in requests, checked.
use super::error::Error;
use super::limits::{HISTORY_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};

/// How many messages of the history are wanted: all there is room for when nobody says.
pub(super) fn history_of(asked: Option<i32>) -> Result<usize, Error> {
    match asked {
        None => Ok(HISTORY_MAX),
        Some(count) => usize::try_from(count)
            .map(|count| count.min(HISTORY_MAX))
            .map_err(|_| Error::invalid("historyLength is not negative")),
    }
}

/// How many tasks are on a page.
pub(super) fn page_size(asked: Option<i32>) -> Result<i32, Error> {
    match asked {
        None => Ok(PAGE_SIZE_DEFAULT),
        Some(size) if (1..=PAGE_SIZE_MAX).contains(&size) => Ok(size),
        Some(_) => Err(Error::invalid(format!("pageSize is 1 to {PAGE_SIZE_MAX}"))),
    }
}
