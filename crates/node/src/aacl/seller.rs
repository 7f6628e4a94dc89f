//! Outside parties that sell: agents that keep their own keys.
use ainur_api::operation::Reply;
use ainur_api::problem::Problem;

use super::{Heard, not_expected};
use crate::node::Node;

impl Node {
    /// Takes an offer or a bid of an agent whose key is elsewhere.
    pub(super) fn take_from_seller(&self, heard: &Heard) -> Result<Reply, Problem> {
        let instead = "add the agent first: ainur agent add; then bid or offer for it";
        Err(not_expected(&heard.message, instead))
    }
}
