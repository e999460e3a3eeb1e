//! How a release is made: what `deploy`, `rollback` and `promote` have in common.

use std::time::Duration;

use beanpole_deploy::{Author, lock};
use camino::Utf8PathBuf;
use clap::Args;
use jiff::SignedDuration;

use crate::arguments::Aws;
use crate::context::Context;

/// What a user says about a release besides what is released.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Manner {
    /// How AWS is reached
    #[command(flatten)]
    pub aws: Aws,
    /// Show what would happen, and change nothing
    #[arg(long)]
    pub plan: bool,
    /// Wait this long for the lock if someone else holds it, such as `10m`
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Why, for the lock and the history
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who approved the release, for the announcement; `BEANPOLE_APPROVED_BY` says it in CI
    #[arg(long, value_name = "NAME")]
    pub approved_by: Option<String>,
    /// Go on although the serving code cannot live with a migration; the reason is recorded
    #[arg(long, value_name = "REASON")]
    pub allow_unsafe_migrations: Option<String>,
}

/// A duration as people write it: `90s`, `10m`, `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time such as `90s`, `10m` or `1h 30m`".to_owned();
    let time: SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(time).map_err(|_| wrong())
}

/// Who releases, and why.
pub(crate) fn author(context: &Context, reason: Option<&str>) -> Author {
    let environment = &context.environment;
    Author {
        who: lock::who(environment, None),
        why: reason.map(str::to_owned),
        run_url: lock::run_url(environment),
    }
}

/// Where this machine keeps its copy of the ledger: the user's state directory (XDG Base Directory
/// Specification), or the directory for temporary files if there is no home.
pub(crate) fn state_directory(context: &Context) -> Utf8PathBuf {
    directory(context, "XDG_STATE_HOME", ".local/state")
}

/// Where bundles are packed: the user's cache directory.
pub(crate) fn cache_directory(context: &Context) -> Utf8PathBuf {
    directory(context, "XDG_CACHE_HOME", ".cache")
}

fn directory(context: &Context, variable: &str, below_home: &str) -> Utf8PathBuf {
    let environment = &context.environment;
    let base = environment
        .get(variable)
        .map(Utf8PathBuf::from)
        .or_else(|| {
            environment
                .get("HOME")
                .map(|home| Utf8PathBuf::from(home).join(below_home))
        })
        .or_else(|| Utf8PathBuf::from_path_buf(std::env::temp_dir()).ok())
        .unwrap_or_else(|| Utf8PathBuf::from(below_home));
    base.join("beanpole")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        for text in ["", "ten", "-5m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
