//! The story of a release, from the first look to the verdict.
//!
//! How it goes: look; build the image; take the lock; see in the ledger whether a former run was
//! broken off; make a [`ReleasePlan`]; follow it step by step, each written into the journal before
//! and after; on failure, take everything back and prove that; let the lock go.
//!
//! Rules: [`release`] always ends in a report. Everything up to the first change of the environment may
//! be repeated at will; what it made is reused by the next run. From then on a known failure leads
//! back to the former state, and anything unknown (an interruption, a lost connection, a passed
//! deadline) is left to the same command, which goes on where this one ended.

mod blue_green;
mod ending;
mod migrations;
mod packing;
mod records;
mod settings;
mod situation;
mod steps;

use std::time::{Duration, Instant};

use beanpole_cloud::Cloud;
use beanpole_git::Repository;
use beanpole_image::Engine;
use beanpole_manifest::Project;
use beanpole_model::{ExitCode, Pace, SecretScrubber, StepOutcome, VersionLabel};
use beanpole_provision::{ConfigurationChange, OptionChange};
use camino::{Utf8Path, Utf8PathBuf};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::blue_green::Colours;
use crate::bundle::Bundle;
use crate::check::Candidate;
use crate::error::Error;
use crate::gate::Gate;
use crate::ledger::{Former, Journal, Record, ReleaseKind};
use crate::lock::HeldLock;
use crate::observation::{EventSight, Sight};
use crate::plan::{ReleasePlan, Standing};
use crate::release_step::ReleaseStepReport;
use crate::report::{Created, ReleaseReport, Verdict};
use crate::scene::Scene;
use crate::step::{StepReport, Steps};
use crate::timings::History;
use crate::update::Baseline;
use crate::upload::BundlePlace;
use ending::Ending;
use migrations::Reviewed;
use packing::Packing;
use records::HISTORY;

/// What is released.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A checked commit: image, bundle and version are made from it.
    Commit(&'a Candidate),
    /// A version that the application has: nothing is built and nothing uploaded.
    Version(&'a KnownVersion),
}

/// A version that exists, and what is known about where it comes from.
#[derive(Clone, Debug)]
pub struct KnownVersion {
    /// Its label.
    pub label: VersionLabel,
    /// The full id of its commit, if it is known.
    pub commit: Option<String>,
    /// The commit's subject line.
    pub subject: Option<String>,
    /// Why it is released.
    pub kind: ReleaseKind,
    /// The repository to look its migrations up in, and the project's directory in it.
    pub repository: Option<(Repository, Utf8PathBuf)>,
}

impl<'a> Source<'a> {
    /// The version's label.
    #[must_use]
    pub fn label(&self) -> &'a VersionLabel {
        match self {
            Self::Commit(candidate) => &candidate.label,
            Self::Version(version) => &version.label,
        }
    }

    /// The full id of the commit, if it is known.
    #[must_use]
    pub fn commit(&self) -> Option<String> {
        match self {
            Self::Commit(candidate) => Some(candidate.commit.id.to_string()),
            Self::Version(version) => version.commit.clone(),
        }
    }

    /// The commit's subject line, if it is known.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::Commit(candidate) => Some(candidate.commit.subject.clone()),
            Self::Version(version) => version.subject.clone(),
        }
    }

    /// What kind of release this makes.
    #[must_use]
    pub fn kind(&self) -> ReleaseKind {
        match self {
            Self::Commit(_) => ReleaseKind::Deploy,
            Self::Version(version) => version.kind,
        }
    }
}

/// Who releases, and why: for the lock and the ledger.
#[derive(Clone, Debug, Default)]
pub struct Author {
    /// Who: a name, an address, or both.
    pub who: String,
    /// Why, in their words.
    pub why: Option<String>,
    /// The page of the CI run.
    pub run_url: Option<String>,
}

/// What to release, and with what.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseRequest<'a> {
    /// The resolved manifest, with the environment that it names.
    pub project: &'a Project,
    /// The commit or the version.
    pub source: Source<'a>,
    /// The connected account. Whether it is the right one is the caller's to check.
    pub cloud: &'a Cloud,
    /// The Docker engine to build the image with first; none to leave that to the instances.
    pub engine: Option<&'a Engine>,
    /// Where the bundle is packed. Created if needed; left as it was.
    pub cache_directory: &'a Utf8Path,
    /// Where this machine keeps its copy of the ledger.
    pub state_directory: &'a Utf8Path,
    /// Who releases, and why.
    pub author: &'a Author,
    /// How long a lock of someone else is waited for, in AWS time; none to stop at once.
    pub wait_for_lock: Option<Duration>,
    /// True to bring the environment's settings to the manifest's as well.
    pub configure: bool,
    /// Why migrations that the serving code cannot live with are allowed, if they are.
    pub unsafe_migrations: Option<&'a str>,
    /// AWS's clock.
    pub pace: Pace,
    /// Knows the secret values of this run.
    pub scrubber: &'a SecretScrubber,
}

impl<'a> ReleaseRequest<'a> {
    fn scene(&self, steps: &'a Steps, cancel: &'a CancellationToken) -> Scene<'a> {
        Scene {
            cloud: self.cloud,
            project: self.project,
            pace: self.pace,
            steps,
            cancel,
            scrubber: self.scrubber,
        }
    }
}

/// What a release would do now. Looks only; nothing is changed or locked.
///
/// # Errors
/// [`Error::NoEnvironment`], [`Error::ClusterMode`], [`Error::Cloud`], [`Error::Interrupted`],
/// [`Error::Git`].
pub async fn plan(
    request: &ReleaseRequest<'_>,
    steps: &Steps,
    cancel: &CancellationToken,
) -> Result<ReleasePlan, Error> {
    let scene = request.scene(steps, cancel);
    let place = Place::find(scene).await?;
    let mut story = Story::new(scene, request, &place);
    story.plan_only().await
}

/// Releases. Steps are told and remembered by `steps`; the report includes those that it took
/// before.
pub async fn release(
    request: &ReleaseRequest<'_>,
    steps: &Steps,
    cancel: &CancellationToken,
) -> ReleaseReport {
    let started = Instant::now();
    let calls_before = request.cloud.requests();
    let scene = request.scene(steps, cancel);
    let place = match Place::find(scene).await {
        Ok(place) => place,
        Err(error) => return stopped(request.project, error, steps),
    };
    let mut story = Story::new(scene, request, &place);
    let ending = story.tell().await;
    ReleaseReport {
        verdict: ending.verdict,
        exit_code: ending.exit_code,
        version_label: Some(request.source.label().to_string()),
        commit: request.source.commit(),
        subject: request.source.subject(),
        release: story
            .journal
            .as_ref()
            .map(|journal| journal.id().to_string()),
        former_version: story.former,
        url: story.address.map(|address| format!("http://{address}/")),
        migrations: story
            .migrations
            .map(|reviewed| reviewed.seen.added)
            .unwrap_or_default(),
        created: story.created,
        findings: story.findings,
        failure: ending.failure,
        goes_on: ending.goes_on,
        release_step: story.release_step,
        api_calls: request.cloud.requests().saturating_sub(calls_before),
        seconds: started.elapsed().as_secs_f64(),
        steps: beside_usual(steps, &story.times),
        ..empty_report(request.project, steps)
    }
}

/// The steps, each beside the time that it usually takes.
fn beside_usual(steps: &Steps, times: &History) -> Vec<StepReport> {
    let mut reports = steps.reports();
    for report in &mut reports {
        if report.outcome == StepOutcome::Done {
            report.usually = times.usual(&report.id);
        }
    }
    reports
}

/// The report of a release that ended before [`release`] was called: in the check, or in what the
/// caller did in between.
#[must_use]
pub fn stopped(project: &Project, error: Error, steps: &Steps) -> ReleaseReport {
    let ending = Ending::untouched(error, steps);
    ReleaseReport {
        verdict: ending.verdict,
        exit_code: ending.exit_code,
        failure: ending.failure,
        ..empty_report(project, steps)
    }
}

fn empty_report(project: &Project, steps: &Steps) -> ReleaseReport {
    let steps = steps.reports();
    ReleaseReport {
        verdict: Verdict::Stopped,
        exit_code: ExitCode::Bug,
        application: project.application.to_string(),
        environment: project.environment.to_string(),
        version_label: None,
        commit: None,
        subject: None,
        release: None,
        former_version: None,
        url: None,
        seconds: steps.iter().map(|step| step.seconds).sum(),
        steps,
        migrations: Vec::new(),
        created: Vec::new(),
        findings: Vec::new(),
        failure: None,
        goes_on: Vec::new(),
        release_step: None,
        api_calls: 0,
    }
}

/// Where a release happens: in the environment itself, or in a second one beside it.
struct Place {
    /// The project with the environment that serves.
    live: Project,
    /// The same with the environment that is released on.
    target: Project,
    /// The pair of a blue/green release.
    colours: Option<Colours>,
    /// What was seen of the environment on the way, if it was looked at whole.
    sight: Option<Sight>,
}

/// A release under way.
struct Story<'a> {
    /// The manifest's own environment: the one that users know, and that is locked.
    home: Scene<'a>,
    /// The environment that is worked on. In a blue/green release that is the one that serves, until
    /// the second one is prepared.
    scene: Scene<'a>,
    target: Scene<'a>,
    colours: Option<&'a Colours>,
    request: &'a ReleaseRequest<'a>,
    /// Beanstalk's own bucket, once it was asked for.
    bucket: OnceCell<String>,
    lock: Option<HeldLock>,
    journal: Option<Journal>,
    /// The record of the run that this one goes on with.
    resumed: Option<Record>,
    /// What the environment was before it was changed; none until then.
    touched: Option<Baseline>,
    /// What brings the former configuration back, once it was changed.
    configured: Option<OptionChange>,
    /// The settings to change.
    change: ConfigurationChange,
    /// How the environment stands towards the wanted version.
    standing: Standing,
    /// What the review of the migrations found; none if there is nothing to review them with.
    migrations: Option<Reviewed>,
    /// The look at the environment with which this began.
    first_sight: Option<Sight>,
    /// The bundle being packed.
    packing: Option<Packing>,
    place: Option<BundlePlace>,
    bundle: Option<Bundle>,
    gate: Option<Gate>,
    url: Option<Url>,
    /// True once the update is over and the environment Ready again.
    is_settled: bool,
    /// True once the public name moved, in a blue/green release.
    is_swapped: bool,
    /// Errors that Beanstalk told during the update.
    errors: Vec<EventSight>,
    created: Vec<Created>,
    findings: Vec<beanpole_model::Finding>,
    /// How long steps took in earlier releases.
    times: History,
    /// The state that history knows to be good, where the present one was never proven.
    known_good: Option<Former>,
    former: Option<String>,
    address: Option<String>,
    release_step: Option<ReleaseStepReport>,
}

impl<'a> Story<'a> {
    fn new(home: Scene<'a>, request: &'a ReleaseRequest<'a>, place: &'a Place) -> Self {
        let findings = match request.source {
            Source::Commit(candidate) => candidate.findings.clone(),
            Source::Version(_) => Vec::new(),
        };
        Self {
            scene: home.on(&place.live),
            target: home.on(&place.target),
            home,
            colours: place.colours.as_ref(),
            request,
            bucket: OnceCell::new(),
            lock: None,
            journal: None,
            resumed: None,
            touched: None,
            configured: None,
            change: ConfigurationChange::default(),
            standing: Standing::Elsewhere,
            migrations: None,
            first_sight: place.sight.clone(),
            packing: None,
            place: None,
            bundle: None,
            gate: None,
            url: None,
            is_settled: false,
            is_swapped: false,
            errors: Vec::new(),
            created: Vec::new(),
            findings,
            times: History::new(),
            known_good: None,
            former: None,
            address: None,
            release_step: None,
        }
    }

    async fn tell(&mut self) -> Ending {
        let ending = match self.attempt().await {
            Ok(ending) => ending,
            Err(error) => match self.touched.clone() {
                None => Ending::untouched(error, self.scene.steps),
                Some(baseline) => self.after_failure(error, &baseline).await,
            },
        };
        if let Some(packing) = self.packing.take() {
            packing.abandon().await;
        }
        self.write_end(&ending).await;
        self.unlock().await;
        ending
    }

    /// The whole way, in order.
    async fn attempt(&mut self) -> Result<Ending, Error> {
        if self.is_released().await? {
            self.confirm().await?;
            return Ok(Ending::good(Verdict::AlreadyReleased));
        }
        self.begin_packing();
        self.build_image().await?;
        self.lock().await?;
        let ledger = self.ledger(self.bucket().await?);
        let scene = self.scene;
        let (sight, history) = tokio::try_join!(
            scene.patiently("reading the environment", || scene.sight()),
            ledger.recent(HISTORY),
        )?;
        let sight = self.seen(sight)?;
        if let Some(ending) = self.open_journal(&sight, &ledger, history).await? {
            return Ok(ending);
        }
        let plan = self.plan(&sight).await?;
        self.follow(&plan).await?;
        Ok(Ending::good(Verdict::Released))
    }
}
