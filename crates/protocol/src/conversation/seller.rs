//! What one seller and the buyer have said to each other so far, and what may follow.
use ainur_primitives::{MessageId, Timestamp};

use super::Spoken;
use crate::envelope::MessageHeader;
use crate::limits::NEGOTIATION_MESSAGES_MAX;

/// A seller: it bids, negotiates, or both.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Seller {
    pub(super) commit: Option<Spoken>,
    pub(super) bid: Option<Spoken>,
    pub(super) thread: Option<Thread>,
    pub(super) answer: Option<Answer>,
}

/// The messages of a negotiation, in order; the buyer's and the seller's in turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Thread {
    pub(super) ids: Vec<MessageId>,
    /// What is answered next: the last proposal, or the seller's word on it.
    pub(super) last: Spoken,
    pub(super) state: ThreadState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThreadState {
    Open,
    Agreed,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Rejected(Timestamp),
    Accepted(Timestamp),
    Withdrawn,
}

/// Who speaks in a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Buyer,
    Seller,
}

impl Seller {
    pub(super) fn may_bid(&self) -> bool {
        self.commit.is_some() && self.bid.is_none() && self.answer.is_none()
    }

    /// Whether the buyer may begin to negotiate: with a bidder who has no answer yet, once.
    pub(super) fn may_be_asked(&self) -> bool {
        self.commit.is_some() && self.thread.is_none() && self.answer.is_none()
    }

    /// Whether this side may propose, when nobody is accepted.
    pub(super) fn may_propose(&self, speaker: Speaker) -> bool {
        let room = |thread: &Thread| thread.ids.len() < NEGOTIATION_MESSAGES_MAX;
        self.is_turn_of(speaker) && self.thread.as_ref().is_some_and(room)
    }

    /// Whether this side may accept what the other said last, when nobody is accepted.
    pub(super) fn may_accept(&self, speaker: Speaker) -> bool {
        if self.is_negotiating() {
            return self.is_turn_of(speaker);
        }
        let open = matches!(self.answer, None | Some(Answer::Rejected(_)));
        speaker == Speaker::Buyer && self.bid.is_some() && open
    }

    /// Whether this side may reject what the other said last.
    pub(super) fn may_reject(&self, speaker: Speaker) -> bool {
        if self.is_negotiating() {
            return self.is_turn_of(speaker);
        }
        let open = matches!(self.answer, None | Some(Answer::Accepted(_)));
        speaker == Speaker::Buyer && open && self.standing().is_some()
    }

    /// The message that is answered next: the negotiation's last, or the bid or commitment when
    /// there is no negotiation or it failed.
    pub(super) fn standing(&self) -> Option<Spoken> {
        let thread = self.thread.as_ref().filter(|thread| thread.state != ThreadState::Failed);
        thread.map(|thread| thread.last).or(self.bid).or(self.commit)
    }

    /// When something was said last.
    pub(super) fn said_last(&self) -> Timestamp {
        let answered = match self.answer {
            Some(Answer::Rejected(at) | Answer::Accepted(at)) => Some(at),
            _ => None,
        };
        let spoken = self.standing().map(|spoken| spoken.created);
        answered.max(spoken).unwrap_or_default()
    }

    /// Adds a proposal to the thread, which it begins when there is none.
    pub(super) fn propose(&mut self, said: Spoken) {
        let thread = self.thread.get_or_insert_with(|| Thread {
            ids: Vec::new(),
            last: said,
            state: ThreadState::Open,
        });
        thread.ids.push(said.id);
        thread.last = said;
    }

    /// Takes an acceptance by this side.
    pub(super) fn accept(&mut self, speaker: Speaker, header: &MessageHeader) {
        if let Some(thread) = self.thread.as_mut().filter(|t| t.state == ThreadState::Open) {
            thread.state = ThreadState::Agreed;
            if speaker == Speaker::Seller {
                thread.last = super::spoken(header);
            }
        }
        self.answer = Some(Answer::Accepted(header.created));
    }

    /// Takes a rejection: of the negotiation while it runs, else of the bid or the agreement. A
    /// bid stands when the negotiation after it fails.
    pub(super) fn reject(&mut self, header: &MessageHeader) {
        if let Some(thread) = self.thread.as_mut().filter(|t| t.state == ThreadState::Open) {
            thread.state = ThreadState::Failed;
            if self.commit.is_some() {
                return;
            }
        }
        self.answer = Some(match self.answer {
            Some(Answer::Accepted(_)) => Answer::Withdrawn,
            _ => Answer::Rejected(header.created),
        });
    }

    fn is_negotiating(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.state == ThreadState::Open)
    }

    fn is_turn_of(&self, speaker: Speaker) -> bool {
        let next = |thread: &Thread| match thread.ids.len() % 2 {
            0 => Speaker::Buyer,
            _ => Speaker::Seller,
        };
        self.is_negotiating() && self.thread.as_ref().is_some_and(|thread| next(thread) == speaker)
    }
}
