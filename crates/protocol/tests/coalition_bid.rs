//! CoalitionBid as bytes, who consents to it, and what of it is refused.
use ainur_crypto::merkle::InclusionProof;
use ainur_crypto::{HybridSignature, HybridVerifier, Proof, SigningKey};
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    Amount, CoalitionId, ConversationId, Did, Digest, DurationMs, MessageId, PenaltyBeneficiary,
    PenaltyCause, PenaltyClause, Ppm, QualityLevel, SharingMethod, TaskId, Timestamp,
};
use ainur_protocol::limits::INTEGER_MAX;
use ainur_protocol::{
    CoalitionBid, CoalitionFailure, CoalitionPlan, Draft, Envelope, Error, Extensions, MemberBid,
    MemberShares, Message, MessageType, Recipients,
};
use serde_json::{Value, json};

const CREATED: Timestamp = Timestamp(1_795_254_600_000);

fn did(number: u8) -> Did {
    Did(Digest([number; 32]))
}

fn member(agent: u8, allocated_subtask: u16, bid_amount: u128) -> MemberBid {
    MemberBid {
        agent: did(agent),
        allocated_subtask,
        bid_amount: Amount(bid_amount),
        bond: Amount(5),
        capability: "text.digest".parse().expect("a name"),
        card: Digest([4; 32]),
        estimated_duration_ms: DurationMs(1_500),
    }
}

/// A consent of the right shape that nobody signed.
fn unsigned(signer: u8) -> Proof {
    Proof {
        signer: did(signer),
        key_version: 0,
        inclusion: InclusionProof { index: 0, size: 1, path: Vec::new() },
        signature: HybridSignature {
            ed25519: [signer; 64],
            ml_dsa_65: Box::new([signer; ainur_crypto::signature::ML_DSA_65_SIGNATURE_BYTES]),
        },
    }
}

/// Agent 1 leads agent 2, and agent 3 stands by.
fn coalition_bid() -> CoalitionBid {
    CoalitionBid {
        bid_bond: Amount(20_000),
        bundles: Vec::new(),
        coalition_id: CoalitionId(Digest([11; 32])),
        confidence: Ppm(950_000),
        consents: (1..=3).map(unsigned).collect(),
        execution_plan: CoalitionPlan {
            estimated_completion_ms: DurationMs(3_000),
            parallel_stages: vec![vec![0], vec![1]],
            task_graph: Digest([12; 32]),
        },
        failure_handling: CoalitionFailure {
            backup_agents: vec![member(3, 1, 85)],
            insurance_pool: Amount(5),
            penalty_clauses: vec![PenaltyClause {
                beneficiary: PenaltyBeneficiary::Backup,
                cause: PenaltyCause::Failed,
                penalty: Ppm(500_000),
            }],
        },
        lead_agent: did(1),
        members: vec![member(1, 0, 30), member(2, 1, 80)],
        profit_sharing: MemberShares {
            distribution_method: SharingMethod::ContributionBased,
            member_shares: vec![Amount(35), Amount(85)],
            surplus_weights: Vec::new(),
        },
        quality_level: QualityLevel::Premium,
        salt: Digest([5; 32]),
        task: TaskId(Digest([8; 32])),
        terms: Digest([13; 32]),
        total_bid: Amount(120),
        valid_until: CREATED.plus(DurationMs::seconds(60)),
        extensions: Extensions::default(),
    }
}

fn draft(body: CoalitionBid) -> Draft<CoalitionBid> {
    Draft {
        conversation_id: ConversationId(Digest([9; 32])),
        in_reply_to: Some(MessageId(Digest([10; 32]))),
        from: did(1),
        to: Recipients::One(did(2)),
        created: CREATED,
        expires: CREATED.plus(DurationMs::seconds(30)),
        body,
        extensions: Extensions::default(),
    }
}

fn envelope(body: CoalitionBid) -> Envelope<CoalitionBid> {
    draft(body).finish().expect("a good message")
}

fn bytes(envelope: &Envelope<CoalitionBid>) -> Vec<u8> {
    envelope.to_json().expect("not too large")
}

/// Golden files are rewritten by `AINUR_GOLDEN_WRITE=1`.
#[test]
fn bytes_of_a_coalition_bid_are_as_in_the_golden_file() {
    let message = envelope(coalition_bid());
    let written = bytes(&message);
    let path = format!("{}/tests/golden/coalition-bid.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("AINUR_GOLDEN_WRITE").is_some() {
        std::fs::write(&path, &written).expect("a writable tree");
    }
    let stored = std::fs::read(&path).expect("a golden file");
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&stored));
    assert_eq!(Envelope::<CoalitionBid>::from_json(&stored).expect("our own message"), message);
    let value: Value = serde_json::from_slice(&stored).expect("JSON");
    assert_eq!(to_canonical_json(&value).expect("JSON"), stored, "it is RFC 8785");
    let read = Message::from_json(&stored).expect("a known type");
    assert_eq!(read.header().message_type, MessageType::CoalitionBid);
    assert_eq!(read, Message::CoalitionBid(Box::new(message)));
}

#[test]
fn everybody_in_a_coalition_consents_to_its_terms() {
    let key = |agent: u8| SigningKey::from_seed(&[agent; 32]).unwrap();
    let known = |signer: &Did, version: u32| {
        let agent = (1..=3).find(|agent| did(*agent) == *signer && version == 0)?;
        Some(key(agent).public())
    };
    let terms = coalition_bid().terms;
    let consent = |agent: u8| Proof::sign(&key(agent), did(agent), 0, terms);
    let consents = || (1..=3).map(consent).collect::<Vec<_>>();
    let signed = CoalitionBid { consents: consents(), ..coalition_bid() };
    let sent = bytes(&envelope(signed.clone()));
    let received = Envelope::<CoalitionBid>::from_json(&sent).unwrap();
    received.verify_consents(known, &HybridVerifier).unwrap();

    let refused = |body: CoalitionBid| {
        envelope(body).verify_consents(known, &HybridVerifier).expect_err("to be refused")
    };
    let other = CoalitionBid { terms: Digest([14; 32]), ..signed.clone() };
    assert!(matches!(refused(other), Error::Proof(_)), "consent to other terms");
    let mut forged = signed.clone();
    forged.consents[2] = Proof::sign(&key(1), did(3), 0, terms);
    assert!(matches!(refused(forged), Error::Proof(_)), "signed by the lead for the backup");
    let mut unknown = signed.clone();
    unknown.consents[1] = Proof::sign(&key(2), did(2), 7, terms);
    assert!(matches!(refused(unknown), Error::UnknownKeys { signer } if signer == did(2)));
    let follower = CoalitionBid { lead_agent: did(2), ..signed };
    assert!(
        matches!(refused(follower), Error::OtherSigner { .. }),
        "sent by another than the lead"
    );
}

#[test]
fn coalition_bids_that_cannot_be_are_refused() {
    fn refused(change: impl Fn(&mut CoalitionBid)) -> &'static str {
        let mut body = coalition_bid();
        change(&mut body);
        match draft(body).finish().map(|_| ()).expect_err("to be refused") {
            Error::Field { field, .. } => field,
            other => unreachable!("{other}"),
        }
    }
    assert_eq!(refused(|body| body.members.clear()), "members");
    assert_eq!(refused(|body| body.members = vec![member(1, 0, 1); 65]), "members");
    let backups = refused(|body| body.failure_handling.backup_agents = vec![member(3, 0, 1); 65]);
    assert_eq!(backups, "failure_handling.backup_agents");
    let clauses = refused(|body| {
        let clause = body.failure_handling.penalty_clauses[0];
        body.failure_handling.penalty_clauses = vec![clause; 17];
    });
    assert_eq!(clauses, "failure_handling.penalty_clauses");
    let penalty = refused(|body| {
        body.failure_handling.penalty_clauses[0].penalty = Ppm(1_000_001);
    });
    assert_eq!(penalty, "failure_handling.penalty_clauses.penalty");
    let slow = DurationMs(INTEGER_MAX + 1);
    let duration = |body: &mut CoalitionBid| body.members[1].estimated_duration_ms = slow;
    assert_eq!(refused(duration), "estimated_duration_ms");
    let completion = refused(|body| body.execution_plan.estimated_completion_ms = slow);
    assert_eq!(completion, "execution_plan.estimated_completion_ms");
    for stages in [vec![vec![0]], vec![vec![0], vec![], vec![1]], vec![vec![0, 1, 1]]] {
        let field = refused(|body| body.execution_plan.parallel_stages = stages.clone());
        assert_eq!(field, "execution_plan.parallel_stages");
    }
    let shares = refused(|body| body.profit_sharing.member_shares.truncate(1));
    assert_eq!(shares, "profit_sharing.member_shares");
    assert_eq!(refused(|body| body.lead_agent = did(3)), "lead_agent");
    assert_eq!(refused(|body| body.consents.truncate(2)), "consents");
    assert_eq!(refused(|body| body.consents.reverse()), "consents");
    assert_eq!(refused(|body| body.consents[2] = unsigned(4)), "consents");
    assert_eq!(refused(|body| body.confidence = Ppm(1_000_001)), "confidence");
    assert_eq!(refused(|body| body.valid_until = CREATED), "valid_until");
    let shape = |change: fn(&mut Value)| {
        let mut value: Value =
            serde_json::from_slice(&bytes(&envelope(coalition_bid()))).expect("JSON");
        change(&mut value);
        let changed = to_canonical_json(&value).expect("JSON");
        let error = Envelope::<CoalitionBid>::from_json(&changed).expect_err("to be refused");
        matches!(error, Error::Shape(_))
    };
    assert!(
        shape(|value| value["body"]["members"][0]["x-a"] = json!(1)),
        "inner objects are closed"
    );
    assert!(shape(|value| {
        value["body"]["profit_sharing"]["distribution_method"] = json!("by-seniority");
    }));
}
