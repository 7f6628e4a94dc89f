//! Finding the rules' shapes in a text, line by line, in one pass.
use crate::rules::{Alphabet, RULES, Rule, Shape};

/// Where a secret stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which of [`RULES`].
    pub rule: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters of UTF-8 text and bytes of other.
    pub column: usize,
    /// Past the last character.
    pub column_end: usize,
    /// The secret itself; not for the report.
    pub secret: String,
}

/// The least entropy of a token's random part, in bits a character.
const TOKEN_BITS_MIN: f64 = 2.8;

/// Longer lines are only searched up to here.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Words that make a value an example, in lower case.
const EXAMPLE_WORDS: [&str; 12] = [
    "example",
    "sample",
    "placeholder",
    "changeme",
    "change_me",
    "your_",
    "your-",
    "dummy",
    "redacted",
    "xxxxxx",
    "000000",
    "123456789",
];

/// What makes a value a reference to a secret instead of one.
const REFERENCES: [&str; 9] =
    ["${", "{{", "$(", "<", "%(", "env.", "os.environ", "getenv", "process.env"];

/// Every secret in `content`, in its order.
pub fn scan(content: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let prefixes = Prefixes::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        scan_line(line, &prefixes, |rule, start, end| {
            let secret = String::from_utf8_lossy(&line[start..end]).into_owned();
            let column = characters(&line[..start]) + 1;
            findings.push(Finding {
                rule,
                line: index + 1,
                column,
                column_end: column + characters(&line[start..end]),
                secret,
            });
        });
    }
    findings
}

fn characters(bytes: &[u8]) -> usize {
    str::from_utf8(bytes).map_or(bytes.len(), |text| text.chars().count())
}

/// The rules for tokens, by the first byte of their prefixes.
struct Prefixes {
    by_first_byte: Vec<Vec<(usize, &'static [u8])>>,
}

impl Prefixes {
    fn new() -> Self {
        let mut by_first_byte = vec![Vec::new(); 256];
        for (index, rule) in RULES.iter().enumerate() {
            let Shape::Token { prefixes, .. } = rule.shape else { continue };
            for prefix in prefixes.iter().map(|prefix| prefix.as_bytes()) {
                by_first_byte[usize::from(prefix[0])].push((index, prefix));
            }
        }
        Self { by_first_byte }
    }

    /// Every token of the line as rule and range.
    fn tokens(&self, line: &[u8]) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        let mut is_word_start = true;
        for (start, byte) in line.iter().enumerate() {
            let candidates = &self.by_first_byte[usize::from(*byte)];
            if is_word_start && !candidates.is_empty() {
                for (rule, prefix) in candidates {
                    let end =
                        line[start..].strip_prefix(*prefix).and_then(|body| token(*rule, body));
                    found.extend(end.map(|length| (*rule, start, start + prefix.len() + length)));
                }
            }
            is_word_start = !is_word(*byte);
        }
        found
    }
}

/// How long the token is whose prefix stands before `rest`, if it is one.
fn token(rule: usize, rest: &[u8]) -> Option<usize> {
    let Shape::Token { alphabet, length_min, length_max, .. } = RULES[rule].shape else {
        return None;
    };
    let length = run(rest, 0, alphabet);
    let fits = (length_min..=length_max).contains(&length);
    (fits && entropy(&rest[..length]) >= TOKEN_BITS_MIN).then_some(length)
}

/// Reports every secret of the line as its rule and range; ranges do not overlap.
fn scan_line(line: &[u8], prefixes: &Prefixes, mut report: impl FnMut(usize, usize, usize)) {
    let mut taken: Vec<(usize, usize)> = Vec::new();
    let tokens = prefixes.tokens(line);
    for (index, rule) in RULES.iter().enumerate() {
        let own = tokens.iter().filter(|(rule, ..)| *rule == index);
        let own = own.map(|(_, start, end)| (*start, *end)).chain(matches(rule, line));
        for (start, end) in own {
            let overlaps = taken.iter().any(|(from, to)| start < *to && *from < end);
            if !overlaps && !is_example(&line[start..end]) {
                taken.push((start, end));
                report(index, start, end);
            }
        }
    }
}

/// The rule's finds, of all shapes but tokens.
fn matches(rule: &Rule, line: &[u8]) -> Vec<(usize, usize)> {
    match rule.shape {
        Shape::Token { .. } => Vec::new(),
        Shape::PrivateKey => private_key(line).into_iter().collect(),
        Shape::JsonWebToken => web_tokens(line),
        Shape::UrlPassword => url_passwords(line),
        Shape::Assignment { names, alphabet, length_min, length_max, bits_min } => {
            assignment(line, names, alphabet)
                .filter(|(start, end)| {
                    let value = &line[*start..*end];
                    (length_min..=length_max).contains(&value.len())
                        && entropy(value) >= bits_min
                        && (length_min == length_max || is_mixed(value))
                })
                .into_iter()
                .collect()
        }
    }
}

/// The marker of a private key, which says enough; the key itself follows on other lines.
fn private_key(line: &[u8]) -> Option<(usize, usize)> {
    let start = positions(line, b"-----BEGIN ").next()?;
    let rest = &line[start..];
    let close = positions(rest, b"PRIVATE KEY").next()?;
    let marker = run(rest, 11, Alphabet::Printable).max(close);
    (close <= 30 && marker <= 30).then(|| {
        let dashes = positions(&rest[close..], b"-----").next().map_or(11, |at| at + 5);
        (start, start + close + dashes)
    })
}

/// `eyJ….eyJ….…`: base64url of `{"` at the beginning of header and claims.
fn web_tokens(line: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for start in positions(line, b"eyJ") {
        let end = run(line, start, Alphabet::Dotted);
        let parts: Vec<&[u8]> = line[start..end].split(|byte| *byte == b'.').collect();
        let is_word_start = start == 0 || !is_word(line[start - 1]) && line[start - 1] != b'.';
        let [header, claims, signature] = parts[..] else { continue };
        if is_word_start
            && header.len() >= 16
            && claims.starts_with(b"eyJ")
            && claims.len() >= 16
            && signature.len() >= 20
        {
            found.push((start, end));
        }
    }
    found
}

/// The password of `scheme://user:password@host`.
fn url_passwords(line: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for scheme_end in positions(line, b"://") {
        let user = scheme_end + 3;
        let authority_end = line[user..]
            .iter()
            .position(|byte| matches!(byte, b'/' | b' ' | b'"' | b'\'' | b'<' | b'>' | b'`'))
            .map_or(line.len(), |at| user + at);
        let authority = &line[user..authority_end];
        let Some(at) = authority.iter().rposition(|byte| *byte == b'@') else { continue };
        let Some(colon) = authority[..at].iter().position(|byte| *byte == b':') else { continue };
        let password = &authority[colon + 1..at];
        let has_scheme = scheme_end > 0 && line[scheme_end - 1].is_ascii_alphanumeric();
        let has_host = authority.len() > at + 1;
        let is_name = matches!(password, b"password" | b"pass" | b"pwd" | b"secret");
        if has_scheme && has_host && password.len() >= 6 && !is_name {
            found.push((user + colon + 1, user + at));
        }
    }
    found
}

/// The value of `name = value` or `"name": "value"`, when the name says it is a secret.
fn assignment(line: &[u8], names: &[&str], alphabet: Alphabet) -> Option<(usize, usize)> {
    let separator = line.iter().position(|byte| matches!(byte, b'=' | b':'))?;
    // The name is what the last word before the separator is without its own separators.
    let mut name: Vec<u8> = Vec::new();
    let before = line[..separator].trim_ascii_end();
    for byte in before.iter().rev() {
        match byte {
            b'"' | b'\'' if name.is_empty() => {}
            b'_' | b'-' | b'.' => {}
            letter if letter.is_ascii_alphanumeric() => name.push(letter.to_ascii_lowercase()),
            _ => break,
        }
    }
    name.reverse();
    let name = String::from_utf8(name).ok()?;
    if !names.iter().any(|word| name.contains(word)) {
        return None;
    }
    let after = &line[separator + 1..];
    let skipped = after
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t' | b'=' | b'>' | b'"' | b'\'' | b'`'))?;
    let start = separator + 1 + skipped;
    let end = run(line, start, alphabet);
    let trailing = line[start..end].iter().rev().take_while(|b| matches!(b, b',' | b';')).count();
    Some((start, end - trailing))
}

/// Where `needle` stands in the line.
fn positions<'a>(line: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = needle[0];
    let last = (line.len() + 1).saturating_sub(needle.len());
    (0..last).filter(move |at| line[*at] == first && line[*at..].starts_with(needle))
}

fn run(line: &[u8], start: usize, alphabet: Alphabet) -> usize {
    let rest = line.get(start..).unwrap_or_default();
    start + rest.iter().take_while(|byte| alphabet.contains(**byte)).count()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A value typed by a generator has letters and digits, and is no path, call or sentence.
fn is_mixed(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
        && !value.iter().any(|byte| matches!(byte, b'(' | b')' | b'[' | b';' | b'\\'))
        && !value.starts_with(b"/")
        && positions(value, b"://").next().is_none()
        && positions(value, b"::").next().is_none()
}

/// Whether a value says of itself that it is none, or stands for one that is elsewhere.
pub fn is_example(value: &[u8]) -> bool {
    let lower = String::from_utf8_lossy(value).to_ascii_lowercase();
    EXAMPLE_WORDS.iter().any(|word| lower.contains(word))
        || REFERENCES.iter().any(|reference| lower.contains(reference))
}

/// Shannon's entropy of the bytes, in bits a byte.
pub fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = bytes.len() as f64;
    let share = |count: &u32| f64::from(*count) / total;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}
