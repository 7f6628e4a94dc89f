//! From a card to capabilities.
use std::collections::BTreeMap;

use a2a::AgentSkill;
use ainur_primitives::{CapabilityContract, CapabilityName, Digest, Effects};
use reqwest::Url;
use serde_json::json;

use super::cards::{Card, Place};
use crate::detail;
use crate::failure::Failure;
use crate::limits::{CAPABILITIES_MAX, DESCRIPTION_BYTES_MAX, NAME_BYTES_MAX, NOTES_MAX};
use crate::manifest::Manifest;
use crate::remote::Description;
use crate::remote::naming::{self, cut, prefix, slug};
use crate::remote::program::{AgentPeer, RemoteTool};

/// What a skill is given: what to do in words, with data, or both.
const INPUT_SCHEMA: &str = r#"{"$id":"urn:ainur:a2a-message","type":"object","properties":{"text":{"type":"string"},"data":{"type":"object"}},"anyOf":[{"required":["text"]},{"required":["data"]}],"additionalProperties":false}"#;

/// What it comes to: the artifacts of the task, or the message that answers at once.
const OUTPUT_SCHEMA: &str = r#"{"$id":"urn:ainur:a2a-result","type":"object","properties":{"artifacts":{"type":"array","items":{"type":"object","required":["parts"]}},"message":{"type":"object","required":["parts"]}},"anyOf":[{"required":["artifacts"]},{"required":["message"]}]}"#;

/// What capabilities of an agent begin with whose name has no letters.
const NAMELESS: &str = "a2a-agent";

/// The digest of a skill, and of where it is asked.
pub(super) fn digest(url: &Url, skill: &AgentSkill) -> Option<Digest> {
    let skill = serde_json::to_value(skill).ok()?;
    naming::digest(&json!({ "skill": skill, "url": url.as_str() }))
}

/// Makes an agent of a card.
pub(super) fn describe(
    place: &Place,
    card: &Card,
    peer: &AgentPeer,
) -> Result<Description, Failure> {
    let name = peer.name.as_deref().unwrap_or(&card.name);
    let prefix = prefix(name, NAMELESS);
    let mut capabilities = Vec::new();
    let mut tools: BTreeMap<CapabilityName, RemoteTool> = BTreeMap::new();
    let mut notes = Vec::new();
    for skill in &card.skills {
        let mut note = |what: &str| {
            if notes.len() < NOTES_MAX {
                notes.push(format!("{}: {what}", cut(&skill.id, NAME_BYTES_MAX, "a skill")));
            }
        };
        if capabilities.len() >= CAPABILITIES_MAX {
            note(&format!("left out, an agent has at most {CAPABILITIES_MAX}"));
            continue;
        }
        let Ok(name) = format!("{prefix}.{}", slug(&skill.id)).parse::<CapabilityName>() else {
            note("left out, its id is too long or has no letters or digits");
            continue;
        };
        let Some(digest) = place.skills.get(&skill.id).copied() else {
            note("left out, its id is too long or it cannot be written in canonical JSON");
            continue;
        };
        if let Some(other) = tools.get(&name) {
            return Err(Failure::crashed(format!(
                "the skills '{}' and '{}' of this agent would both be the capability {name}",
                detail::clean(&other.name),
                detail::clean(&skill.id),
            )));
        }
        if skill.description.len() > DESCRIPTION_BYTES_MAX {
            note(&format!("description cut to {DESCRIPTION_BYTES_MAX} bytes"));
        }
        capabilities.push(contract(name.clone(), skill));
        tools.insert(name, RemoteTool { name: skill.id.clone(), digest });
    }
    if capabilities.is_empty() {
        return Err(Failure::crashed("the agent's card lists no skill that can be used"));
    }
    let manifest = Manifest {
        name: cut(name, NAME_BYTES_MAX, NAMELESS),
        description: cut(&card.description, DESCRIPTION_BYTES_MAX, ""),
        version: cut(&card.version, NAME_BYTES_MAX, "0"),
        capabilities,
    };
    // Through the same checks as every other manifest.
    let wrong = |error: &dyn std::error::Error| Failure::crashed(error.to_string());
    let json = serde_json::to_vec(&manifest).map_err(|error| wrong(&error))?;
    let manifest = Manifest::parse(&json).map_err(|error| wrong(&error))?;
    Ok(Description { manifest, tools, notes })
}

/// Cards say nothing about effects: the worse is taken.
fn contract(name: CapabilityName, skill: &AgentSkill) -> CapabilityContract {
    CapabilityContract {
        name,
        description: cut(&skill.description, DESCRIPTION_BYTES_MAX, ""),
        input_schema: INPUT_SCHEMA.into(),
        input_media_type: None,
        output_schema: OUTPUT_SCHEMA.into(),
        output_media_type: "application/json".into(),
        effects: Effects { mutates: true, network: true, ..Effects::default() },
        sensitivity: Default::default(),
        idempotent: false,
        deterministic: false,
        dry_run: false,
        price_hint: None,
        service_level: Default::default(),
    }
}
