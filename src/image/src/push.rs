//! Pushes images to registries.
//!
//! Rules: an image is known by the digest that its push gave, never by a tag that somebody may move.
//! The engine talks to the registry, also for questions, so that its settings (proxies, certificates,
//! plain HTTP on loopback) hold. A refused login is told apart from trouble that may pass, by the
//! engine's HTTP status or by the registry's error code (OCI distribution specification, "Error
//! codes"), which the engine puts before its message in lower case. Trouble without such a code is
//! tried again a few times.

use std::future::Future;
use std::time::Duration;

use beanpole_model::{Reporter, Secret};
use bollard::models::{DistributionInspect, PushImageInfo};
use bollard::query_parameters::PushImageOptionsBuilder;
use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::error::{message, status};
use crate::login::RegistryLogin;
use crate::reference::{ImageDigest, PushedImage, familiar, registry_host};
use crate::{Engine, Error};

/// The step id of push events unless the request names another.
pub const PUSH_STEP: &str = "push-image";

/// How often passing trouble is met before it is believed.
const ATTEMPTS: u32 = 3;

/// The pause after the first attempt; it doubles. Docker itself retries each layer within an attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// A push that says nothing for so long counts as failed. Registries may take minutes to accept the
/// last bytes of a large layer.
const SILENCE: Duration = Duration::from_secs(300);

/// What to push, and where to.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// The image on this engine: a name or an id.
    pub image: String,
    /// The repository: `123456789012.dkr.ecr.eu-central-1.amazonaws.com/blog`.
    pub repository: String,
    /// The tag that the image gets there.
    pub tag: String,
    /// The login; none to push as anybody.
    pub login: Option<RegistryLogin>,
    /// The step id of the events; see [`PUSH_STEP`].
    pub step: String,
}

impl PushRequest {
    fn name(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// What an attempt came to when it did not work.
enum Refusal {
    /// Another attempt may work.
    Passing(String),
    Final(Error),
}

impl Engine {
    /// Tags the image and pushes it. Progress goes to the request's step; the caller reports the step's
    /// start and end. Layers that the registry has are not sent again.
    ///
    /// # Errors
    /// [`Error::RegistryDenied`], [`Error::RepositoryMissing`], [`Error::PushFailed`],
    /// [`Error::NotFound`] without such an image, [`Error::Request`], [`Error::Cancelled`].
    pub async fn push(
        &self,
        request: &PushRequest,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<PushedImage, Error> {
        let name = request.name();
        self.tag_image(&request.image, &name).await?;
        let tell = |text: String| reporter.progress(&request.step, text);
        let attempt = || self.push_once(request, reporter);
        let pushed = persistently(&format!("push {name}"), &tell, cancel, attempt).await;
        if let Err(error) = pushed {
            return Err(self
                .explained(
                    error,
                    &request.repository,
                    &request.tag,
                    request.login.as_ref(),
                )
                .await);
        }
        let digest = self.digest_of_push(request, cancel).await?;
        Ok(PushedImage {
            repository: request.repository.clone(),
            digest,
        })
    }

    /// What a tag means in its registry: the digest, or `None` if there is no such tag or repository.
    ///
    /// # Errors
    /// [`Error::RegistryDenied`], [`Error::PushFailed`] if the registry cannot be asked,
    /// [`Error::Cancelled`].
    pub async fn pushed_digest(
        &self,
        repository: &str,
        tag: &str,
        login: Option<&RegistryLogin>,
        cancel: &CancellationToken,
    ) -> Result<Option<ImageDigest>, Error> {
        let name = format!("{repository}:{tag}");
        let ask = || async {
            match self.ask_registry(repository, tag, login).await {
                Ok(answer) => {
                    let digest = answer.descriptor.digest.unwrap_or_default();
                    ImageDigest::new(digest)
                        .map(Some)
                        .map_err(|error| Refusal::Passing(error.to_string()))
                }
                Err(error) => match status(&error) {
                    Some(404) => Ok(None),
                    Some(401 | 403) => Err(Refusal::Final(denied(repository, message(&error)))),
                    _ => Err(refusal(repository, message(&error))),
                },
            }
        };
        match persistently(&format!("look for {name}"), &|_| {}, cancel, ask).await {
            Ok(found) => Ok(found),
            Err(Error::RepositoryMissing { .. }) => Ok(None),
            Err(error) => Err(self.explained(error, repository, tag, login).await),
        }
    }

    async fn ask_registry(
        &self,
        repository: &str,
        tag: &str,
        login: Option<&RegistryLogin>,
    ) -> Result<DistributionInspect, bollard::errors::Error> {
        let credentials = login.map(|login| login.credentials(registry_host(repository)));
        self.docker()
            .inspect_registry_image(&format!("{repository}:{tag}"), credentials)
            .await
    }

    /// The engine gives no code to a caller without a login whom the registry asks for one. Asked
    /// again with a made-up login, the registry itself answers, and that has a status.
    async fn explained(
        &self,
        error: Error,
        repository: &str,
        tag: &str,
        login: Option<&RegistryLogin>,
    ) -> Error {
        let Error::PushFailed { cause, .. } = &error else {
            return error;
        };
        if login.is_some() {
            return error;
        }
        let made_up = RegistryLogin::Password {
            username: "beanpole".to_owned(),
            password: Secret::new("made-up"),
        };
        match self.ask_registry(repository, tag, Some(&made_up)).await {
            Err(answer) if matches!(status(&answer), Some(401 | 403)) => {
                denied(repository, cause.clone())
            }
            _ => error,
        }
    }

    async fn push_once(
        &self,
        request: &PushRequest,
        reporter: &dyn Reporter,
    ) -> Result<(), Refusal> {
        let host = registry_host(&request.repository);
        let credentials = request.login.as_ref().map(|login| login.credentials(host));
        let options = PushImageOptionsBuilder::default().tag(&request.tag).build();
        let mut answers = Box::pin(self.docker().push_image(
            &request.repository,
            Some(options),
            credentials,
        ));
        let mut progress = Progress::default();
        loop {
            match tokio::time::timeout(SILENCE, answers.next()).await {
                Ok(Some(Ok(news))) => {
                    if let Some(text) = progress.apply(&news) {
                        reporter.progress(&request.step, text);
                    }
                }
                Ok(Some(Err(error))) => {
                    return Err(match status(&error) {
                        Some(401 | 403) => {
                            Refusal::Final(denied(&request.repository, message(&error)))
                        }
                        _ => refusal(&request.repository, message(&error)),
                    });
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    let text = format!("the registry was silent for {} s", SILENCE.as_secs());
                    return Err(Refusal::Passing(text));
                }
            }
        }
    }

    /// The digest that the engine remembers for what it has just pushed. Of several (the same image
    /// was pushed before, packed in another way), the one that the registry has.
    async fn digest_of_push(
        &self,
        request: &PushRequest,
        cancel: &CancellationToken,
    ) -> Result<ImageDigest, Error> {
        let name = request.name();
        let image = self
            .docker()
            .inspect_image(&name)
            .await
            .map_err(|error| Error::request(format!("inspect image {name}"), error))?;
        let prefix = format!("{}@", familiar(&request.repository));
        let mut digests: Vec<ImageDigest> = image
            .repo_digests
            .unwrap_or_default()
            .iter()
            .filter_map(|reference| reference.strip_prefix(prefix.as_str()))
            .filter_map(|digest| ImageDigest::new(digest).ok())
            .collect();
        let failed = |cause: &str| Error::PushFailed {
            action: format!("push {name}"),
            cause: cause.to_owned(),
        };
        match digests.pop() {
            None => Err(failed("the engine knows no digest of it afterwards")),
            Some(only) if digests.is_empty() => Ok(only),
            Some(last) => {
                digests.push(last);
                let login = request.login.as_ref();
                let there = self
                    .pushed_digest(&request.repository, &request.tag, login, cancel)
                    .await?;
                there
                    .filter(|there| digests.contains(there))
                    .ok_or_else(|| failed("the registry has another image under that tag"))
            }
        }
    }
}

/// Makes a few attempts, with pauses between them.
async fn persistently<T, Attempt, Answer>(
    action: &str,
    tell: &(dyn Fn(String) + Sync),
    cancel: &CancellationToken,
    attempt: Attempt,
) -> Result<T, Error>
where
    Attempt: Fn() -> Answer,
    Answer: Future<Output = Result<T, Refusal>>,
{
    let cancelled = || Error::Cancelled {
        action: action.to_owned(),
    };
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let answer = tokio::select! {
            biased;
            // Dropping the attempt closes its connection, and the engine stops.
            () = cancel.cancelled() => return Err(cancelled()),
            answer = attempt() => answer,
        };
        let cause = match answer {
            Ok(value) => return Ok(value),
            Err(Refusal::Final(error)) => return Err(error),
            Err(Refusal::Passing(cause)) => cause,
        };
        if attempts >= ATTEMPTS {
            return Err(Error::PushFailed {
                action: action.to_owned(),
                cause,
            });
        }
        tell(format!("trying again: {cause}"));
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled()),
            () = tokio::time::sleep(pause) => pause *= 2,
        }
    }
}

fn denied(repository: &str, cause: String) -> Error {
    Error::RegistryDenied {
        repository: repository.to_owned(),
        cause,
    }
}

/// Judges a message by the registry's error code at its beginning.
fn refusal(repository: &str, text: String) -> Refusal {
    let code = text.split(':').next().unwrap_or_default().trim();
    match code {
        "unauthorized" | "denied" => Refusal::Final(denied(repository, text)),
        "name unknown" => Refusal::Final(Error::RepositoryMissing {
            repository: repository.to_owned(),
            cause: text,
        }),
        "name invalid" | "tag invalid" | "manifest invalid" | "unsupported" => {
            Refusal::Final(Error::PushFailed {
                action: format!("push to {repository}"),
                cause: text,
            })
        }
        _ => Refusal::Passing(text),
    }
}

/// How far a layer is. The engine's news do not say which one, so that they cannot be summed up.
#[derive(Default)]
struct Progress {
    shown: Option<(u64, u64)>,
}

impl Progress {
    /// Takes news in. Gives a line when it differs from the last one.
    fn apply(&mut self, news: &PushImageInfo) -> Option<String> {
        let detail = news.progress_detail.as_ref()?;
        let mebibytes = |value: Option<i64>| {
            value
                .and_then(|value| u64::try_from(value).ok())
                .map(|bytes| bytes / (1024 * 1024))
        };
        let (sent, size) = (mebibytes(detail.current)?, mebibytes(detail.total)?);
        // The size is a guess until the layer is packed.
        let sent = sent.min(size);
        if size == 0 || self.shown == Some((sent, size)) {
            return None;
        }
        self.shown = Some((sent, size));
        Some(format!("{sent} of {size} MiB of a layer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use beanpole_model::{ExitCode, Problem as _};

    #[test]
    fn codes_decide_and_prose_does_not() {
        let exit = |text: &str| match refusal("host/blog", text.to_owned()) {
            Refusal::Final(error) => Some(error.exit_code()),
            Refusal::Passing(_) => None,
        };
        assert_eq!(
            exit("unauthorized: authentication required"),
            Some(ExitCode::Credentials)
        );
        assert_eq!(
            exit("denied: requested access to the resource is denied"),
            Some(ExitCode::Credentials)
        );
        assert_eq!(
            exit("name unknown: The repository with name 'blog' does not exist"),
            Some(ExitCode::Usage)
        );
        assert_eq!(exit("received unexpected HTTP status: 503"), None);
        assert_eq!(exit("toomanyrequests: Rate exceeded"), None);
        assert_eq!(exit("the word unauthorized in the middle"), None);
    }

    #[test]
    fn progress_is_told_in_whole_mebibytes() {
        let news = |current: i64, total: i64| PushImageInfo {
            progress_detail: Some(bollard::models::ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
            ..PushImageInfo::default()
        };
        let mut progress = Progress::default();
        let mib = 1024 * 1024;
        assert_eq!(
            progress.apply(&news(mib, 2 * mib)).as_deref(),
            Some("1 of 2 MiB of a layer")
        );
        assert_eq!(progress.apply(&news(mib + 1, 2 * mib)), None);
        // The guess was too low.
        assert_eq!(
            progress.apply(&news(3 * mib, 2 * mib)).as_deref(),
            Some("2 of 2 MiB of a layer")
        );
        assert_eq!(progress.apply(&news(100, 200)), None);
        assert_eq!(progress.apply(&PushImageInfo::default()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn passing_trouble_is_met_three_times() {
        let tried = std::sync::atomic::AtomicU32::new(0);
        let attempt = || async {
            tried.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Err::<(), _>(Refusal::Passing("no route".to_owned()))
        };
        let cancel = CancellationToken::new();
        let error = persistently("push a:b", &|_| {}, &cancel, attempt)
            .await
            .unwrap_err();
        assert_eq!(tried.load(std::sync::atomic::Ordering::SeqCst), 3);
        assert_eq!(
            error.to_string(),
            "the Docker Engine failed to push a:b: no route"
        );
        cancel.cancel();
        let error = persistently("push a:b", &|_| {}, &cancel, attempt)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    }
}
