//! The documents that were fetched, and how long they are believed.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::ACCEPT;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::document::{self, Operation};
use super::{call, contract};
use crate::failure::Failure;
use crate::limits::{
    API_DOCUMENT_BYTES_MAX, API_DOCUMENT_MS_MAX, API_DOCUMENT_PARSED_BYTES_MAX, API_DOCUMENTS_MAX,
    API_READERS_MAX, REMOTE_CALLS_PER_SERVER_MAX, TOOLS_AGE_MS_MAX,
};
use crate::remote::Description;
use crate::remote::address::{Reach, check_url};
use crate::remote::budget::{Account, Budget, Held};
use crate::remote::http::{self, BodyError, Clients};
use crate::remote::program::ApiDocument;
use crate::remote::{secret, weight};

/// See the module.
pub(in crate::remote) struct Documents {
    clients: Arc<Clients>,
    budget: Budget,
    kept: Mutex<HashMap<ApiDocument, Arc<Service>>>,
    /// As many documents as may be read at once.
    readers: Arc<Semaphore>,
}

/// One service.
pub(super) struct Service {
    /// As many calls as may be under way at once.
    pub(super) calls: Semaphore,
    /// Who pays for what the service sends.
    pub(super) account: Account,
    /// Held while the document is fetched, so that it is fetched once for all who wait.
    known: tokio::sync::Mutex<Option<Known>>,
}

struct Known {
    fetched: Instant,
    operations: Arc<Vec<Operation>>,
    _held: Held,
}

impl Documents {
    pub(in crate::remote) fn new(clients: Arc<Clients>, budget: Budget) -> Self {
        Self {
            clients,
            budget,
            kept: Mutex::default(),
            readers: Arc::new(Semaphore::new(API_READERS_MAX)),
        }
    }

    /// Asks a service what it offers now.
    pub(in crate::remote) async fn describe(
        &self,
        document: &ApiDocument,
    ) -> Result<Description, Failure> {
        let service = self.service(document);
        let (known, description) = self.fetch(&service, document).await?;
        *service.known.lock().await = Some(known);
        description
    }

    /// What is kept about a service.
    pub(super) fn service(&self, document: &ApiDocument) -> Arc<Service> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(service) = kept.get(document) {
            return Arc::clone(service);
        }
        if kept.len() >= API_DOCUMENTS_MAX {
            // One that nobody calls now; it is fetched again when somebody does.
            let idle = kept.iter().find(|(_, service)| Arc::strong_count(service) == 1);
            if let Some(idle) = idle.or(kept.iter().next()).map(|(document, _)| document.clone()) {
                kept.remove(&idle);
            }
        }
        let calls = Semaphore::new(REMOTE_CALLS_PER_SERVER_MAX);
        let (account, known) = (self.budget.account(), tokio::sync::Mutex::new(None));
        let service = Arc::new(Service { calls, account, known });
        kept.insert(document.clone(), Arc::clone(&service));
        service
    }

    /// The operations of a service as they were not long ago.
    pub(super) async fn operations(
        &self,
        service: &Service,
        document: &ApiDocument,
    ) -> Result<Arc<Vec<Operation>>, Failure> {
        let mut known = service.known.lock().await;
        if let Some(known) = &*known
            && known.fetched.elapsed() < Duration::from_millis(TOOLS_AGE_MS_MAX)
        {
            return Ok(Arc::clone(&known.operations));
        }
        let (new, _) = self.fetch(service, document).await?;
        let operations = Arc::clone(&new.operations);
        *known = Some(new);
        Ok(operations)
    }

    /// The client for a server.
    pub(super) fn client(&self, reach: Reach) -> Result<reqwest::Client, Failure> {
        self.clients.get(reach).map_err(|error| Failure::infrastructure(error.to_string()))
    }

    async fn fetch(&self, service: &Service, document: &ApiDocument) -> Result<Fetched, Failure> {
        let unreachable = |error: reqwest::Error| Failure::crashed(http::why_unreachable(&error));
        let (at, reach) = check_url(&document.url, document.allow_private)
            .map_err(|error| Failure::crashed(error.to_string()))?;
        let request = self
            .client(reach)?
            .get(at.clone())
            .header(ACCEPT, "application/json")
            .timeout(Duration::from_millis(API_DOCUMENT_MS_MAX));
        let (header, credential) = (&document.credential_header, &document.credential);
        let request = secret::attach(request, header.as_deref(), credential.as_ref())?;
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            let why = call::why_redirected(&response);
            let why = why.unwrap_or_else(|| format!("HTTP status {status}"));
            return Err(Failure::crashed(format!("the document was not given: {why}")));
        }
        let mut held = service.account.open();
        let body = http::body(&mut response, API_DOCUMENT_BYTES_MAX as u64, &mut held).await;
        let body = body.map_err(|error| match error {
            BodyError::TooLong => {
                Failure::limit(format!("the document has more than {API_DOCUMENT_BYTES_MAX} bytes"))
            }
            BodyError::Memory(failure) => failure,
            BodyError::Broken(error) => unreachable(error),
        })?;
        let weight = weight::of_text(&body);
        if weight > API_DOCUMENT_PARSED_BYTES_MAX {
            return Err(Failure::limit(format!(
                "the document takes more than {API_DOCUMENT_PARSED_BYTES_MAX} bytes to read"
            )));
        }
        let permit = Arc::clone(&self.readers).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        held.grow(weight)?;
        let document = document.clone();
        // Long documents take their time, which others should not wait for. The reader cannot be
        // stopped: what it takes is given back by itself.
        let reading = tokio::task::spawn_blocking(move || {
            let read = read(&body, &document, &at);
            drop((body, held, permit));
            read
        });
        let read = reading.await;
        let (operations, description) =
            read.unwrap_or_else(|_| Err(Failure::infrastructure("the reader has a bug")))?;
        let bytes: usize = operations.iter().map(Operation::bytes).sum();
        let held = service.account.take(bytes as u64)?;
        let operations = Arc::new(operations);
        Ok((Known { fetched: Instant::now(), operations, _held: held }, description))
    }
}

/// What is remembered, and the agent that is made of it.
type Fetched = (Known, Result<Description, Failure>);
/// The operations, and the agent that is made of them.
type Read = (Vec<Operation>, Result<Description, Failure>);

fn read(body: &[u8], document: &ApiDocument, at: &reqwest::Url) -> Result<Read, Failure> {
    let root: Value = serde_json::from_slice(body).map_err(|error| {
        let begins_as_json = body.trim_ascii_start().starts_with(b"{");
        Failure::crashed(match begins_as_json {
            true => format!("the document cannot be read: {error}"),
            false => "the document is not JSON; YAML is not read: give the URL of the document as \
                      JSON, or convert it"
                .into(),
        })
    })?;
    let readings = document::read(&root, document, at)?;
    let description = contract::describe(&root, &readings, document);
    let operations = readings.operations.into_iter().map(|reading| reading.operation).collect();
    Ok((operations, description))
}
