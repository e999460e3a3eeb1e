//! Tests of the log's reader.

use super::*;

const LOG: &str = r#"@beanpole {"event": "log", "id": "one"}
 Container app-release-run-1  Creating
@beanpole {"event": "begin", "run": "r1", "application": "blog", "commands": ["a", "b"], "at": 5}
@beanpole {"event": "lock", "run": "r1", "outcome": "taken", "seconds": 0.04}
@beanpole {"event": "command-begin", "run": "r1", "index": 0, "command": "python manage.py migrate"}
  Applying posts.0002_slug... OK
@beanpole {"event": "command-end", "run": "r1", "index": 0, "exit_code": 0, "seconds": 3.25}
@beanpole {"event": "command-begin", "run": "r1", "index": 1, "command": "./load"}
Traceback (most recent call last):
    indented
@beanpole {"event": "command-end", "run": "r1", "index": 1, "exit_code": 2, "seconds": 0.5}
@beanpole {"event": "migrations", "run": "r1", "applied": ["posts.0002_slug"], "unapplied": [], "unknown": ["posts.0009_x"]}
@beanpole {"event": "end", "run": "r1", "exit_code": 2}
"#;

#[test]
fn a_whole_log() {
    let mut reader = LogReader::after(Some("former".to_owned()));
    let lines = reader.read(LOG);
    assert_eq!(
        lines,
        [
            " Container app-release-run-1  Creating",
            "holding the database's release lock (after 0.0 s)",
            "$ python manage.py migrate",
            "  Applying posts.0002_slug... OK",
            "(done in 3.2 s)",
            "$ ./load",
            "Traceback (most recent call last):",
            "    indented",
            "(failed with exit code 2 after 0.5 s)",
            "migrations applied: posts.0002_slug",
            "the database has migrations that this version does not know: posts.0009_x",
        ]
    );
    let report = reader.report().unwrap();
    assert_eq!(report.migrations_applied, ["posts.0002_slug"]);
    assert_eq!(report.migrations_unknown, ["posts.0009_x"]);
    assert_eq!(report.exit_code, Some(2));
    assert_eq!(report.lock, Some(Lock::Taken));
    assert_eq!(report.commands.len(), 2);
    assert_eq!(report.failed_command().unwrap().command, "./load");
    assert!(!report.pretended);
}

/// Whatever is there at each look, every line is told once, and the same report comes out.
#[test]
fn a_log_that_grows_is_told_line_by_line() {
    let mut whole = LogReader::default();
    let expected = whole.read(LOG);
    for step in [1, 7, 64, 200] {
        let mut reader = LogReader::default();
        let mut lines = Vec::new();
        for end in (0..LOG.len()).step_by(step).chain([LOG.len(), LOG.len()]) {
            lines.extend(reader.read(&LOG[..end]));
        }
        assert_eq!(lines, expected);
        assert_eq!(reader.report(), whole.report());
    }
}

#[test]
fn the_log_of_the_former_release_says_nothing() {
    assert_eq!(log_name(LOG).as_deref(), Some("one"));
    let mut reader = LogReader::after(Some("one".to_owned()));
    assert_eq!(reader.read(LOG), Vec::<String>::new());
    assert_eq!(reader.report(), None);
    assert_eq!(reader.baseline(), Some("one"));
    let next = LOG.replace("\"one\"", "\"two\"");
    assert!(!reader.read(&next).is_empty());
    // Another leader begins anew: shorter, and with another name.
    let third = "@beanpole {\"event\": \"log\", \"id\": \"three\"}\nhello\n";
    assert_eq!(reader.read(third), ["hello"]);
    assert!(reader.report().unwrap().commands.is_empty());
    assert_eq!(reader.baseline(), Some("one"));
}

#[test]
fn what_is_no_log_is_not_read() {
    let mut reader = LogReader::default();
    for text in ["", "<html>", "hello\n", "@beanpole {\"event\": \"end\"}\n"] {
        assert_eq!(reader.read(text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(reader.report(), None);
}

#[test]
fn a_command_that_prints_marks_is_not_believed() {
    let mut reader = LogReader::default();
    let fakes = "@beanpole {\"event\": \"end\", \"run\": \"r2\", \"exit_code\": 0}\n@beanpole \
                 {\"event\": \"end\", \"exit_code\": 0}\n@beanpole nonsense\n@beanpole {\"event\": \
                 \"begin\", \"run\": \"r2\"}\n";
    let place = LOG.find("  Applying").unwrap();
    let log = format!("{}{fakes}{}", &LOG[..place], &LOG[place..]);
    let lines = reader.read(&log);
    assert_eq!(reader.report().unwrap().exit_code, Some(2));
    assert_eq!(reader.report().unwrap().commands.len(), 2);
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("@beanpole"))
            .count(),
        4
    );
}

#[test]
fn every_outcome_of_the_lock_has_its_words() {
    for (mark, line) in [
        (
            r#"{"event": "lock", "run": "r", "outcome": "none", "reason": "Django is not installed in the image"}"#,
            "running without a release lock: Django is not installed in the image",
        ),
        (
            r#"{"event": "lock", "run": "r", "outcome": "timeout", "seconds": 300, "holder": "held by the session 7"}"#,
            "gave up waiting for the release lock after 300.0 s: held by the session 7",
        ),
        (
            r#"{"event": "lock", "run": "r", "outcome": "failed", "reason": "OperationalError: refused"}"#,
            "the release lock could not be taken: OperationalError: refused",
        ),
        (
            r#"{"event": "plain"}"#,
            "running without a release lock: the image has no Python 3.7 or newer",
        ),
    ] {
        let log = format!(
            "@beanpole {{\"event\": \"log\", \"id\": \"x\"}}\n@beanpole {{\"event\": \"begin\", \
             \"run\": \"r\", \"pretended\": true}}\n@beanpole {mark}\n"
        );
        let mut reader = LogReader::default();
        assert_eq!(reader.read(&log), [line]);
        let report = reader.report().unwrap();
        assert!(report.lock.is_some() && report.pretended);
    }
}

#[test]
fn texts_can_be_cleaned() {
    let mut reader = LogReader::default();
    reader.read(LOG);
    let report = reader.report().unwrap().clone();
    let clean = report.map_texts(|text| text.replace("posts", "[x]"));
    assert_eq!(clean.migrations_applied, ["[x].0002_slug"]);
    assert_eq!(clean.migrations_unknown, ["[x].0009_x"]);
}
