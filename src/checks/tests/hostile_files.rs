//! Files that are made to take long or to nest deeply: each is judged within the time of a test, and none ends in a panic.

use beanpole_checks::{Scope, SourceTree, docker, workflows};

/// As large as a file may be.
const SIZE: usize = 1024 * 1024;

fn judge(path: &str, text: String) -> Vec<String> {
    let tree: SourceTree = [(path, text)].into_iter().collect();
    let scope = Scope::all(tree);
    let mut findings = docker::check(&scope, &docker::Settings::default());
    findings.extend(workflows::check(&scope, &workflows::Settings::default()));
    findings.into_iter().map(|finding| finding.rule).collect()
}

fn filled(piece: &str, head: &str) -> String {
    format!("{head}{}", piece.repeat((SIZE - head.len()) / piece.len()))
}

#[test]
fn dockerfiles() {
    for piece in [
        "FROM a\nCMD [\"/b\"]\n",
        "FROM a AS a\n",
        "RUN \\\n",
        "RUN <<A\n",
        "${",
        "ENV A=${A:-",
        "# c\n",
        "'",
        "COPY . .\n",
    ] {
        let found = judge("Dockerfile", filled(piece, "FROM a AS a\n"));
        assert!(found.len() < 10_000, "{piece:?}");
    }
    let long = judge("Dockerfile", filled("RUN a\n", "FROM a\n"));
    assert!(long.contains(&"docker-not-analysed".to_owned()));
}

#[test]
fn scripts() {
    for piece in [
        "$(",
        "${",
        "`",
        "'",
        "\"",
        "<<A ",
        "((",
        "\\\n",
        "a=${a:-",
        "nc -z $A 1\n",
        "if ",
    ] {
        let _ = judge("entrypoint.sh", filled(piece, "#!/bin/sh\n"));
    }
}

#[test]
fn compose_files_and_workflows() {
    for piece in ["  a: {b: [c]}\n", "{a: ", "[", "- ", "  a: &a [*a]\n", "? "] {
        let _ = judge("compose.yaml", filled(piece, "services:\n"));
        let _ = judge(".github/workflows/a.yml", filled(piece, "jobs:\n"));
    }
    let services: String = (0..200_000)
        .map(|number| format!("  s{number}: {{depends_on: [s1], image: redis}}\n"))
        .collect();
    let found = judge("compose.yaml", format!("services:\n{services}"));
    assert_eq!(found, ["docker-not-analysed"]);
    let run = filled(
        "${{ github.head_ref }} ",
        "on: push\npermissions: {}\njobs:\n  a:\n    steps:\n      - run: ",
    );
    assert!(judge(".github/workflows/a.yml", run).contains(&"untrusted-input-in-run".to_owned()));
}

#[test]
fn ignore_files() {
    let tree: SourceTree = [
        ("Dockerfile".to_owned(), "FROM a\nCOPY . .\n".to_owned()),
        (".dockerignore".to_owned(), filled("**/*a*", "")),
    ]
    .into_iter()
    .collect();
    let _ = docker::check(&Scope::all(tree), &docker::Settings::default());
}
