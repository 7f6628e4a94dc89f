//! Posting notifications: so many at once, a part of them for any one client, and a line in the log
//! now and then when they do not arrive.
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use a2a_types::TaskPushNotificationConfig;
use axum::http::Uri;
use tokio::time::sleep;

use super::{Deliver, PushDelivery, PushFailure};
use crate::a2a::limits::{PUSH_RETRY_MS, PUSH_SENDING_MAX, PUSH_TRIES_MAX, PUSH_WARNING_MS};
use crate::http::server::{Holder, Places};

/// The header that carries the token a client gave with its configuration.
const TOKEN_HEADER: &str = "X-A2A-Notification-Token";
const MEDIA_TYPE: &str = "application/a2a+json";

/// Posts notifications; copies share their places.
#[derive(Clone)]
pub(super) struct Post {
    deliver: Deliver,
    places: Places,
    warnings: Arc<Mutex<Warnings>>,
}

/// Lines in the log.
#[derive(Default)]
struct Warnings {
    last: Option<Instant>,
    unsaid: u64,
}

impl Post {
    pub(super) fn new(deliver: Deliver) -> Self {
        Self { deliver, places: Places::quartered(PUSH_SENDING_MAX), warnings: Arc::default() }
    }

    /// Posts one notification, and again when that may help.
    pub(super) async fn send(
        &self,
        holder: &Holder,
        config: &TaskPushNotificationConfig,
        body: Vec<u8>,
    ) {
        let delivery = PushDelivery { url: config.url.clone(), headers: headers(config), body };
        let mut wait_ms = PUSH_RETRY_MS;
        for tried in 1..=PUSH_TRIES_MAX {
            let place = self.places.wait(holder, 1).await;
            let sent = (self.deliver)(delivery.clone()).await;
            drop(place);
            match sent {
                Ok(()) => return,
                Err(PushFailure::Temporary) if tried < PUSH_TRIES_MAX => {}
                Err(failure) => return self.warn(config, failure, tried),
            }
            sleep(Duration::from_millis(wait_ms)).await;
            wait_ms *= 4;
        }
    }

    /// Says what was given up. Of the address only the host: the rest may hold secrets.
    fn warn(&self, config: &TaskPushNotificationConfig, failure: PushFailure, tries: u32) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = Duration::from_millis(PUSH_WARNING_MS);
        if warnings.last.is_some_and(|last| last.elapsed() < pause) {
            warnings.unsaid += 1;
            return;
        }
        let unsaid = std::mem::take(&mut warnings.unsaid);
        warnings.last = Some(Instant::now());
        drop(warnings);
        let uri: Option<Uri> = config.url.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let task = &config.task_id;
        tracing::warn!(host, task, tries, unsaid, %failure, "a push notification was given up");
    }
}

fn headers(config: &TaskPushNotificationConfig) -> Vec<(String, String)> {
    let mut headers = vec![("Content-Type".to_owned(), MEDIA_TYPE.to_owned())];
    if let Some(token) = config.token.clone().filter(|token| !token.is_empty()) {
        headers.push((TOKEN_HEADER.into(), token));
    }
    if let Some(authentication) = &config.authentication
        && let Some(credentials) = &authentication.credentials
        && !authentication.scheme.is_empty()
    {
        let value = format!("{} {credentials}", authentication.scheme);
        headers.push(("Authorization".into(), value));
    }
    headers
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write as _};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Lines as a log would have them.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0, " {field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    fn config() -> TaskPushNotificationConfig {
        TaskPushNotificationConfig {
            url: "https://hooks.example:8443/path-secret?key=query-secret".into(),
            id: None,
            task_id: "t1".into(),
            token: Some("token-secret".into()),
            authentication: None,
            tenant: None,
        }
    }

    #[tokio::test]
    async fn what_is_given_up_is_said_now_and_then_without_secrets() {
        let lines = Lines::default();
        let said = lines.clone();
        let _log = tracing::subscriber::set_default(lines);
        let post = Post::new(Arc::new(|_| Box::pin(async { Err(PushFailure::Permanent) })));
        for _ in 0..3 {
            post.send(&Holder::Owner, &config(), b"body-secret".to_vec()).await;
        }
        let all = said.0.lock().unwrap().clone();
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].starts_with("WARN"), "{all:?}");
        assert!(all[0].contains("host=\"hooks.example\"") && !all[0].contains("secret"), "{all:?}");
        let long_ago = Instant::now().checked_sub(Duration::from_millis(PUSH_WARNING_MS));
        post.warnings.lock().unwrap().last = long_ago;
        post.send(&Holder::Owner, &config(), Vec::new()).await;
        let all = said.0.lock().unwrap().clone();
        assert!(all.len() == 2 && all[1].contains("unsaid=2"), "{all:?}");
    }

    #[tokio::test]
    async fn a_client_whose_receivers_hang_leaves_places_to_others() {
        let hangs = |delivery: PushDelivery| -> super::super::Delivery {
            match delivery.body.is_empty() {
                true => Box::pin(std::future::pending()),
                false => Box::pin(async { Ok(()) }),
            }
        };
        let post = Post::new(Arc::new(hangs));
        let greedy = Holder::Client("greedy".into());
        for _ in 0..2 * PUSH_SENDING_MAX {
            let (post, greedy) = (post.clone(), greedy.clone());
            tokio::spawn(async move { post.send(&greedy, &config(), Vec::new()).await });
        }
        tokio::task::yield_now().await;
        let (config, other) = (config(), Holder::Client("other".into()));
        let sent = post.send(&other, &config, b"x".to_vec());
        tokio::time::timeout(Duration::from_secs(5), sent).await.expect("there is a place");
    }
}
