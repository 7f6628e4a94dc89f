//! Every rule finds what it is for and nothing that merely looks like it. Secrets are put together
//! here at run time, so that no scanner of repositories mistakes this file for a leak.
use std::collections::BTreeSet;

use ainur_guest::MemoryHost;

use crate::rules::{Alphabet, RULES, Shape};
use crate::scan::{entropy, scan};
use crate::*;

/// A random-looking text of the alphabet.
fn body(alphabet: Alphabet, length: usize) -> String {
    let mut state = 42u64;
    let mut text = String::new();
    while text.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let byte = (state >> 33) as u8 & 0x7f;
        if alphabet.contains(byte) && byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        }
    }
    text
}

fn ids(text: &str) -> Vec<&'static str> {
    scan(text.as_bytes()).into_iter().map(|finding| RULES[finding.rule].id).collect()
}

#[test]
fn there_are_at_least_twenty_five_rules_with_distinct_names() {
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(names.len(), RULES.len());
    assert!(names.len() >= 25, "{}", names.len());
}

#[test]
fn every_token_rule_finds_every_prefix_at_its_place_only() {
    for rule in RULES {
        let Shape::Token { prefixes, alphabet, length_min, .. } = rule.shape else { continue };
        for prefix in prefixes {
            let secret = format!("{prefix}{}", body(alphabet, length_min));
            let text = format!("first line\nlet value = (\"{secret}\"); // here\n");
            let findings = scan(text.as_bytes());
            assert_eq!(findings.len(), 1, "{}: {secret}", rule.id);
            assert_eq!(RULES[findings[0].rule].id, rule.id, "{secret}");
            assert_eq!((findings[0].line, findings[0].column), (2, 15), "{secret}");
            assert_eq!(findings[0].secret, secret);
            let too_short = &secret[..secret.len() - 1];
            assert!(!ids(too_short).contains(&rule.id), "{}: {too_short}", rule.id);
            assert!(!ids(&format!("x{secret}")).contains(&rule.id), "{}: inside a word", rule.id);
        }
    }
}

#[test]
fn keys_web_tokens_and_passwords_in_urls_are_found() {
    let random = |length| body(Alphabet::Alphanumeric, length);
    for kind in ["RSA ", "EC ", "OPENSSH ", ""] {
        let marker = format!("-----BEGIN {kind}PRIVATE KEY-----");
        assert_eq!(ids(&marker), ["private-key"], "{marker}");
    }
    let token = format!("eyJ{}.eyJ{}.{}", random(20), random(40), random(43));
    assert_eq!(ids(&format!("Authorization: Bearer {token}")), ["json-web-token"]);
    assert_eq!(ids("postgres://app:hunter2hunter@db.internal:5432/app"), ["url-password"]);
    assert_eq!(ids("DATABASE=mysql://root:p%40ss-w0rd@10.0.0.1/x"), ["url-password"]);
    let secret = format!("{}+{}", random(20), random(19));
    assert_eq!(ids(&format!("aws_secret_access_key = {secret}")), ["aws-secret-access-key"]);
    assert_eq!(ids(&format!("  \"apiKey\": \"{}\",", random(32))), ["generic-secret"]);
    assert_eq!(ids(&format!("CLIENT_SECRET='{}'", random(24))), ["generic-secret"]);
    assert_eq!(ids(&format!("AccountKey={}==", random(86))), ["azure-storage-key"]);
}

#[test]
fn what_only_looks_like_a_secret_is_left_alone() {
    let aws_example = format!("AKIA{}", "IOSFODNN7EXAMPLE");
    for text in [
        aws_example.as_str(),
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "AKIAAAAAAAAAAAAAAAAA",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "postgres://app:${DB_PASSWORD}@db/app",
        "https://user:password@localhost/",
        "https://example.com/a:b@c",
        "password = os.environ['APPLICATION_PASSWORD_2']",
        "let token = parse_token(&input[4..], 16)?;",
        "token: Option<crate::session::Token16>,",
        "secret_name = \"correct horse battery staple\"",
        "password: changeme-changeme-1",
        "eyJhbGciOiJIUzI1NiJ9.not.a-token",
        "the token is 5f2b, see commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "checksum = \"4b825dc642cb6eb9a060e54bf8d69288fbee4904\"",
    ] {
        assert_eq!(ids(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn entropy_is_that_of_the_letters() {
    assert!(entropy(b"aaaa").abs() < 1e-9);
    assert!((entropy(b"abab") - 1.0).abs() < 1e-9);
    assert!((entropy(b"abcdefgh") - 3.0).abs() < 1e-9);
}

fn report(files: &[(&str, &[u8])]) -> serde_json::Value {
    let mut host = MemoryHost::with_input(tar::pack(files.iter().copied()));
    SecretScanner::execute(&host.job("secrets.scan", "{}"), &mut host).unwrap();
    serde_json::from_slice(&host.delivered()).unwrap()
}

#[test]
fn a_report_is_sarif_with_places_and_without_secrets() {
    let secret = format!("ghp_{}", body(Alphabet::Alphanumeric, 36));
    let text = format!("# settings\n  töken = {secret}\n");
    let binary = format!("\0{secret}");
    let files = [
        ("a b/settings.conf", text.as_bytes()),
        ("image.png", binary.as_bytes()),
        ("clean.txt", b"nothing"),
        ("again.txt", text.as_bytes()),
    ];
    let report = report(&files);
    assert_eq!(report["version"], "2.1.0");
    let run = &report["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), RULES.len());
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2, "binary files are left out");
    let location = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "a%20b/settings.conf");
    assert_eq!(location["region"]["startLine"], 2);
    assert_eq!(location["region"]["startColumn"], 11, "in characters");
    let rule = results[0]["ruleIndex"].as_u64().unwrap() as usize;
    assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], results[0]["ruleId"]);
    assert_eq!(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
    assert!(!report.to_string().contains(&secret[..10]), "the report leaks");
}

#[test]
fn the_promised_schema_is_json_and_requires_what_reports_have() {
    let schema: serde_json::Value = serde_json::from_str(sarif::SCHEMA).unwrap();
    let report = report(&[("clean.txt", b"nothing")]);
    for required in schema["required"].as_array().unwrap() {
        assert!(report.get(required.as_str().unwrap()).is_some(), "{required}");
    }
}
