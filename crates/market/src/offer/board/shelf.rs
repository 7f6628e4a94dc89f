//! The index: the offers of one capability, so ordered that the best is found among the first.
//!
//! Offers stand in rows, one for each quality and each grade of failure probability, ascending by
//! base price. Nobody's price is below the base price who has not bought under the offer before,
//! and those who have are looked at by name. So `base price + loss × least failure probability of
//! the row` bounds every score from there on, and a row is left as soon as that is not better than
//! the best score found.
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use ainur_primitives::{Amount, Digest, Ppm, QualityLevel, Timestamp};

use super::capacity::Room;
use crate::offer::terms::PremiumHours;

/// The offers of one capability.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    free: Rows,
    queue: Rows,
}

pub(super) type Rows = BTreeMap<(QualityLevel, u8), Row>;

/// Offers of one quality and nearly one failure probability.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// No offer in the row has a lower failure probability.
    pub(super) least: Ppm,
    /// By base price, since when it stands, which.
    pub(super) offers: BTreeMap<(Amount, Timestamp, Digest), Listed>,
}

/// What rules most offers out, kept beside the price so that they need not be looked up.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) failure_probability: Ppm,
    pub(super) minimum_budget: Amount,
    pub(super) premium_hours: Vec<PremiumHours>,
}

/// Where an offer stands.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) room: Room,
    pub(super) quality_level: QualityLevel,
    pub(super) listed: Listed,
    pub(super) place: (Amount, Timestamp, Digest),
}

impl Shelf {
    pub(super) fn rows(&self, room: Room) -> Option<&Rows> {
        match room {
            Room::Free => Some(&self.free),
            Room::Queue => Some(&self.queue),
            Room::Full => None,
        }
    }

    fn rows_mut(&mut self, room: Room) -> Option<&mut Rows> {
        match room {
            Room::Free => Some(&mut self.free),
            Room::Queue => Some(&mut self.queue),
            Room::Full => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.free.is_empty() && self.queue.is_empty()
    }

    pub(super) fn insert(&mut self, spot: &Spot) {
        let Some(rows) = self.rows_mut(spot.room) else { return };
        let probability = spot.listed.failure_probability;
        let empty = Row { least: probability, offers: BTreeMap::new() };
        let row = rows.entry((spot.quality_level, grade(probability))).or_insert(empty);
        row.least = row.least.min(probability);
        row.offers.insert(spot.place, spot.listed.clone());
    }

    pub(super) fn remove(&mut self, spot: &Spot) {
        let Some(rows) = self.rows_mut(spot.room) else { return };
        let key = (spot.quality_level, grade(spot.listed.failure_probability));
        let Some(row) = rows.get_mut(&key) else { return };
        row.offers.remove(&spot.place);
        if row.offers.is_empty() {
            rows.remove(&key);
        }
    }
}

/// Failure probabilities in 41 steps: one below about a thousandth, then four an octave.
fn grade(probability: Ppm) -> u8 {
    let octave = probability.0.max(1).ilog2();
    if octave < 10 {
        return 0;
    }
    let quarter = (probability.0 >> (octave - 2)) & 3;
    (1 + (octave - 10) * 4 + quarter) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_rise_with_the_probability_and_are_a_quarter_wide() {
        assert_eq!((grade(Ppm(0)), grade(Ppm(1_023)), grade(Ppm(1_024))), (0, 0, 1));
        assert_eq!(grade(Ppm::ONE), 40);
        let mut from = 1_024u32;
        for probability in 1_024..=1_000_000u32 {
            let (before, now) = (grade(Ppm(probability - 1)), grade(Ppm(probability)));
            assert!(now == before || now == before + 1, "{probability}");
            if now != before {
                from = probability;
            }
            assert!(probability - from <= from / 4, "{probability} is with {from}");
        }
    }
}
