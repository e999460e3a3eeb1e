//! Made-up worlds: an account with nothing of ours, and what AWS has after each change.

use std::collections::{BTreeMap, BTreeSet};

use beanpole_cloud::{
    CacheGroup, DatabaseInstance, Identity, OptionSetting, Rule, SecurityGroup, Source,
};
use beanpole_manifest::{Manifest, Project};
use beanpole_model::{AccountId, Region, Secret};
use beanpole_secrets::connection::decide;
use beanpole_secrets::{Connection, Endpoints};

use crate::connections;
use crate::names::Store;
use crate::observed::{
    EnvironmentFacts, NetworkFacts, Observed, PlatformFacts, RoleFacts, SecretFacts,
};
use crate::plan::{Change, Kind, Plan};
use crate::planner::{plan, port_of};
use crate::settings::declared;

pub(super) const MANIFEST: &str = "
application: blog
region: eu-central-1
processes: { web: { command: gunicorn, port: 8000 } }
variables: { DJANGO_SETTINGS_MODULE: config.settings.prod }
database: { name: blog, username: blog }
cache: {}
secrets: { names: { MAIL_PASSWORD: mail#password } }
environments: { production: {} }
";
pub(super) const PLATFORM: &str = "arn:aws:elasticbeanstalk:eu-central-1::platform/Docker running on 64bit Amazon Linux 2023/4.3.1";
pub(super) const ENVIRONMENT_GROUP: &str = "sg-environment";
/// In every secret of the made-up worlds; must be in no plan.
pub(super) const PLANTED: &str = "planted0secret0value0";

pub(super) fn project() -> Project {
    Manifest::parse("beanpole.yaml".into(), MANIFEST)
        .unwrap()
        .environment(None)
        .unwrap()
}

pub(super) fn identity() -> Identity {
    Identity {
        account: AccountId::new("123456789012").unwrap(),
        arn: "arn:aws:iam::123456789012:user/ci".to_owned(),
        region: Region::new("eu-central-1").unwrap(),
    }
}

/// An account with nothing of ours in it.
pub(super) fn bare() -> Observed {
    let subnets = [("subnet-a", "eu-central-1a"), ("subnet-b", "eu-central-1b")];
    let mail = SecretFacts {
        arn: "arn:mail".to_owned(),
        value: None,
    };
    Observed {
        network: Some(NetworkFacts {
            vpc: "vpc-1".to_owned(),
            subnets: subnets
                .map(|(id, zone)| (id.to_owned(), zone.to_owned()))
                .into(),
        }),
        roles: RoleFacts {
            instance_profile: true,
            service_role: true,
        },
        platform: Some(PlatformFacts {
            arn: PLATFORM.to_owned(),
        }),
        secrets: BTreeMap::from([("mail".to_owned(), mail)]),
        ..Observed::default()
    }
}

pub(super) fn plan_of(project: &Project, observed: &Observed) -> Plan {
    plan(project, observed, &identity())
}

/// What AWS has after one change. Knows the manifest, not the plan's fields, so that it judges them.
pub(super) fn make(project: &Project, world: &mut Observed, change: &Change) {
    let store = if change.id.starts_with("cache") {
        Store::Cache
    } else {
        Store::Database
    };
    match change.resource.kind {
        Kind::SecurityGroup => {
            let group = SecurityGroup {
                id: format!("sg-{}", store.word()),
                name: change.resource.name.clone(),
                description: String::new(),
                vpc: None,
                tags: BTreeMap::new(),
                ingress: BTreeSet::new(),
            };
            world.security_groups.insert(store, group);
        }
        Kind::SubnetGroup => {
            world.subnet_groups.insert(store, Vec::new());
        }
        Kind::IngressRule => {
            let source = world
                .environment
                .as_ref()
                .unwrap()
                .security_group
                .clone()
                .unwrap();
            let port = port_of(project, store);
            let group = world.security_groups.get_mut(&store).unwrap();
            group
                .ingress
                .insert(Rule::tcp(port, Source::Group(source), ""));
        }
        Kind::Database => make_database(project, world),
        Kind::Cache => make_cache(project, world),
        Kind::Secret => make_secret(project, world, change),
        Kind::Application => world.application = true,
        Kind::Environment => {
            let references = connections::references(project, &|secret| {
                world.secrets.get(secret).map(|found| found.arn.clone())
            });
            let mut settings: Vec<OptionSetting> = declared(project, &references)
                .into_iter()
                .map(|own| {
                    let value = own.value.expect("every reference is known by now");
                    OptionSetting::new(own.namespace, own.name, value)
                })
                .collect();
            // AWS lists its own defaults as well.
            settings.push(OptionSetting::new("aws:autoscaling:asg", "Cooldown", "360"));
            world.environment = Some(EnvironmentFacts {
                id: "e-1".to_owned(),
                status: "Ready".to_owned(),
                platform_arn: world.platform.as_ref().map(|platform| platform.arn.clone()),
                cname: None,
                settings,
                security_group: Some(ENVIRONMENT_GROUP.to_owned()),
            });
        }
    }
}

pub(super) fn make_database(project: &Project, world: &mut Observed) {
    let wanted = project.database.as_ref().unwrap();
    let group = world.security_groups[&Store::Database].id.clone();
    let mut groups = world
        .database
        .take()
        .map(|found| found.security_groups)
        .unwrap_or_default();
    if !groups.contains(&group) {
        groups.push(group);
    }
    world.database = Some(DatabaseInstance {
        identifier: wanted.identifier.clone(),
        arn: None,
        status: "available".to_owned(),
        engine: wanted.engine.to_string(),
        version: format!("{}.4", wanted.version),
        class: wanted.class.clone(),
        storage_gib: wanted.storage_gib,
        port: Some(wanted.port),
        endpoint: Some(("db.example".to_owned(), wanted.port)),
        name: Some(wanted.name.clone()),
        username: Some(wanted.username.clone()),
        multi_az: wanted.multi_az,
        encrypted: wanted.encrypted,
        deletion_protection: wanted.deletion_protection,
        publicly_accessible: false,
        backup_retention_days: u32::from(wanted.backup_retention_days),
        backup_window: wanted
            .backup_window
            .clone()
            .or_else(|| Some("01:00-01:30".to_owned())),
        security_groups: groups,
        subnet_group: None,
        vpc: None,
        pending: BTreeMap::new(),
        tags: BTreeMap::new(),
        created: None,
    });
}

pub(super) fn make_cache(project: &Project, world: &mut Observed) {
    let wanted = project.cache.as_ref().unwrap();
    let group = world.security_groups[&Store::Cache].id.clone();
    let mut groups = world
        .cache
        .take()
        .map(|found| found.security_groups)
        .unwrap_or_default();
    if !groups.contains(&group) {
        groups.push(group);
    }
    world.cache = Some(CacheGroup {
        identifier: wanted.identifier.clone(),
        arn: None,
        status: "available".to_owned(),
        description: String::new(),
        engine: Some(wanted.engine.to_string()),
        version: Some(format!("{}.0", wanted.version)),
        node_type: Some(wanted.node_type.clone()),
        replicas: u32::from(wanted.replicas),
        port: Some(wanted.port),
        endpoint: Some(("cache.example".to_owned(), wanted.port)),
        reader_endpoint: None,
        transit_encryption: wanted.transit_encryption,
        at_rest_encryption: wanted.at_rest_encryption,
        auth_token: wanted.transit_encryption,
        automatic_failover: wanted.multi_az,
        multi_az: wanted.multi_az,
        snapshot_retention_days: 0,
        security_groups: groups,
        subnet_group: None,
    });
}

pub(super) fn make_secret(project: &Project, world: &mut Observed, change: &Change) {
    let name = change.resource.name.clone();
    let written = Connection::of(project)
        .into_iter()
        .find(|own| own.name(project) == name);
    let value = written.map(|connection| {
        let former = world
            .secrets
            .get(&name)
            .and_then(|found| found.value.clone());
        let endpoints = Endpoints {
            database: world.database.as_ref().and_then(|own| own.endpoint.clone()),
            cache: world.cache.as_ref().and_then(|own| own.endpoint.clone()),
        };
        decide(
            connection,
            project,
            former.as_ref(),
            &endpoints,
            &mut |_| Secret::new(PLANTED),
        )
        .unwrap()
        .value
    });
    world.secrets.insert(
        name.clone(),
        SecretFacts {
            arn: format!("arn:{name}"),
            value,
        },
    );
}

/// The world after the whole plan, in its order.
pub(super) fn after(project: &Project, observed: &Observed, plan: &Plan) -> Observed {
    let mut world = observed.clone();
    for change in plan.pending() {
        make(project, &mut world, change);
    }
    world
}

pub(super) fn complete(project: &Project) -> Observed {
    let world = bare();
    let plan = plan_of(project, &world);
    plan.check().unwrap();
    after(project, &world, &plan)
}
