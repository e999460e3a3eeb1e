//! Trouble that people meet, one story each: what beanpole says, and what is left.

use std::sync::Arc;

use beanpole_cloud::{NewVersion, UpdateEnvironment};
use beanpole_deploy::ReleaseReport;
use beanpole_model::{ExitCode, VersionLabel};
use jiff::SignedDuration;
use tokio::sync::Notify;

use crate::stage::{BEGIN, Stage};
use crate::support::Outcome;
use crate::truth::Truth;

/// The deployment of the manifest of every story.
const DEPLOYMENT: &str = "deployment: {policy: rolling, batch: 50%}\nhealth: {soak: 10m}";

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// A fault script is played from a phase on.
    Faults(&'static str, &'static str),
    /// The version itself is bad.
    Version(Outcome),
    /// The version is bad, and so is the way back: this is played from a phase on.
    BadWayBack(&'static str, &'static str),
    /// Someone else does something when a phase begins.
    Someone(&'static str, Deed),
    /// AWS's clock is so many hours ahead of ours.
    ClockSkew(i64),
    /// The label exists with another bundle.
    OtherContent,
    /// A second release of another commit begins while the first one's update is under way.
    TwoAtOnce,
}

/// What someone else does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// Terminates the environment.
    Terminate,
    /// Aborts the update in the console.
    Abort,
    /// Releases another version.
    Release,
    /// Deletes the new version's bundle from S3.
    DeleteBundle,
}

/// A story, and how it must end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    /// For people: what happens.
    pub(crate) happens: &'static str,
    pub(crate) act: Act,
    pub(crate) exit_code: ExitCode,
}

/// What came of a story.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) happens: &'static str,
    pub(crate) label: String,
    pub(crate) former: String,
    pub(crate) report: ReleaseReport,
    pub(crate) truth: Truth,
}

pub(crate) const STORIES: &[Story] = &[
    Story {
        happens: "AWS throttles now and then",
        act: Act::Faults(
            BEGIN,
            "requests: [{times: 0, probability: 0.4, fault: throttle}]",
        ),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "AWS throttles every call, before the update",
        act: Act::Faults("bundle", "requests: [{times: 0, fault: throttle}]"),
        exit_code: ExitCode::Outside,
    },
    Story {
        happens: "AWS answers 500 to every call, during the update",
        act: Act::Faults("update+sent", "requests: [{times: 0, fault: server-error}]"),
        exit_code: ExitCode::Outside,
    },
    Story {
        happens: "The connection breaks now and then",
        act: Act::Faults(
            BEGIN,
            "requests: [{times: 0, probability: 0.2, fault: drop}, {times: 0, probability: 0.1, fault: drop-answer}]",
        ),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "The answer to the update call is lost",
        act: Act::Faults(
            "update",
            "requests: [{operation: UpdateEnvironment, fault: drop-answer}]",
        ),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "The network is gone, before the update",
        act: Act::Faults("version", "requests: [{times: 0, fault: drop}]"),
        exit_code: ExitCode::Outside,
    },
    Story {
        happens: "The network is gone, during the soak",
        act: Act::Faults("soak", "requests: [{times: 0, fault: drop}]"),
        exit_code: ExitCode::Outside,
    },
    Story {
        happens: "The credentials expire, before the update",
        act: Act::Faults(
            "upload",
            "requests: [{times: 0, fault: expired-credentials}]",
        ),
        exit_code: ExitCode::Credentials,
    },
    Story {
        happens: "The credentials expire, during the update",
        act: Act::Faults(
            "update+sent",
            "requests: [{times: 0, fault: expired-credentials}]",
        ),
        exit_code: ExitCode::Credentials,
    },
    Story {
        happens: "A permission is missing",
        act: Act::Faults(
            BEGIN,
            "requests: [{operation: UpdateEnvironment, times: 0, fault: access-denied}]",
        ),
        exit_code: ExitCode::Credentials,
    },
    Story {
        happens: "Events cannot be read",
        act: Act::Faults(
            BEGIN,
            "requests: [{operation: DescribeEvents, times: 0, fault: access-denied}]",
        ),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "No event ever appears",
        act: Act::Faults(
            BEGIN,
            "environments: [{times: 0, fault: {lose-events: ''}}]",
        ),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "Events come half an hour late",
        act: Act::Faults(
            BEGIN,
            "environments: [{times: 0, fault: {delay-events: 30m}}]",
        ),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "AWS's clock is five hours ahead of ours",
        act: Act::ClockSkew(5),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "AWS's clock is five hours behind ours",
        act: Act::ClockSkew(-5),
        exit_code: ExitCode::Done,
    },
    Story {
        happens: "The version's label exists with other content",
        act: Act::OtherContent,
        exit_code: ExitCode::Findings,
    },
    Story {
        happens: "AWS refuses every update although the environment is Ready",
        act: Act::Faults(BEGIN, "environments: [{times: 0, fault: must-be-ready}]"),
        exit_code: ExitCode::Usage,
    },
    Story {
        happens: "A batch fails",
        act: Act::Faults(BEGIN, "environments: [{fault: {failing-batch: 2}}]"),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "AWS says \"completed successfully\", and one instance kept the old version",
        act: Act::Faults(BEGIN, "environments: [{fault: {mixed-fleet: 1}}]"),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "AWS says \"completed successfully\", and the environment stays yellow",
        act: Act::Faults(BEGIN, "environments: [{fault: {health-stuck: Yellow}}]"),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "AWS says \"completed successfully\", and no health is reported any more",
        act: Act::Faults(BEGIN, "environments: [{fault: {health-stuck: Grey}}]"),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "The version turns red two minutes after the update",
        act: Act::Faults(BEGIN, "environments: [{fault: {red-after: 2m}}]"),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "The application answers 500",
        act: Act::Version(Outcome::Sick),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "The release step fails",
        act: Act::Version(Outcome::Broken),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "The release fails, and the network with it, so that the roll-back cannot begin",
        act: Act::BadWayBack("roll-back", "requests: [{times: 0, fault: drop}]"),
        exit_code: ExitCode::FailedNotRestored,
    },
    Story {
        happens: "The release fails, and the roll-back fails as well",
        act: Act::BadWayBack("roll-back", "environments: [{fault: {failing-batch: 1}}]"),
        exit_code: ExitCode::FailedNotRestored,
    },
    Story {
        happens: "Someone aborts the update in the console",
        act: Act::Someone("update+sent", Deed::Abort),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "Someone terminates the environment, before the update",
        act: Act::Someone("bundle", Deed::Terminate),
        exit_code: ExitCode::Outside,
    },
    Story {
        happens: "Someone terminates the environment, during the soak",
        act: Act::Someone("soak", Deed::Terminate),
        exit_code: ExitCode::FailedNotRestored,
    },
    Story {
        happens: "Someone releases another version, during the soak",
        act: Act::Someone("soak", Deed::Release),
        exit_code: ExitCode::FailedNotRestored,
    },
    Story {
        happens: "Someone deletes the bundle from S3, before the update",
        act: Act::Someone("update", Deed::DeleteBundle),
        exit_code: ExitCode::FailedRestored,
    },
    Story {
        happens: "Two releases at once: the one that began second",
        act: Act::TwoAtOnce,
        exit_code: ExitCode::Busy,
    },
];

/// Plays a story in a world of its own.
pub(crate) async fn play(story: Story) -> Told {
    let skew = match story.act {
        Act::ClockSkew(hours) => SignedDuration::from_hours(hours),
        _ => SignedDuration::ZERO,
    };
    let stage = Stage::with(DEPLOYMENT, skew).await;
    let outcome = match story.act {
        Act::Version(outcome) => Some(outcome),
        Act::BadWayBack(..) => Some(Outcome::Sick),
        _ => None,
    };
    let mut label = stage.commit(outcome).await;
    let report = match story.act {
        Act::Faults(phase, script) | Act::BadWayBack(phase, script) => {
            stage.release(phase, script).await
        }
        Act::Version(_) | Act::ClockSkew(_) => stage.release(BEGIN, "").await,
        Act::Someone(phase, deed) => stage.release_while(phase, deed).await,
        Act::OtherContent => {
            stage.take_the_label(&label).await;
            stage.release(BEGIN, "").await
        }
        Act::TwoAtOnce => {
            let (second, report) = stage.release_twice().await;
            label = second;
            report
        }
    };
    let truth = Truth::at_rest(&stage.world).await;
    let told = Told {
        happens: story.happens,
        label,
        former: stage.former.clone(),
        report,
        truth,
    };
    stage.world.end().await;
    told
}

impl Stage {
    async fn release_while(&self, phase: &str, deed: Deed) -> ReleaseReport {
        let begun = Arc::new(Notify::new());
        let cue = begun.clone();
        let someone = async {
            begun.notified().await;
            self.someone_does(deed).await;
        };
        let released = self.release_with(phase, move || cue.notify_one());
        let (report, ()) = tokio::join!(released, someone);
        report
    }

    async fn someone_does(&self, deed: Deed) {
        let (cloud, project) = (&self.world.cloud, &self.world.project);
        let beanstalk = &cloud.beanstalk;
        match deed {
            Deed::Terminate => {
                let (application, name) = (&project.application, &project.environment);
                beanstalk.terminate(application, name).await.unwrap();
            }
            Deed::Abort => {
                // It cannot be aborted in its first moments.
                while beanstalk.abort(&project.environment).await.is_err() {
                    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
                }
            }
            Deed::Release => {
                self.create_version("theirs").await;
                let update = UpdateEnvironment::deploy(
                    project.application.clone(),
                    project.environment.clone(),
                    VersionLabel::new("theirs").unwrap(),
                );
                beanstalk.update_environment(&update).await.unwrap();
            }
            Deed::DeleteBundle => {
                let bucket = beanstalk.storage_location().await.unwrap();
                let newest = self.world.bundles().await;
                let newest = newest.iter().max_by_key(|(_, stored)| *stored).unwrap();
                cloud.storage.delete(&bucket, &newest.0).await.unwrap();
            }
        }
    }

    /// Creates a version of this label with a bundle of its own.
    async fn create_version(&self, label: &str) {
        let (cloud, project) = (&self.world.cloud, &self.world.project);
        let bucket = cloud.beanstalk.storage_location().await.unwrap();
        let key = self.world.bundles().await[0].0.clone();
        let body = cloud.storage.get(&bucket, &key).await.unwrap();
        cloud
            .storage
            .put(&bucket, "theirs.zip", body)
            .await
            .unwrap();
        let version = NewVersion {
            application: project.application.clone(),
            label: VersionLabel::new(label).unwrap(),
            description: String::new(),
            bucket,
            key: "theirs.zip".to_owned(),
            process: false,
            tags: std::collections::BTreeMap::new(),
        };
        cloud.beanstalk.create_version(&version).await.unwrap();
    }

    async fn take_the_label(&self, label: &str) {
        self.create_version(label).await;
    }

    /// Releases what is committed, and another commit as soon as the update is under way. Gives the
    /// second one's label and report.
    async fn release_twice(&self) -> (String, ReleaseReport) {
        let begun = Arc::new(Notify::new());
        let cue = begun.clone();
        let second = async {
            begun.notified().await;
            let label = self.commit(None).await;
            (label, self.world.release().await)
        };
        let first = self.release_with("update+sent", move || cue.notify_one());
        let (first, (label, second)) = tokio::join!(first, second);
        let truth = Truth::at_rest(&self.world).await;
        // Whatever the second one came to: at most one of them is right in the end.
        let runs = |report: &ReleaseReport| {
            truth
                .objections(report.version_label.as_deref().unwrap_or_default())
                .is_empty()
        };
        for report in [&first, &second] {
            let is_last = report.exit_code == ExitCode::Done && runs(report);
            let gave_way = report.exit_code != ExitCode::Done;
            assert!(is_last || gave_way, "{first}\n{second}\n{truth:?}");
        }
        (label, second)
    }
}
