//! What a lock says about its holder, and what its silence means.
//!
//! Rules: plain data and pure judgement. A lock that cannot be read is a lock all the same.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::process::Process;

/// The format of lock documents.
pub const FORMAT: u32 = 1;

/// Beats that may be missed, and as many again for slow answers and sleepy machines. A beat of 30 s
/// makes three minutes.
const SILENT_BEATS: u32 = 6;

/// Who takes a lock, for what, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What is done under it: `deploy`, `rollback`, `manual`.
    pub operation: String,
    /// Who takes it.
    pub who: String,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The version that is brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The full id of its commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The page of the CI run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
}

/// The heartbeat of a lock that a running release holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Counts up, so that every beat changes the document and its entity tag.
    pub number: u64,
    /// How often it beats, in seconds of AWS's clock.
    pub every_seconds: u64,
}

impl Heartbeat {
    /// How long the lock may be silent before anyone may take it over.
    #[must_use]
    pub fn patience(self) -> Duration {
        Duration::from_secs(self.every_seconds.max(1)).saturating_mul(SILENT_BEATS)
    }
}

/// The content of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// See [`FORMAT`].
    pub format: u32,
    /// Tells this lock from all others.
    pub token: String,
    /// Who holds it, for what, and why.
    #[serde(flatten)]
    pub claim: Claim,
    /// Since when, by S3's clock.
    pub since: Timestamp,
    /// Its heartbeat; none for a lock that a person took by hand, which never goes stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Heartbeat>,
    /// The process that holds it, where processes can be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// How a lock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its holder is at work.
    Live,
    /// A person took it by hand. It stays until someone releases it.
    Manual,
    /// Its heartbeat has stopped. Anyone may take it over.
    Stale,
    /// It was held by a process of this machine and user that has ended. Ours to take over.
    Dead,
    /// Its content cannot be read, so nothing is known but that it is there.
    Unreadable,
}

impl Standing {
    /// True if the next release may take the lock over.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Stale | Self::Dead)
    }
}

/// A lock as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockSight {
    /// The environment that is locked.
    pub environment: String,
    /// Where the lock is.
    pub place: String,
    /// How it stands.
    pub standing: Standing,
    /// What it says; none if it cannot be read.
    pub lock: Option<Lock>,
    /// How long ago it was written last, in seconds by S3's clock; none if S3 did not say.
    pub silent_seconds: Option<i64>,
    /// How long ago it was taken, in seconds by S3's clock.
    pub age_seconds: Option<i64>,
    /// Why it cannot be read, if it cannot.
    pub problem: Option<String>,
    /// What to replace or remove it by.
    #[serde(skip)]
    pub(crate) etag: String,
}

impl LockSight {
    /// `alice (deploy of 0123456789ab-fedcba987654)`, or what is known.
    #[must_use]
    pub fn holder(&self) -> String {
        let Some(lock) = &self.lock else {
            return "an unknown holder".to_owned();
        };
        let claim = &lock.claim;
        match &claim.version {
            Some(version) => format!("{} ({} of `{version}`)", claim.who, claim.operation),
            None => format!("{} ({})", claim.who, claim.operation),
        }
    }

    /// All that is known, one line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(lock) = &self.lock {
            let claim = &lock.claim;
            let age = self
                .age_seconds
                .map(|seconds| format!(", {} ago", duration(seconds)))
                .unwrap_or_default();
            lines.push(format!("since {}{age}", lock.since));
            let known = [
                ("why", &claim.why),
                ("commit", &claim.commit),
                ("run", &claim.run_url),
            ];
            for (name, value) in known {
                lines.extend(value.as_ref().map(|value| format!("{name}: {value}")));
            }
            if let Some(process) = &lock.process {
                lines.push(format!("process {} on {}", process.pid, process.host));
            }
        }
        let silence = self.silent_seconds.map(duration);
        lines.extend(match (self.standing, silence) {
            (Standing::Live, Some(silence)) => Some(format!("last sign of life {silence} ago")),
            (Standing::Stale, Some(silence)) => Some(format!(
                "no sign of life for {silence}: the next release takes it over"
            )),
            (Standing::Dead, _) => {
                Some("its process has ended: the next release takes it over".to_owned())
            }
            (Standing::Manual, _) => {
                Some("taken by hand: it stays until it is released".to_owned())
            }
            (Standing::Live | Standing::Stale | Standing::Unreadable, _) => None,
        });
        lines.extend(self.problem.clone());
        lines
    }
}

/// The environment is locked by someone else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// The environment.
    pub environment: String,
    /// The lock as it was found last.
    pub sight: LockSight,
    /// How long was waited for it, in AWS time; none if nobody asked to wait.
    pub waited: Option<Duration>,
}

impl Locked {
    pub(crate) fn holder(&self) -> String {
        self.sight.holder()
    }

    pub(crate) fn details(&self) -> Vec<String> {
        let mut lines = self.sight.lines();
        lines.extend(self.waited.map(|waited| {
            let seconds = i64::try_from(waited.as_secs()).unwrap_or(i64::MAX);
            format!("waited for {}", duration(seconds))
        }));
        lines
    }

    pub(crate) fn hint(&self) -> String {
        let text = match self.sight.standing {
            Standing::Manual => {
                "`beanpole lock show` shows it; `beanpole lock release` removes it once its owner agrees"
            }
            Standing::Unreadable => {
                "`beanpole lock show` shows where it is; `beanpole lock release --force` removes it"
            }
            Standing::Live | Standing::Stale | Standing::Dead => {
                "`beanpole lock show` shows how it stands; `--wait 15m` waits for it"
            }
        };
        text.to_owned()
    }
}

/// What the bytes of a lock say, or why they cannot be read.
pub(crate) fn parse(bytes: &[u8]) -> Result<Lock, String> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let head: Head =
        serde_json::from_slice(bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    if head.format > FORMAT {
        return Err(format!(
            "a newer beanpole wrote it (format {}, and this one reads up to {FORMAT})",
            head.format
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| format!("it cannot be read: {error}"))
}

/// How a lock stands. `silent` is how long ago it was written, by S3's clock; `has_ended` is true if
/// its process is known to be gone.
#[must_use]
pub fn judge(lock: &Lock, silent: Option<SignedDuration>, has_ended: bool) -> Standing {
    let Some(heartbeat) = lock.heartbeat else {
        return Standing::Manual;
    };
    if has_ended {
        return Standing::Dead;
    }
    // Without S3's word nothing is stale.
    match silent.and_then(|silent| Duration::try_from(silent).ok()) {
        Some(silent) if silent > heartbeat.patience() => Standing::Stale,
        _ => Standing::Live,
    }
}

/// A duration for people: `45 seconds`, `12 minutes`, `3 hours`.
fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(heartbeat: Option<Heartbeat>) -> Lock {
        Lock {
            format: FORMAT,
            token: "t".to_owned(),
            claim: Claim {
                operation: "deploy".to_owned(),
                who: "alice".to_owned(),
                why: Some("the fix".to_owned()),
                version: Some("v7".to_owned()),
                commit: Some("0123".to_owned()),
                run_url: Some("https://ci/7".to_owned()),
            },
            since: Timestamp::UNIX_EPOCH,
            heartbeat,
            process: None,
        }
    }

    fn beat() -> Option<Heartbeat> {
        Some(Heartbeat {
            number: 3,
            every_seconds: 30,
        })
    }

    #[test]
    fn silence_makes_a_lock_stale_and_only_by_the_servers_word() {
        let silent = |seconds| Some(SignedDuration::from_secs(seconds));
        let live = lock(beat());
        assert_eq!(judge(&live, silent(180), false), Standing::Live);
        assert_eq!(judge(&live, silent(181), false), Standing::Stale);
        assert_eq!(judge(&live, None, false), Standing::Live);
        // A clock that went back is no silence.
        assert_eq!(judge(&live, silent(-500), false), Standing::Live);
        assert_eq!(judge(&live, silent(0), true), Standing::Dead);
    }

    #[test]
    fn a_lock_taken_by_hand_never_goes_stale() {
        let year = Some(SignedDuration::from_hours(24 * 365));
        assert_eq!(judge(&lock(None), year, true), Standing::Manual);
        assert!(!Standing::Manual.is_free());
    }

    #[test]
    fn a_beat_of_nonsense_is_no_reason_to_steal() {
        let zero = lock(Some(Heartbeat {
            number: 0,
            every_seconds: 0,
        }));
        assert_eq!(
            judge(&zero, Some(SignedDuration::from_secs(5)), false),
            Standing::Live
        );
        let endless = Heartbeat {
            number: 0,
            every_seconds: u64::MAX,
        };
        assert!(endless.patience() > Duration::from_secs(1 << 60));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert!(parse(b"{").unwrap_err().contains("cannot be read"));
        let newer = parse(br#"{"format": 9, "other": true}"#).unwrap_err();
        assert!(
            newer.contains("newer beanpole") && newer.contains('9'),
            "{newer}"
        );
        let known = lock(beat());
        let bytes = serde_json::to_vec(&known).unwrap();
        assert_eq!(parse(&bytes), Ok(known));
    }

    #[test]
    fn an_unknown_field_of_the_same_format_is_skipped() {
        let mut value = serde_json::to_value(lock(None)).unwrap();
        value["mood"] = "good".into();
        let bytes = serde_json::to_vec(&value).unwrap();
        assert_eq!(parse(&bytes), Ok(lock(None)));
    }

    #[test]
    fn the_refusal_names_who_why_and_since_when() {
        let locked = Locked {
            environment: "shop-production".to_owned(),
            sight: LockSight {
                environment: "shop-production".to_owned(),
                place: "s3://b/shop/locks/shop-production.json".to_owned(),
                standing: Standing::Live,
                lock: Some(lock(beat())),
                silent_seconds: Some(12),
                age_seconds: Some(700),
                problem: None,
                etag: String::new(),
            },
            waited: Some(Duration::from_secs(900)),
        };
        assert_eq!(locked.holder(), "alice (deploy of `v7`)");
        assert_eq!(
            locked.details(),
            [
                "since 1970-01-01T00:00:00Z, 11 minutes ago",
                "why: the fix",
                "commit: 0123",
                "run: https://ci/7",
                "last sign of life 12 seconds ago",
                "waited for 15 minutes",
            ]
        );
        assert!(locked.hint().contains("beanpole lock show"));
        assert!(locked.hint().contains("--wait"));
    }
}
