//! The access log of the embedded AWS: every request as a line of JSON.
//!
//! Rules: a line is written whole, and before the client has its answer, so that whoever reads the
//! file after a command sees all of its requests. The file holds no bodies and no credentials.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use beanpole_model::Reporter;
use beanpole_rehearsal::{Call, CallObserver};
use camino::Utf8Path;

/// A file of requests.
pub(super) struct AccessLog {
    file: Mutex<fs_err::File>,
    reporter: Arc<dyn Reporter>,
}

impl AccessLog {
    /// An empty log, over whatever is there. `reporter` hears of requests that cannot be written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn create(path: &Utf8Path, reporter: Arc<dyn Reporter>) -> std::io::Result<Self> {
        Ok(Self {
            file: Mutex::new(fs_err::File::create(path)?),
            reporter,
        })
    }
}

impl CallObserver for AccessLog {
    fn called(&self, call: &Call) {
        let Ok(mut line) = serde_json::to_vec(call) else {
            return;
        };
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(&line) {
            self.reporter
                .warn(format!("a request is missing in the access log: {error}"));
        }
    }
}
