//! What people see, and the limits under every input.

use std::time::Duration;

use beanpole_model::Event;
use proptest::prelude::*;

use super::*;
use crate::details::CommitLine;

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get("text") {
                found.push(text.clone());
            } else {
                object.values().for_each(|item| texts(item, found));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Fails if Slack would refuse the message for its size.
pub(crate) fn assert_within_limits(message: &Message) {
    assert!(
        message.blocks.len() <= 50,
        "{} blocks",
        message.blocks.len()
    );
    let mut total = length(&message.text);
    for block in &message.blocks {
        let mut found = Vec::new();
        match block["type"].as_str().unwrap() {
            "header" => {
                let text = block["text"]["text"].as_str().unwrap().to_owned();
                assert!(length(&text) <= HEADER_LIMIT, "header of {}", length(&text));
                found.push(text);
            }
            "section" => {
                if let Some(text) = block["text"]["text"].as_str() {
                    assert!(!text.is_empty());
                    assert!(length(text) <= SECTION_LIMIT, "section of {}", length(text));
                    found.push(text.to_owned());
                }
                if let Some(fields) = block["fields"].as_array() {
                    assert!(fields.len() <= 10);
                    for field in fields {
                        assert!(length(field["text"].as_str().unwrap()) <= 2000);
                    }
                    texts(&block["fields"], &mut found);
                }
            }
            "context" => texts(&block["elements"], &mut found),
            other => panic!("unexpected block {other}"),
        }
        total += found.iter().map(|text| length(text)).sum::<usize>();
    }
    assert!(total <= MESSAGE_LIMIT, "message of {total}");
}

fn step(id: &str, outcome: Option<StepOutcome>, seconds: f64, message: &str) -> Step {
    Step {
        id: id.to_owned(),
        title: format!("Step {id}"),
        outcome,
        seconds: outcome.map(|_| seconds),
        message: message.to_owned(),
    }
}

fn commit(id: &str, subject: &str, author: &str) -> CommitLine {
    CommitLine {
        id: id.to_owned(),
        subject: subject.to_owned(),
        author: author.to_owned(),
    }
}

#[test]
fn a_running_release() {
    let mut announcement = Announcement::new("blog to production", "blog", "blog-production");
    announcement.details.version = Some("3f2a91c0d4be-8812aa01ff34".to_owned());
    announcement.details.commit = Some(commit("3f2a91c0d4be", "Add the <feed> & friends", "Ada"));
    announcement.note = Some("rehearsal on the embedded AWS".to_owned());
    announcement.apply(&Event::StepStarted {
        id: "build".into(),
        title: "Build the image".into(),
    });
    announcement.apply(&Event::StepFinished {
        id: "build".into(),
        outcome: StepOutcome::Done,
        message: "sha256:12ab".into(),
        elapsed: Duration::from_millis(12_300),
    });
    announcement.apply(&Event::StepStarted {
        id: "update".into(),
        title: "Update".into(),
    });
    let message = render(&announcement, Form::WithThread);
    assert_within_limits(&message);
    insta::assert_json_snapshot!(message);
}

#[test]
fn a_release_that_was_rolled_back() {
    let mut announcement = Announcement::new("blog to production", "blog", "blog-production");
    announcement.state = State::RolledBack;
    announcement.details.version = Some("new-label".to_owned());
    announcement.details.former_version = Some("old-label".to_owned());
    announcement.url = Some("https://blog.example.com/?a=1&b=2".to_owned());
    announcement.cause = Some("`/ht/` answered 500 on i-1".to_owned());
    announcement.log_tail = vec![
        "\u{1b}[31mTraceback\u{1b}[0m".to_owned(),
        "<!here> ```".to_owned(),
    ];
    announcement.steps = vec![
        step("plan", Some(StepOutcome::Unchanged), 0.4, ""),
        step("update", Some(StepOutcome::Failed), 200.0, "unhealthy"),
        step("soak", Some(StepOutcome::Skipped), 0.0, "the update failed"),
    ];
    let message = render(&announcement, Form::WithThread);
    assert_within_limits(&message);
    insta::assert_json_snapshot!(message);
}

#[test]
fn a_failed_step_survives_a_flood() {
    let mut announcement = Announcement::new("t", "a", "env1");
    announcement.steps = (0..500)
        .map(|number| {
            let failed = number == 3;
            let outcome = if failed {
                StepOutcome::Failed
            } else {
                StepOutcome::Done
            };
            step(
                &format!("number {number}"),
                Some(outcome),
                1.0,
                &"m".repeat(400),
            )
        })
        .collect();
    let message = render(&announcement, Form::WithThread);
    assert_within_limits(&message);
    let all = serde_json::to_string(&message).unwrap();
    assert!(all.contains("number 3:") && all.contains("number 499:") && all.contains("not shown"));
}

#[test]
fn an_odd_address_is_not_a_link() {
    assert_eq!(link("javascript:alert(1)"), "javascript:alert(1)");
    assert_eq!(link("https://a|b>c"), "https://a|b&gt;c");
    assert_eq!(link("https://a/?x=1&y=2"), "<https://a/?x=1&amp;y=2>");
}

#[test]
fn durations_read_well() {
    assert_eq!(duration(0.44), "0.4 s");
    assert_eq!(duration(12.3), "12 s");
    assert_eq!(duration(200.0), "3 min 20 s");
}

proptest! {
    // Each case renders texts of thousands of characters, so a few dozen cases do.
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_announcement_is_within_limits(
        title in any::<String>(),
        texts in proptest::collection::vec("[\\PC<>&`]{0,4000}", 7),
        log in proptest::collection::vec("[\\PC<>&`]{0,200}", 0..80),
        count in 0usize..120,
    ) {
        let mut announcement = Announcement::new(title, &texts[0], &texts[1]);
        announcement.state = State::Failed;
        announcement.details.version = Some(texts[2].clone());
        announcement.details.former_version = Some(texts[2].clone());
        announcement.details.commit = Some(commit(&texts[3], &texts[3], &texts[4]));
        announcement.url = Some(format!("https://{}", texts[5]));
        announcement.cause = Some(texts[6].clone());
        announcement.note = Some(texts[0].clone());
        announcement.log_tail = log;
        announcement.steps = (0..count)
            .map(|number| {
                let outcome = (number % 3 != 0).then_some(StepOutcome::Failed);
                step(&number.to_string(), outcome, 70.0, &texts[number % 7])
            })
            .collect();
        assert_within_limits(&render(&announcement, Form::WithThread));
        assert_within_limits(&render(&announcement, Form::Alone));
    }
}
