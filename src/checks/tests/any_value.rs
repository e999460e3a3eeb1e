//! No report, file or settings module may panic, hang or overflow the stack, and no place may lie outside of its file.

use beanpole_checks::coverage::{self, CoverageInput, StoredCoverage};
use beanpole_checks::{Change, ChangeKind, ChangedLines, Scope, SourceTree, secrets, settings};
use beanpole_model::Finding;
use proptest::prelude::*;

/// Places count from 1 and lie in the file.
fn are_in(findings: &[Finding], tree: &SourceTree) {
    for location in findings
        .iter()
        .filter_map(|finding| finding.location.as_ref())
    {
        let (Some(line), Some(bytes)) = (location.line, tree.get(&location.path)) else {
            continue;
        };
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        assert!(line >= 1 && location.column.unwrap_or(1) >= 1, "{location}");
        if location.path != "shop/a.py" {
            assert!(
                usize::try_from(line).is_ok_and(|line| line <= lines),
                "{location} of {lines} lines"
            );
        }
    }
}

fn judge_coverage(report: &[u8], python: &[u8], lines: &[(u32, u32)]) {
    let mut tree = SourceTree::new();
    tree.insert("shop/a.py", python);
    tree.insert("shop/new.py", python);
    let mut scope = Scope::all(tree);
    if let Some(first) = scope.changes.first_mut() {
        first.lines = ChangedLines::Only(lines.to_vec());
        first.kind = ChangeKind::Modified;
    }
    scope.changes.push(Change {
        path: "shop/old.py".to_owned(),
        kind: ChangeKind::Deleted,
        lines: ChangedLines::All,
        counts: None,
    });
    let settings = coverage::Settings {
        total: Some(80.0),
        diff: Some(80.0),
        paths: [("shop/**".to_owned(), 50.0)].into(),
        ..coverage::Settings::default()
    };
    let reports = vec![("report".to_owned(), report.to_vec())];
    let mut input = CoverageInput {
        reports,
        sources: scope.tree.clone(),
        ..CoverageInput::default()
    };
    let stored = coverage::store(&input, &scope, &settings).ok();
    input.base = stored.or_else(|| StoredCoverage::read(report)?.ok());
    let coverage::JudgedCoverage { findings, numbers } = coverage::check(&input, &scope, &settings);
    are_in(&findings, &scope.tree);
    for tally in [numbers.total, numbers.changed].into_iter().flatten() {
        assert!((0.0..=100.0).contains(&tally.percent()));
    }
}

/// Judges a database of coverage.py by these settings.
fn judge_database(settings: &[(&str, &str)], python: &str) {
    let mut tree: SourceTree = settings.iter().copied().collect();
    tree.insert("shop/a.py", python);
    let scope = Scope::all(tree);
    let input = CoverageInput {
        reports: vec![(".coverage".to_owned(), DATABASE.to_vec())],
        sources: scope.tree.clone(),
        ..CoverageInput::default()
    };
    let judged = coverage::check(&input, &scope, &coverage::Settings::default());
    are_in(&judged.findings, &scope.tree);
    match judged.numbers.total {
        Some(total) => assert!((0.0..=100.0).contains(&total.percent())),
        None => assert!(!judged.findings.is_empty(), "the reason is said"),
    }
}

fn judge_secrets(path: &str, bytes: &[u8]) {
    let scope = Scope::all([(path, bytes.to_vec())].into_iter().collect());
    let found = secrets::check(&scope, &secrets::Settings::default());
    are_in(&found, &scope.tree);
    assert!(found.len() <= 103, "{}", found.len());
}

fn judge_settings(production: &[u8], base: &[u8]) {
    let scope = Scope::all(
        [
            ("config/wsgi.py", base),
            ("config/settings/production.py", production),
            ("config/settings/base.py", base),
            ("config/urls.py", production),
        ]
        .into_iter()
        .collect(),
    );
    are_in(
        &settings::check(&scope, &settings::Settings::default()),
        &scope.tree,
    );
}

const XML: &str = r#"<?xml version="1.0" ?><!DOCTYPE coverage SYSTEM 'x'><coverage><sources><source>/ci/shop</source></sources><packages><package><classes>
<class filename="shop/a.py"><lines><line number="1" hits="1"/><line number="2" hits="0" branch="true" condition-coverage="50% (1/2)"/></lines></class>
<class filename="b.py"><lines/></class></classes></package></packages></coverage>"#;
const JSON: &str = r#"{"meta": {"format": 3}, "files": {"shop/a.py": {"executed_lines": [1, 2], "missing_lines": [3], "executed_branches": [[1, 2]], "missing_branches": [[1, -1]]}}}"#;
const LCOV: &str = "SF:C:\\x\\shop\\a.py\nDA:1,1\nDA:2,0,abc\nBRDA:1,0,0,-\nend_of_record\n";
const STORED: &str = r#"{"format": 1, "total": {"statements": 9, "covered": 8}, "files": {"shop/old.py": {"statements": 5, "covered": 7}}}"#;
const PYTHON: &str = "@a\ndef f(\n    x,\n):  # pragma: no cover\n    \"\"\"Words.\"\"\"\n    return g(\n        x\n    )\nif y:\n    a = '''\n'''\nelse:\n    b\n";
const DATABASE: &[u8] = include_bytes!("data/coverage/database/lines.sqlite3");
const COVERAGERC: &str = "[coverage:report]\nexclude_also =\n    def f\n    @a(?s:.)*?g\\(\nomit = */x/*, a?.py\n[report]\nexclude_lines = y$\ninclude =\n  shop/**/a.py\n  [a-z].py\n";
const PYPROJECT: &str = "[tool.coverage.report]\nexclude_lines = [\"if y\", 'return\\s+g']\nomit = [\"shop/b.py\"]\ninclude = [\"*.py\"]\n";
const SETTINGS: &str = r#"import os
from .base import *
from .base import DATABASES as D
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
env = environ.Env(DEBUG=(bool, True))
DEBUG = env("DEBUG") or os.environ.get("D", "no").lower() in ("1", "true")
SECRET_KEY = config("K", default="django-insecure-x") if DEBUG else os.environ["K"]
ALLOWED_HOSTS = [*HOSTS, "a"] + env.list("H", default=["*"])
if not DEBUG and X:
    SECURE_HSTS_SECONDS = 60 * 60
elif Y:
    SESSION_COOKIE_SECURE = not DEBUG
DATABASES = {"default": {"ENGINE": "x", **D, "PASSWORD": "tr0ub4dor"}}
DATABASES["default"]["OPTIONS"]["connect_timeout"] = 3
DATABASES.update({"b": dj_database_url.config(conn_max_age=1)})
try:
    from .local import *
except ImportError:
    CORS_ALLOW_ALL_ORIGINS = True
include("base.py", optional("x.py"))
urlpatterns = [path("admin/", admin.site.urls)] + i18n_patterns()
"#;

/// A text with some of its parts doubled, dropped or replaced: almost right.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "",
        "\"",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "\n",
        "ż",
        "\0",
        "-1",
        "99999999999",
        " ",
        "&a;",
        ":",
        "=",
    ]);
    prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece), 1..5).prop_map(
        move |changes| {
            let mut out: Vec<char> = text.chars().collect();
            for (at, length, piece) in changes {
                let from = at.index(out.len().max(1)).min(out.len());
                let to = (from + length).min(out.len());
                out.splice(from..to, piece.chars());
            }
            out.into_iter().collect()
        },
    )
}

fn ranges() -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((0_u32..20, 0_u32..5), 0..4).prop_map(|pairs| {
        let mut from = 0;
        pairs
            .into_iter()
            .map(|(gap, length)| {
                let first = from + gap + 1;
                from = first + length;
                (first, from)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        judge_coverage(&bytes, &bytes, &[(1, 3)]);
        judge_secrets("a.py", &bytes);
        judge_secrets(".env", &bytes);
        judge_settings(&bytes, &bytes);
    }

    #[test]
    fn almost_right_reports_are_judged(
        report in prop_oneof![mutated(XML), mutated(JSON), mutated(LCOV), mutated(STORED)],
        python in mutated(PYTHON),
        lines in ranges(),
    ) {
        judge_coverage(report.as_bytes(), python.as_bytes(), &lines);
    }

    #[test]
    fn almost_right_settings_of_coverage_are_judged(
        ini in mutated(COVERAGERC),
        toml in mutated(PYPROJECT),
        python in mutated(PYTHON),
    ) {
        judge_database(&[(".coveragerc", &ini)], &python);
        judge_database(&[("setup.cfg", &ini), ("pyproject.toml", &toml)], &python);
    }

    #[test]
    fn almost_right_settings_are_judged(production in mutated(SETTINGS), base in mutated(SETTINGS)) {
        judge_settings(production.as_bytes(), base.as_bytes());
        judge_secrets("shop/settings.py", production.as_bytes());
    }

    #[test]
    fn lines_of_keywords_are_judged(
        words in prop::collection::vec(
            prop::sample::select(vec!["ghp_", "AKIA", "eyJ", "://", "password", "=", "\"", "-----BEGIN PRIVATE KEY-----", "\n", "\\n", "aB3xQ9", ":", "@", "ż", "sk_live_", " ", "secret_key", "hooks.slack.com/services/"]),
            0..200,
        ),
    ) {
        judge_secrets("a.yml", words.concat().as_bytes());
    }
}

#[test]
fn deep_nesting_is_borne() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1: ", "}"),
        ("not ", ""),
        ("a + ", ""),
        ("f(", ")"),
        ("a[", "]"),
        ("a if b else ", ""),
        ("a or ", ""),
    ] {
        for repeat in [50, 3_000, 20_000] {
            let nested = format!("{}1{}", open.repeat(repeat), close.repeat(repeat));
            let text = format!(
                "DEBUG = {nested}\nSECRET_KEY = {nested}\nDATABASES = {nested}\nurlpatterns = {nested}\n"
            );
            judge_settings(text.as_bytes(), b"");
            judge_secrets("a.py", text.as_bytes());
            judge_coverage(LCOV.as_bytes(), text.as_bytes(), &[(2, 2)]);
        }
    }
    let blocks: String = (0..300)
        .map(|depth| format!("{}if a:\n", " ".repeat(depth)))
        .collect();
    judge_settings(
        format!("{blocks}{}DEBUG = True\n", " ".repeat(300)).as_bytes(),
        b"",
    );
    judge_coverage(
        LCOV.as_bytes(),
        format!("{blocks}{}pass\n", " ".repeat(300)).as_bytes(),
        &[(2, 2)],
    );
}

#[test]
fn settings_with_many_branches_end() {
    let branches: String = (0..3_000)
        .map(|n| {
            format!(
                "if A{n}:\n    DEBUG = B{n}\n    C{n} = DEBUG or C{}\n",
                n / 2
            )
        })
        .collect();
    judge_settings(branches.as_bytes(), branches.as_bytes());
    // Each name has two ways, and each way names two others.
    let doubled: String = (0..60)
        .map(|n| format!("A{} = A{n} or A{n} if x else [A{n}, A{n}] + A{n}\n", n + 1))
        .collect();
    // A list of lists of lists.
    let wide: String = (0..8)
        .map(|n| format!("A{} = [{}]\n", n + 1, format!("A{n}, ").repeat(500)))
        .collect();
    judge_settings(format!("{wide}ALLOWED_HOSTS = A8\n").as_bytes(), b"");
    judge_settings(
        format!("{doubled}DEBUG = A60\nALLOWED_HOSTS = A60\n").as_bytes(),
        b"",
    );
}
