//! Negotiations as the node shows them.
use ainur_api::view::{AwardRow, NegotiationTurn, NegotiationView};
use ainur_broker::event::SignedThread;
use ainur_broker::task::{AwardBasis, NegotiatedDeal, Task};
use ainur_market::negotiation::{NegotiationAct, NegotiationProposal};

use crate::node::Node;

impl Node {
    /// What was said in a task's last negotiations.
    pub(crate) fn negotiation_views(&self, task: &Task) -> Vec<NegotiationView> {
        let awarded = |signed: &SignedThread| {
            task.attempts.iter().any(|attempt| {
                matches!(&attempt.basis, AwardBasis::Negotiated(deal) if deal.thread == *signed)
            })
        };
        let shown = |signed: &SignedThread| self.negotiation_view(signed, awarded(signed));
        task.threads.iter().filter_map(shown).collect()
    }

    fn negotiation_view(&self, signed: &SignedThread, awarded: bool) -> Option<NegotiationView> {
        // The task has replayed it before, so it can be replayed.
        let session = signed.thread.replay().ok()?;
        let seller = signed.thread.rules.seller;
        let mut proposals = session.proposals().iter();
        let mut table: Option<&NegotiationProposal> = None;
        let mut messages = Vec::with_capacity(session.messages().len());
        for message in session.messages() {
            if let NegotiationAct::Propose(_) | NegotiationAct::Counter(_) = &message.act {
                table = proposals.next();
            }
            messages.push(NegotiationTurn {
                round: message.round,
                from: message.from,
                act: message.act.kind(),
                price: table.map(|proposal| proposal.price),
                timeline_ms: table.map(|proposal| proposal.timeline_ms),
                quality_level: table.map(|proposal| proposal.quality_level),
            });
        }
        Some(NegotiationView {
            seller,
            seller_name: self.name_of(seller),
            rounds: session.round(),
            agreed: session.agreed().map(|terms| terms.agreed.price),
            awarded,
            messages,
            thread: session.thread(),
        })
    }

    /// Why a seller was awarded that was negotiated with.
    pub(crate) fn negotiated_row(&self, attempt: u32, deal: &NegotiatedDeal) -> AwardRow {
        let NegotiatedDeal { thread, terms, .. } = deal;
        let said = thread.thread.messages.len();
        let price = terms.agreed.price;
        AwardRow {
            attempt,
            winner: terms.seller,
            winner_name: self.name_of(terms.seller),
            bid: price,
            payment: price,
            runner_up: None,
            why: format!(
                "They agreed to {} AINU after {said} messages; thread {}.",
                price.to_ainu(),
                terms.thread.short()
            ),
        }
    }
}
