//! The log of the release step on its way to S3, as the leader of a deployment writes it there.
//!
//! Rules: the log is one object that is rewritten while it grows. Its first line names it, since the
//! next release uses the same key. Lines are scrubbed before they get here: on AWS nobody reads them
//! but their owner, here they pass other people's terminals. Writing never fails a deployment.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::archive::file_of;

/// The call in a bundle's container commands that runs the release step and streams its output.
pub(crate) const COMMAND: &str = "sh .beanpole/release.sh";

/// The compose service that the call runs.
pub(crate) const SERVICE: &str = "release";

/// What the step is to do, in the bundle.
const CONFIGURATION: &str = ".beanpole/release.json";

/// How lines for machines begin.
const MARK: &str = "@beanpole ";

/// How often a log that grows is written, in real time.
const EVERY: Duration = Duration::from_millis(500);

/// The key of an environment's log.
#[must_use]
pub fn key(environment: &str) -> String {
    format!("resources/environments/logs/beanpole/{environment}/release.log")
}

/// Writes the log as it is now.
type Write = dyn Fn(Bytes) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// One deployment's log.
#[derive(Clone)]
pub struct ReleaseLog {
    write: Arc<Write>,
    text: Arc<Mutex<String>>,
}

impl fmt::Debug for ReleaseLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ReleaseLog")
    }
}

impl ReleaseLog {
    /// An empty log. `name` tells it from all others.
    #[must_use]
    pub fn new(
        name: &str,
        write: impl Fn(Bytes) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            write: Arc::new(write),
            text: Arc::new(Mutex::new(mark(&json!({"event": "log", "id": name})))),
        }
    }

    /// Adds a line.
    pub fn add(&self, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(line);
        text.push('\n');
    }

    /// Writes the log as it is now.
    pub async fn flush(&self) {
        let text = self.text().into();
        (self.write)(text).await;
    }

    /// Writes the log whenever it has grown, for as long as it is polled.
    pub async fn keep_flushing(&self) {
        let mut written = 0;
        loop {
            let length = self.text().len();
            if length != written {
                self.flush().await;
                written = length;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    fn text(&self) -> String {
        self.text
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn mark(event: &Value) -> String {
    format!("{MARK}{event}\n")
}

/// What the log of a bundle's release step says where nothing runs: every command, marked as not really
/// run. `None` if the bundle has no release step.
pub(crate) fn pretended(bundle: &Bytes) -> Option<Vec<String>> {
    let configuration: Value = serde_json::from_str(&file_of(bundle, CONFIGURATION)?).ok()?;
    let commands = configuration.get("commands")?.as_array()?;
    let event = |event: Value| mark(&event).trim_end().to_owned();
    let mut lines = vec![event(
        json!({"event": "begin", "run": "none", "pretended": true}),
    )];
    for (index, command) in commands.iter().enumerate() {
        lines.push(event(json!({
            "event": "command-begin", "run": "none", "index": index, "command": command,
        })));
        lines.push("(not run: this rehearsal has no container engine)".to_owned());
        lines.push(event(json!({
            "event": "command-end", "run": "none", "index": index, "exit_code": 0, "seconds": 0.0,
        })));
    }
    lines.push(event(
        json!({"event": "end", "run": "none", "exit_code": 0}),
    ));
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_log_is_written_whole_while_it_grows() {
        let written: Arc<Mutex<Vec<String>>> = Arc::default();
        let sink = written.clone();
        let log = ReleaseLog::new("one", move |bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            sink.lock().unwrap().push(text);
            Box::pin(async {})
        });
        let grow = async {
            tokio::time::sleep(EVERY * 4).await;
            log.add("hello");
            tokio::time::sleep(EVERY * 4).await;
        };
        tokio::select! {
            () = log.keep_flushing() => {}
            () = grow => {}
        }
        let head = "@beanpole {\"event\":\"log\",\"id\":\"one\"}\n";
        assert_eq!(
            *written.lock().unwrap(),
            [head.to_owned(), format!("{head}hello\n")]
        );
    }
}
