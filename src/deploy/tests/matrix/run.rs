//! Runs cells many at a time, and compares what came of each with what must.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use beanpole_deploy::{ReleaseReport, Verdict};
use beanpole_model::ExitCode;
use tokio::task::JoinSet;

use crate::rules::{Expected, Fleet};
use crate::stage::Stage;
use crate::support::Outcome;
use crate::truth::Truth;

/// No cell may take longer than this, in AWS's time: twice the sum of all deadlines of a release.
const HANGS: Duration = Duration::from_secs(12 * 3600);

/// How many cells are given a second chance at most. See [`all`].
const SECOND_CHANCES: usize = 6;

/// One thing to try.
#[derive(Clone)]
pub(crate) struct Trial {
    /// For people.
    pub(crate) name: String,
    /// When the script begins.
    pub(crate) phase: String,
    pub(crate) script: String,
    /// What the data plane makes of the version.
    pub(crate) outcome: Option<Outcome>,
    /// What may come of it: one of these.
    pub(crate) expected: Vec<Expected>,
    /// The environment's fate is not ours to put right: a version that turns red later.
    pub(crate) spoils_the_world: bool,
}

/// What is wrong with a trial.
struct Wrong {
    trial: Trial,
    what: String,
    /// Exit 0 without the truth behind it, or no end at all: never forgiven.
    is_grave: bool,
}

/// Runs all trials, on `worlds` at a time with this deployment, and fails with all that is wrong.
///
/// The clock is fast and the machine may be busy: what the embedded AWS waits for may come too late
/// by its own clock. A cell that went wrong is therefore tried once more, alone. A release that ended
/// with exit 0 and is not right, and one that hangs, get no second chance.
pub(crate) async fn all(
    what: impl Display,
    deployment: &'static str,
    worlds: usize,
    trials: Vec<Trial>,
) {
    let started = Instant::now();
    let count = trials.len();
    assert!(count > 0, "{what}: there is nothing to try");
    let queue = Arc::new(Mutex::new(VecDeque::from(trials)));
    let mut workers = JoinSet::new();
    for _ in 0..worlds.min(count) {
        workers.spawn(work(deployment, queue.clone()));
    }
    let mut wrong = Vec::new();
    while let Some(found) = workers.join_next().await {
        wrong.extend(found.unwrap());
    }
    let again = wrong.len();
    if again <= SECOND_CHANCES && !wrong.iter().any(|wrong| wrong.is_grave) {
        let trials = wrong.into_iter().map(|wrong| wrong.trial).collect();
        wrong = work(deployment, Arc::new(Mutex::new(trials))).await;
    }
    println!(
        "{what}: {count} cells in {:.1} s, {again} tried again, {} wrong",
        started.elapsed().as_secs_f64(),
        wrong.len()
    );
    let told: Vec<String> = wrong
        .iter()
        .map(|wrong| format!("{}\n{}", wrong.trial.name, wrong.what))
        .collect();
    assert!(
        wrong.is_empty(),
        "{what}: {} of {count} cells are wrong:\n\n{}",
        told.len(),
        told.join("\n\n")
    );
}

async fn work(deployment: &'static str, queue: Arc<Mutex<VecDeque<Trial>>>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut ready: Option<Stage> = None;
    loop {
        let Some(trial) = queue.lock().unwrap().pop_front() else {
            break;
        };
        let mut stage = match ready.take() {
            Some(stage) => stage,
            None => Stage::new(deployment).await,
        };
        let limit = HANGS.div_f64(stage.world.pace().speed());
        let tried = tokio::time::timeout(limit, stage.try_out(&trial)).await;
        let mut note = |what, is_grave| {
            wrong.push(Wrong {
                trial: trial.clone(),
                what,
                is_grave,
            });
        };
        match tried {
            Ok(Ok(())) if !trial.spoils_the_world => ready = Some(stage),
            Ok(Ok(())) => stage.world.end().await,
            Ok(Err((what, is_grave))) => {
                note(what, is_grave);
                stage.world.end().await;
            }
            Err(_) => note("  it hangs".to_owned(), true),
        }
    }
    if let Some(stage) = ready {
        stage.world.end().await;
    }
    wrong
}

impl Stage {
    /// Releases under the trial's faults, looks what is true, and puts it right again.
    async fn try_out(&mut self, trial: &Trial) -> Result<(), (String, bool)> {
        let before = Truth::at_rest(&self.world).await;
        let label = self.commit(trial.outcome).await;
        let report = self.release(&trial.phase, &trial.script).await;
        let after = Truth::at_rest(&self.world).await;
        let mut wrong = Vec::new();
        // A version that turns red hours later was well when the release ended.
        let lied = report.exit_code == ExitCode::Done
            && !trial.spoils_the_world
            && !after.objections(&label).is_empty();
        if lied {
            wrong.push(format!("exit 0, but {:?}", after.objections(&label)));
        }
        let came = (report.verdict, report.exit_code);
        let expected = trial
            .expected
            .iter()
            .find(|expected| (expected.verdict, expected.exit_code) == came)
            .unwrap_or(&trial.expected[0]);
        compare(expected, &report, &mut wrong);
        self.compare_truth(expected, &label, &before, &after, &mut wrong);
        if wrong.is_empty() && !trial.spoils_the_world {
            self.recover(trial, expected, label, &mut wrong).await;
        }
        if wrong.is_empty() {
            Ok(())
        } else {
            Err((format!("  {}\n{report}", wrong.join("\n  ")), lied))
        }
    }

    fn compare_truth(
        &self,
        expected: &Expected,
        label: &str,
        before: &Truth,
        after: &Truth,
        wrong: &mut Vec<String>,
    ) {
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        let runs = match expected.fleet {
            Fleet::New => label,
            Fleet::Former => self.former.as_str(),
        };
        expect(
            after.runs(runs),
            format!("{:?} run, not {runs}", after.fleet),
        );
        expect(
            after.version.as_deref() == Some(runs),
            format!("the environment names {:?}, not {runs}", after.version),
        );
        if expected.verdict == Verdict::Stopped {
            expect(
                after.newest_deployment == before.newest_deployment,
                "something was deployed".to_owned(),
            );
        }
        if expected.verdict == Verdict::RolledBack {
            let objections = after.objections(&self.former);
            expect(
                objections.is_empty(),
                format!("rolled back, but {objections:?}"),
            );
        }
        let new = |after: &BTreeSet<String>, before: &BTreeSet<String>| {
            after.difference(before).cloned().collect::<Vec<_>>()
        };
        let bundles = new(&after.bundles, &before.bundles);
        expect(bundles.len() <= 1, format!("bundles: {bundles:?}"));
        if let Some(wanted) = expected.bundle {
            expect(
                bundles.is_empty() != wanted,
                format!("bundles: {bundles:?}"),
            );
        }
        let versions = new(&after.versions, &before.versions);
        expect(
            versions.iter().all(|version| version == label),
            format!("versions: {versions:?}"),
        );
        if let Some(wanted) = expected.version {
            expect(
                versions.is_empty() != wanted,
                format!("versions: {versions:?}"),
            );
        }
        expect(after.locks.is_empty(), format!("locks: {:?}", after.locks));
        expect(
            after.unfinished_uploads == 0,
            format!("{} unfinished uploads", after.unfinished_uploads),
        );
    }

    /// The next run, without faults, puts everything right.
    async fn recover(
        &mut self,
        trial: &Trial,
        expected: &Expected,
        label: String,
        wrong: &mut Vec<String>,
    ) {
        if expected.exit_code == ExitCode::Done {
            self.former = label;
            return;
        }
        // What failed by itself fails again: the next commit mends it.
        let is_mended = trial.outcome.is_some() || expected.verdict == Verdict::RolledBack;
        let label = if is_mended {
            self.commit(None).await
        } else {
            label
        };
        let report = self.release(crate::stage::BEGIN, "").await;
        let truth = Truth::at_rest(&self.world).await;
        let objections = truth.objections(&label);
        if report.exit_code != ExitCode::Done || !objections.is_empty() {
            wrong.push(format!("the next run: {objections:?}\n{report}"));
        }
        self.former = label;
    }
}

fn compare(expected: &Expected, report: &ReleaseReport, wrong: &mut Vec<String>) {
    let found = (report.verdict, report.exit_code);
    let wanted = (expected.verdict, expected.exit_code);
    if found != wanted {
        wrong.push(format!("{found:?}, not {wanted:?}"));
    }
    if (report.exit_code == ExitCode::Done) != report.failure.is_none() {
        wrong.push("a failure and exit 0, or neither".to_owned());
    }
}
