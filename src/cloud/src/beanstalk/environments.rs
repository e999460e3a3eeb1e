//! Environments: looking them up, creating, updating, aborting, terminating and swapping them.

use std::collections::BTreeMap;

use aws_sdk_elasticbeanstalk::operation::RequestId as _;
use aws_sdk_elasticbeanstalk::types::EnvironmentDescription as SdkEnvironment;
use beanpole_model::{ApplicationName, EnvironmentName, VersionLabel};
use jiff::Timestamp;
use serde::Serialize;

use super::applications::{short, to_tags};
use super::configuration::{to_sdk_names, to_sdk_settings};
use super::named as object;
use super::{Beanstalk, Color, HealthStatus, OptionName, OptionSetting, SERVICE, is_ambiguous};
use crate::connection::Doubt;
use crate::retry::Once;
use crate::text::named;
use crate::time::timestamp;
use crate::{Error, Kind};

named!(
    /// What an environment is doing. A name not known here counts as "in progress".
    EnvironmentStatus {
        /// Being created.
        Launching = "Launching",
        /// Being changed.
        Updating = "Updating",
        /// At rest: takes the next change.
        Ready = "Ready",
        /// An update is being taken back.
        Aborting = "Aborting",
        /// Being removed.
        Terminating = "Terminating",
        /// Gone. AWS lists it for about an hour.
        Terminated = "Terminated",
        /// Being linked from another environment.
        LinkingFrom = "LinkingFrom",
        /// Being linked to another environment.
        LinkingTo = "LinkingTo",
    }
);

/// What an environment is made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tier {
    /// `WebServer`, `Worker` or `Cluster`.
    pub name: String,
    /// `Standard`, `SQS/HTTP` or `EKS`.
    pub kind: String,
}

impl Tier {
    /// True for Beanstalk Cluster, which runs on EKS: it has option namespaces of its own, no
    /// instances, and no health of instances (developer guide, "Cluster environments").
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.name.eq_ignore_ascii_case("Cluster") || self.kind.eq_ignore_ascii_case("EKS")
    }
}

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentDescription {
    /// Its id: `e-abcdefghij`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its application.
    pub application: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// Its tier.
    pub tier: Option<Tier>,
    /// The version it runs, or is being moved to; `None` for the sample application.
    pub version_label: Option<String>,
    /// What it is doing.
    pub status: EnvironmentStatus,
    /// Its health as a colour.
    pub health: Color,
    /// Its enhanced health, if that is switched on.
    pub health_status: Option<HealthStatus>,
    /// Its public name: `<prefix>.<region>.elasticbeanstalk.com`.
    pub cname: Option<String>,
    /// The load balancer's name, or the instance's address without one.
    pub endpoint_url: Option<String>,
    /// The ARN of its platform version.
    pub platform_arn: Option<String>,
    /// The name of its solution stack.
    pub solution_stack: Option<String>,
    /// True if [`Beanstalk::abort`] would work now.
    pub abortable: bool,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it was changed last.
    pub updated: Option<Timestamp>,
}

/// An environment to create. It starts with AWS's sample application unless a version is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEnvironment {
    /// The application, which must exist.
    pub application: ApplicationName,
    /// The name, unique within the region and account.
    pub name: EnvironmentName,
    /// Shown in the console; cut to 200 characters.
    pub description: String,
    /// The first part of the public name, 4 to 63 characters; `None` lets AWS choose.
    pub cname_prefix: Option<String>,
    /// The platform version's ARN.
    pub platform_arn: String,
    /// The version to start with.
    pub version_label: Option<VersionLabel>,
    /// Settings.
    pub settings: Vec<OptionSetting>,
    /// Tags; they pass on to what AWS creates for the environment.
    pub tags: BTreeMap<String, String>,
}

/// A change of an environment: either the version, or settings and platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateEnvironment {
    /// The application.
    pub application: ApplicationName,
    /// The environment.
    pub name: EnvironmentName,
    /// The version to move to.
    pub version_label: Option<VersionLabel>,
    /// The platform version to move to.
    pub platform_arn: Option<String>,
    /// Settings to set.
    pub settings: Vec<OptionSetting>,
    /// Settings to take away, which uncovers the default or what the bundle says.
    pub remove: Vec<OptionName>,
}

impl UpdateEnvironment {
    /// The change that deploys a version.
    #[must_use]
    pub fn deploy(
        application: ApplicationName,
        name: EnvironmentName,
        version_label: VersionLabel,
    ) -> Self {
        Self {
            version_label: Some(version_label),
            ..Self::configure(application, name, Vec::new(), Vec::new())
        }
    }

    /// The change that alters settings.
    #[must_use]
    pub fn configure(
        application: ApplicationName,
        name: EnvironmentName,
        settings: Vec<OptionSetting>,
        remove: Vec<OptionName>,
    ) -> Self {
        Self {
            application,
            name,
            version_label: None,
            platform_arn: None,
            settings,
            remove,
        }
    }
}

/// Something that AWS has begun and goes on with by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Started {
    /// The environment right after the call.
    pub environment: EnvironmentDescription,
    /// AWS's id of the request. The events of the work carry it. `None` when the answer was lost
    /// and the work was found under way.
    pub request_id: Option<String>,
}

/// Whether a public name is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DnsAvailability {
    /// True if it can be taken.
    pub available: bool,
    /// The whole name.
    pub name: Option<String>,
}

/// Three operations answer with the fields of an environment in three types of the SDK.
macro_rules! started {
    ($answer:expr) => {{
        let answer = $answer;
        let request_id = answer.request_id().map(str::to_owned);
        let environment = SdkEnvironment::builder()
            .set_environment_name(answer.environment_name)
            .set_environment_id(answer.environment_id)
            .set_environment_arn(answer.environment_arn)
            .set_application_name(answer.application_name)
            .set_version_label(answer.version_label)
            .set_solution_stack_name(answer.solution_stack_name)
            .set_platform_arn(answer.platform_arn)
            .set_endpoint_url(answer.endpoint_url)
            .set_cname(answer.cname)
            .set_date_created(answer.date_created)
            .set_date_updated(answer.date_updated)
            .set_status(answer.status)
            .set_abortable_operation_in_progress(answer.abortable_operation_in_progress)
            .set_health(answer.health)
            .set_health_status(answer.health_status)
            .set_tier(answer.tier)
            .build();
        Started {
            environment: from_sdk(environment),
            request_id,
        }
    }};
}

impl Beanstalk {
    /// The environment of this name, if there is one that is not terminated; the youngest, should
    /// several be listed. One that is terminating counts.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn environment(
        &self,
        application: &ApplicationName,
        name: &EnvironmentName,
    ) -> Result<Option<EnvironmentDescription>, Error> {
        let found = self.environments(Some(application), Some(name)).await?;
        Ok(found.into_iter().next())
    }

    /// All environments that are not terminated, of one application and one name if those are
    /// given; youngest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn environments(
        &self,
        application: Option<&ApplicationName>,
        name: Option<&EnvironmentName>,
    ) -> Result<Vec<EnvironmentDescription>, Error> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let answer = self
                .client
                .describe_environments()
                .set_application_name(application.map(ToString::to_string))
                .set_environment_names(name.map(|name| vec![name.to_string()]))
                .include_deleted(false)
                .set_next_token(next.take())
                .send()
                .await
                .map_err(SERVICE.failed(
                    "DescribeEnvironments",
                    name.map_or_else(|| "the environments".to_owned(), object),
                ))?;
            found.extend(
                answer
                    .environments
                    .unwrap_or_default()
                    .into_iter()
                    .map(from_sdk),
            );
            next = answer.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        found.retain(|environment: &EnvironmentDescription| {
            environment.status != EnvironmentStatus::Terminated
                && name.is_none_or(|name| environment.name == name.as_str())
                && application.is_none_or(|name| environment.application == name.as_str())
        });
        found.sort_by_key(|environment| std::cmp::Reverse(environment.created));
        Ok(found)
    }

    /// Begins to create an environment.
    ///
    /// # Errors
    /// [`Kind::AlreadyExists`] when the application has one of this name; otherwise see [`Error`].
    pub async fn create_environment(&self, new: &NewEnvironment) -> Result<Started, Error> {
        let doubt = Doubt::default();
        let result = self
            .client
            .create_environment()
            .application_name(new.application.as_str())
            .environment_name(new.name.as_str())
            .description(short(&new.description))
            .set_cname_prefix(new.cname_prefix.clone())
            .platform_arn(&new.platform_arn)
            .set_version_label(new.version_label.as_ref().map(ToString::to_string))
            .set_option_settings(to_sdk_settings(&new.settings))
            .set_tags(to_tags(&new.tags))
            .customize()
            .interceptor(doubt.clone())
            .send()
            .await
            .map_err(SERVICE.failed("CreateEnvironment", object(&new.name)));
        let answer = match result {
            Err(error) if is_ambiguous(&error) => {
                let taken = self.environment(&new.application, &new.name).await?;
                return match taken {
                    Some(own) if doubt.arose() && own.status == EnvironmentStatus::Launching => {
                        Ok(already(own))
                    }
                    Some(_) => Err(error.with_kind(Kind::AlreadyExists)),
                    None => Err(error),
                };
            }
            other => other?,
        };
        Ok(started!(answer))
    }

    /// Begins to change an environment.
    ///
    /// # Errors
    /// [`Kind::Busy`] when the environment is not `Ready`; otherwise see [`Error`].
    pub async fn update_environment(&self, change: &UpdateEnvironment) -> Result<Started, Error> {
        let doubt = Doubt::default();
        let result = self
            .client
            .update_environment()
            .application_name(change.application.as_str())
            .environment_name(change.name.as_str())
            .set_version_label(change.version_label.as_ref().map(ToString::to_string))
            .set_platform_arn(change.platform_arn.clone())
            .set_option_settings(to_sdk_settings(&change.settings))
            .set_options_to_remove(to_sdk_names(&change.remove))
            .customize()
            .interceptor(doubt.clone())
            .send()
            .await
            .map_err(SERVICE.failed("UpdateEnvironment", object(&change.name)));
        let answer = match result {
            Err(error) => {
                let (application, name) = (&change.application, &change.name);
                let under_way = EnvironmentStatus::Updating;
                return self
                    .refused(application, name, error, &doubt, &under_way)
                    .await;
            }
            Ok(answer) => answer,
        };
        Ok(started!(answer))
    }

    /// Begins to terminate an environment with all it consists of.
    ///
    /// # Errors
    /// [`Kind::Busy`] when it is launching or changing; otherwise see [`Error`].
    pub async fn terminate(
        &self,
        application: &ApplicationName,
        name: &EnvironmentName,
    ) -> Result<Started, Error> {
        let doubt = Doubt::default();
        let result = self
            .client
            .terminate_environment()
            .environment_name(name.as_str())
            .terminate_resources(true)
            .customize()
            .interceptor(doubt.clone())
            .send()
            .await
            .map_err(SERVICE.failed("TerminateEnvironment", object(name)));
        let answer = match result {
            Err(error) => {
                let under_way = EnvironmentStatus::Terminating;
                return self
                    .refused(application, name, error, &doubt, &under_way)
                    .await;
            }
            Ok(answer) => answer,
        };
        Ok(started!(answer))
    }

    /// Takes back the update that is under way. Works only while
    /// [`EnvironmentDescription::abortable`] is set. Returns AWS's id of the request.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn abort(&self, name: &EnvironmentName) -> Result<Option<String>, Error> {
        let answer = self
            .client
            .abort_environment_update()
            .environment_name(name.as_str())
            .send()
            .await
            .map_err(SERVICE.failed("AbortEnvironmentUpdate", object(name)))?;
        Ok(answer.request_id().map(str::to_owned))
    }

    /// Whether `<prefix>.<region>.elasticbeanstalk.com` is free.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn check_dns(&self, prefix: &str) -> Result<DnsAvailability, Error> {
        let answer = self
            .client
            .check_dns_availability()
            .cname_prefix(prefix)
            .send()
            .await
            .map_err(SERVICE.failed("CheckDNSAvailability", format!("CNAME prefix `{prefix}`")))?;
        Ok(DnsAvailability {
            available: answer.available.unwrap_or(false),
            name: answer.fully_qualified_cname,
        })
    }

    /// Begins to swap the public names of two environments, which must both be `Ready`. Returns AWS's
    /// id of the request. Clients go on reaching the old one until their DNS entries expire.
    ///
    /// Done twice it would swap back, so it is not repeated once AWS may have carried it out.
    ///
    /// # Errors
    /// [`Kind::Busy`] when one of them is not `Ready`; [`Kind::Network`] or [`Kind::Service`] when it is
    /// open whether AWS has swapped: read the names first. Otherwise see [`Error`].
    pub async fn swap_cnames(
        &self,
        application: &ApplicationName,
        source: &EnvironmentName,
        destination: &EnvironmentName,
    ) -> Result<Option<String>, Error> {
        let result = self
            .client
            .swap_environment_cnames()
            .source_environment_name(source.as_str())
            .destination_environment_name(destination.as_str())
            .customize()
            .config_override(
                aws_sdk_elasticbeanstalk::config::Builder::new().retry_classifier(Once),
            )
            .send()
            .await
            .map_err(SERVICE.failed(
                "SwapEnvironmentCNAMEs",
                format!("environments `{source}` and `{destination}`"),
            ));
        let error = match result {
            Ok(answer) => return Ok(answer.request_id().map(str::to_owned)),
            Err(error) => error,
        };
        if is_ambiguous(&error) {
            for name in [source, destination] {
                let found = self.environment(application, name).await;
                if let Ok(Some(found)) = found
                    && found.status != EnvironmentStatus::Ready
                {
                    let message = format!("`{name}` is {}: {}", found.status, error.message);
                    return Err(error.with_kind(Kind::Busy).with_message(message));
                }
            }
        }
        Err(error)
    }

    /// Finds out what a refused change means. Beanstalk answers a change of a busy environment with
    /// the same code as a wrong value; the environment's status tells them apart. And after an
    /// attempt without a clear answer, an environment that is `under_way` is this change at work:
    /// it has begun, only its request id is lost. If the status cannot be read, the error stands.
    async fn refused(
        &self,
        application: &ApplicationName,
        name: &EnvironmentName,
        error: Error,
        doubt: &Doubt,
        under_way: &EnvironmentStatus,
    ) -> Result<Started, Error> {
        if !is_ambiguous(&error) {
            return Err(error);
        }
        match self.environment(application, name).await {
            Ok(Some(found)) if doubt.arose() && found.status == *under_way => Ok(already(found)),
            Ok(Some(found)) if found.status != EnvironmentStatus::Ready => {
                let message = format!("it is {}: {}", found.status, error.message);
                Err(error.with_kind(Kind::Busy).with_message(message))
            }
            Ok(None) => Err(error.with_kind(Kind::NotFound)),
            _ => Err(error),
        }
    }
}

/// A change that an attempt without an answer has begun.
fn already(environment: EnvironmentDescription) -> Started {
    Started {
        environment,
        request_id: None,
    }
}

fn from_sdk(environment: SdkEnvironment) -> EnvironmentDescription {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    EnvironmentDescription {
        status: EnvironmentStatus::parse(&text(
            environment.status.as_ref().map(|status| status.as_str()),
        )),
        health: Color::parse(&text(
            environment.health.as_ref().map(|health| health.as_str()),
        )),
        health_status: environment
            .health_status
            .as_ref()
            .map(|status| HealthStatus::parse(status.as_str())),
        id: environment.environment_id.unwrap_or_default(),
        name: environment.environment_name.unwrap_or_default(),
        application: environment.application_name.unwrap_or_default(),
        arn: environment.environment_arn,
        tier: environment.tier.map(|tier| Tier {
            name: tier.name.unwrap_or_default(),
            kind: tier.r#type.unwrap_or_default(),
        }),
        version_label: environment.version_label,
        cname: environment.cname,
        endpoint_url: environment.endpoint_url,
        platform_arn: environment.platform_arn,
        solution_stack: environment.solution_stack_name,
        abortable: environment.abortable_operation_in_progress.unwrap_or(false),
        created: environment.date_created.as_ref().and_then(timestamp),
        updated: environment.date_updated.as_ref().and_then(timestamp),
    }
}
