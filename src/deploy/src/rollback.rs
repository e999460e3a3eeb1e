//! The way back: the former version again, and proven again.
//!
//! Rules: nothing is built and nothing uploaded; the former version is still there. What Beanstalk
//! undid by itself (immutable and traffic-splitting updates) is not done twice. "Back" means as it
//! was: an environment that was healthy must be healthy again, one that was not must have its
//! version again. A first release has nothing to go back to, and says so: Beanstalk's sample
//! application has no version that could be deployed.

use beanpole_model::VersionLabel;
use beanpole_provision::OptionChange;

use crate::error::Error;
use crate::gate::Gate;
use crate::observation::Sight;
use crate::proof::{Expectation, Judgement, judge};
use crate::scene::Scene;
use crate::step::{Ended, StepId};
use crate::update::Baseline;

impl Scene<'_> {
    /// Brings the environment back to `baseline` after a failed release of `failed`.
    ///
    /// # Errors
    /// [`Error::NothingToGoBackTo`], [`Error::SomeoneElse`], and those of update and proof.
    pub(crate) async fn roll_back(
        &self,
        baseline: &Baseline,
        failed: &VersionLabel,
        settings: Option<&OptionChange>,
    ) -> Result<Ended<()>, Error> {
        let step = StepId::RollBack;
        let mut sight = self.wait_until_ready(step).await?;
        self.refuse_a_third_version(&sight, baseline, failed)?;
        // Settings first: the former version must not meet those of the new one.
        if let Some(former) = settings {
            self.restore_configuration(former, step).await?;
            sight = self.wait_until_ready(step).await?;
        }
        if baseline.version.as_deref() == Some(failed.as_str()) {
            // Only settings were changed, and they are back.
            return self.same_version_again(baseline, failed, &sight).await;
        }
        let former = self.way_back(baseline, failed).await?;
        let now = Baseline::of(&sight);
        let expectation = Expectation {
            version: former.to_string(),
            minimum_instances: self.project.instances.min.min(baseline.instances.max(1)),
            after_deployment: None,
            healthy: baseline.was_healthy,
        };
        let went_back_by_itself = matches!(judge(&expectation, &sight), Judgement::Proven { .. });
        let expectation = if went_back_by_itself {
            expectation
        } else {
            let release = self.watch_release().await;
            let sent = self.send_update(&former, release, step).await?;
            let expectation = Expectation {
                after_deployment: now.newest_deployment,
                ..expectation
            };
            let instances = now.instances.max(baseline.instances);
            self.follow(&sent, expectation.clone(), instances, step, &mut Vec::new())
                .await?;
            expectation
        };
        let url = self.health_url(&sight).filter(|_| baseline.was_healthy);
        let probes = url.as_ref().map(|_| self.project.health.successes);
        let mut gate = Gate::new(expectation, probes);
        self.prove(&mut gate, step).await?;
        if let Some(url) = &url {
            self.probe(&mut gate, url, step).await?;
        }
        let how = if went_back_by_itself {
            "Beanstalk went back by itself, and "
        } else {
            ""
        };
        let health = if baseline.was_healthy {
            "runs again and is healthy"
        } else {
            "runs again"
        };
        Ok(Ended::done((), format!("{how}`{former}` {health}")))
    }

    /// Proves the version that was there all along.
    async fn same_version_again(
        &self,
        baseline: &Baseline,
        version: &VersionLabel,
        sight: &Sight,
    ) -> Result<Ended<()>, Error> {
        if !baseline.was_healthy {
            return Err(Error::NothingToGoBackTo {
                former: baseline.version.clone(),
                why: "it is the version that failed",
            });
        }
        let expectation = Expectation {
            version: version.to_string(),
            minimum_instances: self.project.instances.min.min(baseline.instances.max(1)),
            after_deployment: None,
            healthy: true,
        };
        let url = self.health_url(sight);
        let mut gate = Gate::new(
            expectation,
            url.as_ref().map(|_| self.project.health.successes),
        );
        self.prove(&mut gate, StepId::RollBack).await?;
        if let Some(url) = &url {
            self.probe(&mut gate, url, StepId::RollBack).await?;
        }
        Ok(Ended::done(
            (),
            format!("the former settings of `{version}` are back and it is healthy"),
        ))
    }

    /// The version to go back to, if there is one.
    async fn way_back(
        &self,
        baseline: &Baseline,
        failed: &VersionLabel,
    ) -> Result<VersionLabel, Error> {
        let nothing = |why| Error::NothingToGoBackTo {
            former: baseline.version.clone(),
            why,
        };
        let Some(former) = &baseline.version else {
            return Err(nothing("the environment had no version"));
        };
        if former == failed.as_str() {
            return Err(nothing("it is the version that failed"));
        }
        let former =
            VersionLabel::new(former.clone()).map_err(|_| nothing("its label is not valid"))?;
        if self.version_exists(&former).await? {
            Ok(former)
        } else {
            Err(nothing("the application has no such version"))
        }
    }

    /// Someone may have released meanwhile. Theirs is not ours to undo.
    fn refuse_a_third_version(
        &self,
        sight: &Sight,
        baseline: &Baseline,
        failed: &VersionLabel,
    ) -> Result<(), Error> {
        let version = sight
            .environment
            .as_ref()
            .and_then(|environment| environment.version.as_deref());
        match version {
            Some(found)
                if Some(found) != baseline.version.as_deref() && found != failed.as_str() =>
            {
                Err(Error::SomeoneElse {
                    environment: self.project.environment.to_string(),
                    found: found.to_owned(),
                })
            }
            _ => Ok(()),
        }
    }
}
