//! From the keys of one environment to a finished [`Project`].

use std::collections::BTreeMap;

use beanpole_model::{AccountId, ApplicationName, EnvironmentName, Region};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::check;
use crate::decode::decode;
use crate::issue::Fault;
use crate::project::{
    Alarm, Alerts, Approvals, Cache, Checks, Database, Deployment, Health, Image, Instances,
    LoadBalancer, Markers, Network, Platform, Probe, Process, Project, Roles, Secrets,
};
use crate::schema::{Text, TextMap};
use crate::tree::Node;

/// What a release of a Django project is and where it runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The Beanstalk application.
    application: ApplicationName,
    /// The Beanstalk environment's name; `<application>-<key under environments>` unless given.
    #[serde(default)]
    environment_name: Option<EnvironmentName>,
    /// The AWS region. A run against any other region is refused.
    region: Region,
    /// The AWS account id. A run against any other account is refused.
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    account: Option<AccountId>,
    /// How the image is built.
    #[serde(default)]
    image: Image,
    /// The processes by name. `web` must be there.
    processes: BTreeMap<String, Process>,
    /// The commands of the release step, in order. They run once for each release, before the new
    /// version takes traffic.
    #[serde(default)]
    release: Vec<String>,
    /// What counts as healthy.
    #[serde(default)]
    health: Health,
    /// Environment variables in plain text. Secrets belong under `secrets`.
    #[serde(default)]
    #[schemars(with = "TextMap")]
    variables: BTreeMap<String, String>,
    /// The Beanstalk platform.
    #[serde(default)]
    platform: Platform,
    /// Instance types and counts.
    #[serde(default)]
    instances: Instances,
    /// How a new version is rolled out.
    #[serde(default)]
    deployment: Deployment,
    /// VPC and subnets.
    #[serde(default)]
    network: Network,
    /// The load balancer.
    #[serde(default)]
    load_balancer: LoadBalancer,
    /// IAM roles.
    #[serde(default)]
    roles: Roles,
    /// The Postgres database on RDS. Without this section there is none.
    #[serde(default)]
    database: Option<Database>,
    /// The cache on ElastiCache. Without this section there is none.
    #[serde(default)]
    cache: Option<Cache>,
    /// Secrets from Secrets Manager.
    #[serde(default)]
    secrets: Secrets,
    /// CloudWatch alarms.
    #[serde(default)]
    alarms: Vec<Alarm>,
    /// Where news is sent.
    #[serde(default)]
    alerts: Alerts,
    /// Who is told that a release happened, beside people.
    #[serde(default)]
    markers: Markers,
    /// Outside probes beyond the health check.
    #[serde(default)]
    probes: Vec<Probe>,
    /// Approvals that a release needs.
    #[serde(default)]
    approvals: Option<Approvals>,
    /// Checks of the project's files, in git hooks and in CI.
    #[serde(default)]
    checks: Checks,
    /// The first label of the environment's address.
    #[serde(default)]
    cname_prefix: Option<String>,
    /// Tags on everything that is created.
    #[serde(default)]
    #[schemars(with = "TextMap")]
    tags: BTreeMap<String, String>,
}

/// Reads, completes and checks the keys of the environment `key`. All faults go to `faults`; `None`
/// comes back only with at least one. An unknown key ends it before the checks: what it was meant to
/// be would be missed by them.
pub(crate) fn resolve(node: &Node, key: &str, faults: &mut Vec<Fault>) -> Option<Project> {
    let before = faults.len();
    let settings: Settings = decode(node, faults)?;
    if faults.len() > before {
        return None;
    }
    let environment = environment_name(&settings, node, key, faults)?;
    let mut project = complete(settings, environment, key);
    for (index, ignore) in project.checks.ignore.iter_mut().enumerate() {
        let path = ["checks", "ignore", &index.to_string()];
        ignore.line = node.position(&path).line;
    }
    check::check(&project, node, faults);
    Some(project)
}

/// The name given, or `<application>-<key>` if that is a valid name.
fn environment_name(
    settings: &Settings,
    node: &Node,
    key: &str,
    faults: &mut Vec<Fault>,
) -> Option<EnvironmentName> {
    if let Some(name) = &settings.environment_name {
        return Some(name.clone());
    }
    match EnvironmentName::new(format!("{}-{key}", settings.application)) {
        Ok(name) => Some(name),
        Err(error) => {
            faults.push(
                Fault::new(
                    node.position(&["application"]),
                    format!("the {error} (it is made of the application and the key `{key}`)"),
                )
                .suggest("set `environment_name`"),
            );
            None
        }
    }
}

/// Fills in the defaults that depend on other keys.
fn complete(settings: Settings, environment: EnvironmentName, key: &str) -> Project {
    let mut health = settings.health;
    if health.load_balancer_path.is_empty() {
        health.load_balancer_path.clone_from(&health.path);
    }
    let database = settings.database.map(|mut database| {
        if database.identifier.is_empty() {
            database.identifier = format!("{environment}-db");
        }
        database
    });
    let cache = settings.cache.map(|mut cache| {
        if cache.identifier.is_empty() {
            cache.identifier = format!("{environment}-cache");
        }
        cache
    });
    Project {
        application: settings.application,
        environment,
        environment_key: key.to_owned(),
        region: settings.region,
        account: settings.account,
        image: settings.image,
        processes: settings.processes,
        release: settings.release,
        health,
        variables: settings.variables,
        platform: settings.platform,
        instances: settings.instances,
        deployment: settings.deployment,
        network: settings.network,
        load_balancer: settings.load_balancer,
        roles: settings.roles,
        database,
        cache,
        secrets: settings.secrets,
        alarms: settings.alarms,
        alerts: settings.alerts,
        markers: settings.markers,
        probes: settings.probes,
        approvals: settings.approvals,
        checks: settings.checks,
        cname_prefix: settings.cname_prefix,
        tags: settings.tags,
    }
}
