//! What an instance's engine writes about a command: `eb-engine.log`, and the deployment log that one
//! instance of each deployment uploads to S3.
//!
//! The form of the entries is that of real logs: date and time with slashes and microseconds, a level
//! in brackets, the words; output of others stands below without either. Where the deployment log is
//! kept, that the first instance speaks for all, and that it holds up to 50 lines of a failed step is
//! the developer guide's ("Viewing deployment logs").

use bytes::Bytes;
use jiff::Timestamp;

use super::create::storage_bucket;
use super::operation::Operation;

/// How many lines of a failed step's output a deployment log holds.
const OUTPUT_LINES: usize = 50;

/// How a command ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum End<'a> {
    Done,
    /// With the engine's sentence about it.
    Failed(&'a str),
}

/// The entries of one command: its begin, what was written meanwhile, its end.
pub(super) fn command(at: Timestamp, written: &[String], end: End<'_>) -> Vec<String> {
    let mut lines = vec![entry(at, "INFO", "Engine received EB command app-deploy")];
    lines.extend(written.iter().map(|line| dated(at, line)));
    match end {
        End::Done => {}
        End::Failed(message) => {
            let text = format!(
                "An error occurred during execution of command [app-deploy]. Stop running the \
                 command. Error: {message}"
            );
            lines.push(entry(at, "ERROR", &text));
            lines.push(entry(at, "INFO", "Executing cleanup logic"));
            let answer =
                "CommandService Response: {\"status\":\"FAILURE\",\"api_version\":\"1.0\"}";
            lines.push(entry(at, "INFO", answer));
        }
    }
    let text = "Platform Engine finished execution on command: app-deploy";
    lines.push(entry(at, "INFO", text));
    lines
}

/// The deployment log of one command.
fn deployment(at: Timestamp, written: &[String], end: End<'_>) -> Vec<String> {
    let mut lines = vec![entry(at, "INFO", "Starting Application deployment")];
    match end {
        End::Done => lines.push(entry(at, "INFO", "Completed Application deployment")),
        End::Failed(message) => {
            let text = format!("Application deployment failed: {message}");
            lines.push(entry(at, "ERROR", &text));
            let skip = written.len().saturating_sub(OUTPUT_LINES);
            lines.extend(written.iter().skip(skip).cloned());
        }
    }
    lines
}

/// Uploads the deployment log, unless another instance has claimed it for this deployment.
pub(super) async fn upload(operation: &Operation, written: &[String], end: End<'_>) {
    let world = &operation.shared.world;
    let bucket = storage_bucket(world);
    let (environment, request) = (&operation.environment, &operation.request_id);
    let key = format!(
        "resources/environments/logs/deployments/{environment}/eb-deployment-{request}.log"
    );
    if world.storage().get(&bucket, &key).await.is_some() {
        return;
    }
    let text = deployment(operation.now(), written, end).join("\n");
    let text = world.clean(&text);
    world.storage().ensure_bucket(&bucket).await;
    world.storage().put(&bucket, &key, Bytes::from(text)).await;
}

/// A line that has a level of its own gets a date; any other is output and stays as it is.
fn dated(at: Timestamp, line: &str) -> String {
    if line.starts_with("[INFO]") || line.starts_with("[WARN]") || line.starts_with("[ERROR]") {
        format!("{} {line}", date(at))
    } else {
        line.to_owned()
    }
}

fn entry(at: Timestamp, level: &str, words: &str) -> String {
    format!("{} [{level}] {words}", date(at))
}

fn date(at: Timestamp) -> String {
    at.strftime("%Y/%m/%d %H:%M:%S%.6f").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-20T10:02:11.004212Z".parse().unwrap()
    }

    #[test]
    fn a_failed_command_reads_like_the_real_one() {
        let written = [
            "[ERROR] build: it broke".to_owned(),
            "#9 no such file".to_owned(),
        ];
        let lines = command(at(), &written, End::Failed("it broke"));
        assert_eq!(
            lines[1],
            "2026/11/20 10:02:11.004212 [ERROR] build: it broke"
        );
        assert_eq!(lines[2], "#9 no such file");
        assert!(lines[3].contains("[ERROR] An error occurred during execution of command"));
        assert!(lines.last().unwrap().contains("finished execution"));
    }

    #[test]
    fn a_deployment_log_is_short_unless_it_failed_and_then_has_fifty_lines_at_most() {
        let written: Vec<String> = (0..80).map(|number| format!("line {number}")).collect();
        assert_eq!(deployment(at(), &written, End::Done).len(), 2);
        let lines = deployment(at(), &written, End::Failed("it broke"));
        assert_eq!(lines.len(), 2 + OUTPUT_LINES);
        assert_eq!(lines.last().unwrap(), "line 79");
    }
}
