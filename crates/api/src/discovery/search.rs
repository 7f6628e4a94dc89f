//! `POST /search`, as Agentic Resource Discovery has it.
use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::catalog::{self, Entry};
use super::{
    FILTER_PATH_BYTES_MAX, FILTER_VALUES_MAX, FILTERS_MAX, Origin, RESULTS_DEFAULT, RESULTS_MAX,
    SEARCH_CHARACTERS_MAX, rank,
};
use crate::http::document::Refusal;
use crate::rest::ask::{Ask, reply};
use crate::rest::capabilities::offered;

/// What is searched for.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "SearchRequest")]
pub(super) struct Request {
    query: Query,
    /// Other registries are never asked; `referrals` has an empty list of them returned.
    #[serde(default)]
    federation: Federation,
    /// At most so many results.
    #[serde(default = "results_default")]
    #[schemars(range(min = 1, max = RESULTS_MAX))]
    page_size: u32,
    /// Where the last page ended.
    #[schemars(regex(pattern = "^[0-9]{1,9}$"))]
    page_token: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SearchQuery")]
struct Query {
    /// Words of what is wanted.
    #[schemars(length(max = SEARCH_CHARACTERS_MAX))]
    text: String,
    /// Values that must be there, by the path of a field.
    #[serde(default)]
    #[schemars(extend("maxProperties" = FILTERS_MAX))]
    filter: BTreeMap<String, OneOrMany>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(#[schemars(length(max = FILTER_VALUES_MAX))] Vec<String>),
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Federation {
    #[default]
    Auto,
    Referrals,
    None,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SearchResponse")]
pub(super) struct Found {
    results: Vec<Hit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "nothing")]
    referrals: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_token: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SearchResult")]
struct Hit {
    #[serde(flatten)]
    entry: Entry,
    /// How well it fits, to 100; says nothing of trust.
    #[schemars(range(min = 1, max = 100))]
    score: u32,
    /// The registry that knows of it.
    source: String,
}

const fn results_default() -> u32 {
    RESULTS_DEFAULT
}

fn nothing(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "array", "maxItems": 0 })
}

/// Answers a search.
pub(super) async fn search(ask: Ask) -> Result<Response, Refusal> {
    let asked: Request = ask.json()?;
    asked.check()?;
    let from = match &asked.page_token {
        None => 0,
        Some(token) => page(token)?,
    };
    let origin = Origin::of(&ask)?;
    let source = format!("{}/", origin.base);
    let (query, size) = (asked.query, asked.page_size as usize);
    let ranked = ask.run_for_all(move |service| {
        Ok(fitting(catalog::entries(&offered(service)?, &origin), &query))
    });
    let ranked = ranked.await?;
    let more = ranked.len() > from.saturating_add(size);
    let page = ranked.into_iter().skip(from).take(size);
    let results = page.map(|(score, entry)| Hit { entry, score, source: source.clone() }).collect();
    let found = Found {
        results,
        referrals: (asked.federation == Federation::Referrals).then(Vec::new),
        page_token: more.then(|| (from + size).to_string()),
    };
    reply(StatusCode::OK, &[], &found)
}

impl Request {
    /// Anyone may search, so nobody may ask for much.
    fn check(&self) -> Result<(), Refusal> {
        let Query { text, filter } = &self.query;
        if text.chars().count() > SEARCH_CHARACTERS_MAX {
            let message =
                format!("the field `text` holds {SEARCH_CHARACTERS_MAX} characters at most");
            return Err(Refusal::invalid(message));
        }
        if filter.keys().any(|path| path.len() > FILTER_PATH_BYTES_MAX) {
            return Err(Refusal::invalid(format!(
                "a field of `filter` is named in {FILTER_PATH_BYTES_MAX} bytes at most"
            )));
        }
        let is_long = |wanted: &OneOrMany| wanted.values().len() > FILTER_VALUES_MAX;
        if filter.len() > FILTERS_MAX || filter.values().any(is_long) {
            return Err(Refusal::invalid(format!(
                "the field `filter` holds {FILTERS_MAX} fields of {FILTER_VALUES_MAX} values at most"
            )));
        }
        if !(1..=RESULTS_MAX).contains(&self.page_size) {
            return Err(Refusal::invalid(format!("the field `pageSize` is 1 to {RESULTS_MAX}")));
        }
        Ok(())
    }
}

impl OneOrMany {
    fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

fn page(token: &str) -> Result<usize, Refusal> {
    let is_number = (1..=9).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| token.parse().ok()).flatten();
    number.ok_or_else(|| Refusal::invalid("the field `pageToken` is none that was given out"))
}

/// What fits, best first; equals in the order of the catalog.
fn fitting(entries: Vec<Entry>, query: &Query) -> Vec<(u32, Entry)> {
    let passes = |entry: &Entry| {
        query.filter.is_empty() || {
            let entry = serde_json::to_value(entry).unwrap_or_default();
            query.filter.iter().all(|(path, wanted)| {
                let values = catalog::values(&entry, path);
                wanted.values().iter().any(|wanted| values.contains(wanted))
            })
        }
    };
    let entries: Vec<_> = entries.into_iter().filter(passes).collect();
    let texts: Vec<_> = entries.iter().map(Entry::words).collect();
    let scores = rank::scores(&query.text, &texts);
    let mut ranked: Vec<_> =
        scores.into_iter().zip(entries).filter(|(score, _)| *score > 0).collect();
    ranked.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    ranked
}
