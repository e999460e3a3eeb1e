//! A rehearsal with an environment, a repository with an application, and a data plane whose
//! versions fail on request.

mod plane;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use beanpole_cloud::{
    Cloud, EnvironmentDescription, EnvironmentStatus, NewEnvironment, OptionSetting, Settings,
};
use beanpole_deploy::{
    Author, Candidate, CheckRequest, ReleaseReport, ReleaseRequest, Source, Steps, Verdict, check,
    release,
};
use beanpole_image::Engine;
use beanpole_manifest::{Manifest, Project};
use beanpole_model::{
    AccountId, Event, ExitCode, Pace, Region, Reporter, SecretScrubber, StepOutcome,
};
use beanpole_rehearsal::data_plane::{Docker, DockerOptions};
use beanpole_rehearsal::{CallObserver, DataPlane, FaultScript, Options, Rehearsal};
use beanpole_testkit::Sandbox;
use camino::Utf8PathBuf;
use tokio_util::sync::CancellationToken;

pub(crate) use plane::{Outcome, Plane};

/// Ten seconds of AWS's time are 20 ms here.
const SPEED: f64 = 500.0;

const MANIFEST: &str = "application: shop
region: eu-central-1
processes:
  web:
    command: gunicorn shop.wsgi --bind 0.0.0.0:8000
    port: 8000
release: [python manage.py migrate]
instances: {min: 2, max: 4}
deployment: {policy: rolling, batch: 50%}
health: {soak: 1m}
";

/// What to begin with.
#[derive(Default)]
pub(crate) struct Setup {
    /// A fault script.
    pub(crate) faults: &'static str,
    /// Replaces a text of the manifest by another one.
    pub(crate) manifest: Option<(&'static str, &'static str)>,
    /// Another speed of the clock, for a story in which a moment must not pass too soon.
    pub(crate) speed: Option<f64>,
    /// Runs what is released in containers, instead of remembering it.
    pub(crate) engine: Option<Engine>,
    /// The address of a registry that stands in for ECR's.
    pub(crate) registry: Option<String>,
    /// Is told of every request to AWS.
    pub(crate) calls: Option<Arc<dyn CallObserver>>,
    /// How far AWS's clock is ahead of ours.
    pub(crate) clock_offset: jiff::SignedDuration,
}

/// Everything that a test plays with.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) plane: Arc<Plane>,
    pub(crate) sandbox: Sandbox,
    pub(crate) project: Project,
    pub(crate) scrubber: SecretScrubber,
    pub(crate) author: Author,
    pub(crate) state: Utf8PathBuf,
    cache: Utf8PathBuf,
    pub(crate) heard: Arc<Heard>,
    pub(crate) rehearsal: Rehearsal,
}

impl World {
    /// An environment that runs Beanstalk's sample application, and a committed project.
    pub(crate) async fn new(setup: Setup) -> Self {
        let region = Region::new("eu-central-1").unwrap();
        let account = AccountId::new("123456789012").unwrap();
        let plane = Arc::new(Plane::default());
        let faults = FaultScript::parse("faults.yaml", setup.faults).unwrap();
        let data_plane: Arc<dyn DataPlane> = match setup.engine {
            None => plane.clone(),
            Some(engine) => Arc::new(Docker::new(DockerOptions {
                engine,
                run: format!("{:08x}", rand::random::<u32>()),
                keep: false,
                reporter: Arc::new(beanpole_model::Silent),
                cancel: CancellationToken::new(),
            })),
        };
        let options = Options {
            speed: setup.speed.unwrap_or(SPEED),
            faults: Some(faults),
            data_plane: Some(data_plane),
            registry: setup.registry,
            calls: setup.calls,
            clock_offset: setup.clock_offset,
            ..Options::new(region.clone(), account)
        };
        let heard = Arc::new(Heard::default());
        let rehearsal = beanpole_rehearsal::start(options, Arc::new(beanpole_model::Silent))
            .await
            .unwrap();
        let (key, secret) = rehearsal.credentials();
        let cloud = Cloud::connect(&Settings {
            region: Some(region),
            endpoint_url: Some(rehearsal.endpoint_url()),
            static_credentials: Some((key, secret, None)),
            maximum_attempts: 2,
            pace: rehearsal.pace(),
            ..Settings::default()
        })
        .await
        .unwrap();

        let (from, to) = setup.manifest.unwrap_or(("", ""));
        let manifest = if from.is_empty() {
            MANIFEST.to_owned()
        } else {
            MANIFEST.replace(from, to)
        };
        let sandbox = Sandbox::new();
        sandbox.git(&["init", "--quiet", "--initial-branch=main"]);
        sandbox.write("beanpole.yaml", &manifest);
        sandbox.write("Dockerfile", "FROM python:3.11\nCOPY . /app\n");
        sandbox.write("manage.py", "print('one')\n");
        sandbox.commit("feat: the first version");
        let project = Manifest::load(&sandbox.project().join("beanpole.yaml"))
            .unwrap()
            .environment(None)
            .unwrap();
        let home = sandbox.home().to_owned();
        Self {
            cloud,
            plane,
            sandbox,
            project,
            scrubber: SecretScrubber::default(),
            author: Author {
                who: "alice".to_owned(),
                ..Author::default()
            },
            state: home.join("state"),
            cache: home.join("cache"),
            heard,
            rehearsal,
        }
    }

    /// The same, with the environment created.
    pub(crate) async fn with_environment(setup: Setup) -> Self {
        let world = Self::new(setup).await;
        world.create_environment().await;
        world
    }

    /// The same world with the manifest as it is now.
    pub(crate) fn reload(self) -> Self {
        let project = Manifest::load(&self.sandbox.project().join("beanpole.yaml"))
            .unwrap()
            .environment(None)
            .unwrap();
        Self { project, ..self }
    }

    /// Creates the application and the environment that the manifest describes.
    pub(crate) async fn create_environment(&self) {
        let beanstalk = &self.cloud.beanstalk;
        let project = &self.project;
        beanstalk
            .create_application(&project.application, "", &BTreeMap::new())
            .await
            .unwrap();
        let platform = beanstalk
            .platform_arn(&project.platform.branch, None)
            .await
            .unwrap()
            .expect("the rehearsal knows the platform");
        let setting =
            |namespace: &str, name: &str, value: &str| OptionSetting::new(namespace, name, value);
        let command = "aws:elasticbeanstalk:command";
        let (kind, size) = match project.deployment.batch {
            beanpole_manifest::Batch::Percentage(share) => ("Percentage", share.to_string()),
            beanpole_manifest::Batch::Fixed(count) => ("Fixed", count.to_string()),
        };
        let settings = vec![
            setting(
                "aws:autoscaling:asg",
                "MinSize",
                &project.instances.min.to_string(),
            ),
            setting(
                "aws:autoscaling:asg",
                "MaxSize",
                &project.instances.max.to_string(),
            ),
            setting(
                "aws:autoscaling:launchconfiguration",
                "IamInstanceProfile",
                "aws-elasticbeanstalk-ec2-role",
            ),
            setting(
                "aws:elasticbeanstalk:environment",
                "EnvironmentType",
                "LoadBalanced",
            ),
            setting(
                "aws:elasticbeanstalk:environment",
                "LoadBalancerType",
                "application",
            ),
            setting(
                "aws:elasticbeanstalk:environment",
                "ServiceRole",
                "aws-elasticbeanstalk-service-role",
            ),
            setting(
                "aws:elasticbeanstalk:healthreporting:system",
                "SystemType",
                "enhanced",
            ),
            setting(
                command,
                "DeploymentPolicy",
                project.deployment.policy.option_value(),
            ),
            setting(command, "BatchSizeType", kind),
            setting(command, "BatchSize", &size),
            setting(
                "aws:elasticbeanstalk:environment:process:default",
                "HealthCheckPath",
                &project.health.load_balancer_path,
            ),
        ];
        beanstalk
            .create_environment(&NewEnvironment {
                application: project.application.clone(),
                name: project.environment.clone(),
                description: String::new(),
                cname_prefix: None,
                platform_arn: platform,
                version_label: None,
                settings,
                tags: BTreeMap::new(),
            })
            .await
            .unwrap();
        self.wait_until_ready().await;
    }

    /// Waits until the environment is Ready and green.
    pub(crate) async fn wait_until_ready(&self) {
        for _ in 0..2000 {
            // A fault script may make requests fail; what counts is that it gets there.
            let found = self
                .cloud
                .beanstalk
                .environment(&self.project.application, &self.project.environment)
                .await;
            if let Ok(Some(environment)) = found
                && environment.status == EnvironmentStatus::Ready
                && environment.health == beanpole_cloud::Color::Green
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!(
            "the environment never became ready: {:?}",
            self.environment().await
        );
    }

    /// The environment as AWS has it.
    pub(crate) async fn environment(&self) -> EnvironmentDescription {
        self.cloud
            .beanstalk
            .environment(&self.project.application, &self.project.environment)
            .await
            .unwrap()
            .expect("the environment exists")
    }

    /// The version and the deployment id of each instance.
    pub(crate) async fn fleet(&self) -> Vec<(String, i64)> {
        self.cloud
            .beanstalk
            .instances(&self.project.environment)
            .await
            .unwrap()
            .into_iter()
            .map(|instance| {
                let deployment = instance.deployment.expect("a deployment");
                (
                    deployment.version_label.unwrap_or_default(),
                    deployment.id.unwrap_or_default(),
                )
            })
            .collect()
    }

    /// The bundles in S3, with the moment that they were stored.
    pub(crate) async fn bundles(&self) -> Vec<(String, Option<jiff::Timestamp>)> {
        let bucket = self.cloud.beanstalk.storage_location().await.unwrap();
        let objects = self.cloud.storage.list(&bucket, "shop/").await.unwrap();
        objects
            .into_iter()
            .filter(|object| object.key.ends_with(".zip"))
            .map(|object| (object.key, object.modified))
            .collect()
    }

    /// Where bundles are packed.
    pub(crate) fn cache(&self) -> Utf8PathBuf {
        self.sandbox.home().join("cache")
    }

    /// How fast the rehearsal's clock is.
    pub(crate) fn pace(&self) -> Pace {
        self.rehearsal.pace()
    }

    /// The candidate that the repository's commit makes.
    pub(crate) async fn candidate(&self) -> Candidate {
        let request = CheckRequest {
            project: self.project.clone(),
            directory: self.sandbox.project().to_owned(),
            manifest: self.sandbox.project().join("beanpole.yaml"),
            allow_dirty: false,
        };
        check(request, &Steps::new(self.heard.clone()))
            .await
            .unwrap()
    }

    /// Commits another version of the application and gives its label.
    pub(crate) async fn commit(&self, text: &str) -> String {
        self.sandbox.write("manage.py", text);
        self.sandbox.commit("feat: another version");
        self.candidate().await.label.to_string()
    }

    /// Releases the commit that is checked out.
    pub(crate) async fn release(&self) -> ReleaseReport {
        self.release_until(&CancellationToken::new()).await
    }

    /// The same, until it is cancelled.
    pub(crate) async fn release_until(&self, cancel: &CancellationToken) -> ReleaseReport {
        self.release_with(None, cancel).await
    }

    /// The same, with an engine to build the image.
    pub(crate) async fn release_with(
        &self,
        engine: Option<&Engine>,
        cancel: &CancellationToken,
    ) -> ReleaseReport {
        let candidate = self.candidate().await;
        self.release_candidate(&candidate, engine, cancel).await
    }

    /// Releases a candidate that was made before.
    pub(crate) async fn release_candidate(
        &self,
        candidate: &Candidate,
        engine: Option<&Engine>,
        cancel: &CancellationToken,
    ) -> ReleaseReport {
        let cache = self.cache();
        let request = ReleaseRequest {
            engine,
            cache_directory: &cache,
            ..self.request(Source::Commit(candidate))
        };
        let steps = Steps::new(self.heard.clone());
        let report = release(&request, &steps, cancel).await;
        assert!(has_no_files(&cache), "a temporary file was left behind");
        report
    }

    /// A release of `source`, by alice, who waits for nobody.
    pub(crate) fn request<'a>(&'a self, source: Source<'a>) -> ReleaseRequest<'a> {
        ReleaseRequest {
            project: match source {
                Source::Commit(candidate) => &candidate.project,
                Source::Version(_) => &self.project,
            },
            source,
            cloud: &self.cloud,
            engine: None,
            cache_directory: &self.cache,
            state_directory: &self.state,
            author: &self.author,
            wait_for_lock: None,
            configure: false,
            unsafe_migrations: None,
            pace: self.pace(),
            scrubber: &self.scrubber,
        }
    }

    /// Where the embedded AWS listens: address and port.
    pub(crate) fn address(&self) -> String {
        let url = self.rehearsal.endpoint_url();
        url.trim_start_matches("http://")
            .trim_end_matches('/')
            .to_owned()
    }

    /// Stops the rehearsal.
    pub(crate) async fn end(self) {
        self.rehearsal.stop().await.unwrap();
    }
}

/// True if a directory holds nothing but directories: kept bundles have one of their own.
fn has_no_files(directory: &camino::Utf8Path) -> bool {
    match fs_err::read_dir(directory) {
        Ok(mut entries) => entries.all(|entry| entry.unwrap().file_type().unwrap().is_dir()),
        Err(_) => true,
    }
}

/// Listens, and cancels a token when it hears something.
#[derive(Default)]
pub(crate) struct Heard {
    events: Mutex<Vec<Event>>,
    listener: Mutex<Option<Listener>>,
}

type Listener = Box<dyn Fn(&Event) + Send>;

impl Heard {
    /// Cancels `token` as soon as the step starts.
    pub(crate) fn cancel_at(&self, step: &'static str, token: &CancellationToken) {
        self.cancel_when(
            move |event| matches!(event, Event::StepStarted { id, .. } if id == step),
            token,
        );
    }

    /// Cancels `token` at the first event that is `heard`.
    pub(crate) fn cancel_when(
        &self,
        heard: impl Fn(&Event) -> bool + Send + 'static,
        token: &CancellationToken,
    ) {
        let token = token.clone();
        self.listen(move |event| {
            if heard(event) {
                token.cancel();
            }
        });
    }

    /// Hands every event from now on to `listener`, instead of to the one before.
    pub(crate) fn listen(&self, listener: impl Fn(&Event) + Send + 'static) {
        *self.listener.lock().unwrap() = Some(Box::new(listener));
    }

    /// Everything that was heard.
    pub(crate) fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// The lines that Beanstalk was heard to say.
    pub(crate) fn beanstalk(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                Event::Output { source, line, .. } if source == "beanstalk" => Some(line.clone()),
                _ => None,
            })
            .collect()
    }

    /// What the release step printed.
    pub(crate) fn release_step(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                Event::Output { source, line, .. } if source == "release" => Some(line.clone()),
                _ => None,
            })
            .collect()
    }

    /// The progress of a step.
    pub(crate) fn progress(&self, step: &str) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .filter_map(|event| match event {
                Event::StepProgress { id, message } if id == step => Some(message.clone()),
                _ => None,
            })
            .collect()
    }
}

impl Reporter for Heard {
    fn report(&self, event: &Event) {
        if let Some(listener) = &*self.listener.lock().unwrap() {
            listener(event);
        }
        self.events.lock().unwrap().push(event.clone());
    }
}

/// The steps with their outcomes, in order.
pub(crate) fn steps(report: &ReleaseReport) -> Vec<(&str, StepOutcome)> {
    report
        .steps
        .iter()
        .map(|step| (step.id.as_str(), step.outcome))
        .collect()
}

/// How a step ended, if it was taken.
pub(crate) fn outcome(report: &ReleaseReport, id: &str) -> Option<StepOutcome> {
    report
        .steps
        .iter()
        .find(|step| step.id == id)
        .map(|step| step.outcome)
}

/// Verdict and exit code are these.
pub(crate) fn assert_ended(report: &ReleaseReport, verdict: Verdict, exit_code: ExitCode) {
    assert_eq!(
        (report.verdict, report.exit_code),
        (verdict, exit_code),
        "{report}"
    );
}

/// Every instance runs `version`, and the environment is Ready with it.
pub(crate) async fn assert_runs(world: &World, version: &str) {
    let environment = world.environment().await;
    assert_eq!(environment.version_label.as_deref(), Some(version));
    assert_eq!(environment.status, EnvironmentStatus::Ready);
    for (found, _) in world.fleet().await {
        assert_eq!(found, version);
    }
}
