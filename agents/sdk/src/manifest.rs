//! What an agent says about itself, in the JSON that `describe` answers.
use crate::contracts::NO_PARAMETERS;
use crate::json::{ObjectWriter, push_string};

/// JSON Schema, as JSON text.
pub type Schema = &'static str;

/// An agent's own description.
#[derive(Debug, Clone, Copy)]
pub struct Manifest {
    /// Short name.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Its own version.
    pub version: &'static str,
    /// What it offers.
    pub capabilities: &'static [Contract],
}

/// One offered capability. Our guests are pure functions of public data, so effects are all false
/// and a repeated call gives the same bytes; what may differ is here.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    /// `noun.verb`.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Of the parameters.
    pub input_schema: Schema,
    /// Of the input stream.
    pub input_media_type: Option<&'static str>,
    /// Of a JSON output.
    pub output_schema: Schema,
    /// Of the output stream.
    pub output_media_type: &'static str,
    /// A usual price in base units.
    pub price_hint: Option<u128>,
    /// Typical time of one call.
    pub duration_ms: Option<u64>,
}

impl Contract {
    /// Bytes to bytes, without parameters.
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            input_schema: NO_PARAMETERS,
            input_media_type: Some("application/octet-stream"),
            output_schema: "true",
            output_media_type: "application/octet-stream",
            price_hint: None,
            duration_ms: None,
        }
    }

    fn to_json(self) -> String {
        let mut input_media_type = String::new();
        match self.input_media_type {
            Some(media_type) => push_string(&mut input_media_type, media_type),
            None => input_media_type.push_str("null"),
        }
        let mut service_level = ObjectWriter::default();
        if let Some(duration_ms) = self.duration_ms {
            service_level = service_level.number("duration_ms", duration_ms);
        }
        let mut contract = ObjectWriter::default()
            .text("name", self.name)
            .text("description", self.description)
            .text("input_schema", self.input_schema)
            .raw("input_media_type", &input_media_type)
            .text("output_schema", self.output_schema)
            .text("output_media_type", self.output_media_type)
            .raw("effects", "{}")
            .text("sensitivity", "internal")
            .flag("idempotent", true)
            .flag("deterministic", true)
            .flag("dry_run", false);
        if let Some(price) = self.price_hint {
            contract = contract.text("price_hint", &price.to_string());
        }
        contract.raw("service_level", &service_level.finish()).finish()
    }
}

impl Manifest {
    /// Whether `capability` is one of its own.
    pub fn offers(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|contract| contract.name == capability)
    }

    /// The JSON `describe` answers.
    pub fn to_json(&self) -> String {
        let mut contracts = String::from("[");
        for (index, contract) in self.capabilities.iter().enumerate() {
            if index > 0 {
                contracts.push(',');
            }
            contracts.push_str(&contract.to_json());
        }
        contracts.push(']');
        ObjectWriter::default()
            .text("name", self.name)
            .text("description", self.description)
            .text("version", self.version)
            .raw("capabilities", &contracts)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use ainur_primitives::{Amount, CapabilityContract};

    use super::*;

    #[test]
    fn a_manifest_reads_back_as_capability_contracts() {
        const CONTRACTS: &[Contract] = &[
            Contract {
                price_hint: Some(2_500_000_000_000),
                duration_ms: Some(1500),
                ..Contract::new("text.echo", "Says \"it\" again.")
            },
            Contract { input_media_type: None, ..Contract::new("text.shout", "Louder.") },
        ];
        let manifest =
            Manifest { name: "n", description: "d", version: "1", capabilities: CONTRACTS };
        let value: serde_json::Value = serde_json::from_str(&manifest.to_json()).unwrap();
        let contracts: Vec<CapabilityContract> =
            serde_json::from_value(value["capabilities"].clone()).unwrap();
        assert_eq!(contracts[0].price_hint, Some(Amount::from_ainu("2.5").unwrap()));
        assert_eq!(contracts[0].description, "Says \"it\" again.");
        assert_eq!(contracts[0].service_level.duration_ms.unwrap().0, 1500);
        assert!(contracts[0].deterministic);
        assert_eq!(contracts[1].input_media_type, None);
        assert_eq!(contracts[1].input_schema, CONTRACTS[1].input_schema);
    }
}
