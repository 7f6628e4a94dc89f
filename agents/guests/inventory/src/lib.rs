//! `inventory`: what an archive holds, file by file and by kind, as JSON.
use std::collections::BTreeMap;

use ainur_guest::contracts::{NO_PARAMETERS, TAR};
use ainur_guest::json::ObjectWriter;
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote,
    READ_BYTES_MAX, emit_all, tar,
};

pub mod media;

/// The agent.
#[derive(Debug)]
pub struct Inventory;

const CHUNK_BYTES: usize = 256 << 10;

const OUTPUT_SCHEMA: &str = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["files","totals"],"additionalProperties":false,"properties":{"files":{"type":"array","items":{"type":"object","required":["path","size","blake3","media_type"],"additionalProperties":false,"properties":{"path":{"type":"string"},"size":{"type":"integer","minimum":0},"blake3":{"type":"string","pattern":"^[0-9a-f]{64}$"},"media_type":{"type":"string"},"lines":{"type":"integer","minimum":0}}}},"totals":{"type":"object","required":["files","size","lines","distinct","by_media_type"],"additionalProperties":false,"properties":{"files":{"type":"integer","minimum":0},"size":{"type":"integer","minimum":0},"lines":{"type":"integer","minimum":0},"distinct":{"type":"integer","minimum":0},"by_media_type":{"type":"object","additionalProperties":{"type":"object","required":["files","size"],"additionalProperties":false,"properties":{"files":{"type":"integer","minimum":1},"size":{"type":"integer","minimum":0}}}}}}}}"##;

const PRICING: Pricing = Pricing {
    base: 10 * MILLI_AINU,
    per_mib: 5 * MILLI_AINU,
    busy_percent: 10,
    setup_ms: 5,
    bytes_per_second: 150 << 20,
    confidence_ppm: 995_000,
    quality_level: 1,
};

impl Agent for Inventory {
    const MANIFEST: Manifest = Manifest {
        name: "inventory",
        description: "Lists the files of an archive with size, digest, media type and lines.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            input_schema: NO_PARAMETERS,
            input_media_type: Some(TAR),
            output_schema: OUTPUT_SCHEMA,
            output_media_type: "application/json",
            price_hint: Some(PRICING.base),
            ..Contract::new(
                "files.inventory",
                "Lists the files of a tar archive with size, digest, media type and lines.",
            )
        }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        let mut files = Vec::new();
        let mut totals = Totals::default();
        for entry in tar::entries(host, job.input_bytes)? {
            let file = look(host, &entry)?;
            totals.add(&file);
            files.push(file.to_json());
            host.progress(entry.offset + entry.size, job.input_bytes);
        }
        let inventory = ObjectWriter::default()
            .raw("files", &format!("[{}]", files.join(",")))
            .raw("totals", &totals.to_json())
            .finish();
        emit_all(host, inventory.as_bytes(), CHUNK_BYTES, job.first_chunk);
        Ok(())
    }
}

/// One file as it was found.
struct File {
    path: String,
    size: u64,
    blake3: blake3::Hash,
    media_type: &'static str,
    /// Of text only.
    lines: Option<u64>,
}

impl File {
    fn to_json(&self) -> String {
        let object = ObjectWriter::default()
            .text("path", &self.path)
            .number("size", self.size)
            .text("blake3", &self.blake3.to_hex())
            .text("media_type", self.media_type);
        match self.lines {
            Some(lines) => object.number("lines", lines).finish(),
            None => object.finish(),
        }
    }
}

fn look(host: &mut dyn Host, entry: &tar::Entry) -> Result<File, Failure> {
    let mut hasher = blake3::Hasher::new();
    let mut media_type = media::EMPTY;
    let mut newlines = 0;
    let mut last = b'\n';
    let mut done = 0;
    while done < entry.size {
        let wanted = (entry.size - done).min(READ_BYTES_MAX as u64) as usize;
        let piece = host.read_input(entry.offset + done, wanted);
        let Some(end) = piece.last() else {
            return Err(Failure::BadInput("the input ends early".into()));
        };
        if done == 0 {
            media_type = media::detect(&piece, &entry.path);
        }
        hasher.update(&piece);
        newlines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        last = *end;
        done += piece.len() as u64;
    }
    // A last line without its newline is a line.
    let lines = newlines + u64::from(last != b'\n');
    Ok(File {
        path: entry.path.clone(),
        size: entry.size,
        blake3: hasher.finalize(),
        media_type,
        lines: media::is_text(media_type).then_some(lines),
    })
}

#[derive(Default)]
struct Totals {
    files: u64,
    size: u64,
    lines: u64,
    distinct: std::collections::BTreeSet<[u8; 32]>,
    by_media_type: BTreeMap<&'static str, (u64, u64)>,
}

impl Totals {
    fn add(&mut self, file: &File) {
        self.files += 1;
        self.size += file.size;
        self.lines += file.lines.unwrap_or(0);
        self.distinct.insert(*file.blake3.as_bytes());
        let (files, size) = self.by_media_type.entry(file.media_type).or_default();
        *files += 1;
        *size += file.size;
    }

    fn to_json(&self) -> String {
        let mut kinds = ObjectWriter::default();
        for (media_type, (files, size)) in &self.by_media_type {
            let kind = ObjectWriter::default().number("files", *files).number("size", *size);
            kinds = kinds.raw(media_type, &kind.finish());
        }
        ObjectWriter::default()
            .number("files", self.files)
            .number("size", self.size)
            .number("lines", self.lines)
            .number("distinct", self.distinct.len() as u64)
            .raw("by_media_type", &kinds.finish())
            .finish()
    }
}

ainur_guest::agent!(Inventory);

#[cfg(test)]
mod tests {
    use ainur_guest::MemoryHost;
    use serde_json::{Value, json};

    use super::*;

    fn inventory(archive: Vec<u8>) -> Value {
        let mut host = MemoryHost::with_input(archive);
        Inventory::execute(&host.job("files.inventory", "{}"), &mut host).unwrap();
        serde_json::from_slice(&host.delivered()).unwrap()
    }

    #[test]
    fn every_file_is_listed_and_counted_once() {
        let files: [(&str, &[u8]); 5] = [
            ("a.rs", b"fn main() {}\n"),
            ("b.txt", b"one\ntwo"),
            ("copy.txt", b"one\ntwo"),
            ("p", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
            ("empty", b""),
        ];
        let found = inventory(tar::pack(files));
        assert_eq!(found["files"][0]["media_type"], "text/x-rust");
        assert_eq!(found["files"][1]["lines"], 2);
        assert_eq!(found["files"][1]["blake3"], found["files"][2]["blake3"]);
        assert_eq!(found["files"][1]["blake3"], blake3::hash(b"one\ntwo").to_hex().as_str());
        assert_eq!(found["files"][3]["media_type"], "image/png");
        assert_eq!(found["files"][3].get("lines"), None);
        let totals = &found["totals"];
        assert_eq!(totals["files"], 5);
        assert_eq!(totals["distinct"], 4);
        assert_eq!(totals["size"], 13 + 7 + 7 + 16);
        assert_eq!(totals["lines"], 1 + 2 + 2);
        assert_eq!(totals["by_media_type"]["text/plain"], json!({"files": 2, "size": 14}));
    }

    #[test]
    fn a_file_longer_than_one_read_is_hashed_whole() {
        let long = vec![b'x'; READ_BYTES_MAX + 10];
        let found = inventory(tar::pack([("long.txt", &long[..])]));
        assert_eq!(found["files"][0]["blake3"], blake3::hash(&long).to_hex().as_str());
        assert_eq!(found["files"][0]["lines"], 1);
    }

    #[test]
    fn the_promised_schema_is_json_and_names_every_member() {
        let schema: Value = serde_json::from_str(OUTPUT_SCHEMA).unwrap();
        let found = inventory(tar::pack([("a.txt", &b"a"[..])]));
        let file = schema["properties"]["files"]["items"]["properties"].as_object().unwrap();
        for member in found["files"][0].as_object().unwrap().keys() {
            assert!(file.contains_key(member), "{member}");
        }
        let totals = schema["properties"]["totals"]["properties"].as_object().unwrap();
        assert!(found["totals"].as_object().unwrap().keys().eq(totals.keys()));
    }
}
