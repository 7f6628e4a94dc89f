//! Finding the node: in this process on the data directory, or the one that holds it already.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ainur_api::Service;
use ainur_api::a2a::Desk;
use ainur_api::endpoint::Endpoint;
use ainur_api::http::{Client, Server, StopSignal, Token, tls};
use ainur_api::problem::{Code, Problem};
use ainur_api::view::Verification;
use ainur_node::{DataDirectory, Node, Options, found, founding, trust};
use ainur_primitives::{Did, Digest};

/// A data directory, and the ways to its node.
pub(crate) struct Place {
    directory: DataDirectory,
    named: bool,
}

/// How a node is served.
pub(crate) struct Serving {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<String>,
    pub(crate) desk: Desk,
    pub(crate) certificate: Certificate,
}

/// What the server encrypts with.
pub(crate) enum Certificate {
    None,
    SelfSigned,
    Files { chain: PathBuf, key: PathBuf },
}

impl Certificate {
    /// How URLs of the server begin.
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::None => "http",
            Self::SelfSigned | Self::Files { .. } => "https",
        }
    }
}

/// What `init` found or made.
pub(crate) struct Initialised {
    pub(crate) data_dir: PathBuf,
    pub(crate) did: Did,
    pub(crate) chain_id: Digest,
    pub(crate) created: bool,
}

impl Place {
    pub(crate) fn new(data_dir: Option<PathBuf>) -> Result<Self, Problem> {
        let named = data_dir.is_some();
        Ok(Self { directory: DataDirectory::new(data_dir)?, named })
    }

    /// The place of a demo: the one that was named, or a new one that stays behind to look at.
    pub(crate) fn for_demo(&self) -> Result<Self, Problem> {
        if self.named {
            return Ok(Self { directory: self.directory.clone(), named: true });
        }
        let name = format!("ainur-demo-{}", std::process::id());
        Self::new(Some(std::env::temp_dir().join(name)))
    }

    /// Where it is.
    pub(crate) fn root(&self) -> &Path {
        self.directory.root()
    }

    /// Makes the data directory, or says what is there.
    pub(crate) fn init(&self) -> Result<Initialised, Problem> {
        let founded = found(&self.directory, ainur_node::now())?;
        Ok(Initialised {
            data_dir: founded.data_dir,
            did: founded.did,
            chain_id: founded.chain_id,
            created: founded.created,
        })
    }

    /// The node: the running one when there is one, otherwise one for the length of this command.
    pub(crate) fn connect(&self) -> Result<Box<dyn Service>, Problem> {
        match Node::open(self.directory.clone(), Options::default()) {
            Ok(node) => Ok(Box::new(node)),
            Err(problem) if problem.code == Code::Busy => {
                // Whoever holds the directory either serves or is another command.
                self.connect_running().map_err(|_| problem)
            }
            Err(problem) => Err(problem),
        }
    }

    /// The node in this process, for what only it can do.
    pub(crate) fn open(&self) -> Result<Node, Problem> {
        Node::open(self.directory.clone(), Options::default())
    }

    /// The running node.
    pub(crate) fn connect_running(&self) -> Result<Box<dyn Service>, Problem> {
        let endpoint = Endpoint::read(self.directory.root()).map_err(|error| of(&error))?;
        let endpoint = endpoint.ok_or_else(|| {
            Problem::new(
                Code::NotFound,
                format!("no node runs on {}", self.directory.root().display()),
            )
            .next("start one: ainur node start")
        })?;
        Ok(Box::new(Client::new(endpoint.address, endpoint.token)?))
    }

    /// Runs a node until it is stopped; `listening` is told its address.
    pub(crate) fn serve(
        &self,
        serving: Serving,
        listening: impl FnOnce(SocketAddr),
    ) -> Result<(), Problem> {
        let token = Token::generate().map_err(|error| of(&error))?;
        let bind = |listen| {
            Server::bind(listen, token.clone()).map_err(|error| {
                of(&error).next("name another address with --listen, such as 127.0.0.1:0")
            })
        };
        let server = bind(serving.listen)?;
        let address = server.address();
        let options = Options { listen: Some(address.to_string()), ..Options::default() };
        let node = Arc::new(Node::open(self.directory.clone(), options)?);
        let server = server.with_a2a(node.a2a(serving.desk, serving.public_url)?);
        // Whichever port a client comes through, it has used the same.
        let allowances = Arc::new(node.allowances()?);
        let mut server = match serving.desk {
            Desk::Market => server,
            Desk::Conformance => server.with_conformance(),
        };
        // Commands on this machine speak plain HTTP, on loopback, whatever clients speak.
        let mut beside = None;
        if let Some(tls) = self.tls(&serving.certificate, address)? {
            server = server.with_tls(tls);
            beside = Some(bind(([127, 0, 0, 1], 0).into())?);
        }
        let local = beside.as_ref().map_or(address, Server::address);
        let endpoint = Endpoint::of_this_process(local, token.clone());
        endpoint.write(self.directory.root()).map_err(|error| of(&error))?;
        listening(address);
        let stop = StopSignal::new();
        let watch = watch(&node, &stop);
        let served = std::thread::scope(|scope| {
            let serve = |server: Server| {
                let server = server.with_allowances(Arc::clone(&allowances));
                let served = server.serve(Arc::clone(&node) as Arc<dyn Service>, stop.clone());
                stop.stop();
                served
            };
            let beside = beside.map(|beside| scope.spawn(move || serve(beside)));
            let served = serve(server);
            match beside.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(beside)) => served.and(beside),
                Some(Err(_)) | None => served,
            }
        });
        stop.stop();
        if watch.join().is_err() {
            tracing::error!("the thread that watches the node panicked");
        }
        Endpoint::remove(self.directory.root()).map_err(|error| of(&error))?;
        node.close()?;
        served.map_err(|error| of(&error))
    }

    /// What the server encrypts with, when it does.
    fn tls(
        &self,
        certificate: &Certificate,
        address: SocketAddr,
    ) -> Result<Option<tls::Config>, Problem> {
        let failed = |error: tls::Error| {
            of(&error)
                .next("name two PEM files with --tls-chain and --tls-key, or --tls self-signed")
        };
        match certificate {
            Certificate::None => Ok(None),
            Certificate::Files { chain, key } => {
                tls::Config::from_files(chain, key).map(Some).map_err(failed)
            }
            Certificate::SelfSigned => {
                let folder = self.directory.root().join("tls");
                std::fs::create_dir_all(&folder).map_err(|error| {
                    crate::output::io_problem(&format!("make {}", folder.display()), &error)
                })?;
                let names = ["localhost".to_owned(), address.ip().to_string()];
                let (chain, key) = (folder.join("chain.pem"), folder.join("key.pem"));
                tls::Config::self_signed(&names, &chain, &key).map(Some).map_err(failed)
            }
        }
    }

    /// Checks a receipt; needs neither a running node nor the lock of one.
    pub(crate) fn verify_receipt(
        &self,
        receipt: &[u8],
        genesis: Option<&Path>,
    ) -> Result<Verification, Problem> {
        let trust = match genesis {
            None => trust::of_directory(&self.directory)?,
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|error| {
                    crate::output::io_problem(&format!("read {}", path.display()), &error)
                })?;
                trust::of_genesis(&founding::read_genesis(&bytes)?)
            }
        };
        Ok(trust::verify(receipt, &trust))
    }
}

/// How often a serving node is looked at.
const WATCH: Duration = Duration::from_millis(250);

/// Stops the server when the node behind it has failed: it could only say so to everybody.
fn watch(node: &Arc<Node>, stop: &StopSignal) -> JoinHandle<()> {
    let (node, stop) = (Arc::clone(node), stop.clone());
    std::thread::spawn(move || {
        while !stop.is_stopped() {
            if node.has_ended() {
                stop.stop();
            }
            std::thread::sleep(WATCH);
        }
    })
}

/// A problem of the local API's own.
fn of(error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new(Code::Storage, ainur_node::problem::with_causes(error))
}
