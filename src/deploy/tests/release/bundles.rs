//! What reaches S3: once for each content, whole or not at all, in either form.

use beanpole_deploy::{Candidate, Error, PushedCandidateRequest, Steps, Verdict, push_image};
use beanpole_image::{DockerLogins, ImageDigest, PushedImage};
use beanpole_model::{Event, ExitCode, Problem as _, StepOutcome};
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, World, assert_ended, assert_runs, outcome};

const IMAGE_FORM: (&str, &str) = (
    "release: [python manage.py migrate]\n",
    "release: [python manage.py migrate]\nimage: {registry: \
     123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop}\n",
);

/// Commits a file that does not become smaller, of 20 MiB.
fn commit_large_file(world: &World) {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        // A linear congruential generator: quick, and its upper half is nothing that deflate could use.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    })
    .take(20 * 1024 * 1024 / 4)
    .flat_map(|bytes| bytes.into_iter().take(4))
    .collect();
    fs_err::write(world.sandbox.project().join("noise"), noise).unwrap();
    world.sandbox.commit("feat: much noise");
}

async fn unfinished(world: &World) -> usize {
    let bucket = world.cloud.beanstalk.storage_location().await.unwrap();
    let storage = &world.cloud.storage;
    storage.unfinished_uploads(&bucket, "").await.unwrap().len()
}

/// The candidate with an image of our choice.
fn with_image(candidate: Candidate, digits: &str) -> Candidate {
    let image = PushedImage {
        repository: "127.0.0.1:1/shop".to_owned(),
        digest: ImageDigest::new(format!("sha256:{}", digits.repeat(32))).unwrap(),
    };
    candidate.with_image(image).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_bundle_goes_in_parts_with_checksums() {
    let world = World::with_environment(Setup::default()).await;
    commit_large_file(&world);
    assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
    let bundles = world.bundles().await;
    assert_eq!(bundles.len(), 1);
    let bucket = world.cloud.beanstalk.storage_location().await.unwrap();
    let object = world
        .cloud
        .storage
        .head(&bucket, &bundles[0].0)
        .await
        .unwrap()
        .expect("the bundle is there");
    assert!(object.size > beanpole_cloud::PART_SIZE, "{object:?}");
    let parts = object.size.div_ceil(beanpole_cloud::PART_SIZE);
    let checksum = object.checksum_sha256.expect("a checksum of checksums");
    assert!(checksum.ends_with(&format!("-{parts}")), "{checksum}");
    assert_eq!(unfinished(&world).await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_upload_leaves_no_parts() {
    let world = World::with_environment(Setup::default()).await;
    commit_large_file(&world);
    let cancel = CancellationToken::new();
    let first_part =
        |event: &Event| matches!(event, Event::StepProgress { id, .. } if id == "upload");
    world.heard.cancel_when(first_part, &cancel);
    let report = world.release_until(&cancel).await;
    assert_ended(&report, Verdict::Interrupted, ExitCode::Interrupted);
    assert!(world.bundles().await.is_empty());
    assert_eq!(unfinished(&world).await, 0);
    assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_fails_leaves_no_parts() {
    let faults = "
requests:
  - {service: s3, operation: UploadPart, times: 0, fault: unavailable}
";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    commit_large_file(&world);
    let report = world.release().await;
    assert_ended(&report, Verdict::Stopped, ExitCode::Outside);
    assert!(world.bundles().await.is_empty());
    assert_eq!(unfinished(&world).await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ignore_file_hides_is_not_uploaded() {
    let world = World::with_environment(Setup::default()).await;
    world.sandbox.write("docs/index.md", "# Shop\n");
    world.sandbox.write(".beanpoleignore", "docs/\n");
    world.sandbox.commit("docs: something");
    assert_ended(&world.release().await, Verdict::Released, ExitCode::Done);
    let names = names_in_bundle(&world).await;
    assert_eq!(
        names,
        [
            ".ebextensions/00-beanpole-release.config",
            "Dockerfile",
            "beanpole.yaml",
            "docker-compose.yml",
            "manage.py",
        ]
    );
    world.end().await;
}

/// The names in the archive's directory; the only bundle's.
async fn names_in_bundle(world: &World) -> Vec<String> {
    let bundles = world.bundles().await;
    assert_eq!(bundles.len(), 1);
    let bucket = world.cloud.beanstalk.storage_location().await.unwrap();
    let bytes = world
        .cloud
        .storage
        .get(&bucket, &bundles[0].0)
        .await
        .unwrap();
    let archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut names: Vec<String> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        // The release step's own files are told elsewhere.
        .filter(|name| !name.starts_with(".beanpole/"))
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_of_a_commit_is_uploaded_once() {
    let world = World::with_environment(Setup {
        manifest: Some(IMAGE_FORM),
        ..Setup::default()
    })
    .await;
    let release = async |candidate: &Candidate| {
        let cancel = CancellationToken::new();
        world.release_candidate(candidate, None, &cancel).await
    };
    let candidate = world.candidate().await;
    let pushed = with_image(candidate.clone(), "ab");
    assert_ended(&release(&pushed).await, Verdict::Released, ExitCode::Done);
    assert_runs(&world, pushed.label.as_str()).await;
    assert_eq!(
        names_in_bundle(&world).await,
        [
            ".ebextensions/00-beanpole-release.config",
            "docker-compose.yml"
        ]
    );
    // The same digest is the same version; a repeated run changes nothing.
    let again = with_image(world.candidate().await, "ab");
    let report = release(&again).await;
    assert_ended(&report, Verdict::AlreadyReleased, ExitCode::Done);
    // Another digest of the same commit is another version with another bundle.
    let other = with_image(candidate, "cd");
    assert_ended(&release(&other).await, Verdict::Released, ExitCode::Done);
    assert_ne!(other.label, pushed.label);
    assert_eq!(world.bundles().await.len(), 2);
    // The source form of the same commit is a third; then all of them are there.
    let source = beanpole_deploy::inspect(beanpole_deploy::CheckRequest {
        project: {
            let mut project = world.project.clone();
            project.image.registry = None;
            project
        },
        directory: world.sandbox.project().to_owned(),
        manifest: world.sandbox.project().join("beanpole.yaml"),
        allow_dirty: false,
    })
    .unwrap();
    assert_ended(&release(&source).await, Verdict::Released, ExitCode::Done);
    assert_eq!(world.bundles().await.len(), 3);
    let back = release(&pushed).await;
    assert_ended(&back, Verdict::Released, ExitCode::Done);
    assert_eq!(outcome(&back, "upload"), Some(StepOutcome::Unchanged));
    assert_eq!(outcome(&back, "version"), Some(StepOutcome::Unchanged));
    assert_eq!(world.bundles().await.len(), 3);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_engine_the_image_form_changes_nothing() {
    let world = World::with_environment(Setup {
        manifest: Some(IMAGE_FORM),
        ..Setup::default()
    })
    .await;
    let fleet = world.fleet().await;
    let candidate = world.candidate().await;
    let request = PushedCandidateRequest {
        candidate: &candidate,
        engine: None,
        cloud: &world.cloud,
        logins: &DockerLogins::default(),
        scrubber: &world.scrubber,
    };
    let steps = Steps::new(world.heard.clone());
    let error = push_image(&request, &steps, &CancellationToken::new())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoEngine { .. }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::Usage);
    // Nor is a bundle made whose image is nowhere.
    let report = world.release().await;
    assert_eq!(report.verdict, Verdict::Stopped, "{report}");
    assert!(world.bundles().await.is_empty());
    assert_eq!(world.fleet().await, fleet);
    world.end().await;
}
