//! Findings as SARIF 2.1.0 (OASIS), as GitHub's code scanning reads it.

use std::collections::BTreeMap;

use beanpole_model::Severity;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Shown, word};

/// How many results GitHub takes of a run (docs.github.com, "SARIF support for code scanning").
const MOST_RESULTS: usize = 25_000;

/// What stays as it is in the path of a URI (RFC 3986, `pchar` and `/`).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A rule, as SARIF describes it.
#[derive(Clone, Debug)]
pub struct SarifRule<'a> {
    /// The stable id.
    pub id: &'a str,
    /// What it reports, in one line.
    pub summary: &'a str,
    /// How much its findings matter.
    pub severity: Severity,
    /// The page about it.
    pub help_uri: Option<String>,
    /// The group it belongs to.
    pub tags: Vec<&'a str>,
}

/// Who has found it, and where what has no place is shown.
#[derive(Clone, Debug)]
pub struct SarifTool<'a> {
    /// The version of the program.
    pub version: &'a str,
    /// The page about the program.
    pub information_uri: &'a str,
    /// The rules that ran, found anything or not.
    pub rules: &'a [SarifRule<'a>],
    /// The path for findings without one: GitHub refuses a result without a place. `beanpole.yaml`.
    pub fallback_path: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    semantic_version: &'a str,
    information_uri: &'a str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties<'a> {
    tags: Vec<&'a str>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: Message,
    locations: [Place; 1],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
}

/// The log, as JSON on several lines.
///
/// # Errors
/// None that can happen: the log has a JSON form.
pub fn sarif(shown: &[Shown<'_>], tool: &SarifTool<'_>) -> Result<String, serde_json::Error> {
    let mut notifications = Vec::new();
    if shown.len() > MOST_RESULTS {
        notifications.push(Notification {
            level: "warning",
            message: Message {
                text: format!("{} more findings were left out", shown.len() - MOST_RESULTS),
            },
        });
    }
    let mut occurrences: BTreeMap<&str, u32> = BTreeMap::new();
    let results = shown
        .iter()
        .take(MOST_RESULTS)
        .map(|shown| result(shown, tool, &mut occurrences))
        .collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "beanpole",
                    semantic_version: tool.version,
                    information_uri: tool.information_uri,
                    rules: tool.rules.iter().map(rule).collect(),
                },
            },
            column_kind: "unicodeCodePoints",
            invocations: [Invocation {
                execution_successful: true,
                tool_execution_notifications: notifications,
            }],
            results,
        }],
    };
    serde_json::to_string_pretty(&log)
}

fn rule<'a>(rule: &SarifRule<'a>) -> Rule<'a> {
    Rule {
        id: rule.id,
        short_description: Message {
            text: rule.summary.to_owned(),
        },
        help_uri: rule.help_uri.clone(),
        default_configuration: Configuration {
            level: word(rule.severity),
        },
        properties: Properties {
            tags: rule.tags.clone(),
        },
    }
}

fn result<'a>(
    shown: &Shown<'a>,
    tool: &SarifTool<'_>,
    occurrences: &mut BTreeMap<&'a str, u32>,
) -> SarifResult<'a> {
    let finding = shown.finding;
    let mut text = finding.message.clone();
    for more in [Some(&finding.reason), finding.remedy.as_ref()]
        .into_iter()
        .flatten()
    {
        if !more.is_empty() {
            text.push('\n');
            text.push_str(more);
        }
    }
    let path = shown.path().unwrap_or(tool.fallback_path);
    let fingerprint = shown.fingerprint.map(|fingerprint| {
        // The same text twice in a file is two findings.
        let occurrence = occurrences.entry(fingerprint).or_default();
        *occurrence += 1;
        (
            "beanpoleFingerprint/v1",
            format!("{fingerprint}:{occurrence}"),
        )
    });
    SarifResult {
        rule_id: &finding.rule,
        rule_index: tool.rules.iter().position(|rule| rule.id == finding.rule),
        level: word(finding.severity),
        message: Message { text },
        locations: [Place {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation {
                    uri: utf8_percent_encode(path, PATH).to_string(),
                    uri_base_id: "%SRCROOT%",
                },
                // Lines count from 1; a 0 would make the whole log invalid.
                region: shown.line().filter(|line| *line > 0).map(|line| Region {
                    start_line: line,
                    start_column: shown.column().filter(|column| *column > 0),
                }),
            },
        }],
        partial_fingerprints: fingerprint.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::finding;
    use super::*;

    fn tool<'a>(rules: &'a [SarifRule<'a>]) -> SarifTool<'a> {
        SarifTool {
            version: "0.1.0",
            information_uri: "https://example.org/beanpole",
            rules,
            fallback_path: "beanpole.yaml",
        }
    }

    // The snapshot was checked with the schema that OASIS publishes (sarif-schema-2.1.0.json).
    #[test]
    fn results_rules_places_and_fingerprints() {
        let rules = [SarifRule {
            id: "drop-column",
            summary: "a column that is still read is dropped",
            severity: Severity::Error,
            help_uri: Some("https://example.org/checks/drop-column".to_owned()),
            tags: vec!["migrations"],
        }];
        let error = finding("drop-column", Severity::Error, Some(("a b/ö#%.py", 3, 7)));
        let note = finding("old", Severity::Note, None);
        let known = Shown {
            fingerprint: Some("0abc"),
            ..Shown::new(&error)
        };
        let log = sarif(&[known, known, Shown::new(&note)], &tool(&rules)).unwrap();
        insta::assert_snapshot!(log);
    }

    /// What the schema requires of a result and a rule, whatever the finding.
    #[test]
    fn required_properties_are_always_there() {
        for place in [
            None,
            Some(("", 0, 0)),
            Some(("a.py", 0, 9)),
            Some(("a.py", 4, 0)),
        ] {
            let finding = finding("r", Severity::Warning, place);
            let log = sarif(&[Shown::new(&finding)], &tool(&[])).unwrap();
            let log: serde_json::Value = serde_json::from_str(&log).unwrap();
            assert_eq!(log["version"], "2.1.0");
            let run = &log["runs"][0];
            assert!(run["tool"]["driver"]["name"].is_string());
            assert!(run["invocations"][0]["executionSuccessful"].is_boolean());
            let result = &run["results"][0];
            assert!(result["message"]["text"].is_string());
            let place = &result["locations"][0]["physicalLocation"];
            assert!(place["artifactLocation"]["uri"].is_string());
            if let Some(region) = place.get("region") {
                assert!(region["startLine"].as_u64().unwrap() >= 1);
                assert_ne!(region.get("startColumn"), Some(&0.into()));
            }
        }
    }

    #[test]
    fn a_log_that_is_too_long_is_cut_and_says_so() {
        let note = finding("old", Severity::Note, None);
        let shown = vec![Shown::new(&note); MOST_RESULTS + 3];
        let log = sarif(&shown, &tool(&[])).unwrap();
        let log: serde_json::Value = serde_json::from_str(&log).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), MOST_RESULTS);
        let said = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert_eq!(said, "3 more findings were left out");
    }
}
