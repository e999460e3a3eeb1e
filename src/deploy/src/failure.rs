//! Finds out why a release failed, while the evidence is still there.
//!
//! Rules: this only adds to what is known. Whatever cannot be had is left out, and nothing here may
//! keep the roll-back waiting for long. Text of other origin is scrubbed before it is shown.

use std::time::Duration;

use crate::observation::{EventSight, InstanceSight, describe_health, is_healthy};
use crate::report::{FailureReport, LogTail};
use crate::scene::Scene;

/// How long logs may take to come, in AWS time. Instances answer within half a minute.
const LOG_PATIENCE: Duration = Duration::from_secs(60);

/// How many lines of each instance's logs are kept.
const LOG_LINES: usize = 40;

/// The logs of how many instances are kept; those that are not well come first.
const LOG_INSTANCES: usize = 3;

impl Scene<'_> {
    /// Adds Beanstalk's errors, the causes that health names, and the ends of the logs.
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
        report.logs = self.log_tails(&instances).await;
    }

    async fn log_tails(&self, instances: &[InstanceSight]) -> Vec<LogTail> {
        let fetched = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Vec::new(),
            fetched = Box::pin(self.cloud.beanstalk.tail_logs(
                &self.project.environment,
                self.pace,
                LOG_PATIENCE,
            )) => fetched,
        };
        let Ok(mut logs) = fetched else {
            return Vec::new();
        };
        let is_well = |id: &str| {
            !instances
                .iter()
                .any(|instance| instance.id == id && is_unwell(instance))
        };
        logs.sort_by_key(|log| is_well(&log.instance));
        logs.truncate(LOG_INSTANCES);
        logs.into_iter()
            .map(|log| LogTail {
                lines: last_lines(&self.scrubber.scrub(&log.text)),
                instance: log.instance,
            })
            .collect()
    }
}

fn is_unwell(instance: &InstanceSight) -> bool {
    !is_healthy(instance.color, instance.status.as_deref())
}

/// The last lines that say something, without control characters.
fn last_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .map(|line| {
            line.chars()
                .filter(|letter| !letter.is_control())
                .collect::<String>()
        })
        .map(|line| line.trim_end().to_owned())
        .filter(|line| !line.is_empty())
        .take(LOG_LINES)
        .collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_in_order_and_without_colours() {
        let text: String = (0..100)
            .map(|number| format!("\u{1b}[31mline {number}\n\n"))
            .collect();
        let lines = last_lines(&text);
        assert_eq!(lines.len(), LOG_LINES);
        assert_eq!(lines.first().map(String::as_str), Some("[31mline 60"));
        assert_eq!(lines.last().map(String::as_str), Some("[31mline 99"));
    }
}
