//! Looking: what exists in the account. Reads only; everything at once.

use std::collections::{BTreeMap, BTreeSet};

use beanpole_cloud::{Cloud, ConfigurationSettings, EnvironmentDescription, SettingsState};
use beanpole_manifest::{Project, SecretMode, Strategy};
use beanpole_model::{EnvironmentName, SecretScrubber};
use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use crate::connections;
use crate::error::Error;
use crate::names::{self, Store};
use crate::observed::{
    EnvironmentFacts, NetworkFacts, Observed, PlatformFacts, RoleFacts, SecretFacts,
};
use crate::pair::{self, Live};
use crate::plan::{Kind, Resource};

/// Gathers what planning needs to know, with about a dozen calls side by side. The values of the
/// secrets that beanpole writes go to `scrubber`.
///
/// # Errors
/// The first call that failed, or [`Error::Interrupted`].
pub async fn observe(
    cloud: &Cloud,
    project: &Project,
    scrubber: &SecretScrubber,
    cancel: &CancellationToken,
) -> Result<Observed, Error> {
    tokio::select! {
        () = cancel.cancelled() => Err(Error::Interrupted {
            resource: Resource {
                kind: Kind::Environment,
                name: project.environment.to_string(),
            },
        }),
        observed = Box::pin(everything(cloud, project, scrubber)) => observed,
    }
}

async fn everything(
    cloud: &Cloud,
    project: &Project,
    scrubber: &SecretScrubber,
) -> Result<Observed, Error> {
    let network_and_groups = async {
        let network = network(cloud, project).await?;
        let groups = match &network {
            Some(network) => security_groups(cloud, project, &network.vpc).await?,
            None => BTreeMap::new(),
        };
        Ok::<_, Error>((network, groups))
    };
    let database = async {
        let Some(database) = &project.database else {
            return Ok(None);
        };
        let doing = format!("looking for database `{}`", database.identifier);
        cloud
            .databases
            .describe(&database.identifier)
            .await
            .map_err(Error::cloud(doing))
    };
    let cache = async {
        let Some(cache) = &project.cache else {
            return Ok(None);
        };
        let doing = format!("looking for cache `{}`", cache.identifier);
        cloud
            .caches
            .describe(&cache.identifier)
            .await
            .map_err(Error::cloud(doing))
    };
    let application = async {
        let doing = format!("looking for application `{}`", project.application);
        let found = cloud.beanstalk.application(&project.application).await;
        Ok(found.map_err(Error::cloud(doing))?.is_some())
    };
    let (
        (network, security_groups),
        roles,
        platform,
        subnet_groups,
        database,
        cache,
        secrets,
        application,
        (live, environment, cname_free),
    ) = tokio::try_join!(
        // The SDK's futures are large. On the heap they cannot overflow the stack of a worker thread.
        Box::pin(network_and_groups),
        Box::pin(roles(cloud, project)),
        Box::pin(platform(cloud, project)),
        Box::pin(subnet_groups(cloud, project)),
        Box::pin(database),
        Box::pin(cache),
        Box::pin(secrets(cloud, project, scrubber)),
        Box::pin(application),
        Box::pin(environment(cloud, project)),
    )?;
    Ok(Observed {
        network,
        roles,
        platform,
        security_groups,
        subnet_groups,
        database,
        cache,
        secrets,
        application,
        live,
        environment,
        cname_free,
    })
}

async fn network(cloud: &Cloud, project: &Project) -> Result<Option<NetworkFacts>, Error> {
    let doing = "looking for the network";
    let vpc = match &project.network.vpc {
        Some(id) => cloud.network.vpc(id).await,
        None => cloud.network.default_vpc().await,
    };
    let Some(vpc) = vpc.map_err(Error::cloud(doing))? else {
        return Ok(None);
    };
    let subnets = cloud
        .network
        .subnets(&vpc.id)
        .await
        .map_err(Error::cloud(doing))?;
    let subnets = subnets
        .into_iter()
        .map(|subnet| (subnet.id, subnet.availability_zone))
        .collect();
    Ok(Some(NetworkFacts {
        vpc: vpc.id,
        subnets,
    }))
}

async fn security_groups(
    cloud: &Cloud,
    project: &Project,
    vpc: &str,
) -> Result<BTreeMap<Store, beanpole_cloud::SecurityGroup>, Error> {
    let mut groups = BTreeMap::new();
    for store in connections::stores(project) {
        let name = names::security_group(&project.environment, store);
        let found = cloud.network.security_group(vpc, &name).await;
        let doing = format!("looking for security group `{name}`");
        if let Some(group) = found.map_err(Error::cloud(doing))? {
            groups.insert(store, group);
        }
    }
    Ok(groups)
}

async fn subnet_groups(
    cloud: &Cloud,
    project: &Project,
) -> Result<BTreeMap<Store, Vec<String>>, Error> {
    let mut groups = BTreeMap::new();
    if !crate::planner::needs_subnet_group(project) {
        return Ok(groups);
    }
    for store in connections::stores(project) {
        let name = names::subnet_group(&project.environment, store);
        let found = match store {
            Store::Database => cloud.databases.subnet_group(&name).await,
            Store::Cache => cloud.caches.subnet_group(&name).await,
        };
        let doing = format!("looking for subnet group `{name}`");
        if let Some(group) = found.map_err(Error::cloud(doing))? {
            groups.insert(store, group.subnets);
        }
    }
    Ok(groups)
}

async fn roles(cloud: &Cloud, project: &Project) -> Result<RoleFacts, Error> {
    let doing = "looking for the IAM roles";
    let (instance_profile, service_role) = tokio::try_join!(
        cloud
            .roles
            .instance_profile(&project.roles.instance_profile),
        cloud.roles.role(&project.roles.service_role),
    )
    .map_err(Error::cloud(doing))?;
    Ok(RoleFacts {
        instance_profile,
        service_role: service_role.is_some(),
    })
}

async fn platform(cloud: &Cloud, project: &Project) -> Result<Option<PlatformFacts>, Error> {
    let platform = &project.platform;
    let found = cloud
        .beanstalk
        .platform_arn(&platform.branch, platform.version.as_deref())
        .await;
    let found = found.map_err(Error::cloud("looking for the platform"))?;
    Ok(found.map(|arn| PlatformFacts { arn }))
}

/// The project's secrets: those that beanpole writes with their values, to compare them; the others
/// without. One that is scheduled for deletion cannot be read or referred to, so it counts as absent.
async fn secrets(
    cloud: &Cloud,
    project: &Project,
    scrubber: &SecretScrubber,
) -> Result<BTreeMap<String, SecretFacts>, Error> {
    let written = connections::written(project)
        .into_iter()
        .map(|own| own.name(project));
    let named: BTreeSet<String> = connections::named(project)
        .into_values()
        .map(|origin| origin.secret)
        .collect();
    let look = async |name: &str| {
        let found = cloud.secrets.describe(name).await;
        let found = found.map_err(Error::cloud(format!("looking for secret `{name}`")))?;
        Ok::<_, Error>(found.filter(|own| own.deleted.is_none()))
    };
    let values = try_join_all(written.map(async |name| {
        if look(&name).await?.is_none() {
            return Ok((name, None));
        }
        let found = cloud.secrets.find(&name).await;
        let found = found.map_err(Error::cloud(format!("reading secret `{name}`")))?;
        let facts = found.map(|own| {
            connections::learn(scrubber, &name, &own.value);
            SecretFacts {
                arn: own.arn,
                value: Some(own.value),
            }
        });
        Ok::<_, Error>((name, facts))
    }));
    let descriptions = try_join_all(named.into_iter().map(async |name| {
        let found = look(&name).await?;
        let facts = found.map(|own| SecretFacts {
            arn: own.arn,
            value: None,
        });
        Ok::<_, Error>((name, facts))
    }));
    let (values, descriptions) = tokio::try_join!(values, descriptions)?;
    let all = values.into_iter().chain(descriptions);
    Ok(all
        .filter_map(|(name, facts)| Some((name, facts?)))
        .collect())
}

/// The variables that come from Secrets Manager, with the references that Beanstalk takes; `None` for
/// a secret that does not exist. Reads no values. Empty where a `.env` file carries them.
///
/// # Errors
/// The first call that failed.
pub async fn secret_references(
    cloud: &Cloud,
    project: &Project,
) -> Result<BTreeMap<String, Option<String>>, Error> {
    if project.secrets.mode == SecretMode::DotEnv {
        return Ok(BTreeMap::new());
    }
    let names: BTreeSet<String> = beanpole_secrets::variables(project)
        .into_values()
        .map(|origin| origin.secret)
        .collect();
    let found = try_join_all(names.into_iter().map(async |name| {
        let found = Box::pin(cloud.secrets.describe(&name)).await;
        let found = found.map_err(Error::cloud(format!("looking for secret `{name}`")))?;
        let arn = found.filter(|own| own.deleted.is_none()).map(|own| own.arn);
        Ok::<_, Error>((name, arn))
    }));
    let arns: BTreeMap<String, Option<String>> = found.await?.into_iter().collect();
    Ok(connections::references(project, &|secret| {
        arns.get(secret).cloned().flatten()
    }))
}

/// The live one of a pair, if the project has one. Public names that do not tell leave the manifest's
/// own: a release refuses them, and says why.
async fn live(cloud: &Cloud, project: &Project) -> Result<Option<EnvironmentName>, Error> {
    if project.deployment.strategy == Strategy::InPlace {
        return Ok(None);
    }
    let found = cloud
        .beanstalk
        .environments(Some(&project.application), None)
        .await;
    let found = found.map_err(Error::cloud("looking for the live environment"))?;
    Ok(match pair::live(project, &cloud.identity.account, &found) {
        Live::Is(name) => Some(name),
        Live::Neither | Live::Unclear(_) => None,
    })
}

async fn environment(
    cloud: &Cloud,
    project: &Project,
) -> Result<
    (
        Option<EnvironmentName>,
        Option<EnvironmentFacts>,
        Option<bool>,
    ),
    Error,
> {
    let live = Box::pin(live(cloud, project)).await?;
    let name = live.as_ref().unwrap_or(&project.environment);
    let doing = || format!("looking for environment `{name}`");
    let found = cloud
        .beanstalk
        .environment(&project.application, name)
        .await;
    let Some(found) = found.map_err(Error::cloud(doing()))? else {
        let Some(prefix) = &project.cname_prefix else {
            return Ok((live, None, None));
        };
        let answer = cloud.beanstalk.check_dns(prefix).await;
        let answer = answer.map_err(Error::cloud(format!("asking for the name `{prefix}`")))?;
        return Ok((live, None, Some(answer.available)));
    };
    let facts = environment_facts(cloud, project, name, found).await?;
    Ok((live, Some(facts), None))
}

/// The facts of an environment that exists.
pub(crate) async fn environment_facts(
    cloud: &Cloud,
    project: &Project,
    name: &EnvironmentName,
    found: EnvironmentDescription,
) -> Result<EnvironmentFacts, Error> {
    let doing = || format!("reading environment `{name}`");
    let (sets, group) = tokio::try_join!(
        cloud.beanstalk.settings(&project.application, name),
        cloud.network.environment_security_group(&found.id),
    )
    .map_err(Error::cloud(doing()))?;
    Ok(EnvironmentFacts {
        id: found.id,
        status: found.status.to_string(),
        platform_arn: found.platform_arn,
        cname: found.cname,
        settings: newest(sets).map(|set| set.settings).unwrap_or_default(),
        security_group: group.map(|group| group.id),
    })
}

/// While a change is under way AWS lists two sets: the one in force and the one that is coming. The
/// coming one counts; a failed one does not.
pub(crate) fn newest(sets: Vec<ConfigurationSettings>) -> Option<ConfigurationSettings> {
    let rank = |set: &ConfigurationSettings| match set.state {
        Some(SettingsState::Pending) => 2,
        Some(SettingsState::Failed) => 0,
        _ => 1,
    };
    sets.into_iter().max_by_key(rank)
}
