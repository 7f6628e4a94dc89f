//! Examples of what is asked and answered in AACL.
use ainur_api::operation::{AaclHolder, AaclIntroduction, AaclListing, AaclQuery, AaclSay};
use ainur_api::view::{AaclKeys, AaclParty, AaclThread};
use ainur_api::{Operation, Reply};
use ainur_primitives::{BudgetId, ConversationId, Digest, DurationMs, TaskId};

use crate::did;

fn holder() -> AaclHolder {
    AaclHolder { token: "assistant".into(), budget: Some(BudgetId(Digest([3; 32]))) }
}

pub(crate) fn operations() -> Vec<Operation> {
    let capability = Some("text.upper".parse().unwrap());
    vec![
        Operation::AaclSay(AaclSay { message: "{}".into(), holder: holder() }),
        Operation::AaclIntroduce(AaclIntroduction { document: "{}".into(), holder: holder() }),
        Operation::AaclThread(AaclQuery {
            conversation: ConversationId(Digest([9; 32])),
            after: 2,
            wait_ms: DurationMs(15_000),
            holder: holder(),
        }),
        Operation::AaclKeys { party: did(5) },
        Operation::AaclOffers(AaclListing { capability: capability.clone() }),
        Operation::AaclCalls(AaclListing { capability }),
    ]
}

pub(crate) fn replies() -> Vec<Reply> {
    vec![
        Reply::AaclThread(Box::new(AaclThread {
            task: Some(TaskId(Digest([7; 32]))),
            over: true,
            events: 12,
            messages: vec!["{}".into()],
        })),
        Reply::AaclParty(AaclParty {
            party: did(5),
            key_version: 0,
            is_new: true,
            operator: did(1),
        }),
        Reply::AaclKeys(Box::new(AaclKeys {
            party: did(5),
            key_version: 0,
            material: serde_json::json!({}),
        })),
        Reply::AaclMessages(vec!["{}".into()]),
    ]
}
