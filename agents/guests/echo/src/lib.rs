//! `echo`: delivers its input unchanged, or its parameters when there is no input.
use ainur_guest::{
    Agent, Call, Contract, Failure, Host, Job, MILLI_AINU, Manifest, Pricing, Quote, for_each_block,
};

/// The agent.
#[derive(Debug)]
pub struct Echo;

const CAPABILITY: &str = "text.echo";
const BLOCK_BYTES: usize = 64 << 10;

const PRICING: Pricing = Pricing {
    base: MILLI_AINU,
    per_mib: MILLI_AINU,
    busy_percent: 0,
    setup_ms: 1,
    bytes_per_second: 400 << 20,
    confidence_ppm: 999_000,
    quality_level: 0,
};

impl Agent for Echo {
    const MANIFEST: Manifest = Manifest {
        name: "echo",
        description: "Delivers its input, or its parameters when it has none.",
        version: env!("CARGO_PKG_VERSION"),
        capabilities: &[Contract {
            input_schema: "true",
            price_hint: Some(PRICING.base),
            duration_ms: Some(1),
            ..Contract::new(CAPABILITY, "Delivers its input, or its parameters when it has none.")
        }],
    };

    fn quote(call: &Call) -> Option<Quote> {
        PRICING.quote(call)
    }

    fn execute(job: &Job, host: &mut dyn Host) -> Result<(), Failure> {
        if job.input_bytes > 0 {
            return for_each_block(job, host, BLOCK_BYTES, |block| Ok(block.into()));
        }
        if job.first_chunk == 0 {
            host.emit(job.parameters.clone().into_bytes());
        }
        Ok(())
    }
}

ainur_guest::agent!(Echo);

#[cfg(test)]
mod tests {
    use ainur_guest::MemoryHost;

    use super::*;

    #[test]
    fn parameters_come_back_when_there_is_no_input() {
        let mut host = MemoryHost::default();
        Echo::execute(&host.job(CAPABILITY, r#"{"say":"hi"}"#), &mut host).unwrap();
        assert_eq!(host.delivered(), br#"{"say":"hi"}"#);
    }

    #[test]
    fn input_comes_back_and_resumes_after_any_chunk() {
        let input: Vec<u8> = (0..BLOCK_BYTES * 2 + 5).map(|i| (i % 251) as u8).collect();
        let mut whole = MemoryHost::with_input(input.clone());
        Echo::execute(&whole.job(CAPABILITY, "{}"), &mut whole).unwrap();
        assert_eq!(whole.delivered(), input);
        assert_eq!(whole.chunks.len(), 3);
        let mut rest = MemoryHost::with_input(input);
        Echo::execute(&rest.job_from(CAPABILITY, "{}", 1), &mut rest).unwrap();
        assert_eq!(rest.chunks, whole.chunks[1..]);
    }

    #[test]
    fn another_capability_is_declined() {
        let mut host = MemoryHost::default();
        let answer = ainur_guest::execute::<Echo>(&host.job("text.shout", "{}"), &mut host);
        assert!(matches!(answer, Err(Failure::Declined(_))));
    }
}
