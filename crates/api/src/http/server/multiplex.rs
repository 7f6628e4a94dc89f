//! HTTP/2: many requests on one connection, none of which holds up the others or stays for ever.
//!
//! A stream whose caller takes nothing of an answer is reset after the same time as a stalled
//! connection of HTTP/1; a connection without streams is closed after the same time as an idle one.
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use hyper::body::{Frame, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::stop::StopSignal;
use crate::http::bounds::{
    Bounds, CONNECTION_WINDOW_BYTES, GOODBYE_MS_MAX, HEADER_BYTES_MAX, HEADERS_MAX,
    LOCAL_RESETS_MAX, PENDING_RESETS_MAX, PIECE_BYTES, SEND_BUFFER_BYTES, STREAM_WINDOW_BYTES,
    STREAMS_PER_CONNECTION_MAX,
};
use crate::http::document::Refusal;
use crate::problem::{Code, Problem};

tokio::task_local! {
    /// How far the answer of the stream at hand was taken.
    static PROGRESS: Arc<Progress>;
}

/// Answers one connection's requests until its caller leaves, is idle for too long, or the server
/// stops.
pub(super) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    router: Router,
    bounds: Bounds,
    stop: &StopSignal,
) {
    let open = watch::Sender::new(0);
    let idle = open.subscribe();
    let streams = Streams { open: Arc::new(open), stall: bounds.stall() };
    let connection = http2::Builder::new(streams)
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(Duration::from_millis(bounds.keep_alive_ms))
        .keep_alive_timeout(bounds.stall())
        .serve_connection(TokioIo::new(io), Answering(TowerToHyperService::new(router)));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        result = connection.as_mut() => Some(result),
        () = silence(idle.clone(), Duration::from_millis(bounds.header_ms_max)) => None,
        () = stop.stopped() => None,
    };
    if ended.is_some() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    // Requests that are under way end first. A caller who then does not confirm the end is left.
    tokio::select! {
        result = connection => drop(result),
        () = silence(idle, Duration::from_millis(GOODBYE_MS_MAX)) => {}
    }
}

/// Returns once there was no stream for so long.
async fn silence(mut open: watch::Receiver<usize>, long: Duration) {
    loop {
        let none = open.wait_for(|open| *open == 0).await.map(drop);
        let some = timeout(long, open.wait_for(|open| *open > 0)).await.map(|some| some.is_ok());
        // Without a sender, the connection is gone.
        if none.is_err() || some != Ok(true) {
            return;
        }
    }
}

/// Runs the streams of a connection, and ends those that are stalled.
#[derive(Clone)]
struct Streams {
    open: Arc<watch::Sender<usize>>,
    stall: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let progress = Arc::new(Progress::default());
        let (counted, stall) = (Counted::new(Arc::clone(&self.open)), self.stall);
        let watched = Arc::clone(&progress);
        tokio::spawn(async move {
            // A stream that is dropped is reset.
            tokio::select! {
                () = PROGRESS.scope(progress, stream) => {}
                () = watched.stalled(stall) => {}
            }
            drop(counted);
        });
    }
}

/// One more stream for as long as it is there.
struct Counted(Arc<watch::Sender<usize>>);

impl Counted {
    fn new(open: Arc<watch::Sender<usize>>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// Since when a piece of an answer has not been taken.
#[derive(Default)]
struct Progress(Mutex<Option<Instant>>);

impl Progress {
    fn set(&self, waiting: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }

    fn waiting(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once a piece has waited for so long.
    async fn stalled(&self, stall: Duration) {
        loop {
            match self.waiting() {
                Some(since) if since.elapsed() >= stall => return,
                Some(since) => sleep_until(since + stall).await,
                None => sleep(stall).await,
            }
        }
    }
}

/// The routes, as one connection sees them.
struct Answering(TowerToHyperService<Router>);

impl hyper::service::Service<Request<Incoming>> for Answering {
    type Response = Response<Paced>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let router = self.0.clone();
        Box::pin(async move {
            let response = match check(request) {
                Ok(request) => router.call(request).await?,
                Err(refusal) => refusal.into_response(),
            };
            Ok(paced(response))
        })
    }
}

/// A request as one of HTTP/1 would look: with a host, and with no more headers.
fn check(request: Request<Incoming>) -> Result<Request<Body>, Refusal> {
    let mut request = request.map(Body::new);
    if request.headers().len() > HEADERS_MAX {
        let message = format!("a request has {HEADERS_MAX} headers at most");
        return Err(Refusal::with_status(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Problem::new(Code::LimitReached, message),
        ));
    }
    if !request.headers().contains_key(header::HOST)
        && let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(request)
}

fn paced(response: Response<Body>) -> Response<Paced> {
    let progress = PROGRESS.with(Arc::clone);
    response.map(|inner| Paced { inner, piece: Bytes::new(), progress })
}

/// A body in pieces that are not large, which knows whether they are taken. What is written of it
/// and not taken is never more than a piece.
struct Paced {
    inner: Body,
    piece: Bytes,
    progress: Arc<Progress>,
}

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        // Being asked for more means that the piece before was taken.
        self.progress.set(None);
        while self.piece.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(context)?) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => self.piece = data,
                Err(other) => return Poll::Ready(Some(Ok(other))),
            }
        }
        let bytes = self.piece.len().min(PIECE_BYTES);
        let piece = self.piece.split_to(bytes);
        self.progress.set(Some(Instant::now()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        let mut hint = self.inner.size_hint();
        let here = self.piece.len() as u64;
        let (lower, upper) = (hint.lower() + here, hint.upper().map(|upper| upper + here));
        if let Some(upper) = upper {
            hint.set_upper(upper);
        }
        hint.set_lower(lower);
        hint
    }
}
