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
    /// The peer or physical bound.
    pub(crate) peer: &'a str,
    /// What the peer reached, in the same unit.
    pub(crate) peer_value: f64,
}

impl Figure<'_> {
    /// Ours against the peer's, oriented so that more is better.
    fn ratio(&self) -> f64 {
        match self.unit.ends_with("/s") {
            true => self.value / self.peer_value,
            false => self.peer_value / self.value,
        }
    }

    pub(crate) fn print(&self) {
        let Self { bench, metric, value, unit, peer, peer_value } = self;
        println!(
            r#"{{"bench":"{bench}","metric":"{metric}","value":{value:.3},"unit":"{unit}","peer":"{peer}","peer_value":{peer_value:.3},"ratio":{:.4}}}"#,
            self.ratio()
        );
    }
}
