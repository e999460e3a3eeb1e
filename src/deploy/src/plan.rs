//! What a release will do, decided before it does anything. Pure.
//!
//! Rules: a [`ReleasePlan`] is a value made from a [`Situation`], which is what was seen. The release
//! itself follows the plan step by step, and `deploy --plan` shows the very same value and stops
//! there. Every step can be taken again: what exists is reused, what is under way is joined. The order
//! of the steps is fixed here and nowhere else: settings before the version, removals after the
//! proof, the lock around everything that is shared.

use std::fmt;
use std::time::Duration;

use beanpole_manifest::Deployment;
use serde::Serialize;

use crate::deadline;
use crate::step::StepId;

/// What kind of release this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A commit: image, bundle and version are made from it.
    Commit,
    /// A version that exists: nothing is built and nothing uploaded.
    Version,
}

/// How the image of a commit comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageWork {
    /// Built on this machine first, to find out early whether it builds.
    BuiltHere,
    /// Left to the instances.
    BuiltByInstances,
}

/// How the environment stands towards the wanted version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It runs something else, or nothing.
    Elsewhere,
    /// An update to the wanted version is under way: our own from before.
    OnItsWay,
    /// An earlier run of ours has moved it there and did not prove it.
    Applied,
    /// It names the wanted version, which is not proven.
    Named,
    /// The wanted version runs on every instance and is healthy.
    Proven,
}

/// The migrations of a release, as far as the plan is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MigrationsSeen {
    /// The added migrations: `shop.0002_price`.
    pub added: Vec<String>,
    /// How many operations the serving code could not live with.
    pub blocking: usize,
    /// Why they are allowed all the same.
    pub allowed: Option<String>,
    /// True if they cannot be looked at: the deployed commit is not known here.
    pub unknown: bool,
}

/// The pair of a blue/green release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlueGreen {
    /// The environment that serves.
    pub live: String,
    /// The other one.
    pub idle: String,
    /// True if the other one has to be created.
    pub creates: bool,
}

/// What was seen before a release.
#[derive(Clone, Debug)]
pub struct Situation {
    /// A commit or a version.
    pub work: Work,
    /// The Beanstalk application.
    pub application: String,
    /// The Beanstalk environment.
    pub environment: String,
    /// The wanted version's label.
    pub version: String,
    /// True if the label waits for the digest of an image that is not pushed yet.
    pub is_provisional: bool,
    /// What the environment names now.
    pub former: Option<String>,
    /// How it stands towards the wanted version.
    pub standing: Standing,
    /// True if it is busy with someone else's change.
    pub is_busy: bool,
    /// How many instances it has.
    pub instances: u32,
    /// Who builds the image.
    pub image: ImageWork,
    /// True if the bundle's content is in S3.
    pub is_uploaded: bool,
    /// True if the version exists.
    pub version_exists: bool,
    /// Settings that are added or changed, by name.
    pub settings: Vec<String>,
    /// Settings that are removed after the proof, by name.
    pub removals: Vec<String>,
    /// The migrations of the commit; none if the project has none.
    pub migrations: Option<MigrationsSeen>,
    /// The commands of the release step.
    pub release_commands: Vec<String>,
    /// How Beanstalk rolls the version out.
    pub deployment: Deployment,
    /// The pair, for a blue/green release.
    pub blue_green: Option<BlueGreen>,
    /// The outside probe's address; none behind an internal load balancer.
    pub probe: Option<String>,
    /// How many probes must succeed in a row.
    pub successes: u32,
    /// How long it must stay well, in AWS time.
    pub soak: Duration,
    /// Who holds the lock, if anyone does.
    pub locked_by: Option<String>,
    /// A release of this environment that was never finished.
    pub unfinished: Option<String>,
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is done.
    Do,
    /// What it would make is there already.
    Reuse,
    /// It is under way and is followed to its end.
    Join,
    /// There is nothing to do.
    Skip,
}

impl Action {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Reuse => "reuse",
            Self::Join => "join",
            Self::Skip => "skip",
        }
    }
}

/// One step to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Which.
    #[serde(serialize_with = "step_id")]
    pub step: StepId,
    /// What becomes of it.
    pub action: Action,
    /// One line: on what, or why not.
    pub what: String,
}

fn step_id<S: serde::Serializer>(step: &StepId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(step.id())
}

/// What a release will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleasePlan {
    /// The Beanstalk application.
    pub application: String,
    /// The Beanstalk environment.
    pub environment: String,
    /// The version to be released.
    pub version: String,
    /// What the environment names now, and would get back on failure.
    pub former: Option<String>,
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// In how many batches the instances are replaced or updated.
    pub batches: u32,
    /// The update's deadline in seconds of AWS time.
    pub deadline_seconds: u64,
    /// What a person should know before going on.
    pub notes: Vec<String>,
    /// True if the release would stop before anything is changed.
    pub blocked: bool,
}

impl ReleasePlan {
    /// Plans the release of what is wanted in this situation.
    #[must_use]
    pub fn of(situation: &Situation) -> Self {
        let instances = situation.instances.max(1);
        Self {
            application: situation.application.clone(),
            environment: situation.environment.clone(),
            version: situation.version.clone(),
            former: situation.former.clone(),
            steps: steps(situation),
            batches: deadline::batches(&situation.deployment, instances),
            deadline_seconds: deadline::update(&situation.deployment, instances).as_secs(),
            notes: notes(situation),
            blocked: is_blocked(situation),
        }
    }

    /// What becomes of a step; [`Action::Skip`] if the plan does not hold it.
    #[must_use]
    pub fn action(&self, step: StepId) -> Action {
        self.steps
            .iter()
            .find(|planned| planned.step == step)
            .map_or(Action::Skip, |planned| planned.action)
    }

    /// True if nothing in AWS will be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.action(StepId::Lock) == Action::Skip
    }
}

fn is_blocked(situation: &Situation) -> bool {
    situation
        .migrations
        .as_ref()
        .is_some_and(|seen| seen.blocking > 0 && seen.allowed.is_none())
}

fn steps(situation: &Situation) -> Vec<PlannedStep> {
    let mut steps = Vec::new();
    let mut add = |step, (action, what): (Action, String)| {
        steps.push(PlannedStep { step, action, what });
    };
    let is_done = situation.standing == Standing::Proven;
    if situation.work == Work::Commit && !is_done {
        add(StepId::BuildImage, image(situation));
    }
    if !is_done || has_settings(situation) {
        add(StepId::Lock, lock(situation));
    }
    if let Some(seen) = &situation.migrations
        && !is_done
    {
        add(StepId::Migrations, migrations(seen));
    }
    if situation.work == Work::Commit && !is_done {
        add(StepId::Bundle, bundle(situation));
        add(StepId::Upload, upload(situation));
        add(StepId::Version, version(situation));
    }
    let pair = situation.blue_green.as_ref().filter(|_| !is_done);
    // What an earlier run of ours has made live is finished where it is.
    let is_live = situation.standing == Standing::Applied;
    if let Some(pair) = pair.filter(|_| !is_live) {
        add(StepId::PrepareGreen, green(pair));
    } else if !situation.settings.is_empty() {
        add(
            StepId::Configure,
            (Action::Do, situation.settings.join(", ")),
        );
    }
    add(StepId::Update, update(situation));
    add(StepId::Prove, prove(situation));
    add(StepId::Probe, probe(situation));
    if !is_done {
        add(StepId::Soak, (Action::Do, seconds_text(situation.soak)));
    }
    if let Some(pair) = pair.filter(|_| !is_live) {
        let what = format!("the public name goes to `{}`", pair.idle);
        add(StepId::Swap, (Action::Do, what));
    } else if !situation.removals.is_empty() {
        add(
            StepId::RemoveSettings,
            (Action::Do, situation.removals.join(", ")),
        );
    }
    if let Some(pair) = pair {
        let old = if is_live { &pair.idle } else { &pair.live };
        let what = format!("`{old}`, as the manifest says");
        add(StepId::Retire, (Action::Do, what));
    }
    if !is_done {
        add(
            StepId::Prune,
            (
                Action::Do,
                "versions and bundles beyond the limit".to_owned(),
            ),
        );
    }
    steps
}

fn has_settings(situation: &Situation) -> bool {
    !situation.settings.is_empty() || !situation.removals.is_empty()
}

fn image(situation: &Situation) -> (Action, String) {
    match situation.image {
        ImageWork::BuiltHere => (Action::Do, "on this machine".to_owned()),
        ImageWork::BuiltByInstances => (
            Action::Skip,
            "no Docker engine is used; the instances build it".to_owned(),
        ),
    }
}

fn green(pair: &BlueGreen) -> (Action, String) {
    if pair.creates {
        (Action::Do, format!("`{}` is created", pair.idle))
    } else {
        (Action::Reuse, format!("`{}`", pair.idle))
    }
}

fn lock(situation: &Situation) -> (Action, String) {
    let what = match &situation.locked_by {
        Some(holder) => format!("held by {holder}"),
        None => format!("`{}`", situation.environment),
    };
    (Action::Do, what)
}

fn migrations(seen: &MigrationsSeen) -> (Action, String) {
    if seen.unknown {
        let what = "the deployed commit is not known here".to_owned();
        return (Action::Skip, what);
    }
    let what = match (seen.added.len(), seen.blocking) {
        (0, _) => return (Action::Skip, "no new ones".to_owned()),
        (_, 0) => seen.added.join(", "),
        (_, blocking) => format!(
            "{}; {blocking} the serving code cannot live with",
            seen.added.join(", ")
        ),
    };
    (Action::Do, what)
}

fn bundle(situation: &Situation) -> (Action, String) {
    if situation.is_uploaded {
        (Action::Reuse, "the same content is uploaded".to_owned())
    } else {
        (Action::Do, "from the commit".to_owned())
    }
}

fn upload(situation: &Situation) -> (Action, String) {
    if situation.is_uploaded {
        (Action::Reuse, "the same content is uploaded".to_owned())
    } else {
        (Action::Do, "to Beanstalk's bucket".to_owned())
    }
}

fn version(situation: &Situation) -> (Action, String) {
    let label = &situation.version;
    if situation.version_exists {
        (Action::Reuse, format!("`{label}` exists"))
    } else {
        (Action::Do, format!("`{label}`"))
    }
}

fn update(situation: &Situation) -> (Action, String) {
    let label = &situation.version;
    match situation.standing {
        Standing::Proven => (Action::Reuse, format!("`{label}` runs already")),
        Standing::OnItsWay => (Action::Join, format!("to `{label}`, begun before")),
        Standing::Applied => (Action::Reuse, format!("to `{label}`, done before")),
        Standing::Elsewhere | Standing::Named => {
            let policy = situation.deployment.policy.option_value();
            let instances = situation.instances.max(1);
            let batches = deadline::batches(&situation.deployment, instances);
            let first = match situation.release_commands.as_slice() {
                [] => String::new(),
                commands => format!("; first, once: {}", commands.join(", ")),
            };
            (
                Action::Do,
                format!(
                    "to `{label}`, {policy}, {instances} {} in {batches} {}{first}",
                    plural(instances, "instance", "instances"),
                    plural(batches, "batch", "batches"),
                ),
            )
        }
    }
}

fn prove(situation: &Situation) -> (Action, String) {
    (
        Action::Do,
        format!("`{}` on every instance", situation.version),
    )
}

fn probe(situation: &Situation) -> (Action, String) {
    match &situation.probe {
        Some(url) => (
            Action::Do,
            format!("{url}, {} times in a row", situation.successes),
        ),
        None => (Action::Skip, "the load balancer is not public".to_owned()),
    }
}

fn notes(situation: &Situation) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(release) = &situation.unfinished {
        notes.push(format!(
            "Release `{release}` was never finished; this one goes on from it."
        ));
    }
    if situation.is_busy {
        notes.push(format!(
            "`{}` is busy; the release waits until it is Ready.",
            situation.environment
        ));
    }
    if let Some(holder) = &situation.locked_by {
        notes.push(format!("The lock is held by {holder}."));
    }
    if let Some(seen) = &situation.migrations {
        match &seen.allowed {
            Some(reason) if seen.blocking > 0 => {
                notes.push(format!("Unsafe migrations are allowed: {reason}."));
            }
            None if seen.blocking > 0 => notes.push(
                "The migrations stop this release: `--allow-unsafe-migrations REASON` lets it go on."
                    .to_owned(),
            ),
            _ => {}
        }
    }
    if situation.is_provisional {
        notes.push(format!(
            "The image is not pushed yet: what follows the commit in `{}` comes from its digest and will differ.",
            situation.version
        ));
    }
    if situation.former.is_none() {
        notes.push("There is no former version to go back to.".to_owned());
    }
    notes
}

/// A duration for people: `45 s`, `2 min`.
fn seconds_text(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds >= 120 && seconds.is_multiple_of(60) {
        format!("{} min", seconds / 60)
    } else {
        format!("{seconds} s")
    }
}

const fn plural(count: u32, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

impl fmt::Display for ReleasePlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = self.former.as_deref().unwrap_or("no version");
        write!(
            formatter,
            "{}: {before} -> {}",
            self.environment, self.version
        )?;
        for planned in &self.steps {
            write!(
                formatter,
                "\n  {:<6} {:<15} {}",
                planned.action.word(),
                planned.step.id(),
                planned.what
            )?;
        }
        write!(
            formatter,
            "\nThe update may take up to {} min.",
            self.deadline_seconds.div_ceil(60)
        )?;
        for note in &self.notes {
            write!(formatter, "\n{note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
