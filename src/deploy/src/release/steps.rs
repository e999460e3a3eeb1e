//! The steps of a release, one function each.
//!
//! Rules: each looks before it acts, so that it may be taken again; each is told and timed as one
//! step; each leaves what the next one needs in the story.

use std::sync::Arc;

use beanpole_cloud::Kind;

use super::{Source, Story};
use crate::error::Error;
use crate::form::Form;
use crate::gate::{Answer, Gate, Look};
use crate::image::build_image;
use crate::plan::{Action, PlannedStep, ReleasePlan, Standing};
use crate::prune::prune;
use crate::report::Created;
use crate::scene::EventFilter;
use crate::step::{Ended, StepId, Steps};
use crate::update::{Baseline, Sent};
use crate::upload::size_text;
use crate::version::WantedVersion;

impl Story<'_> {
    /// Takes the steps of the plan that come after the lock, each written down before and after.
    pub(super) async fn follow(&mut self, plan: &ReleasePlan) -> Result<(), Error> {
        for planned in &plan.steps {
            if matches!(planned.step, StepId::BuildImage | StepId::Lock) {
                continue;
            }
            let written = self.begun(planned.step).await?;
            let taken = if changes_the_environment(planned.step) {
                // Others know of it before it happens.
                written.await?;
                Box::pin(self.take(planned)).await
            } else {
                let (taken, written) = tokio::join!(Box::pin(self.take(planned)), written);
                taken.and(written)
            };
            let written = self.ended(planned.step).await;
            taken?;
            written?;
        }
        Ok(())
    }

    async fn take(&mut self, planned: &PlannedStep) -> Result<(), Error> {
        match planned.step {
            StepId::Migrations => self.review_migrations(planned).await,
            StepId::Bundle => self.make_bundle(planned).await,
            StepId::Upload => self.upload().await,
            StepId::Version => self.create_version().await,
            StepId::PrepareGreen => self.prepare_green().await,
            StepId::Configure => self.configure().await,
            StepId::Update => self.update(planned.action).await,
            StepId::Prove => self.prove().await,
            StepId::Probe => self.probe().await,
            StepId::Soak => self.soak().await,
            StepId::Swap => self.swap().await,
            StepId::RemoveSettings => self.remove_settings().await,
            StepId::Retire => self.retire().await,
            StepId::Prune => self.prune().await,
            StepId::Check
            | StepId::BuildImage
            | StepId::PushImage
            | StepId::Lock
            | StepId::RollBack => Ok(()),
        }
    }

    /// Proves what runs already, and changes nothing.
    pub(super) async fn confirm(&mut self) -> Result<(), Error> {
        let label = self.request.source.label();
        let running = format!("`{label}` runs already");
        self.gate = Some(self.new_gate(None));
        unchanged(self.scene.steps, StepId::Update, running).await?;
        let sight = self.look().await?;
        let look = Look {
            sight: Some(&sight),
            probe: None,
            time_is_over: false,
        };
        let answer = self.gate.as_mut().map(|gate| gate.look(&look));
        match answer {
            Some(Answer::Next { shown }) => {
                unchanged(self.scene.steps, StepId::Prove, shown).await?;
            }
            _ => self.prove().await?,
        }
        self.probe().await
    }

    /// Builds the image on this machine, to find out early whether it builds. Takes no lock.
    pub(super) async fn build_image(&mut self) -> Result<(), Error> {
        let Source::Commit(candidate) = self.request.source else {
            return Ok(());
        };
        if matches!(candidate.form, Form::Image(_)) {
            // `push_image` has brought it to its registry.
            return candidate.expect_final();
        }
        let scene = self.home;
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
                Ok::<_, Error>(Ended::done(
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

    async fn make_bundle(&mut self, planned: &PlannedStep) -> Result<(), Error> {
        let Source::Commit(candidate) = self.request.source else {
            return Ok(());
        };
        let digest = candidate.layout.digest();
        let scene = self.home;
        let packing = self.packing.take();
        let (place, bundle) = scene
            .steps
            .run(StepId::Bundle, async {
                let place = self.bundle_place(digest).await?;
                if planned.action == Action::Reuse && scene.is_uploaded(&place, digest).await? {
                    return Ok(Ended::unchanged((place, None), planned.what.clone()));
                }
                let packing = packing.unwrap_or_else(|| self.pack(candidate));
                let bundle = packing.finish().await?;
                let message = format!("{} files, {}", bundle.files(), size_text(bundle.size()));
                Ok::<_, Error>(Ended::done((place, Some(bundle)), message))
            })
            .await?;
        self.place = Some(place);
        self.bundle = bundle;
        Ok(())
    }

    async fn upload(&mut self) -> Result<(), Error> {
        let (Source::Commit(candidate), Some(place)) = (self.request.source, self.place.clone())
        else {
            return Err(Error::Unplanned("uploading"));
        };
        let scene = self.home;
        let digest = candidate.layout.digest();
        let bundle = self.bundle.take();
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
        if let Some(bundle) = bundle {
            self.create("bundle", place.to_string());
            self.keep(bundle, candidate.layout.clone());
        }
        Ok(())
    }

    async fn create_version(&mut self) -> Result<(), Error> {
        let (Source::Commit(candidate), Some(place)) = (self.request.source, &self.place) else {
            return Err(Error::Unplanned("creating the version"));
        };
        let wanted = WantedVersion {
            label: &candidate.label,
            description: &candidate.commit.subject,
            place,
            process: candidate.layout.has_own_extensions(),
        };
        let is_new = self
            .home
            .steps
            .run(StepId::Version, self.home.ensure_version(&wanted))
            .await?;
        if is_new {
            self.create("application version", candidate.label.to_string());
        }
        Ok(())
    }

    /// Changes settings, in an update of their own. From here on the environment is touched.
    async fn configure(&mut self) -> Result<(), Error> {
        let scene = self.scene;
        let sight = scene.wait_until_ready(StepId::Configure).await?;
        self.touching(Baseline::of(&sight)).await?;
        if self.configured.is_none() {
            self.configured = Some(self.change.restore.clone());
        }
        let work = scene.configure(&self.change, StepId::Configure);
        scene.steps.run(StepId::Configure, work).await
    }

    /// Takes away what the proven version does not need, and proves it again.
    async fn remove_settings(&mut self) -> Result<(), Error> {
        let scene = self.scene;
        let change = self.change.clone();
        if self.configured.is_none() {
            self.configured = Some(change.restore.clone());
        }
        let expectation = self.expectation(None);
        scene
            .steps
            .run(StepId::RemoveSettings, async {
                let sight = scene.wait_until_ready(StepId::RemoveSettings).await?;
                let baseline = Baseline::of(&sight);
                self.touching(baseline).await?;
                let ended = scene
                    .finish_removals(&change, StepId::RemoveSettings)
                    .await?;
                let mut gate = Gate::new(expectation, None);
                scene.prove(&mut gate, StepId::RemoveSettings).await?;
                Ok::<_, Error>(ended)
            })
            .await
    }

    /// Moves the environment to the version and follows it until it is Ready.
    async fn update(&mut self, action: Action) -> Result<(), Error> {
        let scene = self.scene;
        if self.standing == Standing::Applied || action == Action::Reuse {
            let label = self.request.source.label();
            let after = self.touched.as_ref().and_then(|it| it.newest_deployment);
            self.gate = Some(self.new_gate(after));
            self.is_settled = true;
            return unchanged(scene.steps, StepId::Update, format!("`{label}` is there")).await;
        }
        let gate = scene
            .steps
            .run(StepId::Update, async {
                let (sent, baseline) = match action {
                    Action::Join => self.joined().await?,
                    _ => self.sent().await?,
                };
                let expectation = self.expectation(baseline.newest_deployment);
                let followed = scene
                    .follow(
                        &sent,
                        expectation,
                        baseline.instances,
                        StepId::Update,
                        &mut self.errors,
                    )
                    .await;
                self.release_step = scene.release_step(&sent);
                followed?;
                let gate = self.new_gate(baseline.newest_deployment);
                let environment = &scene.project.environment;
                let message = match self.errors.last() {
                    None => format!("`{environment}` is Ready"),
                    Some(error) => format!(
                        "`{environment}` is Ready, and Beanstalk said: {}",
                        error.message
                    ),
                };
                Ok::<_, Error>(Ended::done(gate, message))
            })
            .await?;
        self.gate = Some(gate);
        self.is_settled = true;
        Ok(())
    }

    /// Sends the update. From here on the environment is touched.
    async fn sent(&mut self) -> Result<(Sent, Baseline), Error> {
        let scene = self.scene;
        let sight = scene.wait_until_ready(StepId::Update).await?;
        let baseline = Baseline::of(&sight);
        self.touching(baseline.clone()).await?;
        let was_touched = self.configured.is_some() || self.resumed.is_some();
        let label = self.request.source.label();
        let release = scene.watch_release().await;
        self.remember_release_log(release.as_ref()).await;
        match scene.send_update(label, release, StepId::Update).await {
            Ok(sent) => Ok((sent, baseline)),
            Err(error) => {
                if is_refusal(&error) && !was_touched {
                    // AWS has said no, and so the environment is as it was.
                    self.touched = None;
                }
                Err(error)
            }
        }
    }

    /// The update that a former run has sent and that goes on.
    async fn joined(&mut self) -> Result<(Sent, Baseline), Error> {
        let sight = self.look().await?;
        let begun = sight
            .environment
            .and_then(|environment| environment.updated);
        let events = EventFilter {
            request: None,
            begun,
        };
        let baseline = self.touched.clone().ok_or(Error::Unplanned("joining"))?;
        let release = self.former_release_watch().map(Arc::new);
        Ok((Sent { events, release }, baseline))
    }

    async fn prove(&mut self) -> Result<(), Error> {
        let scene = self.scene;
        let mut gate = self.gate.take().ok_or(Error::Unplanned("proving"))?;
        let proven = scene
            .steps
            .run(StepId::Prove, async {
                let shown = scene.prove(&mut gate, StepId::Prove).await?;
                Ok::<_, Error>(Ended::done((), shown))
            })
            .await;
        self.gate = Some(gate);
        proven
    }

    async fn probe(&mut self) -> Result<(), Error> {
        let scene = self.scene;
        let url = self.url.clone();
        let mut gate = self.gate.take().ok_or(Error::Unplanned("probing"))?;
        let probed = scene
            .steps
            .run(StepId::Probe, async {
                match &url {
                    None => Ok(Ended::skipped((), "the load balancer is not public")),
                    Some(url) => {
                        let shown = scene.probe(&mut gate, url, StepId::Probe).await?;
                        Ok::<_, Error>(Ended::done((), format!("{url} is {shown}")))
                    }
                }
            })
            .await;
        self.gate = Some(gate);
        probed
    }

    async fn soak(&mut self) -> Result<(), Error> {
        let scene = self.scene;
        let url = self.url.clone();
        let mut gate = self.gate.take().ok_or(Error::Unplanned("soaking"))?;
        let soaked = scene
            .steps
            .run(StepId::Soak, async {
                let shown = scene.soak(&mut gate, url.as_ref(), StepId::Soak).await?;
                Ok::<_, Error>(Ended::done((), shown))
            })
            .await;
        self.gate = Some(gate);
        soaked
    }

    /// Removes old versions and bundles. The release is proven by now: trouble is a warning.
    async fn prune(&mut self) -> Result<(), Error> {
        let home = self.home;
        let keep = home.project.deployment.keep_versions;
        home.steps
            .run(StepId::Prune, async {
                let ledger = self.ledger(self.bucket().await?);
                Ok(match prune(&ledger, keep).await {
                    Ok(report) if report.is_empty() => Ended::unchanged((), report.to_string()),
                    Ok(report) => Ended::done((), report.to_string()),
                    Err(Error::Interrupted) => return Err(Error::Interrupted),
                    Err(error) => {
                        let why = format!("left to the next release: {error}");
                        home.steps
                            .reporter()
                            .warn(format!("Old versions stay: {error}."));
                        Ended::skipped((), why)
                    }
                })
            })
            .await
    }

    pub(super) fn new_gate(&self, after_deployment: Option<i64>) -> Gate {
        let probes = self
            .url
            .as_ref()
            .map(|_| self.home.project.health.successes);
        Gate::new(self.expectation(after_deployment), probes)
    }

    pub(super) fn create(&mut self, kind: &str, name: String) {
        self.created.push(Created {
            kind: kind.to_owned(),
            name,
        });
    }
}

/// True for a step after which an environment is not as it was.
fn changes_the_environment(step: StepId) -> bool {
    !matches!(
        step,
        StepId::Migrations | StepId::Bundle | StepId::Upload | StepId::Version
    )
}

/// True if the environment is certainly as it was: AWS refused the change, or was never asked.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Cloud { source, .. } => !matches!(
            source.kind,
            Kind::Network | Kind::Service | Kind::OutOfTime | Kind::Interrupted
        ),
        Error::Busy { .. } | Error::EnvironmentGone { .. } | Error::Interrupted => true,
        _ => false,
    }
}

/// A step that had nothing to do.
pub(super) async fn unchanged(steps: &Steps, step: StepId, message: String) -> Result<(), Error> {
    steps
        .run(step, async { Ok(Ended::unchanged((), message)) })
        .await
}
