//! Plans applied to the embedded AWS: the real client, the real wire, the life cycles of the services.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test]"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use beanpole_cloud::{Cloud, DatabaseChange, OptionSetting, Settings, UpdateEnvironment};
use beanpole_manifest::{Manifest, Project};
use beanpole_model::{
    AccountId, Event, ExitCode, Problem as _, Region, Reporter, SecretScrubber, Silent, StepOutcome,
};
use beanpole_provision::{Action, Applied, Error, Kind, Plan, Store, apply, observe, plan};
use beanpole_rehearsal::{FaultScript, Options, Rehearsal, start};
use tokio_util::sync::CancellationToken;

const MANIFEST: &str = "
application: blog
region: eu-central-1
processes: { web: { command: gunicorn, port: 8000 } }
variables: { DJANGO_SETTINGS_MODULE: config.settings.prod }
database: { name: blog, username: blog }
cache: { transit_encryption: true }
secrets: { names: { DJANGO_SECRET_KEY: blog/secret-key } }
tags: { team: web }
environments: { production: {} }
";

fn project() -> Project {
    Manifest::parse("beanpole.yaml".into(), MANIFEST)
        .unwrap()
        .environment(None)
        .unwrap()
}

/// Keeps what happened.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Event>>>);

impl Reporter for Recorder {
    fn report(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

struct World {
    rehearsal: Rehearsal,
    cloud: Cloud,
    scrubber: SecretScrubber,
    recorder: Recorder,
}

impl World {
    async fn new() -> Self {
        Self::with(None, 600.0).await
    }

    async fn with(faults: Option<&str>, speed: f64) -> Self {
        let region = Region::new("eu-central-1").unwrap();
        let mut options = Options::new(region.clone(), AccountId::new("123456789012").unwrap());
        options.speed = speed;
        options.faults = faults.map(script);
        let rehearsal = start(options, Arc::new(Silent)).await.unwrap();
        let (id, key) = rehearsal.credentials();
        let settings = Settings {
            region: Some(region),
            endpoint_url: Some(rehearsal.endpoint_url()),
            static_credentials: Some((id, key, None)),
            pace: rehearsal.pace(),
            ..Settings::default()
        };
        let cloud = Cloud::connect(&settings).await.unwrap();
        let (scrubber, recorder) = (SecretScrubber::default(), Recorder::default());
        Self {
            rehearsal,
            cloud,
            scrubber,
            recorder,
        }
    }

    async fn plan(&self, project: &Project) -> Plan {
        let cancel = CancellationToken::new();
        let observed = observe(&self.cloud, project, &self.scrubber, &cancel)
            .await
            .unwrap();
        plan(project, &observed, &self.cloud.identity)
    }

    async fn apply(
        &self,
        project: &Project,
        plan: &Plan,
        cancel: &CancellationToken,
    ) -> Result<Applied, Error> {
        let pace = self.rehearsal.pace();
        apply(
            &self.cloud,
            project,
            plan,
            pace,
            &self.recorder,
            &self.scrubber,
            cancel,
        )
        .await
    }

    async fn converge(&self, project: &Project) -> Applied {
        let plan = self.plan(project).await;
        let applied = self.apply(project, &plan, &CancellationToken::new()).await;
        let applied = applied.unwrap_or_else(|error| panic!("{}", told(&error)));
        let left = self.plan(project).await;
        assert!(left.is_empty(), "there is left\n{left}");
        applied
    }

    fn events(&self) -> Vec<Event> {
        self.recorder.0.lock().unwrap().clone()
    }
}

fn script(text: &str) -> FaultScript {
    FaultScript::parse("faults.yaml", text).unwrap()
}

fn told(error: &Error) -> String {
    let mut lines = vec![error.to_string()];
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        lines.push(next.to_string());
        cause = next.source();
    }
    lines.extend(error.details());
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_account_is_filled_and_then_left_alone() {
    let world = World::new().await;
    let project = project();
    let first = world.plan(&project).await;
    assert!(first.count(Action::Create) >= 10, "{first}");
    let applied = world.converge(&project).await;
    // A connection secret is made and completed later: two changes, one resource.
    let changed: std::collections::BTreeSet<_> = first
        .pending()
        .map(|change| (change.resource.kind, change.resource.name.clone()))
        .collect();
    assert_eq!(applied.resources.len(), changed.len());
    assert_eq!(applied.endpoints.len(), 2);
    assert!(applied.cname.is_some() && applied.environment_id.is_some());
    for variable in ["DATABASE_URL", "REDIS_PASSWORD", "DJANGO_SECRET_KEY"] {
        assert!(
            applied.references[variable].starts_with("arn:aws:secretsmanager:"),
            "{variable}"
        );
    }

    // Each step was reported once, from start to end.
    let events = world.events();
    for resource in first.pending() {
        let id = format!("apply-{}", resource.id);
        let finished = events.iter().filter(|event| {
            matches!(event, Event::StepFinished { id: own, outcome: StepOutcome::Done, .. } if *own == id)
        });
        assert_eq!(finished.count(), 1, "{id}");
    }

    // The second run asks AWS for nothing.
    let again = world.converge(&project).await;
    assert_eq!(again.resources, []);
    assert_eq!(again.endpoints, applied.endpoints);

    // The instances may reach both stores.
    let environment = applied.environment_id.unwrap();
    let group = world.cloud.network.environment_security_group(&environment);
    let source = group.await.unwrap().unwrap().id;
    let vpc = world.cloud.network.default_vpc().await.unwrap().unwrap().id;
    for (store, port) in [(Store::Database, 5432), (Store::Cache, 6379)] {
        let name = beanpole_provision::names::security_group(&project.environment, store);
        let found = world
            .cloud
            .network
            .security_group(&vpc, &name)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.ingress.len(), 1);
        let rule = found.ingress.first().unwrap();
        assert_eq!(rule.ports, Some((port, port)));
        assert_eq!(rule.source.to_string(), source);
        assert_eq!(found.tags["beanpole:environment"], "blog-production");
        assert_eq!(found.tags["team"], "web");
    }
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_events_plans_or_results() {
    let world = World::new().await;
    let project = project();
    let plan = world.plan(&project).await;
    let applied = world
        .apply(&project, &plan, &CancellationToken::new())
        .await
        .unwrap();
    let scrubber = SecretScrubber::default();
    let values = beanpole_secrets::values(&world.cloud, &project, &scrubber)
        .await
        .unwrap();
    let shown = format!(
        "{plan}\n{:?}\n{}\n{}\n{:?}",
        world.events(),
        serde_json::to_string(&plan).unwrap(),
        serde_json::to_string(&applied).unwrap(),
        applied,
    );
    for variable in [
        "DB_PASSWORD",
        "DATABASE_URL",
        "REDIS_PASSWORD",
        "DJANGO_SECRET_KEY",
    ] {
        let value = values[variable].expose();
        assert!(value.len() >= 32, "{variable}");
        assert!(!shown.contains(value), "{variable} is shown");
    }
    // What was made is known to the scrubber that was handed in.
    let line = format!("login with {}", values["DB_PASSWORD"].expose());
    assert_eq!(world.scrubber.scrub(&line), "login with [redacted]");
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_made_in_place() {
    let world = World::new().await;
    let mut project = project();
    let before = world.converge(&project).await;
    let database = project.database.as_mut().unwrap();
    database.class = "db.t3.small".to_owned();
    database.storage_gib = 40;
    database.deletion_protection = false;
    project.instances.max = 8;
    project
        .variables
        .insert("NEW".to_owned(), "value".to_owned());
    let applied = world.converge(&project).await;
    let kinds: Vec<Kind> = applied
        .resources
        .iter()
        .map(|resource| resource.kind)
        .collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(kinds.contains(&Kind::Database) && kinds.contains(&Kind::Environment));
    assert_eq!(applied.endpoints, before.endpoints);
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_put_right() {
    let world = World::new().await;
    let project = project();
    world.converge(&project).await;
    // Someone changes settings in the console and a database on the command line.
    let setting = OptionSetting::new("aws:autoscaling:asg", "MaxSize", "2");
    let update = UpdateEnvironment::configure(
        project.application.clone(),
        project.environment.clone(),
        vec![setting],
        Vec::new(),
    );
    world
        .cloud
        .beanstalk
        .update_environment(&update)
        .await
        .unwrap();
    let identifier = &project.database.as_ref().unwrap().identifier;
    let change = DatabaseChange {
        backup_retention_days: Some(1),
        apply_immediately: true,
        ..DatabaseChange::default()
    };
    world
        .cloud
        .databases
        .modify(identifier, &change)
        .await
        .unwrap();
    let plan = world.plan(&project).await;
    assert_eq!(plan.change("environment").unwrap().action, Action::Update);
    assert_eq!(plan.change("database").unwrap().action, Action::Update);
    world.converge(&project).await;
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interruption_says_what_goes_on_and_the_next_run_finishes() {
    let world = World::with(None, 200.0).await;
    let project = project();
    let plan = world.plan(&project).await;
    let cancel = CancellationToken::new();
    let soon = async {
        // The database is being created by then.
        loop {
            let identifier = &project.database.as_ref().unwrap().identifier;
            if world
                .cloud
                .databases
                .describe(identifier)
                .await
                .unwrap()
                .is_some()
            {
                return cancel.cancel();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (result, ()) = tokio::join!(world.apply(&project, &plan, &cancel), soon);
    let error = result.unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Interrupted, "{}", told(&error));
    let details = error.details().join("\n");
    assert!(
        details.contains("AWS goes on creating database `blog-production-db`"),
        "{details}"
    );
    assert!(error.hint().unwrap().contains("beanpole apply"));
    world.converge(&project).await;
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_anywhere_is_finished_by_the_next() {
    let world = World::with(None, 300.0).await;
    let project = project();
    let first = world.plan(&project).await;
    // Dropping the future leaves what a kill leaves: whatever AWS was asked to do by then.
    for round in 1..=12_u32 {
        let plan = world.plan(&project).await;
        if plan.is_empty() {
            break;
        }
        assert_eq!(first.beyond(&plan), Vec::<String>::new());
        let cancel = CancellationToken::new();
        let run = world.apply(&project, &plan, &cancel);
        let killed = tokio::time::timeout(Duration::from_millis(u64::from(round) * 150), run).await;
        if let Ok(Err(error)) = killed {
            panic!("{}", told(&error));
        }
    }
    world.converge(&project).await;
    let secrets = world.cloud.secrets.list("").await.unwrap();
    let names: Vec<&str> = secrets.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "blog/secret-key",
            "django/blog-production/cache",
            "django/blog-production/database"
        ]
    );
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_and_throttling_do_not_matter() {
    let faults = "
seed: 7
requests:
  - { service: rds, operation: CreateDBInstance, fault: drop-answer }
  - { service: elasticache, operation: CreateReplicationGroup, fault: drop-answer }
  - { service: elasticbeanstalk, operation: CreateEnvironment, fault: drop-answer }
  - { service: elasticbeanstalk, operation: CreateApplication, fault: drop-answer }
  - { service: ec2, operation: CreateSecurityGroup, fault: drop-answer }
  - { service: ec2, operation: AuthorizeSecurityGroupIngress, fault: drop-answer }
  - { service: secretsmanager, operation: CreateSecret, times: 2, fault: drop-answer }
  - { service: elasticbeanstalk, operation: DescribeEnvironments, times: 0, probability: 0.3, fault: throttle }
  - { service: rds, operation: DescribeDBInstances, times: 0, probability: 0.3, fault: unavailable }
";
    let world = World::with(Some(faults), 600.0).await;
    let project = project();
    world.converge(&project).await;
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_created_ends_the_run() {
    let faults = "
resources:
  - { identifier: '*-db', fault: creation-fails }
";
    let world = World::with(Some(faults), 600.0).await;
    let project = project();
    let plan = world.plan(&project).await;
    let error = world
        .apply(&project, &plan, &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.exit_code(),
        ExitCode::FailedNotRestored,
        "{}",
        told(&error)
    );
    let told = told(&error);
    assert!(told.contains("database `blog-production-db` is "), "{told}");
    // Nothing was started that needs the database, and the plan says what stands in the way.
    let next = world.plan(&project).await;
    assert_eq!(next.change("environment").unwrap().action, Action::Create);
    assert!(
        next.blockers()
            .any(|finding| finding.rule == "broken-database"),
        "{next}"
    );
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_named() {
    let faults = "
requests:
  - { service: rds, operation: CreateDBInstance, times: 0, fault: access-denied }
";
    let world = World::with(Some(faults), 600.0).await;
    let project = project();
    let plan = world.plan(&project).await;
    let error = world
        .apply(&project, &plan, &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Credentials, "{}", told(&error));
    assert!(
        told(&error).contains("rds:CreateDBInstance"),
        "{}",
        told(&error)
    );
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_stays_red_is_a_failure() {
    let faults = "
environments:
  - deployment: 1
    fault: { health-stuck: Red }
";
    let world = World::with(Some(faults), 600.0).await;
    let mut project = project();
    project.database = None;
    project.cache = None;
    let plan = world.plan(&project).await;
    let error = world
        .apply(&project, &plan, &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.exit_code(),
        ExitCode::FailedNotRestored,
        "{}",
        told(&error)
    );
    assert!(told(&error).contains("red"), "{}", told(&error));
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_out_of_date_is_not_applied() {
    let world = World::new().await;
    let mut project = project();
    project.database = None;
    project.cache = None;
    world.converge(&project).await;
    let agreed = world.plan(&project).await;
    project.instances.max = 9;
    let error = world
        .apply(&project, &agreed, &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::OutOfDate { .. }), "{}", told(&error));
    assert_eq!(error.exit_code(), ExitCode::Busy);
    world.rehearsal.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_roles_stop_before_anything_is_made() {
    let world = World::new().await;
    let mut project = project();
    project.roles.instance_profile = "not-there".to_owned();
    let plan = world.plan(&project).await;
    let error = world
        .apply(&project, &plan, &CancellationToken::new())
        .await
        .unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Credentials, "{}", told(&error));
    assert!(error.hint().unwrap().contains("create-instance-profile"));
    assert_eq!(
        world
            .cloud
            .beanstalk
            .application(&project.application)
            .await
            .unwrap(),
        None
    );
    world.rehearsal.stop().await.unwrap();
}
