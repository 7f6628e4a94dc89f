//! Reads the instances of the Combinatorial Auction Test Suite beside these tests.
use std::error::Error;

use ainur_market::combinatorial::packing::Candidate;

pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cats");

/// The number of goods, and the bids: dummy goods become groups.
pub(crate) fn read(text: &str) -> Result<(usize, Vec<Candidate>), Box<dyn Error>> {
    let field = |name: &str| -> Result<usize, Box<dyn Error>> {
        let mut lines = text.lines().map(str::split_whitespace);
        let line = lines.find_map(|mut words| (words.next() == Some(name)).then_some(words));
        let value = line.and_then(|mut words| words.next()).ok_or_else(|| format!("no {name}"))?;
        Ok(value.parse()?)
    };
    let (goods, dummies) = (field("goods")?, field("dummy")?);
    let mut candidates = Vec::new();
    for line in text.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit())) {
        let numbers: Vec<u128> = line
            .split_whitespace()
            .filter(|word| *word != "#")
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [number, weight, items @ ..] = &numbers[..] else {
            return Err(format!("{line}: not a bid").into());
        };
        let (items, excluding): (Vec<u128>, Vec<u128>) =
            items.iter().partition(|item| **item < goods as u128);
        // A bid without a dummy excludes no other.
        let group = match excluding[..] {
            [] => goods as u128 + dummies as u128 + number,
            [dummy] => dummy,
            _ => return Err(format!("{line}: more than one dummy").into()),
        };
        candidates.push(Candidate {
            items: items.into_iter().map(|item| item as usize).collect(),
            group: group as u32,
            weight: *weight,
        });
    }
    Ok((goods, candidates))
}
