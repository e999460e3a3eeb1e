//! Which process holds a lock, and whether it still lives.
//!
//! Rules: a process is the same one only if machine, boot, process namespace, user, number and start
//! time agree. A name of a machine is no proof: runners share names. Where `/proc` is missing nothing
//! is known, and only the heartbeat tells.

use std::io;

use serde::{Deserialize, Serialize};

/// A process, so that it cannot be taken for another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The machine's name, for people.
    pub host: String,
    /// The user's number.
    pub uid: u32,
    /// The process number.
    pub pid: u32,
    /// When it started, in clock ticks since the machine did (proc(5), `/proc/pid/stat`, field 22).
    pub started: u64,
    /// The id of the machine's boot (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// The namespace that the number is of (`/proc/self/ns/pid`): containers count for themselves.
    pub namespace: String,
}

/// What is known about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It runs, and it is this very process.
    Own,
    /// It runs.
    Alive,
    /// It has ended.
    Ended,
    /// It is of another machine or user, or nothing can be found out.
    Unknown,
}

impl Process {
    /// This process; none where there is no `/proc`.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// The process of this machine with this number.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let (_, started) = status(pid).ok().flatten()?;
        Some(Self {
            host: read("/proc/sys/kernel/hostname")?,
            uid: own_uid()?,
            pid,
            started,
            boot: read("/proc/sys/kernel/random/boot_id")?,
            namespace: fs_err::read_link("/proc/self/ns/pid")
                .ok()?
                .to_str()?
                .to_owned(),
        })
    }

    pub(crate) fn fate(&self) -> Fate {
        let Some(own) = Self::own() else {
            return Fate::Unknown;
        };
        if *self == own {
            return Fate::Own;
        }
        let is_near =
            self.boot == own.boot && self.namespace == own.namespace && self.uid == own.uid;
        if !is_near {
            return Fate::Unknown;
        }
        match status(self.pid) {
            Ok(None) => Fate::Ended,
            Ok(Some((_, started))) if started != self.started => Fate::Ended,
            // Ended, and its parent has not looked yet: it holds nothing any more.
            Ok(Some(('Z' | 'X', _))) => Fate::Ended,
            Ok(Some(_)) => Fate::Alive,
            Err(_) => Fate::Unknown,
        }
    }
}

fn read(path: &str) -> Option<String> {
    Some(fs_err::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(unix)]
fn own_uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    Some(fs_err::metadata("/proc/self").ok()?.uid())
}

#[cfg(not(unix))]
fn own_uid() -> Option<u32> {
    None
}

/// State and start time of a process; none if there is none of this number.
fn status(pid: u32) -> io::Result<Option<(char, u64)>> {
    match fs_err::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(text) => parse(&text)
            .map(Some)
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Without `/proc` nothing is known about any process.
            fs_err::metadata("/proc/self/stat").map(|_| None)
        }
        Err(error) => Err(error),
    }
}

/// The third and the 22nd field. The second one is a name in brackets that may hold anything.
fn parse(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((state, started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_confuse() {
        let stat = "77 (a) b) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 99 1";
        assert_eq!(parse(stat), Some(('S', 4242)));
        assert_eq!(parse("77 (x"), None);
    }

    #[cfg(target_os = "linux")]
    mod on_linux {
        use std::process::Command;

        use super::*;

        #[test]
        fn this_process_lives() {
            let own = Process::own().unwrap();
            assert_eq!(own.pid, std::process::id());
            assert_eq!(own.fate(), Fate::Own);
        }

        #[test]
        fn a_killed_process_has_ended_before_and_after_it_is_reaped() {
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            let process = Process::of(child.id()).unwrap();
            assert_eq!(process.fate(), Fate::Alive);
            child.kill().unwrap();
            // Killing takes a moment; reaping comes after.
            for _ in 0..200 {
                if process.fate() == Fate::Ended {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            assert_eq!(process.fate(), Fate::Ended);
            child.wait().unwrap();
            assert_eq!(process.fate(), Fate::Ended);
        }

        #[test]
        fn another_start_time_is_another_process() {
            let mut child = Command::new("sleep").arg("60").spawn().unwrap();
            let process = Process::of(child.id()).unwrap();
            let reused = Process {
                started: process.started - 1,
                ..process.clone()
            };
            assert_eq!(reused.fate(), Fate::Ended);
            let elsewhere = Process {
                boot: "another".to_owned(),
                ..process
            };
            assert_eq!(elsewhere.fate(), Fate::Unknown);
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
