//! Serves a [`Service`] over HTTP until it is told to stop.
//!
//! Bytes move on one thread; the service's own calls block and run on others, of which there are
//! never more than the [`Bounds`] allow.
mod body;
pub(crate) mod calls;
mod connection;
mod guard;
mod multiplex;
mod places;
mod preface;
pub(crate) mod route;
mod stop;
mod stream;
mod weigh;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::Scheme;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

use super::bounds::OPEN_FILES_WANTED;
use super::{Bounds, Error, Token, tls};
use crate::access::Allowances;
use crate::service::Service;
use crate::{a2a, mcp};
use connection::Door;
use guard::Guard;

pub(crate) use calls::{Calls, Lane};
pub(crate) use places::{Held, Holder, Places};
pub(crate) use route::collect;
pub use stop::StopSignal;

/// A socket that is bound and not yet served. HTTP/1.1 and HTTP/2 are spoken on it, with TLS or
/// without.
///
/// ```no_run
/// # fn example(node: std::sync::Arc<dyn ainur_api::Service>) -> Result<(), ainur_api::http::Error> {
/// use ainur_api::http::{Server, StopSignal, Token};
///
/// let server = Server::bind(([127, 0, 0, 1], 0).into(), Token::generate()?)?;
/// println!("listening on {}", server.address());
/// server.serve(node, StopSignal::new())?; // until SIGINT, SIGTERM, `node-stop` or the signal
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
    bounds: Bounds,
    a2a: a2a::Config,
    conformance: bool,
    tls: Option<tls::Config>,
    allowances: Arc<Allowances>,
}

impl Server {
    /// Binds the address; port 0 picks a free one. Connections queue up until [`Server::serve`].
    ///
    /// # Errors
    /// When the address is taken or not this machine's.
    pub fn bind(listen: SocketAddr, token: Token) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            token,
            bounds: Bounds::default(),
            a2a: a2a::Config::default(),
            conformance: false,
            tls: None,
            allowances: Arc::default(),
        })
    }

    /// The same server with other bounds.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// The same server with another agent on its card, or with push notifications.
    #[must_use]
    pub fn with_a2a(mut self, config: a2a::Config) -> Self {
        self.a2a = config;
        self
    }

    /// The same server, which counts what clients make the node keep together with whoever else has
    /// these allowances. By default they are those of [`Allowances::default`], and forgotten at the
    /// end.
    #[must_use]
    pub fn with_allowances(mut self, allowances: Arc<Allowances>) -> Self {
        self.allowances = allowances;
        self
    }

    /// The same server with the fixtures of the conformance tests in place of the market, over MCP
    /// and A2A. On a loopback address those of MCP are there without a token: they spend nothing.
    /// All else, and what is checked of every request, stays as it is.
    #[must_use]
    pub const fn with_conformance(mut self) -> Self {
        self.conformance = true;
        self
    }

    /// The same server, which answers only what is encrypted.
    #[must_use]
    pub fn with_tls(mut self, config: tls::Config) -> Self {
        self.tls = Some(config);
        self
    }

    /// The address it is bound to, with the port that was picked.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is given, SIGINT or SIGTERM arrives, or
    /// [`NodeStop`](crate::Operation::NodeStop) was performed and answered.
    ///
    /// Then no connection is accepted, calls that wait for news are answered with
    /// [`Busy`](crate::problem::Code::Busy), and the others have [`Bounds::stop_ms_max`] to end. A
    /// call that has not ended by then goes on without a caller on a thread of its own. The signal
    /// handlers stay installed: later signals do nothing. Must not be called from async code.
    ///
    /// # Errors
    /// When threads, timers or signal handlers cannot be set up.
    pub fn serve(mut self, service: Arc<dyn Service>, stop: StopSignal) -> Result<(), Error> {
        let bounds = within_open_files(self.bounds);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("ainur-api")
            .max_blocking_threads(Calls::threads_max(&bounds))
            .build()
            .map_err(Error::Start)?;
        if self.conformance {
            self.a2a.desk = a2a::Desk::Conformance;
        }
        let fixtures = self.conformance.then(mcp::conformance::Endpoint::new).transpose()?;
        let fixtures = fixtures.map(Arc::new);
        let scheme = if self.tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let guard = Guard::new(self.token, self.address, scheme.clone());
        let calls = Arc::new(Calls::new(service, self.allowances, bounds, stop.clone(), scheme));
        let a2a = a2a::Handler::new(Arc::clone(&calls), self.a2a).map_err(Error::Start)?;
        let router = route::router(guard, calls, Arc::clone(&a2a), fixtures.clone());
        runtime
            .block_on(async {
                let listener = tokio::net::TcpListener::from_std(self.listener)?;
                stop.on_signals()?;
                a2a.start();
                if let Some(fixtures) = &fixtures {
                    fixtures.start(stop.clone());
                }
                let tls = self.tls.map(|config| TlsAcceptor::from(config.into_inner()));
                connection::serve(listener, Door { router, bounds, stop, tls }).await;
                Ok(())
            })
            .map_err(Error::Start)?;
        runtime.shutdown_timeout(Duration::from_millis(bounds.stop_ms_max));
        Ok(())
    }
}

/// Raises the limit on open files as far as is wanted and allowed, and leaves half of them to the
/// node itself.
fn within_open_files(bounds: Bounds) -> Bounds {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(OPEN_FILES_WANTED).min(OPEN_FILES_WANTED);
    let now = limit.current.unwrap_or(OPEN_FILES_WANTED);
    let raised = Rlimit { current: Some(most.max(now)), maximum: limit.maximum };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() { most.max(now) } else { now };
    let callers = usize::try_from(allowed / 2).unwrap_or(usize::MAX).max(1);
    Bounds { connections_max: bounds.connections_max.min(callers), ..bounds }
}
