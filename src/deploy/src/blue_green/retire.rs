//! The old environment after the swap: kept for the next release, or terminated when its time is up.
//!
//! Rules: the live one is never terminated. Security groups that let the old one in are freed of it
//! first: AWS cannot delete a group that another one names, and the termination would fail half way.

use beanpole_cloud::Kind;
use beanpole_model::EnvironmentName;
use beanpole_provision::pair;
use jiff::Timestamp;

use super::prepare::doors;
use crate::deadline;
use crate::error::Error;
use crate::news::News;
use crate::observation::EnvironmentState;
use crate::scene::Scene;
use crate::step::{Ended, StepId};

/// How often a termination is asked for.
const ATTEMPTS: usize = 2;

impl Scene<'_> {
    /// Ends the old environment as the manifest says: leaves it to the next release, or terminates it
    /// after its time. Interrupted meanwhile, it stays, and the next release reuses it.
    ///
    /// # Errors
    /// Those of [`Scene::terminate_idle`].
    pub async fn retire(&self, old: &EnvironmentName, step: StepId) -> Result<Ended<()>, Error> {
        let keep = self.project.deployment.blue_green.keep;
        let Some(time) = deadline::kept(keep) else {
            let message =
                format!("`{old}` is kept for the way back, and reused by the next release");
            return Ok(Ended::skipped((), message));
        };
        let minutes = time.as_secs().div_ceil(60);
        self.progress(step, format!("keeping `{old}` for {minutes} minutes"));
        self.pause(time).await?;
        self.terminate_idle(old, step).await
    }

    /// Terminates the environment of the pair that is not live, and waits until it is gone.
    ///
    /// # Errors
    /// [`Error::StillLive`]; [`Error::NotTerminated`] when AWS could not; [`Error::OutOfTime`];
    /// [`Error::Cloud`]; [`Error::Interrupted`].
    pub async fn terminate_idle(
        &self,
        old: &EnvironmentName,
        step: StepId,
    ) -> Result<Ended<()>, Error> {
        let project = pair::project_of(self.project, old);
        let idle = self.on(&project);
        let mut news = News::default();
        let mut attempts = 0;
        let mut begun = None;
        loop {
            let Some(found) = idle.described().await? else {
                return Ok(match attempts {
                    0 => Ended::unchanged((), format!("`{old}` is gone")),
                    _ => Ended::done((), format!("`{old}` is terminated")),
                });
            };
            if self.live_environment().await?.live == *old {
                return Err(Error::StillLive {
                    environment: old.to_string(),
                });
            }
            match EnvironmentState::from(&found.status) {
                EnvironmentState::Ending(_) => {}
                EnvironmentState::Busy(_) => {
                    idle.wait_until_ready(step).await?;
                    continue;
                }
                EnvironmentState::Ready if attempts >= ATTEMPTS => {
                    let told = news.errors();
                    return Err(Error::NotTerminated {
                        environment: old.to_string(),
                        events: told.into_iter().map(|event| event.message).collect(),
                    });
                }
                EnvironmentState::Ready => {
                    attempts += 1;
                    idle.shut_out(&found.id).await?;
                    match idle.terminate().await? {
                        // Someone was faster: it is looked at anew.
                        None => attempts -= 1,
                        Some(at) => begun = at,
                    }
                    idle.pause(deadline::POLL).await?;
                }
            }
            idle.await_end_since(begun, step, &mut news).await?;
        }
    }

    /// Asks for the termination; none if the environment is busy with something else, otherwise when
    /// it was begun, as far as AWS says.
    async fn terminate(&self) -> Result<Option<Option<Timestamp>>, Error> {
        let project = self.project;
        self.repeatedly("terminating the old environment", || async {
            let beanstalk = &self.cloud.beanstalk;
            let call = beanstalk.terminate(&project.application, &project.environment);
            match Box::pin(call).await {
                Ok(started) => Ok(Some(started.environment.updated)),
                Err(error) if error.kind == Kind::NotFound => Ok(Some(None)),
                Err(error) if error.kind == Kind::Busy => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Takes the environment's instances out of every security group that lets them in.
    async fn shut_out(&self, id: &str) -> Result<(), Error> {
        let Some(own) = self.own_group(id).await? else {
            return Ok(());
        };
        let network = &self.cloud.network;
        let groups = self
            .patiently("reading the security groups", || {
                network.groups_admitting(&own.id)
            })
            .await?;
        for (group, rule) in doors(&groups, &own.id, id, &own.id) {
            self.patiently("shutting the old environment out", || {
                network.revoke_ingress(&group, &rule)
            })
            .await?;
        }
        Ok(())
    }
}
