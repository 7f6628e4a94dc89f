//! Names, texts and digests for what remotes say about themselves.
use ainur_primitives::Digest;
use ainur_primitives::canonical_json::to_canonical_json;
use serde::Serialize;

/// Bytes of the remote's part of a capability's name.
const PREFIX_BYTES_MAX: usize = 63;

/// What the capabilities of a remote begin with.
pub(super) fn prefix(name: &str, otherwise: &str) -> String {
    let mut prefix = slug(name);
    prefix.truncate(PREFIX_BYTES_MAX);
    if prefix.is_empty() { otherwise.into() } else { prefix }
}

/// The digest of what is said about something. `None` when it cannot be written in canonical JSON.
pub(super) fn digest(said: &impl Serialize) -> Option<Digest> {
    let bytes = to_canonical_json(said).ok()?;
    Some(Digest(*blake3::hash(&bytes).as_bytes()))
}

/// A name in `[a-z0-9-]`: other characters separate words, and so does a capital after a small
/// letter.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    let mut after_small = false;
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() {
            after_small = false;
            if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
            continue;
        }
        if character.is_ascii_uppercase() && after_small {
            slug.push('-');
        }
        after_small = !character.is_ascii_uppercase();
        slug.push(character.to_ascii_lowercase());
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// A text fit for a manifest: control characters become spaces, and it ends at a character.
pub(super) fn cut(text: &str, bytes_max: usize, otherwise: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let fit = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text[..end].chars().map(fit).collect();
    if text.is_empty() { otherwise.into() } else { text }
}
