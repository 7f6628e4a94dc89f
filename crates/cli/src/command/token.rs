//! `ainur token …`.
use std::process::ExitCode;

use ainur_api::operation;
use ainur_api::view::{self, TokenView};
use ainur_api::{Operation, Reply};
use ainur_primitives::DurationMs;

use super::{Outcome, ask};
use crate::arguments::{Scope, Token, TokenCreate};
use crate::connect::Place;
use crate::output::{Column, Output, ainu};

pub(super) fn run(verb: Token, place: &Place, output: &Output) -> Outcome {
    let service = place.connect()?;
    match verb {
        Token::Create(asked) => {
            let create = Operation::TokenCreate(request(asked));
            let (secret, token) = ask(&*service, create, |reply| match reply {
                Reply::TokenCreated { secret, token } => Some((secret, token)),
                _ => None,
            })?;
            created(&secret, &token, output);
        }
        Token::List => {
            let tokens = ask(&*service, Operation::TokenList, |reply| match reply {
                Reply::Tokens(tokens) => Some(tokens),
                _ => None,
            })?;
            list(&tokens, output);
        }
        Token::Revoke { token } => {
            service.perform(Operation::TokenRevoke { token: token.clone() })?;
            if output.is_json() {
                output.json(&serde_json::json!({ "revoked": token }));
            } else {
                output.line(format!("{token} opens nothing any more"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn request(asked: TokenCreate) -> operation::TokenCreate {
    operation::TokenCreate {
        name: asked.name,
        scope: match asked.scope {
            Scope::Read => view::Scope::Read,
            Scope::Spend => view::Scope::Spend,
            Scope::Admin => view::Scope::Admin,
        },
        limit: asked.limit,
        daily: asked.daily,
        per_task: asked.per_task,
        parent: asked.parent,
        expires_ms: asked.hours.map(|hours| DurationMs::seconds(hours.saturating_mul(3_600))),
        weight: asked.weight,
    }
}

fn created(secret: &str, token: &TokenView, output: &Output) {
    if output.is_json() {
        return output.json(&serde_json::json!({ "secret": secret, "token": token }));
    }
    output.facts(&[
        ("token", token.name.clone()),
        ("secret", secret.to_owned()),
        ("scope", scope(token.scope).to_owned()),
        ("budget", token.budget.to_string()),
        ("most per task", ainu(token.per_task)),
        ("good until", token.expires.to_string()),
    ]);
    output.line("The secret is not shown again. Send it as 'Authorization: Bearer SECRET'.");
}

fn list(tokens: &[TokenView], output: &Output) {
    if output.is_json() {
        return output.json(&tokens);
    }
    let rows = tokens.iter().map(|token| {
        vec![
            token.name.clone(),
            scope(token.scope).to_owned(),
            ainu(token.per_task),
            token.budget.to_string(),
            if token.revoked { "revoked".into() } else { token.expires.to_string() },
        ]
    });
    let columns = [
        Column("token", false),
        Column("scope", false),
        Column("most per task", true),
        Column("budget", false),
        Column("good until", false),
    ];
    output.table(&columns, rows.collect());
}

fn scope(scope: view::Scope) -> &'static str {
    match scope {
        view::Scope::Read => "read",
        view::Scope::Spend => "spend",
        view::Scope::Admin => "admin",
    }
}
