//! A client of HTTP/2, over any stream.
use std::net::SocketAddr;
use std::time::Duration;

use ainur_api::http::Token;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::bazaar::Served;

/// Longer than anything here should take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A connection on which requests are sent.
#[derive(Clone)]
pub(crate) struct Http2 {
    sender: SendRequest<Bytes>,
    base: String,
    token: String,
}

/// An answer, read to its end.
pub(crate) struct Heard {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

impl Http2 {
    /// Speaks HTTP/2 without asking first; the task ends when the connection does.
    pub(crate) async fn plain(served: &Served) -> (Self, JoinHandle<Result<(), h2::Error>>) {
        let io = TcpStream::connect(served.address).await.unwrap();
        Self::over(io, "http", &served.address.to_string(), &served.token.to_text()).await
    }

    /// The same with another token.
    pub(crate) async fn plain_as(
        served: &Served,
        token: &Token,
    ) -> (Self, JoinHandle<Result<(), h2::Error>>) {
        let io = TcpStream::connect(served.address).await.unwrap();
        Self::over(io, "http", &served.address.to_string(), &token.to_text()).await
    }

    pub(crate) async fn over(
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &str,
        authority: &str,
        token: &str,
    ) -> (Self, JoinHandle<Result<(), h2::Error>>) {
        let mut client = h2::client::Builder::new();
        client.initial_connection_window_size(1024 * 1024);
        Self::by(&client, io, scheme, authority, token).await
    }

    /// One that takes nothing of any answer but its head.
    pub(crate) async fn closed(served: &Served) -> (Self, JoinHandle<Result<(), h2::Error>>) {
        let io = TcpStream::connect(served.address).await.unwrap();
        let mut client = h2::client::Builder::new();
        client.initial_window_size(0);
        Self::by(&client, io, "http", &served.address.to_string(), &served.token.to_text()).await
    }

    async fn by(
        client: &h2::client::Builder,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        scheme: &str,
        authority: &str,
        token: &str,
    ) -> (Self, JoinHandle<Result<(), h2::Error>>) {
        let (sender, connection) = client.handshake(io).await.unwrap();
        let ended = tokio::spawn(connection);
        (Self { sender, base: format!("{scheme}://{authority}"), token: token.into() }, ended)
    }

    /// A request with the owner's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request<()> {
        let uri = format!("{}{path}", self.base);
        let request = Request::builder().method(method).uri(uri);
        request.header("authorization", format!("Bearer {}", self.token)).body(()).unwrap()
    }

    /// Begins a request whose body is sent later.
    pub(crate) async fn begin(&self, request: Request<()>) -> (ResponseFuture, SendStream<Bytes>) {
        let mut sender = self.sender.clone().ready().await.unwrap();
        sender.send_request(request, false).unwrap()
    }

    pub(crate) async fn send(&self, request: Request<()>, body: &[u8]) -> Heard {
        let (response, mut stream) = self.begin(request).await;
        stream.send_data(Bytes::copy_from_slice(body), true).unwrap();
        hear(response).await
    }

    pub(crate) async fn get(&self, path: &str) -> Heard {
        self.send(self.request(Method::GET, path), b"").await
    }
}

/// Reads an answer.
pub(crate) async fn hear(response: ResponseFuture) -> Heard {
    let response = timeout(SOON, response).await.expect("an answer in time").unwrap();
    let status = response.status();
    let (body, _) = read(response.into_body()).await.unwrap();
    Heard { status, body }
}

/// Reads a body to its end.
pub(crate) async fn read(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut bytes = Vec::new();
    while let Some(data) = timeout(SOON, body.data()).await.expect("data in time") {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, body.trailers().await?))
}

/// Waits until nobody answers at an address.
pub(crate) async fn gone(address: SocketAddr) {
    let closed = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, closed).await.expect("the server ends in time");
}
