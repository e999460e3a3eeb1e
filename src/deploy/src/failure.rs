//! Finds out why a release failed, while the evidence is still there.
//!
//! Rules: this only adds to what is known. Whatever cannot be had is left out, and nothing here may
//! keep the roll-back waiting for long. Text of other origin is scrubbed before it is shown. Three
//! sources are read at the same time: the deployment log in S3, which outlives its instance; the ends
//! of the logs of the instances that are there; and what Beanstalk stored of instances that it has
//! replaced already. Those of instances that failed come first.

use std::collections::BTreeSet;
use std::time::Duration;

use beanpole_cloud::{EventQuery, EventSeverity, InstanceLog, LogKind, ObjectSummary};
use jiff::Timestamp;

use crate::logs::engine::{ending, failing_part};
use crate::logs::sections::{Section, printable, sections};
use crate::observation::{
    DeploymentStatus, EventSight, InstanceSight, describe_health, is_healthy,
};
use crate::report::{FailureReport, LogTail};
use crate::scene::Scene;

/// How long logs may take to come, in AWS time. Instances answer within half a minute.
const LOG_PATIENCE: Duration = Duration::from_secs(60);

/// How many lines of one log are shown.
const LOG_LINES: usize = 40;

/// The logs of how many instances are kept; those that are not well come first.
const LOG_INSTANCES: usize = 3;

/// How many lines of a deployment log are shown: the 50 lines of the failed step that it holds
/// (developer guide, "Viewing deployment logs"), and what stands around them.
const DEPLOYMENT_LOG_LINES: usize = 60;

/// The largest deployment log that is read. Beanstalk cuts them at 1 MB (same page).
const LARGEST_DEPLOYMENT_LOG: u64 = 2 * 1024 * 1024;

/// The name of the log of one deployment in a report.
const DEPLOYMENT_LOG: &str = "deployment log";

impl Scene<'_> {
    /// Adds Beanstalk's errors, the causes that health names, and the telling lines of the logs.
    pub(crate) async fn investigate(&self, report: &mut FailureReport, errors: Vec<EventSight>) {
        report.events = errors;
        let instances = match self.sight().await {
            Ok(sight) => {
                for cause in sight
                    .environment
                    .iter()
                    .flat_map(|environment| &environment.causes)
                {
                    report.add_health_cause(self.scrub(cause));
                }
                sight.instances.unwrap_or_default()
            }
            Err(_) => Vec::new(),
        };
        for instance in instances.iter().filter(|instance| is_unwell(instance)) {
            let health =
                describe_health(instance.color, instance.status.as_deref(), &instance.causes);
            report.add_health_cause(self.scrub(&format!("{} is {health}", instance.id)));
        }
        let suspects = suspects(&instances, &report.events);
        let gathered = async {
            tokio::join!(
                self.deployment_logs(&report.events, &suspects),
                self.present_logs(),
                self.stored_logs(&instances, &suspects),
            )
        };
        let (deployment, present, stored) = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return,
            gathered = gathered => gathered,
        };
        report.logs = deployment;
        report.logs.extend(self.telling(present, stored, &suspects));
    }

    /// The deployment logs in S3: that of this update, and those of failed instances that started up
    /// by themselves.
    async fn deployment_logs(
        &self,
        errors: &[EventSight],
        suspects: &BTreeSet<String>,
    ) -> Vec<LogTail> {
        let Some(first) = errors.first() else {
            return Vec::new();
        };
        let found = async {
            let beanstalk = &self.cloud.beanstalk;
            let project = self.project;
            let environment =
                Box::pin(beanstalk.environment(&project.application, &project.environment))
                    .await
                    .ok()??;
            let since: Timestamp = first.at.parse().ok()?;
            let query = EventQuery {
                environment_id: Some(environment.id.clone()),
                since: Some(since),
                severity: Some(EventSeverity::Error),
                ..EventQuery::default()
            };
            let events = Box::pin(beanstalk.events(&query)).await.ok()?;
            let request = events.into_iter().find_map(|event| event.request_id);
            let bucket = Box::pin(beanstalk.storage_location()).await.ok()?;
            let prefix = format!("{DEPLOYMENT_LOGS}{}/", environment.id);
            let objects = Box::pin(self.cloud.storage.list(&bucket, &prefix))
                .await
                .ok()?;
            Some((
                bucket,
                deployment_log_keys(&objects, request.as_deref(), suspects),
            ))
        };
        let Some((bucket, keys)) = found.await else {
            return Vec::new();
        };
        let mut tails = Vec::new();
        for (key, instance) in keys {
            let Ok(bytes) = Box::pin(self.cloud.storage.get(&bucket, &key)).await else {
                continue;
            };
            let text = self.scrubber.scrub(&String::from_utf8_lossy(&bytes));
            let lines: Vec<String> = text.lines().map(printable).collect();
            let part = failing_part(&lines, DEPLOYMENT_LOG_LINES);
            // A log without an error has nothing to say about the failure.
            if !part.is_empty() {
                tails.push(LogTail {
                    instance,
                    file: DEPLOYMENT_LOG.to_owned(),
                    lines: part,
                });
            }
        }
        tails
    }

    /// The ends of the logs of the instances that are there.
    async fn present_logs(&self) -> Vec<InstanceLog> {
        let environment = &self.project.environment;
        let beanstalk = &self.cloud.beanstalk;
        Box::pin(beanstalk.tail_logs(environment, self.pace, LOG_PATIENCE))
            .await
            .unwrap_or_default()
    }

    /// What Beanstalk stored of failed instances that are gone: it keeps the logs of instances that a
    /// failed immutable update terminated for an hour.
    async fn stored_logs(
        &self,
        instances: &[InstanceSight],
        suspects: &BTreeSet<String>,
    ) -> Vec<InstanceLog> {
        let is_gone = |id: &str| !instances.iter().any(|instance| instance.id == id);
        if !suspects.iter().any(|id| is_gone(id)) {
            return Vec::new();
        }
        let beanstalk = &self.cloud.beanstalk;
        let listed = beanstalk.listed_logs(&self.project.environment, LogKind::Tail);
        let Ok(listed) = Box::pin(listed).await else {
            return Vec::new();
        };
        let mut logs = Vec::new();
        for sample in listed {
            if is_gone(&sample.instance)
                && suspects.contains(&sample.instance)
                && let Ok(log) = Box::pin(beanstalk.read_log(&sample)).await
            {
                logs.push(log);
            }
        }
        logs
    }

    /// The telling lines of each log, those of suspects first.
    fn telling(
        &self,
        present: Vec<InstanceLog>,
        stored: Vec<InstanceLog>,
        suspects: &BTreeSet<String>,
    ) -> Vec<LogTail> {
        let mut logs: Vec<InstanceLog> = stored;
        for log in present {
            if !logs.iter().any(|known| known.instance == log.instance) {
                logs.push(log);
            }
        }
        logs.sort_by_key(|log| !suspects.contains(&log.instance));
        logs.truncate(LOG_INSTANCES);
        logs.into_iter()
            .flat_map(|log| {
                let files = sections(&self.scrubber.scrub(&log.text));
                excerpts(files).into_iter().map(move |section| LogTail {
                    instance: log.instance.clone(),
                    file: section.file,
                    lines: section.lines,
                })
            })
            .collect()
    }
}

/// Where Beanstalk puts deployment logs in its bucket, by environment id (developer guide, "Viewing
/// deployment logs").
const DEPLOYMENT_LOGS: &str = "resources/environments/logs/deployments/";

/// The deployment logs that tell of this failure, each with the instance it is from, if its name says
/// so: `eb-deployment-<request>.log`, written by the first instance of an update; and
/// `selfstartup/eb-deployment-<time>-<instance>.log` of a suspect.
fn deployment_log_keys(
    objects: &[ObjectSummary],
    request: Option<&str>,
    suspects: &BTreeSet<String>,
) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for object in objects
        .iter()
        .filter(|object| object.size <= LARGEST_DEPLOYMENT_LOG)
    {
        let Some(name) = object
            .key
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_prefix("eb-deployment-")?.strip_suffix(".log"))
        else {
            continue;
        };
        if request.is_some_and(|request| name == request) {
            keys.insert(0, (object.key.clone(), String::new()));
        } else if let Some(id) = suspects.iter().find(|id| name.ends_with(&format!("-{id}"))) {
            keys.push((object.key.clone(), id.clone()));
        }
    }
    keys.truncate(LOG_INSTANCES);
    keys
}

/// The instances that failed or are not well, and those that Beanstalk's errors name, which may be gone.
fn suspects(instances: &[InstanceSight], errors: &[EventSight]) -> BTreeSet<String> {
    instances
        .iter()
        .filter(|instance| is_unwell(instance) || has_failed(instance))
        .map(|instance| instance.id.clone())
        .chain(
            errors
                .iter()
                .flat_map(|event| instances_named(&event.message)),
        )
        .collect()
}

/// The instance ids in a text: `i-` and at least eight hexadecimal digits.
fn instances_named(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
        .filter(|word| {
            word.strip_prefix("i-").is_some_and(|digits| {
                digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            })
        })
        .map(str::to_owned)
        .collect()
}

fn has_failed(instance: &InstanceSight) -> bool {
    instance
        .deployment
        .as_ref()
        .is_some_and(|deployment| deployment.status == DeploymentStatus::Failed)
}

fn is_unwell(instance: &InstanceSight) -> bool {
    !is_healthy(instance.color, instance.status.as_deref())
}

/// The telling lines of an instance's logs: the failing part of the engine's, the end of what hooks and
/// containers wrote. Without an error in the engine's log its end is shown, so that something is.
fn excerpts(files: Vec<Section>) -> Vec<Section> {
    files
        .into_iter()
        .filter_map(|section| {
            let lines = if section.file.ends_with("eb-engine.log") {
                let part = failing_part(&section.lines, LOG_LINES);
                if part.is_empty() {
                    ending(&section.lines, LOG_LINES / 4)
                } else {
                    part
                }
            } else if is_telling(&section.file) {
                ending(&section.lines, LOG_LINES)
            } else {
                return None;
            };
            (!lines.is_empty()).then_some(Section { lines, ..section })
        })
        .collect()
}

/// Files that hold what the application, its containers or its hooks said. Access logs and the logs of
/// the machine itself tell nothing about a failed release. A tail without headings is shown.
fn is_telling(file: &str) -> bool {
    let is_noise = file.contains("access") || file.contains("healthd");
    let words = [
        "eb-docker",
        "stdout",
        "stderr",
        "hooks",
        "cfn-init",
        "web",
        "compose",
    ];
    file.is_empty() || (!is_noise && words.iter().any(|word| file.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{Color, DeploymentSight};

    fn instance(id: &str, color: Color, status: DeploymentStatus) -> InstanceSight {
        InstanceSight {
            id: id.to_owned(),
            color,
            status: None,
            causes: Vec::new(),
            deployment: Some(DeploymentSight {
                id: 3,
                version: Some("v2".to_owned()),
                status,
            }),
        }
    }

    fn error(message: &str) -> EventSight {
        EventSight {
            at: "2026-11-20T10:00:00Z".to_owned(),
            severity: "ERROR".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn suspects_are_the_unwell_the_failed_and_the_named() {
        let instances = [
            instance(
                "i-0000000000000001",
                Color::Green,
                DeploymentStatus::Deployed,
            ),
            instance("i-0000000000000002", Color::Red, DeploymentStatus::Deployed),
            instance("i-0000000000000003", Color::Green, DeploymentStatus::Failed),
        ];
        let errors = [error(
            "[Instance: i-0aaaaaaaaaaaaaaaa] Command failed on instance. Return code: 1",
        )];
        let found: Vec<String> = suspects(&instances, &errors).into_iter().collect();
        assert_eq!(
            found,
            [
                "i-0000000000000002",
                "i-0000000000000003",
                "i-0aaaaaaaaaaaaaaaa"
            ]
        );
    }

    #[test]
    fn instance_ids_are_found_in_aws_own_sentences() {
        let text = "Unsuccessful command execution on instance id(s) \
            'i-0123456789abcdef0,i-0fedcba987654321f'. i-1 and multi-stage are none.";
        assert_eq!(
            instances_named(text),
            ["i-0123456789abcdef0", "i-0fedcba987654321f"]
        );
    }

    fn object(key: &str, size: u64) -> ObjectSummary {
        ObjectSummary {
            key: format!("{DEPLOYMENT_LOGS}e-abc/{key}"),
            size,
            etag: None,
            modified: None,
        }
    }

    #[test]
    fn deployment_logs_of_this_update_and_of_suspects_are_read() {
        let objects = [
            object("eb-deployment-r-0.log", 10),
            object("eb-deployment-r-1.log", 10),
            object("selfstartup/eb-deployment-20261120T100000Z-i-0a.log", 10),
            object("selfstartup/eb-deployment-20261120T100000Z-i-0b.log", 10),
            object("deployment-shop-r-1.zip", 10),
            object("eb-deployment-r-2.log", u64::MAX),
        ];
        let suspects = BTreeSet::from(["i-0b".to_owned()]);
        let keys = deployment_log_keys(&objects, Some("r-1"), &suspects);
        let instances: Vec<&str> = keys.iter().map(|(_, id)| id.as_str()).collect();
        assert_eq!(instances, ["", "i-0b"]);
        assert!(keys[0].0.ends_with("eb-deployment-r-1.log"));
        let none = deployment_log_keys(&objects, Some("r-2"), &BTreeSet::new());
        assert_eq!(none, []);
    }

    fn section(file: &str, lines: &[&str]) -> Section {
        Section {
            file: file.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn the_engines_failing_part_and_the_containers_end_are_shown() {
        let found = excerpts(vec![
            section(
                "/var/log/eb-engine.log",
                &["[INFO] one", "[ERROR] it broke", "[INFO] cleanup"],
            ),
            section("/var/log/nginx/access.log", &["GET /"]),
            section(
                "/var/log/eb-docker/containers/eb-current-app/eb-stdouterr.log",
                &["no such column: posts_post.slug"],
            ),
        ]);
        let shown: Vec<(&str, Vec<String>)> = found
            .iter()
            .map(|section| (section.file.as_str(), section.lines.clone()))
            .collect();
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[0].1, ["[INFO] one", "[ERROR] it broke"]);
        assert_eq!(shown[1].1, ["no such column: posts_post.slug"]);
    }

    #[test]
    fn an_engine_log_without_an_error_still_shows_its_end() {
        let lines: Vec<String> = (0..30).map(|number| format!("[INFO] {number}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let found = excerpts(vec![section("/var/log/eb-engine.log", &lines)]);
        assert_eq!(found[0].lines.len(), LOG_LINES / 4 + 1);
        assert_eq!(found[0].lines.last().unwrap(), "[INFO] 29");
    }
}
