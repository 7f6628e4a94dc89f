//! `ainur aacl call`: a signed call to the node's operator, and its answers.
use std::process::ExitCode;

use ainur_api::operation::{AaclIntroduction, AaclSay, ChunkDraft, TaskRequest};
use ainur_api::problem::{Code, Problem};
use ainur_api::{Operation, Reply, Service};
use ainur_crypto::{Proof, entropy};
use ainur_identity::{KeyDocument, SignedKeyDocument};
use ainur_node::keys::KeyPair;
use ainur_node::problem::with_causes;
use ainur_primitives::canonical_json::to_canonical_json;
use ainur_primitives::{
    AcceptanceCheck, Amount, ConversationId, Did, Digest, DurationMs, Ppm, QualityLevel, TaskSpec,
    Timestamp, Venue, WorkChunk,
};
use ainur_protocol::{
    Call, Constraints, Draft, Envelope, Extensions, Recipients, Specification, task_meant,
};

use crate::arguments::AaclCallArguments;
use crate::command::task::{self, from_arguments};
use crate::command::{Outcome, ask};
use crate::output::Output;

/// Seconds until the buyer is refunded, when nothing else is said.
const DEADLINE: DurationMs = DurationMs::seconds(600);
/// Time for opening what was sealed.
const REVEAL: DurationMs = DurationMs::seconds(5);

pub(super) fn run(asked: AaclCallArguments, service: &dyn Service, output: &Output) -> Outcome {
    let keys = super::read_key(&asked.key)?;
    let (detach, file) = (asked.run.detach, asked.run.output.clone());
    let spec = specification(from_arguments(asked.run, service)?, service)?;
    let operator = introduce(&keys, service)?;
    let bids_for = DurationMs::seconds(asked.bids_for);
    let call = written(&keys, operator, &spec, bids_for)?;
    let conversation = call.header().conversation_id;
    let message = call.to_json().map_err(|error| internal(&error))?;
    let message = String::from_utf8(message).map_err(|error| internal(&error))?;
    let say = Operation::AaclSay(AaclSay { message, ..AaclSay::default() });
    let thread = ask(service, say, |reply| match reply {
        Reply::AaclThread(thread) => Some(*thread),
        _ => None,
    })?;
    if !output.is_json() {
        output.line(format!("conversation {conversation}"));
    }
    let thread = match detach {
        true => thread,
        false => super::follow(service, conversation, true, output)?,
    };
    let Some(id) = thread.task.filter(|_| !detach) else {
        if output.is_json() {
            output.json(&serde_json::json!({ "conversation": conversation, "task": thread.task }));
        } else {
            output.line(format!("next: ainur aacl thread {conversation} --wait"));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let ended = task::fetch(service, &id.to_string())?;
    if let (Some(file), Some(content)) = (file, ended.output) {
        task::write_file(service, content, &file)?;
    }
    Ok(task::exit_code(&ended))
}

/// What is wanted, as the ledger will know it.
pub(super) fn specification(
    request: TaskRequest,
    service: &dyn Service,
) -> Result<TaskSpec, Problem> {
    let unsaid = [
        (request.only.is_some(), "--only"),
        (request.venue != Venue::Any, "--venue"),
        (request.rental.is_some(), "--rental"),
        (request.service.is_some(), "--late-after"),
    ];
    if let Some((_, option)) = unsaid.iter().find(|(said, _)| *said) {
        let why = format!("a call in a message cannot say {option}");
        return Err(
            Problem::new(Code::InvalidRequest, why).next("leave it out, or: ainur task run")
        );
    }
    let parameters = to_canonical_json(&request.parameters).map_err(|error| internal(&error))?;
    let length = |input| service.get_blob(input, &mut std::io::sink());
    let chunk = |draft: &ChunkDraft| {
        let ChunkDraft { input, share } = *draft;
        Ok(WorkChunk { input, input_bytes: length(input)?, share })
    };
    let chunks = request.chunks.iter().map(chunk).collect::<Result<Vec<WorkChunk>, Problem>>()?;
    let input_bytes = match request.input {
        None => chunks.iter().map(|chunk| chunk.input_bytes).sum(),
        Some(input) => length(input)?,
    };
    Ok(TaskSpec {
        capability: request.capability,
        parameters: String::from_utf8(parameters).map_err(|error| internal(&error))?,
        input: request.input,
        input_bytes,
        reserve: request.reserve,
        loss: request.loss.unwrap_or(request.reserve),
        budget: request.budget,
        selection: request.selection,
        check: request.check.unwrap_or(AcceptanceCheck::Schema),
        deadline_ms: request.deadline_ms.unwrap_or(DEADLINE),
        limits: request.limits.unwrap_or_default(),
        graph: request.graph,
        chunks,
    })
}

/// Makes the keys known to the node, and learns who its operator is.
pub(super) fn introduce(keys: &KeyPair, service: &dyn Service) -> Result<Did, Problem> {
    let document = KeyDocument::first(keys.material(), ainur_node::now())
        .and_then(|document| SignedKeyDocument::sign_first(document, &keys.signing))
        .and_then(|document| document.to_json())
        .map_err(|error| internal(&error))?;
    let document = String::from_utf8(document).map_err(|error| internal(&error))?;
    let introduction = AaclIntroduction { document, ..AaclIntroduction::default() };
    ask(service, Operation::AaclIntroduce(introduction), |reply| match reply {
        Reply::AaclParty(party) => Some(party.operator),
        _ => None,
    })
}

/// The call, signed.
fn written(
    keys: &KeyPair,
    operator: Did,
    spec: &TaskSpec,
    bids_for: DurationMs,
) -> Result<Envelope<Call>, Problem> {
    let refused = |error: ainur_protocol::Error| {
        Problem::new(Code::InvalidRequest, format!("no message can say so: {error}"))
    };
    let nonce = entropy::random_bytes::<32>().map_err(|error| internal(&error))?;
    let conversation = ConversationId(Digest(nonce));
    let created: Timestamp = ainur_node::now();
    let commit_until = created.plus(bids_for);
    let specification = Specification::open(spec);
    let specification_digest = specification.digest().map_err(refused)?;
    let body = Call {
        bid_bond: Amount::ZERO,
        commit_until,
        constraints: Constraints {
            duration_ms_max: spec.limits.duration_ms_max,
            failure_probability_max: Ppm::ONE,
            quality_level_min: QualityLevel::Standard,
        },
        deadline: created.plus(spec.deadline_ms),
        input_schema: String::new(),
        output_schema: String::new(),
        reveal_until: commit_until.plus(REVEAL),
        specification,
        specification_digest,
        task: task_meant(&specification_digest, &conversation),
        extensions: Extensions::default(),
    };
    let draft = Draft {
        conversation_id: conversation,
        in_reply_to: None,
        from: keys.did(),
        to: Recipients::One(operator),
        created,
        expires: commit_until,
        body,
        extensions: Extensions::default(),
    };
    let mut call = draft.finish().map_err(refused)?;
    let proof = Proof::sign(&keys.signing, keys.did(), 0, call.id().0);
    call.attach(proof).map_err(refused)?;
    Ok(call)
}

fn internal(error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::Internal, with_causes(error))
}
