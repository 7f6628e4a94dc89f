//! What can happen to a task. Every event is durable before anything follows from it.
use ainur_crypto::batch::{BatchProof, RootSignature};
use ainur_ledger::escrow::ServiceTerms;
use ainur_ledger::exchange::CreditClassId;
use ainur_market::auction::{AuctionTerms, CommitTerms, Reveal};
use ainur_market::negotiation::{NegotiatedTerms, NegotiationThread, NegotiationWish};
use ainur_market::offer::OfferTerms;
use ainur_market::pricing::RentalTerms;
use ainur_primitives::acceptance::Verdict;
use ainur_primitives::{
    Amount, ContentId, ConversationId, Did, Digest, FailureReason, Ppm, QualityLevel, TaskId,
    TaskSpec, Timestamp, Venue,
};
use scale::{Decode, Encode};

use crate::task::TaskTrace;
use crate::task::graph::{GraphDecision, PartAward, PartOf, PartOutcome};

/// One line of the journal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[expect(clippy::large_enum_variant, reason = "an entry is written once and then dropped")]
pub enum JournalEntry {
    /// Something happened to a task.
    Task(Record),
    /// A signature that proofs in later entries refer to by its root.
    Signature(RootSignature),
    /// Something happened to a standing offer.
    Offer(OfferEvent),
    /// Something happened to the terms of a rental.
    Rental(RentalEvent),
}

/// Something that happened to the terms of a rental.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum RentalEvent {
    /// It can be rented.
    Published(Box<SignedRental>),
    /// It cannot be rented any more.
    Withdrawn(Digest),
}

/// The terms of a rental with the seller's signature, whose root is in the journal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedRental {
    /// What is rented out.
    pub terms: RentalTerms,
    /// The seller's signature over it.
    pub proof: BatchProof,
}

/// Something that happened to a standing offer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub enum OfferEvent {
    /// It can be taken.
    Published(Box<SignedOffer>),
    /// It cannot be taken any more. Tasks under way go on.
    Withdrawn(Digest),
}

/// A standing offer with its seller's signature, whose root is in the journal.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedOffer {
    /// The offer.
    pub terms: OfferTerms,
    /// The seller's signature over it.
    pub proof: BatchProof,
    /// The message in which a seller that keeps its own key made it, stored as a blob.
    pub message: Option<ContentId>,
}

/// Something that happened to a task, and when.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Record {
    /// The task's number on this node.
    pub task: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

/// Something that happened to a task.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[expect(clippy::large_enum_variant, reason = "an event is applied once and then dropped")]
pub enum Event {
    /// The call for proposals went out.
    Announced(Box<Announcement>),
    /// A bidder sealed a bid.
    Committed {
        /// What it signed.
        commit: CommitTerms,
        /// The bidder's signature over it.
        proof: BatchProof,
        /// The ledger's estimate for it at this moment.
        failure_probability: Ppm,
        /// The opening, for agents whose keys this node keeps; used only once commitments close.
        /// Those who keep their keys open their bids themselves.
        custody: Option<SignedReveal>,
        /// The message in which such a bidder said so, stored as a blob.
        message: Option<ContentId>,
    },
    /// An invited agent does not bid: why.
    Passed {
        /// Who.
        bidder: Did,
        /// One line; empty when it gave no reason.
        detail: String,
    },
    /// No more commitments.
    CommitmentsClosed,
    /// The bid in custody was opened.
    Opened {
        /// Whose.
        bidder: Did,
    },
    /// A winner was found by replaying the transcript.
    Awarded {
        /// From 1.
        attempt: u32,
        /// The winner.
        seller: Did,
        /// What it is paid when its work is accepted.
        payment: Amount,
        /// Ends ties; drawn when the auction closed.
        beacon: Digest,
    },
    /// A standing offer that fits was taken.
    OfferTaken {
        /// From 1.
        attempt: u32,
        /// What the seller is paid when its work is accepted.
        price: Amount,
        /// The offer, and what its price follows from.
        offer: Box<OfferTake>,
    },
    /// Sellers were found for every part of a task graph.
    GraphAwarded(Box<GraphDecision>),
    /// A part of a task graph has all it needs; its seller was bound with the whole.
    PartBegun {
        /// Who works, for how much.
        award: PartAward,
        /// Where the ledger bound it.
        agreed_at: LedgerPosition,
    },
    /// Another is to do the part.
    PartReawarded(PartAward),
    /// Nobody who bid on the whole can do the part any more: it is called for again, alone.
    PartCalled {
        /// The auction.
        terms: Box<AuctionTerms>,
        /// Agents that are asked.
        invited: Vec<Did>,
    },
    /// A part of the task has ended.
    PartEnded(Box<PartOutcome>),
    /// Every part was accepted, and the ledger has closed the escrow with the last payment.
    GraphSettled {
        /// Where.
        position: LedgerPosition,
        /// What the parts that nobody needs delivered, one after another.
        output: ContentId,
        /// Its length.
        bytes: u64,
    },
    /// The ledger paid a chunk of the work; the next one begins.
    ChunkPaid {
        /// Which, from zero.
        chunk: u16,
        /// Where.
        position: LedgerPosition,
        /// What its seller got.
        paid: Amount,
    },
    /// Every chunk was paid, and the ledger has closed the escrow with the last payment.
    ChunksSettled {
        /// Where.
        position: LedgerPosition,
        /// What was delivered, chunk after chunk.
        output: ContentId,
        /// Its length.
        bytes: u64,
    },
    /// Something was said in a negotiation with a buyer outside.
    Said {
        /// Each message in canonical form, in order.
        messages: Vec<Vec<u8>>,
    },
    /// The agents were negotiated with, and the best agreement is awarded.
    Negotiated {
        /// Each negotiation to its end, ascending by seller; none when the one agent that a buyer
        /// outside speaks with did not negotiate.
        threads: Vec<SignedThread>,
        /// The best agreement for the buyer, when there was any.
        award: Option<Box<NegotiatedAward>>,
        /// What was said last with a buyer outside, as in [`Event::Said`].
        spoken: Vec<Vec<u8>>,
    },
    /// No offer is left that fits, or the seller that was agreed with is out: the call for
    /// proposals goes out (again).
    Called(Box<AuctionTerms>),
    /// Nobody can win (any more).
    NoAward {
        /// Why.
        detail: String,
    },
    /// The ledger locked the money.
    AgreementApplied(LedgerPosition),
    /// The ledger refused the agreement.
    AgreementRefused {
        /// Another bidder may still do.
        because_of_seller: bool,
        /// Why.
        detail: String,
    },
    /// Work that must not be done twice is about to begin.
    Begun,
    /// A chunk of output is stored.
    ChunkStored(Chunk),
    /// The worker died; another goes on.
    WorkerLost {
        /// It continues after the last stored chunk; otherwise it begins again.
        resumable: bool,
    },
    /// The output is complete.
    Delivered {
        /// All chunks, one after another.
        output: ContentId,
        /// Their length.
        bytes: u64,
    },
    /// The buyer said yes or no.
    Decided {
        /// Yes.
        accept: bool,
        /// Why, one line.
        detail: String,
    },
    /// The check came to its end.
    Checked(Verdict),
    /// The attempt failed.
    AttemptFailed {
        /// Why.
        reason: FailureReason,
        /// One line for people.
        detail: String,
    },
    /// The ledger took note of the failure.
    FailureApplied {
        /// Where.
        position: LedgerPosition,
        /// What it cost the seller.
        slashed: Amount,
    },
    /// The buyer wants no more of it.
    Cancelled,
    /// The ledger paid the seller.
    Settled(LedgerPosition),
    /// The ledger returned everything to the buyer.
    Refunded(LedgerPosition),
    /// The transparency log has the receipt.
    ReceiptLogged {
        /// Entry in the log.
        entry: u64,
    },
    /// A bidder that keeps its own key opened its bid.
    Revealed {
        /// The bid and its salt, with the bidder's signature.
        opened: Box<SignedReveal>,
        /// The message in which it said so, stored as a blob.
        message: ContentId,
    },
    /// The ledger took the bond of a bidder that keeps its own key and did not open its bid.
    BondTaken {
        /// Whose.
        bidder: Did,
        /// How much there was to take.
        amount: Amount,
    },
    /// The bond of a bidder that did not open its bid is not taken.
    BondSpared {
        /// Whose.
        bidder: Did,
        /// Why.
        detail: String,
    },
    /// The buyer pays with a credit it holds.
    CreditTaken(CreditTake),
    /// The task is a use of something the buyer rents.
    RentalTaken(RentalTake),
    /// The ledger paid the seller less than its price, for it was late.
    SettledLate {
        /// Where.
        position: LedgerPosition,
        /// What it paid.
        paid: Amount,
    },
    /// The ledger paid the seller a fee for being cancelled, and returned the rest.
    CancelledFor {
        /// Where.
        position: LedgerPosition,
        /// The fee, and what was paid for accepted chunks before.
        paid: Amount,
    },
}

/// The start of a task.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Announcement {
    /// The task.
    pub id: TaskId,
    /// What is wanted.
    pub spec: TaskSpec,
    /// The digest of what is wanted, as the ledger's agreement names it.
    pub call: Digest,
    /// Who pays.
    pub buyer: Did,
    /// Who runs the check and tells the ledger.
    pub verifier: Did,
    /// The auction.
    pub terms: AuctionTerms,
    /// Agents that offer the capability.
    pub invited: Vec<Did>,
    /// Where the buyer looks for a price.
    pub venue: Venue,
    /// What late work costs its seller.
    pub service: Option<ServiceTerms>,
    /// How the buyer negotiates, when it does.
    pub negotiation: Option<NegotiationWish>,
    /// Who speaks for the buyer in the negotiation, when that is somebody outside.
    pub outside: Option<OutsideBuyer>,
    /// The rental that the buyer wants to use, when it named one.
    pub rental: Option<Digest>,
    /// Bids are taken until the terms' end of committing, even when all who were invited have
    /// answered.
    pub held_open: bool,
    /// The buyer's own key against doing it twice.
    pub idempotency: Option<Idempotency>,
    /// What tasks that belong together have in common.
    pub context: Option<String>,
    /// Its place in a distributed trace, when somebody follows it.
    pub trace: Option<TaskTrace>,
    /// The task it is a part of.
    pub part_of: Option<PartOf>,
}

/// Somebody outside who says what the buyer says in a negotiation, by messages of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OutsideBuyer {
    /// Who.
    pub party: Did,
    /// Where it speaks.
    pub conversation: ConversationId,
    /// Messages are taken until before then.
    pub deadline: Timestamp,
    /// What is agreed can be brought to the ledger until then.
    pub valid_until: Timestamp,
}

/// A standing offer that was taken, and what its price follows from.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct OfferTake {
    /// The offer.
    pub offer: SignedOffer,
    /// When it was taken.
    pub matched: Timestamp,
    /// Tasks the buyer had agreed to under it before.
    pub bought: u32,
}

impl OfferTake {
    /// What the task costs.
    pub fn price(&self) -> Amount {
        self.offer.terms.pricing.price(self.bought, self.matched)
    }
}

/// A credit a task is paid with, and who owes the work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct CreditTake {
    /// The class of the credit.
    pub class: CreditClassId,
    /// The quality that the class is of.
    pub quality: QualityLevel,
    /// What the buyer gets when the work fails.
    pub collateral: Amount,
    /// Who has owed work of the class for longest, and can do this.
    pub issuer: Did,
    /// Who decides a dispute, when the ledger has a validator that is no party.
    pub verifier: Option<Did>,
}

/// A rental that a task is a use of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct RentalTake {
    /// The digest of its terms.
    pub rental: Digest,
    /// Who rents it out.
    pub seller: Did,
    /// How much of the quota the task takes.
    pub units: u64,
}

/// A negotiation that has ended, with the signature of each message by whose it is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedThread {
    /// The rules and everything said.
    pub thread: NegotiationThread,
    /// The signatures over the messages, in their order; their roots are in the journal.
    pub proofs: Vec<BatchProof>,
    /// The ledger's estimate for the seller when it was negotiated with.
    pub failure_probability: Ppm,
}

/// The agreement that is awarded.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct NegotiatedAward {
    /// From 1.
    pub attempt: u32,
    /// What was agreed.
    pub terms: NegotiatedTerms,
    /// The seller's signature over it, made after both had agreed.
    pub proof: BatchProof,
}

/// What makes a request one that may be repeated.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Idempotency {
    /// The buyer's own key: it never makes two tasks.
    pub key: String,
    /// The digest of what the buyer sent, before anything was filled in: defaults and what is on
    /// offer may be others when it is sent again.
    pub request: Digest,
}

/// A bid as it will be opened, with its bidder's signature.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct SignedReveal {
    /// The bid and its salt.
    pub reveal: Reveal,
    /// The bidder's signature over the bid's terms.
    pub proof: BatchProof,
}

/// Where in the ledger something happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct LedgerPosition {
    /// Block.
    pub height: u64,
    /// Event within the block.
    pub index: u32,
    /// The digest of the block's header.
    pub block: Digest,
}

impl LedgerPosition {
    /// It happened, but a crash hid where.
    pub const UNKNOWN: Self = Self { height: 0, index: 0, block: Digest::ZERO };
}

/// A stored piece of output.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Chunk {
    /// From 0.
    pub index: u32,
    /// Its bytes' address.
    pub content: ContentId,
    /// Its length.
    pub bytes: u32,
    /// The bytes themselves, when they are few.
    pub inline: Option<Vec<u8>>,
}
