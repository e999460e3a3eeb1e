//! Releases that build the image first, on a real Docker Engine. The images are built from nothing,
//! so that no registry is needed.

use beanpole_deploy::Verdict;
use beanpole_image::Engine;
use beanpole_model::{Environment, ExitCode, StepOutcome};
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, World};

/// `None` only where the tests were told that this machine has no services.
async fn engine() -> Option<Engine> {
    if !beanpole_testkit::services_required() {
        return None;
    }
    let environment: Environment = std::env::vars().collect();
    Some(
        Engine::connect(&environment)
            .await
            .expect("these tests need a Docker Engine"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_is_built_from_the_commit_before_anything_is_sent() {
    let Some(engine) = engine().await else { return };
    let world = World::with_environment(Setup::default()).await;
    world.sandbox.write(
        "Dockerfile",
        "FROM scratch\nCOPY manage.py docker-compose.yml /\n",
    );
    world.sandbox.commit("build: from nothing");
    let tag = world.candidate().await.image_tag();
    let report = world
        .release_with(Some(&engine), &CancellationToken::new())
        .await;
    assert_eq!(
        (report.verdict, report.exit_code),
        (Verdict::Released, ExitCode::Done),
        "{report}"
    );
    assert_eq!(report.steps[0].id, "build-image");
    assert_eq!(report.steps[0].outcome, StepOutcome::Done);
    assert_eq!(report.created[0].name, tag);
    assert!(engine.image(&tag).await.unwrap().is_some());
    assert!(engine.remove_image(&tag).await.unwrap());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_build_is_not_sent() {
    let Some(engine) = engine().await else { return };
    let world = World::with_environment(Setup::default()).await;
    world
        .sandbox
        .write("Dockerfile", "FROM scratch\nCOPY no-such-file /\n");
    world.sandbox.commit("build: broken");
    let report = world
        .release_with(Some(&engine), &CancellationToken::new())
        .await;
    assert_eq!(report.verdict, Verdict::Stopped, "{report}");
    assert_ne!(report.exit_code, ExitCode::Done);
    assert!(report.to_string().contains("COPY no-such-file"), "{report}");
    assert!(report.created.is_empty(), "{report}");
    assert!(world.bundles().await.is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_build_leaves_nothing() {
    let Some(engine) = engine().await else { return };
    let world = World::with_environment(Setup::default()).await;
    world
        .sandbox
        .write("Dockerfile", "FROM scratch\nCOPY manage.py /interrupted\n");
    world.sandbox.commit("build: interrupted");
    let tag = world.candidate().await.image_tag();
    let cancel = CancellationToken::new();
    world.heard.cancel_at("build-image", &cancel);
    let report = world.release_with(Some(&engine), &cancel).await;
    assert_eq!(report.verdict, Verdict::Interrupted, "{report}");
    assert_eq!(report.exit_code, ExitCode::Interrupted);
    assert!(engine.image(&tag).await.unwrap().is_none());
    world.end().await;
}
