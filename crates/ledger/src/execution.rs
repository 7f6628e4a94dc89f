//! Making blocks of submitted transactions, and checking blocks by making them again.
//!
//! A transaction is either taken in or rejected. One that is taken in pays its fee and uses its
//! nonce whatever happens; its action then happens wholly or not at all.
use alloc::vec::Vec;
use core::ops::Range;

use ainur_crypto::merkle::{leaf_hash, root};
use ainur_crypto::{RootSignature, Verifier};
use ainur_primitives::{Digest, Timestamp};
use scale::Encode;

use crate::block::{BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX, Block, Header};
use crate::error::{Error, Rejection, TransactionError};
use crate::event::EventRecord;
use crate::parameters::Parameters;
use crate::state::{Changes, ReadState, key, read};
use crate::transaction::{AuthorizedTransaction, Submission};
use crate::tree::StateTree;

mod admission;
mod context;
mod dispatch;
mod signatures;
mod sweep;

pub(crate) use context::Context;
pub use signatures::Signatures;

use signatures::SignaturePool;
pub use sweep::REMOVALS_PER_BLOCK_MAX;

/// A block and everything it did.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The block.
    pub block: Block,
    /// What became of each transaction handed in, in that order, by its digest.
    pub outcomes: Vec<(Digest, Outcome)>,
    /// What happened, in order.
    pub events: Vec<EventRecord>,
    /// What changed in the state, ascending by key.
    pub changes: Changes,
    pub(crate) tree: StateTree,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it asked for.
    Applied {
        /// Which events of the block are its own.
        events: Range<u32>,
    },
    /// It paid its fee and did nothing else; one event of the block says so.
    Failed {
        /// Why.
        error: TransactionError,
        /// Which event.
        event: u32,
    },
    /// It is not in the block.
    Rejected(Rejection),
}

/// Room kept in a block for the signatures of one more transaction: those of as many sellers as one
/// agreement can bind.
const SIGNATURES_BYTES_RESERVED: usize = 320 << 10;

/// The governed parameters of a state.
pub(crate) fn parameters(state: &(impl ReadState + ?Sized)) -> Parameters {
    read(state, &key::parameters()).expect("genesis wrote the parameters")
}

/// Makes the next block of what was submitted.
pub(crate) fn execute(
    state: &dyn ReadState,
    tree: &StateTree,
    parent: &Header,
    timestamp: Timestamp,
    submissions: &[Submission],
    verifier: &dyn Verifier,
) -> Result<Executed, Error> {
    let offered = submissions.iter().flat_map(|submission| &submission.signatures);
    let pool = SignaturePool::new(Signatures::Check(verifier), offered);
    let parameters = parameters(state);
    let mut context = begin(state, &parameters, parent, timestamp, pool)?;
    let mut transactions: Vec<AuthorizedTransaction> = Vec::new();
    let mut digests = Vec::new();
    let mut outcomes = Vec::new();
    let mut bytes = 0;
    for authorized in submissions.iter().flat_map(|submission| &submission.transactions) {
        let digest = authorized.transaction.digest();
        let size = authorized.encoded_size();
        let filled = bytes + context.signatures.used_bytes() + size + SIGNATURES_BYTES_RESERVED;
        let full = filled > BLOCK_BYTES_MAX || transactions.len() >= BLOCK_TRANSACTIONS_MAX;
        let outcome = if full {
            Outcome::Rejected(Rejection::BlockFull)
        } else {
            dispatch::take_in(&mut context, authorized, digest, size)
        };
        if !matches!(outcome, Outcome::Rejected(_)) {
            bytes += size;
            transactions.push(authorized.clone());
            digests.push(digest);
        }
        outcomes.push((digest, outcome));
    }
    Ok(finish(context, (tree, parent), (transactions, &digests), outcomes))
}

/// Makes a block again and compares.
pub(crate) fn replay(
    state: &dyn ReadState,
    tree: &StateTree,
    parent: &Header,
    block: &Block,
    signatures: Signatures<'_>,
) -> Result<Executed, Error> {
    let stated = &block.header;
    let follows = stated.chain_id == parent.chain_id
        && stated.height == parent.height.next()
        && stated.parent == parent.digest();
    if !follows {
        return Err(Error::DoesNotFollow { head: parent.height, found: stated.height });
    }
    if block.transactions.len() > BLOCK_TRANSACTIONS_MAX || block.encoded_size() > BLOCK_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    let pool = SignaturePool::new(signatures, &block.signatures);
    let parameters = parameters(state);
    let mut context = begin(state, &parameters, parent, stated.timestamp, pool)?;
    let mut outcomes = Vec::with_capacity(block.transactions.len());
    let mut digests = Vec::with_capacity(block.transactions.len());
    for (index, authorized) in block.transactions.iter().enumerate() {
        let digest = authorized.transaction.digest();
        let size = authorized.encoded_size();
        match dispatch::take_in(&mut context, authorized, digest, size) {
            Outcome::Rejected(rejection) => return Err(Error::Inadmissible { index, rejection }),
            outcome => outcomes.push((digest, outcome)),
        }
        digests.push(digest);
    }
    let executed =
        finish(context, (tree, parent), (block.transactions.clone(), &digests), outcomes);
    compare(&executed.block, block)?;
    Ok(executed)
}

fn begin<'a>(
    state: &'a dyn ReadState,
    parameters: &'a Parameters,
    parent: &Header,
    timestamp: Timestamp,
    signatures: SignaturePool<'a>,
) -> Result<Context<'a>, Error> {
    if timestamp < parent.timestamp {
        return Err(Error::TimeWentBack { parent: parent.timestamp, found: timestamp });
    }
    let mut context = Context::new(state, parameters, parent, timestamp, signatures);
    sweep::remove_due(&mut context);
    Ok(context)
}

fn finish(
    context: Context<'_>,
    (tree, parent): (&StateTree, &Header),
    (transactions, digests): (Vec<AuthorizedTransaction>, &[Digest]),
    outcomes: Vec<(Digest, Outcome)>,
) -> Executed {
    #[cfg(debug_assertions)]
    if let Err(violation) = crate::invariants::check(&context.state) {
        unreachable!("block {} breaks an invariant: {violation}", context.height);
    }
    let (height, timestamp) = (context.height, context.now);
    let (state, events, signatures) = context.into_parts();
    let changes = state.into_changes();
    let mut tree = tree.clone();
    let leaves: Vec<Digest> = digests.iter().map(|digest| leaf_hash(&digest.0)).collect();
    let event_leaves: Vec<Digest> = events.iter().map(EventRecord::leaf).collect();
    let header = Header {
        chain_id: parent.chain_id,
        height,
        parent: parent.digest(),
        timestamp,
        transactions_root: root(&leaves),
        events_root: root(&event_leaves),
        state_root: tree.update(&changes),
    };
    let signatures: Vec<RootSignature> = signatures.into_used();
    let block = Block { header, transactions, signatures };
    Executed { block, outcomes, events, changes, tree }
}

fn compare(computed: &Block, stated: &Block) -> Result<(), Error> {
    let (ours, theirs) = (&computed.header, &stated.header);
    for (root, computed, stated) in [
        ("transactions root", ours.transactions_root, theirs.transactions_root),
        ("events root", ours.events_root, theirs.events_root),
        ("state root", ours.state_root, theirs.state_root),
    ] {
        if computed != stated {
            return Err(Error::RootDiffers { root, stated, computed });
        }
    }
    if computed.signatures == stated.signatures { Ok(()) } else { Err(Error::SignaturesDiffer) }
}
