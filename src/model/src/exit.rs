//! The exit codes, the same for every command. Scripts depend on them; `docs/exit-codes.md` lists
//! them, and the binary's tests assert them.

use serde::Serialize;

/// How a command ended. The number is the process's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ExitCode {
    /// Done and proven.
    Done = 0,
    /// Findings, or something is unhealthy. Nothing was changed by this command.
    Findings = 1,
    /// The command line or the manifest is wrong. Nothing was touched.
    Usage = 2,
    /// The change failed, and the former state was restored.
    FailedRestored = 3,
    /// The change failed, and the former state could not be restored.
    FailedNotRestored = 4,
    /// Busy, or locked by someone else.
    Busy = 5,
    /// Out of time; AWS goes on by itself.
    OutOfTime = 6,
    /// Credentials or permission, or the wrong account or region.
    Credentials = 7,
    /// The network, or an outside service such as Docker or AWS itself.
    Outside = 8,
    /// Our own bug.
    Bug = 70,
    /// Interrupted.
    Interrupted = 130,
}

impl ExitCode {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 11] = [
        Self::Done,
        Self::Findings,
        Self::Usage,
        Self::FailedRestored,
        Self::FailedNotRestored,
        Self::Busy,
        Self::OutOfTime,
        Self::Credentials,
        Self::Outside,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The number the process exits with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What the code means, in one short sentence without a full stop.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done and proven",
            Self::Findings => "findings, or unhealthy",
            Self::Usage => "wrong usage or manifest",
            Self::FailedRestored => "failed, and the former state was restored",
            Self::FailedNotRestored => "failed, and the former state could not be restored",
            Self::Busy => "busy, or locked by someone else",
            Self::OutOfTime => "out of time, AWS goes on",
            Self::Credentials => "credentials or permission",
            Self::Outside => "network or an outside service",
            Self::Bug => "a bug in beanpole",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(value: ExitCode) -> Self {
        Self::from(value.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_documented_ones() {
        let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 70, 130]);
    }
}
