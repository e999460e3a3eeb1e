//! The one renderer of errors: message, causes, details, hint.

use std::fmt;

use beanpole_model::{ExitCode, Report};
use serde::Serialize;

/// An error as it is shown and as it stands in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorReport {
    /// What happened, naming the object.
    pub message: String,
    /// Why, nearest cause first.
    pub causes: Vec<String>,
    /// Facts that help, one a line.
    pub details: Vec<String>,
    /// What to do, naming the next command where there is one.
    pub hint: Option<String>,
    /// How the command ends.
    pub exit_code: u8,
    /// What that exit code means.
    pub meaning: &'static str,
}

impl From<&Report> for ErrorReport {
    fn from(report: &Report) -> Self {
        let code: ExitCode = report.exit_code();
        Self {
            message: report.message(),
            causes: report.causes(),
            details: report.details(),
            hint: report.hint(),
            exit_code: code.code(),
            meaning: code.meaning(),
        }
    }
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", self.message)?;
        for cause in &self.causes {
            write!(formatter, "\n  caused by: {}", indented(cause))?;
        }
        for detail in &self.details {
            write!(formatter, "\n  {}", indented(detail))?;
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\nhint: {}", indented(hint))?;
        }
        Ok(())
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n  ")
}

#[cfg(test)]
mod tests {
    use beanpole_model::Problem;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the manifest `beanpole.yaml` could not be read")]
    struct Outer(#[source] std::io::Error);

    impl Problem for Outer {
        fn exit_code(&self) -> ExitCode {
            ExitCode::Usage
        }
        fn details(&self) -> Vec<String> {
            vec!["looked in: /srv/blog".to_owned()]
        }
        fn hint(&self) -> Option<String> {
            Some("run `beanpole init` to write one".to_owned())
        }
    }

    #[test]
    fn message_causes_details_and_hint_in_this_order() {
        let report = Report::from(Outer(std::io::Error::other("no such file")));
        insta::assert_snapshot!(ErrorReport::from(&report).to_string(), @r"
        error: the manifest `beanpole.yaml` could not be read
          caused by: no such file
          looked in: /srv/blog
        hint: run `beanpole init` to write one
        ");
    }
}
