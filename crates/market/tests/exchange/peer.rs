//! matchcore 0.4 as a second matcher for the same operations.
//!
//! Where it differs, and how an operation of ours is put to it:
//! - Its marketable limit orders have no limit once the best price crosses: they sweep on through
//!   worse prices (`submit_crossable_order` matches without the limit price). A limit order is
//!   therefore handed over in two: as much as its own book holds within the limit, then the rest,
//!   which cannot cross any more. Immediate-or-cancel orders are the first part alone.
//! - A replacement that would cross is, for the same reason, a cancellation and a new order.
//! - A replaced order keeps its number there; ours gets a new one unless it only shrinks.
//! - It has no owners: self-trade prevention is left out by giving each order its own owner.
//! - Fill-or-kill, post-only, market orders, cancellation, shrinking in place, growing and moving to
//!   another price are its own.
use matchcore::{
    AmendCmd, AmendPatch, CancelCmd, Command, CommandKind, CommandMeta, CommandOutcome,
    CommandReport, LimitOrder, LimitOrderPatch, MarketOrder, NewOrder, OrderBook, OrderFlags,
    OrderId as PeerId, OrderKind as PeerKind, Price, Quantity, QuantityPolicy, SequenceNumber,
    Side as PeerSide, SubmitCmd, TimeInForce, Timestamp,
};

use ainur_market::exchange::{OrderId, OrderKind, Side};
use ainur_primitives::Amount;

/// One trade: number of the resting order (ours), price, quantity.
pub(crate) type Fill = (u64, u64, u64);

/// A number it never gives, for an order of ours that has another name now.
const NOBODY: PeerId = PeerId(u64::MAX);

pub(crate) struct Peer {
    pub(crate) book: OrderBook,
    /// Everything it was told.
    pub(crate) commands: Vec<Command>,
    /// By our number: its number.
    theirs: Vec<PeerId>,
    /// By its number: ours.
    ours: Vec<u64>,
}

fn price_of(amount: Amount) -> Price {
    Price(u64::try_from(amount.0).expect("test prices are small"))
}

fn side_of(side: Side) -> PeerSide {
    match side {
        Side::Buy => PeerSide::Buy,
        Side::Sell => PeerSide::Sell,
    }
}

impl Peer {
    pub(crate) fn new() -> Self {
        let book = OrderBook::new("CREDIT");
        Self { book, commands: Vec::new(), theirs: Vec::new(), ours: Vec::new() }
    }

    /// Executes a command about our order; returns its number and outcome.
    fn execute(&mut self, order: u64, kind: CommandKind) -> CommandOutcome {
        let number = self.commands.len() as u64;
        let meta =
            CommandMeta { sequence_number: SequenceNumber(number), timestamp: Timestamp(number) };
        let command = Command { meta, kind };
        let outcome = self.book.execute(&command);
        self.commands.push(command);
        self.ours.push(order);
        outcome
    }

    fn submit(&mut self, order: u64, submitted: NewOrder, fills: &mut Vec<Fill>) {
        let kind = CommandKind::Submit(SubmitCmd { order: submitted });
        // A rest keeps the number of the part that comes to rest: the last one.
        let id = PeerId(self.commands.len() as u64);
        match self.theirs.get_mut(order as usize) {
            Some(known) => *known = id,
            None => self.theirs.push(id),
        }
        let outcome = self.execute(order, kind);
        self.collect(&outcome, fills);
    }

    fn collect(&self, outcome: &CommandOutcome, fills: &mut Vec<Fill>) {
        let CommandOutcome::Applied(CommandReport::Submit(effects) | CommandReport::Amend(effects)) =
            outcome
        else {
            return;
        };
        let Some(matched) = effects.target_order().match_result() else { return };
        fills.extend(matched.trades().iter().map(|trade| {
            let maker = self.ours[trade.maker_order_id().0 as usize];
            (maker, trade.price().0, trade.quantity().0)
        }));
    }

    /// What its book holds within a limit, up to a quantity.
    fn within(&self, side: Side, limit: Price, quantity: u64) -> u64 {
        let book = self.book.limit();
        let held = |level: &usize| book.levels()[*level].total_quantity().0;
        let all: u64 = match side {
            Side::Buy => book.asks().range(..=limit).map(|(_, level)| held(level)).sum(),
            Side::Sell => book.bids().range(limit..).map(|(_, level)| held(level)).sum(),
        };
        all.min(quantity)
    }

    /// Places our order with this number and returns the trades it makes.
    pub(crate) fn place(
        &mut self,
        order: OrderId,
        side: Side,
        quantity: u64,
        kind: OrderKind,
    ) -> Vec<Fill> {
        let mut fills = Vec::new();
        let limit = |price, quantity, post_only, time_in_force| {
            let quantity_policy = QuantityPolicy::Standard { quantity: Quantity(quantity) };
            let flags = OrderFlags::new(side_of(side), post_only, time_in_force);
            NewOrder::Limit(LimitOrder::new(price, quantity_policy, flags))
        };
        let mut submit = |peer: &mut Self, submitted| peer.submit(order.0, submitted, &mut fills);
        match kind {
            OrderKind::Market => {
                let submitted = MarketOrder::new(Quantity(quantity), side_of(side), false);
                submit(self, NewOrder::Market(submitted));
            }
            OrderKind::FillOrKill { price } => {
                submit(self, limit(price_of(price), quantity, false, TimeInForce::Fok));
            }
            OrderKind::PostOnly { price } => {
                submit(self, limit(price_of(price), quantity, true, TimeInForce::Gtc));
            }
            OrderKind::ImmediateOrCancel { price } => {
                let price = price_of(price);
                let first = self.within(side, price, quantity);
                // Without anything to take it is an order it cancels by itself.
                let quantity = if first > 0 { first } else { quantity };
                submit(self, limit(price, quantity, false, TimeInForce::Ioc));
            }
            OrderKind::Limit { price } => {
                let price = price_of(price);
                let first = self.within(side, price, quantity);
                if first > 0 {
                    submit(self, limit(price, first, false, TimeInForce::Gtc));
                }
                if first < quantity {
                    submit(self, limit(price, quantity - first, false, TimeInForce::Gtc));
                }
            }
        }
        fills
    }

    /// Cancels our order; false when it does not rest.
    pub(crate) fn cancel(&mut self, order: OrderId) -> bool {
        let order_id = self.theirs[order.0 as usize];
        let cancel = CancelCmd { order_id, order_kind: PeerKind::Limit };
        let outcome = self.execute(order.0, CommandKind::Cancel(cancel));
        matches!(outcome, CommandOutcome::Applied(_))
    }

    /// Replaces our order, which rests, by one with a new number, or the same when it shrinks.
    pub(crate) fn replace(
        &mut self,
        (order, renamed): (OrderId, OrderId),
        side: Side,
        quantity: u64,
        price: Amount,
    ) -> Vec<Fill> {
        if renamed != order && self.within(side, price_of(price), 1) > 0 {
            self.cancel(order);
            return self.place(renamed, side, quantity, OrderKind::Limit { price });
        }
        let order_id = self.theirs[order.0 as usize];
        let quantity = QuantityPolicy::Standard { quantity: Quantity(quantity) };
        let patch =
            LimitOrderPatch::new().with_price(price_of(price)).with_quantity_policy(quantity);
        let amend = AmendCmd { order_id, patch: AmendPatch::Limit(patch) };
        let outcome = self.execute(renamed.0, CommandKind::Amend(amend));
        self.ours[order_id.0 as usize] = renamed.0;
        if renamed != order {
            self.theirs.push(order_id);
            self.theirs[order.0 as usize] = NOBODY;
        }
        let mut fills = Vec::new();
        self.collect(&outcome, &mut fills);
        fills
    }

    /// Price, quantity and orders of each level of a side, best first.
    pub(crate) fn depth(&self, side: Side) -> Vec<(u64, u64, u64)> {
        let book = self.book.limit();
        let shown = |(price, level): (&Price, &usize)| {
            let level = &book.levels()[*level];
            (price.0, level.total_quantity().0, level.order_count())
        };
        match side {
            Side::Buy => book.bids().iter().rev().map(shown).collect(),
            Side::Sell => book.asks().iter().map(shown).collect(),
        }
    }
}
