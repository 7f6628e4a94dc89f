//! A file, a folder or standard input as a task's input stream.
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ainur_api::Service;
use ainur_api::problem::{Code, Problem};
use ainur_primitives::ContentId;

use crate::output::io_problem;

/// How many files a folder may hold.
const FILES_MAX: usize = 100_000;

/// Stores what is at `path`; a folder is packed as a tar whose bytes depend on its content only.
pub(crate) fn pack_input(path: &Path, service: &dyn Service) -> Result<(ContentId, u64), Problem> {
    if path == Path::new("-") {
        return service.put_blob(&mut io::stdin().lock());
    }
    let describe = |error| io_problem(&format!("read {}", path.display()), &error);
    if std::fs::metadata(path).map_err(describe)?.is_dir() {
        let packed = pack_folder(path)?;
        return service.put_blob(&mut packed.as_slice());
    }
    let mut file = File::open(path).map_err(describe)?;
    service.put_blob(&mut file)
}

/// A tar of a folder: sorted paths, no times, no owners, so that equal folders give equal bytes.
fn pack_folder(folder: &Path) -> Result<Vec<u8>, Problem> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(Problem::new(
            Code::InvalidRequest,
            format!("{} holds no files", folder.display()),
        )
        .next("name a folder with at least one file"));
    }
    let mut archive = tar::Builder::new(Vec::new());
    for path in files {
        let describe = |error| io_problem(&format!("read {}", path.display()), &error);
        let mut content = Vec::new();
        File::open(&path).and_then(|mut file| file.read_to_end(&mut content)).map_err(describe)?;
        let name = path.strip_prefix(folder).unwrap_or(&path);
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        archive.append_data(&mut header, name, content.as_slice()).map_err(describe)?;
    }
    archive.into_inner().map_err(|error| io_problem("pack the folder", &error))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let describe = |error| io_problem(&format!("read {}", folder.display()), &error);
    for entry in std::fs::read_dir(folder).map_err(describe)? {
        let entry = entry.map_err(describe)?;
        let kind = entry.file_type().map_err(describe)?;
        if kind.is_dir() {
            list(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
        if files.len() > FILES_MAX {
            return Err(Problem::new(
                Code::LimitReached,
                format!("more than {FILES_MAX} files in the folder"),
            )
            .next("name a smaller folder"));
        }
    }
    Ok(())
}
