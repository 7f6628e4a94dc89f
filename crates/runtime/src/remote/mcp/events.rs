//! A stream of events as its bytes arrive: HTML's server-sent events, within limits. Fields it does
//! not know are passed over, as the standard has it.
use reqwest::header::HeaderValue;
use sse_stream::Sse;

use crate::limits::{
    EVENT_ID_BYTES_MAX, EVENT_STREAM_PAUSE_MS_MAX, EVENT_STREAM_PAUSE_MS_MIN,
    REMOTE_MESSAGE_BYTES_MAX,
};

/// Why a stream cannot be read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum EventError {
    #[error("it sent an answer longer than {REMOTE_MESSAGE_BYTES_MAX} bytes")]
    TooLong,
    #[error("it sent an event that is not UTF-8")]
    NotText,
}

/// Makes events of bytes.
#[derive(Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    event: Sse,
    /// What is in the event is more than nothing.
    has_fields: bool,
    after_return: bool,
    is_begun: bool,
    /// The line is a comment, of which only the length matters.
    is_comment: bool,
    noise: usize,
}

impl Parser {
    /// Takes bytes off the front until there is an event, or no more of them.
    pub(super) fn feed(&mut self, bytes: &mut &[u8]) -> Result<Option<Sse>, EventError> {
        while let Some((byte, rest)) = bytes.split_first() {
            let was_return = std::mem::take(&mut self.after_return);
            if *byte == b'\n' && was_return {
                *bytes = rest;
                continue;
            }
            if matches!(byte, b'\n' | b'\r') {
                *bytes = rest;
                self.after_return = *byte == b'\r';
                if let Some(event) = self.end_line()? {
                    return Ok(Some(event));
                }
                continue;
            }
            if self.line.is_empty() && *byte == b':' {
                self.is_comment = true;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            *bytes = rest;
            if self.is_comment {
                self.noise += part.len();
                continue;
            }
            self.line.extend_from_slice(part);
            if self.bytes() > REMOTE_MESSAGE_BYTES_MAX {
                return Err(EventError::TooLong);
            }
        }
        Ok(None)
    }

    /// Bytes it holds of an event that is not complete.
    pub(super) fn bytes(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.line.len() + text(&self.event.data) + text(&self.event.event)
    }

    /// Bytes since this was asked last that belong to no event.
    pub(super) fn take_noise(&mut self) -> usize {
        std::mem::take(&mut self.noise)
    }

    fn end_line(&mut self) -> Result<Option<Sse>, EventError> {
        if std::mem::take(&mut self.is_comment) {
            self.noise += 1;
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        if is_first && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            if !std::mem::take(&mut self.has_fields) {
                self.noise += 1;
                return Ok(None);
            }
            return Ok(Some(std::mem::take(&mut self.event)));
        }
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (&line[..], &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let value = std::str::from_utf8(value).map_err(|_| EventError::NotText)?;
        self.field(name, value, line.len());
        if line.capacity() <= REMOTE_MESSAGE_BYTES_MAX >> 8 {
            // The room of short lines is used again.
            line.clear();
            self.line = line;
        }
        Ok(None)
    }

    fn field(&mut self, name: &[u8], value: &str, length: usize) {
        match name {
            b"data" => match &mut self.event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.event.data = Some(value.to_owned()),
            },
            b"event" => {
                self.noise += length + 1;
                self.event.event = Some(value.to_owned());
            }
            // It is sent back in a header.
            b"id" if value.len() <= EVENT_ID_BYTES_MAX && HeaderValue::from_str(value).is_ok() => {
                self.noise += length + 1;
                self.event.id = Some(value.to_owned());
            }
            b"retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.noise += length + 1;
                let pause_ms = value.parse().unwrap_or(u64::MAX);
                let limited = pause_ms.clamp(EVENT_STREAM_PAUSE_MS_MIN, EVENT_STREAM_PAUSE_MS_MAX);
                self.event.retry = Some(limited);
            }
            _ => {
                self.noise += length + 1;
                return;
            }
        }
        self.has_fields = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parser: &mut Parser, mut bytes: &[u8]) -> Vec<Sse> {
        let mut events = Vec::new();
        while let Some(event) = parser.feed(&mut bytes).unwrap() {
            events.push(event);
        }
        events
    }

    #[test]
    fn events_are_the_same_however_their_bytes_are_cut() {
        let text = "\u{feff}: hi\r\nid: 1\r\nretry: 3000\r\ndata: a\r\ndata:b é\r\n\r\nevent: ping\n\
                    nonsense\nother: field\n\n\n\ndata\r\rid: 7\n\ndata: lost";
        let whole = all(&mut Parser::default(), text.as_bytes());
        assert_eq!(whole.len(), 4, "{whole:?}");
        let first = Sse::default().data("a\nb é").id("1").retry(3_000);
        assert_eq!(whole[0], first);
        assert_eq!(whole[1].event.as_deref(), Some("ping"));
        assert_eq!(whole[2].data.as_deref(), Some(""));
        for at in 0..text.len() {
            let mut parser = Parser::default();
            let mut events = all(&mut parser, &text.as_bytes()[..at]);
            events.extend(all(&mut parser, &text.as_bytes()[at..]));
            assert_eq!(events, whole, "{at}");
        }
    }

    #[test]
    fn event_without_end_is_too_long_and_comments_are_noise() {
        let mut parser = Parser::default();
        let comment = [b':'; 1 << 10];
        for _ in 0..(2 * REMOTE_MESSAGE_BYTES_MAX) >> 10 {
            assert_eq!(parser.feed(&mut &comment[..]), Ok(None));
        }
        assert_eq!(parser.take_noise(), 2 * REMOTE_MESSAGE_BYTES_MAX);
        assert!(parser.line.capacity() == 0 && all(&mut parser, b"\ndata: x\n\n").len() == 1);
        let line = [b"data: ".as_slice(), &[b'x'; 1_000], b"\n"].concat();
        let mut lines = std::iter::repeat_with(|| parser.feed(&mut &line[..]));
        assert_eq!(lines.find(Result::is_err), Some(Err(EventError::TooLong)));
    }

    #[test]
    fn names_and_pauses_that_cannot_be_used_are_ignored_or_limited() {
        let text = format!(
            "id: {}\nid: a\u{1}b\nretry: 99999999999999999999999\nretry: x\ndata: 1\n\nretry: 0\n\n",
            "x".repeat(EVENT_ID_BYTES_MAX + 1)
        );
        let events = all(&mut Parser::default(), text.as_bytes());
        assert_eq!((&events[0].id, events[0].retry), (&None, Some(EVENT_STREAM_PAUSE_MS_MAX)));
        assert_eq!(events[1].retry, Some(EVENT_STREAM_PAUSE_MS_MIN));
        assert_eq!(
            Parser::default().feed(&mut &b"data: \xff\n"[..]).err(),
            Some(EventError::NotText)
        );
    }
}
