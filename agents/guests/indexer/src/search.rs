//! Ranking texts by Okapi BM25, and finding the line to show of each.
//!
//! Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with the
//! usual `k1 = 1.2`, `b = 0.75`, and the inverse document frequency that is never negative.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::format::Index;
use crate::words::words;

const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Hits when the query does not say how many.
const LIMIT_DEFAULT: usize = 10;
/// The most hits a query may ask for.
const LIMIT_MAX: usize = 1000;
/// More distinct words of a query are left out.
const QUERY_WORDS_MAX: usize = 32;
const SNIPPET_CHARACTERS: usize = 160;

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// As it was asked.
    pub text: String,
    /// The most hits wanted.
    pub limit: usize,
}

/// What is known of one matching text.
#[derive(Debug, Default)]
struct Match {
    score: f64,
    /// How many of the query's words stand in each line.
    lines: BTreeMap<u64, u32>,
}

impl Query {
    /// The query of the parameters `{"query": …, "limit": …}`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_json(parameters: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(parameters).map_err(|error| error.to_string())?;
        let text = value["query"].as_str().ok_or("'query' must be a text")?.to_owned();
        let limit = match &value["limit"] {
            Value::Null => LIMIT_DEFAULT,
            limit => limit
                .as_u64()
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| format!("'limit' must be from 1 to {LIMIT_MAX}"))?,
        };
        if words(&text).next().is_none() {
            return Err("'query' has no word of two letters or more".into());
        }
        Ok(Self { text, limit })
    }
}

/// The best texts with their best line, or `None` when the index is damaged.
pub fn search(index: &Index<'_>, query: &Query) -> Option<Value> {
    let wanted: BTreeSet<String> = words(&query.text).take(QUERY_WORDS_MAX).collect();
    let count = index.documents.len() as f64;
    let total: u64 = index.documents.iter().map(|document| document.word_count).sum();
    let usual = total as f64 / count.max(1.0);
    let mut matches: BTreeMap<usize, Match> = BTreeMap::new();
    for word in &wanted {
        let occurrences = index.occurrences(word)?;
        let with_word = occurrences.len() as f64;
        let rarity = (1.0 + (count - with_word + 0.5) / (with_word + 0.5)).ln();
        for occurrence in occurrences {
            let length = index.documents[occurrence.document].word_count as f64;
            let often = occurrence.count as f64;
            let norm = K1 * (1.0 - B + B * length / usual);
            let found = matches.entry(occurrence.document).or_default();
            found.score += rarity * often * (K1 + 1.0) / (often + norm);
            for line in occurrence.lines {
                *found.lines.entry(line).or_default() += 1;
            }
        }
    }
    let found_count = matches.len();
    let mut ranked: Vec<(usize, Match)> = matches.into_iter().collect();
    ranked.sort_by(|(a, x), (b, y)| y.score.total_cmp(&x.score).then(a.cmp(b)));
    ranked.truncate(query.limit);
    let hits: Option<Vec<Value>> =
        ranked.iter().map(|(document, found)| hit(index, *document, found)).collect();
    Some(json!({ "query": query.text, "total": found_count, "hits": hits? }))
}

fn hit(index: &Index<'_>, document: usize, found: &Match) -> Option<Value> {
    // Most words first, then the earliest line.
    let (line, _) = found.lines.iter().max_by(|(a, x), (b, y)| x.cmp(y).then(b.cmp(a)))?;
    let document = &index.documents[document];
    let text = document.text()?;
    let full = text.lines().nth(usize::try_from(*line).ok()?)?.trim();
    let snippet: String = full.chars().take(SNIPPET_CHARACTERS).collect();
    let score = (found.score * 10_000.0).round() / 10_000.0;
    Some(json!({ "path": document.path, "line": line + 1, "snippet": snippet, "score": score }))
}
