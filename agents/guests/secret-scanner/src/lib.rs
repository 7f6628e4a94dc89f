//! `secret-scanner`: finds credentials in the files of a tar archive and reports them as SARIF 2.1.0.
//!
//! What is found is never repeated: a finding names its rule, its place, a fingerprint, and no more of
//! the secret than its first characters. Values that are examples by their own words are left out.
use ainur_guest::contracts::{NO_PARAMETERS, TAR};
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, emit_all,
    read_range, tar,
};

pub mod rules;
pub mod sarif;
pub mod scan;

/// The agent.
#[derive(Debug)]
pub struct SecretScanner;

/// Longer files are left out, and the report says so.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// So much of a file decides whether it is text.
const SNIFF_BYTES: usize = 8 << 10;
/// A report has no more results; the rest are counted in a notification.
pub const RESULTS_MAX: usize = 10_000;
const CHUNK_BYTES: usize = 256 << 10;

const PRICING: Pricing = Pricing {
    base: 40 * MILLI_AINU,
    per_mib: 15 * MILLI_AINU,
    busy_percent: 20,
    setup_ms: 10,
    bytes_per_second: 20 << 20,
    confidence_ppm: 970_000,
    quality_level: 1,
};

impl Agent for SecretScanner {
    const MANIFEST: Manifest = Manifest {
        name: "secret-scanner",
        description: "Finds credentials in an archive and reports them as SARIF, redacted.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            input_schema: NO_PARAMETERS,
            input_media_type: Some(TAR),
            output_schema: sarif::SCHEMA,
            output_media_type: "application/json",
            price_hint: Some(PRICING.base),
            ..Contract::new(
                "secrets.scan",
                "Finds keys, tokens and passwords in a tar archive; answers SARIF 2.1.0.",
            )
        }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        let mut report = sarif::Report::default();
        for file in tar::entries(host, job.input_bytes)? {
            if file.size > FILE_BYTES_MAX {
                report.notify(format!("{}: longer than {FILE_BYTES_MAX} bytes", file.path));
                continue;
            }
            let content = read_range(host, file.offset, file.size as usize)?;
            let is_binary = content.iter().take(SNIFF_BYTES).any(|byte| *byte == 0);
            if !is_binary {
                for finding in scan::scan(&content) {
                    report.add(&file.path, &finding);
                }
            }
            host.progress(file.offset + file.size, job.input_bytes);
        }
        emit_all(host, report.to_json().as_bytes(), CHUNK_BYTES, job.first_chunk);
        Ok(())
    }
}

ainur_guest::agent!(SecretScanner);

#[cfg(test)]
mod tests;
