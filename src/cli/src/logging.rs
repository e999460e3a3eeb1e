//! Diagnostics for ourselves, apart from what people read: `BEANPOLE_LOG` takes a level (`debug`,
//! `trace`) and writes to stderr.
//!
//! Only beanpole's own crates are heard. The libraries below log whole requests at their lowest
//! levels, and requests hold secrets.

use beanpole_model::Environment;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The variable that switches the log on.
pub(crate) const LOG_VARIABLE: &str = "BEANPOLE_LOG";

/// Starts the log if it was asked for. A word that is no level counts as `debug`.
pub(crate) fn start(environment: &Environment) {
    let Some(level) = environment.get(LOG_VARIABLE) else {
        return;
    };
    let level: LevelFilter = level.parse().unwrap_or(LevelFilter::DEBUG);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("off,beanpole={level}")))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .finish();
    // Only a second start in the same process can fail, and then the first log stays.
    let _already_started = subscriber.try_init();
}
