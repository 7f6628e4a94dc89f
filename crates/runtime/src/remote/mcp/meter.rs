//! How much a server says that it was not asked for. What answers a request of ours is not counted:
//! it has limits of its own. Everything else is, by messages and bytes, in each second and between
//! two answers, which is during one call.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::limits::{
    EVENT_STREAMS_MAX, REMOTE_MESSAGE_BYTES_MAX, REMOTE_MESSAGES_PER_SECOND_MAX,
    REMOTE_PARSED_BYTES_MAX, REMOTE_UNASKED_BYTES_MAX, REMOTE_UNASKED_BYTES_PER_SECOND_MAX,
    REMOTE_UNASKED_MESSAGES_MAX,
};
use crate::remote::weight;

/// The count of one connection. Clones share it.
#[derive(Clone)]
pub(super) struct Meter(Arc<Mutex<Count>>);

struct Count {
    /// Our requests it may still answer.
    expected: usize,
    second: Instant,
    messages_in_second: u32,
    bytes_in_second: u64,
    messages: u64,
    bytes: u64,
    /// Streams of events opened since the last answer.
    streams: u32,
}

/// What a text of the server is, as far as it is known before it is read.
pub(super) struct Heard {
    /// It answers a request of ours.
    pub(super) is_answer: bool,
    /// What reading it takes.
    pub(super) weight: u64,
}

/// What tells an answer from everything else. Nothing of it is kept.
#[derive(Deserialize)]
struct Glance {
    method: Option<IgnoredAny>,
    result: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

impl Default for Meter {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Count {
            expected: 0,
            second: Instant::now(),
            messages_in_second: 0,
            bytes_in_second: 0,
            messages: 0,
            bytes: 0,
            streams: 0,
        })))
    }
}

impl Meter {
    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request is sent, and may be answered once.
    pub(super) fn ask(&self) {
        self.lock().expected += 1;
    }

    /// A whole message arrived.
    pub(super) fn hear(&self, text: &[u8]) -> Result<Heard, Failure> {
        self.hear_at(text, Instant::now())
    }

    fn hear_at(&self, text: &[u8], now: Instant) -> Result<Heard, Failure> {
        if text.len() > REMOTE_MESSAGE_BYTES_MAX {
            let most = REMOTE_MESSAGE_BYTES_MAX;
            return Err(Failure::limit(format!("it sent an answer longer than {most} bytes")));
        }
        let weight = weight::of_text(text);
        if weight > REMOTE_PARSED_BYTES_MAX {
            let most = REMOTE_PARSED_BYTES_MAX;
            let detail = format!("it sent a message that takes more than {most} bytes to read");
            return Err(Failure::limit(detail));
        }
        let is_answer = serde_json::from_slice::<Glance>(text).is_ok_and(|glance| {
            glance.method.is_none() && (glance.result.is_some() || glance.error.is_some())
        });
        let mut count = self.lock();
        if is_answer && count.expected > 0 {
            count.expected -= 1;
            (count.messages, count.bytes, count.streams) = (0, 0, 0);
            return Ok(Heard { is_answer: true, weight });
        }
        count.add(1, text.len(), now)?;
        Ok(Heard { is_answer: false, weight })
    }

    /// Bytes arrived that are no message: comments, empty lines and the like.
    pub(super) fn hear_noise(&self, bytes: usize) -> Result<(), Failure> {
        self.lock().add(0, bytes, Instant::now())
    }

    /// A stream of events is to be opened again. Says how often that was so since the last answer,
    /// or nothing when it was often enough.
    pub(super) fn open_stream(&self) -> Option<u32> {
        let mut count = self.lock();
        let before = count.streams;
        count.streams = before.saturating_add(1);
        (before < EVENT_STREAMS_MAX).then_some(before)
    }
}

impl Count {
    fn add(&mut self, messages: u32, bytes: usize, now: Instant) -> Result<(), Failure> {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            (self.messages_in_second, self.bytes_in_second) = (0, 0);
        }
        self.messages_in_second = self.messages_in_second.saturating_add(messages);
        self.bytes_in_second = self.bytes_in_second.saturating_add(bytes as u64);
        self.messages = self.messages.saturating_add(messages.into());
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let limits = [
            (
                u64::from(self.messages_in_second),
                u64::from(REMOTE_MESSAGES_PER_SECOND_MAX),
                "messages in a second",
            ),
            (
                self.bytes_in_second,
                REMOTE_UNASKED_BYTES_PER_SECOND_MAX,
                "bytes in a second that nobody asked for",
            ),
            (self.messages, REMOTE_UNASKED_MESSAGES_MAX, "messages without an answer among them"),
            (self.bytes, REMOTE_UNASKED_BYTES_MAX, "bytes without an answer among them"),
        ];
        for (count, most, what) in limits {
            if count > most {
                return Err(Failure::limit(format!("it sent more than {most} {what}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ainur_primitives::FailureReason;

    use super::*;

    const LOG: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    const ANSWER: &[u8] = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;

    fn later(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn server_that_chats_within_reason_is_heard_for_hours() {
        let (meter, start) = (Meter::default(), Instant::now());
        for index in 0..10 * 3_600 {
            assert!(meter.hear_at(LOG, later(start, index * 100)).is_ok(), "{index}");
        }
    }

    #[test]
    fn burst_of_messages_or_bytes_is_a_limit() {
        let (meter, start) = (Meter::default(), Instant::now());
        let heard = (0..3_000).find_map(|_| meter.hear_at(LOG, start).err());
        assert_eq!(heard.map(|failure| failure.reason), Some(FailureReason::LimitExceeded));
        assert!(meter.hear_at(LOG, later(start, 1_000)).is_ok());
        let long = vec![b' '; REMOTE_UNASKED_BYTES_PER_SECOND_MAX as usize + 1];
        let failure = meter.hear_at(&long, later(start, 2_000)).err().unwrap();
        assert!(failure.detail.contains("bytes in a second"), "{}", failure.detail);
    }

    #[test]
    fn endless_talk_below_the_rate_ends_unless_there_are_answers() {
        let long = REMOTE_UNASKED_BYTES_PER_SECOND_MAX as usize / 2;
        for answers in [false, true] {
            let (meter, start) = (Meter::default(), Instant::now());
            let mut ended = None;
            for second in 0..200 {
                if answers {
                    meter.ask();
                    assert!(meter.hear_at(ANSWER, later(start, second * 1_000)).unwrap().is_answer);
                }
                let heard = meter.lock().add(1, long, later(start, second * 1_000));
                ended = ended.or(heard.err());
            }
            assert_eq!(ended.is_none(), answers, "{ended:?}");
        }
    }

    #[test]
    fn answers_nobody_asked_for_are_counted() {
        let meter = Meter::default();
        meter.ask();
        assert!(meter.hear(ANSWER).unwrap().is_answer);
        assert!(!meter.hear(ANSWER).unwrap().is_answer);
        assert!((0..3_000).any(|_| meter.hear(ANSWER).is_err()));
    }

    #[test]
    fn message_that_grows_when_it_is_read_is_a_limit() {
        let meter = Meter::default();
        meter.ask();
        let text = format!(r#"{{"id":1,"result":[{}1]}}"#, r#"{"a":1},"#.repeat(200_000));
        let failure = meter.hear(text.as_bytes()).err().unwrap();
        assert!(failure.detail.contains("to read"), "{}", failure.detail);
    }
}
