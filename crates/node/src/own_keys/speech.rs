//! What the holder of a key says to a node: a standing offer and its end, a sealed bid and its
//! opening. For the command line; the node only listens.
use ainur_api::problem::{Code, Problem};
use ainur_broker::aacl::{
    offer_conversation, offer_terms, written_bid, written_commit, written_offer,
};
use ainur_crypto::{Proof, entropy};
use ainur_market::auction::{BidTerms, CommitTerms, commitment};
use ainur_market::offer::OfferTerms;
use ainur_market::payment::PaymentTerms;
use ainur_primitives::{
    Amount, ConversationId, Did, Digest, DurationMs, MessageId, Ppm, QualityLevel, Timestamp,
};
use ainur_protocol::limits::LIFETIME_MS_MAX;
use ainur_protocol::{
    Body, Call, Draft, Envelope, Extensions, Recipients, StandingOffer, Withdraw,
};
use serde::{Deserialize, Serialize};

use crate::keys::KeyPair;
use crate::problem::with_causes;

/// How long what is said here is delivered.
const SPOKEN_MS: DurationMs = DurationMs::seconds(300);

/// What a bidder asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BidAsk {
    /// The card whose contract it will fulfil.
    pub card: Digest,
    /// For accepted work.
    pub price: Amount,
    /// How long it expects to take; half of what it may when absent.
    pub estimated_duration_ms: Option<DurationMs>,
    /// The quality it offers.
    pub quality_level: QualityLevel,
}

/// What opens a sealed bid: a secret until commitments are closed, and what its bond hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BidOpening {
    /// To whom it is opened.
    pub operator: Did,
    /// The conversation about the task.
    pub conversation: ConversationId,
    /// The message that sealed it.
    pub sealing: MessageId,
    /// The bid.
    pub terms: BidTerms,
    /// The 32 random bytes it was sealed with.
    pub salt: Digest,
    /// It is opened from then…
    pub from: Timestamp,
    /// …until before then.
    pub until: Timestamp,
}

/// An offer as a message, with the consent that binds on the ledger.
///
/// # Errors
/// When a field of the offer cannot be said.
pub fn say_offer(keys: &KeyPair, terms: &OfferTerms) -> Result<String, Problem> {
    let topic = terms.capabilities.first().map(|name| format!("topic:offer/{name}"));
    let topic = topic.unwrap_or_default().parse().map_err(|error| unfit(&error))?;
    let consent = Proof::sign(&keys.signing, keys.did(), 0, terms.digest());
    let now = crate::now();
    said(
        keys,
        Draft {
            conversation_id: offer_conversation(&terms.digest()),
            in_reply_to: None,
            from: keys.did(),
            to: Recipients::Topic(topic),
            created: now,
            expires: terms.valid_until.min(now.plus(LIFETIME_MS_MAX)),
            body: written_offer(terms, consent),
            extensions: Extensions::default(),
        },
    )
    .map(|(message, _)| message)
}

/// The end of an offer, in reply to the message in which it was made.
///
/// # Errors
/// When that is no offer of these keys.
pub fn say_withdraw(keys: &KeyPair, operator: Did, offer: &str) -> Result<String, Problem> {
    let offer: Envelope<StandingOffer> = read(offer)?;
    if offer.header().from != keys.did() {
        return Err(Problem::new(Code::InvalidRequest, "the offer is of another seller")
            .next("name the key that made it"));
    }
    let body = Withdraw { offer: offer.body().offer, extensions: Extensions::default() };
    reply(keys, operator, (offer.header().conversation_id, offer.id()), body)
        .map(|(message, _)| message)
}

/// The terms of an offer that was made in a message.
///
/// # Errors
/// When it is no offer.
pub fn offered_terms(offer: &str) -> Result<OfferTerms, Problem> {
    Ok(offer_terms(read::<StandingOffer>(offer)?.body()))
}

/// What a call is for, when it is one: its task.
pub fn called_task(call: &str) -> Option<ainur_primitives::TaskId> {
    read::<Call>(call).ok().map(|call| call.body().task)
}

/// A sealed bid in reply to a call, and what opens it.
///
/// # Errors
/// When the call is none, cannot be answered by this bid, or the system gives no random numbers.
pub fn say_commit(
    keys: &KeyPair,
    call: &str,
    ask: BidAsk,
) -> Result<(String, BidOpening), Problem> {
    let call: Envelope<Call> = read(call)?;
    let (operator, body) = (call.header().from, call.body());
    let invalid = |why: String| Problem::new(Code::InvalidRequest, why).next("bid otherwise");
    let longest = body.constraints.duration_ms_max;
    let spec = body.specification.task_spec();
    let spec = spec.ok_or_else(|| invalid("the call does not say its reserve".into()))?;
    if ask.price > spec.reserve {
        return Err(invalid(format!("the buyer pays {} AINU at most", spec.reserve.to_ainu())));
    }
    let duration = ask.estimated_duration_ms.unwrap_or(DurationMs(longest.0 / 2));
    if duration > longest {
        return Err(invalid(format!("the work may take {longest} at most")));
    }
    let salt = entropy::random_bytes::<32>()
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let terms = BidTerms {
        task: body.task,
        bidder: keys.did(),
        price: ask.price,
        bid_bond: body.bid_bond,
        estimated_duration_ms: duration,
        confidence: Ppm::ONE,
        quality_level: ask.quality_level,
        card: ask.card,
        valid_until: body.deadline,
        payment: PaymentTerms::of_chunks(&spec.chunks, spec.deadline_ms),
    };
    let commit = CommitTerms {
        task: body.task,
        bidder: keys.did(),
        commitment: commitment(&terms, &salt),
        bid_bond: body.bid_bond,
        reveal_until: body.reveal_until,
    };
    let consent = Proof::sign(&keys.signing, keys.did(), 0, commit.digest());
    let commit = written_commit(&commit, Some(consent));
    let conversation = call.header().conversation_id;
    let (message, sealing) = reply(keys, operator, (conversation, call.id()), commit)?;
    let (from, until) = (body.commit_until, body.reveal_until);
    let opening =
        BidOpening { operator, conversation, sealing, terms, salt: Digest(salt), from, until };
    Ok((message, opening))
}

/// The opening of a sealed bid, with the consent that binds on the ledger.
///
/// # Errors
/// When the keys are another party's, or a field cannot be said.
pub fn say_bid(keys: &KeyPair, opening: &BidOpening) -> Result<String, Problem> {
    let terms = &opening.terms;
    if terms.bidder != keys.did() {
        return Err(Problem::new(Code::InvalidRequest, "the bid was sealed with another key")
            .next("name the key that sealed it"));
    }
    let consent = Proof::sign(&keys.signing, keys.did(), 0, terms.digest());
    let body = written_bid(terms, opening.salt, Some(consent));
    reply(keys, opening.operator, (opening.conversation, opening.sealing), body)
        .map(|(message, _)| message)
}

fn reply<B: Body>(
    keys: &KeyPair,
    operator: Did,
    (conversation_id, answered): (ConversationId, MessageId),
    body: B,
) -> Result<(String, MessageId), Problem> {
    let created = crate::now();
    said(
        keys,
        Draft {
            conversation_id,
            in_reply_to: Some(answered),
            from: keys.did(),
            to: Recipients::One(operator),
            created,
            expires: created.plus(SPOKEN_MS),
            body,
            extensions: Extensions::default(),
        },
    )
}

fn said<B: Body>(keys: &KeyPair, draft: Draft<B>) -> Result<(String, MessageId), Problem> {
    let mut envelope = draft.finish().map_err(|error| unfit(&error))?;
    let proof = Proof::sign(&keys.signing, keys.did(), 0, envelope.id().0);
    envelope.attach(proof).map_err(|error| unfit(&error))?;
    let bytes = envelope.to_json().map_err(|error| unfit(&error))?;
    let text = String::from_utf8(bytes);
    let text = text.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    Ok((text, envelope.id()))
}

fn read<B: Body>(text: &str) -> Result<Envelope<B>, Problem> {
    Envelope::from_json(text.as_bytes()).map_err(|error| unfit(&error))
}

fn unfit(error: &ainur_protocol::Error) -> Problem {
    Problem::new(Code::InvalidRequest, with_causes(error)).next("see docs/market/own-keys.md")
}
