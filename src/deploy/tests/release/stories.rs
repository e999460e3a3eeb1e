//! Whole stories: blue/green, roll-back, promotion's kin, migrations, two releases at once.

use beanpole_deploy::ledger::ReleaseKind;
use beanpole_deploy::{
    KnownVersion, ReleaseReport, ReleaseRequest, Source, Steps, Verdict, release,
};
use beanpole_git::Repository;
use beanpole_model::{ExitCode, StepOutcome, VersionLabel};
use beanpole_provision::pair::Pair;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::support::{Outcome, Setup, World, assert_ended, assert_runs, outcome};

const BLUE_GREEN: Setup = Setup {
    manifest: Some((
        "deployment: {policy: rolling, batch: 50%}",
        "deployment: {strategy: blue-green, policy: all-at-once}",
    )),
    faults: "",
    speed: None,
    engine: None,
    registry: None,
    calls: None,
    clock_offset: jiff::SignedDuration::ZERO,
};

async fn live(world: &World) -> String {
    world.colours().await.live.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blue_green_release_takes_over_and_the_next_one_takes_over_again() {
    let world = World::with_environment(BLUE_GREEN).await;
    let pair = Pair::of(&world.project.environment);
    let first = world.release().await;
    assert_ended(&first, Verdict::Released, ExitCode::Done);
    assert_eq!(outcome(&first, "swap"), Some(StepOutcome::Done));
    assert_eq!(live(&world).await, pair.second.as_str());
    let label = first.version_label.clone().unwrap();
    assert_eq!(
        world.versions_on(&pair.second).await,
        [label.clone()].into()
    );

    assert_ended(
        &world.release().await,
        Verdict::AlreadyReleased,
        ExitCode::Done,
    );

    let second = world.commit("print('two')\n").await;
    let report = world.release().await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert_eq!(live(&world).await, pair.first.as_str());
    assert_eq!(world.versions_on(&pair.first).await, [second].into());
    assert_eq!(world.versions_on(&pair.second).await, [label].into());
    assert_eq!(world.environments().await.len(), 2, "the old one is reused");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blue_green_release_that_fails_is_never_served() {
    let world = World::with_environment(BLUE_GREEN).await;
    let pair = Pair::of(&world.project.environment);
    let good = world.release().await.version_label.unwrap();
    let bad = world.commit("print('two')\n").await;
    world.plane.decide(&bad, Outcome::Broken);
    let report = world.release().await;
    assert_ended(&report, Verdict::RolledBack, ExitCode::FailedRestored);
    assert_eq!(outcome(&report, "swap"), None, "{report}");
    assert_eq!(live(&world).await, pair.second.as_str());
    assert_eq!(world.versions_on(&pair.second).await, [good].into());
    world.end().await;
}

impl World {
    async fn roll_back_to(&self, label: &str) -> ReleaseReport {
        let version = KnownVersion {
            label: VersionLabel::new(label).unwrap(),
            commit: None,
            subject: None,
            kind: ReleaseKind::Rollback,
            repository: Some((
                Repository::discover(self.sandbox.project()).unwrap(),
                self.sandbox.project().to_owned(),
            )),
        };
        let steps = Steps::new(self.heard.clone());
        let request = self.request(Source::Version(&version));
        release(&request, &steps, &CancellationToken::new()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_back_builds_and_uploads_nothing_and_is_proven() {
    let world = World::with_environment(Setup::default()).await;
    let first = world.release().await.version_label.unwrap();
    world.commit("print('two')\n").await;
    assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
    let bundles = world.bundles().await;
    let report = world.roll_back_to(&first).await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    for step in ["build-image", "bundle", "upload", "version"] {
        assert_eq!(outcome(&report, step), None, "{report}");
    }
    for step in ["update", "prove", "probe", "soak"] {
        assert_eq!(outcome(&report, step), Some(StepOutcome::Done), "{report}");
    }
    assert_runs(&world, &first).await;
    assert_eq!(world.bundles().await, bundles);
    world.end().await;
}

const MODELS: &str = "from django.db import models\n\nclass Item(models.Model):\n    name = models.CharField(max_length=20)\n    price = models.IntegerField()\n";

const INITIAL: &str = "from django.db import migrations, models\n\nclass Migration(migrations.Migration):\n    initial = True\n    dependencies = []\n    operations = [\n        migrations.CreateModel(\n            name='Item',\n            fields=[\n                ('id', models.BigAutoField(primary_key=True)),\n                ('name', models.CharField(max_length=20)),\n                ('price', models.IntegerField()),\n            ],\n        ),\n    ]\n";

const REMOVAL: &str = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_initial')]\n    operations = [migrations.RemoveField('item', 'price')]\n";

#[tokio::test(flavor = "multi_thread")]
async fn migrations_that_the_serving_code_could_not_live_with_stop_a_release_and_a_roll_back() {
    let world = World::with_environment(Setup::default()).await;
    world.sandbox.write("shop/__init__.py", "");
    world.sandbox.write("shop/models.py", MODELS);
    world.sandbox.write("shop/migrations/__init__.py", "");
    world
        .sandbox
        .write("shop/migrations/0001_initial.py", INITIAL);
    world.sandbox.commit("feat: items");
    let first = world.release().await;
    assert_ended(&first, Verdict::Released, ExitCode::Done);
    let first = first.version_label.unwrap();

    let without = MODELS.replace("    price = models.IntegerField()\n", "");
    world.sandbox.write("shop/models.py", &without);
    world
        .sandbox
        .write("shop/migrations/0002_no_price.py", REMOVAL);
    world.sandbox.commit("feat: no prices");
    let stopped = world.release().await;
    assert_ended(&stopped, Verdict::Stopped, ExitCode::Findings);
    assert_eq!(outcome(&stopped, "migrations"), Some(StepOutcome::Failed));
    assert_eq!(outcome(&stopped, "update"), None, "{stopped}");
    let text = stopped.to_string();
    assert!(text.contains("0002_no_price"), "{text}");
    assert!(text.contains("--allow-unsafe-migrations"), "{text}");
    assert_runs(&world, &first).await;

    let candidate = world.candidate().await;
    let request = ReleaseRequest {
        unsafe_migrations: Some("nobody buys at night"),
        ..world.request(Source::Commit(&candidate))
    };
    let steps = Steps::new(world.heard.clone());
    let allowed = release(&request, &steps, &CancellationToken::new()).await;
    assert_ended(&allowed, Verdict::Released, ExitCode::Done);
    assert_eq!(allowed.migrations, ["shop.0002_no_price"]);

    // The old code reads a column that is gone.
    let back = world.roll_back_to(&first).await;
    assert_ended(&back, Verdict::Stopped, ExitCode::Findings);
    assert_runs(&world, candidate.label.as_str()).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_releases_at_once_one_is_told_who_is_faster_and_one_waits() {
    let world = World::with_environment(Setup::default()).await;
    let first = world.candidate().await;
    world.commit("print('two')\n").await;
    let second = world.candidate().await;
    let run = async |candidate, wait| {
        let request = ReleaseRequest {
            wait_for_lock: wait,
            ..world.request(Source::Commit(candidate))
        };
        let steps = Steps::new(world.heard.clone());
        release(&request, &steps, &CancellationToken::new()).await
    };
    let (one, two) = tokio::join!(run(&first, None), run(&second, None));
    let mut codes = [one.exit_code, two.exit_code];
    codes.sort_by_key(|code| code.code());
    assert_eq!(codes, [ExitCode::Done, ExitCode::Busy], "{one}\n{two}");
    let refused = if one.exit_code == ExitCode::Busy {
        &one
    } else {
        &two
    };
    assert!(refused.to_string().contains("alice"), "{refused}");

    let wait = Some(Duration::from_secs(3600));
    world.commit("print('three')\n").await;
    let third = world.candidate().await;
    world.commit("print('four')\n").await;
    let fourth = world.candidate().await;
    let (one, two) = tokio::join!(run(&third, wait), run(&fourth, wait));
    assert_ended(&one, Verdict::Released, ExitCode::Done);
    assert_ended(&two, Verdict::Released, ExitCode::Done);
    world.end().await;
}
