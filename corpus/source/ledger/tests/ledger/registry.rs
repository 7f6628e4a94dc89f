//! Agent registrations.
use ainur_ledger::registry::{Action, CAPABILITIES_MAX, Error, Event, query};
use ainur_primitives::{CapabilityName, Digest};
use scale::{Decode, Encode};

use crate::world::*;

fn register(version: u32, previous: Option<u8>) -> Action {
    Action::Register {
        card: Digest([version as u8; 32]),
        version,
        previous: previous.map(|byte| Digest([byte; 32])),
        capabilities: vec!["archive.compress".parse().unwrap()],
    }
}

fn listing(capabilities: Vec<CapabilityName>) -> Action {
    Action::Register { card: Digest([1; 32]), version: 1, previous: None, capabilities }
}

#[test]
fn versions_are_linked_and_kept() {
    let mut world = World::new();
    let events = world.ok(SELLER, register(1, None));
    let (agent, card) = (did(SELLER), Digest([1; 32]));
    assert_eq!(events, [Event::Registered { agent, version: 1, card }.into()]);
    world.ok(SELLER, register(2, Some(1)));
    let newest = query::agent(world.ledger.state(), &agent).unwrap();
    assert_eq!((newest.version, newest.card, newest.withdrawn), (2, Digest([2; 32]), false));
    let first = query::card_version(world.ledger.state(), &agent, 1).unwrap();
    assert_eq!((first.card, first.previous), (card, None));
    let second = query::card_version(world.ledger.state(), &agent, 2).unwrap();
    assert_eq!(second.previous, Some(card));
}

#[test]
fn versions_that_do_not_follow_are_refused() {
    let mut world = World::new();
    let skipped = Error::NotNextVersion { expected: 1, found: 2 };
    assert_eq!(world.fails(SELLER, register(2, None)), skipped.into());
    let unlinked = Error::NotLinked { expected: None };
    assert_eq!(world.fails(SELLER, register(1, Some(1))), unlinked.into());
    world.ok(SELLER, register(1, None));
    let again = Error::NotNextVersion { expected: 2, found: 1 };
    assert_eq!(world.fails(SELLER, register(1, None)), again.into());
    let unlinked = Error::NotLinked { expected: Some(Digest([1; 32])) };
    assert_eq!(world.fails(SELLER, register(2, None)), unlinked.into());
}

#[test]
fn capability_lists_are_checked() {
    let mut world = World::new();
    let name = |text: &str| text.parse::<CapabilityName>().unwrap();
    assert_eq!(world.fails(SELLER, listing(vec![])), Error::CapabilityCount(0).into());
    let many = (0..=CAPABILITIES_MAX).map(|i| name(&format!("a.b{i:03}"))).collect();
    let error = Error::CapabilityCount(CAPABILITIES_MAX as u32 + 1);
    assert_eq!(world.fails(SELLER, listing(many)), error.into());
    let twice = vec![name("a.b"), name("a.b")];
    assert_eq!(world.fails(SELLER, listing(twice)), Error::CapabilityList.into());
    let malformed = CapabilityName::decode(&mut "no name".encode().as_slice()).unwrap();
    assert_eq!(world.fails(SELLER, listing(vec![malformed])), Error::CapabilityList.into());
}

#[test]
fn a_withdrawn_agent_can_return() {
    let mut world = World::new();
    assert_eq!(world.fails(SELLER, Action::Withdraw), Error::NotRegistered.into());
    world.ok(SELLER, register(1, None));
    let events = world.ok(SELLER, Action::Withdraw);
    assert_eq!(events, [Event::Withdrawn { agent: did(SELLER), version: 1 }.into()]);
    assert_eq!(world.fails(SELLER, Action::Withdraw), Error::NotRegistered.into());
    world.ok(SELLER, register(2, Some(1)));
}
