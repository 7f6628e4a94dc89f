//! Every named limit, for `ainur node limits`.
use ainur_api::view::Limit;

/// The limits of all parts, by area.
pub fn all() -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut add = |area: &str, name: &str, value: u128, unit: &str| {
        limits.push(Limit { area: area.into(), name: name.into(), value, unit: unit.into() });
    };
    for (name, value, unit) in ainur_broker::limits::ALL {
        add("broker", name, value, unit);
    }
    for (name, value, unit) in ainur_runtime::limits::LISTED {
        add("runtime", &name.to_uppercase(), u128::from(*value), unit);
    }
    {
        use ainur_ledger::{block, transaction};
        add(
            "ledger",
            "BLOCK_TRANSACTIONS_MAX",
            block::BLOCK_TRANSACTIONS_MAX as u128,
            "transactions",
        );
        add("ledger", "BLOCK_BYTES_MAX", block::BLOCK_BYTES_MAX as u128, "bytes");
        add("ledger", "TRANSACTION_BYTES_MAX", transaction::TRANSACTION_BYTES_MAX as u128, "bytes");
    }
    add("market", "ENTRANTS_MAX", ainur_market::auction::ENTRANTS_MAX as u128, "bidders");
    add("node", "AGENTS_MAX", crate::agents::AGENTS_MAX as u128, "agents");
    add("node", "MESSAGES_MAX", crate::driver::MESSAGES_MAX as u128, "messages");
    add("node", "UPLOAD_BYTES_MAX", u128::from(crate::serve::UPLOAD_BYTES_MAX), "bytes");
    add("node", "LIST_MAX", u128::from(crate::serve::LIST_MAX), "tasks");
    add("audit", "ENTRY_BYTES_MAX", ainur_audit::entry::ENTRY_BYTES_MAX as u128, "bytes");
    add("audit", "RECEIPT_BYTES_MAX", ainur_audit::receipt::RECEIPT_BYTES_MAX as u128, "bytes");
    limits
}
