//! Workflow commands of GitHub Actions (docs.github.com, "Workflow commands for GitHub Actions").

use crate::findings::data;

/// An annotation line: `::error::message`. Percent signs and line breaks are encoded as the runner
/// expects.
pub(crate) fn annotation(level: &str, message: &str) -> String {
    format!("::{level}::{}", data(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_stays_on_one_line() {
        assert_eq!(
            annotation("error", "50%\nfailed"),
            "::error::50%25%0Afailed"
        );
    }
}
