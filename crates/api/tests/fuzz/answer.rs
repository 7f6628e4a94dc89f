//! Answers of HTTP/1, read strictly.

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// All of it is here.
    pub(crate) whole: bool,
    /// It has no body, as one by HEAD has none.
    pub(crate) bare: bool,
    /// Only the end of the connection says that all of it is here.
    pub(crate) ends_with_connection: bool,
}

/// What a connection answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    pub(crate) all: Vec<Answer>,
    /// A head has begun and is not all here.
    pub(crate) has_rest: bool,
}

impl Answers {
    /// Nothing is missing of what has begun.
    pub(crate) fn are_whole(&self) -> bool {
        !self.has_rest && self.all.last().is_some_and(|last| last.whole)
    }

    /// The last of them is a stream that goes on.
    pub(crate) fn is_streaming(&self) -> bool {
        self.all.last().is_some_and(|last| !last.whole && last.is_stream())
    }

    /// Reads answers. A request by HEAD has an answer without a body, wherever it was among them.
    pub(crate) fn read(bytes: &[u8], has_head: bool) -> Result<Self, String> {
        let (mut answers, mut rest) = (Self::default(), bytes);
        while !rest.is_empty() {
            let Some((answer, after)) = answer(rest, has_head)? else {
                answers.has_rest = true;
                return Ok(answers);
            };
            // What is only said on the way is no answer yet.
            if answer.status >= 200 {
                answers.all.push(answer);
            }
            rest = after;
        }
        Ok(answers)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn media_type(&self) -> &str {
        self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default()
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.media_type() == "text/event-stream"
    }
}

/// The first answer and what comes after it; nothing while its head is not all here.
fn answer(bytes: &[u8], has_head: bool) -> Result<Option<(Answer, &[u8])>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        let beginning = b"HTTP/1.";
        let seen = bytes.len().min(beginning.len());
        return match bytes[..seen] == beginning[..seen] {
            true => Ok(None),
            false => Err(format!("no answer begins like {:?}", bytes[..seen].escape_ascii())),
        };
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "a head that is no text")?;
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = ["HTTP/1.1 ", "HTTP/1.0 "].iter().find_map(|start| first.strip_prefix(start));
    let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
    let status: u16 = status.ok_or_else(|| format!("the first line is {first:?}"))?;
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("a header {line:?}"))?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) || value.contains(['\r', '\n', '\0']) {
            return Err(format!("a header {line:?}"));
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let all = |wanted: &str| headers.iter().filter(|(name, _)| name == wanted).count();
    let (lengths, codings) = (all("content-length"), all("transfer-encoding"));
    if lengths > 1 || codings > 1 || (lengths > 0 && codings > 0) || all("content-type") > 1 {
        return Err(format!("a head that says one thing twice: {head:?}"));
    }
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
        whole: true,
        bare: false,
        ends_with_connection: false,
    };
    let rest = &bytes[end + 4..];
    let is_bodiless = status < 200 || matches!(status, 204 | 304);
    // Who asked by HEAD among other requests is not told apart from who did not.
    answer.bare = has_head && (rest.is_empty() || rest.starts_with(b"HTTP/1."));
    if is_bodiless || answer.bare {
        return Ok(Some((answer, rest)));
    }
    if codings > 0 {
        let (body, after) = chunks(rest)?;
        answer.body = body;
        answer.whole = after.is_some();
        return Ok(Some((answer, after.unwrap_or_default())));
    }
    // In HTTP/1.0 the end of the connection is the end of the body.
    if lengths == 0 && first.starts_with("HTTP/1.0") {
        (answer.body, answer.whole, answer.ends_with_connection) = (rest.to_vec(), false, true);
        return Ok(Some((answer, &[])));
    }
    let Some(length) = answer.header("content-length") else {
        return Err(format!("a body without a length: {head:?}"));
    };
    let length: usize = length.parse().map_err(|_| format!("a length {length:?}"))?;
    answer.whole = rest.len() >= length;
    answer.body = rest[..length.min(rest.len())].to_vec();
    Ok(Some((answer, &rest[length.min(rest.len())..])))
}

/// A body in chunks and what comes after it, if its end is here.
fn chunks(mut bytes: &[u8]) -> Result<(Vec<u8>, Option<&[u8]>), String> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| format!("a chunk of {:?}", bytes[..end].escape_ascii()))?;
        let rest = &bytes[end + 2..];
        let Some(after) = rest.get(size + 2..) else {
            body.extend_from_slice(&rest[..size.min(rest.len())]);
            return Ok((body, None));
        };
        if rest[size..size + 2] != *b"\r\n" {
            return Err("a chunk does not end where it should".into());
        }
        if size == 0 {
            return Ok((body, Some(after)));
        }
        body.extend_from_slice(&rest[..size]);
        bytes = after;
    }
    Ok((body, None))
}
