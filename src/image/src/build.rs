//! Builds images with BuildKit.
//!
//! Rules: a build runs on a runtime and a connection of its own. BuildKit calls back over a session
//! that the client library serves in a task which it does not let go of; dropping the runtime ends
//! it, and with it everything that a cancelled build has open. The engine then stops the build by
//! itself. The image gets its tags only once it is complete, so that a cancelled build leaves none.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use beanpole_model::{Reporter, Secret, SecretScrubber};
use bollard::moby::buildkit::v1::StatusResponse;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::{message, one_line};
use crate::progress::{News, Tracker};
use crate::{Address, Context, Engine, Error, archive, base_images_for};

/// The step id of build events unless the request names another.
pub const BUILD_STEP: &str = "build-image";

/// The engine takes the whole context before it answers, which may take long over a slow link.
const ANSWER_WITHIN: Duration = Duration::from_secs(3600);

/// How long a cancelled build may take to close its connections.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// What to build.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The files that the build sees.
    pub context: Context,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// The stage to build; `None` is the last one.
    pub target: Option<String>,
    /// Values for `ARG`. They may be secret: they are removed from events and errors. Docker keeps
    /// them in the image's history, though, so that a real secret does not belong here.
    pub args: BTreeMap<String, Secret>,
    /// The names to give to the image: `blog:1a2b3c4d5e6f`.
    pub tags: Vec<String>,
    /// Labels to set on the image.
    pub labels: BTreeMap<String, String>,
    /// The platform, such as `linux/amd64`; `None` is the engine's own.
    pub platform: Option<String>,
    /// The step id of the events; see [`BUILD_STEP`].
    pub step: String,
}

impl BuildRequest {
    /// A request with nothing but a context and its Dockerfile.
    #[must_use]
    pub fn new(context: Context, dockerfile: impl Into<String>) -> Self {
        Self {
            context,
            dockerfile: dockerfile.into(),
            target: None,
            args: BTreeMap::new(),
            tags: Vec::new(),
            labels: BTreeMap::new(),
            platform: None,
            step: BUILD_STEP.to_owned(),
        }
    }

    fn options(&self, session: &str) -> BuildImageOptions {
        let owned = |pairs: &BTreeMap<String, String>| -> HashMap<String, String> {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        let args = self
            .args
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()));
        BuildImageOptions {
            dockerfile: self.dockerfile.clone(),
            target: self.target.clone().unwrap_or_default(),
            platform: self.platform.clone().unwrap_or_default(),
            buildargs: Some(args.collect()),
            labels: Some(owned(&self.labels)),
            version: BuilderVersion::BuilderBuildKit,
            session: Some(session.to_owned()),
            rm: true,
            forcerm: true,
            ..BuildImageOptions::default()
        }
    }
}

/// An image that was built.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct BuiltImage {
    /// The image id: `sha256:…`.
    pub id: String,
    /// What identifies the content. Before a push the engine knows no other digest than the id.
    pub digest: String,
    /// The names that the image was given.
    pub tags: Vec<String>,
    /// How many numbered steps came from the cache.
    pub cached_steps: usize,
    /// How many numbered steps the build had.
    pub total_steps: usize,
    /// How long the build took in wall-clock seconds.
    pub seconds: f64,
}

enum Message {
    Status(StatusResponse),
    Image(String),
    Failed(bollard::errors::Error),
}

impl Engine {
    /// Builds an image, and tells its progress as [`beanpole_model::Event::StepProgress`] and
    /// [`beanpole_model::Event::Output`] of the request's step. The caller reports the step's start
    /// and end.
    ///
    /// # Errors
    /// [`Error::BuildFailed`] with the failing step and its last lines, [`Error::BaseImageUnavailable`]
    /// if the engine could not get an image that the Dockerfile stands on, [`Error::Cancelled`],
    /// [`Error::Request`].
    pub async fn build(
        &self,
        request: &BuildRequest,
        reporter: &dyn Reporter,
        cancel: &CancellationToken,
    ) -> Result<BuiltImage, Error> {
        let action = format!(
            "build {}",
            request.tags.first().map_or("an image", String::as_str)
        );
        let scrubber = SecretScrubber::default();
        request
            .args
            .values()
            .for_each(|value| scrubber.learn(value));
        let started = Instant::now();
        let stop = cancel.child_token();
        // Dropping this future stops the build as well.
        let _guard = stop.clone().drop_guard();
        let mut messages = self.start_build(request, stop.clone(), &action)?;

        let mut tracker = Tracker::default();
        let mut image = None;
        let mut failure = None;
        loop {
            let received = tokio::select! {
                received = messages.recv() => received,
                () = cancel.cancelled() => {
                    // The worker ends by itself; wait for it so that nothing is open afterwards.
                    let drained = async { while messages.recv().await.is_some() {} };
                    let _ = tokio::time::timeout(CLOSE_WITHIN, drained).await;
                    return Err(Error::Cancelled { action });
                }
            };
            match received {
                Some(Message::Status(status)) => {
                    for news in tracker.apply(&status) {
                        match news {
                            News::Progress(text) => {
                                reporter.progress(&request.step, scrubber.scrub(&text));
                            }
                            News::Output(line) => {
                                reporter.output(&request.step, "docker", scrubber.scrub(&line));
                            }
                        }
                    }
                }
                Some(Message::Image(id)) => image = Some(id),
                Some(Message::Failed(error)) => failure = Some(error),
                None => break,
            }
        }
        if let Some(error) = failure {
            return Err(self
                .build_error(request, &tracker, error, &scrubber, action)
                .await);
        }
        let id = image.ok_or(Error::NoImage)?;
        for tag in &request.tags {
            self.tag_image(&id, tag).await?;
        }
        let (total_steps, cached_steps) = tracker.steps();
        Ok(BuiltImage {
            digest: id.clone(),
            id,
            tags: request.tags.clone(),
            cached_steps,
            total_steps,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// Starts the worker of one build. The channel closes when everything that it opened is closed.
    fn start_build(
        &self,
        request: &BuildRequest,
        stop: CancellationToken,
        action: &str,
    ) -> Result<mpsc::UnboundedReceiver<Message>, Error> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let address = self.address().clone();
        let context = request.context.clone();
        let options = request.options(&uuid::Uuid::new_v4().to_string());
        let worker = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            match runtime {
                Ok(runtime) => {
                    runtime.block_on(async {
                        tokio::select! {
                            () = run(&address, options, &context, &sender) => {}
                            () = stop.cancelled() => {}
                        }
                    });
                    drop(runtime);
                }
                Err(err) => {
                    let _ = sender.send(Message::Failed(bollard::errors::Error::IOError { err }));
                }
            }
            drop(sender);
        };
        std::thread::Builder::new()
            .name("build".to_owned())
            .spawn(worker)
            .map_err(|err| Error::request(action, bollard::errors::Error::IOError { err }))?;
        Ok(receiver)
    }

    async fn build_error(
        &self,
        request: &BuildRequest,
        tracker: &Tracker,
        error: bollard::errors::Error,
        scrubber: &SecretScrubber,
        action: String,
    ) -> Error {
        let text = scrubber.scrub(&message(&error));
        let Some(failed) = tracker.failed(&message(&error)) else {
            // No step failed: the engine refused the whole (a Dockerfile that does not parse).
            return match error {
                bollard::errors::Error::DockerStreamError { .. } => Error::BuildFailed {
                    step: request.dockerfile.clone(),
                    message: text,
                    log_tail: Vec::new(),
                },
                other => Error::request(action, other),
            };
        };
        if let Some(image) = self.missing_base(request, &failed.name).await {
            return Error::BaseImageUnavailable { image, cause: text };
        }
        Error::BuildFailed {
            step: scrubber.scrub(&failed.name),
            message: text,
            log_tail: failed
                .log_tail
                .iter()
                .map(|line| scrubber.scrub(line))
                .collect(),
        }
    }

    /// The base image that the failed step was about to get, if this machine does not have it.
    async fn missing_base(&self, request: &BuildRequest, step: &str) -> Option<String> {
        if step.contains(" RUN ") {
            return None;
        }
        let dockerfile = request.context.text(&request.dockerfile).ok()??;
        let args = request
            .args
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()));
        let images = base_images_for(&dockerfile, request.target.as_deref(), &args.collect());
        for image in images {
            if step.contains(image.as_str()) && matches!(self.image(&image).await, Ok(None)) {
                return Some(image);
            }
        }
        None
    }
}

/// Runs one build and passes on what it says.
async fn run(
    address: &Address,
    options: BuildImageOptions,
    context: &Context,
    sender: &mpsc::UnboundedSender<Message>,
) {
    let docker = match Engine::another(address, ANSWER_WITHIN).await {
        Ok(docker) => docker,
        Err(error) => {
            let _ = sender.send(Message::Failed(error));
            return;
        }
    };
    let body = bollard::body_try_stream(archive::stream(context));
    let mut answers = Box::pin(docker.build_image(options, None, Some(body)));
    while let Some(answer) = answers.next().await {
        let news = match answer {
            Ok(BuildInfo {
                aux: Some(BuildInfoAux::BuildKit(status)),
                ..
            }) => Message::Status(status),
            Ok(BuildInfo {
                aux: Some(BuildInfoAux::Default(image)),
                ..
            }) => match image.id {
                Some(id) => Message::Image(id),
                None => continue,
            },
            Ok(BuildInfo {
                error_detail: Some(detail),
                ..
            }) => {
                let error = one_line(&detail.message.unwrap_or_default());
                Message::Failed(bollard::errors::Error::DockerStreamError { error })
            }
            Ok(_) => continue,
            Err(error) => Message::Failed(error),
        };
        let last = matches!(news, Message::Failed(_));
        if sender.send(news).is_err() || last {
            return;
        }
    }
}
