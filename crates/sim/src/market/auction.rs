//! The way by auction: sealed bids, a transcript, a scored second price.
use ainur_crypto::hash::tagged;
use ainur_ledger::escrow::Consent;
use ainur_market::auction::{
    Auction, AuctionTerms, Award, BidTerms, CommitTerms, Transcript, award, commitment,
};
use ainur_market::bond::BondRule;
use ainur_market::strategy::{BidOutcome, BidStrategy, Opportunity, PaymentRule};
use ainur_primitives::{Amount, Did, Digest, DurationMs, Ppm, QualityLevel, SelectionRule, TaskId};

use super::Error;
use super::demand::Wish;
use super::economy::Economy;
use super::report::Route;
use super::seller::{Conduct, Seller};
use super::work::{Engaged, Member, Share};

/// How long a bid can be accepted.
const BID_VALID_MS: DurationMs = DurationMs::seconds(3_600);
const PHASE_MS: DurationMs = DurationMs::seconds(1);
/// Bids and reveals are counted as taking no time of the work's.
const INSTANT_MS: DurationMs = DurationMs(1);

impl Economy<'_> {
    /// Calls for bids and agrees with the winner, if there is one.
    pub(super) fn auction(&mut self, wish: Wish) -> Result<(), Error> {
        let transcript = self.hold_auction(&wish, &[])?;
        let Ok(outcome) = award(&transcript, &[]) else {
            self.tally.unserved();
            return Ok(());
        };
        self.publish(&wish, &outcome);
        self.accept(wish, outcome, transcript);
        Ok(())
    }

    /// Awards a task again after a failure: by its transcript, or by a first auction.
    pub(super) fn award_again(&mut self, task: TaskId) -> Result<bool, Error> {
        let Some(job) = self.jobs.get(&task) else { return Ok(false) };
        let (wish, failed) = (job.wish.clone(), job.failed.clone());
        let transcript = match &job.transcript {
            Some(transcript) => transcript.clone(),
            None => self.hold_auction(&wish, &failed)?,
        };
        let full =
            self.sellers.iter().filter(|seller| seller.done_in_ms(self.now) > wish.duration_ms_max);
        let excluded: Vec<Did> = full.map(|seller| seller.did).chain(failed).collect();
        let Ok(outcome) = award(&transcript, &excluded) else { return Ok(false) };
        self.accept(wish, outcome, transcript);
        Ok(true)
    }

    /// Somebody who takes over a member's part for no more than the member was to be paid.
    pub(super) fn backup(&mut self, task: TaskId, member: &Member) -> Option<Engaged> {
        let failed = &self.jobs.get(&task)?.failed;
        let capability = self.sellers[member.share.seller].capability;
        let own = self.sellers[member.share.seller].cost.0.max(1);
        // A part is so many of the seller's tasks, in thousandths.
        let size = member.share.cost.0.saturating_mul(1_000) / own;
        let cost_of = |seller: &Seller| Amount((seller.cost.0 * size / 1_000).max(1));
        let able = self.sellers.iter().enumerate().filter(|(_, seller)| {
            seller.capability == capability
                && seller.state.free_capacity() > 0
                && !failed.contains(&seller.did)
                && cost_of(seller) <= member.share.price
                && self.settlement.can_bond(&seller.did, member.share.price, self.now)
        });
        let (number, seller) = able.min_by_key(|(_, seller)| seller.cost)?;
        let (cost, duration_ms) = (cost_of(seller), seller.duration_ms);
        let bid = self.bid(number, (task, member.share.price), Amount::ZERO);
        let consent = Consent::Bid { bid, transcript: Digest::ZERO };
        let shares = vec![Share { seller: number, price: member.share.price, cost }];
        Some(Engaged { consent, shares, duration_ms })
    }

    /// What a seller signs when it bids.
    pub(super) fn bid(
        &self,
        number: usize,
        (task, price): (TaskId, Amount),
        bid_bond: Amount,
    ) -> BidTerms {
        let seller = &self.sellers[number];
        BidTerms {
            task,
            bidder: seller.did,
            price,
            bid_bond,
            estimated_duration_ms: seller.done_in_ms(self.now),
            confidence: Ppm(900_000),
            quality_level: QualityLevel::Standard,
            card: seller.card(),
            valid_until: self.now.plus(BID_VALID_MS),
            payment: ainur_market::payment::PaymentTerms::Completion,
        }
    }

    fn accept(&mut self, wish: Wish, outcome: Award, transcript: Transcript) {
        let Some(seller) = self.sellers.iter().position(|seller| seller.did == outcome.winner)
        else {
            return;
        };
        let share = Share { seller, price: outcome.payment, cost: self.sellers[seller].cost };
        let engaged = Engaged {
            consent: Consent::Bid { bid: outcome.bid, transcript: outcome.transcript },
            shares: vec![share],
            duration_ms: self.sellers[seller].done_in_ms(self.now),
        };
        self.agree((wish, Route::Auction), vec![engaged], Some(transcript));
    }

    /// Commit, reveal, close.
    fn hold_auction(&mut self, wish: &Wish, excluded: &[Did]) -> Result<Transcript, Error> {
        let bond = BondRule::default().required(wish.value);
        let commit_until = self.now.plus(PHASE_MS);
        let reveal_until = commit_until.plus(PHASE_MS);
        let mut auction = Auction::open(AuctionTerms {
            task: wish.task,
            reserve: wish.value,
            loss: wish.loss,
            selection: SelectionRule::Scored,
            duration_ms_max: wish.duration_ms_max,
            opened: self.now,
            commit_until,
            reveal_until,
            bid_bond: bond,
            payment: ainur_market::payment::PaymentTerms::Completion,
        })?;
        let mut sealed = Vec::new();
        for (number, price) in self.quotes(wish, excluded) {
            let bid = self.bid(number, (wish.task, price), bond);
            let seller = &self.sellers[number];
            let salt = tagged("ainur/simulated-salt/v1", &[&wish.task.0.0, &seller.did.0.0]).0;
            let commit = CommitTerms {
                task: wish.task,
                bidder: seller.did,
                commitment: commitment(&bid, &salt),
                bid_bond: bond,
                reveal_until,
            };
            let failure = self.settlement.failure_probability(&seller.did, self.now);
            auction.commit(self.now, commit, failure)?;
            sealed.push((bid, salt));
        }
        let revealing = self.now.plus(INSTANT_MS);
        auction.close_commitments(revealing)?;
        for (bid, salt) in sealed {
            auction.reveal(revealing, bid, salt)?;
        }
        Ok(auction.close(revealing, self.beacon(wish.task))?)
    }

    /// What nobody knew while bids were taken.
    pub(super) fn beacon(&self, task: TaskId) -> Digest {
        let root = self.settlement.head().state_root;
        tagged("ainur/simulated-beacon/v1", &[&root.0, &task.0.0])
    }

    /// What every seller that can do it asks.
    fn quotes(&mut self, wish: &Wish, excluded: &[Did]) -> Vec<(usize, Amount)> {
        let now = self.now;
        let able: Vec<usize> = (0..self.sellers.len())
            .filter(|number| {
                let seller = &self.sellers[*number];
                seller.capability == wish.capability
                    && seller.done_in_ms(now) <= wish.duration_ms_max
                    && !excluded.contains(&seller.did)
            })
            .collect();
        let ring = able.iter().copied().filter(|n| self.sellers[*n].conduct == Conduct::Colluder);
        let designated = ring.min_by_key(|number| self.sellers[*number].cost);
        let mut quotes = Vec::new();
        for number in able {
            let outsider = self.sellers[number].conduct != Conduct::Colluder;
            if !outsider && designated != Some(number) {
                continue;
            }
            let Some(price) = self.quote(number, wish) else { continue };
            let did = self.sellers[number].did;
            if price <= wish.value && self.settlement.can_bond(&did, wish.value, self.now) {
                quotes.push((number, price));
            }
        }
        quotes
    }

    pub(super) fn quote(&mut self, number: usize, wish: &Wish) -> Option<Amount> {
        let venue = &self.venues[wish.capability];
        let draw = self.conduct.next();
        let seller = &mut self.sellers[number];
        if !seller.conduct.works() {
            return Some(Amount((seller.cost.0 / 2).max(1)));
        }
        let opportunity = Opportunity {
            task: wish.task,
            capability: &venue.capability,
            cost: seller.cost,
            ceiling: Some(wish.value),
            rule: PaymentRule::SecondPrice,
            competitors: venue.bidders.saturating_sub(1),
            now: self.now,
            draw,
        };
        let price = seller.strategist.quote(&opportunity, &seller.state)?;
        seller.state.asked(&venue.capability, seller.cost, price);
        Some(price)
    }

    /// Everybody sees the transcript: who bid learns which price would just have won.
    fn publish(&mut self, wish: &Wish, outcome: &Award) {
        let eligible = || outcome.ranking.iter().filter(|bid| bid.ineligible.is_none());
        let venue = &mut self.venues[wish.capability];
        venue.decided(eligible().count() as u32, wish.duration_ms_max, outcome.payment);
        let scores: Vec<Amount> = eligible().map(|bid| bid.score).collect();
        self.tally.quoted(Route::Auction, &scores);
        let Some(best) = scores.first() else { return };
        for bid in eligible() {
            let Some(seller) = self.sellers.iter_mut().find(|seller| seller.did == bid.bidder)
            else {
                continue;
            };
            let won = bid.bidder == outcome.winner;
            let tie = best.saturating_sub(bid.expected_loss).min(wish.value);
            seller.strategist.learn(&BidOutcome {
                task: wish.task,
                cost: seller.cost,
                asked: bid.price,
                paid: won.then_some(outcome.payment),
                critical: Some(if won { outcome.payment } else { tie }),
            });
        }
    }
}
