//! The story of a release: image, bundle, version, update, proof, and the way back.
//!
//! Rules: [`release`] always ends in a report. Everything up to the update call changes nothing in
//! the environment and may be repeated; what it made (bundle, version) is reused by the next run.
//! From the update call on, a failure leads to the former version. An interruption never starts a
//! roll-back: it says what AWS goes on doing, and a person decides.

use std::time::Instant;

use beanpole_cloud::Cloud;
use beanpole_image::Engine;
use beanpole_manifest::Project;
use beanpole_model::{ExitCode, Pace, Problem as _, SecretScrubber, StepOutcome};
use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::bundle::{Bundle, pack};
use crate::check::Candidate;
use crate::error::Error;
use crate::gate::{Answer, Gate, Look};
use crate::image::build_image;
use crate::observation::{EventSight, Sight};
use crate::proof::{Expectation, Judgement, judge};
use crate::report::{Created, FailureReport, ReleaseReport, Verdict};
use crate::scene::Scene;
use crate::step::{Ended, StepId, Steps};
use crate::update::Baseline;
use crate::upload::{BundlePlace, size_text};
use crate::version::WantedVersion;

/// What to release, and with what.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseRequest<'a> {
    /// The checked commit.
    pub candidate: &'a Candidate,
    /// The connected account. Whether it is the right one is the caller's to check.
    pub cloud: &'a Cloud,
    /// The Docker engine to build the image with first; none to leave that to the instances.
    pub engine: Option<&'a Engine>,
    /// Where the bundle is packed. Created if needed; left as it was.
    pub cache_directory: &'a Utf8Path,
    /// AWS's clock.
    pub pace: Pace,
    /// Knows the secret values of this run.
    pub scrubber: &'a SecretScrubber,
}

/// Releases a checked commit. Steps are told and remembered by `steps`; the report includes those
/// that it took before.
pub async fn release(
    request: &ReleaseRequest<'_>,
    steps: &Steps,
    cancel: &CancellationToken,
) -> ReleaseReport {
    let started = Instant::now();
    let calls_before = request.cloud.requests();
    let candidate = request.candidate;
    let scene = Scene {
        cloud: request.cloud,
        project: &candidate.project,
        pace: request.pace,
        steps,
        cancel,
        scrubber: request.scrubber,
    };
    let mut story = Story {
        scene,
        request,
        touched: None,
        is_settled: false,
        errors: Vec::new(),
        created: Vec::new(),
        former: None,
        address: None,
    };
    let ending = story.tell().await;
    ReleaseReport {
        verdict: ending.verdict,
        exit_code: ending.exit_code,
        version_label: Some(candidate.label.to_string()),
        commit: Some(candidate.commit.id.to_string()),
        subject: Some(candidate.commit.subject.clone()),
        former_version: story.former,
        url: story.address.map(|address| format!("http://{address}/")),
        created: story.created,
        findings: candidate.findings.clone(),
        failure: ending.failure,
        goes_on: ending.goes_on,
        api_calls: request.cloud.requests().saturating_sub(calls_before),
        seconds: started.elapsed().as_secs_f64(),
        ..empty_report(&candidate.project, steps)
    }
}

/// The report of a release that ended before [`release`] was called: in the check, or in what the
/// caller did in between.
#[must_use]
pub fn stopped(project: &Project, error: Error, steps: &Steps) -> ReleaseReport {
    let ending = Ending::untouched(error, steps);
    ReleaseReport {
        verdict: ending.verdict,
        exit_code: ending.exit_code,
        findings: Vec::new(),
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
        former_version: None,
        url: None,
        seconds: steps.iter().map(|step| step.seconds).sum(),
        steps,
        created: Vec::new(),
        findings: Vec::new(),
        failure: None,
        goes_on: Vec::new(),
        api_calls: 0,
    }
}

/// How the story ended.
struct Ending {
    verdict: Verdict,
    exit_code: ExitCode,
    failure: Option<FailureReport>,
    goes_on: Vec<String>,
}

impl Ending {
    fn good(verdict: Verdict) -> Self {
        Self {
            verdict,
            exit_code: ExitCode::Done,
            failure: None,
            goes_on: Vec::new(),
        }
    }

    /// An end before the environment was touched.
    fn untouched(error: Error, steps: &Steps) -> Self {
        let verdict = match error.exit_code() {
            ExitCode::Interrupted => Verdict::Interrupted,
            ExitCode::Busy => Verdict::Busy,
            _ => Verdict::Stopped,
        };
        let (failure, exit_code) = FailureReport::of(failed_step(steps), error);
        Self {
            verdict,
            exit_code,
            failure: Some(failure),
            goes_on: Vec::new(),
        }
    }
}

fn failed_step(steps: &Steps) -> Option<String> {
    let last = steps.reports().pop()?;
    (last.outcome == StepOutcome::Failed).then_some(last.id)
}

/// A release under way.
struct Story<'a> {
    scene: Scene<'a>,
    request: &'a ReleaseRequest<'a>,
    /// What the environment was when the update was sent; none until then.
    touched: Option<Baseline>,
    /// True once the update is over and the environment Ready again.
    is_settled: bool,
    /// Errors that Beanstalk told during the update.
    errors: Vec<EventSight>,
    created: Vec<Created>,
    former: Option<String>,
    address: Option<String>,
}

impl Story<'_> {
    async fn tell(&mut self) -> Ending {
        match self.confirm_if_released().await {
            Ok(true) => return Ending::good(Verdict::AlreadyReleased),
            Ok(false) => {}
            Err(error) => return Ending::untouched(error, self.scene.steps),
        }
        match self.attempt().await {
            Ok(()) => Ending::good(Verdict::Released),
            Err(error) => match self.touched.clone() {
                None => Ending::untouched(error, self.scene.steps),
                Some(baseline) => self.after_failure(error, &baseline).await,
            },
        }
    }

    /// The whole way, in order.
    async fn attempt(&mut self) -> Result<(), Error> {
        self.build_image().await?;
        let place = self.bring_bundle().await?;
        self.create_version(&place).await?;
        let (mut gate, url) = self.update().await?;
        self.prove(&mut gate).await?;
        self.probe(&mut gate, url.as_ref()).await?;
        self.soak(&mut gate, url.as_ref()).await
    }

    /// If the version runs already and all is well, proves just that and changes nothing. A version
    /// that is named but not proven is released again.
    async fn confirm_if_released(&mut self) -> Result<bool, Error> {
        let scene = self.scene;
        let sight = scene
            .patiently("reading the environment", || scene.sight())
            .await?;
        scene.expect_environment(&sight)?;
        self.remember(&sight);
        let expectation = self.expectation(None);
        if !matches!(judge(&expectation, &sight), Judgement::Proven { .. }) {
            return Ok(false);
        }
        let label = &self.request.candidate.label;
        let running = format!("`{label}` runs already");
        unchanged(scene.steps, StepId::Update, running).await?;
        let url = scene.health_url(&sight);
        let mut gate = Gate::new(expectation, url.as_ref().map(|_| self.successes()));
        let look = Look {
            sight: Some(&sight),
            probe: None,
            time_is_over: false,
        };
        if let Answer::Next { shown } = gate.look(&look) {
            unchanged(scene.steps, StepId::Prove, shown).await?;
        }
        self.probe(&mut gate, url.as_ref()).await?;
        Ok(true)
    }

    async fn build_image(&mut self) -> Result<(), Error> {
        let scene = self.scene;
        let candidate = self.request.candidate;
        let tag = candidate.image_tag();
        let built = scene
            .steps
            .run(StepId::BuildImage, async {
                let Some(engine) = self.request.engine else {
                    let why = "no Docker engine is used; the instances build it";
                    return Ok(Ended::skipped(false, why));
                };
                let built =
                    build_image(candidate, engine, scene.steps.reporter(), scene.cancel).await?;
                let (cached, total) = (built.cached_steps, built.total_steps);
                Ok(Ended::done(
                    true,
                    format!("`{tag}`, {cached} of {total} steps cached"),
                ))
            })
            .await?;
        if built {
            self.create("image", tag);
        }
        Ok(())
    }

    /// Packs and uploads the bundle, unless its content is there already.
    async fn bring_bundle(&mut self) -> Result<BundlePlace, Error> {
        let scene = self.scene;
        let digest = self.request.candidate.layout.digest();
        let (place, bundle) = scene
            .steps
            .run(StepId::Bundle, async {
                let place = scene.bundle_place(digest).await?;
                if scene.is_uploaded(&place, digest).await? {
                    return Ok(Ended::unchanged(
                        (place, None),
                        "the same content is uploaded",
                    ));
                }
                let bundle = self.pack().await?;
                let message = format!("{} files, {}", bundle.files(), size_text(bundle.size()));
                Ok(Ended::done((place, Some(bundle)), message))
            })
            .await?;
        let is_new = bundle.is_some();
        scene
            .steps
            .run(StepId::Upload, async {
                match &bundle {
                    None => Ok::<_, Error>(Ended::unchanged((), place.to_string())),
                    Some(bundle) => {
                        scene.upload(bundle, &place, digest).await?;
                        Ok(Ended::done((), place.to_string()))
                    }
                }
            })
            .await?;
        if is_new {
            self.create("bundle", place.to_string());
        }
        Ok(place)
    }

    async fn pack(&self) -> Result<Bundle, Error> {
        let candidate = self.request.candidate;
        let (layout, repository) = (candidate.layout.clone(), candidate.repository.clone());
        let time = candidate.commit.committed_at;
        let directory: Utf8PathBuf = self.request.cache_directory.to_owned();
        let cancel = self.scene.cancel.clone();
        tokio::task::spawn_blocking(move || pack(&layout, &repository, time, &directory, &cancel))
            .await
            .map_err(|source| Error::Worker {
                doing: "packing the bundle",
                source,
            })?
    }

    async fn create_version(&mut self, place: &BundlePlace) -> Result<(), Error> {
        let candidate = self.request.candidate;
        let wanted = WantedVersion {
            label: &candidate.label,
            description: &candidate.commit.subject,
            place,
            process: candidate.layout.has_own_extensions(),
        };
        let is_new = self
            .scene
            .steps
            .run(StepId::Version, self.scene.ensure_version(&wanted))
            .await?;
        if is_new {
            self.create("application version", candidate.label.to_string());
        }
        Ok(())
    }

    /// Sends the update and follows it. From here on the environment is touched.
    async fn update(&mut self) -> Result<(Gate, Option<Url>), Error> {
        let scene = self.scene;
        let label = &self.request.candidate.label;
        scene
            .steps
            .run(StepId::Update, async {
                let sight = scene.wait_until_ready(StepId::Update).await?;
                self.remember(&sight);
                let baseline = Baseline::of(&sight);
                let expectation = self.expectation(baseline.newest_deployment);
                let url = scene.health_url(&sight);
                let sent = scene.send_update(label, StepId::Update).await?;
                let instances = baseline.instances;
                self.touched = Some(baseline);
                scene
                    .follow(
                        &sent,
                        expectation.clone(),
                        instances,
                        StepId::Update,
                        &mut self.errors,
                    )
                    .await?;
                self.is_settled = true;
                let gate = Gate::new(expectation, url.as_ref().map(|_| self.successes()));
                let message = match self.errors.last() {
                    None => format!("`{}` is Ready", scene.project.environment),
                    Some(error) => format!(
                        "`{}` is Ready, and Beanstalk said: {}",
                        scene.project.environment, error.message
                    ),
                };
                Ok(Ended::done((gate, url), message))
            })
            .await
    }

    async fn prove(&self, gate: &mut Gate) -> Result<(), Error> {
        let scene = self.scene;
        scene
            .steps
            .run(StepId::Prove, async {
                let shown = scene.prove(gate, StepId::Prove).await?;
                Ok(Ended::done((), shown))
            })
            .await
    }

    async fn probe(&self, gate: &mut Gate, url: Option<&Url>) -> Result<(), Error> {
        let scene = self.scene;
        scene
            .steps
            .run(StepId::Probe, async {
                match url {
                    None => Ok(Ended::skipped((), "the load balancer is not public")),
                    Some(url) => {
                        let shown = scene.probe(gate, url, StepId::Probe).await?;
                        Ok(Ended::done((), format!("{url} is {shown}")))
                    }
                }
            })
            .await
    }

    async fn soak(&self, gate: &mut Gate, url: Option<&Url>) -> Result<(), Error> {
        let scene = self.scene;
        scene
            .steps
            .run(StepId::Soak, async {
                let shown = scene.soak(gate, url, StepId::Soak).await?;
                Ok(Ended::done((), shown))
            })
            .await
    }

    /// Decides what a failure after the update means, and undoes what can be undone.
    async fn after_failure(&self, error: Error, baseline: &Baseline) -> Ending {
        let verdict = match &error {
            Error::Interrupted => Some(Verdict::Interrupted),
            Error::OutOfTime { .. } => Some(Verdict::OutOfTime),
            Error::Cloud { .. } => Some(Verdict::Unverified),
            Error::EnvironmentGone { .. } | Error::NoEnvironment { .. } => {
                Some(Verdict::NotRestored)
            }
            _ => None,
        };
        let (mut failure, mut exit_code) = FailureReport::of(failed_step(self.scene.steps), error);
        if let Some(verdict) = verdict {
            if verdict == Verdict::NotRestored {
                exit_code = ExitCode::FailedNotRestored;
            }
            failure.events.clone_from(&self.errors);
            let goes_on = self.what_goes_on(verdict);
            return Ending {
                verdict,
                exit_code,
                failure: Some(failure),
                goes_on,
            };
        }
        self.scene
            .investigate(&mut failure, self.errors.clone())
            .await;
        self.undo(failure, baseline).await
    }

    async fn undo(&self, mut failure: FailureReport, baseline: &Baseline) -> Ending {
        let label = &self.request.candidate.label;
        let undone = self
            .scene
            .steps
            .run(StepId::RollBack, self.scene.roll_back(baseline, label))
            .await;
        let (verdict, exit_code, goes_on) = match undone {
            Ok(()) => (Verdict::RolledBack, ExitCode::FailedRestored, Vec::new()),
            Err(Error::Interrupted) => (
                Verdict::Interrupted,
                ExitCode::Interrupted,
                vec![format!(
                    "The roll-back of `{}` was interrupted; `beanpole status` shows how it stands.",
                    self.scene.project.environment
                )],
            ),
            Err(error) => {
                let (trouble, _) = FailureReport::of(None, error);
                failure
                    .details
                    .push(format!("Roll-back: {}", trouble.message));
                failure.details.extend(trouble.causes);
                failure.details.extend(trouble.details);
                failure.hint = trouble.hint.or(failure.hint);
                let environment = &self.scene.project.environment;
                let goes_on = vec![format!("`{environment}` stays as it is now.")];
                (Verdict::NotRestored, ExitCode::FailedNotRestored, goes_on)
            }
        };
        Ending {
            verdict,
            exit_code,
            failure: Some(failure),
            goes_on,
        }
    }

    /// What AWS does without us from here on.
    fn what_goes_on(&self, verdict: Verdict) -> Vec<String> {
        let environment = &self.scene.project.environment;
        let label = &self.request.candidate.label;
        if verdict == Verdict::NotRestored {
            return Vec::new();
        }
        if self.is_settled {
            let way_back = match &self.former {
                Some(former) => format!("; `beanpole rollback` goes back to `{former}`"),
                None => String::new(),
            };
            return vec![format!(
                "`{environment}` has `{label}`, which is not proven{way_back}."
            )];
        }
        vec![format!(
            "AWS goes on moving `{environment}` to `{label}`: `beanpole events --follow` shows how it \
             ends, `beanpole abort` takes it back."
        )]
    }

    fn expectation(&self, after_deployment: Option<i64>) -> Expectation {
        Expectation {
            version: self.request.candidate.label.to_string(),
            minimum_instances: self.scene.project.instances.min,
            after_deployment,
            healthy: true,
        }
    }

    fn successes(&self) -> u32 {
        self.scene.project.health.successes
    }

    fn remember(&mut self, sight: &Sight) {
        if let Some(environment) = &sight.environment {
            self.former.clone_from(&environment.version);
            self.address.clone_from(&environment.address);
        }
    }

    fn create(&mut self, kind: &str, name: String) {
        self.created.push(Created {
            kind: kind.to_owned(),
            name,
        });
    }
}

/// A step that had nothing to do.
async fn unchanged(steps: &Steps, step: StepId, message: String) -> Result<(), Error> {
    steps
        .run(step, async { Ok(Ended::unchanged((), message)) })
        .await
}
