//! Reading POSIX tar: ustar, pax paths and sizes, GNU long names.
//!
//! Only headers are read; the content of an entry stays where it is, at an offset of the input.
use crate::Failure;
use crate::host::Host;
use crate::input::read_range;

const BLOCK_BYTES: u64 = 512;

/// The most entries an archive may have.
pub const ENTRIES_MAX: usize = 1_000_000;

/// The longest extended header, which holds a path.
const EXTENSION_BYTES_MAX: u64 = 1 << 16;

/// One file of the archive; folders and links are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path as the archive says it, without a leading `./`.
    pub path: String,
    /// Where its content begins in the input.
    pub offset: u64,
    /// How long it is.
    pub size: u64,
}

/// The files of the archive that the input is, in its order.
///
/// # Errors
/// [`Failure::BadInput`] when the input is not a tar archive.
pub fn entries(host: &mut dyn Host, input_bytes: u64) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    let mut offset = 0;
    let mut long_path: Option<String> = None;
    let mut long_size: Option<u64> = None;
    while offset + BLOCK_BYTES <= input_bytes {
        let header = read_range(host, offset, BLOCK_BYTES as usize)?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(entries);
        }
        check(&header, offset)?;
        let size = number(&header[124..136], offset)?;
        let kind = header[156];
        let content = offset + BLOCK_BYTES;
        let size = if matches!(kind, b'x' | b'g' | b'L') {
            size
        } else {
            long_size.take().unwrap_or(size)
        };
        let end = size.checked_add(content).filter(|end| *end <= input_bytes);
        if end.is_none() {
            return Err(bad(offset, "an entry goes past the end"));
        }
        match kind {
            b'x' | b'L' if size > EXTENSION_BYTES_MAX => {
                return Err(bad(offset, "an extended header is too long"));
            }
            b'x' => {
                let records = read_range(host, content, size as usize)?;
                for (key, value) in pax_records(&records) {
                    match key {
                        "path" => long_path = Some(value.into()),
                        "size" => long_size = value.parse().ok(),
                        _ => {}
                    }
                }
            }
            b'L' => {
                let name = read_range(host, content, size as usize)?;
                long_path = Some(text(&name));
            }
            b'0' | 0 | b'7' => {
                let path = long_path.take().unwrap_or_else(|| short_path(&header));
                let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
                entries.push(Entry { path, offset: content, size });
                if entries.len() > ENTRIES_MAX {
                    return Err(bad(offset, "too many entries"));
                }
            }
            b'g' => {}
            _ => long_path = None,
        }
        offset = content + size.div_ceil(BLOCK_BYTES) * BLOCK_BYTES;
    }
    // An archive without its two closing blocks is tolerated, an empty input is not one.
    if entries.is_empty() { Err(bad(0, "no entries")) } else { Ok(entries) }
}

fn bad(offset: u64, what: &str) -> Failure {
    Failure::BadInput(format!("not a tar archive: {what}, at byte {offset}"))
}

fn check(header: &[u8], offset: u64) -> Result<(), Failure> {
    let stated = number(&header[148..156], offset)?;
    let spaces = 8 * u64::from(b' ');
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    let actual = sum(&header[..148]) + spaces + sum(&header[156..]);
    if stated == actual { Ok(()) } else { Err(bad(offset, "a header's checksum is wrong")) }
}

/// Octal digits, or GNU's big-endian binary with the top bit set.
fn number(field: &[u8], offset: u64) -> Result<u64, Failure> {
    let malformed = || bad(offset, "a number is malformed");
    if field[0] & 0x80 != 0 {
        return field[1..].iter().try_fold(0u64, |value, byte| {
            value.checked_mul(256).map(|value| value + u64::from(*byte)).ok_or_else(malformed)
        });
    }
    let digits = text(field);
    let digits = digits.trim();
    if digits.is_empty() { Ok(0) } else { u64::from_str_radix(digits, 8).map_err(|_| malformed()) }
}

/// The field up to its first zero byte.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

fn short_path(header: &[u8]) -> String {
    let name = text(&header[..100]);
    let prefix = text(&header[345..500]);
    let ustar = &header[257..262] == b"ustar";
    if ustar && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

/// The `length key=value\n` records; whatever is malformed ends them.
fn pax_records(mut bytes: &[u8]) -> Vec<(&str, &str)> {
    let mut records = Vec::new();
    while let Some(space) = bytes.iter().position(|byte| *byte == b' ') {
        let length = str::from_utf8(&bytes[..space]).ok().and_then(|text| text.parse().ok());
        let Some(length) = length.filter(|length| *length <= bytes.len() && *length > space + 1)
        else {
            break;
        };
        let record = str::from_utf8(&bytes[space + 1..length - 1]).ok();
        if let Some((key, value)) = record.and_then(|record| record.split_once('=')) {
            records.push((key, value));
        }
        bytes = &bytes[length..];
    }
    records
}

/// Writes a deterministic ustar archive with pax paths where they are needed: what tests feed.
pub fn pack<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, content) in files {
        if path.len() > 100 {
            // A record's length counts its own digits.
            let rest = " path=\n".len() + path.len();
            let digits = (rest + rest.to_string().len()).to_string().len();
            let length = rest + digits;
            let record = format!("{length} path={path}\n");
            push_entry(&mut archive, "pax", b'x', record.as_bytes());
        }
        push_entry(&mut archive, path, b'0', content);
    }
    archive.resize(archive.len() + 2 * BLOCK_BYTES as usize, 0);
    archive
}

fn push_entry(archive: &mut Vec<u8>, path: &str, kind: u8, content: &[u8]) {
    let mut header = [0u8; BLOCK_BYTES as usize];
    let name = &path.as_bytes()[..path.len().min(100)];
    header[..name.len()].copy_from_slice(name);
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    let padded = archive.len().next_multiple_of(BLOCK_BYTES as usize);
    archive.resize(padded, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryHost;

    fn paths(archive: Vec<u8>) -> Result<Vec<Entry>, Failure> {
        let length = archive.len() as u64;
        entries(&mut MemoryHost::with_input(archive), length)
    }

    #[test]
    fn packed_files_are_found_with_their_content() {
        let long: String = "deep/".repeat(40) + "file.txt";
        let archive = pack([("./a.txt", &b"hello"[..]), (&long, &[7; 1000]), ("empty", b"")]);
        let found = paths(archive.clone()).unwrap();
        let names: Vec<&str> = found.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(names, ["a.txt", &long, "empty"]);
        let second = &found[1];
        assert_eq!(archive[second.offset as usize..][..second.size as usize], [7; 1000]);
    }

    #[test]
    fn what_is_no_archive_is_refused_with_the_place() {
        let mut archive = pack([("a", &b"hello"[..])]);
        assert!(paths(archive[..700].to_vec()).is_ok(), "closing blocks may be missing");
        assert!(matches!(paths(archive[..514].to_vec()), Err(Failure::BadInput(_))));
        archive[3] ^= 1;
        let Err(Failure::BadInput(detail)) = paths(archive) else { panic!("accepted") };
        assert!(detail.contains("checksum"), "{detail}");
        assert!(paths(vec![b'x'; 4096]).is_err());
        assert!(paths(Vec::new()).is_err());
    }

    #[test]
    fn archives_of_the_system_tar_are_read() {
        let folder = std::env::temp_dir().join(format!("ainur-guest-tar-{}", std::process::id()));
        let deep = folder.join("d".repeat(90)).join("e".repeat(90));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("f.txt"), b"deep content").unwrap();
        for format in ["ustar", "pax", "gnu"] {
            let output = std::process::Command::new("tar")
                .args(["--format", format, "-C"])
                .arg(&folder)
                .args(["-cf", "-", "."])
                .output()
                .unwrap();
            let found = paths(output.stdout.clone()).unwrap();
            assert_eq!(found.len(), 1, "{format}");
            assert!(found[0].path.ends_with("e/f.txt"), "{format}: {}", found[0].path);
            let content = &output.stdout[found[0].offset as usize..][..found[0].size as usize];
            assert_eq!(content, b"deep content", "{format}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
