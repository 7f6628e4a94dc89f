//! What the holder of a token may have said in its name: messages come in under its budget and its
//! limit for one task, whoever signed them.
use ainur_primitives::{Amount, BudgetId};
use ainur_protocol::{Message, ReservePrice, Specification};

use super::Counter;
use crate::operation::{AaclHolder, AaclIntroduction, AaclQuery, AaclSay, Operation};
use crate::problem::{Code, Problem};
use crate::view::Scope;

impl Counter {
    /// What is asked in AACL, in the name of this client's token.
    pub(super) fn spoken(&self, operation: Operation) -> Result<Operation, Problem> {
        Ok(match operation {
            Operation::AaclSay(say) => Operation::AaclSay(self.say(say)?),
            Operation::AaclIntroduce(introduction) => {
                Operation::AaclIntroduce(self.introduction(introduction)?)
            }
            Operation::AaclThread(query) => Operation::AaclThread(self.conversation(query)),
            other => {
                self.need(Scope::Spend)?;
                other
            }
        })
    }

    /// A message as this client may say it: what it would buy is held against the token's limits.
    fn say(&self, say: AaclSay) -> Result<AaclSay, Problem> {
        self.need(Scope::Spend)?;
        // What is no message is refused where it is read for good.
        let message = Message::from_json(say.message.as_bytes()).ok();
        let bought = message.as_ref().and_then(bought);
        let budget = match bought {
            None => self.client.budget,
            Some((reserve, budget)) => {
                self.within_limit(reserve)?;
                self.budget(budget)?
            }
        };
        Ok(AaclSay { message: say.message, holder: self.holder(budget) })
    }

    fn introduction(&self, introduction: AaclIntroduction) -> Result<AaclIntroduction, Problem> {
        self.need(Scope::Spend)?;
        Ok(AaclIntroduction { holder: self.holder(self.client.budget), ..introduction })
    }

    /// Conversations that others began are as if they were not there.
    fn conversation(&self, query: AaclQuery) -> AaclQuery {
        AaclQuery { holder: self.holder(self.client.budget), ..query }
    }

    fn holder(&self, budget: BudgetId) -> AaclHolder {
        AaclHolder { token: self.client.name.clone(), budget: Some(budget) }
    }

    /// Refuses what costs more than one task may.
    pub(super) fn within_limit(&self, reserve: Amount) -> Result<(), Problem> {
        if reserve <= self.client.per_task {
            return Ok(());
        }
        let message = format!(
            "the token '{}' may spend {} AINU on one task, and {} AINU were asked for",
            self.client.name,
            self.client.per_task.to_ainu(),
            reserve.to_ainu()
        );
        Err(Problem::new(Code::BudgetExceeded, message)
            .next("offer less, or ask for a token with a higher limit per task"))
    }
}

/// The most a message would spend, and of which budget.
fn bought(message: &Message) -> Option<(Amount, Option<BudgetId>)> {
    match message {
        Message::Call(call) => Some(wanted(&call.body().specification)),
        Message::Negotiate(negotiate) => {
            let opening = negotiate.body().opening.as_ref()?;
            opening.specification.as_ref().map(|specification| wanted(specification))
        }
        _ => None,
    }
}

/// A sealed reserve could be any: nobody's limit allows it.
fn wanted(specification: &Specification) -> (Amount, Option<BudgetId>) {
    let reserve = match specification.reserve {
        ReservePrice::Open(reserve) => reserve,
        ReservePrice::Sealed(_) => Amount(u128::MAX),
    };
    (reserve, specification.budget)
}
