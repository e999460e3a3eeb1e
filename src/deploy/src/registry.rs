//! Brings the image of an image-form release to its registry.
//!
//! Rules: the registry is asked first for the tag that the sources name. If it has it, nothing is built
//! and nothing pushed, and the digest is the one of the first push. A registry of ECR gets a token of
//! the account in use; any other gets the login that Docker has for it. Nothing of AWS but the
//! registry is touched here.

use beanpole_cloud::Cloud;
use beanpole_image::{
    DockerLogins, Engine, PushRequest, PushedImage, RegistryLogin, registry_host,
};
use beanpole_model::SecretScrubber;
use tokio_util::sync::CancellationToken;

use crate::check::Candidate;
use crate::error::Error;
use crate::form::{Form, ImageForm};
use crate::image::build_image;
use crate::step::{Ended, StepId, Steps};

/// What to push, and with what.
#[derive(Clone, Copy, Debug)]
pub struct PushedCandidateRequest<'a> {
    /// The checked commit.
    pub candidate: &'a Candidate,
    /// The engine that builds and pushes. Without one, the image form cannot be released.
    pub engine: Option<&'a Engine>,
    /// The connected account, for a token of ECR.
    pub cloud: &'a Cloud,
    /// Where Docker keeps the logins of other registries.
    pub logins: &'a DockerLogins,
    /// Learns the login's secret.
    pub scrubber: &'a SecretScrubber,
}

/// Builds and pushes the image of an image-form candidate, as the steps `build-image` and
/// `push-image`, and gives the candidate with its final bundle and label. A candidate of the source
/// form comes back as it is, without a step. Changes nothing but the registry, and may be repeated.
///
/// # Errors
/// [`Error::NoEngine`], [`Error::Image`] (a refused login has the exit code 7), [`Error::Cloud`]
/// without a token, [`Error::Git`], [`Error::Interrupted`].
pub async fn push_image(
    request: &PushedCandidateRequest<'_>,
    steps: &Steps,
    cancel: &CancellationToken,
) -> Result<Candidate, Error> {
    let candidate = request.candidate;
    let Form::Image(form) = &candidate.form else {
        return Ok(candidate.clone());
    };
    let (target, found) = steps
        .run(
            StepId::BuildImage,
            find_or_build(request, form, steps, cancel),
        )
        .await?;
    let image = steps
        .run(StepId::PushImage, async {
            if let Some(image) = found {
                let reference = image.reference();
                return Ok(Ended::unchanged(image, reference));
            }
            let push = PushRequest {
                image: candidate.image_tag(),
                repository: target.repository.clone(),
                tag: form.tag.clone(),
                login: target.login.clone(),
                step: StepId::PushImage.id().to_owned(),
            };
            let engine = engine(request, form)?;
            let image = engine
                .push(&push, steps.reporter(), cancel)
                .await
                .map_err(image_error)?;
            let reference = image.reference();
            Ok::<_, Error>(Ended::done(image, reference))
        })
        .await?;
    candidate.clone().with_image(image)
}

/// Looks for the image in its registry, and builds it if it is not there.
async fn find_or_build(
    request: &PushedCandidateRequest<'_>,
    form: &ImageForm,
    steps: &Steps,
    cancel: &CancellationToken,
) -> Result<Ended<(Target, Option<PushedImage>)>, Error> {
    let engine = engine(request, form)?;
    let target = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(Error::Interrupted),
        target = target(request, form) => target?,
    };
    let name = format!("{}:{}", target.repository, form.tag);
    let asked = engine
        .pushed_digest(&target.repository, &form.tag, target.login.as_ref(), cancel)
        .await;
    match asked {
        Ok(Some(digest)) => {
            let image = PushedImage {
                repository: target.repository.clone(),
                digest,
            };
            let message = format!("`{name}` is in the registry");
            return Ok(Ended::unchanged((target, Some(image)), message));
        }
        // Some registries refuse to speak of a repository that the first push makes.
        Ok(None) | Err(beanpole_image::Error::RegistryDenied { .. }) => {}
        Err(error) => return Err(image_error(error)),
    }
    let built = build_image(request.candidate, engine, steps.reporter(), cancel).await?;
    let message = format!(
        "`{}`, {} of {} steps cached",
        request.candidate.image_tag(),
        built.cached_steps,
        built.total_steps
    );
    Ok(Ended::done((target, None), message))
}

fn engine<'a>(request: &PushedCandidateRequest<'a>, form: &ImageForm) -> Result<&'a Engine, Error> {
    request.engine.ok_or_else(|| Error::NoEngine {
        repository: form.repository.clone(),
    })
}

/// Where to push, and as whom.
#[derive(Debug)]
struct Target {
    repository: String,
    login: Option<RegistryLogin>,
}

async fn target(request: &PushedCandidateRequest<'_>, form: &ImageForm) -> Result<Target, Error> {
    let host = registry_host(&form.repository);
    let target = if is_ecr(host) {
        let token = Box::pin(request.cloud.registry.token())
            .await
            .map_err(|source| Error::Cloud {
                doing: "asking for a login to the registry",
                source,
            })?;
        Target {
            repository: at_endpoint(&form.repository, &token.endpoint),
            login: Some(RegistryLogin::Password {
                username: token.username,
                password: token.password,
            }),
        }
    } else {
        let login = request.logins.login(&form.repository).await;
        Target {
            repository: form.repository.clone(),
            login: login.map_err(Error::Image)?,
        }
    };
    if let Some(login) = &target.login {
        request.scrubber.learn(login.secret());
    }
    Ok(target)
}

/// True for a registry of ECR: `<account>.dkr.ecr.<region>.amazonaws.com`, also in its forms for FIPS
/// and for China (Amazon ECR user guide, "Private registry").
pub(crate) fn is_ecr(host: &str) -> bool {
    let Some((account, rest)) = host.split_once('.') else {
        return false;
    };
    let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    let is_service = rest.starts_with("dkr.ecr.") || rest.starts_with("dkr.ecr-fips.");
    let is_aws = rest.ends_with(".amazonaws.com") || rest.ends_with(".amazonaws.com.cn");
    is_account && is_service && is_aws
}

/// The repository at the place that the token is for. ECR itself names one registry there, and the
/// token opens every other that the caller may use, so that the manifest's host stands. A stand-in for
/// AWS names a host of its own, and that is where the images are.
fn at_endpoint(repository: &str, endpoint: &str) -> String {
    let host = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, host)| host)
        .trim_end_matches('/');
    match repository.split_once('/') {
        Some((_, path)) if !host.is_empty() && !is_ecr(host) => format!("{host}/{path}"),
        _ => repository.to_owned(),
    }
}

fn image_error(error: beanpole_image::Error) -> Error {
    match error {
        beanpole_image::Error::Cancelled { .. } => Error::Interrupted,
        other => Error::Image(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECR: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

    #[test]
    fn registries_of_ecr_are_known_by_their_host() {
        for host in [
            ECR,
            "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_ecr(host), "{host}");
        }
        for host in [
            "public.ecr.aws",
            "ghcr.io",
            "localhost",
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com.example.org",
            "1234.dkr.ecr.eu-central-1.amazonaws.com",
        ] {
            assert!(!is_ecr(host), "{host}");
        }
    }

    #[test]
    fn the_manifests_host_stands_at_aws_and_not_at_a_stand_in() {
        let repository = format!("{ECR}/team/blog");
        let at = |endpoint: &str| at_endpoint(&repository, endpoint);
        assert_eq!(
            at("https://210987654321.dkr.ecr.eu-central-1.amazonaws.com"),
            repository
        );
        assert_eq!(at("http://127.0.0.1:5000"), "127.0.0.1:5000/team/blog");
        assert_eq!(at("http://127.0.0.1:5000/"), "127.0.0.1:5000/team/blog");
        assert_eq!(at(""), repository);
    }
}
