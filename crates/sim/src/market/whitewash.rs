//! Cheats who come back under a new name: their money and stake move to fresh keys.
use ainur_ledger::{Action, balances, identity, registry, reputation};
use ainur_primitives::{Amount, Did};

use super::Error;
use super::economy::{Economy, STAKE};
use super::seller::Conduct;
use super::settlement::Keys;
use super::turn::Effect;

/// After so many failures in a row a name is worth less than a new one.
const FAILURES_BEFORE: u32 = 2;

impl Economy<'_> {
    /// Whitewashers who are known for what they are change their names.
    pub(super) fn whitewash(&mut self) -> Result<(), Error> {
        for number in 0..self.sellers.len() {
            let seller = &self.sellers[number];
            if seller.conduct != Conduct::Whitewasher || seller.state.active_tasks > 0 {
                continue;
            }
            match seller.successor {
                None if seller.failed >= FAILURES_BEFORE => self.leave(number)?,
                None => {}
                Some(successor) => self.arrive(number, successor),
            }
        }
        Ok(())
    }

    /// Takes stake and money away from a name.
    fn leave(&mut self, number: usize) -> Result<(), Error> {
        let old = self.sellers[number].did;
        let keys = Keys::draw(&mut self.conduct)?;
        let new = keys.did();
        let fee = self.settlement.parameters().fee_min;
        let stake = reputation::query::reputation(self.settlement.state(), &old).available();
        let free = balances::query::account(self.settlement.state(), &old).free;
        let fees = Amount(fee.0 * 2);
        let amount = free.saturating_add(stake).saturating_sub(fees);
        let material = Box::new(keys.material.clone());
        self.settlement.admit(keys);
        self.call(old, reputation::Action::Unbond { amount: stake });
        self.call(old, balances::Action::Transfer { to: new, amount });
        let seller = &mut self.sellers[number];
        seller.successor = Some(new);
        seller.material = Some(material);
        // Nobody hires it in between.
        seller.state.capacity = 0;
        Ok(())
    }

    /// Begins under the new name, once the money is there.
    fn arrive(&mut self, number: usize, new: Did) {
        let parameters = self.settlement.parameters();
        let needed = Amount(parameters.identity.deposit.0 + parameters.fee_min.0 * 3);
        let free = balances::query::account(self.settlement.state(), &new).free;
        let Some(left) = free.checked_sub(needed).filter(|left| !left.is_zero()) else { return };
        let Some(material) = self.sellers[number].material.take() else { return };
        let capabilities = vec![self.capability_of(number)];
        let places = self.scenario.supply.places_per_seller;
        let seller = &mut self.sellers[number];
        seller.did = new;
        seller.successor = None;
        seller.posted = None;
        seller.failed = 0;
        seller.state.capacity = places;
        let (card, version, previous) = (seller.card(), 1, None);
        self.call(new, identity::Action::Create { material });
        self.call(new, registry::Action::Register { card, version, previous, capabilities });
        self.call(new, reputation::Action::Bond { amount: left.min(STAKE) });
    }

    /// A call that may be refused.
    fn call(&mut self, sender: Did, action: impl Into<Action>) {
        self.calls.push((sender, action.into(), Effect::Tried));
    }
}
