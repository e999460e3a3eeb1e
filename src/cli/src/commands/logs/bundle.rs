//! All logs as archives, one for each instance.
//!
//! Rules: an archive appears under its name only when it is whole, readable by its owner alone: logs
//! hold what the application wrote, which beanpole cannot scrub inside of an archive. Paths inside are
//! not looked at; nothing is unpacked. An instance id becomes part of a file's name only if it is made
//! of letters, digits and hyphens.

use std::fmt;
use std::io::Write as _;

use beanpole_cloud::{Beanstalk, LogRequest, LogSample};
use beanpole_model::{ExitCode, Report};
use camino::{Utf8Path, Utf8PathBuf};
use jiff::Timestamp;
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::context::Context;
use crate::failure::Failure;

/// Where archives go.
pub(super) struct Place<'a> {
    /// The file that was asked for.
    pub(super) file: Option<&'a Utf8PathBuf>,
    /// Whether a file that exists may be replaced.
    pub(super) force: bool,
}

/// An archive that was written.
#[derive(Debug, Serialize)]
struct Archive {
    instance: String,
    at: Option<Timestamp>,
    path: Utf8PathBuf,
    bytes: u64,
}

/// The archives that were written.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Archives(Vec<Archive>);

impl fmt::Display for Archives {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, archive) in self.0.iter().enumerate() {
            if number > 0 {
                writeln!(formatter)?;
            }
            let Archive {
                instance,
                path,
                bytes,
                ..
            } = archive;
            write!(formatter, "{path}: the logs of {instance}, {bytes} bytes")?;
        }
        Ok(())
    }
}

/// Asks for all logs and downloads them, one instance after the other. Exit code 1 if an instance did
/// not answer or its archive could not be read.
pub(super) async fn download(
    context: &Context,
    beanstalk: &Beanstalk,
    request: &LogRequest,
    place: &Place<'_>,
) -> Result<ExitCode, Report> {
    if let Some(file) = place.file
        && !place.force
        && context.directory.join(file).exists()
    {
        return Err(Failure::FileExists { path: file.clone() }.into());
    }
    let found = tokio::select! {
        biased;
        () = context.cancel.cancelled() => return Err(Failure::Stopped.into()),
        found = beanstalk.collect_logs(request) => found?,
    };
    let mut code = ExitCode::Done;
    for instance in &found.silent {
        code = ExitCode::Findings;
        context.terminal.say(&format!(
            "warning: {instance} did not send its logs in time"
        ));
    }
    let is_alone = found.samples.len() == 1;
    let mut archives = Vec::new();
    for sample in &found.samples {
        let path = match place.file {
            Some(file) if is_alone => file.clone(),
            Some(file) => with_instance(file, &sample.instance),
            None => usual_name(request.environment.as_str(), sample),
        };
        let kept = tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Err(Failure::Stopped.into()),
            kept = keep(context, beanstalk, sample, &path, place.force) => kept,
        };
        match kept {
            Ok(bytes) => archives.push(Archive {
                instance: sample.instance.clone(),
                at: sample.at,
                path,
                bytes,
            }),
            // The instance may be gone; a file that cannot be written ends it all.
            Err(report) if report.exit_code() == ExitCode::Outside && !is_alone => {
                code = ExitCode::Findings;
                context.terminal.say(&format!("warning: {report}"));
            }
            Err(report) => return Err(report),
        }
    }
    context.terminal.result(&Archives(archives));
    Ok(code)
}

/// Downloads one archive into a file of its own and gives it its name once it is whole.
async fn keep(
    context: &Context,
    beanstalk: &Beanstalk,
    sample: &LogSample,
    path: &Utf8Path,
    force: bool,
) -> Result<u64, Report> {
    let target = context.directory.join(path);
    let directory = target.parent().unwrap_or(&context.directory);
    let failed = |source: std::io::Error| Failure::Write {
        path: path.to_owned(),
        source,
    };
    // Readable by its owner alone from the first byte on; removed if this ends early.
    let mut file = NamedTempFile::with_prefix_in(".beanpole-logs-", directory).map_err(failed)?;
    let bytes = beanstalk
        .download_log(sample, &mut |chunk| file.write_all(chunk))
        .await?;
    file.as_file().sync_all().map_err(failed)?;
    let named = if force {
        file.persist(&target)
    } else {
        file.persist_noclobber(&target)
    };
    match named {
        Ok(_) => Ok(bytes),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::FileExists {
                path: path.to_owned(),
            }
            .into())
        }
        Err(error) => Err(failed(error.error).into()),
    }
}

/// `shop-production-i-0123-20261120T100000Z.zip`
fn usual_name(environment: &str, sample: &LogSample) -> Utf8PathBuf {
    let instance = safe(&sample.instance);
    let time = sample
        .at
        .map(|at| at.strftime("-%Y%m%dT%H%M%SZ").to_string())
        .unwrap_or_default();
    Utf8PathBuf::from(format!("{environment}-{instance}{time}.zip"))
}

/// `logs.zip` becomes `logs-i-0123.zip`.
fn with_instance(file: &Utf8Path, instance: &str) -> Utf8PathBuf {
    let stem = file.file_stem().unwrap_or("logs");
    let instance = safe(instance);
    let name = match file.extension() {
        Some(extension) => format!("{stem}-{instance}.{extension}"),
        None => format!("{stem}-{instance}"),
    };
    file.with_file_name(name)
}

/// A word from AWS as part of a file's name.
fn safe(word: &str) -> String {
    let clean: String = word
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .collect();
    if clean.is_empty() {
        "instance".to_owned()
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_the_instance_and_no_path() {
        let name = |file: &str, instance: &str| with_instance(Utf8Path::new(file), instance);
        assert_eq!(name("out/logs.zip", "i-1"), "out/logs-i-1.zip");
        assert_eq!(name("logs", "i-1"), "logs-i-1");
        assert_eq!(name("logs.zip", "../../etc/passwd"), "logs-etcpasswd.zip");
        assert_eq!(safe("/"), "instance");
    }
}
