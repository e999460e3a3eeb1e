//! A data plane that runs nothing and remembers what it was told to run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use async_trait::async_trait;
use beanpole_rehearsal::DataPlane;
use beanpole_rehearsal::data_plane::{
    CacheSpec, DataPlaneError, DatabaseSpec, DeploymentFailure, DeploymentOutput, DeploymentSpec,
    HealthObservation, IngressRule, InstanceId, InstanceSpec, Removed,
};

/// What happens to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Deploying it fails on every instance.
    Broken,
    /// It deploys, and answers 500.
    Sick,
}

/// Runs nothing. Versions without an [`Outcome`] are well.
#[derive(Default)]
pub(crate) struct Plane {
    outcomes: Mutex<BTreeMap<String, Outcome>>,
    running: Mutex<BTreeMap<InstanceId, String>>,
    deployed: Mutex<Vec<String>>,
}

impl Plane {
    /// Decides what happens to a version.
    pub(crate) fn decide(&self, version: &str, outcome: Outcome) {
        self.outcomes
            .lock()
            .unwrap()
            .insert(version.to_owned(), outcome);
    }

    /// How often an instance was told to run a version.
    pub(crate) fn deployments(&self, version: &str) -> usize {
        self.deployed
            .lock()
            .unwrap()
            .iter()
            .filter(|one| *one == version)
            .count()
    }

    fn outcome(&self, version: &str) -> Option<Outcome> {
        self.outcomes.lock().unwrap().get(version).copied()
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
        let version = spec.version_label.clone();
        self.deployed.lock().unwrap().push(version.clone());
        let is_broken = matches!(self.outcome(&version), Some(Outcome::Broken));
        if let Some(log) = &spec.release_log {
            release_step(is_broken)
                .iter()
                .for_each(|line| log.add(line));
            log.flush().await;
        }
        match self.outcome(&version) {
            Some(Outcome::Broken) => {
                return Err(DeploymentFailure {
                    step: "container_commands".to_owned(),
                    message: "The release step ended with status 1.".to_owned(),
                    log_tail: vec![
                        "no such column: posts_post.slug hunter2-the-password".to_owned(),
                    ],
                });
            }
            Some(Outcome::Sick) | None => {}
        }
        self.running
            .lock()
            .unwrap()
            .insert(instance.clone(), version);
        Ok(DeploymentOutput::default())
    }

    async fn check(&self, instance: &InstanceId, _: &str) -> HealthObservation {
        let version = self.running.lock().unwrap().get(instance).cloned();
        let status = match version.as_deref().map(|version| self.outcome(version)) {
            None => None,
            Some(Some(Outcome::Sick)) => Some(500),
            Some(_) => Some(200),
        };
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

    async fn logs(&self, instance: &InstanceId, _: usize) -> Vec<String> {
        vec![
            format!("the log of {instance}"),
            "password is hunter2-the-password".to_owned(),
        ]
    }

    async fn remove_everything(&self) -> Removed {
        Removed::default()
    }
}

/// What the leader's release step writes.
fn release_step(is_broken: bool) -> Vec<String> {
    let code = i32::from(is_broken);
    let applied = if is_broken {
        "[]"
    } else {
        "[\"posts.0002_slug\"]"
    };
    let said = if is_broken {
        "    password is hunter2-the-password"
    } else {
        "  Applying posts.0002_slug... OK"
    };
    [
        r#"@beanpole {"event": "begin", "run": "r"}"#.to_owned(),
        r#"@beanpole {"event": "lock", "run": "r", "outcome": "taken", "seconds": 0}"#.to_owned(),
        r#"@beanpole {"event": "command-begin", "run": "r", "command": "python manage.py migrate"}"#
            .to_owned(),
        said.to_owned(),
        format!(
            "@beanpole {{\"event\": \"command-end\", \"run\": \"r\", \"exit_code\": {code}, \
             \"seconds\": 1.5}}"
        ),
        format!("@beanpole {{\"event\": \"migrations\", \"run\": \"r\", \"applied\": {applied}}}"),
        format!("@beanpole {{\"event\": \"end\", \"run\": \"r\", \"exit_code\": {code}}}"),
    ]
    .into()
}
