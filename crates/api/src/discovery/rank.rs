//! How well texts fit a query: Okapi BM25 over words (Robertson and Zaragoza, "The Probabilistic
//! Relevance Framework: BM25 and Beyond", 2009), given in percent of what a perfect fit would have.
use std::collections::BTreeMap;

/// How soon a word's further occurrences stop to matter.
const SATURATION: f64 = 1.2;
/// How much long texts are held against themselves.
const LENGTH: f64 = 0.75;
/// How often a word of a title counts.
const TITLE_WEIGHT: u32 = 4;
/// Words of a query that are looked at.
const QUERY_WORDS_MAX: usize = 64;

/// A text's words and how often each occurs.
struct Text {
    counts: BTreeMap<String, u32>,
    length: f64,
}

/// How well each text (title, body) fits, from 0 for not at all to 100.
pub(super) fn scores(query: &str, texts: &[(String, String)]) -> Vec<u32> {
    let texts: Vec<_> = texts.iter().map(|(title, body)| Text::new(title, body)).collect();
    let mut wanted: Vec<_> = words(query).take(QUERY_WORDS_MAX).collect();
    wanted.sort();
    wanted.dedup();
    let count = texts.len() as f64;
    let average = texts.iter().map(|text| text.length).sum::<f64>() / count.max(1.0);
    let weights: Vec<_> = wanted
        .iter()
        .map(|word| {
            let having = texts.iter().filter(|text| text.counts.contains_key(word)).count() as f64;
            (word, (1.0 + (count - having + 0.5) / (having + 0.5)).ln())
        })
        .collect();
    let perfect: f64 = weights.iter().map(|(_, weight)| weight * (SATURATION + 1.0)).sum();
    texts.iter().map(|text| text.score(&weights, average, perfect)).collect()
}

impl Text {
    fn new(title: &str, body: &str) -> Self {
        let mut counts = BTreeMap::new();
        let weighted = words(title).map(|word| (word, TITLE_WEIGHT));
        for (word, weight) in weighted.chain(words(body).map(|word| (word, 1))) {
            *counts.entry(word).or_insert(0) += weight;
        }
        let length = counts.values().copied().map(f64::from).sum();
        Self { counts, length }
    }

    fn score(&self, weights: &[(&String, f64)], average: f64, perfect: f64) -> u32 {
        let norm = SATURATION * (1.0 - LENGTH + LENGTH * self.length / average.max(1.0));
        let score: f64 = weights
            .iter()
            .filter_map(|(word, weight)| {
                let often = f64::from(*self.counts.get(*word)?);
                Some(weight * often * (SATURATION + 1.0) / (often + norm))
            })
            .sum();
        if score <= 0.0 {
            return 0;
        }
        // Found at all is never nothing.
        (100.0 * score / perfect).round().clamp(1.0, 100.0) as u32
    }
}

/// Words in lower case, plurals as their singulars.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|letter: char| !letter.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(|part| {
        let mut word = part.to_lowercase();
        if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") {
            word.pop();
        }
        word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<(String, String)> {
        [
            ("text.summarize", "Sums up a text in a few sentences"),
            ("text.count", "Counts words, lines and letters of a text"),
            ("image.resize", "Makes an image smaller: width height"),
        ]
        .map(|(title, body)| (title.to_owned(), body.to_owned()))
        .into()
    }

    #[test]
    fn the_best_fit_is_first_and_strangers_have_nothing() {
        let found = scores("count the words", &texts());
        assert!(found[1] > found[0] && found[1] > found[2], "{found:?}");
        assert_eq!(scores("teleport", &texts()), [0, 0, 0]);
        assert_eq!(scores("", &texts()), [0, 0, 0]);
        assert!(scores("anything", &[]).is_empty());
    }

    #[test]
    fn a_name_counts_for_more_than_a_mention() {
        let found = scores("image", &texts());
        assert!(found[2] > 50 && found[0] == 0, "{found:?}");
        let mentioned = [
            ("pictures.sort".to_owned(), "Sorts whatever has an image".to_owned()),
            ("image.sort".to_owned(), "Sorts whatever is given".to_owned()),
        ];
        let found = scores("image", &mentioned);
        assert!(found[1] > found[0], "{found:?}");
    }

    #[test]
    fn plurals_are_found_by_singulars() {
        assert!(scores("letter", &texts())[1] > 0);
        assert!(scores("sentence", &texts())[0] > 0);
    }
}
