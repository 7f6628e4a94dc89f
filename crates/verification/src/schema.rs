//! JSON Schemas of capability contracts: compiled once, checked within bounds.
//!
//! Schemas and documents both come from strangers. Nothing is fetched: a reference leads within
//! the schema (`#`, `#/…`) or is refused. Patterns run on an engine that is linear in its input.
//! A schema can still ask for exponential work by referring to itself, so before a document is
//! checked the work is counted, and too much is refused. Messages never quote the document, which
//! may be confidential.
use std::fmt;
use std::sync::Arc;

use ainur_primitives::canonical_json::{CanonicalJsonError, from_canonical_json};
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::verdict::one_line;

mod cache;
mod effort;

pub use cache::{SCHEMAS_MAX, SchemaCache};
pub use effort::{EVALUATION_DEPTH_MAX, EVALUATIONS_MAX};

/// A compiled schema. Cheap to clone.
#[derive(Clone)]
pub struct Schema {
    compiled: Arc<Compiled>,
}

struct Compiled {
    document: Value,
    validator: Validator,
}

/// The longest schema, in bytes of JSON text.
pub const SCHEMA_BYTES_MAX: usize = 64 * 1024;
/// The longest parameters, in bytes of JSON text.
pub const PARAMETERS_BYTES_MAX: usize = 64 * 1024;
/// The longest JSON output that is checked, in bytes.
pub const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How many problems one mismatch names.
pub const PROBLEMS_MAX: usize = 5;
/// The longest description of one problem, in bytes.
pub const PROBLEM_BYTES_MAX: usize = 200;
/// Past this much work only the first problem is named: finding all keeps them all in memory.
const ALL_PROBLEMS_EVALUATIONS_MAX: u64 = 20_000;
/// The largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A schema that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More text than a schema may have.
    #[error("the schema has {0} bytes; at most {SCHEMA_BYTES_MAX} are taken")]
    TooLarge(usize),
    /// Not JSON.
    #[error("the schema is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not a schema, or one that asks for something that is not supported.
    #[error("not a usable JSON Schema at '{path}': {problem}")]
    NotASchema {
        /// Where in the schema.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// More bytes than are checked.
    #[error("{found} bytes of JSON; at most {bytes_max} are checked")]
    TooLarge {
        /// How many there are.
        found: usize,
        /// How many there may be.
        bytes_max: usize,
    },
    /// Not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON in another spelling than the canonical one.
    #[error("not in canonical form (RFC 8785): byte {0} differs")]
    NotCanonical(usize),
    /// The schema says no.
    #[error("{}", Problems(.problems, *.more))]
    Refused {
        /// The first problems, as the schema meets them.
        problems: Vec<SchemaProblem>,
        /// There are more than are named.
        more: bool,
    },
    /// Deciding would take too long.
    #[error(
        "the schema asks for more than {EVALUATIONS_MAX} evaluations of this document, or more than {EVALUATION_DEPTH_MAX} inside each other"
    )]
    TooMuchWork,
}

/// One place where a document is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem {
    /// Where: a JSON pointer, empty for the whole.
    pub path: String,
    /// What was expected there, without the value itself.
    pub expected: String,
}

impl Schema {
    /// Compiles a schema from JSON text.
    ///
    /// # Errors
    /// When it is too long, not JSON, not a schema, or refers to something outside itself.
    pub fn compile(text: &str) -> Result<Self, Error> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(Error::TooLarge(text.len()));
        }
        let document: Value = serde_json::from_str(text)
            .map_err(|error| Error::NotJson(one_line(&error.to_string(), PROBLEM_BYTES_MAX)))?;
        let not_a_schema = |path: String, problem: &str| Error::NotASchema {
            path: one_line(&path, PROBLEM_BYTES_MAX),
            problem: one_line(problem, PROBLEM_BYTES_MAX),
        };
        effort::check_references(&document)
            .map_err(|problem| not_a_schema(problem.path, &problem.expected))?;
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let validator = jsonschema::options()
            .offline()
            .with_pattern_options(patterns)
            .build(&document)
            .map_err(|error| not_a_schema(error.instance_path().to_string(), &error.to_string()))?;
        Ok(Self { compiled: Arc::new(Compiled { document, validator }) })
    }

    /// Checks a value.
    ///
    /// # Errors
    /// Where the value is not as expected, or that deciding it would take too long.
    pub fn check(&self, value: &Value) -> Result<(), Mismatch> {
        let evaluations = effort::check(&self.compiled.document, value)?;
        let validator = &self.compiled.validator;
        let problem = |error: &ValidationError<'_>| SchemaProblem {
            path: one_line(&error.instance_path().to_string(), PROBLEM_BYTES_MAX),
            expected: one_line(&error.masked().to_string(), PROBLEM_BYTES_MAX),
        };
        if evaluations > ALL_PROBLEMS_EVALUATIONS_MAX {
            let first = validator.validate(value).map_err(|error| problem(&error));
            return first.map_err(|first| Mismatch::Refused { problems: vec![first], more: true });
        }
        let mut errors = validator.iter_errors(value);
        let problems: Vec<SchemaProblem> =
            errors.by_ref().take(PROBLEMS_MAX).map(|error| problem(&error)).collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Mismatch::Refused { problems, more: errors.next().is_some() })
        }
    }

    /// Checks a task's parameters: JSON text in canonical form.
    ///
    /// # Errors
    /// When the text is too long, not canonical JSON, or not as the schema says.
    pub fn check_parameters(&self, text: &str) -> Result<(), Mismatch> {
        within(text.len(), PARAMETERS_BYTES_MAX)?;
        let value: Value = from_canonical_json(text.as_bytes()).map_err(|error| match error {
            CanonicalJsonError::NotCanonical(place) => Mismatch::NotCanonical(place),
            CanonicalJsonError::Shape(error) => not_json(&error),
        })?;
        self.check(&value)
    }

    /// Checks an output: JSON in any spelling.
    ///
    /// # Errors
    /// When it is too long, not JSON, or not as the schema says.
    pub fn check_output(&self, bytes: &[u8]) -> Result<(), Mismatch> {
        within(bytes.len(), OUTPUT_BYTES_MAX)?;
        let value: Value = serde_json::from_slice(bytes).map_err(|error| not_json(&error))?;
        self.check(&value)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", one_line(&self.compiled.document.to_string(), PROBLEM_BYTES_MAX))
    }
}

fn within(found: usize, bytes_max: usize) -> Result<(), Mismatch> {
    if found > bytes_max { Err(Mismatch::TooLarge { found, bytes_max }) } else { Ok(()) }
}

fn not_json(error: &serde_json::Error) -> Mismatch {
    Mismatch::NotJson(one_line(&error.to_string(), PROBLEM_BYTES_MAX))
}

/// Shows problems in one line: `at /a: …; at /b: …; and more`.
struct Problems<'a>(&'a [SchemaProblem], bool);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            let path = if problem.path.is_empty() { "the top" } else { &problem.path };
            write!(f, "{separator}at {path}: {}", problem.expected)?;
        }
        if self.1 { f.write_str("; and more") } else { Ok(()) }
    }
}
