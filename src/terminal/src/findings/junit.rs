//! Findings as JUnit's XML, which every CI server shows as test results.

use std::fmt::Write as _;

use beanpole_model::Severity;

use super::{Shown, word};

/// A report in which each finding is a test: errors have failed, and the rest has passed with a remark.
/// Without findings, there is one test that passed: an empty report is taken for a fault.
#[must_use]
pub fn junit(shown: &[Shown<'_>]) -> String {
    let failures = shown.iter().filter(|shown| is_failure(shown)).count();
    let tests = shown.len().max(1);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"beanpole check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">\n  \
         <testsuite name=\"beanpole check\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n"
    );
    if shown.is_empty() {
        xml.push_str("    <testcase name=\"no findings\" classname=\"beanpole\"/>\n");
    }
    for shown in shown {
        case(shown, &mut xml);
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn is_failure(shown: &Shown<'_>) -> bool {
    shown.finding.severity == Severity::Error
}

fn case(shown: &Shown<'_>, xml: &mut String) {
    let finding = shown.finding;
    let place = finding.location.as_ref().map(ToString::to_string);
    let name = match &place {
        Some(place) => format!("{} at {place}", finding.rule),
        None => finding.rule.clone(),
    };
    let mut attributes = format!(
        "name=\"{}\" classname=\"{}\"",
        escape(&name),
        escape(shown.path().unwrap_or("beanpole"))
    );
    if let Some(path) = shown.path() {
        let _ = write!(attributes, " file=\"{}\"", escape(path));
    }
    if let Some(line) = shown.line() {
        let _ = write!(attributes, " line=\"{line}\"");
    }
    let mut body = format!("{}: {}", word(finding.severity), finding.message);
    for more in [Some(&finding.reason), finding.remedy.as_ref()]
        .into_iter()
        .flatten()
    {
        if !more.is_empty() {
            body.push('\n');
            body.push_str(more);
        }
    }
    let body = escape(&body);
    let inner = if is_failure(shown) {
        format!(
            "<failure message=\"{}\" type=\"{}\">{body}</failure>",
            escape(&finding.message),
            escape(&finding.rule)
        )
    } else {
        format!("<system-out>{body}</system-out>")
    };
    let _ = write!(
        xml,
        "    <testcase {attributes}>\n      {inner}\n    </testcase>\n"
    );
}

/// Text for XML 1.0, in elements and in attributes. Characters that XML cannot hold in any spelling are
/// replaced; line breaks are kept from being made into spaces.
fn escape(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(xml, "&#{};", u32::from(character));
            }
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            character => xml.push(character),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::super::testing::finding;
    use super::*;

    #[test]
    fn errors_have_failed_and_the_rest_has_a_remark() {
        let mut error = finding("drop-column", Severity::Error, Some(("a&b.py", 3, 7)));
        error.message = "\"<x>\"\u{1b}[0m\u{0}\u{ffff} ]]> 'y'\nz".to_owned();
        let warning = finding("large", Severity::Warning, None);
        insta::assert_snapshot!(junit(&[Shown::new(&error), Shown::new(&warning)]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="beanpole check" tests="2" failures="1" errors="0">
          <testsuite name="beanpole check" tests="2" failures="1" errors="0" skipped="0">
            <testcase name="drop-column at a&amp;b.py:3:7" classname="a&amp;b.py" file="a&amp;b.py" line="3">
              <failure message="&quot;&lt;x&gt;&quot;�[0m�� ]]&gt; 'y'&#10;z" type="drop-column">error: &quot;&lt;x&gt;&quot;�[0m�� ]]&gt; 'y'&#10;z&#10;The old version still reads it.&#10;do it in two releases</failure>
            </testcase>
            <testcase name="large" classname="beanpole">
              <system-out>warning: `large` is broken&#10;The old version still reads it.&#10;do it in two releases</system-out>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn nothing_found_is_one_test_that_passed() {
        assert!(junit(&[]).contains("tests=\"1\" failures=\"0\""));
        assert!(junit(&[]).contains("no findings"));
    }
}
