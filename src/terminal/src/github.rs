//! Workflow commands of GitHub Actions (docs.github.com, "Workflow commands for GitHub Actions").

/// An annotation line: `::error::message`. Percent signs and line breaks are encoded as the runner
/// expects.
pub(crate) fn annotation(level: &str, message: &str) -> String {
    format!("::{level}::{}", encode(message))
}

fn encode(message: &str) -> String {
    message
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
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
