//! Outside parties that negotiate with agents of this node.
use ainur_api::operation::Reply;
use ainur_api::problem::Problem;

use super::{Heard, not_expected};
use crate::node::Node;

impl Node {
    /// Takes a proposal, an acceptance or a rejection of an outside party.
    pub(super) fn take_parley(&self, heard: &Heard) -> Result<Reply, Problem> {
        let instead = "say an AACL-Call-v1 to the node's operator; it accepts and rejects for you";
        Err(not_expected(&heard.message, instead))
    }
}
