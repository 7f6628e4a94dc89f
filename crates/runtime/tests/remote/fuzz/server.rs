//! The server the fuzzer runs against: on a socket of loopback, and as a command. What it answers
//! is decided by the number of the case, which stands in the path or the command line.
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep, timeout};

use super::framing::{self, Script};
use super::random::Random;
use super::{answers, mutate};

/// Bytes an endless answer has at most, and how long it goes on.
const ENDLESS_BYTES: usize = 20 << 20;
const ENDLESS: Duration = Duration::from_millis(1_500);

pub(crate) struct Server {
    _runtime: Runtime,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, address));
            }
        });
        Self { _runtime: runtime, address }
    }
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

async fn serve(mut stream: TcpStream, address: SocketAddr) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let script = respond(&request, address);
        if write(&mut stream, &script).await.is_err() || script.is_last {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        let end = buffer.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let first = String::from_utf8_lossy(&buffer[..end]).into_owned();
                let mut words = first.split(' ').map(str::to_owned);
                let (method, path) = (words.next()?, words.next()?);
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some(Request { method, path, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn write(stream: &mut TcpStream, script: &Script) -> std::io::Result<()> {
    for piece in script.bytes.chunks(script.piece_bytes.max(1)) {
        timeout(ENDLESS, stream.write_all(piece)).await??;
        if script.piece_bytes < 100 {
            // So that it arrives in pieces, sometimes.
            tokio::task::yield_now().await;
        }
    }
    let (started, mut written) = (Instant::now(), 0);
    while !script.endless.is_empty() && written < ENDLESS_BYTES && started.elapsed() < ENDLESS {
        timeout(ENDLESS, stream.write_all(&script.endless)).await??;
        written += script.endless.len();
    }
    if script.is_last && written == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// What a case says to a request: one of its steps is answered badly, or all are.
fn respond(request: &Request, address: SocketAddr) -> Script {
    let mut parts = request.path.trim_start_matches('/').split(['/', '?']);
    let (kind, seed) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (Some(seed), rest) = (seed.parse::<u64>().ok(), parts.next().unwrap_or_default()) else {
        return framing::good(404, "text/plain", b"");
    };
    let said: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let step = match (kind, said["method"].as_str()) {
        ("mcp" | "a2a", Some(method)) => method.to_owned(),
        _ => format!("{} {rest}", request.method),
    };
    let mut random = Random::new(seed, &format!("{step} {}", said["id"]));
    let is_bad = seed != 0 && is_target(seed, kind, &step);
    let place = |rest: &str| format!("http://{address}/{kind}/{seed}/{rest}");
    let answer = match kind {
        "mcp" if request.method == "GET" || request.method == "DELETE" => {
            return match is_bad {
                true => {
                    framing::bad(&mut random, answers::unasked(&mut Random::new(seed, "")), true)
                }
                false => framing::good(405, "text/plain", b""),
            };
        }
        "mcp" => match answers::mcp(&said, seed.is_multiple_of(2)) {
            Some(answer) => answer,
            None if is_bad => answers::unasked(&mut random),
            None => return framing::good(202, "text/plain", b""),
        },
        "a2a" if step == "GET card" => answers::card(&place("rpc"), seed % 3 == 0),
        "a2a" => answers::a2a(&mut random, &said),
        "api" if rest == "openapi.json" => answers::document(&place("v1"), seed % 3 == 0),
        _ => serde_json::json!({"name": "a", "parent": {"name": "b"}}),
    };
    if is_bad {
        return framing::bad(&mut random, answer, kind == "mcp");
    }
    framing::good(200, "application/json", &serde_json::to_vec(&answer).unwrap())
}

fn is_target(seed: u64, kind: &str, step: &str) -> bool {
    let steps: &[&str] = match kind {
        "mcp" => &[
            "server/discover",
            "initialize",
            "notifications/initialized",
            "tools/list",
            "tools/list",
            "tools/call",
            "tools/call",
            "GET ",
            "",
        ],
        "a2a" => {
            &["GET card", "GET card", "SendMessage", "message/send", "GetTask", "tasks/get", ""]
        }
        _ => &["GET openapi.json", "GET openapi.json", "GET v1", "POST v1", ""],
    };
    let target = Random::new(seed, "target").pick(steps);
    target.is_empty() || target == step
}

/// The whole life of `BINARY mcp-fuzz SEED`: a server that answers badly on its standard output.
pub(crate) fn command(seed: u64) -> ExitCode {
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let step = said["method"].as_str().unwrap_or_default();
        let mut random = Random::new(seed, &format!("{step} {}", said["id"]));
        let is_bad = seed != 0 && is_target(seed, "mcp", step);
        let Some(mut answer) = answers::mcp(&said, seed.is_multiple_of(2)) else { continue };
        let mut text = Vec::new();
        if is_bad {
            if random.once_in(2) {
                mutate::values(&mut random, &mut answer);
            }
            for _ in 0..random.below(4) {
                noise(&mut random, &mut text);
            }
        }
        let mut bytes = serde_json::to_vec(&answer).unwrap();
        if is_bad && random.once_in(3) {
            mutate::bytes(&mut random, &mut bytes);
        }
        text.extend(bytes);
        text.extend(if is_bad && random.once_in(4) { b"\r\n" } else { &b"\n"[..] });
        let pieces =
            if is_bad { [1, 50, 4_096][random.below(3)].max(text.len() / 200) } else { text.len() };
        let is_written =
            text.chunks(pieces).all(|piece| out.write_all(piece).is_ok() && out.flush().is_ok());
        if !is_written || (is_bad && random.once_in(12)) {
            return ExitCode::from(3);
        }
        if is_bad && random.once_in(15) {
            let mut piece = Vec::new();
            noise(&mut random, &mut piece);
            let piece = piece.repeat(1 + 4_096 / piece.len().max(1));
            let many = ENDLESS_BYTES / piece.len();
            if (0..many).any(|_| out.write_all(&piece).is_err()) {
                return ExitCode::from(4);
            }
        }
    }
    ExitCode::SUCCESS
}

fn noise(random: &mut Random, out: &mut Vec<u8>) {
    match random.below(6) {
        0 => out.extend(b"a library prints this\n"),
        1 => out.extend(b"\r\n\n"),
        2 => out.extend(b"\xff\xfe\x00\n"),
        3 => out.extend(
            b"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"x\"}}\n",
        ),
        _ => {
            let mut said = answers::unasked(random);
            if random.once_in(2) {
                mutate::values(random, &mut said);
            }
            out.extend(format!("{said}\n").bytes());
        }
    }
}
