//! One call of another program: bounded in time and in what it prints, and stopped with all that it has started.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// The most that a call may print, in bytes. The SQL of the largest migrations has a few hundred KiB.
const MOST_PRINTED: u64 = 16 * 1024 * 1024;

/// How much of the end of stderr is kept, in bytes.
const TAIL: usize = 64 * 1024;

/// How long a program that is asked to end may take before it is made to: `docker compose run` takes its container away.
const GRACE: Duration = Duration::from_secs(5);

/// A call.
pub(super) struct Call<'a> {
    pub(super) program: &'a str,
    pub(super) words: &'a [String],
    /// Arguments after the words.
    pub(super) more: &'a [&'a str],
    pub(super) directory: &'a Utf8Path,
    pub(super) limit: Duration,
}

/// How a call ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself.
    Done {
        status: ExitStatus,
        stdout: Vec<u8>,
        /// The end of it.
        stderr: Vec<u8>,
    },
    /// It took too long and was stopped.
    TooLong,
    /// It printed too much and was stopped.
    TooMuch,
}

impl Call<'_> {
    /// Runs the program to its end. None: the work was interrupted, and the program was stopped or not even started.
    pub(super) async fn run(&self, cancel: &CancellationToken) -> io::Result<Option<Ended>> {
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let mut child = Command::new(self.program)
            .args(self.words)
            .args(self.more)
            .current_dir(self.directory)
            // The user's tree stays as it is.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that what it starts can be stopped with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        // Of its leader's number, also when that one has ended.
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let group = group.and_then(Pid::from_raw);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let ended = {
            let reads = async { tokio::try_join!(bounded(stdout), tail(stderr), child.wait()) };
            tokio::select! {
                read = reads => read.map(|(stdout, stderr, status)| {
                    Some(Ended::Done { status, stdout, stderr })
                }),
                () = tokio::time::sleep(self.limit) => Ok(Some(Ended::TooLong)),
                () = cancel.cancelled() => Ok(None),
            }
        };
        match ended {
            Ok(Some(done @ Ended::Done { .. })) => Ok(Some(done)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                stop(&mut child, group).await;
                Ok(Some(Ended::TooMuch))
            }
            other => {
                stop(&mut child, group).await;
                other
            }
        }
    }
}

/// Asks the program and all that it has started to end, and makes them if they do not.
async fn stop(child: &mut Child, group: Option<Pid>) {
    let send = |signal| {
        // Nobody is left of a group that has ended.
        group.map(|group| kill_process_group(group, signal).is_ok())
    };
    send(Signal::TERM);
    let _ended = tokio::time::timeout(GRACE, child.wait()).await;
    send(Signal::KILL);
    let _reaped = child.wait().await;
}

/// All that is printed; an error of the kind `FileTooLarge` if that is too much.
async fn bounded(from: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(from) = from {
        let mut from = from.take(MOST_PRINTED + 1);
        let length = from.read_to_end(&mut read).await?;
        if u64::try_from(length).is_ok_and(|length| length > MOST_PRINTED) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
    Ok(read)
}

/// The end of what is printed.
async fn tail(from: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut from) = from else {
        return Ok(kept);
    };
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
        kept.drain(..kept.len().saturating_sub(TAIL));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    async fn run(script: &str, limit: Duration, cancel: &CancellationToken) -> Option<Ended> {
        let words = ["-c".to_owned(), script.to_owned(), "sh".to_owned()];
        let call = Call {
            program: "sh",
            words: &words,
            more: &["more", "a b"],
            directory: Utf8Path::new("/"),
            limit,
        };
        call.run(cancel).await.unwrap()
    }

    async fn run_whole(script: &str) -> Ended {
        let cancel = CancellationToken::new();
        run(script, Duration::from_secs(60), &cancel).await.unwrap()
    }

    #[tokio::test]
    async fn arguments_arrive_as_they_are_and_everything_is_read() {
        let ended =
            run_whole("pwd; echo \"$2\" $PYTHONDONTWRITEBYTECODE; cat; echo no >&2; exit 3").await;
        let Ended::Done {
            status,
            stdout,
            stderr,
        } = ended
        else {
            panic!("{ended:?}");
        };
        assert_eq!(status.code(), Some(3));
        assert_eq!(String::from_utf8(stdout).unwrap(), "/\na b 1\n");
        assert_eq!(stderr, b"no\n");
    }

    #[tokio::test]
    async fn of_a_long_stderr_the_end_is_kept() {
        let ended = run_whole("yes nothing | head -c 300000 >&2; echo last >&2").await;
        let Ended::Done { stderr, .. } = ended else {
            panic!("{ended:?}");
        };
        assert_eq!(stderr.len(), TAIL);
        assert!(stderr.ends_with(b"last\n"));
    }

    #[tokio::test]
    async fn who_prints_without_end_is_stopped() {
        let ended = run_whole("exec yes").await;
        assert!(matches!(ended, Ended::TooMuch), "{ended:?}");
    }

    #[tokio::test]
    async fn who_takes_too_long_is_stopped_with_all_that_it_has_started() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pid");
        // Who waits is not the program itself but what it has started; the pipe stays open.
        let script = format!("sleep 600 & echo $! > '{}'; exit 0", file.display());
        let start = Instant::now();
        let limit = Duration::from_millis(500);
        let ended = run(&script, limit, &CancellationToken::new()).await;
        assert!(matches!(ended, Some(Ended::TooLong)), "{ended:?}");
        assert!(start.elapsed() < Duration::from_secs(30));
        let id: i32 = fs_err::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let is_gone = || {
            let state = fs_err::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        for _ in 0..100 {
            if is_gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("process {id} goes on");
    }

    #[tokio::test]
    async fn an_interrupt_stops_it_and_starts_nothing_more() {
        let cancel = CancellationToken::new();
        let limit = Duration::from_secs(60);
        let soon = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            cancel.cancel();
        };
        let start = Instant::now();
        let (ended, ()) = tokio::join!(run("sleep 600", limit, &cancel), soon);
        assert!(ended.is_none() && start.elapsed() < Duration::from_secs(30));
        assert!(run("exit 0", limit, &cancel).await.is_none());
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_an_error_of_that_kind() {
        let call = Call {
            program: "/nowhere/python",
            words: &[],
            more: &[],
            directory: Utf8Path::new("/"),
            limit: Duration::from_secs(60),
        };
        let error = call.run(&CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
