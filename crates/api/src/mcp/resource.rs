//! Outputs of settled tasks as resources, by content id.
use ainur_primitives::ContentId;
use data_encoding::BASE64;
use rmcp::ErrorData;
use rmcp::model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents};

use super::refused;
use crate::operation::{Operation, Reply, TaskQuery};
use crate::service::Service;
use crate::view::{TaskPhase, TaskView};

/// The largest output that is part of an answer.
pub(super) const EMBEDDED_BYTES_MAX: u64 = 1 << 20;
/// The largest resource that is read at once.
const READ_BYTES_MAX: usize = 16 << 20;
/// Tasks looked at for one page of resources.
const PAGE_TASKS: u32 = 100;
/// How addresses of outputs begin.
const SCHEME: &str = "ainur://blob/";

/// Outputs of settled tasks, newest first; the cursor is the number of the last task looked at.
pub(super) fn list(
    service: &dyn Service,
    cursor: Option<&str>,
) -> Result<ListResourcesResult, ErrorData> {
    let before = match cursor.map(str::parse) {
        None => None,
        Some(Ok(number)) => Some(number),
        Some(Err(_)) => return Err(ErrorData::invalid_params("not a cursor of this list", None)),
    };
    let page = service
        .perform(Operation::TaskList(TaskQuery {
            limit: PAGE_TASKS,
            before,
            phases: vec![TaskPhase::Settled],
            ..TaskQuery::default()
        }))
        .map_err(|problem| refused(&problem))?;
    let Reply::Tasks(page) = page else { return Ok(ListResourcesResult::default()) };
    let links = page.tasks.iter().filter_map(|task| Some(link(task, task.output?))).collect();
    let mut list = ListResourcesResult::with_all_items(links);
    list.next_cursor = page.next.map(|number| number.to_string());
    Ok(list)
}

/// An output by its address.
pub(super) fn read(service: &dyn Service, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let content = uri
        .strip_prefix(SCHEME)
        .and_then(|text| text.parse::<ContentId>().ok())
        .ok_or_else(|| ErrorData::resource_not_found(format!("{uri}: see resources/list"), None))?;
    let bytes = fetch(service, content)?;
    let contents = match String::from_utf8(bytes) {
        Ok(text) => ResourceContents::text(text, uri),
        Err(error) => blob(content, error.as_bytes()),
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

/// What points at an output.
pub(super) fn link(task: &TaskView, output: ContentId) -> Resource {
    let name = format!("{} of task {}", task.capability, task.number);
    let mut link = Resource::new(format!("{SCHEME}{output}"), name);
    link.size = Some(task.output_bytes);
    link
}

/// Bytes as part of an answer.
pub(super) fn blob(output: ContentId, bytes: &[u8]) -> ResourceContents {
    ResourceContents::BlobResourceContents {
        uri: format!("{SCHEME}{output}"),
        mime_type: Some("application/octet-stream".into()),
        blob: BASE64.encode(bytes),
        meta: None,
    }
}

/// An output's bytes, verified.
pub(super) fn fetch(service: &dyn Service, output: ContentId) -> Result<Vec<u8>, ErrorData> {
    let mut bytes = Bounded(Vec::new());
    service.get_blob(output, &mut bytes).map_err(|problem| refused(&problem))?;
    Ok(bytes.0)
}

/// A buffer that refuses to grow beyond what is read at once.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > READ_BYTES_MAX {
            let what = format!("more than {READ_BYTES_MAX} bytes: use ainur blob get");
            return Err(std::io::Error::other(what));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
