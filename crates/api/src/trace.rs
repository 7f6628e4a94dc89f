//! Where a request belongs in a distributed trace: read once from its headers, whatever protocol it
//! speaks, and given to every task that is bought by it and says nothing itself.
use std::io::{Read, Write};
use std::sync::Arc;

use ainur_primitives::{ContentId, TraceContext};
use axum::http::HeaderMap;

use crate::access::Client;
use crate::http::Token;
use crate::operation::{Operation, Reply};
use crate::problem::Problem;
use crate::service::{Service, Told, Waiting};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

tokio::task_local! {
    /// The context of the request that is being answered. It belongs to no protocol, and handlers
    /// between the door and a purchase have no business with it.
    static CONTEXT: TraceContext;
}

/// What headers say; nothing when they are malformed, as the standard has it.
fn read(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all(TRACEPARENT).into_iter();
    let parent = parents.next()?.to_str().ok()?;
    if parents.next().is_some() {
        return None;
    }
    let states = headers.get_all(TRACESTATE).into_iter();
    let states: Option<Vec<&str>> = states.map(|state| state.to_str().ok()).collect();
    let state = states.filter(|states| !states.is_empty()).map(|states| states.join(","));
    TraceContext::read(parent, state.as_deref())
}

/// Answers a request within the context that its headers name.
pub(crate) async fn within<T>(headers: &HeaderMap, answer: impl Future<Output = T>) -> T {
    match read(headers) {
        Some(context) => CONTEXT.scope(context, answer).await,
        None => answer.await,
    }
}

/// The context of the request that is being answered, for what goes on after it elsewhere.
pub(crate) fn current() -> Option<TraceContext> {
    CONTEXT.try_with(TraceContext::clone).ok()
}

/// The service as the request that is being answered may use it: tasks are bought in its context.
pub(crate) fn around(service: Arc<dyn Service>) -> Arc<dyn Service> {
    match current() {
        Some(context) => Arc::new(Traced { service, context }),
        None => service,
    }
}

struct Traced {
    service: Arc<dyn Service>,
    context: TraceContext,
}

impl Service for Traced {
    fn perform(&self, mut operation: Operation) -> Result<Reply, Problem> {
        if let Operation::TaskRun(request) = &mut operation {
            // What a message says of itself is nearer than what brought it here.
            request.trace.get_or_insert_with(|| Box::new(self.context.clone()));
        }
        self.service.perform(operation)
    }

    fn put_blob(&self, source: &mut dyn Read) -> Result<(ContentId, u64), Problem> {
        self.service.put_blob(source)
    }

    fn watch(&self, task: &str, after: u32, told: Told) -> Result<Waiting, Problem> {
        self.service.watch(task, after, told)
    }

    fn client(&self, token: &Token) -> Option<Client> {
        self.service.client(token)
    }

    fn get_blob(&self, content: ContentId, sink: &mut dyn Write) -> Result<u64, Problem> {
        self.service.get_blob(content, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn context_is_read_from_one_parent_and_all_states() {
        let context = read(&headers(&[(TRACEPARENT, PARENT)])).unwrap();
        assert_eq!((&*context.traceparent(), context.tracestate()), (PARENT, None));
        let states = headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1"), (TRACESTATE, "b=2")]);
        assert_eq!(read(&states).unwrap().tracestate(), Some("a=1,b=2"));
        assert_eq!(read(&headers(&[(TRACEPARENT, PARENT), (TRACEPARENT, PARENT)])), None);
        assert_eq!(read(&headers(&[(TRACEPARENT, "00-0-0-0")])), None);
        assert_eq!(read(&headers(&[(TRACESTATE, "a=1")])), None);
    }
}
