//! The examples of the pages are true: the bad one is found by its rule, the good one is not.

use beanpole_checks::{FileMode, Rule, Scope, SourceTree, docker, workflows};
use std::path::Path;

/// The code below a heading of a page.
fn example<'p>(page: &'p str, heading: &str) -> Option<&'p str> {
    let (_, below) = page.split_once(&format!("## {heading}\n"))?;
    let (_, code) = below.split_once("```")?;
    let (_, code) = code.split_once('\n')?;
    code.split_once("```").map(|(code, _)| code)
}

/// The rules that speak of an example, in a project that is otherwise in order.
fn judged(rule: &Rule, code: &str, good: bool) -> Vec<String> {
    let scope = if rule.group == beanpole_checks::Group::Workflows {
        Scope::all(
            [(".github/workflows/ci.yml", workflow(code))]
                .into_iter()
                .collect(),
        )
    } else {
        project(rule, code, good)
    };
    let mut findings = docker::check(&scope, &docker::Settings::default());
    findings.extend(workflows::check(&scope, &workflows::Settings::default()));
    findings.into_iter().map(|finding| finding.rule).collect()
}

/// Steps alone get the workflow around them.
fn workflow(code: &str) -> String {
    let (head, code) = if code.starts_with("- ") {
        (
            "on: push\njobs:\n  a:\n    steps:\n",
            code.replace('\n', "\n      ").replacen("- ", "      - ", 1),
        )
    } else if code.contains("jobs:") {
        ("", code.to_owned())
    } else {
        ("on: push\njobs: {a: {steps: []}}\n", code.to_owned())
    };
    format!("{head}{code}")
}

fn project(rule: &Rule, code: &str, good: bool) -> Scope {
    let mut tree = SourceTree::new();
    let start = "FROM a:1\nCOPY . .\nENTRYPOINT [\"/entrypoint.sh\"]\n";
    match rule.id {
        id if id.starts_with("compose-") || id == "docker-not-analysed" => {
            tree.insert("compose.yaml", code);
        }
        id if id.starts_with("dockerignore-") => {
            tree.insert(
                "Dockerfile",
                if code.contains("COPY") { code } else { start },
            );
            if !code.contains("# no .dockerignore") {
                tree.insert(
                    ".dockerignore",
                    if code.contains("COPY") {
                        ".git\n.env\n"
                    } else {
                        code
                    },
                );
            }
        }
        id if id.starts_with("entrypoint-") || id == "wait-for-unknown-host" => {
            tree.insert("Dockerfile", start);
            tree.insert(
                "entrypoint.sh",
                code.replace("\\r", "\r").replace("\\n", "\n"),
            );
            tree.insert("compose.yaml", "services: {db: {image: 'a:1'}}\n");
        }
        _ => {
            let head = if code.starts_with("FROM") {
                ""
            } else {
                "FROM a:1\n"
            };
            tree.insert("Dockerfile", format!("{head}{code}"));
        }
    }
    let mut scope = Scope::all(tree);
    if good && let Some(entry) = scope.entries.get_mut("entrypoint.sh") {
        entry.mode = FileMode::Executable;
    }
    scope
}

#[test]
fn examples_are_true() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks");
    for rule in docker::RULES.iter().chain(workflows::RULES) {
        let path = pages.join(format!("{}.md", rule.id));
        let page = fs_err::read_to_string(&path).unwrap();
        let bad = judged(rule, example(&page, "Bad").unwrap(), false);
        assert!(
            bad.iter().any(|found| found == rule.id),
            "{}: bad: {bad:?}",
            rule.id
        );
        let good = judged(rule, example(&page, "Good").unwrap(), true);
        assert!(
            good.iter().all(|found| found != rule.id),
            "{}: good: {good:?}",
            rule.id
        );
    }
}
