//! Agent cards: signed by whom they describe, chained, canonical, and within their limits.

use ainur_crypto::{HybridVerifier, Proof, SigningKey};
use ainur_identity::card::{
    ARGUMENTS_MAX, AgentCardKind, CAPABILITIES_MAX, DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX,
    SCHEMA_BYTES_MAX,
};
use ainur_identity::{AgentCard, Error, ProgramRef, SignedAgentCard};
use ainur_primitives::{CapabilityContract, ContentId, Did, Digest, Timestamp};

const AGENT: Did = Did(Digest([5; 32]));

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).expect("a seed gives a key")
}

fn contract(name: &str) -> CapabilityContract {
    serde_json::from_value(serde_json::json!({ "name": name })).expect("all else has a default")
}

fn card() -> AgentCard {
    AgentCard {
        kind: AgentCardKind::V1,
        did: AGENT,
        name: "packer".into(),
        description: "Compresses files.\nFast.".into(),
        version: 1,
        previous: None,
        capabilities: vec![contract("archive.compress"), contract("archive.expand")],
        program: ProgramRef::Component { content: ContentId(Digest([6; 32])) },
        created: Timestamp(1_000),
    }
}

fn signed() -> SignedAgentCard {
    card().sign(&key(1), 0).expect("the card is good")
}

fn verify(signed: &SignedAgentCard) -> Result<(), Error> {
    signed.verify(&key(1).public(), &HybridVerifier)
}

#[test]
fn a_signed_card_verifies_and_survives_its_canonical_form() {
    let signed = signed();
    assert!(verify(&signed).is_ok());
    let json = signed.to_json().unwrap();
    assert_eq!(SignedAgentCard::from_json(&json).unwrap(), signed);
    let text = String::from_utf8(json).unwrap();
    assert!(text.contains(r#""program":{"content":"bafkr4i"#));
    assert!(text.contains(r#""type":"ainur-agent-card-v1""#));
    for (from, to) in [
        (r#""name":"packer""#, r#""name": "packer""#),
        (r#""name":"packer""#, r#""name":"packer","zz":1"#),
        (r#""name":"packer""#, r#""name":"\u0070acker""#),
        (r#","type":"ainur-agent-card-v1""#, ""),
        ("ainur-agent-card-v1", "ainur-agent-card-v9"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text);
        assert!(SignedAgentCard::from_json(other.as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn every_field_of_a_card_is_signed() {
    let changes: [fn(&mut AgentCard); 6] = [
        |card| card.name.push('x'),
        |card| card.description.clear(),
        |card| card.created = Timestamp(1_001),
        |card| card.capabilities[0].deterministic = true,
        |card| card.capabilities.swap(0, 1),
        |card| card.program = ProgramRef::Command { argv: vec!["sh".into()] },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = signed();
        change(&mut changed.card);
        assert!(matches!(verify(&changed), Err(Error::Proof { .. })), "change {number}");
    }
}

#[test]
fn nobody_signs_the_card_of_another() {
    let by_other = card().sign(&key(2), 0).unwrap();
    assert!(matches!(verify(&by_other), Err(Error::Proof { .. })));
    let mut signed = signed();
    let other = Did(Digest([9; 32]));
    signed.proof = Proof::sign(&key(1), other, 0, signed.card.digest().unwrap());
    let refused = verify(&signed);
    assert!(matches!(refused, Err(Error::AnotherIdentity { found, .. }) if found == other));
    let mut stripped = card().sign(&key(1), 0).unwrap();
    stripped.proof.signature.ml_dsa_65.fill(0);
    assert!(matches!(verify(&stripped), Err(Error::Proof { .. })));
}

#[test]
fn a_new_version_names_the_one_before() {
    let first = card();
    let previous = Some(first.digest().unwrap());
    let second = AgentCard { version: 2, previous, created: Timestamp(2_000), ..card() };
    assert!(second.check().is_ok());
    assert!(second.check_successor(&first).is_ok());

    let refused = |change: &dyn Fn(&mut AgentCard)| {
        let mut card = second.clone();
        change(&mut card);
        assert!(card.check_successor(&first).is_err());
    };
    refused(&|card| card.did = Did(Digest::ZERO));
    refused(&|card| card.version = 3);
    refused(&|card| card.version = 1);
    refused(&|card| card.previous = Some(Digest::ZERO));
    refused(&|card| card.created = Timestamp(999));
    let other_first = AgentCard { name: "other".into(), ..card() };
    assert!(matches!(second.check_successor(&other_first), Err(Error::Chain(_))));
}

#[test]
fn versions_and_predecessors_fit_together() {
    for (version, previous) in [(0, None), (1, Some(Digest::ZERO)), (2, None)] {
        let card = AgentCard { version, previous, ..card() };
        assert!(matches!(card.check(), Err(Error::Chain(_))), "version {version}");
    }
}

#[test]
fn limits_hold_at_the_limit_and_not_beyond() {
    let check = |change: &dyn Fn(&mut AgentCard)| {
        let mut card = card();
        change(&mut card);
        card.check()
    };
    let many = |count: usize| {
        (0..count).map(|number| contract(&format!("a.b{number}"))).collect::<Vec<_>>()
    };
    assert!(check(&|card| card.name = "x".repeat(NAME_BYTES_MAX)).is_ok());
    assert!(check(&|card| card.description = "x".repeat(DESCRIPTION_BYTES_MAX)).is_ok());
    assert!(check(&|card| card.capabilities = many(CAPABILITIES_MAX)).is_ok());
    assert!(
        check(&|card| card.capabilities[0].input_schema = " ".repeat(SCHEMA_BYTES_MAX)).is_ok()
    );

    let over: [&dyn Fn(&mut AgentCard); 8] = [
        &|card| card.name = "x".repeat(NAME_BYTES_MAX + 1),
        &|card| card.description = "x".repeat(DESCRIPTION_BYTES_MAX + 1),
        &|card| card.capabilities = many(CAPABILITIES_MAX + 1),
        &|card| card.capabilities[0].input_schema = " ".repeat(SCHEMA_BYTES_MAX + 1),
        &|card| card.capabilities[0].output_schema = " ".repeat(SCHEMA_BYTES_MAX + 1),
        &|card| card.capabilities[1].description = "x".repeat(DESCRIPTION_BYTES_MAX + 1),
        &|card| card.capabilities[0].output_media_type = "x".repeat(129),
        &|card| card.program = ProgramRef::Command { argv: vec!["x".into(); ARGUMENTS_MAX + 1] },
    ];
    for (number, change) in over.into_iter().enumerate() {
        assert!(matches!(check(change), Err(Error::Limit { .. })), "case {number}");
    }
}

#[test]
fn empty_and_hidden_content_is_refused() {
    let check = |change: &dyn Fn(&mut AgentCard)| {
        let mut card = card();
        change(&mut card);
        card.check()
    };
    let empty: [&dyn Fn(&mut AgentCard); 5] = [
        &|card| card.name = "  ".into(),
        &|card| card.capabilities.clear(),
        &|card| card.capabilities[0].input_media_type = Some(String::new()),
        &|card| card.program = ProgramRef::Command { argv: vec![] },
        &|card| card.program = ProgramRef::Command { argv: vec![String::new()] },
    ];
    for (number, change) in empty.into_iter().enumerate() {
        assert!(matches!(check(change), Err(Error::Empty(_))), "case {number}");
    }
    let hidden: [&dyn Fn(&mut AgentCard); 4] = [
        &|card| card.name = "a\u{1b}[31mb".into(),
        &|card| card.name = "two\nlines".into(),
        &|card| card.description = "bell\u{7}".into(),
        &|card| card.program = ProgramRef::Command { argv: vec!["sh".into(), "a\0b".into()] },
    ];
    for (number, change) in hidden.into_iter().enumerate() {
        assert!(matches!(check(change), Err(Error::ControlCharacter(_))), "case {number}");
    }
    let twice = check(&|card| card.capabilities[1] = card.capabilities[0].clone());
    assert!(matches!(twice, Err(Error::CapabilityTwice(_))));
}

#[test]
fn a_schema_that_is_not_json_is_refused_when_signing_and_when_verifying() {
    let mut bad = card();
    bad.capabilities[1].output_schema = "{".into();
    let refused = bad.clone().sign(&key(1), 0);
    assert!(
        matches!(refused, Err(Error::Schema { capability, .. }) if capability.as_str() == "archive.expand")
    );
    let proof = Proof::sign(&key(1), AGENT, 0, bad.digest().unwrap());
    assert!(matches!(verify(&SignedAgentCard { card: bad, proof }), Err(Error::Schema { .. })));
}

#[test]
fn a_contract_is_found_by_its_name() {
    assert_eq!(card().contract("archive.expand"), Some(&contract("archive.expand")));
    assert_eq!(card().contract("archive.list"), None);
}

#[test]
fn the_digest_of_a_card_never_changes() {
    assert_eq!(
        card().digest().unwrap().to_string(),
        "8196d1a10c0a1e154227841d4a9771cbe915639673e5b9716f4f435f72ae6183"
    );
}
