//! `docs/trouble.md`: written from the stories, and compared with them at every run.
//!
//! `BEANPOLE_WRITE_DOCS=1` writes the page instead of comparing it.

use beanpole_cloud::EnvironmentStatus;
use beanpole_model::ExitCode;
use tokio::task::JoinSet;

use crate::stories::{self, STORIES, Told};

/// How many stories are played at a time.
const AT_A_TIME: usize = 5;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/trouble.md");

const OPENING: &str = "# When something goes wrong

What happens to a release, what `beanpole deploy` says, how it exits, and what is left. Every line was
played on the embedded AWS by the test that writes this page (`src/deploy/tests/matrix`), which also
runs every fault at every step of a release, and looks at the instances themselves afterwards.

Exit 0 means: the version runs on every instance, is healthy, and stayed healthy for the soak time.
After every other exit the same command can be run again; it goes on with what is there.

| what happens | what `beanpole deploy` says | exit | what is left |
| --- | --- | --- | --- |
";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_trouble_is_true() {
    let mut playing = JoinSet::new();
    let mut queue = STORIES.iter().copied().enumerate();
    let mut told: Vec<(usize, Told)> = Vec::new();
    loop {
        while playing.len() < AT_A_TIME
            && let Some((number, story)) = queue.next()
        {
            playing.spawn(async move { (number, stories::play(story).await) });
        }
        match playing.join_next().await {
            Some(played) => told.push(played.unwrap()),
            None => break,
        }
    }
    told.sort_by_key(|(number, _)| *number);
    let mut wrong = Vec::new();
    let mut page = OPENING.to_owned();
    for ((_, told), story) in told.iter().zip(STORIES) {
        let found = told.report.exit_code;
        if found != story.exit_code {
            wrong.push(format!("{}: {found:?}\n{}", story.happens, told.report));
        }
        if found == ExitCode::Done {
            let objections = told.truth.objections(&told.label);
            if !objections.is_empty() {
                wrong.push(format!("{}: exit 0, but {objections:?}", story.happens));
            }
        }
        if told.truth.unfinished_uploads > 0 || !told.truth.locks.is_empty() {
            wrong.push(format!("{}: left behind: {:?}", story.happens, told.truth));
        }
        page.push_str(&row(told));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    if std::env::var_os("BEANPOLE_WRITE_DOCS").is_some() {
        fs_err::write(PAGE, &page).unwrap();
    }
    let written = fs_err::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(
        promises(&written),
        promises(&page),
        "docs/trouble.md is out of date: run this test with BEANPOLE_WRITE_DOCS=1"
    );
}

/// The page without the causes that a release names: which of them is seen first depends on the
/// moment of a look, and with it on how busy the machine is.
fn promises(page: &str) -> String {
    let mut promises = String::new();
    for line in page.lines() {
        let promise = match line.split(" | ").collect::<Vec<_>>().as_slice() {
            [happens, said, code, left] => {
                let verdict = said.split_once(". ").map_or(*said, |(verdict, _)| verdict);
                let verdict = verdict.trim_end_matches('.');
                format!("{happens} | {verdict} | {code} | {left}")
            }
            _ => line.to_owned(),
        };
        promises.push_str(&promise);
        promises.push('\n');
    }
    promises
}

fn row(told: &Told) -> String {
    let report = &told.report;
    let mut said = format!("{}.", report.verdict.words());
    if let Some(failure) = &report.failure {
        let message = plain(told, &failure.message);
        said.push_str(&format!(" {}.", message.trim_end_matches('.')));
    }
    format!(
        "| {} | {} | {} | {} |\n",
        told.happens,
        said.replace('|', "\\|"),
        report.exit_code.code(),
        left(told)
    )
}

/// What is left, in words.
fn left(told: &Told) -> String {
    let truth = &told.truth;
    let runs = match &truth.status {
        None | Some(EnvironmentStatus::Terminated | EnvironmentStatus::Terminating) => {
            return "no environment".to_owned();
        }
        _ if truth.runs(&told.label) => "the new version on every instance",
        _ if truth.runs(&told.former) => "the former version on every instance",
        _ if truth.runs_one_version() => "their version on every instance",
        _ => "old and new versions",
    };
    let made = if truth.runs(&told.label) {
        ""
    } else if truth.versions.contains(&told.label) {
        "; the new version's bundle and label, for the next run"
    } else if told.report.created.is_empty() {
        "; nothing else"
    } else {
        "; the bundle, for the next run"
    };
    format!("{runs}{made}")
}

/// A message without what differs from run to run. What was seen on the instances stands behind a
/// colon, and depends on the moment of the last look: the page leaves it out.
fn plain(told: &Told, message: &str) -> String {
    let message = message
        .replace(&told.label, "NEW")
        .replace(&told.former, "FORMER");
    let message = message
        .split_once(": ")
        .map_or(message.as_str(), |(before, _)| before);
    let words = message.split(' ').map(|word| {
        let bare = word.trim_start_matches(['`', '(']);
        if bare.starts_with("i-0") {
            "an instance".to_owned()
        } else if let Some((_, path)) = bare
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
        {
            format!("http://ADDRESS/{path}")
        } else if bare.starts_with("s3://") {
            "s3://…".to_owned()
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}
