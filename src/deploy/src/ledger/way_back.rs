//! Which version a roll-back goes to, unless it is told. Pure.
//!
//! Rules: only a version that was proven is a way back, and never the one that runs now. The newest
//! such version is taken; what the ledger knows of it comes along.

use super::record::Record;

/// A version to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// Its label.
    pub version: String,
    /// The full id of its commit, if it is known.
    pub commit: Option<String>,
    /// The commit's subject line.
    pub subject: Option<String>,
}

/// The version that a roll-back from `running` goes to; none if nothing is known to be good.
/// `history` is newest first.
#[must_use]
pub fn way_back(history: &[Record], running: Option<&str>) -> Option<WayBack> {
    let proven = history
        .iter()
        .filter(|record| record.is_proven())
        .map(|record| WayBack {
            version: record.version.clone(),
            commit: record.commit.clone(),
            subject: record.subject.clone(),
        });
    // What a release found, and was well, is good too: the first release knows nothing older.
    let found = history
        .iter()
        .filter_map(|record| record.former.as_ref())
        .filter(|former| former.was_healthy)
        .filter_map(|former| former.version.clone())
        .map(|version| WayBack {
            version,
            commit: None,
            subject: None,
        });
    proven
        .chain(found)
        .find(|way| running != Some(way.version.as_str()))
}

/// What the ledger knows of a version: the newest release of it that names a commit.
#[must_use]
pub fn known(history: &[Record], version: &str) -> WayBack {
    let record = history
        .iter()
        .filter(|record| record.version == version)
        .find(|record| record.commit.is_some());
    WayBack {
        version: version.to_owned(),
        commit: record.and_then(|record| record.commit.clone()),
        subject: record.and_then(|record| record.subject.clone()),
    }
}

#[cfg(test)]
mod tests {
    use beanpole_model::ExitCode;

    use super::super::record::{Ending, Former, RecordId, ReleaseKind};
    use super::*;

    fn record(version: &str, exit_code: ExitCode, former: Option<&str>) -> Record {
        let started = "2026-11-20T10:00:00Z".parse().unwrap();
        Record {
            format: 1,
            id: RecordId::of(started, version),
            kind: ReleaseKind::Deploy,
            application: "shop".to_owned(),
            environment: "shop-production".to_owned(),
            version: version.to_owned(),
            commit: Some(format!("{version}0000")),
            subject: None,
            who: "alice".to_owned(),
            why: None,
            run_url: None,
            started,
            former: former.map(|version| Former {
                version: Some(version.to_owned()),
                was_healthy: true,
                ..Former::default()
            }),
            touched: true,
            migrations: Vec::new(),
            unsafe_migrations_reason: None,
            entries: Vec::new(),
            ending: Some(Ending {
                at: started,
                verdict: "released".to_owned(),
                exit_code: exit_code.code(),
                message: String::new(),
            }),
        }
    }

    #[test]
    fn the_newest_other_proven_version_is_the_way_back() {
        let history = [
            record("three", ExitCode::Done, Some("two")),
            record("bad", ExitCode::FailedRestored, Some("two")),
            record("two", ExitCode::Done, Some("one")),
        ];
        let back = |running| way_back(&history, Some(running)).map(|way| way.version);
        assert_eq!(back("three").as_deref(), Some("two"));
        assert_eq!(back("two").as_deref(), Some("three"));
    }

    #[test]
    fn what_the_first_release_found_is_the_way_back_from_it() {
        let history = [record("two", ExitCode::Done, Some("one"))];
        let back = way_back(&history, Some("two")).unwrap();
        assert_eq!((back.version.as_str(), back.commit), ("one", None));
        assert_eq!(way_back(&[], Some("two")), None);
    }

    #[test]
    fn a_version_is_known_by_its_newest_release() {
        let history = [record("two", ExitCode::FailedRestored, None)];
        assert_eq!(known(&history, "two").commit.as_deref(), Some("two0000"));
        assert_eq!(known(&history, "one").commit, None);
    }
}
