//! What people see in the thread, and the limits under every input.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::announcement::State;
use crate::render::tests::assert_within_limits;

fn commit(number: usize) -> CommitLine {
    CommitLine {
        id: format!("{number:040x}"),
        subject: format!("Change <{number}> & more"),
        author: "Ada".to_owned(),
    }
}

fn step(id: &str, outcome: StepOutcome, seconds: f64) -> Step {
    Step {
        id: id.to_owned(),
        title: id.to_owned(),
        outcome: Some(outcome),
        seconds: Some(seconds),
        message: String::new(),
    }
}

fn announcement() -> Announcement {
    let mut announcement = Announcement::new("blog to production", "blog", "blog-production");
    announcement.steps = vec![
        step("build-image", StepOutcome::Done, 12.3),
        step("update", StepOutcome::Done, 200.0),
        step("soak", StepOutcome::Skipped, 0.0),
    ];
    announcement.details = ReleaseDetails {
        version: Some("new-label".to_owned()),
        former_version: Some("old-label".to_owned()),
        commit: Some(commit(1)),
        commits: Some(Commits::of((1..=22).map(commit))),
        removed_commits: None,
        migrations: Some(vec![
            "posts.0002_feed".to_owned(),
            "posts.0003_index".to_owned(),
        ]),
        usual_seconds: BTreeMap::from([
            ("build-image".to_owned(), 11.0),
            ("update".to_owned(), 120.0),
        ]),
        released_by: Some("grace".to_owned()),
        approved_by: Some("ada, linus".to_owned()),
        reason: Some("the <hot> fix".to_owned()),
        run_url: Some("https://github.com/acme/blog/actions/runs/7".to_owned()),
    };
    announcement
}

fn topics(announcement: &Announcement) -> Vec<Topic> {
    replies(announcement)
        .iter()
        .map(|reply| reply.topic)
        .collect()
}

#[test]
fn a_release_in_its_thread() {
    let mut announcement = announcement();
    announcement.state = State::RolledBack;
    announcement.cause = Some("`/ht/` answered 500".to_owned());
    announcement.log_tail = vec![
        "\u{1b}[31mTraceback\u{1b}[0m".to_owned(),
        "<!here>".to_owned(),
    ];
    insta::assert_json_snapshot!(replies(&announcement));
}

#[test]
fn a_message_that_stands_alone_has_the_details() {
    let mut announcement = announcement();
    announcement.state = State::Failed;
    announcement.log_tail = vec!["the last line".to_owned()];
    let message = crate::render(&announcement, crate::Form::Alone);
    assert_within_limits(&message);
    let all = serde_json::to_string(&message).unwrap();
    for part in [
        "Change &lt;1&gt;",
        "posts.0002_feed",
        "actions/runs/7",
        "ada, linus",
        "the last line",
    ] {
        assert!(all.contains(part), "{part} is missing in {all}");
    }
}

#[test]
fn a_topic_speaks_when_it_knows_something() {
    let mut release = Announcement::new("t", "a", "env1");
    release.steps = announcement().steps;
    assert_eq!(topics(&release), []);
    release.details.run_url = Some("https://ci.example/1".to_owned());
    assert_eq!(topics(&release), [Topic::Changes]);
    release.details.migrations = Some(Vec::new());
    assert_eq!(topics(&release), [Topic::Changes], "nothing was migrated");
    release.details.migrations = Some(vec!["posts.0002_feed".to_owned()]);
    release.cause = Some("not yet known for sure".to_owned());
    assert_eq!(topics(&release), [Topic::Changes, Topic::Migrations]);
    release.state = State::Failed;
    let all = [
        Topic::Changes,
        Topic::Migrations,
        Topic::Failure,
        Topic::Timings,
    ];
    assert_eq!(topics(&release), all);
}

#[test]
fn a_rollback_names_what_it_takes_back() {
    let mut release = Announcement::new("t", "a", "env1");
    release.details = ReleaseDetails {
        former_version: Some("bad".to_owned()),
        commits: Some(Commits::default()),
        removed_commits: Some(Commits::of([commit(5)])),
        ..ReleaseDetails::default()
    };
    let said = serde_json::to_string(&replies(&release)).unwrap();
    assert!(said.contains("*1 commit taken back* of `bad`"), "{said}");
    assert!(!said.contains("No commits"), "{said}");
    release.details.removed_commits = None;
    let said = serde_json::to_string(&replies(&release)).unwrap();
    assert!(said.contains("*No commits* since `bad`"), "{said}");
}

#[test]
fn slower_than_usual_is_more_than_noise() {
    let slow = |seconds, usual| {
        timing(&step("update", StepOutcome::Done, seconds), Some(usual))
            .unwrap()
            .ends_with(SLOW)
    };
    assert!(slow(20.0, 10.0));
    assert!(!slow(3.0, 1.0), "two seconds are noise");
    assert!(!slow(130.0, 120.0));
}

#[test]
fn a_long_log_keeps_its_end() {
    let mut release = Announcement::new("t", "a", "env1");
    release.state = State::Failed;
    release.log_tail = (0..4000).map(|number| format!("line {number}")).collect();
    let reply = &replies(&release)[0];
    assert_within_limits(&reply.message);
    let said = serde_json::to_string(&reply.message).unwrap();
    assert!(said.contains("line 3999") && !said.contains("line 1\\n"));
}

proptest! {
    // Each case renders texts of thousands of characters, so a few dozen cases do.
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_reply_is_within_limits(
        texts in proptest::collection::vec("[\\PC<>&`]{0,4000}", 8),
        log in proptest::collection::vec("[\\PC<>&`]{0,5000}", 0..20),
        count in 0usize..60,
    ) {
        let line = CommitLine {
            id: texts[0].clone(),
            subject: texts[1].clone(),
            author: texts[2].clone(),
        };
        let mut release = announcement();
        release.state = State::Failed;
        release.cause = Some(texts[3].clone());
        release.log_tail = log;
        release.steps = (0..count).map(|_| step(&texts[4], StepOutcome::Done, 70.0)).collect();
        release.details = ReleaseDetails {
            version: Some(texts[5].clone()),
            former_version: Some(texts[5].clone()),
            commit: Some(line.clone()),
            commits: Some(Commits::of(std::iter::repeat_n(line.clone(), count))),
            removed_commits: Some(Commits::of(std::iter::repeat_n(line, count))),
            migrations: Some(vec![texts[6].clone(); count]),
            usual_seconds: BTreeMap::from([(texts[4].clone(), 1.0)]),
            released_by: Some(texts[7].clone()),
            approved_by: Some(texts[7].clone()),
            reason: Some(texts[7].clone()),
            run_url: Some(format!("https://{}", texts[0])),
        };
        for reply in replies(&release) {
            assert_within_limits(&reply.message);
        }
        assert_within_limits(&crate::render(&release, crate::Form::Alone));
        assert_within_limits(&crate::render(&release, crate::Form::WithThread));
    }
}
