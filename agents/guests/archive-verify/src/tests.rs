//! What the verifier accepts and refuses, and that it restores what it accepts.
use std::io::Write;

use ainur_guest::MemoryHost;
use archive_formats::deduplicated::Deduplicator;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sample() -> Vec<u8> {
    (0..400_000u32).flat_map(|i| (i / 3).to_le_bytes()).collect()
}

fn verdict(capability: &str, input: &[u8], output: &[u8]) -> Verdict {
    let mut host = MemoryHost::with_input(input.to_vec());
    host.output = output.to_vec();
    let delivery = host.delivery(capability);
    ArchiveVerify::verify(&delivery, &mut host)
}

#[test]
fn an_equal_archive_of_several_members_is_accepted() {
    let input = sample();
    let output = [gzip(&input[..700_001]), gzip(&input[700_001..])].concat();
    let verdict = verdict("archive.compress", &input, &output);
    assert!(verdict.accepted, "{}", verdict.detail);
    assert!(verdict.detail.starts_with("gzip: all 1600000 bytes"), "{}", verdict.detail);
}

#[test]
fn a_short_a_long_a_changed_and_a_damaged_archive_are_refused_for_that() {
    let input = sample();
    let refusals = [
        (gzip(&input[..1_000_000]), "it holds 1000000 of 1600000 bytes"),
        (gzip(&[&input[..], b"x"].concat()), "it goes on after 1600000 bytes"),
        (gzip(&[b"x", &input[1..]].concat()), "byte 0 differs"),
        (gzip(&input)[..100].to_vec(), "damaged gzip"),
        (b"PK\x03\x04".to_vec(), "neither gzip"),
        (Vec::new(), "neither gzip"),
    ];
    for (output, reason) in refusals {
        let verdict = verdict("archive.compress", &input, &output);
        assert!(!verdict.accepted);
        assert!(verdict.detail.contains(reason), "{reason}: {}", verdict.detail);
    }
}

#[test]
fn restored_and_reassembled_deliveries_are_checked_the_other_way_round() {
    let plain = sample();
    let packed = gzip(&plain);
    assert!(verdict("archive.restore", &packed, &plain).accepted);
    assert!(!verdict("archive.restore", &packed, &plain[..9]).accepted);
    let mut container = Vec::new();
    let mut deduplicator = Deduplicator::default();
    deduplicator.push(&plain, &mut container).unwrap();
    deduplicator.finish(&mut container).unwrap();
    assert!(verdict("archive.deduplicate", &plain, &container).accepted);
    assert!(!verdict("archive.deduplicate", &plain[1..], &container).accepted);
    assert!(verdict("archive.reassemble", &container, &plain).accepted);
    assert!(!verdict("archive.reassemble", &container, &[&plain[..], b"x"].concat()).accepted);
    assert!(!verdict("text.echo", &plain, &plain).accepted);
}

#[test]
fn a_stream_is_restored_in_the_same_chunks_from_any_of_them() {
    let plain = sample();
    let mut host = MemoryHost::with_input(gzip(&plain));
    ArchiveVerify::execute(&host.job("archive.restore", "{}"), &mut host).unwrap();
    assert_eq!(host.delivered(), plain);
    let mut rest = MemoryHost::with_input(host.input.clone());
    ArchiveVerify::execute(&rest.job_from("archive.restore", "{}", 1), &mut rest).unwrap();
    assert_eq!(rest.chunks, host.chunks[1..]);
}
