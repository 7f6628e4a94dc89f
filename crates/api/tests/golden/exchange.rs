//! Examples of what is asked and answered about credits and their trade.
use ainur_api::operation::{
    BookQuery, CreditsDraft, CreditsStep, OrderCancellation, OrderDraft, OrderReplacement,
    PoolDraft, PoolStep,
};
use ainur_api::view::{
    BestQuotes, BookView, HoldingView, MovementReport, TradePlace, TradeReport, TradeRow,
};
use ainur_api::{Operation, Reply};
use ainur_market::exchange::{
    DepthLevel, Ending, LiquidityPool, Order, OrderId, OrderKind, SelfTrade, Side,
};
use ainur_primitives::{Amount, Digest, DurationMs, Ppm, QualityLevel, Timestamp};

use crate::did;

/// Everything that is asked about credits.
pub(crate) fn operations() -> Vec<Operation> {
    let capability = || "text.upper".parse().unwrap();
    let quality_level = QualityLevel::Standard;
    let order = |kind, routed| {
        Operation::OrderPlace(OrderDraft {
            agent: Some("upper".into()),
            capability: capability(),
            quality_level,
            side: Side::Sell,
            quantity: 5,
            kind,
            self_trade: SelfTrade::CancelOldest,
            expires_ms: Some(DurationMs::seconds(3_600)),
            routed,
            idempotency_key: routed.then(|| "order-1".into()),
        })
    };
    let pool = |step| {
        Operation::PoolChange(PoolDraft {
            agent: None,
            capability: capability(),
            quality_level,
            step,
            idempotency_key: None,
        })
    };
    let credits = |step| {
        Operation::CreditsChange(CreditsDraft {
            agent: "upper".into(),
            capability: capability(),
            quality_level,
            step,
            idempotency_key: Some("credits-1".into()),
        })
    };
    let price = Amount::ainu(2);
    vec![
        Operation::BookShow(BookQuery {
            capability: capability(),
            quality_level,
            levels: 10,
            agent: None,
        }),
        order(OrderKind::Limit { price }, false),
        order(OrderKind::PostOnly { price }, false),
        order(OrderKind::FillOrKill { price }, false),
        order(OrderKind::ImmediateOrCancel { price }, true),
        order(OrderKind::Market, false),
        Operation::OrderCancel(OrderCancellation {
            agent: None,
            capability: capability(),
            quality_level,
            order: OrderId(7),
        }),
        Operation::OrderReplace(OrderReplacement {
            agent: None,
            capability: capability(),
            quality_level,
            order: OrderId(7),
            quantity: 4,
            price,
            self_trade: SelfTrade::CancelBoth,
        }),
        pool(PoolStep::Open { fee_bps: 30, credits: 10, money: price }),
        pool(PoolStep::Add { credits: 5, money_max: price, shares_min: Amount::ZERO }),
        pool(PoolStep::Remove { shares: Amount(7), credits_min: 1, money_min: Amount::ZERO }),
        pool(PoolStep::Swap { side: Side::Buy, quantity: 1, limit: price }),
        credits(CreditsStep::OpenClass { collateral: price }),
        credits(CreditsStep::Issue { quantity: 10 }),
        credits(CreditsStep::Retire { quantity: 3 }),
    ]
}

fn holding() -> HoldingView {
    HoldingView {
        trader: did(2),
        trader_name: "upper".into(),
        money: Amount::ainu(40),
        money_in_orders: Amount::ZERO,
        credits: 5,
        credits_in_orders: 2,
        owed: 10,
        pool_shares: Amount(7),
        orders: vec![Order {
            id: OrderId(7),
            owner: did(2),
            side: Side::Sell,
            price: Amount::ainu(2),
            quantity: 2,
            expires: Timestamp(1_700_000_009_999),
        }],
    }
}

/// Every answer about credits.
pub(crate) fn replies() -> Vec<Reply> {
    let book = BookView {
        class: Digest([14; 32]),
        capability: "text.upper".parse().unwrap(),
        quality_level: QualityLevel::Standard,
        collateral: Amount::ainu(1),
        supply: 10,
        tick: Amount(1_000_000),
        taker_fee: Ppm(1_000),
        buy: vec![],
        sell: vec![DepthLevel { price: Amount::ainu(2), quantity: 2, orders: 1 }],
        pool: Some(LiquidityPool {
            credits: 10,
            money: Amount::ainu(20),
            shares: 14_142_135,
            fee_bps: 30,
        }),
        quotes: BestQuotes {
            buy_in_book: Some(Amount(2_002_000_000_000)),
            buy_from_pool: Some(Amount(2_228_909_000_000)),
            sell_in_book: None,
            sell_to_pool: Some(Amount(1_813_223_000_000)),
        },
        holding: Some(holding()),
    };
    let traded = TradeReport {
        trades: vec![TradeRow {
            place: TradePlace::Book,
            with: Some("upper".into()),
            quantity: 3,
            price: Amount::ainu(2),
            value: Amount::ainu(6),
        }],
        filled: 3,
        total: Amount::ainu(6),
        fee: Amount(6_000_000_000),
        order: Some(OrderId(7)),
        resting: 2,
        ending: Ending::Resting,
        holding: holding(),
    };
    let moved = MovementReport {
        credits: 10,
        money: Amount::ainu(10),
        shares: Amount::ZERO,
        holding: holding(),
    };
    vec![
        Reply::Book(Box::new(book)),
        Reply::Traded(Box::new(traded)),
        Reply::Moved(Box::new(moved)),
    ]
}
