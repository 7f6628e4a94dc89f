//! One figure of a benchmark, as the line of JSON that `cargo xtask bench` reads.

/// What was measured, beside what it is compared with in the same run.
pub(crate) struct Figure<'a> {
    /// The benchmark's name.
    pub(crate) bench: &'a str,
    /// What was measured.
    pub(crate) metric: &'a str,
    /// The measured value.
    pub(crate) value: f64,
    /// Its unit; a rate is `…/s`, and more of it is better. Of everything else less is better.
    pub(crate) unit: &'a str,
    /// The peer or physical bound, and what it reached in the same unit; none for a figure that
    /// only tells where time goes.
    pub(crate) peer: Option<(&'a str, f64)>,
}

impl Figure<'_> {
    pub(crate) fn print(&self) {
        let Self { bench, metric, value, unit, peer } = self;
        let peer = match peer {
            None => String::new(),
            Some((name, peer_value)) => {
                // Ours against the peer's, oriented so that more is better.
                let ratio = match unit.ends_with("/s") {
                    true => value / peer_value,
                    false => peer_value / value,
                };
                format!(r#","peer":"{name}","peer_value":{peer_value:.3},"ratio":{ratio:.4}"#)
            }
        };
        println!(
            r#"{{"bench":"{bench}","metric":"{metric}","value":{value:.3},"unit":"{unit}"{peer}}}"#
        );
    }
}
