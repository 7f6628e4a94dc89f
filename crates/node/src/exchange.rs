//! The exchange's desk of a node: books, orders, pools and credits, for the node itself or an agent
//! of it. What is told of an order is taken from the events of its transaction.
use ainur_api::operation::{
    BookQuery, CreditsDraft, CreditsStep, OrderCancellation, OrderDraft, OrderReplacement,
    PoolDraft, PoolStep, Reply,
};
use ainur_api::problem::{Code, Problem};
use ainur_api::rest::BOOK_LEVELS_MAX;
use ainur_api::view::{
    BestQuotes, BookView, HoldingView, MovementReport, TradePlace, TradeReport, TradeRow,
};
use ainur_ledger::balances;
use ainur_ledger::exchange::{Action, CreditClass, CreditClassId, Event, KeyedAction, query};
use ainur_market::exchange::{Change, Ending, LiquidityPool, Order, OrderKind, PRICE_MAX, Side};
use ainur_primitives::{Amount, CapabilityName, Did, DurationMs, Ppm, QualityLevel};

use crate::agents::AgentRecord;
use crate::node::Node;

/// For how long an order rests that does not say.
const ORDER_MS_DEFAULT: DurationMs = DurationMs::seconds(24 * 3_600);

/// Resting orders of one party that are looked through, over all classes.
pub(crate) const OWN_ORDERS_MAX: usize = 1_000;

mod keyed;

use keyed::{Keyed, of_exchange};

/// Who trades: the node, or an agent of it.
struct Trader {
    did: Did,
    agent: Option<AgentRecord>,
}

impl Node {
    /// A class with its book and pool.
    pub(crate) fn book(&self, asked: BookQuery) -> Result<Reply, Problem> {
        let BookQuery { capability, quality_level, levels, agent } = asked;
        let trader = self.trader(agent.as_deref())?;
        let id = CreditClassId::of(&capability, quality_level);
        let params = self.parameters().exchange;
        let levels = levels.clamp(1, BOOK_LEVELS_MAX) as usize;
        let now = crate::now();
        let found = self.read(|state| {
            let class = query::class(state, &id)?;
            let depth = query::depth(state, &id, levels)?;
            // What has expired no longer trades.
            let best = |side| query::orders(state, &id, side).find(|order| order.expires > now);
            let best = (best(Side::Buy), best(Side::Sell));
            Some((class, depth, query::pool(state, &id), best))
        });
        let (class, depth, pool, best) =
            found.ok_or_else(|| no_class(&capability, quality_level))?;
        let CreditClass { collateral, supply, .. } = class;
        Ok(Reply::Book(Box::new(BookView {
            class: id.0,
            capability,
            quality_level,
            collateral,
            supply,
            tick: params.tick,
            taker_fee: params.taker_fee,
            buy: depth.buy,
            sell: depth.sell,
            quotes: quotes(best, params.taker_fee, pool.as_ref()),
            pool,
            holding: Some(self.holding(&trader, id)),
        })))
    }

    /// Places an order.
    pub(crate) fn place_order(&self, draft: OrderDraft) -> Result<Reply, Problem> {
        let trader = self.trader(draft.agent.as_deref())?;
        let keyed = Keyed::of(draft.idempotency_key.as_deref(), &draft)?;
        let class = self.open_class(&draft.capability, draft.quality_level)?;
        let OrderDraft { side, quantity, kind, self_trade, .. } = draft;
        let action = if draft.routed {
            if !matches!(kind, OrderKind::Market | OrderKind::ImmediateOrCancel { .. }) {
                let message = "an order that is routed trades at once: it cannot rest or be killed";
                return Err(Problem::new(Code::InvalidRequest, message)
                    .next("leave the kind out with --route, or place it without --route"));
            }
            Action::Route { class, side, quantity, limit: kind.limit() }
        } else {
            let expires = crate::now().plus(draft.expires_ms.unwrap_or(ORDER_MS_DEFAULT));
            Action::Place { class, side, quantity, kind, self_trade, expires }
        };
        let events = self.act(&trader, action, keyed)?;
        let mut report = self.traded(&trader, class, &events);
        // The part of a routed order that went to the book was filled, whatever became of the rest.
        if draft.routed && report.filled < quantity {
            report.ending = Ending::Unfilled;
        }
        Ok(Reply::Traded(Box::new(report)))
    }

    /// Takes an order out.
    pub(crate) fn cancel_order(&self, asked: OrderCancellation) -> Result<Reply, Problem> {
        let trader = self.trader(asked.agent.as_deref())?;
        let class = self.open_class(&asked.capability, asked.quality_level)?;
        let events = self.act(&trader, Action::Cancel { class, order: asked.order }, None)?;
        Ok(Reply::Moved(Box::new(self.moved(&trader, class, &events))))
    }

    /// Gives an order another quantity and price.
    pub(crate) fn replace_order(&self, asked: OrderReplacement) -> Result<Reply, Problem> {
        let trader = self.trader(asked.agent.as_deref())?;
        let class = self.open_class(&asked.capability, asked.quality_level)?;
        let OrderReplacement { order, quantity, price, self_trade, .. } = asked;
        let action = Action::Replace { class, order, quantity, price, self_trade };
        let events = self.act(&trader, action, None)?;
        Ok(Reply::Traded(Box::new(self.traded(&trader, class, &events))))
    }

    /// Does something with a pool.
    pub(crate) fn change_pool(&self, draft: PoolDraft) -> Result<Reply, Problem> {
        let trader = self.trader(draft.agent.as_deref())?;
        let keyed = Keyed::of(draft.idempotency_key.as_deref(), &draft)?;
        let class = self.open_class(&draft.capability, draft.quality_level)?;
        let action = match draft.step {
            PoolStep::Open { fee_bps, credits, money } => {
                Action::OpenPool { class, fee_bps, credits, money }
            }
            PoolStep::Add { credits, money_max, shares_min } => {
                Action::AddLiquidity { class, credits, money_max, shares_min }
            }
            PoolStep::Remove { shares, credits_min, money_min } => {
                Action::RemoveLiquidity { class, shares, credits_min, money_min }
            }
            PoolStep::Swap { side, quantity, limit } => {
                let action = Action::Swap { class, side, quantity, limit };
                let events = self.act(&trader, action, keyed)?;
                return Ok(Reply::Traded(Box::new(self.traded(&trader, class, &events))));
            }
        };
        let events = self.act(&trader, action, keyed)?;
        Ok(Reply::Moved(Box::new(self.moved(&trader, class, &events))))
    }

    /// Opens a class for an agent, writes credits of its work, or burns some.
    pub(crate) fn change_credits(&self, draft: CreditsDraft) -> Result<Reply, Problem> {
        let keyed = Keyed::of(draft.idempotency_key.as_deref(), &draft)?;
        let CreditsDraft { agent, capability, quality_level: quality, step, .. } = draft;
        let trader = self.trader(Some(&agent))?;
        let class = CreditClassId::of(&capability, quality);
        let action = match step {
            CreditsStep::OpenClass { collateral } => {
                Action::OpenClass { capability, quality, collateral }
            }
            CreditsStep::Issue { quantity } => {
                self.open_class(&capability, quality)?;
                Action::Issue { class, quantity }
            }
            CreditsStep::Retire { quantity } => {
                self.open_class(&capability, quality)?;
                Action::Retire { class, quantity }
            }
        };
        let events = self.act(&trader, action, keyed)?;
        Ok(Reply::Moved(Box::new(self.moved(&trader, class, &events))))
    }

    fn trader(&self, agent: Option<&str>) -> Result<Trader, Problem> {
        let Some(text) = agent else { return Ok(Trader { did: self.did, agent: None }) };
        let agent = self.agent(text)?;
        Ok(Trader { did: agent.did, agent: Some(agent) })
    }

    /// The class, if it is open: asked before anything is signed and paid for.
    fn open_class(
        &self,
        capability: &CapabilityName,
        quality: QualityLevel,
    ) -> Result<CreditClassId, Problem> {
        let id = CreditClassId::of(capability, quality);
        let class = self.read(|state| query::class(state, &id));
        class.map(|_| id).ok_or_else(|| no_class(capability, quality))
    }

    /// Has the ledger do it, and gives what happened on the exchange; what was done before under
    /// the same key is told again.
    fn act(
        &self,
        trader: &Trader,
        action: Action,
        keyed: Option<Keyed>,
    ) -> Result<Vec<Event>, Problem> {
        if let Some(done) = self.done_before(trader, keyed.as_ref())? {
            return Ok(done);
        }
        let action = match &trader.agent {
            None => self.affordable(action)?,
            Some(_) => action,
        };
        let actions = match keyed {
            None => vec![action.into()],
            Some(Keyed { key, request }) => vec![KeyedAction { key, request, action }.into()],
        };
        let acted = match &trader.agent {
            None => self.do_on_ledger(actions),
            Some(agent) => self.do_as_agent(agent, actions),
        };
        match acted {
            Ok(events) => Ok(events.into_iter().filter_map(of_exchange).collect()),
            // Somebody else may have sent the same at the same time.
            Err(problem) => self.done_before(trader, keyed.as_ref())?.ok_or(problem),
        }
    }

    /// The action, when the node can pay for it and still keep what it has promised to sellers; a
    /// purchase at any price is bounded by that.
    fn affordable(&self, action: Action) -> Result<Action, Problem> {
        let spendable = self.mailbox.call(|broker| Ok(broker.spendable()))?;
        let params = self.parameters().exchange;
        let each = |quantity: u64| {
            let fee = Ppm(1_000_000 + params.taker_fee.0);
            let before_fee =
                Amount(spendable.0 / u128::from(fee.0) * 1_000_000 / u128::from(quantity.max(1)));
            Amount(before_fee.0 - before_fee.0 % params.tick.0.max(1)).min(PRICE_MAX)
        };
        let with_fee = |price: Amount, quantity: u64| {
            let value = Amount(price.0.saturating_mul(quantity.into()));
            value.saturating_add(value.share_ceil(params.taker_fee))
        };
        let (action, needed) = match action {
            Action::Place { class, side: Side::Buy, quantity, kind, self_trade, expires } => {
                let kind = match kind {
                    OrderKind::Market => OrderKind::ImmediateOrCancel { price: each(quantity) },
                    priced => priced,
                };
                let needed = with_fee(kind.limit().unwrap_or_default(), quantity);
                let side = Side::Buy;
                (Action::Place { class, side, quantity, kind, self_trade, expires }, needed)
            }
            Action::Route { class, side: Side::Buy, quantity, limit } => {
                let limit = limit.unwrap_or_else(|| each(quantity));
                let needed = with_fee(limit, quantity);
                (Action::Route { class, side: Side::Buy, quantity, limit: Some(limit) }, needed)
            }
            Action::Replace { quantity, price, .. } => {
                let needed = with_fee(price, quantity);
                (action, needed)
            }
            Action::OpenPool { money, .. } => (action, money),
            Action::AddLiquidity { money_max, .. } => (action, money_max),
            Action::Swap { side: Side::Buy, limit, .. } => (action, limit),
            other => (other, Amount::ZERO),
        };
        if needed <= spendable {
            return Ok(action);
        }
        let (needed, left) = (needed.to_ainu(), spendable.to_ainu());
        Err(Problem::new(
            Code::InsufficientFunds,
            format!(
                "this may take {needed} AINU, and {left} AINU are left beside what open tasks need"
            ),
        )
        .next("trade less, name a lower price, or wait until open tasks have ended"))
    }

    fn holding(&self, trader: &Trader, id: CreditClassId) -> HoldingView {
        let did = trader.did;
        let (money, credits, owed, pool_shares, mut orders) = self.read(|state| {
            (
                balances::query::account(state, &did).free,
                query::credits(state, &id, &did),
                query::obligation(state, &id, &did).map_or(0, |owed| owed.outstanding),
                query::pool_shares(state, &id, &did),
                query::orders_of(state, &did, OWN_ORDERS_MAX),
            )
        });
        orders.retain(|(class, _)| *class == id);
        let orders: Vec<Order> = orders.into_iter().map(|(_, order)| order).collect();
        let on = |side| orders.iter().filter(move |order| order.side == side);
        let money_in_orders = on(Side::Buy).map(value).fold(Amount::ZERO, Amount::saturating_add);
        let credits_in_orders = on(Side::Sell).map(|order| order.quantity).sum();
        HoldingView {
            trader: did,
            trader_name: self.trader_name(did),
            money,
            money_in_orders,
            credits,
            credits_in_orders,
            owed,
            pool_shares,
            orders,
        }
    }

    fn trader_name(&self, did: Did) -> String {
        if did == self.did { "the node".into() } else { self.name_of(did) }
    }

    /// What an order or a swap did.
    fn traded(&self, trader: &Trader, class: CreditClassId, events: &[Event]) -> TradeReport {
        let mut report = TradeReport {
            trades: Vec::new(),
            filled: 0,
            total: Amount::ZERO,
            fee: Amount::ZERO,
            order: None,
            resting: 0,
            ending: Ending::Filled,
            holding: self.holding(trader, class),
        };
        for event in events {
            match event {
                Event::Updated { update, .. } => {
                    if let Change::Traded(trade) = update.change {
                        report.trades.push(TradeRow {
                            place: TradePlace::Book,
                            with: Some(self.trader_name(trade.maker_owner)),
                            quantity: trade.quantity,
                            price: trade.price,
                            value: trade.value(),
                        });
                    }
                }
                Event::Swapped { quantity, money, .. } => report.trades.push(TradeRow {
                    place: TradePlace::Pool,
                    with: None,
                    quantity: *quantity,
                    price: Amount(money.0.div_ceil(u128::from((*quantity).max(1)))),
                    value: *money,
                }),
                Event::Placed { placed, fee, .. } => {
                    report.fee = *fee;
                    report.resting = placed.resting;
                    report.order = (placed.resting > 0).then_some(placed.order);
                    report.ending = placed.ending;
                }
                _ => {}
            }
        }
        report.filled = report.trades.iter().map(|row| row.quantity).sum();
        let values = report.trades.iter().map(|row| row.value);
        report.total = values.fold(Amount::ZERO, Amount::saturating_add);
        report
    }

    /// What moved without a trade.
    fn moved(&self, trader: &Trader, class: CreditClassId, events: &[Event]) -> MovementReport {
        let (mut credits, mut money, mut shares) = (0, Amount::ZERO, Amount::ZERO);
        for event in events {
            match event {
                Event::Updated { update, .. } => {
                    if let Change::Removed { order, .. } = update.change {
                        match order.side {
                            Side::Buy => money = value(&order),
                            Side::Sell => credits = order.quantity,
                        }
                    }
                }
                Event::Issued { quantity, collateral, .. }
                | Event::Retired { quantity, collateral, .. } => {
                    (credits, money) = (*quantity, *collateral);
                }
                Event::PoolOpened { credits: whole, money: paid, shares: given, .. }
                | Event::LiquidityAdded { credits: whole, money: paid, shares: given, .. }
                | Event::LiquidityRemoved { credits: whole, money: paid, shares: given, .. } => {
                    (credits, money, shares) = (*whole, *paid, *given);
                }
                _ => {}
            }
        }
        MovementReport { credits, money, shares, holding: self.holding(trader, class) }
    }
}

/// What an order is worth. Cannot overflow: prices are below 2⁶⁴.
fn value(order: &Order) -> Amount {
    Amount(order.price.0.saturating_mul(u128::from(order.quantity)))
}

/// What one credit costs and fetches, given the best orders to buy and to sell.
fn quotes(
    (buy, sell): (Option<Order>, Option<Order>),
    fee: Ppm,
    pool: Option<&LiquidityPool>,
) -> BestQuotes {
    let price = |order: Order| order.price;
    BestQuotes {
        buy_in_book: sell.map(price).map(|price| price.saturating_add(price.share_ceil(fee))),
        buy_from_pool: pool.and_then(|pool| pool.cost(1).ok()),
        sell_in_book: buy.map(price).map(|price| price.saturating_sub(price.share_ceil(fee))),
        sell_to_pool: pool.and_then(|pool| pool.proceeds(1).ok()),
    }
}

fn no_class(capability: &CapabilityName, quality: QualityLevel) -> Problem {
    let flag = match quality {
        QualityLevel::Standard => "",
        QualityLevel::Premium => " --quality premium",
        QualityLevel::Enterprise => " --quality enterprise",
    };
    let message = format!("there are no credits of {capability} at this quality yet");
    Problem::new(Code::NotFound, message).next(format!(
        "open it: ainur market credits open {capability}{flag} --collateral AINU --agent NAME"
    ))
}
