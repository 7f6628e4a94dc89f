//! What the transparency log holds a receipt to: everything it says, and none of its proofs.
//!
//! Proofs speak for themselves and can be given again at any time, with other keys after a rotation
//! or another path through a larger log; what a receipt says must never change. So the log's entry
//! names the digest of the story alone, made when the task ended, and the issuer signs the whole
//! document whenever it is asked for.
use ainur_crypto::hash;
use ainur_market::auction::Transcript;
use ainur_market::negotiation::{NegotiatedTerms, NegotiationMessage, NegotiationThread};
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{Amount, Did, Digest, TaskId, TaskSpec, Timestamp};
use scale::Encode;

use super::{
    AcceptedOutput, AttemptBasis, AttemptEnd, ChunkRecord, JobRecord, LedgerEvent, ReceiptBody,
    RedeemedCredit, RentedUse, StoryChunk, StoryJob, StoryPart,
};

/// Where in the ledger an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
pub struct EventPlace {
    /// The digest of its block's header.
    pub block: Digest,
    /// Its index in the block.
    pub index: u32,
}

/// What a receipt says.
#[derive(Debug, Encode)]
pub struct Story<'a> {
    /// The ledger.
    pub chain_id: Digest,
    /// The task.
    pub task: TaskId,
    /// What was wanted.
    pub specification: &'a TaskSpec,
    /// The salt of the reserve, when the call kept it sealed.
    pub reserve_salt: Option<Digest>,
    /// Who paid.
    pub buyer: Did,
    /// Whose word decided.
    pub verifier: Did,
    /// Who issues the receipt.
    pub issuer: Did,
    /// When the task ended, by the issuer's clock.
    pub issued: Timestamp,
    /// The auction, when one was held, by the digest of its transcript.
    pub transcript: Option<Digest>,
    /// Every award, in order.
    pub attempts: Vec<StoryAttempt>,
    /// The parts of a task graph.
    pub job: Option<StoryJob<'a>>,
    /// The chunks that were accepted and paid.
    pub chunks: Vec<StoryChunk<'a>>,
    /// What was delivered and accepted.
    pub output: Option<AcceptedOutput>,
    /// How the last check ended.
    pub verdict: Option<&'a Verdict>,
    /// What the sellers got.
    pub paid: Amount,
    /// What the buyer got back.
    pub refunded: Amount,
    /// The event that ended it.
    pub settlement: EventPlace,
}

/// An award as the story tells it.
#[derive(Debug, Encode)]
pub struct StoryAttempt {
    /// Who was to work.
    pub seller: Did,
    /// For how much.
    pub price: Amount,
    /// Why.
    pub basis: StoryBasis,
    /// The event that bound them.
    pub agreed: Option<EventPlace>,
    /// What came of it.
    pub end: AttemptEnd<EventPlace>,
}

/// Why a seller and a price, as the story tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode)]
pub enum StoryBasis {
    /// The auction.
    Auction,
    /// A standing offer.
    Offer {
        /// The digest of its terms.
        offer: Digest,
        /// When it was taken.
        matched: Timestamp,
        /// Tasks the buyer had agreed to under it before.
        bought: u32,
    },
    /// A credit.
    Credit(RedeemedCredit),
    /// A negotiation.
    Negotiated {
        /// The digest of all that was said, its end included.
        thread: Digest,
        /// The digest of what was agreed.
        terms: Digest,
    },
    /// A rental.
    Rental(RentedUse),
}

impl StoryBasis {
    /// A negotiation, by what was said and what was agreed.
    pub fn negotiated(thread: &NegotiationThread, terms: &NegotiatedTerms) -> Self {
        let rules = || thread.rules.id().0;
        let last = thread.messages.last().map_or_else(rules, NegotiationMessage::digest);
        Self::Negotiated { thread: last, terms: terms.digest() }
    }
}

impl AttemptBasis {
    /// As the story tells it.
    pub fn told(&self) -> StoryBasis {
        match self {
            Self::Auction => StoryBasis::Auction,
            Self::Offer(taken) => StoryBasis::Offer {
                offer: taken.offer.digest(),
                matched: taken.matched,
                bought: taken.bought,
            },
            Self::Credit(redeemed) => StoryBasis::Credit(*redeemed),
            Self::Rental(rented) => StoryBasis::Rental(*rented),
            Self::Negotiated(agreement) => {
                StoryBasis::negotiated(&agreement.thread, &agreement.terms)
            }
        }
    }
}

impl Story<'_> {
    /// The digest that the log's entry names.
    pub fn digest(&self) -> Digest {
        hash::tagged("ainur/receipt-story/v4", &[&self.encode()])
    }

    /// True when all of the work was accepted and paid.
    pub fn is_settled(&self) -> bool {
        match &self.job {
            Some(job) => job.parts.iter().all(StoryPart::is_settled),
            None => self.attempts.last().is_some_and(|last| last.end == AttemptEnd::Settled),
        }
    }
}

impl LedgerEvent {
    /// Where it is.
    pub fn place(&self) -> EventPlace {
        EventPlace { block: self.proof.header.digest(), index: self.proof.record.index }
    }
}

impl ReceiptBody {
    /// What it says.
    pub fn story(&self) -> Story<'_> {
        let attempts = self.attempts.iter().map(|attempt| StoryAttempt {
            seller: attempt.seller,
            price: attempt.price,
            basis: attempt.basis.told(),
            agreed: attempt.agreed.as_ref().map(LedgerEvent::place),
            end: attempt.end.clone().map(|event| event.place()),
        });
        Story {
            chain_id: self.chain_id,
            task: self.task,
            specification: &self.specification,
            reserve_salt: self.reserve_salt,
            buyer: self.buyer,
            verifier: self.verifier,
            issuer: self.issuer,
            issued: self.issued,
            transcript: self.transcript.as_ref().map(Transcript::digest),
            attempts: attempts.collect(),
            job: self.job.as_deref().map(JobRecord::told),
            chunks: self.chunks.iter().map(ChunkRecord::told).collect(),
            output: self.output,
            verdict: self.verdict.as_ref(),
            paid: self.paid,
            refunded: self.refunded,
            settlement: self.settlement.place(),
        }
    }
}
