//! How errors carry their remedy and their exit code to the edge.
//!
//! Rules: each crate has its own error enum, with the object in the variant. `Display` speaks for
//! itself only; the source chain is printed by one renderer (the `terminal` crate). An error that
//! implements [`Problem`] says which exit code it deserves and what to type next.

use std::error::Error as StdError;

use crate::ExitCode;

/// An error that knows its exit code and its remedy.
pub trait Problem: StdError + Send + Sync + 'static {
    /// The exit code that the whole command ends with if this error is its outcome.
    fn exit_code(&self) -> ExitCode;

    /// Facts that help: what was seen, what is allowed, the last lines of a log. One entry a line.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }

    /// What to do about it, as one sentence that names the next command where there is one.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any [`Problem`] on its way to the edge: `?` turns every error that implements it into a report.
///
/// A report is deliberately not an error itself, so that the conversion can be general.
#[derive(Debug)]
pub struct Report {
    problem: Box<dyn Problem>,
}

impl Report {
    /// The error message without its causes.
    #[must_use]
    pub fn message(&self) -> String {
        self.problem.to_string()
    }

    /// The messages of the causes, nearest first.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = self.problem.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }

    /// See [`Problem::details`].
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        self.problem.details()
    }

    /// See [`Problem::hint`].
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.problem.hint()
    }

    /// See [`Problem::exit_code`].
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        self.problem.exit_code()
    }
}

/// The message and its causes on one line, for step lines and logs. The error renderer shows more.
impl std::fmt::Display for Report {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message())?;
        for cause in self.causes() {
            write!(formatter, ": {cause}")?;
        }
        Ok(())
    }
}

impl<P: Problem> From<P> for Report {
    fn from(problem: P) -> Self {
        Self {
            problem: Box::new(problem),
        }
    }
}
