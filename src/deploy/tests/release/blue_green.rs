//! Blue/green: the second environment, the swap, the way back, and every place to be killed at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use beanpole_cloud::{EnvironmentStatus, OptionSetting, Rule, Source, UpdateEnvironment};
use beanpole_deploy::{Error, StepId, Verdict, changing_project};
use beanpole_manifest::{Keep, Strategy};
use beanpole_model::{EnvironmentName, ExitCode, Problem as _, StepOutcome};
use beanpole_provision::pair::Pair;
use tokio_util::sync::CancellationToken;

use crate::support::{Outcome, Setup, World, assert_ended};

/// A world with a released first environment.
async fn released(setup: Setup) -> (World, String) {
    let world = World::with_environment(setup).await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    let label = report.version_label.unwrap();
    (world, label)
}

fn names(world: &World) -> Pair {
    Pair::of(&world.project.environment)
}

/// A security group of someone else's that lets the live environment's instances in.
async fn door(world: &World) -> String {
    let network = &world.cloud.network;
    let vpc = network.default_vpc().await.unwrap().unwrap().id;
    let id = network
        .create_security_group(&vpc, "shop-database", "for the test", &BTreeMap::new())
        .await
        .unwrap();
    let live = group_of(world, &world.project.environment).await;
    let rule = Rule::tcp(5432, Source::Group(live), "the application");
    network.authorize_ingress(&id, &rule).await.unwrap();
    id
}

async fn group_of(world: &World, name: &EnvironmentName) -> String {
    let id = world.environments().await[name.as_str()].id.clone();
    let found = world.cloud.network.environment_security_group(&id).await;
    found.unwrap().unwrap().id
}

/// Who is let in by a group.
async fn admitted(world: &World, group: &str) -> BTreeSet<String> {
    let rules = world.cloud.network.rules(group).await.unwrap();
    rules
        .into_iter()
        .map(|rule| rule.source.to_string())
        .collect()
}

/// What the environment answers to.
async fn address(world: &World, name: &EnvironmentName) -> String {
    world.environments().await[name.as_str()]
        .cname
        .clone()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_environment_takes_over_and_gives_back() {
    let (world, first) = released(Setup::default()).await;
    let pair = names(&world);
    let production = address(&world, &pair.first).await;
    let database = door(&world).await;

    let (green, created) = world.prepare().await;
    assert!(created);
    assert_eq!(green.environment, pair.second);
    let own = world.in_force(&pair.first).await;
    assert_eq!(
        comparable(&world.in_force(&pair.second).await),
        comparable(&own)
    );
    let both = [
        group_of(&world, &pair.first).await,
        group_of(&world, &pair.second).await,
    ];
    assert_eq!(admitted(&world, &database).await, both.clone().into());
    assert_eq!(address(&world, &pair.first).await, production, "still live");

    // The ordinary release, on the other environment. Nobody is served by it yet.
    let second = world.commit("print('two')\n").await;
    let report = world.release_on(&green).await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert_eq!(world.versions_on(&pair.first).await, [first.clone()].into());
    assert_eq!(world.versions_on(&pair.second).await, [second].into());

    let (outcome, message) = world.swap_to(&pair.second).await.unwrap();
    assert_eq!(outcome, StepOutcome::Done, "{message}");
    assert_eq!(address(&world, &pair.second).await, production);
    let colours = world.colours().await;
    assert_eq!((&colours.live, &colours.idle), (&pair.second, &pair.first));
    // Repeated after a kill: once is enough.
    let (outcome, _) = world.swap_to(&pair.second).await.unwrap();
    assert_eq!(outcome, StepOutcome::Unchanged);
    let (outcome, _) = world.retire(&pair.first).await.unwrap();
    assert_eq!(outcome, StepOutcome::Skipped, "kept for the next release");

    // The way back is a swap.
    world.swap_to(&pair.first).await.unwrap();
    assert_eq!(address(&world, &pair.first).await, production);
    assert_eq!(world.versions_on(&pair.first).await, [first].into());

    // The next release reuses what is there.
    let (green, created) = world.prepare().await;
    assert!(!created);
    assert_eq!(green.environment, pair.second);
    let all: Vec<String> = world.environments().await.into_keys().collect();
    assert_eq!(all, [pair.first.to_string(), pair.second.to_string()]);
    world.end().await;
}

/// Settings without those that name the environment's own security group.
fn comparable(settings: &[OptionSetting]) -> Vec<OptionSetting> {
    settings
        .iter()
        .filter(|own| own.name != "SecurityGroups")
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_environment_gets_the_settings_that_the_live_one_has_now() {
    let (world, _) = released(Setup::default()).await;
    let pair = names(&world);
    world.prepare().await;
    let variables = "aws:elasticbeanstalk:application:environment";
    for (name, setting) in [
        (&pair.first, OptionSetting::new(variables, "A", "new")),
        (&pair.second, OptionSetting::new(variables, "STALE", "x")),
    ] {
        let application = world.project.application.clone();
        let update =
            UpdateEnvironment::configure(application, name.clone(), vec![setting], Vec::new());
        let beanstalk = &world.cloud.beanstalk;
        beanstalk.update_environment(&update).await.unwrap();
    }
    world.wait_until_ready().await;
    let (green, created) = world.prepare().await;
    assert!(!created);
    let found = world.variables(&green.environment).await;
    assert_eq!(found, [("A".to_owned(), "new".to_owned())].into());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_fails_on_the_second_environment_is_never_served() {
    let (world, first) = released(Setup::default()).await;
    let pair = names(&world);
    let production = address(&world, &pair.first).await;
    let (green, _) = world.prepare().await;
    let bad = world.commit("print('two')\n").await;
    world.plane.decide(&bad, Outcome::Broken);
    let report = world.release_on(&green).await;
    assert_ne!(report.exit_code, ExitCode::Done, "{report}");
    assert_eq!(address(&world, &pair.first).await, production);
    assert_eq!(world.versions_on(&pair.first).await, [first].into());
    // The next one is good, on the same environment.
    let third = world.commit("print('three')\n").await;
    let (green, created) = world.prepare().await;
    assert!(!created);
    let report = world.release_on(&green).await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert_eq!(world.versions_on(&pair.second).await, [third].into());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_environment_goes_when_its_time_is_up() {
    let (mut world, _) = released(Setup::default()).await;
    let pair = names(&world);
    let database = door(&world).await;
    world.prepare().await;
    world.swap_to(&pair.second).await.unwrap();
    let live = group_of(&world, &pair.second).await;
    world.project.deployment.blue_green.keep = Keep::For(Duration::from_secs(300));
    let (outcome, message) = world.retire(&pair.first).await.unwrap();
    assert_eq!(outcome, StepOutcome::Done, "{message}");
    let left: Vec<String> = world.environments().await.into_keys().collect();
    assert_eq!(left, [pair.second.to_string()]);
    assert_eq!(admitted(&world, &database).await, [live].into());
    assert_eq!(
        world.terminate_idle(&pair.first).await.unwrap().0,
        StepOutcome::Unchanged
    );
    // The live one is safe, and the next release makes a new second one under the free name.
    let error = world.terminate_idle(&pair.second).await.unwrap_err();
    assert!(matches!(error, Error::StillLive { .. }), "{error}");
    let (green, created) = world.prepare().await;
    assert!(created);
    assert_eq!(green.environment, pair.first);
    assert_eq!(world.colours().await.live, pair.second);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_the_swap_does_not_swap_back() {
    for fault in ["drop-answer", "drop", "throttle", "server-error"] {
        let faults: &'static str = Box::leak(
            format!(
                "requests:\n  - {{service: elasticbeanstalk, operation: SwapEnvironmentCNAMEs, \
                 fault: {fault}}}\n"
            )
            .into_boxed_str(),
        );
        let world = World::with_environment(Setup {
            faults,
            ..Setup::default()
        })
        .await;
        let pair = names(&world);
        world.prepare().await;
        world.swap_to(&pair.second).await.unwrap();
        assert_eq!(world.colours().await.live, pair.second, "{fault}");
        let all = world.environments().await;
        let busy = all
            .values()
            .any(|found| found.status != EnvironmentStatus::Ready);
        assert!(!busy, "{fault}: {all:?}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preparing_killed_at_any_request_leaves_one_second_environment() {
    for count in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 20, 40] {
        let world = World::with_environment(Setup::default()).await;
        let pair = names(&world);
        let database = door(&world).await;
        let since = world.cloud.requests();
        tokio::select! {
            _ = world.prepare() => {}
            () = world.after_requests(since, count) => {}
        }
        let (green, _) = world.prepare().await;
        assert_eq!(green.environment, pair.second, "{count}");
        let all = world.environments().await;
        assert_eq!(all.len(), 2, "{count}");
        assert!(
            all.values()
                .all(|found| found.status == EnvironmentStatus::Ready),
            "{count}: {all:?}"
        );
        let both = [
            group_of(&world, &pair.first).await,
            group_of(&world, &pair.second).await,
        ];
        assert_eq!(admitted(&world, &database).await, both.into(), "{count}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swap_and_retirement_killed_at_any_request_are_finished_by_the_next_run() {
    for count in 1..12 {
        let mut world = World::with_environment(Setup::default()).await;
        let pair = names(&world);
        world.project.deployment.blue_green.keep = Keep::For(Duration::ZERO);
        let database = door(&world).await;
        world.prepare().await;
        let since = world.cloud.requests();
        tokio::select! {
            _ = world.swap_to(&pair.second) => {}
            () = world.after_requests(since, count) => {}
        }
        world.swap_to(&pair.second).await.unwrap();
        assert_eq!(world.colours().await.live, pair.second, "{count}");
        let since = world.cloud.requests();
        tokio::select! {
            _ = world.retire(&pair.first) => {}
            () = world.after_requests(since, count) => {}
        }
        world.retire(&pair.first).await.unwrap();
        let left: Vec<String> = world.environments().await.into_keys().collect();
        assert_eq!(left, [pair.second.to_string()], "{count}");
        let live = group_of(&world, &pair.second).await;
        assert_eq!(admitted(&world, &database).await, [live].into(), "{count}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_of_a_pair_that_is_being_changed_is_found() {
    let (mut world, _) = released(Setup::default()).await;
    let pair = names(&world);
    world.project.deployment.strategy = Strategy::BlueGreen;
    world.prepare().await;
    let found = changing_project(&world.cloud, &world.project).await;
    assert_eq!(
        found.unwrap().environment,
        pair.first,
        "at rest: the live one"
    );
    let setting = OptionSetting::new("aws:elasticbeanstalk:application:environment", "A", "new");
    let update = UpdateEnvironment::configure(
        world.project.application.clone(),
        pair.second.clone(),
        vec![setting],
        Vec::new(),
    );
    let beanstalk = &world.cloud.beanstalk;
    beanstalk.update_environment(&update).await.unwrap();
    let found = changing_project(&world.cloud, &world.project).await;
    assert_eq!(found.unwrap().environment, pair.second);
    world.wait_until_ready().await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_is_going_is_outlasted() {
    let world = World::with_environment(Setup::default()).await;
    let pair = names(&world);
    world.prepare().await;
    let application = &world.project.application;
    let old = world.environments().await[pair.second.as_str()].id.clone();
    let beanstalk = &world.cloud.beanstalk;
    beanstalk
        .terminate(application, &pair.second)
        .await
        .unwrap();
    let (green, created) = world.prepare().await;
    assert!(created);
    assert_ne!(
        world.environments().await[green.environment.as_str()].id,
        old
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_cannot_be_told_apart_is_refused() {
    let mut world = World::with_environment(Setup::default()).await;
    // Someone made the second environment by hand, with a name of his own.
    world.prepare().await;
    world.project.cname_prefix = Some("elsewhere".to_owned());
    let pair = names(&world);
    // Our own idle name still tells.
    assert_eq!(world.colours().await.live, pair.first);
    let application = &world.project.application;
    let beanstalk = &world.cloud.beanstalk;
    beanstalk
        .terminate(application, &pair.second)
        .await
        .unwrap();
    world.terminate_idle(&pair.second).await.unwrap();
    let mut new = beanpole_cloud::NewEnvironment {
        application: application.clone(),
        name: pair.second.clone(),
        description: String::new(),
        cname_prefix: Some("by-hand".to_owned()),
        platform_arn: world.environment().await.platform_arn.unwrap(),
        version_label: None,
        settings: Vec::new(),
        tags: BTreeMap::new(),
    };
    new.settings.push(OptionSetting::new(
        "aws:autoscaling:launchconfiguration",
        "IamInstanceProfile",
        "aws-elasticbeanstalk-ec2-role",
    ));
    beanstalk.create_environment(&new).await.unwrap();
    let cancel = CancellationToken::new();
    let error = world
        .step(&world.project, &cancel, async |scene| {
            let colours = scene.live_environment().await?;
            scene.prepare_green(&colours, StepId::Update).await
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoLiveEnvironment { .. }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::Usage);
    assert!(error.details().join(" ").contains("`by-hand`"), "{error:?}");
    world.end().await;
}
