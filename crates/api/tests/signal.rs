//! A served process that is asked to end ends its server first. Alone in its process, because the
//! signal reaches every server there.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use ainur_api::access::Client;
use ainur_api::http::{Server, StopSignal, Token};
use ainur_api::problem::Code;
use ainur_api::service::{Told, Waiting};
use ainur_api::{Operation, Problem, Reply, Service};
use ainur_primitives::ContentId;
use rustix::process::{Signal, getpid, kill_process};

/// Refuses everything.
struct Closed;

impl Service for Closed {
    fn perform(&self, _: Operation) -> Result<Reply, Problem> {
        Err(Problem::new(Code::Busy, "closed"))
    }

    fn put_blob(&self, _: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        Err(Problem::new(Code::Busy, "closed"))
    }

    fn watch(&self, _: &str, _: u32, _: Told) -> Result<Waiting, Problem> {
        Err(Problem::new(Code::Busy, "closed"))
    }

    fn client(&self, _: &Token) -> Option<Client> {
        None
    }

    fn get_blob(&self, _: ContentId, _: &mut dyn Write) -> Result<u64, Problem> {
        Err(Problem::new(Code::Busy, "closed"))
    }
}

#[test]
fn interrupt_and_terminate_end_the_server() {
    for end in [Signal::TERM, Signal::INT] {
        let server = Server::bind(([127, 0, 0, 1], 0).into(), Token::generate().unwrap()).unwrap();
        let address = server.address();
        let (sender, ended) = channel();
        let stop = StopSignal::new();
        let signal = stop.clone();
        std::thread::spawn(move || sender.send(server.serve(Arc::new(Closed), signal)).unwrap());
        // Handlers are in place before the first connection is answered.
        let mut stream = TcpStream::connect(address).unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
        kill_process(getpid(), end).unwrap();
        ended.recv_timeout(Duration::from_secs(20)).expect("it ends in time").unwrap();
        assert!(stop.is_stopped());
    }
}
