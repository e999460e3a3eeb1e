//! What containers print and how they end: logs, commands inside, one-off runs.

use std::collections::BTreeMap;

use beanpole_model::Secret;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{Stream, StreamExt as _};

use crate::progress::visible;
use crate::{Engine, Error};

/// How a command inside a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOutput {
    /// Its exit code.
    pub exit_code: i64,
    /// What it printed, both streams, line by line.
    pub lines: Vec<String>,
}

impl Engine {
    /// The last `lines` lines that a container printed, both streams, without control characters. They
    /// are as the container printed them: the caller removes secrets. Empty if it does not exist.
    ///
    /// # Errors
    /// [`Error::Request`].
    pub async fn logs(&self, container: &str, lines: usize) -> Result<Vec<String>, Error> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .tail(&lines.to_string())
            .build();
        let stream = self.docker().logs(container, Some(options));
        let mut found = Vec::new();
        match for_each_line(stream, |line| found.push(line)).await {
            Ok(()) => Ok(found),
            Err(error) => {
                match Error::request(format!("read the logs of container {container}"), error) {
                    Error::NotFound { .. } => Ok(Vec::new()),
                    other => Err(other),
                }
            }
        }
    }

    /// Hands on every line that a container prints until it ends, from its start.
    ///
    /// Engine 20.10 may close the stream before it has sent the last line of a container that ends
    /// (seen under load); [`Engine::logs`] has it afterwards.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Request`].
    pub async fn follow_logs(
        &self,
        container: &str,
        on_line: impl FnMut(String) + Send,
    ) -> Result<(), Error> {
        let options = LogsOptionsBuilder::default()
            .stdout(true)
            .stderr(true)
            .follow(true)
            .build();
        let stream = self.docker().logs(container, Some(options));
        for_each_line(stream, on_line).await.map_err(|error| {
            Error::request(format!("follow the logs of container {container}"), error)
        })
    }

    /// Waits until a container does not run, and returns its exit code.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Request`].
    pub async fn wait_container(&self, container: &str) -> Result<i64, Error> {
        let mut answers = Box::pin(self.docker().wait_container(container, None));
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // The client library turns exit codes other than 0 into errors.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(Error::request(
                format!("wait for container {container}"),
                error,
            )),
            None => Err(Error::NotFound {
                action: format!("wait for container {container}"),
            }),
        }
    }

    /// Runs a command inside a running container to its end. The variables are added to the
    /// container's own; they are sent in the body of the request.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Conflict`] if the container does not run, [`Error::Request`].
    pub async fn exec(
        &self,
        container: &str,
        command: &[&str],
        environment: &BTreeMap<String, Secret>,
    ) -> Result<ExecOutput, Error> {
        let action = || {
            format!(
                "run `{}` in container {container}",
                command.first().unwrap_or(&"")
            )
        };
        let failed = |error| Error::request(action(), error);
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            env: Some(
                environment
                    .iter()
                    .map(|(name, value)| format!("{name}={}", value.expose()))
                    .collect(),
            ),
            ..CreateExecOptions::default()
        };
        let exec = self
            .docker()
            .create_exec(container, options)
            .await
            .map_err(failed)?;
        let mut lines = Vec::new();
        match self
            .docker()
            .start_exec(&exec.id, None)
            .await
            .map_err(failed)?
        {
            StartExecResults::Attached { output, .. } => {
                for_each_line(output, |line| lines.push(line))
                    .await
                    .map_err(failed)?;
            }
            StartExecResults::Detached => {}
        }
        let ended = self.docker().inspect_exec(&exec.id).await.map_err(failed)?;
        // The engine reports no code for a command that it could not start.
        Ok(ExecOutput {
            exit_code: ended.exit_code.unwrap_or(-1),
            lines,
        })
    }
}

/// Puts pieces of output together to lines, each stream by itself.
async fn for_each_line(
    mut stream: impl Stream<Item = Result<LogOutput, bollard::errors::Error>> + Unpin,
    mut on_line: impl FnMut(String),
) -> Result<(), bollard::errors::Error> {
    let mut partial: [Vec<u8>; 2] = [Vec::new(), Vec::new()];
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        let [standard, error] = &mut partial;
        let buffer = if matches!(piece, LogOutput::StdErr { .. }) {
            error
        } else {
            standard
        };
        buffer.extend_from_slice(piece.as_ref());
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let rest = buffer.split_off(end + 1);
            let line = std::mem::replace(buffer, rest);
            if let Some(line) = visible(&line) {
                on_line(line);
            }
        }
    }
    for rest in partial {
        if let Some(line) = visible(&rest) {
            on_line(line);
        }
    }
    Ok(())
}
