//! Acceptance as code: schema, digest and verdict rules.
//!
//! A [`Plan`] is an agreement's check, found to be one that can be carried out;
//! an [`Acceptance`] carries it out without doing anything itself: it says
//! what is needed next, is told what came of it, and ends in a verdict. [`schema`] checks
//! parameters and outputs against JSON Schemas, within bounds on time and size. No file, socket or
//! clock is touched.

pub mod acceptance;
pub mod schema;
pub mod verdict;

pub use acceptance::{Acceptance, Evidence, Plan, Step};
pub use schema::{Schema, SchemaCache};
