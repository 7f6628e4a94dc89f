//! A server whose tools do all that a client has to cope with.
use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, JsonObject, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ProtocolVersion, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ServerHandler, ServiceExt};
use serde_json::{Value, json};

/// Where the server leaves traces, and finds out what its tools are like.
pub(crate) const WITNESS: &str = "WITNESS";

#[derive(Clone)]
pub(crate) struct Server {
    /// It knows only versions with `initialize`.
    pub(crate) old: bool,
    pub(crate) witness: PathBuf,
}

/// The whole life of `BINARY mcp-server [MODE]`.
pub(crate) fn main(mode: Option<&str>) -> ExitCode {
    let witness = PathBuf::from(std::env::var_os(WITNESS).unwrap_or_default());
    if mode == Some("touchy") {
        // As some old servers do: the first message is `initialize`, or the end.
        let mut first = String::new();
        let started = std::fs::read_to_string(witness.join("touched")).is_ok();
        if !started {
            std::fs::write(witness.join("touched"), "").unwrap();
            std::io::stdin().read_line(&mut first).unwrap();
            eprintln!("what is {first}");
            return ExitCode::from(7);
        }
    }
    let server = Server { old: matches!(mode, Some("old" | "touchy")), witness };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let running = server.serve(rmcp::transport::stdio()).await.unwrap();
        running.waiting().await.unwrap();
    });
    ExitCode::SUCCESS
}

fn object(value: Value) -> Arc<JsonObject> {
    Arc::new(value.as_object().unwrap().clone())
}

impl Server {
    /// What the tool `fickle` is said to do, which changes.
    fn fickle(&self) -> String {
        std::fs::read_to_string(self.witness.join("fickle")).unwrap_or("does one thing".into())
    }

    fn tools(&self) -> Vec<Tool> {
        let any = object(json!({"type": "object"}));
        let number = json!({"type": "integer"});
        let mut tools: Vec<Tool> = [
            "echo_text",
            "fail",
            "invalid",
            "hang",
            "exit",
            "endless",
            "chatter",
            "garbage",
            "big",
            "progress",
            "ask",
            "read",
            "write",
            "environment",
            "connect",
            "process",
            "change",
        ]
        .into_iter()
        .map(|name| Tool::new(name, format!("tests {name}"), Arc::clone(&any)))
        .collect();
        tools.push(Tool::new("fickle", self.fickle(), Arc::clone(&any)));
        let schema = json!({"type": "object", "properties": {"a": number, "b": number}});
        let sum = json!({"type": "object", "properties": {"sum": number}, "required": ["sum"]});
        tools.push(
            Tool::new("add", "adds", object(schema))
                .with_raw_output_schema(object(sum))
                .with_annotations(ToolAnnotations::new().read_only(true).open_world(false)),
        );
        tools
    }

    fn leave(&self, trace: &str, text: &str) {
        std::fs::write(self.witness.join(trace), text).unwrap();
    }
}

fn text(text: impl Into<String>) -> Result<CallToolResponse, ErrorData> {
    Ok(CallToolResult::success(vec![ContentBlock::text(text.into())]).into())
}

/// What came of something, as text.
fn outcome<T, E: std::fmt::Display>(
    result: Result<T, E>,
    good: impl Fn(T) -> String,
) -> Result<CallToolResponse, ErrorData> {
    text(result.map_or_else(|error| format!("error: {error}"), good))
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("test/Tool Server", "1.2.3"))
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        if self.old {
            vec![ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25].into()
        } else {
            vec![ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28].into()
        }
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if self.witness.join("pages").exists() {
            // Pages without end.
            let schema = object(json!({"description": "x".repeat(1 << 20)}));
            let mut result = ListToolsResult::with_all_items(vec![Tool::new("long", "", schema)]);
            result.next_cursor = Some("on".into());
            return Ok(result);
        }
        // In pages, because clients forget that.
        let page: usize =
            request.and_then(|request| request.cursor).map_or(0, |cursor| cursor.parse().unwrap());
        let tools = self.tools();
        let mut result =
            ListToolsResult::with_all_items(tools.iter().skip(page * 5).take(5).cloned().collect());
        result.next_cursor = ((page + 1) * 5 < tools.len()).then(|| (page + 1).to_string());
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let word = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
        match &*request.name {
            "add" => {
                let sum = arguments["a"].as_i64().unwrap() + arguments["b"].as_i64().unwrap();
                Ok(CallToolResult::structured(json!({ "sum": sum })).into())
            }
            "echo_text" => text(word("text")),
            "fail" => Ok(CallToolResult::error(vec![ContentBlock::text("out of\nluck")]).into()),
            "invalid" => Err(ErrorData::invalid_params("no such thing", None)),
            "hang" => {
                self.leave("hanging", "");
                context.ct.cancelled().await;
                self.leave("cancelled", "");
                text("too late")
            }
            "exit" => {
                eprintln!("first line\ngoing down");
                std::process::exit(3);
            }
            "endless" => endless(),
            "chatter" => chatter(),
            "garbage" => garbage(),
            "big" => text("x".repeat(arguments["bytes"].as_u64().unwrap() as usize)),
            "progress" => progress(&context).await,
            "ask" => ask(&context).await,
            "read" => outcome(std::fs::read_to_string(word("path")), |text| text),
            "write" => outcome(std::fs::write(word("path"), word("text")), |()| "written".into()),
            "environment" => {
                let all: Vec<_> = std::env::vars().map(|(n, v)| format!("{n}={v}")).collect();
                text(all.join("\n"))
            }
            "connect" => outcome(std::net::TcpStream::connect(word("to")), |_| "connected".into()),
            "process" => text(std::process::id().to_string()),
            "change" => {
                self.leave("fickle", "does another thing");
                context.peer.notify_tool_list_changed().await.unwrap();
                text("changed")
            }
            "fickle" => text("done"),
            other => Err(ErrorData::invalid_params(format!("unknown tool {other}"), None)),
        }
    }
}

/// Writes a line that does not end.
fn endless() -> ! {
    let mut stdout = std::io::stdout();
    let piece = vec![b'x'; 1 << 20];
    loop {
        if stdout.write_all(&piece).is_err() {
            std::process::exit(0);
        }
    }
}

/// Writes what is no message, line by line.
fn garbage() -> ! {
    let mut stdout = std::io::stdout();
    let piece = b"this is what a library prints\n".repeat(1_000);
    loop {
        if stdout.write_all(&piece).is_err() {
            std::process::exit(0);
        }
    }
}

/// Writes messages without end, as fast as they are read.
fn chatter() -> ! {
    let said = json!({"level": "info", "data": 1});
    let message = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": said});
    let piece = format!("{message}\n").repeat(1_000);
    let mut stdout = std::io::stdout();
    loop {
        if stdout.write_all(piece.as_bytes()).is_err() {
            std::process::exit(0);
        }
    }
}

async fn progress(context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    let token = context.meta.get_progress_token().unwrap();
    for done in 1..=40 {
        let progress = ProgressNotificationParam::new(token.clone(), f64::from(done));
        context.peer.notify_progress(progress.with_total(40.0)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    text("done")
}

#[expect(deprecated, reason = "roots are, and old servers ask for them")]
async fn ask(context: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
    outcome(context.peer.list_roots().await, |roots| format!("roots: {roots:?}"))
}

/// Waits for a trace the server leaves.
pub(crate) fn wait_for_trace(witness: &Path, trace: &str) -> bool {
    for _ in 0..500 {
        if witness.join(trace).exists() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
