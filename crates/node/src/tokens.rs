//! Tokens of clients: a file in the data directory that knows them by their digests.
use std::num::NonZeroU16;
use std::sync::{PoisonError, RwLock};

use ainur_api::access::{Allowances, Client};
use ainur_api::http::Token;
use ainur_api::operation::{Reply, TokenCreate};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::TokenView;
use ainur_primitives::{BudgetId, Digest, DurationMs, Timestamp};
use ainur_storage::clock::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

use crate::agents::check_name;
use crate::directory::{DataDirectory, refused};
use crate::node::Node;
use crate::serve::{EXACT_MAX, too_long};

/// Tokens one node remembers, those taken back included.
pub(crate) const TOKENS_MAX: usize = 10_000;
/// What "daily" means.
const DAY: DurationMs = DurationMs::seconds(24 * 3_600);

const FILE: &str = "tokens.json";
/// What clients used today.
const ALLOWANCE_FILE: &str = "allowances.json";

/// All tokens of a node.
pub(crate) struct Tokens(RwLock<Vec<KnownToken>>);

/// A token as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KnownToken {
    digest: Digest,
    token: TokenView,
}

impl Tokens {
    /// The tokens of a data directory.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub(crate) fn load(directory: &DataDirectory) -> Result<Self, Problem> {
        let known = match directory.read(FILE)? {
            None => Vec::new(),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let path = directory.path(FILE);
                Problem::new(Code::Corrupted, format!("{} is damaged: {error}", path.display()))
                    .next("restore it from a backup, or remove it and make the tokens again")
            })?,
        };
        Ok(Self(RwLock::new(known)))
    }

    /// Whom a token stands for.
    pub(crate) fn client(&self, token: &Token, now: Timestamp) -> Option<Client> {
        let digest = token.digest();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = &known.iter().find(|known| known.digest == digest)?.token;
        (!found.revoked && now < found.expires).then(|| Client {
            name: found.name.clone(),
            scope: found.scope,
            budget: found.budget,
            per_task: found.per_task,
        })
    }

    /// All of them, oldest first.
    pub(crate) fn list(&self) -> Vec<TokenView> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|known| known.token.clone()).collect()
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// When there is none of this name, or the disk refuses.
    pub(crate) fn revoke(&self, directory: &DataDirectory, name: &str) -> Result<Reply, Problem> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = known.clone();
        let found = changed.iter_mut().find(|known| known.token.name == name).ok_or_else(|| {
            Problem::new(Code::NotFound, format!("there is no token '{name}'"))
                .next("see ainur token list")
        })?;
        found.token.revoked = true;
        store(directory, &changed)?;
        *known = changed;
        Ok(Reply::Done)
    }

    fn check_new(&self, name: &str) -> Result<(), Problem> {
        check_name(name)?;
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.iter().any(|known| known.token.name == name) {
            return Err(Problem::new(Code::Conflict, format!("there is a token '{name}'"))
                .next("give this one another name"));
        }
        if known.len() >= TOKENS_MAX {
            let message = format!("a node remembers at most {TOKENS_MAX} tokens (TOKENS_MAX)");
            return Err(Problem::new(Code::LimitReached, message));
        }
        Ok(())
    }

    fn add(&self, directory: &DataDirectory, token: KnownToken) -> Result<(), Problem> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = known.clone();
        changed.push(token);
        store(directory, &changed)?;
        *known = changed;
        Ok(())
    }
}

impl Node {
    /// What clients may make the node keep, and what they have used: one for all servers over this
    /// node.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn allowances(&self) -> Result<Allowances, Problem> {
        let path = self.directory.path(ALLOWANCE_FILE);
        let opened = Allowances::default().in_file(path.clone());
        opened.map_err(|error| refused("read", &path, &error))
    }

    /// Makes a token and the budgets behind it: one for all it may ever spend, and inside that one
    /// for each day when that is limited too. What a crash leaves is a budget nobody draws on.
    pub(crate) fn create_token(&self, asked: &TokenCreate) -> Result<Reply, Problem> {
        let _joining = self.join_lock();
        self.tokens.check_new(&asked.name)?;
        if asked.expires_ms.is_some_and(|span| span.0 > EXACT_MAX) {
            return Err(too_long("the life of a token"));
        }
        let created = SystemClock.now();
        let expires = asked.expires_ms.map(|span| created.plus(span));
        let whole = self.open_budget(asked.limit, None, asked.parent, expires)?;
        let budget = match asked.daily {
            None => whole,
            Some(daily) => self.open_budget(daily, Some(DAY), Some(whole), expires)?,
        };
        let widest = asked.daily.unwrap_or(asked.limit).min(asked.limit);
        let secret =
            Token::generate().map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        let token = TokenView {
            name: asked.name.clone(),
            scope: asked.scope,
            budget,
            per_task: asked.per_task.map_or(widest, |most| most.min(widest)),
            created,
            expires: self.budget_expires(budget).unwrap_or(created),
            revoked: false,
            weight: asked.weight,
        };
        let known = KnownToken { digest: secret.digest(), token: token.clone() };
        self.tokens.add(&self.directory, known)?;
        self.weigh(budget, asked.weight)?;
        Ok(Reply::TokenCreated { secret: secret.to_text(), token })
    }

    /// Tells the broker how much the holders of all tokens weigh.
    pub(crate) fn weigh_tokens(&self) -> Result<(), Problem> {
        self.tokens.list().into_iter().try_for_each(|token| self.weigh(token.budget, token.weight))
    }

    fn weigh(&self, budget: BudgetId, weight: NonZeroU16) -> Result<(), Problem> {
        self.mailbox.call(move |broker| {
            broker.weigh_tenant(budget, weight);
            Ok(())
        })
    }

    fn budget_expires(&self, id: BudgetId) -> Option<Timestamp> {
        let found = self.read(|state| ainur_ledger::budget::query::budget(state, &id));
        found.map(|budget| budget.expires)
    }
}

fn store(directory: &DataDirectory, known: &[KnownToken]) -> Result<(), Problem> {
    let json = serde_json::to_vec(known)
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    directory.write(FILE, &json)
}
