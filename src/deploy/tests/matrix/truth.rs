//! What is true in the world, found out without the code that is judged.

use std::collections::BTreeSet;
use std::time::Duration;

use beanpole_cloud::{Color, EnvironmentStatus};
use beanpole_probe::{HttpProbe, check_http};
use beanpole_rehearsal::FaultScript;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use crate::support::World;

/// How long AWS may go on by itself, in wall-clock time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The state of everything that a release touches.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    /// AWS's word, and none if the environment is gone.
    pub(crate) status: Option<EnvironmentStatus>,
    pub(crate) color: Option<Color>,
    pub(crate) version: Option<String>,
    /// What each instance runs.
    pub(crate) fleet: Vec<String>,
    pub(crate) newest_deployment: i64,
    /// True if the health check from outside passes.
    pub(crate) answers: bool,
    /// Bundles in S3.
    pub(crate) bundles: BTreeSet<String>,
    /// Locks in S3.
    pub(crate) locks: BTreeSet<String>,
    /// Uploads that were begun and neither completed nor aborted.
    pub(crate) unfinished_uploads: usize,
    /// The application's versions.
    pub(crate) versions: BTreeSet<String>,
}

impl Truth {
    /// Ends all faults, waits until AWS rests, and looks.
    pub(crate) async fn at_rest(world: &World) -> Self {
        world.rehearsal.director().play(FaultScript::default());
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let truth = Self::now(world).await;
            let rests = matches!(
                truth.status,
                None | Some(EnvironmentStatus::Ready | EnvironmentStatus::Terminated)
            );
            if rests || tokio::time::Instant::now() > end {
                return truth;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn now(world: &World) -> Self {
        let beanstalk = &world.cloud.beanstalk;
        let application = &world.project.application;
        let environment = beanstalk
            .environment(application, &world.project.environment)
            .await
            .unwrap();
        let fleet: Vec<(String, i64)> = match &environment {
            Some(_) => fleet(world).await,
            None => Vec::new(),
        };
        let answers = match environment.as_ref().and_then(|found| found.cname.as_ref()) {
            Some(name) => answers(world, name).await,
            None => false,
        };
        let keys: BTreeSet<String> = world
            .bundles()
            .await
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let (locks, keys): (BTreeSet<_>, BTreeSet<_>) =
            keys.into_iter().partition(|key| key.contains("/locks/"));
        let versions = beanstalk.versions(application, &[]).await.unwrap();
        Self {
            status: environment.as_ref().map(|found| found.status.clone()),
            color: environment.as_ref().map(|found| found.health.clone()),
            version: environment.and_then(|found| found.version_label),
            newest_deployment: fleet.iter().map(|(_, id)| *id).max().unwrap_or_default(),
            fleet: fleet.into_iter().map(|(version, _)| version).collect(),
            answers,
            bundles: keys
                .into_iter()
                .filter(|key| key.ends_with(".zip"))
                .collect(),
            locks,
            unfinished_uploads: unfinished_uploads(world).await,
            versions: versions.into_iter().map(|version| version.label).collect(),
        }
    }

    /// True if all instances run this version.
    pub(crate) fn runs(&self, version: &str) -> bool {
        !self.fleet.is_empty() && self.fleet.iter().all(|found| found == version)
    }

    /// True if all instances run the same version, whichever that is.
    pub(crate) fn runs_one_version(&self) -> bool {
        self.fleet.first().is_some_and(|first| self.runs(first))
    }

    /// What speaks against exit 0 for `version`.
    pub(crate) fn objections(&self, version: &str) -> Vec<String> {
        let mut objections = Vec::new();
        let mut object = |holds: bool, what: String| {
            if !holds {
                objections.push(what);
            }
        };
        object(
            self.runs(version),
            format!("instances run {:?}", self.fleet),
        );
        let named = self.version.as_deref();
        object(
            named == Some(version),
            format!("the environment names {named:?}"),
        );
        let (status, color) = (&self.status, &self.color);
        object(
            *status == Some(EnvironmentStatus::Ready),
            format!("it is {status:?}"),
        );
        object(*color == Some(Color::Green), format!("it is {color:?}"));
        object(self.answers, "the health check fails".to_owned());
        objections
    }
}

/// The version and the deployment id of each instance; nothing and 0 for one that has not reported.
async fn fleet(world: &World) -> Vec<(String, i64)> {
    // An environment that is going away has no health to tell.
    let instances = world
        .cloud
        .beanstalk
        .instances(&world.project.environment)
        .await
        .unwrap_or_default();
    instances
        .into_iter()
        .map(|instance| match instance.deployment {
            Some(deployment) => (
                deployment.version_label.unwrap_or_default(),
                deployment.id.unwrap_or_default(),
            ),
            None => (String::new(), 0),
        })
        .collect()
}

async fn answers(world: &World, name: &str) -> bool {
    let path = &world.project.health.path;
    let url = Url::parse(&format!("http://{name}{path}")).unwrap();
    let probe = HttpProbe::health(url, world.project.health.timeout);
    check_http(&probe).await.ok
}

/// Asks S3 itself, by hand: the product has no such call. The embedded AWS reads the scope of a
/// signature and does not check it.
async fn unfinished_uploads(world: &World) -> usize {
    let bucket = world.cloud.beanstalk.storage_location().await.unwrap();
    let endpoint = world.rehearsal.endpoint_url();
    let host = endpoint.strip_prefix("http://").unwrap();
    let region = world.rehearsal.region();
    let request = format!(
        "GET /{bucket}?uploads HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/{region}/s3/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n"
    );
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("ListMultipartUploadsResult"), "{answer}");
    answer.matches("<Upload>").count()
}
