//! The environment without traffic: created like the live one, or levelled with it, and let in where
//! the live one is let in.

use std::collections::BTreeMap;

use beanpole_cloud::{
    EnvironmentDescription, EnvironmentStatus, Kind, NewEnvironment, OptionName, OptionSetting,
    Rule, SecurityGroup, Source,
};
use beanpole_model::EnvironmentName;
use beanpole_provision::{levelling, pair};
use jiff::Timestamp;

use super::Colours;
use crate::configuration::OptionSets;
use crate::deadline;
use crate::error::Error;
use crate::news::News;
use crate::observation::EnvironmentState;
use crate::poll::Poll;
use crate::scene::{EventFilter, Scene};
use crate::step::{Ended, StepId};

/// The namespace of instance settings, with the option that lists security groups.
const LAUNCH: &str = "aws:autoscaling:launchconfiguration";

/// How often the environment is looked at anew before we give up: it may be going, be made by
/// another run, or be gone again.
const ATTEMPTS: usize = 4;

/// The environment that a release may be made on without anyone noticing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Green {
    /// Its name.
    pub environment: EnvironmentName,
    /// True if this run created it.
    pub created: bool,
}

/// What has to be done so that there is an environment to release on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Preparation {
    /// There is none: create it.
    Create,
    /// An earlier run, or another one, is creating it: wait.
    Await,
    /// It is there.
    Reuse,
    /// It is going away: wait, then create it.
    Outlast,
}

fn preparation(green: Option<&EnvironmentDescription>) -> Preparation {
    match green.map(|green| &green.status) {
        None | Some(EnvironmentStatus::Terminated) => Preparation::Create,
        Some(EnvironmentStatus::Terminating) => Preparation::Outlast,
        Some(EnvironmentStatus::Launching) => Preparation::Await,
        Some(_) => Preparation::Reuse,
    }
}

impl Scene<'_> {
    /// Sees to it that the idle environment exists, is Ready, has the live one's settings, and is let
    /// in by every security group that lets the live one in. Its version is left as it is.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] when the live environment cannot have a second one; [`Error::OutOfTime`];
    /// [`Error::EnvironmentGone`]; [`Error::ConfigurationNotKept`]; [`Error::Cloud`];
    /// [`Error::Interrupted`].
    pub async fn prepare_green(
        &self,
        colours: &Colours,
        step: StepId,
    ) -> Result<Ended<Green>, Error> {
        let blue_project = pair::project_of(self.project, &colours.live);
        let blue = self.on(&blue_project);
        let sets = blue.option_sets().await?;
        if let Some(why) = hindrance(&sets.in_force) {
            return Err(Error::Unsuitable {
                environment: colours.live.to_string(),
                why,
            });
        }
        let green_project = pair::project_of(self.project, &colours.idle);
        let green = self.on(&green_project);
        let (description, created) = self.ensure_green(colours, &green, &sets, step).await?;
        if !created {
            green
                .level(&colours.blue, &sets, &description, step)
                .await?;
        }
        let rules = self.let_in(&colours.blue.id, &description.id).await?;
        let name = &colours.idle;
        let how = if created { "created" } else { "reused" };
        let value = Green {
            environment: name.clone(),
            created,
        };
        let message = match rules {
            0 => format!("`{name}` is {how}; `{}` is live", colours.live),
            _ => format!(
                "`{name}` is {how} and let in by {rules} more rules; `{}` is live",
                colours.live
            ),
        };
        Ok(Ended::done(value, message))
    }

    /// The idle environment, Ready; true if this run created it.
    async fn ensure_green(
        &self,
        colours: &Colours,
        green: &Scene<'_>,
        sets: &OptionSets,
        step: StepId,
    ) -> Result<(EnvironmentDescription, bool), Error> {
        let mut created = false;
        for _ in 0..ATTEMPTS {
            let found = green.described().await?;
            match (preparation(found.as_ref()), found) {
                (Preparation::Reuse, Some(found)) => {
                    green.wait_until_ready(step).await?;
                    return Ok((found, created));
                }
                (Preparation::Await, _) => {
                    green.await_launch(&EventFilter::default(), step).await?;
                }
                (Preparation::Outlast, _) => {
                    self.progress(step, format!("waiting until `{}` is gone", colours.idle));
                    green.await_end(step).await?;
                }
                (Preparation::Create | Preparation::Reuse, _) => {
                    let new = self.new_green(colours, sets).await?;
                    self.progress(step, format!("creating `{}`", colours.idle));
                    let events = green.create(&new).await?;
                    created = events.is_some();
                    green
                        .await_launch(&events.unwrap_or_default(), step)
                        .await?;
                }
            }
        }
        Err(Error::EnvironmentGone {
            environment: colours.idle.to_string(),
            state: "gone again".to_owned(),
        })
    }

    /// The idle environment as it will be: the live one's settings, tags and platform, AWS's sample
    /// application, and a public name that is nobody's.
    async fn new_green(
        &self,
        colours: &Colours,
        sets: &OptionSets,
    ) -> Result<NewEnvironment, Error> {
        let (project, blue) = (self.project, &colours.blue);
        let missing = |why| Error::Unsuitable {
            environment: colours.live.to_string(),
            why,
        };
        let platform = blue.platform_arn.clone();
        let platform = platform.ok_or_else(|| missing("AWS names no platform for it"))?;
        let beanstalk = &self.cloud.beanstalk;
        let defaults = self
            .patiently("reading the options' defaults", || {
                beanstalk.option_defaults(&project.application, &colours.live)
            })
            .await?;
        let tags = match &blue.arn {
            None => BTreeMap::new(),
            Some(arn) => {
                self.patiently("reading the tags", || beanstalk.tags(arn))
                    .await?
            }
        };
        let own_group = self.own_group(&blue.id).await?;
        let account = &self.cloud.identity.account;
        Ok(NewEnvironment {
            application: project.application.clone(),
            name: colours.idle.clone(),
            description: format!("the second environment of {}", project.environment),
            cname_prefix: Some(pair::idle_label(project, account)),
            platform_arn: platform,
            version_label: None,
            settings: beyond_defaults(comparable(&sets.in_force, own_group.as_ref()), &defaults),
            tags: inherited(tags),
        })
    }

    /// Asks for the creation; none if another run was faster.
    async fn create(&self, new: &NewEnvironment) -> Result<Option<EventFilter>, Error> {
        let doing = "creating the second environment";
        let made = self
            .repeatedly(doing, || async {
                // Not to be given up half way: what was begun has to be waited for.
                match Box::pin(self.cloud.beanstalk.create_environment(new)).await {
                    Ok(started) => Ok(Some(EventFilter {
                        request: started.request_id,
                        begun: started.environment.updated,
                    })),
                    Err(error) if error.kind == Kind::AlreadyExists => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .await?;
        Ok(made)
    }

    /// Waits until the environment is no longer being launched. Healthy or not is for the release on
    /// it to find out.
    async fn await_launch(&self, events: &EventFilter, step: StepId) -> Result<(), Error> {
        let mut poll = Poll::new(self, deadline::creation(&self.project.deployment));
        let mut news = News::default();
        let mut seen_once = false;
        loop {
            let (environment, told) = self
                .seen(async { tokio::join!(self.environment(), self.events(events)) })
                .await?;
            for event in news.take(&told) {
                self.show_event(step, &event);
            }
            let trouble = match environment {
                Err(trouble) => Some(trouble),
                Ok(Some(environment)) => match environment.state {
                    EnvironmentState::Ready => return Ok(()),
                    EnvironmentState::Ending(state) => return Err(self.gone(&state)),
                    EnvironmentState::Busy(_) => {
                        seen_once = true;
                        None
                    }
                },
                // A list may be older than the answer to the creation.
                Ok(None) if seen_once => return Err(self.gone("gone")),
                Ok(None) => None,
            };
            let doing = "following the creation";
            poll.next(self, doing, trouble, |limit| self.out_of_time(limit))
                .await?;
        }
    }

    /// Gives a kept environment the live one's settings, in an update of their own. The scene is that
    /// of the kept one.
    async fn level(
        &self,
        blue: &EnvironmentDescription,
        sets: &OptionSets,
        own: &EnvironmentDescription,
        step: StepId,
    ) -> Result<(), Error> {
        if own.platform_arn != blue.platform_arn {
            let platform = own.platform_arn.as_deref().unwrap_or("an unknown platform");
            self.progress(step, format!("`{}` keeps {platform}", own.name));
        }
        let (blue_group, own_group) = (
            self.own_group(&blue.id).await?,
            self.own_group(&own.id).await?,
        );
        let present = self.option_sets().await?;
        let change = levelling(
            &comparable(&sets.in_force, blue_group.as_ref()),
            &comparable(&present.in_force, own_group.as_ref()),
        );
        self.ensure_options(&change.whole(), step).await.map(drop)
    }

    /// Lets the new environment in wherever the live one is let in. Returns how many rules were added.
    async fn let_in(&self, blue: &str, green: &str) -> Result<usize, Error> {
        let (Some(from), Some(to)) = (self.own_group(blue).await?, self.own_group(green).await?)
        else {
            // An environment without a group of its own is let in through those that its settings
            // name, and these are the same.
            return Ok(0);
        };
        let network = &self.cloud.network;
        let groups = self
            .patiently("reading the security groups", || {
                network.groups_admitting(&from.id)
            })
            .await?;
        let mut added = 0;
        for (group, rule) in doors(&groups, &from.id, blue, &to.id) {
            let is_new = self
                .patiently("letting the second environment in", || {
                    network.authorize_ingress(&group, &rule)
                })
                .await?;
            added += usize::from(is_new);
        }
        Ok(added)
    }

    /// The security group of an environment's instances, by the environment's id.
    pub(super) async fn own_group(&self, id: &str) -> Result<Option<SecurityGroup>, Error> {
        self.patiently("looking for the security group", || {
            self.cloud.network.environment_security_group(id)
        })
        .await
    }

    /// The environment as AWS describes it; none if there is none.
    pub(super) async fn described(&self) -> Result<Option<EnvironmentDescription>, Error> {
        let project = self.project;
        self.patiently("reading the environment", || {
            self.cloud
                .beanstalk
                .environment(&project.application, &project.environment)
        })
        .await
    }

    /// Waits until the environment is gone, or Ready again because AWS could not end it. Returns true
    /// if it is gone. Beanstalk's errors are told as they come.
    pub(super) async fn await_end(&self, step: StepId) -> Result<bool, Error> {
        self.await_end_since(None, step, &mut News::default()).await
    }

    /// The same, with the events since a moment.
    pub(super) async fn await_end_since(
        &self,
        begun: Option<Timestamp>,
        step: StepId,
        news: &mut News,
    ) -> Result<bool, Error> {
        let events = EventFilter {
            request: None,
            begun,
        };
        let mut poll = Poll::new(self, deadline::termination());
        loop {
            let (environment, told) = self
                .seen(async { tokio::join!(self.environment(), self.events(&events)) })
                .await?;
            for event in news.take(&told) {
                self.show_event(step, &event);
            }
            let trouble = match environment {
                Err(trouble) => Some(trouble),
                Ok(None) => return Ok(true),
                Ok(Some(environment)) => match environment.state {
                    EnvironmentState::Ready => return Ok(false),
                    EnvironmentState::Ending(_) | EnvironmentState::Busy(_) => None,
                },
            };
            let doing = "following the termination";
            poll.next(self, doing, trouble, |limit| self.out_of_time(limit))
                .await?;
        }
    }
}

/// Why a live environment cannot have a second one.
fn hindrance(settings: &[OptionSetting]) -> Option<&'static str> {
    let coupled = settings.iter().any(|own| {
        own.namespace == "aws:rds:dbinstance" && own.name == "DBEngine" && !own.value.is_empty()
    });
    // A second environment would get a database of its own, and an empty one.
    coupled.then_some("its database belongs to it, and a second environment would not have it")
}

/// Settings as they can be given to another environment: without what AWS computes for this one, and
/// without its own security group, which AWS lists among those that were asked for.
fn comparable(settings: &[OptionSetting], own_group: Option<&SecurityGroup>) -> Vec<OptionSetting> {
    let is_own = |group: &str| {
        own_group.is_some_and(|own| group == own.id || group == own.name)
            || group.starts_with("awseb-")
    };
    settings
        .iter()
        .filter(|own| {
            own.namespace != "aws:cloudformation:template:parameter"
                && !own.namespace.starts_with("aws:rds:")
        })
        .map(|own| {
            if own.namespace != LAUNCH || own.name != "SecurityGroups" {
                return own.clone();
            }
            let kept: Vec<&str> = own
                .value
                .split(',')
                .map(str::trim)
                .filter(|group| !group.is_empty() && !is_own(group))
                .collect();
            OptionSetting::new(LAUNCH, "SecurityGroups", kept.join(","))
        })
        .filter(|own| !own.value.is_empty())
        .collect()
}

/// Settings that say more than the defaults. A default that is given explicitly would hide what the
/// bundle's `.ebextensions` say (developer guide, "Precedence").
fn beyond_defaults(
    settings: Vec<OptionSetting>,
    defaults: &BTreeMap<OptionName, String>,
) -> Vec<OptionSetting> {
    let is_default = |own: &OptionSetting| {
        defaults.get(&OptionName::new(&own.namespace, &own.name)) == Some(&own.value)
    };
    settings
        .into_iter()
        .filter(|own| !is_default(own))
        .collect()
}

/// The tags that an environment can pass on: AWS gives each its own `Name` and ids.
fn inherited(tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
    tags.into_iter()
        .filter(|(key, _)| {
            key != "Name" && !key.starts_with("elasticbeanstalk:") && !key.starts_with("aws:")
        })
        .collect()
}

/// The rules that let the live environment's instances in, made out to the other's: which group gets
/// which. Groups of the live environment's own stack are left out: they come with the other's stack.
pub(super) fn doors(
    groups: &[SecurityGroup],
    from: &str,
    environment_id: &str,
    to: &str,
) -> Vec<(String, Rule)> {
    let own = format!("awseb-{environment_id}-");
    groups
        .iter()
        .filter(|group| !group.name.starts_with(&own))
        .flat_map(|group| {
            let rules = group.ingress.iter();
            rules
                .filter(|rule| matches!(&rule.source, Source::Group(id) if id == from))
                .map(|rule| {
                    let rule = Rule {
                        source: Source::Group(to.to_owned()),
                        ..rule.clone()
                    };
                    (group.id.clone(), rule)
                })
        })
        .collect()
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
