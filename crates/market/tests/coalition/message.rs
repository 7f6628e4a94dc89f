//! A coalition's agreement as it travels: everybody in it signs its terms, the buyer makes the same
//! terms of the message, and the lead's sealed bid is the one that follows from them.
use ainur_crypto::{HybridVerifier, Proof, SigningKey};
use ainur_market::auction::commitment;
use ainur_market::coalition::{
    CoalitionMember, CoalitionTerms, ExecutionPlan, FailureHandling, ProfitSharing,
};
use ainur_primitives::{
    Amount, ConversationId, Did, Digest, DurationMs, MessageId, Ppm, QualityLevel, Timestamp,
};
use ainur_protocol::{
    CoalitionBid, CoalitionFailure, CoalitionPlan, Draft, Envelope, Extensions, MemberBid,
    MemberShares, Recipients,
};

use crate::world::{did, five, five_graph, limits};

const CREATED: Timestamp = Timestamp(1_795_254_600_000);

fn key(agent: u8) -> SigningKey {
    SigningKey::from_seed(&[agent; 32]).expect("a key")
}

fn said(member: &CoalitionMember) -> MemberBid {
    let CoalitionMember { agent, card, capability, subtask, bid, estimated_duration_ms, bond } =
        member.clone();
    MemberBid {
        agent,
        allocated_subtask: subtask,
        bid_amount: bid,
        bond,
        capability,
        card,
        estimated_duration_ms,
    }
}

fn heard(member: &MemberBid) -> CoalitionMember {
    let member = member.clone();
    CoalitionMember {
        agent: member.agent,
        card: member.card,
        capability: member.capability,
        subtask: member.allocated_subtask,
        bid: member.bid_amount,
        estimated_duration_ms: member.estimated_duration_ms,
        bond: member.bond,
    }
}

fn message(terms: &CoalitionTerms) -> CoalitionBid {
    let digest = terms.digest();
    let consents = (1..=8).map(|agent| Proof::sign(&key(agent), did(agent), 0, digest)).collect();
    CoalitionBid {
        bid_bond: Amount(3),
        bundles: Vec::new(),
        coalition_id: terms.id,
        confidence: Ppm(900_000),
        consents,
        execution_plan: CoalitionPlan {
            estimated_completion_ms: terms.plan.estimated_completion_ms,
            parallel_stages: terms.plan.stages.clone(),
            task_graph: terms.plan.graph,
        },
        failure_handling: CoalitionFailure {
            backup_agents: terms.failure.backups.iter().map(said).collect(),
            insurance_pool: terms.failure.insurance_pool,
            penalty_clauses: terms.failure.penalty_clauses.clone(),
        },
        lead_agent: terms.lead,
        members: terms.members.iter().map(said).collect(),
        profit_sharing: MemberShares {
            distribution_method: terms.sharing.method,
            member_shares: terms.sharing.member_shares.clone(),
            surplus_weights: terms.sharing.surplus_weights.clone(),
        },
        quality_level: QualityLevel::Standard,
        salt: Digest([5; 32]),
        task: terms.task,
        terms: digest,
        total_bid: terms.total,
        valid_until: terms.valid_until,
        extensions: Extensions::default(),
    }
}

fn terms_in(message: &CoalitionBid) -> CoalitionTerms {
    CoalitionTerms {
        id: message.coalition_id,
        task: message.task,
        lead: message.lead_agent,
        members: message.members.iter().map(heard).collect(),
        total: message.total_bid,
        plan: ExecutionPlan {
            graph: message.execution_plan.task_graph,
            stages: message.execution_plan.parallel_stages.clone(),
            estimated_completion_ms: message.execution_plan.estimated_completion_ms,
        },
        sharing: ProfitSharing {
            method: message.profit_sharing.distribution_method,
            member_shares: message.profit_sharing.member_shares.clone(),
            surplus_weights: message.profit_sharing.surplus_weights.clone(),
        },
        failure: FailureHandling {
            backups: message.failure_handling.backup_agents.iter().map(heard).collect(),
            insurance_pool: message.failure_handling.insurance_pool,
            penalty_clauses: message.failure_handling.penalty_clauses.clone(),
        },
        valid_until: message.valid_until,
    }
}

#[test]
fn the_buyer_finds_in_the_message_what_everybody_signed_and_what_was_committed() {
    let terms = CoalitionTerms { valid_until: CREATED.plus(DurationMs::seconds(60)), ..five() };
    let sealed = terms.bid(Amount(3), Ppm(900_000), QualityLevel::Standard);
    let committed = commitment(&sealed, &[5; 32]);

    let draft = Draft {
        conversation_id: ConversationId(Digest([9; 32])),
        in_reply_to: Some(MessageId(Digest([10; 32]))),
        from: terms.lead,
        to: Recipients::One(did(99)),
        created: CREATED,
        expires: CREATED.plus(DurationMs::seconds(30)),
        body: message(&terms),
        extensions: Extensions::default(),
    };
    let sent = draft.finish().expect("a good message").to_json().expect("not too large");
    let received = Envelope::<CoalitionBid>::from_json(&sent).expect("our own message");
    let known = |signer: &Did, _: u32| {
        (1..=8).find(|agent| did(*agent) == *signer).map(|agent| key(agent).public())
    };
    received.verify_consents(known, &HybridVerifier).expect("everybody signed");

    let body = received.body();
    let found = terms_in(body);
    assert_eq!(found.digest(), body.terms);
    assert_eq!(found, terms);
    assert_eq!(found.signers(), body.signers());
    assert_eq!(found.validate(&five_graph(), &limits()), Ok(()));
    let opened = found.bid(body.bid_bond, body.confidence, body.quality_level);
    assert_eq!(commitment(&opened, &body.salt.0), committed);

    // A share moved after everybody signed makes other terms than those signed.
    let mut moved = body.clone();
    moved.profit_sharing.member_shares[0] = Amount(35);
    moved.profit_sharing.member_shares[1] = Amount(89);
    let found = terms_in(&moved);
    assert_eq!(found.validate(&five_graph(), &limits()), Ok(()), "it adds up");
    assert_ne!(found.digest(), moved.terms, "but it is not what was signed");
}
