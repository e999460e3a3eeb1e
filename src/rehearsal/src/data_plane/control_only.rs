//! The data plane without an engine: nothing runs. Databases and caches are there by name only,
//! instances take every valid bundle and pass every health check, and the load balancer answers with a
//! stand-in page. What can be judged without running anything is judged: a source bundle must be one
//! that the Docker platform accepts.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    CacheSpec, DataPlane, DataPlaneError, DatabaseSpec, DeploymentFailure, DeploymentOutput,
    DeploymentSpec, HealthObservation, IngressRule, InstanceId, InstanceSpec, Removed, release_log,
};

/// Runs nothing. See the module's page.
#[derive(Debug, Default)]
pub struct ControlOnly {
    /// What each launched instance was last told to run; `None` before its first deployment.
    instances: Mutex<BTreeMap<InstanceId, Option<Running>>>,
}

#[derive(Clone, Debug)]
struct Running {
    version_label: String,
    log: Vec<String>,
}

impl ControlOnly {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Option<Running>>> {
        self.instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DataPlane for ControlOnly {
    fn name(&self) -> &'static str {
        "none"
    }

    fn is_real(&self) -> bool {
        false
    }

    async fn create_database(&self, _spec: &DatabaseSpec) -> Result<(), DataPlaneError> {
        Ok(())
    }

    async fn delete_database(&self, _identifier: &str) -> Result<(), DataPlaneError> {
        Ok(())
    }

    async fn create_cache(&self, _spec: &CacheSpec) -> Result<(), DataPlaneError> {
        Ok(())
    }

    async fn delete_cache(&self, _identifier: &str) -> Result<(), DataPlaneError> {
        Ok(())
    }

    async fn launch_instance(&self, spec: &InstanceSpec) -> Result<(), DataPlaneError> {
        self.lock().entry(spec.instance_id.clone()).or_insert(None);
        Ok(())
    }

    async fn terminate_instance(&self, instance: &InstanceId) -> Result<(), DataPlaneError> {
        self.lock().remove(instance);
        Ok(())
    }

    async fn deploy(
        &self,
        instance: &InstanceId,
        deployment: &DeploymentSpec,
    ) -> Result<DeploymentOutput, DeploymentFailure> {
        let found = match &deployment.bundle {
            Some(bundle) => inspect_bundle(bundle).map_err(|message| DeploymentFailure {
                step: "source bundle".to_owned(),
                log_tail: vec![format!("[ERROR] {message}")],
                message,
            })?,
            None => "the sample application",
        };
        if let (Some(log), Some(bundle)) = (&deployment.release_log, &deployment.bundle)
            && let Some(lines) = release_log::pretended(bundle)
        {
            lines.iter().for_each(|line| log.add(line));
            log.flush().await;
        }
        let log = vec![
            format!("[INFO] Deployment {}: {found}", deployment.deployment_id),
            "[INFO] Nothing is run: this rehearsal has no container engine".to_owned(),
        ];
        let running = Running {
            version_label: deployment.version_label.clone(),
            log: log.clone(),
        };
        self.lock().insert(instance.clone(), Some(running));
        Ok(DeploymentOutput { log_tail: log })
    }

    async fn check(&self, instance: &InstanceId, _path: &str) -> HealthObservation {
        let deployed = matches!(self.lock().get(instance), Some(Some(_)));
        HealthObservation {
            ok: deployed,
            status: deployed.then_some(200),
            cause: (!deployed).then(|| "nothing is deployed on the instance".to_owned()),
        }
    }

    fn address(&self, _instance: &InstanceId) -> Option<SocketAddr> {
        None
    }

    async fn set_ingress(&self, _rules: &[IngressRule]) -> Result<(), DataPlaneError> {
        Ok(())
    }

    async fn logs(&self, instance: &InstanceId, lines: usize) -> Vec<String> {
        let Some(Some(running)) = self.lock().get(instance).cloned() else {
            return Vec::new();
        };
        let mut all = vec![format!("[INFO] Version {}", running.version_label)];
        all.extend(running.log);
        let skip = all.len().saturating_sub(lines);
        all.into_iter().skip(skip).collect()
    }

    async fn remove_everything(&self) -> Removed {
        self.lock().clear();
        Removed::default()
    }
}

/// The files at the root of a bundle of which the Docker platform needs at least one
/// (developer guide, "Using the Docker platform branch").
const DOCKER_FILES: [&str; 4] = [
    "docker-compose.yml",
    "docker-compose.yaml",
    "Dockerfile",
    "Dockerrun.aws.json",
];

/// Says which kind of Docker bundle this is, or why the platform would refuse it. A lone compose file
/// or `Dockerrun.aws.json` may come without an archive around it.
fn inspect_bundle(bundle: &Bytes) -> Result<&'static str, String> {
    if !bundle.starts_with(b"PK") {
        let text = std::str::from_utf8(bundle).unwrap_or_default();
        return if text.contains("AWSEBDockerrunVersion") {
            Ok("a lone Dockerrun.aws.json")
        } else if text.lines().any(|line| line.trim_end() == "services:") {
            Ok("a lone docker-compose.yml")
        } else {
            Err(
                "The source bundle is neither a ZIP archive, a docker-compose.yml nor a \
                 Dockerrun.aws.json."
                    .to_owned(),
            )
        };
    }
    let archive = zip::ZipArchive::new(Cursor::new(bundle.as_ref()))
        .map_err(|error| format!("The source bundle could not be unpacked: {error}."))?;
    DOCKER_FILES
        .into_iter()
        .find(|file| archive.index_for_name(file).is_some())
        .ok_or_else(|| {
            "'docker-compose.yml', 'Dockerfile' and 'Dockerrun.aws.json' are all missing in your \
             source bundle. Include at least one of them. The deployment failed."
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn zipped(files: &[&str]) -> Bytes {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for file in files {
            archive
                .start_file(*file, zip::write::SimpleFileOptions::default())
                .unwrap();
            archive.write_all(b"FROM scratch\n").unwrap();
        }
        Bytes::from(archive.finish().unwrap().into_inner())
    }

    #[test]
    fn a_bundle_needs_one_of_the_docker_files_at_its_root() {
        assert_eq!(
            inspect_bundle(&zipped(&["a.txt", "Dockerfile"])),
            Ok("Dockerfile")
        );
        assert!(
            inspect_bundle(&zipped(&["app/Dockerfile"]))
                .unwrap_err()
                .contains("all missing")
        );
        assert!(inspect_bundle(&Bytes::from_static(b"hello")).is_err());
        assert!(inspect_bundle(&Bytes::from_static(b"PKnonsense")).is_err());
        assert!(inspect_bundle(&Bytes::from_static(b"services:\n  web:\n")).is_ok());
    }

    #[tokio::test]
    async fn an_instance_is_healthy_once_something_is_deployed() {
        let plane = ControlOnly::default();
        let instance = InstanceId::new("i-1");
        assert!(!plane.check(&instance, "/").await.ok);
        let deployment = DeploymentSpec {
            deployment_id: 1,
            version_label: "one".to_owned(),
            bundle: None,
            variables: BTreeMap::new(),
            secret_file: None,
            release_log: None,
            leader: true,
            health_path: "/".to_owned(),
        };
        plane.deploy(&instance, &deployment).await.unwrap();
        assert!(plane.check(&instance, "/").await.ok);
        assert_eq!(plane.logs(&instance, 100).await.len(), 3);
        plane.terminate_instance(&instance).await.unwrap();
        assert!(!plane.check(&instance, "/").await.ok);
    }
}
