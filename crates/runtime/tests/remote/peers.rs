//! Agents of the Agent2Agent protocol. The server here is ours, made of the types of `a2a-lf`.
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use a2a::{
    AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Artifact, CancelTaskRequest,
    GetTaskRequest, JsonRpcError, JsonRpcRequest, JsonRpcResponse, Message, Part, PartContent,
    Role, SendMessageRequest, SendMessageResponse, Task, TaskState, TaskStatus,
};
use ainur_primitives::FailureReason;
use ainur_runtime::Event;
use ainur_runtime::remote::{AgentPeer, RemoteProgram, Secret};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::server::wait_for_trace;
use crate::stage::{Stage, limits};

#[derive(Clone)]
struct Agent {
    witness: PathBuf,
    asked_at: String,
    /// What the tasks were asked for, and since when they run.
    tasks: Arc<Mutex<HashMap<String, (String, Instant)>>>,
}

struct Peer {
    _runtime: Runtime,
    address: SocketAddr,
}

impl Peer {
    /// An agent that is asked at the place its card is at, or elsewhere.
    fn start(stage: &Stage, elsewhere: Option<SocketAddr>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let agent = Agent {
            witness: stage.witness.path().to_owned(),
            asked_at: format!("http://{}/rpc", elsewhere.unwrap_or(address)),
            tasks: Arc::default(),
        };
        let routes = Router::new()
            .route("/.well-known/agent-card.json", get(card))
            .route("/rpc", post(rpc))
            .route("/old.json", get(old_card))
            .route("/old", post(old_rpc))
            .with_state(agent);
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { _runtime: runtime, address }
    }

    fn program(&self) -> RemoteProgram {
        RemoteProgram::a2a(AgentPeer::new(format!("http://{}", self.address), true))
    }
}

async fn card(State(agent): State<Agent>) -> Json<AgentCard> {
    let fickle = std::fs::read_to_string(agent.witness.join("fickle"));
    let skill = |id: &str, description: &str| AgentSkill {
        id: id.into(),
        name: id.into(),
        description: description.into(),
        tags: vec!["test".into()],
        examples: None,
        input_modes: None,
        output_modes: None,
        security_requirements: None,
    };
    Json(AgentCard {
        name: "Test Agent".into(),
        description: "tests".into(),
        version: "4.5.6".into(),
        supported_interfaces: vec![
            AgentInterface::new("http://127.0.0.1:1/grpc", "GRPC"),
            AgentInterface::new(agent.asked_at, "JSONRPC"),
        ],
        capabilities: AgentCapabilities::default(),
        default_input_modes: vec!["text/plain".into()],
        default_output_modes: vec!["text/plain".into()],
        skills: vec![
            skill("write_prose", "writes prose"),
            skill("fickle", &fickle.unwrap_or("does one thing".into())),
        ],
        provider: None,
        documentation_url: None,
        icon_url: None,
        security_schemes: None,
        security_requirements: None,
        signatures: None,
    })
}

async fn rpc(
    State(agent): State<Agent>,
    headers: HeaderMap,
    Json(request): Json<JsonRpcRequest>,
) -> Response {
    if headers.get("a2a-version").is_none_or(|version| version != "1.0") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let sent = headers.get(header::AUTHORIZATION).map_or("none", |value| value.to_str().unwrap());
    std::fs::write(agent.witness.join("credential"), sent).unwrap();
    let params = request.params.unwrap_or_default();
    let answer = match request.method.as_str() {
        "SendMessage" => send(&agent, serde_json::from_value(params).unwrap()),
        "GetTask" => {
            let request: GetTaskRequest = serde_json::from_value(params).unwrap();
            Ok(serde_json::to_value(agent.task(&request.id)).unwrap())
        }
        "CancelTask" => {
            let request: CancelTaskRequest = serde_json::from_value(params).unwrap();
            std::fs::write(agent.witness.join("cancelled"), &request.id).unwrap();
            Ok(serde_json::to_value(agent.task(&request.id)).unwrap())
        }
        other => Err(JsonRpcError { code: -32601, message: other.into(), data: None }),
    };
    Json(match answer {
        Ok(result) => JsonRpcResponse::success(request.id, result),
        Err(error) => JsonRpcResponse::error(request.id, error),
    })
    .into_response()
}

async fn old_card(State(agent): State<Agent>) -> Json<Value> {
    Json(json!({
        "name": "Old Agent", "description": "", "version": "1", "protocolVersion": "0.3.0",
        "url": agent.asked_at.replace("/rpc", "/old"), "capabilities": {},
        "defaultInputModes": [], "defaultOutputModes": [],
        "skills": [{
            "id": "write", "name": "w", "description": "writes", "tags": [], "security": [{"k": []}],
        }],
    }))
}

/// Version 0.3, written out as its specification has it.
async fn old_rpc(State(agent): State<Agent>, Json(request): Json<Value>) -> Json<Value> {
    let params = &request["params"];
    let task = |id: &str, state: &str, text: &str| {
        json!({
            "kind": "task", "id": id, "contextId": "c", "status": {"state": state},
            "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": text}]}],
        })
    };
    let result = match request["method"].as_str().unwrap() {
        "message/send" => {
            assert_eq!(params["configuration"]["blocking"], false);
            let part = &params["message"]["parts"][0];
            assert_eq!(part["kind"], "text");
            task(part["text"].as_str().unwrap(), "submitted", "not yet")
        }
        "tasks/get" if params["id"] == "hang" => task("hang", "working", "not yet"),
        "tasks/get" => {
            task(params["id"].as_str().unwrap(), "completed", &format!("old {}", params["id"]))
        }
        "tasks/cancel" => {
            std::fs::write(agent.witness.join("cancelled"), "").unwrap();
            task("hang", "canceled", "")
        }
        other => panic!("{other}"),
    };
    Json(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
}

fn send(agent: &Agent, request: SendMessageRequest) -> Result<Value, JsonRpcError> {
    assert_eq!(request.configuration.unwrap().return_immediately, Some(true));
    let skill = request.message.metadata.as_ref().unwrap()["skillId"].clone();
    assert!(["write_prose", "fickle"].contains(&skill.as_str().unwrap()));
    let text = request.message.text().unwrap_or("data").to_owned();
    if text == "nonsense" {
        return Err(JsonRpcError { code: -32602, message: "what?".into(), data: None });
    }
    let answer = match text.strip_prefix("say ") {
        Some(text) => {
            SendMessageResponse::Message(Message::new(Role::Agent, vec![Part::text(text)]))
        }
        None => {
            let mut tasks = agent.tasks.lock().unwrap();
            let id = format!("task-{}", tasks.len());
            tasks.insert(id.clone(), (text, Instant::now()));
            drop(tasks);
            SendMessageResponse::Task(agent.task(&id))
        }
    };
    Ok(serde_json::to_value(answer).unwrap())
}

impl Agent {
    fn task(&self, id: &str) -> Task {
        let (text, since) = self.tasks.lock().unwrap()[id].clone();
        let state = match text.as_str() {
            "fail" => TaskState::Failed,
            "reject" => TaskState::Rejected,
            "ask" => TaskState::InputRequired,
            "hang" => TaskState::Working,
            _ if since.elapsed() < Duration::from_millis(200) => TaskState::Working,
            _ => TaskState::Completed,
        };
        let said = format!("about {text}");
        let parts = vec![match text.as_str() {
            "big" => Part::text("x".repeat(17 << 20)),
            _ => Part::text(format!("done {text}")),
        }];
        let artifact = Artifact {
            artifact_id: "a".into(),
            name: None,
            description: None,
            parts,
            metadata: None,
            extensions: None,
        };
        Task {
            id: id.into(),
            context_id: "c".into(),
            artifacts: (state == TaskState::Completed).then(|| vec![artifact]),
            status: TaskStatus {
                state,
                message: Some(Message::new(Role::Agent, vec![Part::text(said)])),
                timestamp: None,
            },
            history: None,
            metadata: None,
        }
    }
}

const PROSE: &str = "test-agent.write-prose";

pub(crate) fn agent_describes_itself_as_capabilities() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let answer = stage.pool.describe(peer.program()).unwrap();
    let description = answer.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
    let manifest = description.manifest;
    assert_eq!((&*manifest.name, &*manifest.version), ("Test Agent", "4.5.6"));
    let names: Vec<&str> = manifest.capabilities.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, [PROSE, "test-agent.fickle"]);
    assert!(manifest.capabilities[0].effects.network);
}

pub(crate) fn message_and_artifacts_are_the_output() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let program = stage.accepted(peer.program());
    let outcome = stage.call(&program, PROSE, json!({"text": "say hello"}));
    let output: Value = serde_json::from_slice(&outcome.output).unwrap();
    assert_eq!(output["message"]["parts"], json!([{"text": "hello"}]));
    for (parameters, done) in
        [(json!({"text": "a poem"}), "done a poem"), (json!({"data": {"a": 1}}), "done data")]
    {
        let outcome = stage.call(&program, PROSE, parameters);
        assert!(matches!(outcome.last, Event::Executed { .. }), "{outcome:?}");
        let output: Value = serde_json::from_slice(&outcome.output).unwrap();
        let part: Part =
            serde_json::from_value(output["artifacts"][0]["parts"][0].clone()).unwrap();
        assert_eq!(part.content, PartContent::Text(done.into()));
    }
}

pub(crate) fn ends_of_tasks_have_their_reasons() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let program = stage.accepted(peer.program());
    for (text, reason) in [
        ("fail", FailureReason::Crashed),
        ("reject", FailureReason::Declined),
        ("ask", FailureReason::Declined),
    ] {
        let outcome = stage.call(&program, PROSE, json!({ "text": text }));
        assert_eq!(outcome.failed(reason), format!("about {text}"));
    }
    // A task that waits for somebody is not left waiting.
    assert!(wait_for_trace(stage.witness.path(), "cancelled"));
}

pub(crate) fn wrong_parameters_of_a_skill_decline() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let program = stage.accepted(peer.program());
    let wrong = [json!({}), json!({"words": "x"}), json!({"text": "nonsense"})];
    for parameters in wrong {
        stage.call(&program, PROSE, parameters).failed(FailureReason::Declined);
    }
}

pub(crate) fn task_over_its_time_is_cancelled() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let program = stage.accepted(peer.program());
    let job = stage.start(&program, PROSE, json!({"text": "hang"}), limits(500));
    stage.finish(job).failed(FailureReason::TimedOut);
    assert!(wait_for_trace(stage.witness.path(), "cancelled"));
}

pub(crate) fn old_agent_is_spoken_to_in_its_own_way() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let url = format!("http://{}/old.json", peer.address);
    let program = stage.accepted(RemoteProgram::a2a(AgentPeer::new(url, true)));
    let outcome = stage.call(&program, "old-agent.write", json!({"text": "poem"}));
    let output: Value = serde_json::from_slice(&outcome.output).unwrap();
    assert_eq!(output["artifacts"][0]["parts"], json!([{"text": "old \"poem\""}]));
    let job = stage.start(&program, "old-agent.write", json!({"text": "hang"}), limits(500));
    stage.finish(job).failed(FailureReason::TimedOut);
    assert!(wait_for_trace(stage.witness.path(), "cancelled"));
}

pub(crate) fn changed_skill_is_refused() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let program = stage.accepted(peer.program());
    std::fs::write(stage.witness.path().join("fickle"), "does harm").unwrap();
    // Another pool: as after a restart of the node, or when the card is old.
    let later = Stage::new();
    let outcome = later.call(&program, "test-agent.fickle", json!({"text": "x"}));
    assert!(outcome.failed(FailureReason::Declined).contains("ainur agent accept"));
    let outcome = later.call(&program, PROSE, json!({"text": "x"}));
    assert!(matches!(outcome.last, Event::Executed { .. }), "{outcome:?}");
}

pub(crate) fn credential_goes_only_where_the_card_is() {
    let stage = Stage::new();
    let there = Peer::start(&stage, None);
    let elsewhere = Peer::start(&stage, Some(there.address));
    for (peer, expected) in [(&there, "Bearer open sesame"), (&elsewhere, "none")] {
        let mut program = peer.program();
        *program.credential_mut() = Some(Secret::new("open sesame".into()));
        let program = stage.accepted(program);
        stage.call(&program, PROSE, json!({"text": "say hello"}));
        let sent = std::fs::read_to_string(stage.witness.path().join("credential")).unwrap();
        assert_eq!(sent, expected);
    }
}

pub(crate) fn agents_on_private_addresses_need_permission() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    for url in [format!("http://{}", peer.address), format!("https://{}", peer.address)] {
        let program = RemoteProgram::a2a(AgentPeer::new(url, false));
        let answer = stage.pool.describe(program).unwrap();
        assert!(answer.recv_timeout(Duration::from_secs(10)).unwrap().is_err());
    }
}

pub(crate) fn long_answer_of_an_agent_is_a_limit() {
    let stage = Stage::new();
    let peer = Peer::start(&stage, None);
    let program = stage.accepted(peer.program());
    let outcome = stage.call(&program, PROSE, json!({"text": "big"}));
    assert!(outcome.failed(FailureReason::LimitExceeded).contains("longer than"));
}
