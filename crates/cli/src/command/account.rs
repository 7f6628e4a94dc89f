//! `ainur account …`.
use std::process::ExitCode;

use ainur_api::view::AccountView;
use ainur_api::{Operation, Reply};

use super::{Outcome, ask};
use crate::arguments::Account;
use crate::connect::Place;
use crate::output::{Output, ainu};

pub(super) fn run(verb: Account, place: &Place, output: &Output) -> Outcome {
    let service = place.connect()?;
    let operation = match verb {
        Account::Show { did } => Operation::AccountShow { account: did },
        Account::Transfer { to, amount } => Operation::AccountTransfer { to, amount },
    };
    let account = ask(&*service, operation, |reply| match reply {
        Reply::Account(account) => Some(account),
        _ => None,
    })?;
    show(&account, output);
    Ok(ExitCode::SUCCESS)
}

fn show(account: &AccountView, output: &Output) {
    if output.is_json() {
        return output.json(account);
    }
    let mut facts = vec![("account", account.did.to_string())];
    facts.extend(account.name.clone().map(|name| ("name", name)));
    facts.extend([
        ("free", ainu(account.free)),
        ("in escrow", ainu(account.in_escrow)),
        ("stake", ainu(account.staked)),
        ("  of it locked", ainu(account.locked)),
        ("next transaction", account.nonce.to_string()),
    ]);
    output.facts(&facts);
}
