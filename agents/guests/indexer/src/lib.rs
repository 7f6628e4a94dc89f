//! `indexer`: builds a full-text index of an archive, and searches one.
//!
//! An index is self-contained: it holds the words, where they stand, and the texts themselves,
//! compressed, so that a hit can be shown. Its format is described in [`format`](mod@format).
use ainur_guest::contracts::{NO_PARAMETERS, TAR};
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, emit_all,
    read_all, read_range, tar,
};

pub mod build;
pub mod format;
pub mod search;
pub mod words;

/// The agent.
#[derive(Debug)]
pub struct Indexer;

const BUILD: &str = "index.build";
const SEARCH: &str = "index.search";

/// The media type of an index.
const INDEX: &str = "application/vnd.ainur.index";

/// A longer file is left out.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// All texts together; more is declined.
const TEXT_BYTES_MAX: u64 = 48 << 20;
/// A larger index is not searched.
const INDEX_BYTES_MAX: usize = 64 << 20;
/// So much of a file decides whether it is text.
const SNIFF_BYTES: usize = 8 << 10;
const CHUNK_BYTES: usize = 512 << 10;

const QUERY_SCHEMA: &str = r##"{"type":"object","required":["query"],"additionalProperties":false,"properties":{"query":{"type":"string","minLength":1,"maxLength":1024},"limit":{"type":"integer","minimum":1,"maximum":1000,"default":10}}}"##;

const HITS_SCHEMA: &str = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["query","total","hits"],"additionalProperties":false,"properties":{"query":{"type":"string"},"total":{"type":"integer","minimum":0},"hits":{"type":"array","items":{"type":"object","required":["path","line","snippet","score"],"additionalProperties":false,"properties":{"path":{"type":"string"},"line":{"type":"integer","minimum":1},"snippet":{"type":"string"},"score":{"type":"number"}}}}}}"##;

const BUILD_PRICING: Pricing = Pricing {
    base: 40 * MILLI_AINU,
    per_mib: 40 * MILLI_AINU,
    busy_percent: 30,
    setup_ms: 10,
    bytes_per_second: 8 << 20,
    confidence_ppm: 980_000,
    quality_level: 1,
};

const SEARCH_PRICING: Pricing = Pricing {
    base: 4 * MILLI_AINU,
    per_mib: MILLI_AINU,
    busy_percent: 10,
    setup_ms: 2,
    bytes_per_second: 100 << 20,
    confidence_ppm: 995_000,
    quality_level: 1,
};

impl Agent for Indexer {
    const MANIFEST: Manifest = Manifest {
        name: "indexer",
        description: "Builds full-text indexes of archives and searches them.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[
            Contract {
                input_schema: NO_PARAMETERS,
                input_media_type: Some(TAR),
                output_media_type: INDEX,
                price_hint: Some(BUILD_PRICING.base),
                ..Contract::new(BUILD, "Builds a full-text index of the texts in a tar archive.")
            },
            Contract {
                input_schema: QUERY_SCHEMA,
                input_media_type: Some(INDEX),
                output_schema: HITS_SCHEMA,
                output_media_type: "application/json",
                price_hint: Some(SEARCH_PRICING.base),
                ..Contract::new(SEARCH, "Finds the texts that fit a query best, by BM25.")
            },
        ],
    };

    fn quote(call: &Call) -> Option<Quote> {
        let pricing = if call.capability == BUILD { &BUILD_PRICING } else { &SEARCH_PRICING };
        pricing.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        let answer = if job.capability == SEARCH { find(job, host)? } else { index(job, host)? };
        emit_all(host, &answer, CHUNK_BYTES, job.first_chunk);
        Ok(())
    }
}

fn index(job: &Job, host: &mut dyn Host) -> Result<Vec<u8>, Failure> {
    let mut builder = build::Builder::default();
    let mut text_bytes: u64 = 0;
    for file in tar::entries(host, job.input_bytes)? {
        if file.size > FILE_BYTES_MAX {
            continue;
        }
        let content = read_range(host, file.offset, file.size as usize)?;
        let is_binary = content.iter().take(SNIFF_BYTES).any(|byte| *byte == 0);
        if let (false, Ok(text)) = (is_binary, String::from_utf8(content)) {
            text_bytes += text.len() as u64;
            if text_bytes > TEXT_BYTES_MAX {
                return Err(Failure::Declined(format!("more than {TEXT_BYTES_MAX} bytes of text")));
            }
            builder.add(&file.path, &text);
        }
        host.progress(file.offset + file.size, job.input_bytes);
    }
    Ok(builder.finish())
}

fn find(job: &Job, host: &mut dyn Host) -> Result<Vec<u8>, Failure> {
    let query = search::Query::from_json(&job.parameters).map_err(Failure::BadInput)?;
    let bytes = read_all(host, job.input_bytes, INDEX_BYTES_MAX)?;
    let index = format::Index::read(&bytes)
        .ok_or_else(|| Failure::BadInput("not an index, or a damaged one".into()))?;
    let hits = search::search(&index, &query)
        .ok_or_else(|| Failure::BadInput("the index is damaged".into()))?;
    Ok(hits.to_string().into_bytes())
}

ainur_guest::agent!(Indexer);

#[cfg(test)]
mod tests;
