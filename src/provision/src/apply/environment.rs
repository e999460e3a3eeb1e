//! The application and its environment.

use std::collections::BTreeSet;
use std::time::Duration;

use beanpole_cloud::{
    BeanstalkEvent, Color, EnvironmentDescription, EventQuery, EventSeverity, Kind as Failure,
    NewEnvironment, OptionSetting, UpdateEnvironment,
};

use beanpole_model::EnvironmentName;

use super::Context;
use super::wait::{ENVIRONMENT_CHANGE, ENVIRONMENT_CREATION, Look};
use crate::error::Error;
use crate::names;
use crate::observe::newest;
use crate::plan::{Action, Change};
use crate::settings::{Setting, declared, differences};
use crate::status::{self, Phase};

/// How many looks in a row must find a resting environment red before it counts as failed. Health
/// lags behind the status: right after a change it may still show what was before.
const RED_LOOKS: u32 = 4;
/// How many looks in a row may find a resting environment without data before it counts as done.
const GREY_LOOKS: u32 = 12;
/// How many times a change is asked for when something else keeps the environment busy.
const ATTEMPTS: usize = 5;

impl Context<'_> {
    /// The environment that is worked on: of a pair the live one.
    fn name(&self) -> &EnvironmentName {
        self.observed.environment_name(self.project)
    }

    pub(super) async fn application(&self, change: &Change) -> Result<(), Error> {
        let tags = names::tags(self.project);
        let name = &self.project.application;
        let made = self
            .cloud
            .beanstalk
            .create_application(name, "", &tags)
            .await;
        match made {
            Err(error) if error.kind == Failure::AlreadyExists => Ok(()),
            other => other
                .map(drop)
                .map_err(Error::cloud(format!("creating {}", change.resource))),
        }
    }

    /// Creates or changes the environment, and waits until it is at rest and not red. Returns its id.
    pub(super) async fn environment(
        &self,
        change: &Change,
        step: &str,
    ) -> Result<Option<String>, Error> {
        let settings = self.with_state(|state| declared(self.project, &self.references(state)));
        let id = if change.action == Action::Create {
            self.create_environment(change, step, &settings).await?
        } else {
            self.begun(step, format!("working on {}", change.resource));
            // An earlier run began the launch; it is judged as that run would have.
            let launching = change
                .fields
                .iter()
                .any(|field| field.name == "status" && field.from.as_deref() == Some("Launching"));
            let found = self
                .at_rest(change, step, ENVIRONMENT_CREATION, None, launching)
                .await?;
            // An environment that was red before is not red because of the change.
            let judge = found.health != Color::Red;
            self.configure(change, step, &settings, judge).await?;
            found.id
        };
        Ok(Some(id))
    }

    async fn create_environment(
        &self,
        change: &Change,
        step: &str,
        settings: &[Setting],
    ) -> Result<String, Error> {
        let platform = self
            .observed
            .platform
            .as_ref()
            .ok_or_else(|| Error::Missing {
                what: format!("platform `{}`", self.project.platform.branch),
            })?;
        let new = NewEnvironment {
            application: self.project.application.clone(),
            name: self.project.environment.clone(),
            description: format!("made by beanpole for {}", self.project.environment_key),
            cname_prefix: self.project.cname_prefix.clone(),
            platform_arn: platform.arn.clone(),
            version_label: None,
            settings: option_settings(settings)?,
            tags: names::tags(self.project),
        };
        let request = match self.cloud.beanstalk.create_environment(&new).await {
            Ok(started) => started.request_id,
            Err(error) if error.kind == Failure::AlreadyExists => None,
            Err(error) => {
                return Err(Error::cloud(format!("creating {}", change.resource))(error));
            }
        };
        self.begun(step, format!("launching {}", change.resource));
        let found = self
            .at_rest(change, step, ENVIRONMENT_CREATION, request, true)
            .await?;
        Ok(found.id)
    }

    /// Sends what still differs, waits, and looks whether AWS kept it: a change that fails on the
    /// instances is taken back without an error.
    async fn configure(
        &self,
        change: &Change,
        step: &str,
        settings: &[Setting],
        judge: bool,
    ) -> Result<(), Error> {
        let platform = change
            .fields
            .iter()
            .find(|field| field.name == "platform")
            .and_then(|field| field.to.clone());
        for _ in 0..ATTEMPTS {
            let differing = self.differing(settings).await?;
            if differing.is_empty() && platform.is_none() {
                return Ok(());
            }
            let mut update = UpdateEnvironment::configure(
                self.project.application.clone(),
                self.name().clone(),
                option_settings(&differing)?,
                Vec::new(),
            );
            update.platform_arn.clone_from(&platform);
            let request = match self.cloud.beanstalk.update_environment(&update).await {
                Ok(started) => started.request_id,
                // Something else was faster; wait for it, then look again at what differs.
                Err(error) if error.kind == Failure::Busy => {
                    self.at_rest(change, step, ENVIRONMENT_CHANGE, None, false)
                        .await?;
                    continue;
                }
                Err(error) => {
                    return Err(Error::cloud(format!("changing {}", change.resource))(error));
                }
            };
            self.at_rest(change, step, ENVIRONMENT_CHANGE, request.clone(), judge)
                .await?;
            let left = self.differing(settings).await?;
            if left.is_empty() {
                return Ok(());
            }
            let mut causes: Vec<String> = left
                .iter()
                .map(|setting| format!("not taken: {}", setting.full_name()))
                .collect();
            causes.extend(self.complaints(request).await);
            return Err(Error::NotTaken {
                resource: change.resource.clone(),
                causes,
            });
        }
        Err(Error::OutOfTime {
            resource: change.resource.clone(),
            status: "kept busy by other changes".to_owned(),
            waited: ENVIRONMENT_CHANGE,
        })
    }

    /// The declared settings that are not in force.
    async fn differing(&self, settings: &[Setting]) -> Result<Vec<Setting>, Error> {
        let name = self.name();
        let sets = self
            .cloud
            .beanstalk
            .settings(&self.project.application, name)
            .await;
        let sets = sets.map_err(Error::cloud(format!("reading the settings of `{name}`")))?;
        let in_force: Vec<OptionSetting> = newest(sets).map(|set| set.settings).unwrap_or_default();
        let names: BTreeSet<String> = differences(settings, &in_force)
            .into_iter()
            .map(|field| field.name)
            .collect();
        Ok(settings
            .iter()
            .filter(|setting| names.contains(&setting.full_name()))
            .cloned()
            .collect())
    }

    /// Waits until the environment is at rest. With `judge`, it must not be red then.
    async fn at_rest(
        &self,
        change: &Change,
        step: &str,
        longest: Duration,
        request: Option<String>,
        judge: bool,
    ) -> Result<EnvironmentDescription, Error> {
        let mut red = 0;
        let mut grey = 0;
        let mut told = BTreeSet::new();
        let doing = || format!("looking at {}", change.resource);
        let look = async || {
            let name = self.name();
            self.tell_events(step, request.as_deref(), &mut told).await;
            let found = self
                .cloud
                .beanstalk
                .environment(&self.project.application, name)
                .await;
            let Some(found) = found.map_err(Error::cloud(doing()))? else {
                return Ok(Look::NotYet("not listed".to_owned()));
            };
            // Kept at once, so that an interruption can name it.
            self.with_state(|state| {
                state.environment_id = Some(found.id.clone());
                state.cname.clone_from(&found.cname);
            });
            let status = found.status.to_string();
            match status::environment(&status) {
                Phase::Settled => {}
                Phase::Moving => return Ok(Look::NotYet(status)),
                Phase::Broken | Phase::Leaving => {
                    return Ok(Look::Broken(status, self.complaints(request.clone()).await));
                }
            }
            if !judge {
                return Ok(Look::Done(found));
            }
            match found.health {
                Color::Red => {
                    (red, grey) = (red + 1, 0);
                    if red >= RED_LOOKS {
                        let mut causes = self.causes().await;
                        causes.extend(self.complaints(request.clone()).await);
                        return Ok(Look::Broken(format!("{status}, and red"), causes));
                    }
                }
                Color::Grey => {
                    (red, grey) = (0, grey + 1);
                    if grey >= GREY_LOOKS {
                        self.reporter.warn(format!(
                            "{} is {status}, and its health is still unknown",
                            change.resource
                        ));
                        return Ok(Look::Done(found));
                    }
                }
                Color::Green | Color::Yellow | Color::Other(_) => return Ok(Look::Done(found)),
            }
            Ok(Look::NotYet(format!("{status}, {}", found.health)))
        };
        self.until(&change.resource, step, longest, look).await
    }

    /// Passes Beanstalk's own words on. They are news, not evidence: a failure to read them is no
    /// failure.
    async fn tell_events(
        &self,
        step: &str,
        request: Option<&str>,
        told: &mut BTreeSet<(Option<jiff::Timestamp>, String)>,
    ) {
        let Some(request) = request else { return };
        for event in self
            .events(Some(request.to_owned()), EventSeverity::Info)
            .await
        {
            if told.insert((event.at, event.message.clone())) {
                self.reporter.output(step, "beanstalk", event.message);
            }
        }
    }

    /// What Beanstalk found wrong during a request.
    async fn complaints(&self, request: Option<String>) -> Vec<String> {
        if request.is_none() {
            return Vec::new();
        }
        let events = self.events(request, EventSeverity::Warn).await;
        events.into_iter().map(|event| event.message).collect()
    }

    async fn events(
        &self,
        request: Option<String>,
        severity: EventSeverity,
    ) -> Vec<BeanstalkEvent> {
        let query = EventQuery {
            environment: Some(self.name().clone()),
            request_id: request,
            severity: Some(severity),
            ..EventQuery::default()
        };
        self.cloud
            .beanstalk
            .events(&query)
            .await
            .unwrap_or_default()
    }

    /// Why the environment is not well.
    async fn causes(&self) -> Vec<String> {
        let health = self.cloud.beanstalk.health(self.name()).await;
        health.map(|health| health.causes).unwrap_or_default()
    }
}

/// Settings as AWS takes them. By now every reference must be known.
fn option_settings(settings: &[Setting]) -> Result<Vec<OptionSetting>, Error> {
    settings
        .iter()
        .map(|setting| {
            let value = setting.value.clone().ok_or_else(|| Error::Missing {
                what: format!("the secret for `{}`", setting.name),
            })?;
            Ok(OptionSetting::new(&setting.namespace, &setting.name, value))
        })
        .collect()
}
