//! Who is behind a bundle that won the auction of a task graph, and what each of them is paid.
use alloc::vec::Vec;

use ainur_crypto::hash;
use ainur_primitives::{Amount, Did, TaskId};

use super::sharing::apportion;
use super::terms::CoalitionTerms;
use crate::combinatorial::{Assignment, CombinatorialTerms, CombinatorialTranscript, SubtaskSet};

/// A bundle that won, divided over its subtasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleDivision {
    /// On whose word it is done.
    pub word: BundleWord,
    /// Who does which of its subtasks, ascending by subtask; together with what a coalition's
    /// insurance withholds they are paid the price.
    pub shares: Vec<BundleShare>,
}

/// On whose word a bundle is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleWord {
    /// This coalition's, whose lead bid for it.
    Coalition(u16),
    /// Its bidder's own: which of the bundles it bid for.
    Bidder(u16),
}

/// What one subtask of a bundle is paid, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleShare {
    /// The subtask, by index in the graph.
    pub subtask: u16,
    /// Who does it.
    pub seller: Did,
    /// What it is paid when its work is accepted.
    pub price: Amount,
}

/// Divides what a bundle is paid: a coalition divides as it agreed, a single bidder's is divided by
/// [`bundle_shares`]. `None` for a bundle that its bidder did not offer, or for less than it asked.
pub fn divide<'a>(
    transcript: &CombinatorialTranscript,
    coalitions: impl IntoIterator<Item = &'a CoalitionTerms>,
    won: &Assignment,
) -> Option<BundleDivision> {
    let Assignment { bidder, bundle, payment, .. } = won;
    if let Some((coalition, terms)) = coalition_of(coalitions, won) {
        let terms = terms.at_price(*payment)?;
        let prices = terms.sharing.member_shares.iter().zip(terms.withheld());
        let shares = terms.members.iter().zip(prices).map(|(member, (share, withheld))| {
            let price = share.saturating_sub(withheld);
            BundleShare { subtask: member.subtask, seller: member.agent, price }
        });
        let word = BundleWord::Coalition(coalition);
        return Some(BundleDivision { word, shares: shares.collect() });
    }
    let place = transcript.bid(bidder)?.bundles.iter().position(|own| own == bundle)?;
    let word = BundleWord::Bidder(u16::try_from(place).ok()?);
    let prices = bundle_shares(&transcript.terms, &bundle.subtasks, *payment);
    let shares = bundle.subtasks.indices().zip(prices).map(|(subtask, price)| {
        Some(BundleShare { subtask: u16::try_from(subtask).ok()?, seller: *bidder, price })
    });
    Some(BundleDivision { word, shares: shares.collect::<Option<_>>()? })
}

/// The coalition whose bundle won, and its place: its lead bids for exactly its subtasks at its
/// total.
pub fn coalition_of<'a>(
    coalitions: impl IntoIterator<Item = &'a CoalitionTerms>,
    won: &Assignment,
) -> Option<(u16, &'a CoalitionTerms)> {
    (0..).zip(coalitions).find(|(_, terms)| {
        let own: SubtaskSet =
            terms.members.iter().map(|member| usize::from(member.subtask)).collect();
        terms.lead == won.bidder && own == won.bundle.subtasks && terms.total == won.bundle.price
    })
}

/// The price of a bundle, divided over its subtasks in proportion to their reserves in the call.
pub fn bundle_shares(
    terms: &CombinatorialTerms,
    subtasks: &SubtaskSet,
    price: Amount,
) -> Vec<Amount> {
    let called = subtasks.indices().filter_map(|index| terms.subtasks.get(index));
    let reserves: Vec<u128> = called.map(|subtask| subtask.reserve.0).collect();
    apportion(price, &reserves)
}

/// The name of the task that a subtask of a graph is by itself, as a call for it alone has it.
pub fn part_task_id(whole: TaskId, subtask: u16) -> TaskId {
    TaskId(hash::tagged("ainur/task-part/v1", &[&whole.0.0, &subtask.to_le_bytes()]))
}
