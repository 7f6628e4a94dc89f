//! From what a server says about its tools to what the market knows: capabilities, contracts, and
//! the digests by which a changed tool is noticed.
use std::collections::BTreeMap;
use std::sync::Arc;

use ainur_primitives::{CapabilityContract, CapabilityName, Digest, Effects};
use rmcp::model::{JsonObject, ServerPeerInfo, Tool, ToolAnnotations};
use serde_json::json;

use crate::detail;
use crate::failure::Failure;
use crate::limits::{
    CAPABILITIES_MAX, DESCRIPTION_BYTES_MAX, MANIFEST_BYTES_MAX, NAME_BYTES_MAX, NOTES_MAX,
    SCHEMA_BYTES_MAX, TOOL_NAME_BYTES_MAX,
};
use crate::manifest::Manifest;
use crate::remote::Description;
use crate::remote::naming::{self, cut, prefix, slug};
use crate::remote::program::{RemoteTool, ServerEndpoint, ToolServer};

/// What the output of a tool without an output schema looks like.
pub(super) const CONTENT_SCHEMA: &str = r#"{"$id":"urn:ainur:mcp-content","type":"object","required":["content"],"properties":{"content":{"type":"array","items":{"type":"object","required":["type"],"properties":{"type":{"type":"string"}}}}}}"#;

/// What capabilities of a server begin with that does not say its name.
const NAMELESS: &str = "mcp-server";

/// The digest of everything that says what a tool does. `None` when it cannot be written in
/// canonical JSON.
pub(super) fn digest(tool: &Tool) -> Option<Digest> {
    let said = json!({
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations,
    });
    naming::digest(&said)
}

/// Makes an agent of a server.
pub(super) fn describe(
    information: Option<&ServerPeerInfo>,
    server: &ToolServer,
    tools: Vec<Tool>,
) -> Result<Description, Failure> {
    let implementation = information.and_then(|information| information.server_info.as_ref());
    let own_name = implementation.map_or(NAMELESS, |implementation| &implementation.name);
    let name = server.name.as_deref().unwrap_or(own_name);
    let mut catalog = Catalog::new(prefix(name, NAMELESS), server);
    for tool in &tools {
        catalog.add(tool)?;
    }
    if catalog.capabilities.is_empty() {
        let why = catalog.notes.first().map_or("it lists none", String::as_str);
        return Err(Failure::crashed(format!("the server offers no tool that can be used: {why}")));
    }
    let description = implementation
        .and_then(|implementation| implementation.description.as_deref())
        .or(information.and_then(|information| information.instructions.as_deref()));
    let version = implementation.map_or("", |implementation| &implementation.version);
    let manifest = Manifest {
        name: cut(name, NAME_BYTES_MAX, NAMELESS),
        description: cut(description.unwrap_or_default(), DESCRIPTION_BYTES_MAX, ""),
        version: cut(version, NAME_BYTES_MAX, "0"),
        capabilities: catalog.capabilities,
    };
    // Through the same checks as every other manifest.
    let wrong = |error: &dyn std::error::Error| Failure::crashed(error.to_string());
    let json = serde_json::to_vec(&manifest).map_err(|error| wrong(&error))?;
    let manifest = Manifest::parse(&json).map_err(|error| wrong(&error))?;
    Ok(Description { manifest, tools: catalog.tools, notes: catalog.notes })
}

struct Catalog<'a> {
    prefix: String,
    server: &'a ToolServer,
    capabilities: Vec<CapabilityContract>,
    tools: BTreeMap<CapabilityName, RemoteTool>,
    notes: Vec<String>,
    schema_bytes: usize,
}

impl<'a> Catalog<'a> {
    fn new(prefix: String, server: &'a ToolServer) -> Self {
        Self {
            prefix,
            server,
            capabilities: Vec::new(),
            tools: BTreeMap::new(),
            notes: Vec::new(),
            schema_bytes: 0,
        }
    }

    fn note(&mut self, tool: &Tool, what: &str) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(format!("{}: {what}", cut(&tool.name, NAME_BYTES_MAX, "a tool")));
        }
    }

    /// Takes a tool over, or leaves it out with a note. Two tools under one name are an error.
    fn add(&mut self, tool: &Tool) -> Result<(), Failure> {
        if self.capabilities.len() >= CAPABILITIES_MAX {
            self.note(tool, &format!("left out, an agent has at most {CAPABILITIES_MAX}"));
            return Ok(());
        }
        if tool.name.len() > TOOL_NAME_BYTES_MAX {
            self.note(tool, "left out, its name is too long");
            return Ok(());
        }
        let Ok(name) = format!("{}.{}", self.prefix, slug(&tool.name)).parse::<CapabilityName>()
        else {
            self.note(tool, "left out, its name is too long or has no letters or digits");
            return Ok(());
        };
        if let Some(other) = self.tools.get(&name) {
            return Err(Failure::crashed(format!(
                "the tools '{}' and '{}' of this server would both be the capability {name}",
                detail::clean(&other.name),
                detail::clean(&tool.name),
            )));
        }
        let Some(digest) = digest(tool) else {
            self.note(tool, "left out, it cannot be written in canonical JSON");
            return Ok(());
        };
        let input_schema = schema(&tool.input_schema);
        let output_schema = tool.output_schema.as_ref().map_or(CONTENT_SCHEMA.into(), schema);
        let bytes = input_schema.len() + output_schema.len();
        if input_schema.len() > SCHEMA_BYTES_MAX || output_schema.len() > SCHEMA_BYTES_MAX {
            self.note(tool, &format!("left out, a schema has more than {SCHEMA_BYTES_MAX} bytes"));
            return Ok(());
        }
        // Twice, for quotes inside quotes; the rest is for names and descriptions.
        if 2 * (self.schema_bytes + bytes) > MANIFEST_BYTES_MAX / 2 {
            self.note(tool, "left out, the schemas of this server are too long together");
            return Ok(());
        }
        self.schema_bytes += bytes;
        let said = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default();
        if said.len() > DESCRIPTION_BYTES_MAX {
            self.note(tool, &format!("description cut to {DESCRIPTION_BYTES_MAX} bytes"));
        }
        let (effects, idempotent) = self.effects(tool.annotations.as_ref());
        self.capabilities.push(CapabilityContract {
            name: name.clone(),
            description: cut(said, DESCRIPTION_BYTES_MAX, ""),
            input_schema,
            input_media_type: None,
            output_schema,
            output_media_type: "application/json".into(),
            effects,
            sensitivity: Default::default(),
            idempotent,
            deterministic: false,
            dry_run: false,
            price_hint: None,
            service_level: Default::default(),
        });
        self.tools.insert(name, RemoteTool { name: tool.name.to_string(), digest });
        Ok(())
    }

    /// What a call may touch, and whether a repeated one does no further harm. What is not said is
    /// taken for the worse, as the protocol has it.
    fn effects(&self, annotations: Option<&ToolAnnotations>) -> (Effects, bool) {
        let hint = |get: fn(&ToolAnnotations) -> Option<bool>| annotations.and_then(get);
        let read_only = hint(|said| said.read_only_hint).unwrap_or(false);
        let open_world = hint(|said| said.open_world_hint).unwrap_or(true);
        let idempotent = read_only || hint(|said| said.idempotent_hint).unwrap_or(false);
        let (may_use_network, storage) = match &self.server.endpoint {
            ServerEndpoint::Command { network, readable, writable, .. } => {
                (*network, !readable.is_empty() || !writable.is_empty())
            }
            ServerEndpoint::Url { .. } => (true, false),
        };
        let effects = Effects {
            read_only,
            mutates: !read_only,
            network: open_world && may_use_network,
            storage,
            privileged: false,
        };
        (effects, idempotent)
    }
}

fn schema(schema: &Arc<JsonObject>) -> String {
    serde_json::to_string(schema).expect("a JSON object can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> ToolServer {
        ToolServer::new(ServerEndpoint::Url { url: "https://x".into(), allow_private: false })
    }

    fn tool(name: &str) -> Tool {
        Tool::new(name.to_owned(), "does something", JsonObject::new())
    }

    fn describe_named(name: &str, tools: Vec<Tool>) -> Result<Description, Failure> {
        describe(None, &ToolServer { name: Some(name.into()), ..server() }, tools)
    }

    #[test]
    fn names_become_capabilities() {
        let cases = [
            (
                "secure-filesystem-server",
                "read_text_file",
                "secure-filesystem-server.read-text-file",
            ),
            ("@scope/Some Server", "getThing", "scope-some-server.get-thing"),
            ("io.example/x", "a.b:c", "io-example-x.a-b-c"),
            ("…", "HTTPGet2", "mcp-server.httpget2"),
        ];
        for (server, name, capability) in cases {
            let description = describe_named(server, vec![tool(name)]).unwrap();
            assert_eq!(description.manifest.capabilities[0].name.as_str(), capability);
        }
    }

    #[test]
    fn two_tools_of_one_name_are_an_error() {
        let failure = describe_named("s", vec![tool("read_it"), tool("read-it")]).unwrap_err();
        assert!(failure.detail.contains("would both be"), "{}", failure.detail);
    }

    #[test]
    fn what_does_not_fit_is_left_out_with_a_note() {
        let mut large = tool("large");
        let filler = json!({"description": "x".repeat(SCHEMA_BYTES_MAX)});
        large.input_schema = Arc::new(filler.as_object().unwrap().clone());
        let mut tools = vec![large, tool("日本")];
        tools.extend((0..CAPABILITIES_MAX + 1).map(|index| tool(&format!("t{index}"))));
        let description = describe_named("s", tools).unwrap();
        assert_eq!(description.manifest.capabilities.len(), CAPABILITIES_MAX);
        assert_eq!(description.tools.len(), CAPABILITIES_MAX);
        assert_eq!(description.notes.len(), 3, "{:?}", description.notes);
    }

    #[test]
    fn description_is_cut_at_a_character_and_cleaned() {
        let mut wordy = tool("wordy");
        wordy.description = Some(format!("a\n\u{1b}{}", "é".repeat(DESCRIPTION_BYTES_MAX)).into());
        let description = describe_named("s", vec![wordy]).unwrap();
        let said = &description.manifest.capabilities[0].description;
        assert!(said.len() <= DESCRIPTION_BYTES_MAX && said.starts_with("a  é"), "{said}");
        assert_eq!(description.notes.len(), 1);
    }

    #[test]
    fn every_part_of_a_tool_changes_its_digest() {
        let original = tool("t");
        let mut variants = vec![original.clone(); 6];
        variants[1].title = Some("T".into());
        variants[2].description = Some("does something else".into());
        variants[3].input_schema = Arc::new(json!({"a": 1}).as_object().unwrap().clone());
        variants[4].output_schema = Some(Arc::new(JsonObject::new()));
        variants[5].annotations = Some(ToolAnnotations::new().read_only(true));
        let digests: std::collections::BTreeSet<_> = variants.iter().map(digest).collect();
        assert_eq!(digests.len(), variants.len());
        assert_eq!(digest(&original), digest(&original.clone()));
    }

    #[test]
    fn silence_about_effects_is_taken_for_the_worse() {
        let description = describe_named("s", vec![tool("t")]).unwrap();
        let contract = &description.manifest.capabilities[0];
        assert!(contract.effects.mutates && contract.effects.network && !contract.idempotent);
        let mut reader = tool("r");
        reader.annotations = Some(ToolAnnotations::new().read_only(true).open_world(false));
        let description = describe_named("s", vec![reader]).unwrap();
        let contract = &description.manifest.capabilities[0];
        assert!(contract.effects.read_only && contract.idempotent);
        assert!(!contract.effects.mutates && !contract.effects.network);
    }
}
