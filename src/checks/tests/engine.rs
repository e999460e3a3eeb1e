//! What is reported of what the rules found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;

use beanpole_checks::{
    Baseline, Change, ChangeKind, ChangedLines, CheckReport, Group, Ignore, Level, Levels, Pattern,
    Policy, Rule, RuleSelection, Scope, Unseen, judge,
};
use beanpole_model::{Finding, Location, Problem as _, Severity};
use jiff::civil::{Date, date};
use proptest::prelude::*;

const TODAY: Date = date(2026, 11, 21);

const RULES: [Rule; 4] = [
    rule("drop-column", Group::Migrations, Severity::Error),
    rule("drop-table", Group::Migrations, Severity::Warning),
    rule("large-file", Group::Files, Severity::Warning),
    rule("private-key", Group::Secrets, Severity::Error),
];

const fn rule(id: &'static str, group: Group, severity: Severity) -> Rule {
    Rule {
        id,
        group,
        severity,
        summary: "a rule",
    }
}

fn finding(id: &str, path: &str, line: u32) -> Finding {
    let severity = RULES.iter().find(|rule| rule.id == id).unwrap().severity;
    Finding {
        rule: id.to_owned(),
        severity,
        location: Some(Location {
            path: path.to_owned(),
            line: (line > 0).then_some(line),
            column: None,
        }),
        message: format!("{id} is there"),
        reason: "because".to_owned(),
        remedy: None,
    }
}

/// Everything that a judgement rests on, with the usual values.
struct World {
    scope: Scope,
    names: Vec<String>,
    levels: Vec<(&'static str, Level)>,
    ignores: Vec<Ignore>,
    baseline: Option<Baseline>,
}

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        Self {
            scope: Scope::all(files.iter().copied().collect()),
            names: Vec::new(),
            levels: Vec::new(),
            ignores: Vec::new(),
            baseline: None,
        }
    }

    /// Only some lines of a file changed.
    fn partly(mut self, path: &str, lines: &[(u32, u32)]) -> Self {
        self.scope.changes = vec![Change {
            path: path.to_owned(),
            kind: ChangeKind::Modified,
            lines: ChangedLines::Only(lines.to_vec()),
            counts: None,
        }];
        self
    }

    fn judge(&self, findings: &[Finding]) -> CheckReport {
        let levels = self.levels.iter().copied();
        let levels = levels.map(|(name, level)| (name.to_owned(), level));
        let policy = Policy {
            rules: &RULES,
            selection: &RuleSelection::new(&self.names, &RULES).unwrap(),
            levels: &Levels::new(levels, &RULES).unwrap(),
            ignores: &self.ignores,
            baseline: self.baseline.as_ref(),
            today: TODAY,
            saw: &|group, path| {
                let is_python = path.rsplit_once('.').is_some_and(|(_, end)| end == "py");
                group != Group::Migrations || is_python
            },
        };
        judge(findings.to_vec(), Vec::new(), &self.scope, &policy)
    }
}

fn ids(report: &CheckReport) -> Vec<(&str, u32)> {
    let findings = report.findings.iter().map(|reported| &reported.finding);
    findings
        .map(|finding| {
            let place = finding.location.as_ref();
            let line = place.and_then(|place| place.line).unwrap_or(0);
            (finding.rule.as_str(), line)
        })
        .collect()
}

fn ignore(paths: &[&str], rules: &[&str]) -> Ignore {
    Ignore {
        paths: paths
            .iter()
            .map(|path| Pattern::new(path).unwrap())
            .collect(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        reason: Some("old".to_owned()),
        until: None,
        location: Location {
            path: "beanpole.yaml".to_owned(),
            line: Some(40),
            column: Some(7),
        },
    }
}

#[test]
fn the_worst_comes_first_then_path_and_line() {
    let world = World::new(&[("a.py", "1\n2\n3\n"), ("b.py", "1\n")]);
    let report = world.judge(&[
        finding("drop-table", "a.py", 1),
        finding("drop-column", "b.py", 1),
        finding("drop-column", "a.py", 3),
        finding("drop-column", "a.py", 2),
        finding("drop-column", "a.py", 2),
    ]);
    let order = ids(&report);
    assert_eq!(
        order,
        [
            ("drop-column", 2),
            ("drop-column", 3),
            ("drop-column", 1),
            ("drop-table", 1)
        ]
    );
    assert_eq!((report.counts.errors, report.counts.warnings), (3, 1));
    assert!(report.reaches(Severity::Error));
    assert!(!CheckReport::default().reaches(Severity::Note));
}

#[test]
fn groups_and_rules_are_chosen_by_name() {
    let select = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        RuleSelection::new(&names, &RULES)
    };
    let chosen = select(&["migrations", "private-key"]).unwrap();
    assert!(chosen.has("drop-table") && chosen.has("private-key") && !chosen.has("large-file"));
    assert!(chosen.has_group(Group::Secrets) && !chosen.has_group(Group::Files));
    for names in [&["all"][..], &[]] {
        assert!(RULES.iter().all(|rule| select(names).unwrap().has(rule.id)));
    }
    // A group whose rules are not there yet is no slip.
    assert!(!select(&["coverage"]).unwrap().has("drop-table"));
    let error = select(&["all", "drop-colum"]).unwrap_err();
    assert_eq!(error.to_string(), "there is no check `drop-colum`");
    assert_eq!(error.hint().unwrap(), "Did you mean `drop-column`?");
    assert!(
        select(&["qqq"])
            .unwrap_err()
            .hint()
            .unwrap()
            .contains("a group: migrations")
    );

    let mut world = World::new(&[("a.py", "1\n")]);
    world.names = vec!["files".to_owned()];
    let report = world.judge(&[
        finding("drop-column", "a.py", 1),
        finding("large-file", "a.py", 0),
    ]);
    assert_eq!(ids(&report), [("large-file", 0)]);
}

#[test]
fn a_finding_of_an_unknown_rule_is_not_lost() {
    let world = World::new(&[("a.py", "1\n")]);
    let mut odd = finding("drop-column", "a.py", 1);
    odd.rule = "new-rule".to_owned();
    assert_eq!(ids(&world.judge(&[odd])), [("new-rule", 1)]);
}

#[test]
fn levels_of_rules_win_over_those_of_groups() {
    let mut world = World::new(&[("a.py", "1\n2\n")]);
    world.levels = vec![("migrations", Level::Off), ("drop-table", Level::Note)];
    let report = world.judge(&[
        finding("drop-column", "a.py", 1),
        finding("drop-table", "a.py", 2),
    ]);
    assert_eq!(ids(&report), [("drop-table", 2)]);
    assert_eq!(report.worst, Some(Severity::Note));
    let unknown = [("migration".to_owned(), Level::Off)];
    let error = Levels::new(unknown, &RULES).unwrap_err();
    assert_eq!(error.nearest.as_deref(), Some("migrations"));
}

#[test]
fn comments_cover_their_line_the_next_one_or_the_file() {
    let world = World::new(&[
        (
            "a.py",
            "x  # beanpole: ignore[drop-column] -- gone since May\n# beanpole: ignore[drop-table] -- empty\ny\nz\n",
        ),
        (
            "b.py",
            "# beanpole: ignore-file[drop-column] until 2026-11-21 -- generated\n\nx\n",
        ),
    ]);
    let report = world.judge(&[
        finding("drop-column", "a.py", 1),
        finding("drop-table", "a.py", 1),
        finding("drop-table", "a.py", 3),
        finding("drop-column", "b.py", 3),
    ]);
    assert_eq!(ids(&report), [("drop-table", 1)]);
    let reasons: Vec<_> = report
        .suppressed
        .iter()
        .map(|suppressed| (suppressed.reason.as_deref(), suppressed.location.line))
        .collect();
    assert_eq!(
        reasons,
        [
            (Some("gone since May"), Some(1)),
            (Some("generated"), Some(1)),
            (Some("empty"), Some(2)),
        ]
    );
    assert_eq!(report.counts.suppressed, 3);
}

#[test]
fn suppressions_are_kept_in_order() {
    let world = World::new(&[(
        "a.py",
        "x  # beanpole: ignore[drop-column]\n\
         y  # beanpole: ignore[drop-column] until 2026-11-20 -- soon\n\
         z  # beanpole: ignore[drop-colum] -- why\n\
         u  # beanpole: ignore[drop-column, drop-table] -- why\n\
         v  # beanpole: ignore -- why\n",
    )]);
    let report = world.judge(&[
        finding("drop-column", "a.py", 1),
        finding("drop-column", "a.py", 2),
        finding("drop-column", "a.py", 3),
        finding("drop-column", "a.py", 4),
    ]);
    assert_eq!(
        ids(&report),
        [
            ("suppression-without-reason", 1),
            ("drop-column", 2),
            ("drop-column", 3),
            ("suppression-unknown-rule", 3),
            ("suppression-malformed", 5),
            ("suppression-expired", 2),
            ("suppression-unused", 4),
        ]
    );
    let unknown = &report.findings[3].finding;
    assert_eq!(
        unknown.remedy.as_deref(),
        Some("did you mean `drop-column`?")
    );
    let unused = &report.findings[6].finding;
    assert!(
        unused.message.ends_with("suppression of `drop-table`"),
        "{}",
        unused.message
    );
}

#[test]
fn unused_is_said_only_where_the_rule_has_looked() {
    let text =
        "# beanpole: ignore-file[drop-column] -- x\n1\ny  # beanpole: ignore[drop-column] -- x\n";
    let unused = |world: &World| -> usize {
        let report = world.judge(&[]);
        let ids = ids(&report);
        assert!(
            ids.iter().all(|(id, _)| *id == "suppression-unused"),
            "{ids:?}"
        );
        ids.len()
    };
    assert_eq!(unused(&World::new(&[("a.py", text)])), 2);
    // Of a file seen in part, the rest is not known.
    assert_eq!(
        unused(&World::new(&[("a.py", text)]).partly("a.py", &[(1, 1)])),
        0
    );
    assert_eq!(
        unused(&World::new(&[("a.py", text)]).partly("a.py", &[(3, 3)])),
        1
    );
    // The group does not want such files, was not chosen, or is off.
    assert_eq!(unused(&World::new(&[("a.txt", text)])), 0);
    let mut world = World::new(&[("a.py", text)]);
    world.names = vec!["files".to_owned()];
    assert_eq!(unused(&world), 0);
    world.names.clear();
    world.levels = vec![("drop-column", Level::Off)];
    assert_eq!(unused(&world), 0);
}

#[test]
fn settings_cover_paths_until_their_last_day() {
    let mut world = World::new(&[("legacy/a.py", "1\n"), ("new/a.py", "1\n")]);
    world.ignores = vec![ignore(&["legacy/"], &["drop-column"])];
    let findings = [
        finding("drop-column", "legacy/a.py", 1),
        finding("drop-column", "new/a.py", 1),
    ];
    let report = world.judge(&findings);
    assert_eq!(report.counts.suppressed, 1);
    assert_eq!(ids(&report), [("drop-column", 1)]);

    world.ignores[0].until = Some(date(2026, 11, 20));
    let report = world.judge(&findings);
    assert_eq!(
        ids(&report),
        [
            ("drop-column", 1),
            ("drop-column", 1),
            ("suppression-expired", 40)
        ]
    );

    world.ignores = vec![ignore(&["legacy/"], &["drop-table"])];
    assert_eq!(ids(&world.judge(&[])), [("suppression-unused", 40)]);
    let part = World {
        ignores: world.ignores.clone(),
        ..World::new(&[("legacy/a.py", "1\n")]).partly("legacy/a.py", &[(1, 1)])
    };
    assert_eq!(ids(&part.judge(&[])), []);
}

#[test]
fn a_baseline_lets_an_old_project_start_clean() {
    let old = [
        finding("drop-column", "a.py", 1),
        finding("drop-column", "a.py", 2),
    ];
    let mut world = World::new(&[("a.py", "drop(x)\ndrop(x)\n")]);
    let first = world.judge(&old);
    let baseline = first.new_baseline();
    assert_eq!(baseline.len(), 2);
    let text = baseline.to_text();
    world.baseline = Some(Baseline::parse("baseline.json", &text).unwrap());
    let again = world.judge(&old);
    assert_eq!((again.findings.len(), again.counts.baselined), (0, 2));
    assert_eq!(again.new_baseline().to_text(), text);

    // Lines move, and one more of the same is new.
    let mut world = World::new(&[("a.py", "\n  drop(x)\ndrop(x)\n\ndrop(x)\n")]);
    world.baseline = Some(baseline);
    let moved = [2, 3, 5].map(|line| finding("drop-column", "a.py", line));
    let report = world.judge(&moved);
    assert_eq!((report.findings.len(), report.counts.baselined), (1, 2));

    // What is gone is said, but only if all was looked at.
    let report = world.judge(&[]);
    assert_eq!(ids(&report), [("baseline-stale", 0)]);
    assert!(
        report.findings[0]
            .finding
            .message
            .starts_with("2 × `drop-column`")
    );
    assert_eq!(report.new_baseline(), Baseline::default());
    world.names = vec!["files".to_owned()];
    assert_eq!(ids(&world.judge(&[])), []);
    world.names.clear();
    let mut world = world.partly("a.py", &[(1, 1)]);
    assert_eq!(ids(&world.judge(&[])), []);

    // A moved file takes its findings along.
    world.scope = Scope::all([("b.py", "drop(x)\n")].into_iter().collect());
    world.scope.changes[0].kind = ChangeKind::Renamed {
        from: "a.py".to_owned(),
    };
    let report = world.judge(&[finding("drop-column", "b.py", 1)]);
    assert_eq!(report.counts.baselined, 1);
}

#[test]
fn a_moved_file_keeps_its_baseline_without_a_comparison() {
    let old = World::new(&[("old/a.py", "drop(x)\n")]);
    let baseline = old
        .judge(&[finding("drop-column", "old/a.py", 1)])
        .new_baseline();
    let judge = |files: &[(&str, &str)], places: &[&str]| {
        let mut world = World::new(files);
        world.baseline = Some(baseline.clone());
        let findings: Vec<Finding> = places
            .iter()
            .map(|path| finding("drop-column", path, 1))
            .collect();
        world.judge(&findings)
    };
    let moved = judge(&[("old/b.py", "drop(x)\n")], &["old/b.py"]);
    assert_eq!((ids(&moved).len(), moved.counts.baselined), (0, 1));
    // Each entry covers one.
    let twice = judge(
        &[("b.py", "drop(x)\n"), ("new/a.py", "drop(x)\n")],
        &["b.py", "new/a.py"],
    );
    assert_eq!((twice.findings.len(), twice.counts.baselined), (1, 1));
    // Another text is another finding, and so is that of a copy.
    let other = judge(&[("b.py", "drop(y)\n")], &["b.py"]);
    assert_eq!(other.findings.len(), 2);
    let copied = judge(
        &[("old/a.py", "drop(x)\n"), ("b.py", "drop(x)\n")],
        &["b.py", "old/a.py"],
    );
    assert_eq!((copied.findings.len(), copied.counts.baselined), (1, 1));
}

#[test]
fn lines_are_shown_without_secrets() {
    let world = World::new(&[("a.py", "x = 1\r\nSECRET_KEY = 'hunter2'\n")]);
    let report = world.judge(&[
        finding("drop-column", "a.py", 1),
        finding("drop-column", "a.py", 2),
        finding("private-key", "a.py", 1),
        finding("drop-column", "gone.py", 1),
    ]);
    let sources: BTreeMap<_, _> = report
        .findings
        .iter()
        .map(|reported| {
            let place = reported.finding.location.clone().unwrap();
            let key = (reported.finding.rule.as_str(), place.to_string());
            (key, reported.source.as_deref())
        })
        .collect();
    let shown: Vec<_> = sources.values().copied().collect();
    assert_eq!(
        shown,
        [Some("x = 1"), Some("SECRET_KEY =[redacted]"), None, None]
    );
}

#[test]
fn what_was_not_seen_is_in_the_report() {
    let world = World::new(&[]);
    let policy = Policy {
        rules: &RULES,
        selection: &RuleSelection::new(&[], &RULES).unwrap(),
        levels: &Levels::default(),
        ignores: &[],
        baseline: None,
        today: TODAY,
        saw: &|_, _| true,
    };
    let unseen = vec![Unseen {
        location: None,
        why: "the operations are computed".to_owned(),
    }];
    let report = judge(Vec::new(), unseen, &world.scope, &policy);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["counts"]["unseen"], 1);
    assert_eq!(json["unseen"][0]["why"], "the operations are computed");
    assert_eq!(json["worst"], serde_json::Value::Null);
}

#[test]
fn the_json_form_is_flat() {
    let mut world = World::new(&[("a.py", "x\n")]);
    world.ignores = vec![ignore(&["a.py"], &["drop-table"])];
    let report = world.judge(&[
        finding("drop-column", "a.py", 1),
        finding("drop-table", "a.py", 1),
    ]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["findings"][0]["rule"], "drop-column");
    assert_eq!(json["findings"][0]["source"], "x");
    assert_eq!(
        json["findings"][0]["fingerprint"].as_str().unwrap().len(),
        32
    );
    assert_eq!(json["suppressed"][0]["suppressed_because"], "old");
    assert_eq!(
        json["suppressed"][0]["suppressed_at"]["path"],
        "beanpole.yaml"
    );
}

proptest! {
    /// Whatever the comments say: each finding is reported, suppressed, or was there before, and in one place
    /// only.
    #[test]
    fn no_finding_gets_lost(
        lines in prop::collection::vec("(x|# beanpole: ignore(-file)?\\[(drop-column|drop-table|z)\\]( until 202[67]-01-01)?( -- why)?|)", 0..8),
        found in prop::collection::vec((0usize..4, 0u32..9), 0..12),
        old in 0usize..12,
    ) {
        let text = lines.join("\n");
        let mut world = World::new(&[("a.py", &text)]);
        let mut findings: Vec<Finding> = found
            .iter()
            .enumerate()
            .map(|(index, (rule, line))| {
                let mut finding = finding(RULES[*rule].id, "a.py", *line);
                finding.message = format!("{} {}", "number", "i".repeat(index));
                finding
            })
            .collect();
        let before = world.judge(&findings[..old.min(findings.len())]);
        world.baseline = Some(before.new_baseline());
        let report = world.judge(&findings);
        let mut seen: Vec<Finding> = report
            .findings
            .iter()
            .chain(&report.baselined)
            .map(|reported| reported.finding.clone())
            .chain(report.suppressed.iter().map(|suppressed| suppressed.finding.clone()))
            .filter(|finding| RULES.iter().any(|rule| rule.id == finding.rule))
            .collect();
        seen.sort_by(|one, other| one.message.cmp(&other.message));
        findings.sort_by(|one, other| one.message.cmp(&other.message));
        prop_assert_eq!(seen, findings);
        prop_assert_eq!(report.counts.errors + report.counts.warnings + report.counts.notes, report.findings.len());
    }
}
