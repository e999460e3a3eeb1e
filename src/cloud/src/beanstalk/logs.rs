//! The last lines of the logs of every instance.
//!
//! Beanstalk collects them on request, stores them in S3, and hands out a signed address for each
//! instance. The address is a credential: it never leaves this module.

use std::time::Duration;

use aws_sdk_elasticbeanstalk::types::{EnvironmentInfoDescription, EnvironmentInfoType};
use beanpole_model::{EnvironmentName, Pace};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::{Beanstalk, SERVICE, named as object};
use crate::time::timestamp;
use crate::{Error, Kind};

/// The pause between two looks whether the logs are there.
const POLL: Duration = Duration::from_secs(5);
/// A tail has about 100 lines of each log; what goes beyond this is cut at the front.
const LARGEST: usize = 512 * 1024;
/// The time for one download.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(30);

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
        let requested = Timestamp::now();
        self.client
            .request_environment_info()
            .environment_name(environment.as_str())
            .info_type(EnvironmentInfoType::Tail)
            .send()
            .await
            .map_err(SERVICE.failed("RequestEnvironmentInfo", object(environment)))?;
        let end = Instant::now() + pace.deadline(deadline);
        loop {
            let samples = self.samples(environment, requested).await?;
            if !samples.is_empty() {
                return self.download(environment, samples).await;
            }
            if Instant::now() >= end {
                let message = "no instance has sent its logs";
                return Err(Error::new(
                    SERVICE.0,
                    "RetrieveEnvironmentInfo",
                    object(environment),
                    Kind::OutOfTime,
                    message,
                ));
            }
            tokio::time::sleep(pace.wait(POLL)).await;
        }
    }

    /// The samples of this request: AWS goes on listing those of former ones for 15 minutes. One
    /// minute of difference between the clocks is allowed for.
    async fn samples(
        &self,
        environment: &EnvironmentName,
        requested: Timestamp,
    ) -> Result<Vec<EnvironmentInfoDescription>, Error> {
        let answer = self
            .client
            .retrieve_environment_info()
            .environment_name(environment.as_str())
            .info_type(EnvironmentInfoType::Tail)
            .send()
            .await
            .map_err(SERVICE.failed("RetrieveEnvironmentInfo", object(environment)))?;
        let oldest = requested - Duration::from_secs(60);
        let mut samples = answer.environment_info.unwrap_or_default();
        samples.retain(|sample| {
            let at = sample.sample_timestamp.as_ref().and_then(timestamp);
            sample.message.is_some() && at.is_none_or(|at| at >= oldest)
        });
        Ok(samples)
    }

    async fn download(
        &self,
        environment: &EnvironmentName,
        samples: Vec<EnvironmentInfoDescription>,
    ) -> Result<Vec<InstanceLog>, Error> {
        let mut builder = reqwest::Client::builder().timeout(DOWNLOAD_TIMEOUT);
        if self.local {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            let message = "the HTTP client could not be made";
            Error::new(
                SERVICE.0,
                "DownloadLogs",
                object(environment),
                Kind::Network,
                message,
            )
            .with_source(error.without_url())
        })?;
        let mut logs = Vec::new();
        for sample in samples {
            let at = sample.sample_timestamp.as_ref().and_then(timestamp);
            let instance = sample.ec2_instance_id.unwrap_or_default();
            let Some(address) = sample.message else {
                continue;
            };
            match text_at(&client, &address).await {
                Ok(text) => logs.push(InstanceLog { instance, at, text }),
                // One instance may be gone already; the others still have something to say.
                Err(error) => {
                    let error = error.without_url();
                    tracing::debug!(%error, %instance, "a log sample could not be read");
                }
            }
        }
        Ok(logs)
    }
}

async fn text_at(client: &reqwest::Client, address: &str) -> Result<String, reqwest::Error> {
    let answer = client.get(address).send().await?.error_for_status()?;
    let bytes = answer.bytes().await?;
    Ok(tail(&bytes))
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
}
