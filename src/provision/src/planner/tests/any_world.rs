//! Thousands of worlds at random, and the rules that the plan of each must keep.

use std::collections::BTreeSet;

use beanpole_cloud::{DatabaseInstance, Source};
use beanpole_manifest::Project;
use proptest::prelude::*;

use super::world::{PLANTED, after, complete, make, plan_of, project};
use crate::names::Store;
use crate::observed::{Observed, RoleFacts};
use crate::plan::Action;

/// One thing that is different from a finished world.
#[derive(Clone, Debug)]
enum Twist {
    NoDatabase,
    NoCache,
    NoEnvironment,
    NoApplication,
    NoIngress(Store),
    NoSecret(usize),
    NoSecurityGroup(Store),
    DatabaseClass,
    DatabaseStorage(u32),
    DatabaseMultiAz,
    DatabaseBackups(u32),
    DatabaseProtection,
    DatabaseEncryption,
    DatabaseUser,
    DatabaseStatus(&'static str),
    CacheNode,
    CachePort,
    CacheStatus(&'static str),
    Setting(usize),
    LostSetting(usize),
    EnvironmentStatus(&'static str),
    NoRoles,
}

fn twists() -> impl Strategy<Value = Vec<Twist>> {
    let store = prop_oneof![Just(Store::Database), Just(Store::Cache)];
    let status = prop::sample::select(vec![
        "creating",
        "backing-up",
        "modifying",
        "failed",
        "deleting",
        "a-new-state",
    ]);
    let environment =
        prop::sample::select(vec!["Launching", "Updating", "Aborting", "Terminating"]);
    let twist = prop_oneof![
        Just(Twist::NoDatabase),
        Just(Twist::NoCache),
        Just(Twist::NoEnvironment),
        Just(Twist::NoApplication),
        store.clone().prop_map(Twist::NoIngress),
        store.prop_map(Twist::NoSecurityGroup),
        (0usize..4).prop_map(Twist::NoSecret),
        Just(Twist::DatabaseClass),
        (5u32..60).prop_map(Twist::DatabaseStorage),
        Just(Twist::DatabaseMultiAz),
        (0u32..35).prop_map(Twist::DatabaseBackups),
        Just(Twist::DatabaseProtection),
        Just(Twist::DatabaseEncryption),
        Just(Twist::DatabaseUser),
        status.clone().prop_map(Twist::DatabaseStatus),
        Just(Twist::CacheNode),
        Just(Twist::CachePort),
        status.prop_map(Twist::CacheStatus),
        (0usize..60).prop_map(Twist::Setting),
        (0usize..60).prop_map(Twist::LostSetting),
        environment.prop_map(Twist::EnvironmentStatus),
        Just(Twist::NoRoles),
    ];
    prop::collection::vec(twist, 0..6)
}

fn twist(world: &mut Observed, twist: &Twist) {
    match twist {
        Twist::NoDatabase => world.database = None,
        Twist::NoCache => world.cache = None,
        Twist::NoEnvironment => world.environment = None,
        Twist::NoApplication => world.application = false,
        Twist::NoIngress(store) => {
            if let Some(group) = world.security_groups.get_mut(store) {
                group.ingress.clear();
            }
        }
        Twist::NoSecurityGroup(store) => {
            world.security_groups.remove(store);
        }
        Twist::NoSecret(index) => {
            if let Some(name) = world.secrets.keys().nth(*index).cloned() {
                world.secrets.remove(&name);
            }
        }
        Twist::Setting(index) => {
            if let Some(environment) = &mut world.environment
                && let Some(setting) = environment.settings.get_mut(*index)
            {
                setting.value.push('x');
            }
        }
        Twist::LostSetting(index) => {
            if let Some(environment) = &mut world.environment
                && *index < environment.settings.len()
            {
                environment.settings.remove(*index);
            }
        }
        Twist::EnvironmentStatus(status) => {
            if let Some(environment) = &mut world.environment {
                environment.status = (*status).to_owned();
            }
        }
        Twist::NoRoles => world.roles = RoleFacts::default(),
        Twist::CacheNode | Twist::CachePort | Twist::CacheStatus(_) => {
            if let Some(cache) = &mut world.cache {
                match twist {
                    Twist::CacheNode => cache.node_type = Some("cache.other".to_owned()),
                    Twist::CachePort => cache.port = Some(7000),
                    Twist::CacheStatus(status) => cache.status = (*status).to_owned(),
                    _ => {}
                }
            }
        }
        database_twist => {
            if let Some(database) = &mut world.database {
                twist_database(database, database_twist);
            }
        }
    }
}

fn twist_database(database: &mut DatabaseInstance, twist: &Twist) {
    match twist {
        Twist::DatabaseClass => database.class = "db.other".to_owned(),
        Twist::DatabaseStorage(gib) => database.storage_gib = *gib,
        Twist::DatabaseMultiAz => database.multi_az = !database.multi_az,
        Twist::DatabaseBackups(days) => database.backup_retention_days = *days,
        Twist::DatabaseProtection => database.deletion_protection = !database.deletion_protection,
        Twist::DatabaseEncryption => database.encrypted = !database.encrypted,
        Twist::DatabaseUser => database.username = Some("other".to_owned()),
        Twist::DatabaseStatus(status) => {
            database.status = (*status).to_owned();
            if *status == "creating" {
                database.endpoint = None;
                database.port = None;
            }
        }
        _ => {}
    }
}

fn projects() -> impl Strategy<Value = Project> {
    (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        1u32..5,
    )
        .prop_map(|(database, cache, tls, own_network, min)| {
            let mut project = project();
            if !database {
                project.database = None;
            }
            if let Some(cache) = &mut project.cache {
                cache.transit_encryption = tls;
            }
            if !cache {
                project.cache = None;
            }
            if own_network {
                project.network.vpc = Some("vpc-1".to_owned());
                project.network.subnets = vec!["subnet-a".to_owned(), "subnet-b".to_owned()];
            }
            project.instances.min = min;
            project.instances.max = min + 1;
            project
        })
}

/// What a world lacks of what the manifest says, judged without the planner: a planner that overlooks
/// something would overlook it after applying as well.
fn faults(project: &Project, world: &Observed) -> Vec<String> {
    let mut faults = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    expect(world.application, "application");
    let Some(environment) = &world.environment else {
        return vec!["environment".to_owned()];
    };
    expect(environment.status == "Ready", "environment at rest");
    let source = environment.security_group.clone().map(Source::Group);
    let reaches = |store: Store, port: u16| {
        world.security_groups.get(&store).is_some_and(|group| {
            group.ingress.iter().any(|rule| {
                Some(&rule.source) == source.as_ref() && rule.ports == Some((port, port))
            })
        })
    };
    let setting = |name: &str| {
        let found = environment
            .settings
            .iter()
            .find(|setting| setting.name == name);
        found.map(|setting| setting.value.as_str())
    };
    expect(
        setting("MinSize") == Some(project.instances.min.to_string().as_str()),
        "MinSize",
    );
    expect(
        setting("HealthCheckPath") == Some("/ht/"),
        "HealthCheckPath",
    );
    expect(
        setting("LoadBalancerType") == Some("application"),
        "LoadBalancerType",
    );
    if let Some(wanted) = &project.database {
        expect(
            reaches(Store::Database, wanted.port),
            "ingress to the database",
        );
        expect(
            setting("DB_PASSWORD").is_some_and(|own| own.ends_with(":password")),
            "DB_PASSWORD",
        );
        expect(
            world.database.as_ref().is_some_and(|found| {
                let group = world.security_groups.get(&Store::Database);
                found.class == wanted.class
                    && found.storage_gib >= wanted.storage_gib
                    && found.multi_az == wanted.multi_az
                    && found.deletion_protection == wanted.deletion_protection
                    && found.encrypted == wanted.encrypted
                    && group.is_some_and(|group| found.security_groups.contains(&group.id))
            }),
            "database",
        );
        let secret = world.secrets.get("django/blog-production/database");
        let value = secret
            .and_then(|own| own.value.as_ref())
            .map(|own| own.expose().to_owned());
        expect(
            value.is_some_and(|own| own.contains("@db.example:5432/blog")),
            "DATABASE_URL",
        );
    }
    if let Some(wanted) = &project.cache {
        expect(reaches(Store::Cache, wanted.port), "ingress to the cache");
        expect(
            world
                .cache
                .as_ref()
                .is_some_and(|own| own.port == Some(wanted.port)),
            "cache",
        );
        let secret = world.secrets.get("django/blog-production/cache");
        let value = secret
            .and_then(|own| own.value.as_ref())
            .map(|own| own.expose().to_owned());
        let start = if wanted.transit_encryption {
            "rediss://:"
        } else {
            "redis://cache.example"
        };
        expect(value.is_some_and(|own| own.contains(start)), "REDIS_URL");
    }
    faults
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// What must hold of the plan of any world.
    #[test]
    fn plans_of_any_world_keep_the_rules(project in projects(), twists in twists()) {
        let mut world = complete(&project);
        for one in &twists {
            twist(&mut world, one);
        }
        let plan = plan_of(&project, &world);
        prop_assert_eq!(&plan, &plan_of(&project, &world), "planning is deterministic");

        let mut earlier = BTreeSet::new();
        for change in &plan.changes {
            for need in &change.needs {
                prop_assert!(earlier.contains(need.as_str()), "{} needs {}", change.id, need);
            }
            prop_assert!(earlier.insert(change.id.as_str()), "{} twice", change.id);
        }

        // Nothing that exists is created again, and nothing is replaced without being refused.
        for (id, exists) in [
            ("database", world.database.is_some()),
            ("cache", world.cache.is_some()),
            ("environment", world.environment.is_some()),
        ] {
            let creates = plan.change(id).is_some_and(|change| change.action == Action::Create);
            prop_assert!(!(exists && creates), "{id} exists and would be created");
        }
        if plan.count(Action::Replace) > 0 {
            prop_assert!(plan.check().is_err());
        }

        let shown = format!("{plan}\n{}", serde_json::to_string(&plan).unwrap());
        prop_assert!(!shown.contains(PLANTED), "a secret is shown");

        if plan.check().is_ok() {
            let made = after(&project, &world, &plan);
            let next = plan_of(&project, &made);
            prop_assert!(next.is_empty(), "after applying\n{plan}\nthere is left\n{next}");
            prop_assert_eq!(faults(&project, &made), Vec::<String>::new(), "after\n{}", plan);
            // Killed after any number of steps, a rerun does only what was agreed to.
            let mut partial = world.clone();
            for change in plan.pending() {
                let fresh = plan_of(&project, &partial);
                prop_assert_eq!(plan.beyond(&fresh), Vec::<String>::new());
                make(&project, &mut partial, change);
            }
        }
    }
}
