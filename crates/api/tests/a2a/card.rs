//! The card: for anyone, cached, signed, in both shapes.
use std::sync::Arc;

use ainur_api::a2a::{CardKey, Config};
use ainur_api::http::{Bounds, Token};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use crate::bazaar::Served;

const PATH: &str = "/.well-known/agent-card.json";

#[test]
fn anyone_sees_who_this_is_and_what_is_on_offer() {
    let served = Served::start();
    let stranger = Token::generate().unwrap();
    let heard = served.ask_as(&stranger, "GET", PATH, "", b"");
    assert_eq!(heard.status, 200);
    assert!(heard.head.contains("cache-control: public, max-age="), "{}", heard.head);
    let card = heard.json();
    let base = format!("http://{}", served.address);
    assert_eq!(
        card["supportedInterfaces"],
        json!([
            { "url": format!("{base}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0" },
            { "url": format!("{base}/a2a/v1"), "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0" },
            { "url": served.address.to_string(), "protocolBinding": "GRPC", "protocolVersion": "1.0" },
            { "url": format!("{base}/a2a"), "protocolBinding": "JSONRPC", "protocolVersion": "0.3" },
            { "url": format!("{base}/a2a"), "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3" },
        ])
    );
    assert!(card.get("url").is_none() && card.get("signatures").is_none(), "{card}");
    assert_eq!(card["capabilities"]["streaming"], true);
    assert!(card["capabilities"].get("pushNotifications").is_none());
    let skills = card["skills"].as_array().unwrap();
    let upper = skills.iter().find(|skill| skill["id"] == "text.upper").unwrap();
    assert_eq!(upper["tags"], json!(["text", "upper"]));
    assert_eq!(upper["inputModes"], json!(["application/json", "text/plain"]));
    let example = json!([r#"{"capability":"text.upper","parameters":{"say":"hi"}}"#]);
    assert_eq!(upper["examples"], example);
    let bearer = &card["securitySchemes"]["bearer"]["httpAuthSecurityScheme"];
    assert_eq!(bearer["scheme"], "Bearer");
    assert_eq!(card["securityRequirements"], json!([{ "schemes": { "bearer": { "list": [] } } }]));
    assert!(card["capabilities"]["extensions"][0].get("params").is_none(), "prices are not public");
}

#[test]
fn a_card_that_is_known_is_not_sent_again() {
    let served = Served::start();
    let heard = served.ask("GET", PATH, "", b"");
    let tag = heard.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".into()] {
        let again = served.ask("GET", PATH, &format!("If-None-Match: {known}\r\n"), b"");
        assert_eq!(again.status, 304, "{known}");
        assert!(again.head.contains(&tag));
        assert_eq!(again.body(), b"");
    }
    let other = served.ask("GET", PATH, "If-None-Match: \"other\"\r\n", b"");
    assert_eq!(other.status, 200);
}

#[test]
fn the_old_place_has_the_card_of_0_3() {
    let served = Served::start();
    let card = served.ask("GET", "/.well-known/agent.json", "", b"").json();
    let url = format!("http://{}/a2a", served.address);
    assert_eq!((&card["url"], &card["protocolVersion"]), (&json!(url), &json!("0.3.0")));
    assert_eq!(card["preferredTransport"], "JSONRPC");
    assert_eq!(card["securitySchemes"]["bearer"]["type"], "http");
    assert_eq!(card["security"], json!([{ "bearer": [] }]));
    assert_eq!(card["supportsAuthenticatedExtendedCard"], true);
    assert!(card.get("supportedInterfaces").is_none());
}

#[test]
fn holders_of_a_token_see_contracts_and_prices() {
    let served = Served::start();
    let card = served.result("GetExtendedAgentCard", &json!({}));
    let offers = card["capabilities"]["extensions"][0]["params"]["offers"].as_array().unwrap();
    let echo = offers.iter().find(|offer| offer["contract"]["name"] == "json.echo").unwrap();
    assert_eq!((&echo["priceAinu"], &echo["agents"]), (&json!("1"), &json!(["worker"])));
    let headers = "A2A-Version: 1.0\r\n";
    let rest = served.ask("GET", "/a2a/v1/extendedAgentCard", headers, b"").json();
    assert_eq!(rest, card);
}

#[test]
fn a_signature_is_over_the_canonical_card_without_what_is_empty() {
    let sign =
        Arc::new(|bytes: &[u8]| ainur_crypto::hash::tagged("test signature", &[bytes]).0.repeat(2));
    let key = Some(CardKey { id: "key-1".into(), sign });
    let public_url = Some("https://agents.example/".into());
    let config = Config { key, public_url, ..Config::default() };
    let served = Served::with(config, Bounds::default());
    let mut card = served.ask("GET", PATH, "", b"").json();
    assert_eq!(card["supportedInterfaces"][0]["url"], "https://agents.example/a2a");
    let signature = card["signatures"][0].take();
    card.as_object_mut().unwrap().remove("signatures");
    // Only a list of scopes is empty on this card, and with it what holds nothing else.
    card.as_object_mut().unwrap().remove("securityRequirements");
    let canonical = ainur_primitives::canonical_json::to_canonical_json(&card).unwrap();
    let protected = signature["protected"].as_str().unwrap();
    let header: Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(protected.as_bytes()).unwrap()).unwrap();
    assert_eq!(header, json!({ "alg": "EdDSA", "kid": "key-1", "typ": "JOSE" }));
    let signed = format!("{protected}.{}", BASE64URL_NOPAD.encode(&canonical));
    let expected = ainur_crypto::hash::tagged("test signature", &[signed.as_bytes()]).0.repeat(2);
    assert_eq!(signature["signature"], BASE64URL_NOPAD.encode(&expected));
}

#[test]
fn the_extension_is_named_when_it_was_asked_for() {
    let served = Served::start();
    let asked = |headers: &str| served.ask("GET", "/a2a/v1/tasks", headers, b"").head;
    let active = "a2a-extensions: urn:ainur:a2a:hire:v1";
    assert!(asked("A2A-Extensions: urn:other, urn:ainur:a2a:hire:v1\r\n").contains(active));
    assert!(!asked("A2A-Extensions: urn:other\r\n").contains("a2a-extensions"));
}
