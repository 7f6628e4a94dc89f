//! Requests that are right, one for everything that can be asked over HTTP/1.
use serde_json::{Value, json};

use crate::market::{ECHO, SLOW};
use crate::request::Request;
use crate::world::Names;

/// A protocol, by which the answer is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// A2A over JSON-RPC.
    Rpc,
    /// A2A over HTTP+JSON.
    A2a,
    /// MCP.
    Mcp,
    /// All else: REST, operations, blobs, what is public.
    Rest,
}

/// A request that is right.
pub(crate) struct Seed {
    pub(crate) surface: Surface,
    pub(crate) request: Request,
}

const STATELESS: &str = "2026-07-28";
const STATEFUL: &str = "2025-11-25";
const BOTH: &str = "application/json, text/event-stream";

/// Everything that the market answers.
pub(crate) fn market(names: &Names) -> Vec<Seed> {
    [rpc(names), legacy_rpc(names), a2a(names), rest(names), public(names), mcp(names)].concat_all()
}

/// Everything that the fixtures answer.
pub(crate) fn fixtures(names: &Names) -> Vec<Seed> {
    [sessions(names), stateless_fixtures()].concat_all()
}

trait ConcatAll {
    fn concat_all(self) -> Vec<Seed>;
}

impl<const N: usize> ConcatAll for [Vec<Seed>; N] {
    fn concat_all(self) -> Vec<Seed> {
        self.into_iter().flatten().collect()
    }
}

fn posted(surface: Surface, path: &str, body: &Value) -> Request {
    let media_type =
        if surface == Surface::A2a { "application/a2a+json" } else { "application/json" };
    Request::new("POST", path).with("Content-Type", media_type).json(body)
}

fn order(id: &str, capability: &str) -> Value {
    json!({
        "message": {
            "messageId": id, "contextId": "c1", "role": "ROLE_USER",
            "parts": [
                { "data": { "capability": capability, "parameters": { "sentence": "hi", "n": [1, 2.5, null] } } },
                { "text": "and a word", "mediaType": "text/plain" },
            ],
            "metadata": { "ainur/reserve": "0.00000000005" },
        },
        "configuration": {
            "historyLength": 2, "acceptedOutputModes": ["application/json"], "returnImmediately": false,
        },
        "metadata": { "ainur/idempotency-key": id },
    })
}

fn call(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": "call-1", "method": method, "params": params })
}

fn rpc(names: &Names) -> Vec<Seed> {
    let (ended, running) = (&names.ended, &names.running);
    let notify = json!({
        "taskId": running, "id": "n1", "url": "https://hooks.example/a", "token": "t",
        "authentication": { "scheme": "Bearer", "credentials": "c" },
    });
    let asked = [
        ("SendMessage", order("m1", ECHO)),
        ("SendMessage", order("m2", SLOW)),
        ("SendStreamingMessage", order("m3", ECHO)),
        ("SendStreamingMessage", order("m4", SLOW)),
        ("GetTask", json!({ "id": ended, "historyLength": 1 })),
        (
            "ListTasks",
            json!({
                "contextId": "c1", "status": "TASK_STATE_COMPLETED", "pageSize": 3, "historyLength": 1,
                "includeArtifacts": true, "statusTimestampAfter": "2026-01-01T00:00:00Z",
            }),
        ),
        ("CancelTask", json!({ "id": running, "metadata": {} })),
        ("SubscribeToTask", json!({ "id": running })),
        ("CreateTaskPushNotificationConfig", notify),
        ("GetTaskPushNotificationConfig", json!({ "taskId": ended, "id": "n1" })),
        ("ListTaskPushNotificationConfigs", json!({ "taskId": running, "pageSize": 1 })),
        ("DeleteTaskPushNotificationConfig", json!({ "taskId": ended, "id": "n1" })),
        ("GetExtendedAgentCard", json!({})),
    ];
    let seed = |(method, params): (&str, Value)| Seed {
        surface: Surface::Rpc,
        request: posted(Surface::Rpc, "/a2a", &call(method, &params)).with("A2A-Version", "1.0"),
    };
    asked.map(seed).into()
}

fn legacy_order(id: &str, capability: &str) -> Value {
    let form = json!({ "capability": capability, "parameters": { "sentence": "hi" } });
    json!({
        "message": {
            "kind": "message", "messageId": id, "role": "user",
            "parts": [
                { "kind": "data", "data": form },
                { "kind": "text", "text": "and a word" },
            ],
            "metadata": { "ainur/reserve": "0.00000000005" },
        },
        "configuration": { "blocking": true, "historyLength": 1, "acceptedOutputModes": [] },
    })
}

fn legacy_rpc(names: &Names) -> Vec<Seed> {
    let (ended, running) = (&names.ended, &names.running);
    let config = json!({ "url": "https://hooks.example/a", "id": "n2", "token": "t",
        "authentication": { "schemes": ["Bearer"], "credentials": "c" } });
    let asked = [
        ("message/send", legacy_order("m5", ECHO)),
        ("message/stream", legacy_order("m6", ECHO)),
        ("message/stream", legacy_order("m7", SLOW)),
        ("tasks/get", json!({ "id": ended, "historyLength": 0 })),
        ("tasks/cancel", json!({ "id": running })),
        ("tasks/resubscribe", json!({ "id": running })),
        (
            "tasks/pushNotificationConfig/set",
            json!({ "taskId": running, "pushNotificationConfig": config }),
        ),
        (
            "tasks/pushNotificationConfig/get",
            json!({ "id": ended, "pushNotificationConfigId": "n1" }),
        ),
        ("tasks/pushNotificationConfig/list", json!({ "id": running })),
        (
            "tasks/pushNotificationConfig/delete",
            json!({ "id": ended, "pushNotificationConfigId": "n2" }),
        ),
        ("agent/getAuthenticatedExtendedCard", json!({})),
    ];
    let seed = |(method, params): (&str, Value)| {
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        Seed { surface: Surface::Rpc, request: posted(Surface::Rpc, "/a2a", &request) }
    };
    asked.map(seed).into()
}

fn a2a(names: &Names) -> Vec<Seed> {
    let (ended, running) = (&names.ended, &names.running);
    let post = |path: &str, version: &str, body: &Value| {
        posted(Surface::A2a, &format!("/a2a/v1{path}"), body).with("A2A-Version", version)
    };
    let get =
        |path: &str| Request::new("GET", &format!("/a2a/v1{path}")).with("A2A-Version", "1.0");
    let form = json!({ "data": { "capability": ECHO, "parameters": { "sentence": "hi" } } });
    let legacy = json!({
        "request": { "message_id": "m8", "role": "ROLE_USER", "content": [{ "data": form }] },
        "configuration": { "blocking": true, "push_notification": null },
    });
    let config = json!({ "id": "n3", "url": "https://hooks.example/a" });
    let configs = format!("/tasks/{running}/pushNotificationConfigs");
    let requests = vec![
        post("/message:send", "1.0", &order("m9", ECHO)),
        post("/message:stream", "1.0", &order("m10", ECHO)),
        post("/message:send", "0.3", &legacy),
        post("/message:stream", "0.3", &legacy),
        get(&format!("/tasks/{ended}?historyLength=1")),
        get("/tasks?pageSize=5&status=TASK_STATE_COMPLETED&includeArtifacts=true"),
        get(&format!("/tasks/{running}:subscribe")),
        post(&format!("/tasks/{running}:cancel"), "1.0", &json!({ "metadata": {} })),
        post(&configs, "1.0", &config),
        get(&configs),
        get(&format!("/tasks/{ended}/pushNotificationConfigs/n1")),
        get("/extendedAgentCard"),
    ];
    requests.into_iter().map(|request| Seed { surface: Surface::A2a, request }).collect()
}

fn rest(names: &Names) -> Vec<Seed> {
    let (ended, running) = (&names.ended, &names.running);
    let post = |path: &str, body: &Value| posted(Surface::Rest, path, body);
    let get = |path: &str| Request::new("GET", path);
    let task = |capability: &str| {
        json!({
            "capability": capability, "parameters": { "sentence": "hi", "deep": [[{ "a": null }]] },
            "reserve": "50", "loss": "10", "selection": "scored", "check": { "kind": "schema" },
            "deadline_ms": 60_000, "context": "c1", "venue": "negotiation",
            "negotiation": { "opening": 600_000, "tactic": "time-dependent:2/5", "rounds_max": 4 },
        })
    };
    let operation = |operation: Value| post("/v1/operations", &operation);
    let requests = vec![
        post("/v1/tasks", &task(ECHO)).with("Idempotency-Key", "k1"),
        post("/v1/tasks?wait=1", &task(SLOW)),
        get("/v1/tasks?limit=2&before=100&context=c1&phase=settled&phase=running"),
        get(&format!("/v1/tasks/{ended}")),
        get(&format!("/v1/tasks/{}/output", &ended)),
        get(&format!("/v1/tasks/{ended}/receipt")),
        get(&format!("/v1/tasks/{ended}/explanation")),
        get(&format!("/v1/tasks/{ended}/events?after=1")),
        get(&format!("/v1/tasks/{ended}/events"))
            .with("Accept", "text/event-stream")
            .with("Last-Event-ID", "1"),
        get(&format!("/v1/tasks/{running}/events?after=0")).with("Accept", "text/event-stream"),
        post(&format!("/v1/tasks/{ended}/rating"), &json!({ "rating": 5 })),
        post(&format!("/v1/tasks/{ended}/decision"), &json!({ "accept": true, "reason": "good" })),
        post(&format!("/v1/tasks/{running}/cancel"), &json!({})),
        get("/v1/agents"),
        get("/v1/agents/agent-1"),
        post(
            "/v1/agents",
            &json!({
                "name": "new", "price": "5", "stake": "7", "prices": { ECHO: "4" },
                "program": { "kind": "command", "argv": ["/bin/true", "-x"], "network": false },
            }),
        ),
        post("/v1/budgets", &json!({ "limit": "100", "period_ms": 1_000 })),
        get(&format!("/v1/budgets/{}", names.budget)),
        post(
            "/v1/tokens",
            &json!({
                "name": "t1", "scope": "spend", "limit": "100", "daily": "50", "per_task": "10",
                "parent": names.budget, "expires_ms": 1_000_000,
            }),
        ),
        get("/v1/tokens"),
        get("/v1/node"),
        get("/v1/limits"),
        get("/v1/ledger"),
        get("/v1/capabilities"),
        get(&format!("/v1/capabilities/{ECHO}")),
        post("/v1/receipts/verify", &json!({ "a": [1, 2] })),
        operation(json!({ "operation": "task-list", "limit": 3, "phases": ["settled"] })),
        operation(json!({ "operation": "task-events", "task": ended, "after": 0, "wait_ms": 5 })),
        operation(json!({
            "operation": "task-run", "capability": ECHO, "parameters": {}, "reserve": "50",
            "idempotency_key": "k2", "wait": false,
        })),
        operation(json!({ "operation": "receipt-verify", "receipt": "{}" })),
        operation(json!({ "operation": "budget-open", "limit": "5", "parent": names.budget })),
        Request::new("PUT", "/v1/blobs")
            .with("Content-Type", "application/octet-stream")
            .raw(b"some bytes to be kept"),
        get(&format!("/v1/blobs/{}", names.blob)),
    ];
    requests.into_iter().map(|request| Seed { surface: Surface::Rest, request }).collect()
}

fn public(_: &Names) -> Vec<Seed> {
    let search = json!({
        "query": {
            "text": "say a sentence again",
            "filter": { "capabilities": ["text.echo"], "type": "application/a2a-agent-card+json" },
        },
        "federation": "referrals", "pageSize": 2, "pageToken": "1",
    });
    let paths = [
        "/healthz",
        "/openapi.json",
        "/metrics",
        "/.well-known/agent-card.json",
        "/.well-known/agent.json",
        "/.well-known/ard.json",
        "/.well-known/ai-catalog.json",
        "/.well-known/agent-registration.json",
    ];
    let found = paths.into_iter().map(|path| Request::new("GET", path));
    let requests = found.chain([posted(Surface::Rest, "/search", &search)]);
    requests.map(|request| Seed { surface: Surface::Rest, request }).collect()
}

/// A request of the version in which each stands for itself.
fn stateless(method: &str, params: Value) -> Request {
    let mut params = params;
    let name = params["name"].as_str().or(params["uri"].as_str()).map(str::to_owned);
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": { "name": "fuzz", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities":
            { "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } },
        "ainur/idempotency-key": "k3",
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = posted(Surface::Mcp, "/mcp", &body)
        .with("Accept", BOTH)
        .with("MCP-Protocol-Version", STATELESS)
        .with("Mcp-Method", method);
    match name {
        Some(name) => request.with("Mcp-Name", &name),
        None => request,
    }
}

fn stateful(version: &str, method: &str, params: &Value) -> Request {
    let body = json!({ "jsonrpc": "2.0", "id": "i", "method": method, "params": params });
    posted(Surface::Mcp, "/mcp", &body).with("Accept", BOTH).with("MCP-Protocol-Version", version)
}

fn initialize() -> Request {
    let params = json!({
        "protocolVersion": STATEFUL, "capabilities": { "roots": { "listChanged": true } },
        "clientInfo": { "name": "fuzz", "version": "1" },
    });
    stateful(STATEFUL, "initialize", &params)
}

fn mcp(names: &Names) -> Vec<Seed> {
    let buy = |capability: &str| {
        json!({
            "name": capability, "arguments": { "sentence": "hi" },
        })
    };
    let requests = vec![
        initialize(),
        stateless("tools/list", json!({})),
        stateless("tools/call", buy(ECHO)),
        stateless("tools/call", buy(SLOW)),
        stateless("resources/list", json!({ "cursor": "9" })),
        stateless("resources/read", json!({ "uri": format!("ainur://blob/{}", names.blob) })),
        stateful(STATEFUL, "tools/list", &json!({})),
        stateful("2025-06-18", "tools/call", &buy(ECHO)),
        stateful(STATEFUL, "ping", &json!({})),
    ];
    requests.into_iter().map(|request| Seed { surface: Surface::Mcp, request }).collect()
}

fn sessions(names: &Names) -> Vec<Seed> {
    let within = |request: Request| request.with("Mcp-Session-Id", &names.session);
    let call = |method: &str, params: &Value| within(stateful(STATEFUL, method, params));
    let tool = |name: &str| {
        call(
            "tools/call",
            &json!({ "name": name, "arguments": {},
        "_meta": { "progressToken": "p" } }),
        )
    };
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": { "requestId": 1, "reason": "enough" } });
    let told = posted(Surface::Mcp, "/mcp", &told).with("Accept", BOTH);
    let listening = Request::new("GET", "/mcp")
        .with("Accept", "text/event-stream")
        .with("MCP-Protocol-Version", STATEFUL);
    let requests = vec![
        initialize(),
        call("ping", &json!({})),
        call("tools/list", &json!({})),
        tool("test_simple_text"),
        tool("test_image_content"),
        tool("test_tool_with_logging"),
        tool("test_tool_with_progress"),
        tool("test_reconnection"),
        call("prompts/list", &json!({})),
        call("resources/list", &json!({})),
        call("resources/templates/list", &json!({})),
        call("logging/setLevel", &json!({ "level": "debug" })),
        within(told),
        within(listening),
    ];
    requests.into_iter().map(|request| Seed { surface: Surface::Mcp, request }).collect()
}

fn stateless_fixtures() -> Vec<Seed> {
    let tool = |name: &str, arguments: Value| {
        stateless("tools/call", json!({ "name": name, "arguments": arguments }))
    };
    let answered = json!({ "name": "test_input_required_result_request_state", "arguments": {},
        "inputResponses": { "confirm": { "action": "accept", "content": { "ok": true } } } });
    let message = json!({ "messageId": "tck-complete-task-1", "role": "ROLE_USER",
        "parts": [{ "text": "hi" }] });
    let sent = call("SendMessage", &json!({ "message": message }));
    let mut seeds: Vec<_> = [
        tool("slow_compute", json!({ "seconds": 0 })),
        tool("confirm_delete", json!({ "filename": "a.txt" })),
        tool("test_multiple_content_types", json!({})),
        stateless("tools/call", answered),
        stateless("prompts/list", json!({})),
        stateless("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } })),
    ]
    .into_iter()
    .map(|request| Seed { surface: Surface::Mcp, request })
    .collect();
    let request = posted(Surface::Rpc, "/a2a", &sent).with("A2A-Version", "1.0");
    seeds.push(Seed { surface: Surface::Rpc, request });
    seeds
}
