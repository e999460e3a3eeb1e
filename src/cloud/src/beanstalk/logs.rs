//! The logs of every instance: their last lines, or all of them in an archive.
//!
//! Beanstalk collects them on request, stores them in S3, and hands out a signed address for each
//! instance. The address is a credential: it never leaves this module.
//!
//! Rules: AWS goes on listing the samples of former requests for 15 minutes. Which ones are fresh is
//! told by comparing with what was listed before the request, never by clocks. Instances answer in
//! their own time: once one has answered, the others get [`SETTLE`] more, and those that stay silent
//! are named.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use aws_sdk_elasticbeanstalk::types::{EnvironmentInfoDescription, EnvironmentInfoType};
use beanpole_model::{EnvironmentName, Pace, Secret};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::{Beanstalk, SERVICE, named as object};
use crate::time::timestamp;
use crate::{Error, Kind};

/// The pause between two looks whether the logs are there.
const POLL: Duration = Duration::from_secs(5);
/// How long the other instances are waited for once one has answered, in AWS time. A sick instance may
/// never answer.
const SETTLE: Duration = Duration::from_secs(20);
/// A tail has about 100 lines of each log; what goes beyond this is cut at the front.
const LARGEST: usize = 512 * 1024;
/// The time without a byte after which a download counts as broken.
const SILENCE: Duration = Duration::from_secs(30);

/// Which form of the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// The last lines of each log as one text: 100 of each (developer guide, "Viewing logs").
    Tail,
    /// All logs in a ZIP archive.
    Bundle,
}

impl LogKind {
    fn to_sdk(self) -> EnvironmentInfoType {
        match self {
            Self::Tail => EnvironmentInfoType::Tail,
            Self::Bundle => EnvironmentInfoType::Bundle,
        }
    }
}

/// How logs are asked for.
#[derive(Clone, Debug)]
pub struct LogRequest {
    /// Of this environment.
    pub environment: EnvironmentName,
    /// In this form.
    pub kind: LogKind,
    /// Of these instances; of all that the environment has if this is empty.
    pub instances: Vec<String>,
    /// How fast AWS's clock runs.
    pub pace: Pace,
    /// How long the first answer may take, in AWS time.
    pub deadline: Duration,
}

/// The logs of one instance, ready to be read.
#[derive(Clone, Debug)]
pub struct LogSample {
    /// The instance.
    pub instance: String,
    /// When the sample was taken, by AWS's clock.
    pub at: Option<Timestamp>,
    address: Secret,
}

/// What a request brought.
#[derive(Clone, Debug, Default)]
pub struct LogSamples {
    /// One for each instance that answered, in the order of their ids.
    pub samples: Vec<LogSample>,
    /// The instances that did not answer in time.
    pub silent: Vec<String>,
}

/// The last lines of one instance's logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceLog {
    /// The instance.
    pub instance: String,
    /// When the sample was taken.
    pub at: Option<Timestamp>,
    /// The lines. They come from the application and may hold secrets: scrub before showing.
    pub text: String,
}

impl Beanstalk {
    /// Asks for the last lines of all logs and waits for them, at most `deadline` of AWS time. An
    /// instance whose sample comes too late or cannot be read is left out.
    ///
    /// # Errors
    /// [`Kind::OutOfTime`] when no instance answered; otherwise see [`Error`].
    pub async fn tail_logs(
        &self,
        environment: &EnvironmentName,
        pace: Pace,
        deadline: Duration,
    ) -> Result<Vec<InstanceLog>, Error> {
        let request = LogRequest {
            environment: environment.clone(),
            kind: LogKind::Tail,
            instances: Vec::new(),
            pace,
            deadline,
        };
        let found = self.collect_logs(&request).await?;
        let read = join_all(found.samples.iter().map(|sample| self.read_log(sample))).await;
        // One instance may be gone already; the others still have something to say.
        Ok(read
            .into_iter()
            .filter_map(|log| {
                log.inspect_err(|error| tracing::debug!(%error, "a log sample could not be read"))
                    .ok()
            })
            .collect())
    }

    /// Asks for logs and waits until the instances have sent them. Safe to drop at any point.
    ///
    /// # Errors
    /// [`Kind::OutOfTime`] when no instance answered; otherwise see [`Error`].
    pub async fn collect_logs(&self, request: &LogRequest) -> Result<LogSamples, Error> {
        let environment = &request.environment;
        let wanted = self.wanted_instances(request).await;
        let before = self.listed(environment, request.kind).await?;
        self.client
            .request_environment_info()
            .environment_name(environment.as_str())
            .info_type(request.kind.to_sdk())
            .send()
            .await
            .map_err(SERVICE.failed("RequestEnvironmentInfo", object(environment)))?;
        let mut end = Instant::now() + request.pace.deadline(request.deadline);
        let mut has_answer = false;
        loop {
            let samples = fresh(&before, self.listed(environment, request.kind).await?);
            let samples: Vec<LogSample> = samples
                .into_iter()
                .filter(|sample| {
                    request.instances.is_empty() || request.instances.contains(&sample.instance)
                })
                .collect();
            let silent: Vec<String> = wanted
                .iter()
                .filter(|id| !samples.iter().any(|sample| sample.instance == **id))
                .cloned()
                .collect();
            let is_late = Instant::now() >= end;
            if !samples.is_empty() && (silent.is_empty() || is_late) {
                return Ok(LogSamples { samples, silent });
            }
            if is_late {
                let message = "no instance has sent its logs";
                return Err(failure(
                    "RetrieveEnvironmentInfo",
                    environment,
                    Kind::OutOfTime,
                    message,
                ));
            }
            if !samples.is_empty() && !has_answer {
                has_answer = true;
                end = end.min(Instant::now() + request.pace.deadline(SETTLE));
            }
            tokio::time::sleep(request.pace.wait(POLL)).await;
        }
    }

    /// The samples of former requests that AWS still lists, the newest of each instance: for 15
    /// minutes, and for an hour those of instances that a failed immutable update terminated.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn listed_logs(
        &self,
        environment: &EnvironmentName,
        kind: LogKind,
    ) -> Result<Vec<LogSample>, Error> {
        Ok(self
            .listed(environment, kind)
            .await?
            .into_values()
            .collect())
    }

    /// The last lines of one instance's logs, at most half a megabyte of them.
    ///
    /// # Errors
    /// [`Kind::Network`] when the sample cannot be read (any more).
    pub async fn read_log(&self, sample: &LogSample) -> Result<InstanceLog, Error> {
        let mut bytes: Vec<u8> = Vec::new();
        self.download_log(sample, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            // Only the end is kept, so that a log of any length fits in memory.
            if bytes.len() > 4 * LARGEST {
                bytes.drain(..bytes.len() - 2 * LARGEST);
            }
            Ok(())
        })
        .await?;
        Ok(InstanceLog {
            instance: sample.instance.clone(),
            at: sample.at,
            text: tail(&bytes),
        })
    }

    /// Hands the bytes of a sample to `sink`, piece by piece, and returns how many there were.
    ///
    /// # Errors
    /// [`Kind::Network`] when the sample cannot be read (any more), or `sink` refused; the source says
    /// which.
    pub async fn download_log(
        &self,
        sample: &LogSample,
        sink: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<u64, Error> {
        let about = format!("the logs of instance `{}`", sample.instance);
        let broken = |error: reqwest::Error| {
            let message = "the sample could not be downloaded";
            Error::new(
                SERVICE.0,
                "DownloadLogs",
                about.clone(),
                Kind::Network,
                message,
            )
            // The address is a credential.
            .with_source(error.without_url())
        };
        let mut builder = reqwest::Client::builder()
            .connect_timeout(SILENCE)
            .read_timeout(SILENCE);
        if self.local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(broken)?;
        let request = client.get(sample.address.expose());
        let mut answer = request
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(broken)?;
        let mut size = 0_u64;
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            size += chunk.len() as u64;
            sink(&chunk).map_err(|error| {
                let message = "what was downloaded could not be kept";
                Error::new(
                    SERVICE.0,
                    "DownloadLogs",
                    about.clone(),
                    Kind::Network,
                    message,
                )
                .with_source(error)
            })?;
        }
        Ok(size)
    }

    /// The instances to wait for. That they cannot be named is no reason to do without logs.
    async fn wanted_instances(&self, request: &LogRequest) -> Vec<String> {
        if !request.instances.is_empty() {
            return request.instances.clone();
        }
        match self.resources(&request.environment).await {
            Ok(resources) => resources.instances,
            Err(_) => Vec::new(),
        }
    }

    /// The samples that AWS lists now, the newest of each instance.
    async fn listed(
        &self,
        environment: &EnvironmentName,
        kind: LogKind,
    ) -> Result<BTreeMap<String, LogSample>, Error> {
        let answer = self
            .client
            .retrieve_environment_info()
            .environment_name(environment.as_str())
            .info_type(kind.to_sdk())
            .send()
            .await
            .map_err(SERVICE.failed("RetrieveEnvironmentInfo", object(environment)))?;
        Ok(newest(answer.environment_info.unwrap_or_default()))
    }
}

fn failure(
    operation: &'static str,
    environment: &EnvironmentName,
    kind: Kind,
    message: &str,
) -> Error {
    Error::new(SERVICE.0, operation, object(environment), kind, message)
}

/// The newest sample of each instance.
fn newest(listed: Vec<EnvironmentInfoDescription>) -> BTreeMap<String, LogSample> {
    let mut samples: BTreeMap<String, LogSample> = BTreeMap::new();
    for sample in listed {
        let Some(address) = sample.message else {
            continue;
        };
        let sample = LogSample {
            instance: sample.ec2_instance_id.unwrap_or_default(),
            at: sample.sample_timestamp.as_ref().and_then(timestamp),
            address: Secret::new(address),
        };
        let known = samples.get(&sample.instance);
        if known.is_none_or(|known| known.at <= sample.at) {
            samples.insert(sample.instance.clone(), sample);
        }
    }
    samples
}

/// The samples of `now` that were not listed `before`. Times are compared, because AWS may sign the
/// address of the same sample anew; only samples without a time are told apart by their address.
fn fresh(before: &BTreeMap<String, LogSample>, now: BTreeMap<String, LogSample>) -> Vec<LogSample> {
    now.into_values()
        .filter(|sample| {
            before.get(&sample.instance).is_none_or(|known| {
                known.at != sample.at || (sample.at.is_none() && known.address != sample.address)
            })
        })
        .collect()
}

/// The last [`LARGEST`] bytes as text, from the beginning of a line.
fn tail(bytes: &[u8]) -> String {
    let Some(cut) = bytes.len().checked_sub(LARGEST).filter(|cut| *cut > 0) else {
        return String::from_utf8_lossy(bytes).into_owned();
    };
    let (_, rest) = bytes.split_at(cut);
    let text = String::from_utf8_lossy(rest);
    text.split_once('\n')
        .map_or_else(|| text.to_string(), |(_, lines)| lines.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_logs_lose_their_beginning_at_a_line_break() {
        assert_eq!(tail(b"one\ntwo"), "one\ntwo");
        let mut long = "x".repeat(LARGEST);
        long.push_str("\nlast line\n");
        assert_eq!(tail(long.as_bytes()), "last line\n");
    }

    fn sample(instance: &str, second: Option<i64>, address: &str) -> LogSample {
        LogSample {
            instance: instance.to_owned(),
            at: second.and_then(|second| Timestamp::from_second(second).ok()),
            address: Secret::new(address),
        }
    }

    fn listed(samples: &[LogSample]) -> BTreeMap<String, LogSample> {
        let pairs = samples.iter().cloned();
        pairs.map(|own| (own.instance.clone(), own)).collect()
    }

    #[test]
    fn only_samples_that_were_not_there_before_are_fresh() {
        let before = listed(&[
            sample("i-1", Some(10), "a"),
            sample("i-2", Some(10), "b"),
            sample("i-3", None, "c"),
            sample("i-4", None, "d"),
        ]);
        let now = listed(&[
            // The same sample, signed anew.
            sample("i-1", Some(10), "a2"),
            sample("i-2", Some(11), "b"),
            sample("i-3", None, "c"),
            sample("i-4", None, "d2"),
            sample("i-5", Some(3), "e"),
        ]);
        let found: Vec<String> = fresh(&before, now)
            .into_iter()
            .map(|sample| sample.instance)
            .collect();
        assert_eq!(found, ["i-2", "i-4", "i-5"]);
    }

    #[test]
    fn an_address_is_not_shown() {
        let shown = format!(
            "{:?}",
            sample("i-1", None, "http://s3/?X-Amz-Signature=abc")
        );
        assert!(!shown.contains("Signature"), "{shown}");
    }
}
