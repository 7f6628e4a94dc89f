//! Building and searching, together.
use ainur_guest::MemoryHost;
use serde_json::{Value, json};

use super::*;

fn build(files: &[(&str, &str)]) -> Vec<u8> {
    let files = files.iter().map(|(path, text)| (*path, text.as_bytes()));
    let mut host = MemoryHost::with_input(tar::pack(files));
    Indexer::execute(&host.job(BUILD, "{}"), &mut host).unwrap();
    host.delivered()
}

fn ask(index: &[u8], parameters: &Value) -> Result<Value, Failure> {
    let mut host = MemoryHost::with_input(index.to_vec());
    Indexer::execute(&host.job(SEARCH, &parameters.to_string()), &mut host)?;
    Ok(serde_json::from_slice(&host.delivered()).unwrap())
}

const FILES: [(&str, &str); 4] = [
    ("ring.txt", "Three rings\nfor the elven kings\nunder the sky\n"),
    ("doc/escrow.md", "# Escrow\n\nMoney is locked.\nEscrow releases money, or refunds money.\n"),
    ("doc/long.md", "money is mentioned here once, among very many other words that say nothing"),
    ("data.bin", "\0escrow escrow escrow"),
];

#[test]
fn the_text_that_is_about_the_words_comes_first_with_its_best_line() {
    let answer = ask(&build(&FILES), &json!({"query": "Escrow MONEY"})).unwrap();
    assert_eq!(answer["total"], 2, "the binary file is left out");
    let hit = &answer["hits"][0];
    assert_eq!(hit["path"], "doc/escrow.md");
    assert_eq!(hit["line"], 4);
    assert_eq!(hit["snippet"], "Escrow releases money, or refunds money.");
    assert!(hit["score"].as_f64() > answer["hits"][1]["score"].as_f64());
}

#[test]
fn scores_are_those_of_the_formula() {
    let index = build(&[("a", "alpha beta"), ("b", "beta beta gamma gamma")]);
    let answer = ask(&index, &json!({"query": "alpha"})).unwrap();
    // ln(1 + (2 - 1 + 0.5) / 1.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 3))
    let expected = 2f64.ln() * 2.2 / (1.0 + 1.2 * (0.25 + 0.5));
    let score = answer["hits"][0]["score"].as_f64().unwrap();
    assert!((score - expected).abs() < 1e-4, "{score} instead of {expected}");
}

#[test]
fn the_limit_is_kept_and_nothing_is_found_of_unknown_words() {
    let index = build(&FILES);
    let answer = ask(&index, &json!({"query": "money", "limit": 1})).unwrap();
    assert_eq!((answer["hits"].as_array().unwrap().len(), &answer["total"]), (1, &json!(2)));
    let nothing = ask(&index, &json!({"query": "zebra"})).unwrap();
    assert_eq!(nothing, json!({"query": "zebra", "total": 0, "hits": []}));
}

#[test]
fn queries_that_make_no_sense_and_damaged_indexes_are_bad_input() {
    let index = build(&FILES);
    for parameters in [json!({}), json!({"query": "a"}), json!({"query": "money", "limit": 0})] {
        assert!(matches!(ask(&index, &parameters), Err(Failure::BadInput(_))), "{parameters}");
    }
    let query = json!({"query": "money"});
    for cut in [0, 7, 9, 40, index.len() - 1] {
        assert!(matches!(ask(&index[..cut], &query), Err(Failure::BadInput(_))), "cut to {cut}");
    }
}

#[test]
fn a_text_of_several_blocks_is_shown_from_anywhere() {
    let long: String = (0..20_000).map(|i| format!("line number{i} of many\n")).collect();
    let index = build(&[("long.txt", &long)]);
    assert!(index.len() < long.len(), "{} of {}", index.len(), long.len());
    let answer = ask(&index, &json!({"query": "number19999"})).unwrap();
    assert_eq!(answer["hits"][0]["line"], 20_000);
    assert_eq!(answer["hits"][0]["snippet"], "line number19999 of many");
}
