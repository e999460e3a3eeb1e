//! A release in the image form, for real: the image is built on a Docker Engine, pushed to a registry
//! on loopback that stands in for ECR's, and pulled and run by the instances of the embedded AWS.

use beanpole_deploy::{Candidate, Error, Form, PushedCandidateRequest, Steps, Verdict, push_image};
use beanpole_image::{DockerLogins, Engine};
use beanpole_model::{Environment, ExitCode, Problem as _, StepOutcome};
use beanpole_testkit::Registry;
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, World, assert_ended, assert_runs};

/// A static program that serves files: the image needs nothing else, and nothing is pulled for it.
const BUSYBOX: &str = "/bin/busybox";

const DOCKERFILE: &str =
    "FROM scratch\nCOPY busybox /bin/busybox\nCOPY www /www\nCMD [\"/bin/busybox\", \"true\"]\n";

/// Slow enough for containers to be there when AWS's clock says so.
const SPEED: f64 = 60.0;

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

/// A world whose project is pushed to `repository`.
async fn world(engine: &Engine, registry: Option<String>, repository: &str) -> World {
    let more = format!(
        "image: {{registry: {repository}}}\nhealth: {{path: /ok, load_balancer_path: /ok, soak: 10s}}\n"
    );
    let world = World::new(Setup {
        engine: Some(engine.clone()),
        registry,
        speed: Some(SPEED),
        ..Setup::default()
    })
    .await;
    let sandbox = &world.sandbox;
    let manifest = sandbox
        .read("beanpole.yaml")
        .replace(
            "gunicorn shop.wsgi --bind 0.0.0.0:8000",
            "/bin/busybox httpd -f -p 8000 -h /www",
        )
        .replace("release: [python manage.py migrate]\n", "")
        .replace("{min: 2, max: 4}", "{min: 1, max: 1}")
        .replace("health: {soak: 1m}\n", &more);
    sandbox.write("beanpole.yaml", &manifest);
    sandbox.write("Dockerfile", DOCKERFILE);
    sandbox.write("www/ok", "the first version\n");
    assert!(
        std::path::Path::new(BUSYBOX).exists(),
        "these tests need {BUSYBOX}: apt-get install busybox-static"
    );
    fs_err::copy(BUSYBOX, sandbox.project().join("busybox")).unwrap();
    sandbox.commit("feat: pages");
    let world = world.reload();
    world.create_environment().await;
    world
}

async fn pushed(world: &World, engine: &Engine, steps: &Steps) -> Result<Candidate, Error> {
    let candidate = world.candidate().await;
    let request = PushedCandidateRequest {
        candidate: &candidate,
        engine: Some(engine),
        cloud: &world.cloud,
        logins: &DockerLogins::default(),
        scrubber: &world.scrubber,
    };
    push_image(&request, steps, &CancellationToken::new()).await
}

fn outcomes(steps: &Steps) -> Vec<(String, StepOutcome)> {
    steps
        .reports()
        .into_iter()
        .map(|step| (step.id, step.outcome))
        .collect()
}

/// Removes everything that the engine has of the candidate's image, so that it must be pulled.
async fn forget(engine: &Engine, candidate: &Candidate) {
    let id = engine
        .image(candidate.layout.image_name())
        .await
        .unwrap()
        .expect("it was pushed from here")
        .id;
    assert!(engine.remove_image(&id).await.unwrap());
    let gone = engine.image(candidate.layout.image_name()).await.unwrap();
    assert!(gone.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pushed_image_is_what_the_instances_run() {
    let Some(engine) = engine().await else { return };
    let registry = Registry::open();
    let ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop";
    let world = world(&engine, Some(registry.url()), ecr).await;

    let steps = Steps::new(world.heard.clone());
    let candidate = pushed(&world, &engine, &steps).await.unwrap();
    assert_eq!(
        outcomes(&steps),
        [
            ("build-image".to_owned(), StepOutcome::Done),
            ("push-image".to_owned(), StepOutcome::Done),
        ]
    );
    let name = candidate.layout.image_name().to_owned();
    let prefix = format!("{}@sha256:", registry.repository("shop"));
    assert!(name.starts_with(&prefix), "{name}");
    forget(&engine, &candidate).await;

    let cancel = CancellationToken::new();
    let report = world
        .release_candidate(&candidate, Some(&engine), &cancel)
        .await;
    assert_ended(&report, Verdict::Released, ExitCode::Done);
    assert_runs(&world, candidate.label.as_str()).await;
    assert!(
        engine.image(&name).await.unwrap().is_some(),
        "it was pulled"
    );

    // Another run, on a machine that has never built: the registry knows the image.
    let steps = Steps::new(world.heard.clone());
    let again = pushed(&world, &engine, &steps).await.unwrap();
    assert_eq!(
        outcomes(&steps),
        [
            ("build-image".to_owned(), StepOutcome::Unchanged),
            ("push-image".to_owned(), StepOutcome::Unchanged),
        ]
    );
    assert_eq!(again.label, candidate.label);
    let report = world
        .release_candidate(&again, Some(&engine), &cancel)
        .await;
    assert_ended(&report, Verdict::AlreadyReleased, ExitCode::Done);
    assert_eq!(world.bundles().await.len(), 1);
    world.end().await;
    engine.remove_image(&name).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_refuses_the_login_stops_the_release() {
    let Some(engine) = engine().await else { return };
    let registry = Registry::with_login();
    let world = world(&engine, None, &registry.repository("shop")).await;
    let steps = Steps::new(world.heard.clone());
    let error = pushed(&world, &engine, &steps).await.unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Credentials, "{error}");
    assert!(world.bundles().await.is_empty());
    let candidate = world.candidate().await;
    if let Form::Image(form) = &candidate.form {
        let tag = format!("{}:{}", form.repository, form.tag);
        engine.remove_image(&tag).await.unwrap();
    }
    engine.remove_image(&candidate.image_tag()).await.unwrap();
    world.end().await;
}
