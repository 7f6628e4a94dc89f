//! Jobs of several parts in a world, and the agents that bid on them together.
use ainur_broker::seat::TeamTerms;
use ainur_primitives::{
    Amount, DurationMs, PenaltyBeneficiary, PenaltyCause, PenaltyClause, Ppm, SharingMethod,
    Subtask, TaskGraph,
};

/// Whoever works beside anybody else saves a tenth.
pub(crate) fn team() -> TeamTerms {
    let sharing = SharingMethod::default();
    // Whoever fails owes the others a tenth of its bond, and as much to who takes over.
    let clause = |beneficiary| {
        let (cause, penalty) = (PenaltyCause::Failed, Ppm(100_000));
        PenaltyClause { beneficiary, cause, penalty }
    };
    TeamTerms {
        partners: Vec::new(),
        saving: Ppm(100_000),
        sharing,
        penalties: [PenaltyBeneficiary::Members, PenaltyBeneficiary::Backup].map(clause).into(),
        insurance: Amount::ainu(1),
        pledge_max: TeamTerms::pledge_max_default(),
    }
}

/// Two parts beside each other and one that needs both, all of the same work.
pub(crate) fn graph(capability: &str, parameters: &str) -> TaskGraph {
    let part = |name: &str, needs: &[u16]| Subtask {
        name: name.into(),
        capability: capability.parse().expect("a good name"),
        parameters: parameters.into(),
        reserve: Amount::ainu(20),
        duration_ms_max: DurationMs::seconds(600),
        needs: needs.to_vec(),
    };
    TaskGraph { subtasks: vec![part("left", &[]), part("right", &[]), part("both", &[0, 1])] }
}
