//! Accepts connections, never more than the bound at once, and lets them end when the server stops.
use std::net::{IpAddr, Shutdown};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::multiplex;
use super::places::{Holder, Places};
use super::preface::{self, Spoken};
use super::stop::StopSignal;
use super::stream::Stream;
use crate::http::bounds::{Bounds, HEADER_BYTES_MAX, HEADERS_MAX};

/// What a connection too many is told before it is closed.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\ncontent-length: 147\r\nretry-after: 1\r\n\
    connection: close\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"detail\":\"too many connections\",\"code\":\"busy\",\"next_step\":\"try again in a moment\"}";

/// Time to wait when no connection can be accepted, which is when open files have run out.
const ACCEPT_RETRY_MS: u64 = 100;

/// What a connection is served with.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) router: Router,
    pub(super) bounds: Bounds,
    pub(super) stop: StopSignal,
    /// Encrypts, when that was asked for; what is not encrypted is then refused.
    pub(super) tls: Option<TlsAcceptor>,
}

/// Serves until the signal to stop, and then until every connection has ended or time is up.
pub(super) async fn serve(listener: TcpListener, door: Door) {
    let slots = Places::halved(door.bounds.connections_max as u64);
    let mut connections = JoinSet::new();
    let mut stopped = pin!(door.stop.stopped());
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else {
            sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
            continue;
        };
        let Some(slot) = slots.take(&holder(peer.ip()), 1) else {
            // One that expects to be encrypted would not understand why.
            if door.tls.is_none() {
                turn_away(stream);
            }
            continue;
        };
        let door = door.clone();
        connections.spawn(async move {
            welcome(stream, door).await;
            drop(slot);
        });
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(Duration::from_millis(door.bounds.stop_ms_max), ended).await.is_err() {
        connections.abort_all();
    }
}

/// Nobody beyond this machine takes more than a part of the connections. What is on this machine
/// cannot be told apart before it shows a token, and the operator is there too.
fn holder(peer: IpAddr) -> Holder {
    match peer.to_canonical() {
        peer if peer.is_loopback() => Holder::Owner,
        peer => Holder::Peer(peer),
    }
}

/// Agrees on keys where there is TLS. How a connection ends is the caller's affair: a peer that goes
/// away or speaks something else is nothing that the node could act on.
async fn welcome(stream: TcpStream, door: Door) {
    // Replies are written whole; waiting for more to send would only delay them.
    drop(stream.set_nodelay(true));
    let stream = Stream::new(stream, door.bounds.stall());
    let Some(tls) = &door.tls else {
        return converse(stream, door).await;
    };
    let time = Duration::from_millis(door.bounds.handshake_ms_max);
    let agreed = tokio::select! {
        agreed = timeout(time, tls.accept(stream)) => agreed,
        () = door.stop.stopped() => return,
    };
    if let Ok(Ok(stream)) = agreed {
        converse(stream, door).await;
    }
}

/// Answers one connection's requests, in the version of HTTP that it begins with.
async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, door: Door) {
    let Door { router, bounds, stop, .. } = door;
    let time = Duration::from_millis(bounds.header_ms_max);
    let opened = tokio::select! {
        opened = timeout(time, preface::open(stream)) => opened,
        () = stop.stopped() => return,
    };
    let Ok(Ok((spoken, stream))) = opened else { return };
    if spoken == Spoken::Http2 {
        return multiplex::converse(stream, router, bounds, &stop).await;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(time)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEADER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    drop(result);
}

/// Says why as far as the socket takes it at once, and closes.
fn turn_away(stream: TcpStream) {
    if let Ok(stream) = stream.into_std() {
        drop(std::io::Write::write(&mut &stream, TOO_MANY));
        drop(stream.shutdown(Shutdown::Write));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_given_to_a_connection_too_many_is_that_of_its_body() {
        let text = std::str::from_utf8(TOO_MANY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<crate::http::document::Document<'_>>(body).is_ok());
    }
}
