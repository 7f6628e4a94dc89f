//! What kind of content a file has: by its first bytes, and among texts by its name.

/// Of a file without content.
pub const EMPTY: &str = "application/x-empty";

const OCTETS: &str = "application/octet-stream";

/// So much of a file decides whether it is text.
const SNIFF_BYTES: usize = 8 << 10;

/// How files of a kind begin.
const MAGICS: [(&[u8], &str); 20] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x04\x22\x4d\x18", "application/x-lz4"),
    (b"BZh", "application/x-bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x7fELF", "application/x-elf"),
    (b"\0asm", "application/wasm"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"wOF2", "font/woff2"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"AINURDD1", "application/vnd.ainur.deduplicated"),
];

/// What texts of a kind are called.
const EXTENSIONS: [(&str, &str); 22] = [
    ("rs", "text/x-rust"),
    ("py", "text/x-python"),
    ("c", "text/x-c"),
    ("h", "text/x-c"),
    ("js", "text/javascript"),
    ("ts", "text/x-typescript"),
    ("go", "text/x-go"),
    ("sh", "text/x-shellscript"),
    ("html", "text/html"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("md", "text/markdown"),
    ("json", "application/json"),
    ("toml", "application/toml"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("xml", "application/xml"),
    ("svg", "image/svg+xml"),
    ("gml", "text/x-gml"),
    ("log", "text/x-log"),
    ("wit", "text/x-wit"),
    ("sql", "application/sql"),
];

/// The media type of a file that begins with `bytes`.
pub fn detect(bytes: &[u8], path: &str) -> &'static str {
    if bytes.is_empty() {
        return EMPTY;
    }
    if let Some((_, media_type)) = MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return media_type;
    }
    if bytes.get(..4) == Some(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return "image/webp";
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return "application/x-tar";
    }
    let start = &bytes[..bytes.len().min(SNIFF_BYTES)];
    if !looks_like_text(start) {
        return OCTETS;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let by_name = EXTENSIONS.iter().find(|(known, _)| extension.eq_ignore_ascii_case(known));
    match by_name {
        Some((_, media_type)) => media_type,
        None if start.starts_with(b"#!") => "text/x-shellscript",
        None => "text/plain",
    }
}

/// Whether files of the type have lines.
pub fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || EXTENSIONS.iter().any(|(_, known)| *known == media_type)
}

/// UTF-8, but for a last character that is cut off, without control characters of binary formats.
fn looks_like_text(start: &[u8]) -> bool {
    let is_utf8 = match str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && start.len() == SNIFF_BYTES,
    };
    is_utf8 && !start.iter().any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_wins_over_name_and_name_tells_texts_apart() {
        assert_eq!(detect(b"\x89PNG\r\n\x1a\n", "photo.txt"), "image/png");
        assert_eq!(detect(b"{}", "a/b/C.JSON"), "application/json");
        assert_eq!(detect("grüße".as_bytes(), "noname"), "text/plain");
        assert_eq!(detect(b"#!/bin/sh\n", "run"), "text/x-shellscript");
        assert_eq!(detect(b"\x01\x02\x03", "a.rs"), OCTETS);
        assert_eq!(detect(b"\xff\xfe", "a.rs"), OCTETS);
        assert_eq!(detect(b"", "a.rs"), EMPTY);
    }

    #[test]
    fn a_character_cut_by_the_limit_does_not_make_a_text_binary() {
        let mut text = "a".repeat(SNIFF_BYTES - 1);
        text.push('ü');
        assert_eq!(detect(text.as_bytes(), "a.txt"), "text/plain");
    }
}
