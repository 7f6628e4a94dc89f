//! Messages of AACL in the names of those whose keys this node keeps.
use ainur_consensus::ReplicatedLog;
use ainur_crypto::Proof;
use ainur_crypto::batch::prove_all;
use ainur_primitives::{Did, Digest};
use ainur_runtime::Executor;
use ainur_storage::Disk;

use super::Broker;
use crate::error::Error;
use crate::task::Task;

impl<L: ReplicatedLog, E: Executor, D: Disk> Broker<L, E, D> {
    /// Signs these digests as the operator or as an agent with a seat here, with one signature;
    /// `None` for anybody else.
    pub fn sign_as(&self, signer: Did, items: &[Digest]) -> Option<Vec<Proof>> {
        let (key, key_version) = if signer == self.operator.did {
            (&self.operator.key, self.operator.key_version)
        } else {
            let seat = self.seats.get(signer)?;
            (&seat.key, seat.key_version)
        };
        Some(prove_all(key, signer, key_version, items))
    }

    /// The task that was announced under a key, whatever the request was.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn task_of_key(&self, key: &str) -> Result<Option<Task>, Error> {
        let number = match self.keys.get(key) {
            Some(number) => Some(*number),
            None => self.journal.number_of_key(key)?,
        };
        number.map_or(Ok(None), |number| self.task_by_number(number))
    }
}
