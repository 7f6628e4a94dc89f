//! A seeded generator, and a job with five members.
use ainur_market::coalition::{
    CoalitionLimits, CoalitionMember, CoalitionTerms, ExecutionPlan, FailureHandling, ProfitSharing,
};
use ainur_primitives::{
    Amount, CoalitionId, Did, Digest, DurationMs, PenaltyBeneficiary, PenaltyCause, PenaltyClause,
    Ppm, SharingMethod, Subtask, TaskGraph, TaskId, Timestamp,
};

/// SplitMix64.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

pub(crate) fn did(number: u8) -> Did {
    Did(Digest([number; 32]))
}

/// A graph of subtasks `part-0`, `part-1`… with these needs; each may cost 100 and take 1000 ms.
pub(crate) fn graph(needs: &[&[u16]]) -> TaskGraph {
    let subtask = |(index, needs): (usize, &&[u16])| Subtask {
        name: format!("part-{index}"),
        capability: format!("work.part-{index}").parse().expect("a name"),
        parameters: "{}".into(),
        reserve: Amount(100),
        duration_ms_max: DurationMs(1_000),
        needs: needs.to_vec(),
    };
    TaskGraph { subtasks: needs.iter().enumerate().map(subtask).collect() }
}

pub(crate) fn member(agent: u8, subtask: u16, bid: u128) -> CoalitionMember {
    CoalitionMember {
        agent: did(agent),
        card: Digest([100 + agent; 32]),
        capability: format!("work.part-{subtask}").parse().expect("a name"),
        subtask,
        bid: Amount(bid),
        estimated_duration_ms: DurationMs(500),
        bond: Amount(40),
    }
}

pub(crate) fn limits() -> CoalitionLimits {
    CoalitionLimits {
        reserve: Amount(1_000),
        budget: Amount(1_000),
        deadline_ms: DurationMs(5_000),
        valid_until: Timestamp(10),
    }
}

pub(crate) fn terms_of(
    graph: &TaskGraph,
    members: Vec<CoalitionMember>,
    shares: &[u128],
) -> CoalitionTerms {
    CoalitionTerms {
        id: CoalitionId(Digest([1; 32])),
        task: TaskId(Digest([2; 32])),
        lead: members[0].agent,
        total: Amount(shares.iter().sum()),
        plan: ExecutionPlan::earliest(graph, &members),
        sharing: ProfitSharing {
            method: SharingMethod::Equal,
            member_shares: shares.iter().map(|share| Amount(*share)).collect(),
            surplus_weights: Vec::new(),
        },
        failure: FailureHandling::default(),
        valid_until: Timestamp(10),
        members,
    }
}

pub(crate) fn clause(
    cause: PenaltyCause,
    penalty: u32,
    beneficiary: PenaltyBeneficiary,
) -> PenaltyClause {
    PenaltyClause { beneficiary, cause, penalty: Ppm(penalty) }
}

/// Part 0, then 1, 2 and 3 beside each other, then 4.
pub(crate) fn five_graph() -> TaskGraph {
    graph(&[&[], &[0], &[0], &[0], &[1, 2, 3]])
}

/// Five members with one part each, two backups for part 2 and one for part 4, a pool, and clauses
/// that take 90 % of a bond.
pub(crate) fn five() -> CoalitionTerms {
    let members = [(1, 30), (2, 80), (3, 50), (4, 20), (5, 60)];
    let members: Vec<_> =
        (0..).zip(members).map(|(subtask, (agent, bid))| member(agent, subtask, bid)).collect();
    let mut terms = terms_of(&five_graph(), members, &[34, 90, 55, 21, 60]);
    terms.failure = FailureHandling {
        backups: vec![member(6, 2, 58), member(7, 2, 54), member(8, 4, 75)],
        insurance_pool: Amount(12),
        penalty_clauses: vec![
            clause(PenaltyCause::Failed, 500_000, PenaltyBeneficiary::Buyer),
            clause(PenaltyCause::Failed, 150_000, PenaltyBeneficiary::Backup),
            clause(PenaltyCause::Late, 100_000, PenaltyBeneficiary::Members),
            clause(PenaltyCause::Failed, 250_000, PenaltyBeneficiary::Members),
        ],
    };
    terms
}
