//! Findings as annotations of GitHub Actions (docs.github.com, "Workflow commands for GitHub Actions").

use beanpole_model::Severity;

use super::Shown;

/// How many annotations of one kind GitHub shows for a step; it drops the rest without a word.
const MOST_OF_A_KIND: usize = 10;

/// One workflow command a line: the worst first, at most ten of each kind, and a last line that says how many
/// more there are.
#[must_use]
pub fn annotations(shown: &[Shown<'_>]) -> Vec<String> {
    let mut sorted: Vec<&Shown<'_>> = shown.iter().collect();
    sorted.sort_by(|one, other| {
        let place = |shown: &Shown<'_>| (shown.path().map(str::to_owned), shown.line());
        other
            .finding
            .severity
            .cmp(&one.finding.severity)
            .then_with(|| place(one).cmp(&place(other)))
    });
    let mut lines = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let of_kind = sorted
            .iter()
            .filter(|shown| shown.finding.severity == severity);
        lines.extend(of_kind.take(MOST_OF_A_KIND).map(|shown| command(shown)));
    }
    let rest = shown.len() - lines.len();
    if rest > 0 {
        lines.push(format!(
            "{rest} more findings are not annotated: GitHub shows {MOST_OF_A_KIND} of a kind for each step"
        ));
    }
    lines
}

fn command(shown: &Shown<'_>) -> String {
    let finding = shown.finding;
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(path) = shown.path() {
        properties.push(format!("file={}", property(path)));
    }
    if let Some(line) = shown.line() {
        properties.push(format!("line={line}"));
    }
    if let Some(column) = shown.column() {
        properties.push(format!("col={column}"));
    }
    properties.push(format!("title={}", property(&finding.rule)));
    let mut message = finding.message.clone();
    for more in [Some(&finding.reason), finding.remedy.as_ref()]
        .into_iter()
        .flatten()
    {
        if !more.is_empty() {
            message.push('\n');
            message.push_str(more);
        }
    }
    format!("::{level} {}::{}", properties.join(","), data(&message))
}

/// A message as the runner expects it.
pub(crate) fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property's value, in which colons and commas separate.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::testing::finding;
    use super::*;

    #[test]
    fn places_and_texts_are_encoded() {
        let mut odd = finding("drop-column", Severity::Error, Some(("a,b:c%.py", 3, 7)));
        odd.message = "50%\r\nof ::x, y".to_owned();
        let note = finding("old", Severity::Note, None);
        let warning = finding("large", Severity::Warning, Some(("a.bin", 0, 4)));
        let shown = [Shown::new(&note), Shown::new(&warning), Shown::new(&odd)];
        insta::assert_snapshot!(annotations(&shown).join("\n"), @r"
        ::error file=a%2Cb%3Ac%25.py,line=3,col=7,title=drop-column::50%25%0D%0Aof ::x, y%0AThe old version still reads it.%0Ado it in two releases
        ::warning file=a.bin,title=large::`large` is broken%0AThe old version still reads it.%0Ado it in two releases
        ::notice title=old::`old` is broken%0AThe old version still reads it.%0Ado it in two releases
        ");
    }

    #[test]
    fn ten_of_a_kind_and_the_rest_is_said() {
        let errors: Vec<_> = (1..=12)
            .rev()
            .map(|line| finding("r", Severity::Error, Some(("a.py", line, 0))))
            .collect();
        let warnings: Vec<_> = (1..=3)
            .map(|line| finding("w", Severity::Warning, Some(("a.py", line, 0))))
            .collect();
        let shown: Vec<_> = warnings.iter().chain(&errors).map(Shown::new).collect();
        let lines = annotations(&shown);
        assert_eq!(lines.len(), 14);
        assert!(lines[0].starts_with("::error file=a.py,line=1,"));
        assert!(lines[9].starts_with("::error file=a.py,line=10,"));
        assert!(lines[10].starts_with("::warning "));
        assert!(lines[13].starts_with("2 more findings"), "{}", lines[13]);
        assert_eq!(annotations(&[]), Vec::<String>::new());
    }
}
