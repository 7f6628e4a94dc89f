//! The report: SARIF 2.1.0, with the secrets taken out.
use std::fmt::Write;

use ainur_guest::json::ObjectWriter;

use crate::RESULTS_MAX;
use crate::rules::{Level, RULES};
use crate::scan::Finding;

/// What a report looks like, as far as we promise it.
pub const SCHEMA: &str = r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["version","$schema","runs"],"properties":{"version":{"const":"2.1.0"},"$schema":{"type":"string"},"runs":{"type":"array","minItems":1,"maxItems":1,"items":{"type":"object","required":["tool","results"],"properties":{"tool":{"type":"object","required":["driver"],"properties":{"driver":{"type":"object","required":["name","version","rules"],"properties":{"name":{"type":"string"},"version":{"type":"string"},"rules":{"type":"array","minItems":1,"items":{"type":"object","required":["id","shortDescription"],"properties":{"id":{"type":"string"}}}}}}}},"results":{"type":"array","items":{"type":"object","required":["ruleId","level","message","locations","partialFingerprints"],"properties":{"ruleId":{"type":"string"},"ruleIndex":{"type":"integer","minimum":0},"level":{"enum":["error","warning","note","none"]},"message":{"type":"object","required":["text"],"properties":{"text":{"type":"string"}}},"locations":{"type":"array","minItems":1,"items":{"type":"object","required":["physicalLocation"],"properties":{"physicalLocation":{"type":"object","required":["artifactLocation","region"],"properties":{"artifactLocation":{"type":"object","required":["uri"],"properties":{"uri":{"type":"string"}}},"region":{"type":"object","required":["startLine","startColumn"],"properties":{"startLine":{"type":"integer","minimum":1},"startColumn":{"type":"integer","minimum":1}}}}}}}},"partialFingerprints":{"type":"object","required":["secret/v1"]}}}}}}}}}"##;

const SARIF_SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// How much of a secret the report shows: enough to see which one it is.
const SHOWN_CHARACTERS: usize = 4;

/// A report that grows.
#[derive(Debug, Default)]
pub struct Report {
    results: Vec<String>,
    notifications: Vec<String>,
    left_out: usize,
}

impl Report {
    /// Adds a finding in the file at `path`.
    pub fn add(&mut self, path: &str, finding: &Finding) {
        if self.results.len() >= RESULTS_MAX {
            self.left_out += 1;
        } else {
            self.results.push(result(path, finding));
        }
    }

    /// Says what was not looked at.
    pub fn notify(&mut self, text: String) {
        self.notifications.push(text);
    }

    /// The report.
    pub fn to_json(&self) -> String {
        let mut notifications: Vec<String> =
            self.notifications.iter().map(|text| notification(text)).collect();
        if self.left_out > 0 {
            notifications.push(notification(&format!("{} more results", self.left_out)));
        }
        let driver = ObjectWriter::default()
            .text("name", "ainur secret-scanner")
            .text("version", env!("CARGO_PKG_VERSION"))
            .raw("rules", &array(&rules()));
        let invocation = ObjectWriter::default()
            .flag("executionSuccessful", true)
            .raw("toolExecutionNotifications", &array(&notifications));
        let run = ObjectWriter::default()
            .raw("tool", &ObjectWriter::default().raw("driver", &driver.finish()).finish())
            .raw("invocations", &array(&[invocation.finish()]))
            .text("columnKind", "unicodeCodePoints")
            .raw("results", &array(&self.results));
        ObjectWriter::default()
            .text("version", "2.1.0")
            .text("$schema", SARIF_SCHEMA)
            .raw("runs", &array(&[run.finish()]))
            .finish()
    }
}

fn array(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

fn message(text: &str) -> String {
    ObjectWriter::default().text("text", text).finish()
}

fn notification(text: &str) -> String {
    ObjectWriter::default().text("level", "warning").raw("message", &message(text)).finish()
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
    }
}

fn rules() -> Vec<String> {
    RULES
        .iter()
        .map(|rule| {
            let configuration = ObjectWriter::default().text("level", level(rule.level));
            ObjectWriter::default()
                .text("id", rule.id)
                .raw("shortDescription", &message(rule.description))
                .raw("defaultConfiguration", &configuration.finish())
                .finish()
        })
        .collect()
}

fn result(path: &str, finding: &Finding) -> String {
    let rule = &RULES[finding.rule];
    let region = ObjectWriter::default()
        .number("startLine", finding.line as u64)
        .number("startColumn", finding.column as u64)
        .number("endColumn", finding.column_end as u64);
    let physical = ObjectWriter::default()
        .raw("artifactLocation", &ObjectWriter::default().text("uri", &uri(path)).finish())
        .raw("region", &region.finish());
    let location = ObjectWriter::default().raw("physicalLocation", &physical.finish());
    let fingerprint = ObjectWriter::default().text("secret/v1", &fingerprint(rule.id, finding));
    let mut said = String::from(rule.description);
    // Writing into a string cannot fail.
    write!(said, " It begins with '{}'.", shown(&finding.secret)).unwrap_or_default();
    ObjectWriter::default()
        .text("ruleId", rule.id)
        .number("ruleIndex", finding.rule as u64)
        .text("level", level(rule.level))
        .raw("message", &message(&said))
        .raw("locations", &array(&[location.finish()]))
        .raw("partialFingerprints", &fingerprint.finish())
        .finish()
}

/// The first characters, of a secret that is long enough to spare them.
fn shown(secret: &str) -> String {
    let count = if secret.chars().count() >= 4 * SHOWN_CHARACTERS { SHOWN_CHARACTERS } else { 1 };
    let mut shown: String = secret.chars().take(count).collect();
    shown.push('…');
    shown
}

/// The same for the same secret under the same rule, wherever it stands; not reversible for a random
/// secret, but for a guessable one.
fn fingerprint(rule: &str, finding: &Finding) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("ainur secret-scanner fingerprint v1");
    hasher.update(rule.as_bytes());
    hasher.update(&[0]);
    hasher.update(finding.secret.as_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}

/// A path as a relative URI reference.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            plain if plain.is_ascii_alphanumeric() => out.push(char::from(plain)),
            // Writing into a string cannot fail.
            other => write!(out, "%{other:02X}").unwrap_or_default(),
        }
    }
    out
}
