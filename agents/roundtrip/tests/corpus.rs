//! All guests on the demo corpus: what a compressor delivers is small, is what the standard tool reads,
//! is what the verifier accepts, and is the same after a continuation; what the cheat delivers is not.
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use ainur_guest::{Agent, Call, Manifest, MemoryHost};
use ainur_primitives::CapabilityContract;
use archive_verify::ArchiveVerify;
use serde_json::Value;

static CORPUS: LazyLock<Vec<u8>> = LazyLock::new(|| roundtrip::corpus().expect("the corpus"));

fn chunks<A: Agent>(capability: &str, input: &[u8], first_chunk: u32) -> Vec<Vec<u8>> {
    let mut host = MemoryHost::with_input(input.to_vec());
    let job = host.job_from(capability, "{}", first_chunk);
    ainur_guest::execute::<A>(&job, &mut host).expect("the work is done");
    host.chunks
}

fn verdict(capability: &str, input: &[u8], output: Vec<u8>) -> ainur_guest::Verdict {
    let mut host = MemoryHost::with_input(input.to_vec());
    host.output = output;
    let delivery = host.delivery(capability);
    ArchiveVerify::verify(&delivery, &mut host)
}

/// What the standard tool makes of it, or `None` where it is not installed.
fn standard_tool(tool: &str, packed: &[u8]) -> Option<Vec<u8>> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(packed).expect("written");
    let input = std::fs::File::open(file.path()).expect("opened");
    let run = Command::new(tool).args(["-d", "-c"]).stdin(Stdio::from(input)).output().ok()?;
    assert!(run.status.success(), "{tool}: {}", String::from_utf8_lossy(&run.stderr));
    Some(run.stdout)
}

/// Compresses the corpus; `permille_max` is the most it may keep of its size.
fn compressor<A: Agent>(tool: Option<&str>, permille_max: usize) {
    let capability = "archive.compress";
    let whole = chunks::<A>(capability, &CORPUS, 0);
    let packed = whole.concat();
    let permille = packed.len() * 1000 / CORPUS.len();
    println!("{}: {} of {} bytes, {permille} ‰", A::MANIFEST.name, packed.len(), CORPUS.len());
    assert!(permille <= permille_max, "{permille} ‰");
    assert_eq!(chunks::<A>(capability, &CORPUS, 5), whole[5..], "continued after five chunks");
    if let Some(tool) = tool {
        match standard_tool(tool, &packed) {
            Some(plain) => assert!(plain == *CORPUS, "{tool} reads something else"),
            None => println!("{tool} is not installed: not compared"),
        }
    }
    let verdict = verdict(capability, &CORPUS, packed);
    assert!(verdict.accepted, "{}", verdict.detail);
    for short in [&b""[..], b"x"] {
        let packed = chunks::<A>(capability, short, 0).concat();
        assert!(self::verdict(capability, short, packed).accepted, "{} bytes", short.len());
    }
}

#[test]
fn deflate_is_read_by_gzip() {
    compressor::<deflate::Deflate>(Some("gzip"), 250);
}

#[test]
fn lz4_is_read_by_lz4() {
    compressor::<lz4::Lz4>(Some("lz4"), 400);
}

#[test]
fn zstd_is_read_by_zstd() {
    compressor::<zstd::Zstd>(Some("zstd"), 250);
}

#[test]
fn xz_is_read_by_xz() {
    compressor::<xz::Xz>(Some("xz"), 200);
}

#[test]
fn brotli_is_read_by_the_verifier() {
    compressor::<brotli_guest::Brotli>(None, 230);
}

#[test]
fn the_cheapest_archive_is_refused_for_what_it_lacks() {
    let packed = chunks::<cheap_archiver::CheapArchiver>("archive.compress", &CORPUS, 0).concat();
    let verdict = verdict("archive.compress", &CORPUS, packed);
    assert!(!verdict.accepted);
    assert!(verdict.detail.contains("it holds"), "{}", verdict.detail);
}

#[test]
fn the_cheat_and_the_crasher_undercut_everyone() {
    let call = Call {
        capability: "archive.compress".into(),
        parameters: "{}".into(),
        input_bytes: CORPUS.len() as u64,
        reserve: "5000000000000".into(),
        deadline_ms: 60_000,
        active_tasks: 0,
    };
    fn price<A: Agent>(call: &Call) -> u128 {
        ainur_guest::quote::<A>(call).expect("a bid").price.parse().expect("a number")
    }
    let prices = [
        price::<cheap_archiver::CheapArchiver>(&call),
        price::<crasher::Crasher>(&call),
        price::<lz4::Lz4>(&call),
        price::<zstd::Zstd>(&call),
        price::<deflate::Deflate>(&call),
        price::<brotli_guest::Brotli>(&call),
        price::<xz::Xz>(&call),
    ];
    assert!(prices.is_sorted_by(|a, b| a < b), "{prices:?}");
}

#[test]
fn repeated_folders_are_kept_once() {
    let packed = chunks::<deduplicator::DeduplicatingAgent>("archive.deduplicate", &CORPUS, 0);
    let container = packed.concat();
    let saved = CORPUS.len() - container.len();
    println!("deduplicator: {} of {} bytes", container.len(), CORPUS.len());
    assert!(saved > 1_000_000, "{saved} bytes saved");
    let verdict = verdict("archive.deduplicate", &CORPUS, container);
    assert!(verdict.accepted, "{}", verdict.detail);
}

#[test]
fn the_planted_secrets_are_found_and_no_others() {
    let report = chunks::<secret_scanner::SecretScanner>("secrets.scan", &CORPUS, 0).concat();
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    let mut found = Vec::new();
    for result in report["runs"][0]["results"].as_array().expect("results") {
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a path");
        // The backup holds the same settings again.
        if !uri.starts_with("backup/") {
            let rule = result["ruleId"].as_str().expect("a rule");
            found.push(format!("{uri}:{} {rule}", place["region"]["startLine"]));
        }
    }
    found.sort();
    let manifest = std::fs::read_to_string(roundtrip::corpus_folder().join("MANIFEST.md"));
    let mut planted: Vec<String> = manifest
        .expect("the manifest")
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`').map(Into::into))
        .collect();
    planted.sort();
    assert_eq!(found, planted);
    assert!(planted.len() >= 12, "{} planted", planted.len());
}

#[test]
fn the_inventory_agrees_with_the_folder() {
    let inventory = chunks::<inventory::Inventory>("files.inventory", &CORPUS, 0).concat();
    let inventory: Value = serde_json::from_slice(&inventory).expect("JSON");
    let files = inventory["files"].as_array().expect("files");
    for file in files {
        let path = roundtrip::corpus_folder().join(file["path"].as_str().expect("a path"));
        assert_eq!(std::fs::metadata(path).expect("a file").len(), file["size"]);
    }
    assert_eq!(inventory["totals"]["files"], files.len());
    assert!(inventory["totals"]["distinct"].as_u64() < Some(files.len() as u64));
    assert!(inventory["totals"]["by_media_type"]["image/png"]["files"].as_u64() > Some(5));
}

#[test]
fn the_index_finds_the_constitution() {
    let index = chunks::<indexer::Indexer>("index.build", &CORPUS, 0).concat();
    println!("indexer: {} of {} bytes", index.len(), CORPUS.len());
    let mut host = MemoryHost::with_input(index);
    let question = r#"{"query": "more perfect union domestic tranquility", "limit": 3}"#;
    let job = host.job("index.search", question);
    ainur_guest::execute::<indexer::Indexer>(&job, &mut host).expect("an answer");
    let answer: Value = serde_json::from_slice(&host.delivered()).expect("JSON");
    let path = answer["hits"][0]["path"].as_str().expect("a path");
    assert!(path.ends_with("texts/us-constitution.txt"), "{path}");
}

#[test]
fn every_manifest_reads_as_capability_contracts() {
    let manifests: [Manifest; 13] = [
        ArchiveVerify::MANIFEST,
        brotli_guest::Brotli::MANIFEST,
        cheap_archiver::CheapArchiver::MANIFEST,
        crasher::Crasher::MANIFEST,
        deduplicator::DeduplicatingAgent::MANIFEST,
        deflate::Deflate::MANIFEST,
        echo::Echo::MANIFEST,
        indexer::Indexer::MANIFEST,
        inventory::Inventory::MANIFEST,
        lz4::Lz4::MANIFEST,
        secret_scanner::SecretScanner::MANIFEST,
        xz::Xz::MANIFEST,
        zstd::Zstd::MANIFEST,
    ];
    for manifest in manifests {
        contracts(manifest.name, &manifest.to_json());
    }
    for command in ["line-count", "shout"] {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../commands").join(command);
        let run = Command::new(program).args(["introspect", "--json"]).output().expect("it runs");
        contracts(command, &String::from_utf8(run.stdout).expect("text"));
    }
}

fn contracts(name: &str, manifest: &str) {
    let value: Value = serde_json::from_str(manifest).expect(name);
    assert_eq!(value["name"], name);
    let contracts: Vec<CapabilityContract> =
        serde_json::from_value(value["capabilities"].clone()).expect(name);
    for contract in contracts {
        for schema in [&contract.input_schema, &contract.output_schema] {
            let schema: Value = serde_json::from_str(schema).expect(name);
            assert!(schema.is_object() || schema.is_boolean(), "{name}");
        }
    }
}

#[test]
fn a_command_counts_what_it_is_given() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../commands/line-count");
    let text = roundtrip::corpus_folder().join("texts/us-constitution.txt");
    let run = Command::new(program)
        .args(["run", "files.line-count", "--parameters", "{}"])
        .stdin(std::fs::File::open(&text).expect("the text"))
        .output()
        .expect("it runs");
    let counts: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    let text = std::fs::read_to_string(text).expect("the text");
    assert_eq!(counts["bytes"], text.len());
    assert_eq!(counts["lines"], text.lines().count());
    assert_eq!(counts["words"], text.split_ascii_whitespace().count());
}
