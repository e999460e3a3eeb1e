//! Whole stories, told through the wire: requests in, answers and events out, on a stopped clock.

mod deployments;
mod groups;
mod requests;
mod stories;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use beanpole_model::Secret;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::Beanstalk;
use crate::data_plane::{
    CacheSpec, DataPlane, DataPlaneError, DatabaseSpec, DeploymentFailure, DeploymentOutput,
    DeploymentSpec, HealthObservation, IngressRule, InstanceId, InstanceSpec, Removed,
};
use crate::faults::FaultScript;
use crate::services::tests_support::{query, text, world_on};
use crate::world::{ObjectStorage, SecretValues, Services, World};

/// A data plane that remembers what it was told and fails by version label: `*-broken` does not deploy,
/// `*-sick` deploys and answers 500, `*-half` deploys on every second instance only.
#[derive(Default)]
pub(super) struct Plane {
    running: Mutex<BTreeMap<InstanceId, DeploymentSpec>>,
    deployments: Mutex<Vec<(InstanceId, DeploymentSpec)>>,
}

impl Plane {
    /// What runs on each instance.
    pub(super) fn running(&self) -> BTreeMap<InstanceId, String> {
        let running = self.running.lock().unwrap();
        running
            .iter()
            .map(|(id, spec)| (id.clone(), spec.version_label.clone()))
            .collect()
    }

    /// Every deployment of a version so far.
    pub(super) fn deployments(&self, label: &str) -> Vec<DeploymentSpec> {
        let all = self.deployments.lock().unwrap();
        all.iter()
            .filter(|(_, spec)| spec.version_label == label)
            .map(|(_, spec)| spec.clone())
            .collect()
    }
}

#[async_trait]
impl DataPlane for Plane {
    fn name(&self) -> &'static str {
        "test"
    }
    fn is_real(&self) -> bool {
        false
    }
    async fn create_database(&self, _: &DatabaseSpec) -> Result<(), DataPlaneError> {
        Ok(())
    }
    async fn delete_database(&self, _: &str) -> Result<(), DataPlaneError> {
        Ok(())
    }
    async fn create_cache(&self, _: &CacheSpec) -> Result<(), DataPlaneError> {
        Ok(())
    }
    async fn delete_cache(&self, _: &str) -> Result<(), DataPlaneError> {
        Ok(())
    }
    async fn launch_instance(&self, _: &InstanceSpec) -> Result<(), DataPlaneError> {
        Ok(())
    }
    async fn terminate_instance(&self, instance: &InstanceId) -> Result<(), DataPlaneError> {
        self.running.lock().unwrap().remove(instance);
        Ok(())
    }
    async fn deploy(
        &self,
        instance: &InstanceId,
        spec: &DeploymentSpec,
    ) -> Result<DeploymentOutput, DeploymentFailure> {
        let mut deployments = self.deployments.lock().unwrap();
        deployments.push((instance.clone(), spec.clone()));
        let odd = deployments.len() % 2 == 1;
        let label = &spec.version_label;
        if label.ends_with("-broken") || (label.ends_with("-half") && odd) {
            return Err(DeploymentFailure {
                step: "build".to_owned(),
                message: "Failed to build Docker image.".to_owned(),
                log_tail: vec!["step 3/7: no space left".to_owned()],
            });
        }
        self.running
            .lock()
            .unwrap()
            .insert(instance.clone(), spec.clone());
        Ok(DeploymentOutput {
            log_tail: vec![format!("deployed {label}")],
        })
    }
    async fn check(&self, instance: &InstanceId, _path: &str) -> HealthObservation {
        let running = self.running.lock().unwrap();
        let status = running.get(instance).map(|spec| {
            if spec.version_label.ends_with("-sick") {
                500
            } else {
                200
            }
        });
        HealthObservation {
            ok: status == Some(200),
            status,
            cause: None,
        }
    }
    fn address(&self, _: &InstanceId) -> Option<SocketAddr> {
        None
    }
    async fn set_ingress(&self, _: &[IngressRule]) -> Result<(), DataPlaneError> {
        Ok(())
    }
    async fn logs(&self, instance: &InstanceId, _lines: usize) -> Vec<String> {
        let running = self.running.lock().unwrap();
        let secret = running
            .get(instance)
            .and_then(|spec| spec.variables.get("DATABASE_URL"));
        vec![format!(
            "url is {}",
            secret.map_or("unknown", Secret::expose)
        )]
    }
    async fn remove_everything(&self) -> Removed {
        Removed::default()
    }
}

/// S3 and Secrets Manager in a map.
#[derive(Default)]
struct Memory {
    objects: Mutex<BTreeMap<(String, String), Bytes>>,
}

#[async_trait]
impl ObjectStorage for Memory {
    async fn ensure_bucket(&self, _: &str) {}
    async fn has_bucket(&self, _: &str) -> bool {
        true
    }
    async fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.objects
            .lock()
            .unwrap()
            .get(&(bucket.to_owned(), key.to_owned()))
            .cloned()
    }
    async fn has(&self, bucket: &str, key: &str) -> bool {
        self.get(bucket, key).await.is_some()
    }
    async fn put(&self, bucket: &str, key: &str, content: Bytes) {
        self.objects
            .lock()
            .unwrap()
            .insert((bucket.to_owned(), key.to_owned()), content);
    }
    async fn delete(&self, bucket: &str, key: &str) {
        self.objects
            .lock()
            .unwrap()
            .remove(&(bucket.to_owned(), key.to_owned()));
    }
}

#[async_trait]
impl SecretValues for Memory {
    async fn value(&self, id: &str) -> Option<Secret> {
        id.ends_with(":secret:django/db-AbCdEf").then(|| {
            Secret::new(r#"{"url": "postgres://shop:hunter2hunter2@db/shop", "port": 5432}"#)
        })
    }
}

/// A Beanstalk with application `shop`, versions on request, and its helpers.
pub(super) struct Bench {
    pub(super) beanstalk: Beanstalk,
    pub(super) world: Arc<World>,
    pub(super) plane: Arc<Plane>,
    storage: Arc<Memory>,
}

pub(super) const ENVIRONMENT: &str = "shop-production";
pub(super) const BUCKET: &str = "elasticbeanstalk-eu-central-1-123456789012";

impl Bench {
    pub(super) async fn new(faults: &str) -> Self {
        let plane = Arc::new(Plane::default());
        let script = FaultScript::parse("test", faults).unwrap();
        let world = world_on(plane.clone(), script);
        let storage = Arc::new(Memory::default());
        world.install(Services {
            storage: storage.clone(),
            secrets: storage.clone(),
            ..Services::default()
        });
        let beanstalk = Beanstalk::new(&world, &CancellationToken::new());
        let bench = Self {
            beanstalk,
            world,
            plane,
            storage,
        };
        bench
            .good("CreateApplication", &[("ApplicationName", "shop")])
            .await;
        bench
    }

    /// A request; its status and body.
    pub(super) async fn ask(&self, action: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let all: Vec<(&str, &str)> = [("Action", action)]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        let answer = query(&self.beanstalk, &all).await;
        (answer.status, text(&answer))
    }

    /// A request that must be accepted.
    pub(super) async fn good(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let (status, body) = self.ask(action, fields).await;
        assert_eq!(status, 200, "{action}: {body}");
        body
    }

    /// A request that must be refused: code and message.
    pub(super) async fn refused(&self, action: &str, fields: &[(&str, &str)]) -> (String, String) {
        let (status, body) = self.ask(action, fields).await;
        assert_eq!(status, 400, "{action}: {body}");
        (field(&body, "Code"), field(&body, "Message"))
    }

    /// Makes versions of the application, each with a bundle in S3.
    pub(super) async fn versions(&self, labels: &[&str]) {
        for label in labels {
            let key = format!("shop/{label}.zip");
            self.storage
                .put(BUCKET, &key, Bytes::from_static(b"services:\n"))
                .await;
            let fields = [
                ("ApplicationName", "shop"),
                ("VersionLabel", label),
                ("SourceBundle.S3Bucket", BUCKET),
                ("SourceBundle.S3Key", &key),
            ];
            self.good("CreateApplicationVersion", &fields).await;
        }
    }

    /// Creates the environment with option settings (`namespace|name=value`) and waits for it.
    pub(super) async fn create(&self, version: &str, settings: &[&str]) -> String {
        let mut fields = vec![
            ("ApplicationName".to_owned(), "shop".to_owned()),
            ("EnvironmentName".to_owned(), ENVIRONMENT.to_owned()),
            (
                "SolutionStackName".to_owned(),
                "64bit Amazon Linux 2023 v4.7.2 running Docker".to_owned(),
            ),
            ("CNAMEPrefix".to_owned(), "shop".to_owned()),
            ("VersionLabel".to_owned(), version.to_owned()),
        ];
        let enhanced = "aws:elasticbeanstalk:healthreporting:system|SystemType=enhanced";
        let settings: Vec<&str> = [enhanced]
            .into_iter()
            .chain(settings.iter().copied())
            .collect();
        fields.extend(option_settings(&settings));
        let id = self.request("CreateEnvironment", &fields).await;
        self.settled().await;
        id
    }

    /// Starts an update to a version; the request's id.
    pub(super) async fn start(&self, version: &str, settings: &[&str]) -> String {
        let mut fields = vec![("EnvironmentName".to_owned(), ENVIRONMENT.to_owned())];
        if !version.is_empty() {
            fields.push(("VersionLabel".to_owned(), version.to_owned()));
        }
        fields.extend(option_settings(settings));
        self.request("UpdateEnvironment", &fields).await
    }

    /// Updates to a version and waits for the end; the request's id.
    pub(super) async fn deploy(&self, version: &str) -> String {
        let id = self.start(version, &[]).await;
        self.settled().await;
        id
    }

    async fn request(&self, action: &str, fields: &[(String, String)]) -> String {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let body = self.good(action, &fields).await;
        field(
            body.rsplit("<ResponseMetadata>").next().unwrap(),
            "RequestId",
        )
    }

    /// Waits until the environment is ready or gone.
    pub(super) async fn settled(&self) {
        for _ in 0..100_000 {
            let status = field(&self.environment().await, "Status");
            if status == "Ready" || status == "Terminated" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!(
            "the environment did not settle: {}",
            self.environment().await
        );
    }

    /// Sleeps for virtual time.
    pub(super) async fn sleep(&self, seconds: u64) {
        self.world.clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// DescribeEnvironments of the one environment.
    pub(super) async fn environment(&self) -> String {
        self.good(
            "DescribeEnvironments",
            &[("EnvironmentNames.member.1", ENVIRONMENT)],
        )
        .await
    }

    /// Messages of a request, oldest first; of all requests if it is empty. Health transitions are
    /// left out: they come and go between the others.
    pub(super) async fn events(&self, request_id: &str) -> Vec<String> {
        let mut fields = vec![("EnvironmentName", ENVIRONMENT)];
        if !request_id.is_empty() {
            fields.push(("RequestId", request_id));
        }
        let mut found = fields_of(&self.good("DescribeEvents", &fields).await, "Message");
        found.reverse();
        found.retain(|message| !message.starts_with("Environment health has"));
        found
    }

    /// Label, status and health of each instance, sorted.
    pub(super) async fn instances(&self) -> Vec<String> {
        let fields = [
            ("EnvironmentName", ENVIRONMENT),
            ("AttributeNames.member.1", "All"),
        ];
        let body = self.good("DescribeInstancesHealth", &fields).await;
        let mut found: Vec<String> = body
            .split("<InstanceId>")
            .skip(1)
            .zip(fields_of(&body, "VersionLabel"))
            .zip(fields_of(&body, "HealthStatus"))
            .zip(
                body.split("<Deployment>")
                    .skip(1)
                    .map(|part| field(part, "Status")),
            )
            .map(|(((_, label), health), status)| format!("{label} {status} {health}"))
            .collect();
        found.sort();
        found
    }
}

fn option_settings(settings: &[&str]) -> Vec<(String, String)> {
    (1..)
        .zip(settings)
        .flat_map(|(number, setting)| {
            let (namespace, rest) = setting.split_once('|').unwrap();
            let (name, value) = rest.split_once('=').unwrap();
            let prefix = format!("OptionSettings.member.{number}");
            [
                (format!("{prefix}.Namespace"), namespace.to_owned()),
                (format!("{prefix}.OptionName"), name.to_owned()),
                (format!("{prefix}.Value"), value.to_owned()),
            ]
        })
        .collect()
}

/// The text of the first element of that name.
pub(super) fn field(body: &str, name: &str) -> String {
    fields_of(body, name)
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no {name} in {body}"))
}

/// The texts of all elements of that name.
pub(super) fn fields_of(body: &str, name: &str) -> Vec<String> {
    body.split(&format!("<{name}>"))
        .skip(1)
        .filter_map(|part| part.split(&format!("</{name}>")).next())
        .map(ToOwned::to_owned)
        .collect()
}
