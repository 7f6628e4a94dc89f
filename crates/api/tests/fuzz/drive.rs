//! Says a case to its server and listens to the end.
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::answer::Answers;
use crate::case::{Case, Said};
use crate::frames;
use crate::grpc;
use crate::judge;
use crate::world::World;

/// Time for a connection to be answered and to end: far above the bounds that the servers have,
/// since many are busy at once.
const ENDS_MS_MAX: u64 = 12_000;
/// Times something is said again to a server that has closed before it was heard: it has less
/// patience than a busy machine may ask for.
const TRIES_MAX: u32 = 6;
/// Silence after a whole answer until the caller leaves.
const SATISFIED_MS: u64 = 15;
/// The same where it cannot be known what is whole.
const SILENCE_MS: u64 = 200;
/// Silence in a stream of events until the caller leaves.
const STREAM_MS: u64 = 400;

/// What came of saying something.
struct Heard {
    bytes: Vec<u8>,
    end: End,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server closed it.
    Closed,
    /// The server closed it without having read everything; what it said before may be lost.
    Reset,
    /// The caller was satisfied, said so by closing its half, and then the server closed.
    Left,
    /// The caller had enough of a stream that goes on.
    Streaming,
}

/// Has a case said and judges what comes back: how it was answered, in a word or two, or what is
/// wrong with that.
pub(crate) async fn run(case: &Case, world: &World) -> Result<String, String> {
    match &case.said {
        Said::Call(call) => {
            let time = Duration::from_millis(ENDS_MS_MAX);
            for tried in 0..TRIES_MAX {
                let made = timeout(time, call.make(world.address)).await;
                match made.map_err(|_| "the call neither ends nor fails")? {
                    Ok(Some(code)) => return Ok(format!("gRPC {code}")),
                    Ok(None) => return Ok("gRPC refused".into()),
                    Err(grpc::Failure::Wrong(why)) => return Err(why),
                    // Who is too slow to begin finds the connection closed.
                    Err(grpc::Failure::Lost(_)) => pause(tried).await,
                }
            }
            Err("the connection is lost whenever this call is made".into())
        }
        Said::Frames(bytes) => {
            let is_done = |_: &[u8]| Ok(Done::Perhaps);
            let heard = exchange(world.address, bytes, case, is_done).await?;
            // What does not begin as HTTP/2 is taken for the other version.
            if heard.bytes.starts_with(b"HTTP/1.") {
                return Answers::read(&heard.bytes, false).map(|_| "no preface".into());
            }
            frames::check(&heard.bytes).map(|answered| format!("HTTP/2 {answered}"))
        }
        Said::Http1 { bytes, expected } => {
            let has_head = bytes.windows(5).any(|five| five.eq_ignore_ascii_case(b"HEAD "));
            let speaks_http2 = bytes.starts_with(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            if speaks_http2 {
                exchange(world.address, bytes, case, |_| Ok(Done::Perhaps)).await?;
                return Ok("another preface".into());
            }
            let is_done = |bytes: &[u8]| {
                let answers = Answers::read(bytes, has_head)?;
                Ok(match (answers.are_whole(), answers.is_streaming()) {
                    (true, _) => Done::Yes,
                    (_, true) => Done::Streaming,
                    _ => Done::No,
                })
            };
            let mut heard = exchange(world.address, bytes, case, is_done).await?;
            for tried in 0..TRIES_MAX {
                // A request whose head is right is always answered, if it is said in time.
                if heard.bytes.is_empty() && expected.surface.is_some() && heard.end != End::Reset {
                    pause(tried).await;
                    heard = exchange(world.address, bytes, case, is_done).await?;
                }
            }
            let answers = Answers::read(&heard.bytes, has_head)?;
            if answers.all.is_empty() && expected.surface.is_some() && heard.end == End::Closed {
                return Err("no answer".into());
            }
            let is_cut = answers.has_rest
                || answers.all.iter().any(|answer| !answer.whole && !answer.ends_with_connection);
            if is_cut && heard.end == End::Closed && !answers.is_streaming() {
                return Err(format!("an answer breaks off: {}", heard.bytes.escape_ascii()));
            }
            for answer in &answers.all {
                judge::check(answer, expected)
                    .map_err(|wrong| format!("{wrong}\n  the answer: {}", show(&heard.bytes)))?;
            }
            let surface = expected.surface.map_or("HTTP/1".into(), |known| format!("{known:?}"));
            let first = answers.all.first();
            Ok(match first.map(|answer| (answer.status, judge::is_error(answer))) {
                None => format!("{surface} closed"),
                Some((status, false)) => format!("{surface} {status}"),
                Some((status, true)) => format!("{surface} {status} error"),
            })
        }
    }
}

/// Longer each time.
async fn pause(tried: u32) {
    sleep(Duration::from_millis(100 << tried)).await;
}

fn show(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(4_000)].escape_ascii().to_string()
}

/// Whether more is to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Done {
    Yes,
    No,
    Perhaps,
    Streaming,
}

/// Writes in pieces, reads at the same time, and closes when all was heard.
async fn exchange(
    address: SocketAddr,
    bytes: &[u8],
    case: &Case,
    is_done: impl Fn(&[u8]) -> Result<Done, String>,
) -> Result<Heard, String> {
    let stream =
        TcpStream::connect(address).await.map_err(|error| format!("no way in: {error}"))?;
    drop(stream.set_nodelay(true));
    let (mut reading, mut writing) = stream.into_split();
    let deadline = Instant::now() + Duration::from_millis(ENDS_MS_MAX);
    let mut heard = Vec::new();
    let mut ended = None;
    let said = {
        let saying = say(&mut writing, bytes, &case.cuts);
        tokio::pin!(saying);
        loop {
            tokio::select! {
                said = &mut saying => break said,
                end = take(&mut reading, &mut heard), if ended.is_none() => ended = end,
                () = tokio::time::sleep_until(deadline) => {
                    return Err("the server neither reads nor closes".into());
                }
            }
        }
    };
    drop(said);
    let mut has_left = false;
    while ended.is_none() {
        let done = is_done(&heard)?;
        let patience = match done {
            Done::Yes => SATISFIED_MS,
            Done::Perhaps if !heard.is_empty() => SILENCE_MS,
            Done::Streaming => STREAM_MS,
            Done::No | Done::Perhaps => ENDS_MS_MAX,
        };
        let waits = has_left || (case.is_stubborn && done != Done::Streaming);
        let until = match waits {
            true => deadline,
            false => deadline.min(Instant::now() + Duration::from_millis(patience)),
        };
        match timeout_at(until, take(&mut reading, &mut heard)).await {
            Ok(end) => ended = end,
            Err(_) if Instant::now() >= deadline => {
                return Err(format!(
                    "the connection neither ends nor is answered; heard: {}",
                    show(&heard)
                ));
            }
            Err(_) if done == Done::Streaming => {
                return Ok(Heard { bytes: heard, end: End::Streaming });
            }
            Err(_) => {
                drop(writing.shutdown().await);
                has_left = true;
            }
        }
    }
    let end = match ended {
        Some(End::Closed) if has_left => End::Left,
        Some(end) => end,
        None => End::Closed,
    };
    Ok(Heard { bytes: heard, end })
}

/// Writes everything, as far as it is taken.
async fn say(writing: &mut OwnedWriteHalf, bytes: &[u8], cuts: &[usize]) -> std::io::Result<()> {
    let mut from = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        let cut = cut.min(bytes.len());
        writing.write_all(&bytes[from..cut]).await?;
        from = cut;
        if from < bytes.len() {
            sleep(Duration::from_millis(1)).await;
        }
    }
    Ok(())
}

/// Reads once; how the connection ended, when it did.
async fn take(reading: &mut OwnedReadHalf, heard: &mut Vec<u8>) -> Option<End> {
    match reading.read_buf(heard).await {
        Ok(0) => Some(End::Closed),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::Interrupted => None,
        Err(_) => Some(End::Reset),
    }
}
