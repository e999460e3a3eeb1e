//! Pushes against a real Docker Engine and a real registry on loopback.
//!
//! The images are built from nothing but a file, so that nothing is pulled.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on stops; the lints' own exception covers only test functions"
)]

use beanpole_image::{
    BuildRequest, CancellationToken, Context, DockerLogins, Engine, Entry, EntryKind, Error,
    PushRequest, RegistryLogin,
};
use beanpole_model::{Environment, ExitCode, Problem as _, Secret, Silent};
use beanpole_testkit::Registry;

/// `None` only where the tests were told that this machine has no services.
async fn engine() -> Option<Engine> {
    if !beanpole_testkit::services_required() {
        return None;
    }
    let environment: Environment = std::env::vars().collect();
    Some(
        Engine::connect(&environment)
            .await
            .expect("these tests need a Docker Engine; scripts/test-services starts one"),
    )
}

/// An image of a name of its own, which holds its name.
async fn image(engine: &Engine) -> String {
    let name = format!("beanpole-test:{}", uuid::Uuid::new_v4().simple());
    let file = |path: &str, text: String| Entry {
        path: path.to_owned(),
        mode: 0o644,
        kind: EntryKind::File(text.into_bytes().into()),
    };
    let entries = vec![
        file("Dockerfile", "FROM scratch\nCOPY name /name\n".to_owned()),
        file("name", name.clone()),
    ];
    let context = Context::from_entries(entries, "Dockerfile").unwrap();
    let mut request = BuildRequest::new(context, "Dockerfile");
    request.tags = vec![name.clone()];
    engine
        .build(&request, &Silent, &CancellationToken::new())
        .await
        .unwrap();
    name
}

/// Removes the image with all of its names: a push gives it another one.
async fn forget(engine: &Engine, image: &str) {
    let id = engine.image(image).await.unwrap().unwrap().id;
    assert!(engine.remove_image(&id).await.unwrap());
}

fn request(image: &str, repository: String) -> PushRequest {
    PushRequest {
        image: image.to_owned(),
        repository,
        tag: "0123456789abcdef".to_owned(),
        login: None,
        step: beanpole_image::PUSH_STEP.to_owned(),
    }
}

fn login() -> RegistryLogin {
    RegistryLogin::Password {
        username: Registry::USER.to_owned(),
        password: Secret::new(Registry::PASSWORD),
    }
}

#[tokio::test]
async fn a_push_gives_the_digest_by_which_the_image_is_pulled() {
    let Some(engine) = engine().await else { return };
    let (registry, cancel) = (Registry::open(), CancellationToken::new());
    let image = image(&engine).await;
    let request = request(&image, registry.repository("team/blog"));
    let asked = || engine.pushed_digest(&request.repository, &request.tag, None, &cancel);
    assert_eq!(asked().await.unwrap(), None);
    let pushed = engine.push(&request, &Silent, &cancel).await.unwrap();
    assert_eq!(asked().await.unwrap(), Some(pushed.digest.clone()));
    // Again: nothing is sent, and the digest is the same.
    assert_eq!(
        engine.push(&request, &Silent, &cancel).await.unwrap(),
        pushed
    );

    let tag = format!("{}:{}", request.repository, request.tag);
    let id = engine.image(&image).await.unwrap().unwrap().id;
    engine.remove_image(&tag).await.unwrap();
    engine.remove_image(&image).await.unwrap();
    engine.remove_image(&id).await.unwrap();
    let reference = pushed.reference();
    assert!(engine.image(&reference).await.unwrap().is_none());
    let pulled = engine
        .ensure_image(&reference, "pull", &Silent, &cancel)
        .await
        .unwrap();
    assert_eq!(pulled.id, id);
    engine.remove_image(&pulled.id).await.unwrap();
}

#[tokio::test]
async fn a_refused_login_is_told_apart() {
    let Some(engine) = engine().await else { return };
    let (registry, cancel) = (Registry::with_login(), CancellationToken::new());
    let image = image(&engine).await;
    let mut request = request(&image, registry.repository("blog"));
    let wrong = RegistryLogin::Password {
        username: Registry::USER.to_owned(),
        password: Secret::new("guessed"),
    };
    for login in [None, Some(wrong)] {
        request.login = login;
        let asked = engine
            .pushed_digest(
                &request.repository,
                &request.tag,
                request.login.as_ref(),
                &cancel,
            )
            .await;
        let pushed = engine.push(&request, &Silent, &cancel).await;
        for error in [asked.unwrap_err(), pushed.unwrap_err()] {
            assert_eq!(error.exit_code(), ExitCode::Credentials, "{error:?}");
            assert!(!error.with_causes().contains("guessed"), "{error}");
        }
    }
    request.login = Some(login());
    let pushed = engine.push(&request, &Silent, &cancel).await.unwrap();
    let asked = engine
        .pushed_digest(
            &request.repository,
            &request.tag,
            request.login.as_ref(),
            &cancel,
        )
        .await;
    assert_eq!(asked.unwrap(), Some(pushed.digest));
    forget(&engine, &image).await;
}

#[tokio::test]
async fn the_login_that_docker_has_is_used() {
    let Some(engine) = engine().await else { return };
    let registry = Registry::with_login();
    let repository = registry.repository("blog");
    let directory = tempfile::tempdir().unwrap();
    let host = beanpole_image::registry_host(&repository);
    // `ann:open-sesame` in base64.
    let config = format!(r#"{{"auths": {{"{host}": {{"auth": "YW5uOm9wZW4tc2VzYW1l"}}}}}}"#);
    fs_err::write(directory.path().join("config.json"), config).unwrap();
    let variables = [("DOCKER_CONFIG", directory.path().to_str().unwrap())];
    let logins = DockerLogins::from_environment(&variables.into_iter().collect());
    let found = logins.login(&repository).await.unwrap();
    assert_eq!(found, Some(login()));
    let asked = engine
        .pushed_digest(
            &repository,
            "none",
            found.as_ref(),
            &CancellationToken::new(),
        )
        .await;
    assert_eq!(asked.unwrap(), None);
}

#[tokio::test]
async fn a_registry_that_is_not_there_and_a_cancelled_push() {
    let Some(engine) = engine().await else { return };
    let registry = Registry::open();
    let image = image(&engine).await;
    let request = request(&image, registry.repository("blog"));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let error = engine.push(&request, &Silent, &cancel).await.unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    drop(registry);
    let cancel = CancellationToken::new();
    let error = engine.push(&request, &Silent, &cancel).await.unwrap_err();
    assert!(matches!(error, Error::PushFailed { .. }), "{error:?}");
    assert_eq!(error.exit_code(), ExitCode::Outside);
    forget(&engine, &image).await;
}
