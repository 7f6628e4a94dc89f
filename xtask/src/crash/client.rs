//! As much of an HTTP client as the crash test needs: one request a connection.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

/// Speaks to a node.
pub(super) struct Client {
    pub(super) address: SocketAddr,
    pub(super) token: String,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

impl Client {
    /// Performs an operation.
    pub(super) fn perform(&self, operation: &Value) -> anyhow::Result<Value> {
        let body = operation.to_string();
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "POST /v1/operations HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("half an answer")?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("{body}");
        }
        serde_json::from_str(body).context("the answer is not JSON")
    }

    /// Announces the task of a key; the same key never makes two. Every third one is refused by its
    /// check, so that it ends in a refund.
    pub(super) fn announce(&self, key: u32) -> anyhow::Result<()> {
        let refused = key.is_multiple_of(3);
        // Some outputs are too large for the journal and become blobs.
        let longer = if key.is_multiple_of(4) { 6_000 } else { 0 };
        let check = if refused {
            json!({ "kind": "digest", "expected": NOTHING })
        } else {
            json!({ "kind": "reexecution" })
        };
        // Some prices are negotiated.
        let venue = if key % 5 < 2 { "negotiation" } else { "any" };
        // Some are made of parts, two of them done at once, and one of what both delivered.
        let graph = (key % 5 == 4).then(|| graph(key));
        // And some are done in chunks, each paid by itself.
        let chunks = if key % 5 % 2 == 1 { super::chunks::inputs() } else { json!([]) };
        let reserve = if graph.is_some() { "15000000000000" } else { "5000000000000" };
        let request = json!({
            "operation": "task-run",
            "capability": "text.echo",
            "parameters": { "text": format!("task {key}{}", "!".repeat(longer)) },
            "input": null,
            "reserve": reserve,
            "graph": graph,
            "chunks": chunks,
            "loss": null,
            "budget": null,
            "selection": "scored",
            "check": check,
            "deadline_ms": 600_000,
            "limits": null,
            "only": null,
            "venue": venue,
            "idempotency_key": format!("crash-{key}"),
            "wait": false,
        });
        self.perform(&request).map(|_| ())
    }
}

/// Three parts, for 5 AINU each.
fn graph(key: u32) -> Value {
    let part = |name: &str, needs: &[u16]| {
        let parameters = json!({ "text": format!("part {name} of {key}") }).to_string();
        json!({
            "name": name,
            "capability": "text.echo",
            "parameters": parameters,
            "reserve": "5000000000000",
            "duration_ms_max": 60_000,
            "needs": needs,
        })
    };
    json!({ "subtasks": [part("left", &[]), part("right", &[]), part("both", &[0, 1])] })
}

/// The content id of no bytes at all, which no echo delivers.
const NOTHING: &str = "bafkr4ifpcne3t5pzugtkaqcn5i3nzskjtpfslsnnyejlpte2spfoihzsmi";
