//! Puts a version on an instance, in the order in which the Docker platform does.
//!
//! 1. The bundle is read and its images are built.
//! 2. Container commands run, the leader's only on the leader.
//! 3. The new containers are created.
//! 4. The old ones are stopped.
//! 5. The new ones start and must stay up.
//!
//! Rules: until step 4 a failure leaves the instance as it was. After it, the failure leaves the
//! instance with the new containers in whatever state they are, as on AWS: only another deployment
//! mends it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use beanpole_image::{Attachment, ContainerSpec, RestartPolicy};
use beanpole_model::Secret;
use futures_util::future::join_all;

use super::compose::{Service, Source};
use super::extensions::ContainerCommand;
use super::health::{self, Answer};
use super::project::{INSTANCE_PORT, Project, is_plain};
use super::state::{Application, Running, private_address};
use super::{Docker, STEP};
use crate::data_plane::{
    DeploymentFailure, DeploymentOutput, DeploymentSpec, InstanceId, ReleaseLog,
};

/// The lines of a log that a failure or an outcome carries.
const LOG_LINES: usize = 40;

/// New containers are watched at least so long.
const WATCH_AT_LEAST: Duration = Duration::from_secs(2);

/// How long the web service may take to give its first answer before the deployment is done without
/// it. The load balancer goes on asking.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(30);

const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Why a deployment failed, before secrets are removed from it.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    step: &'static str,
    message: String,
    log: Vec<String>,
}

impl Failure {
    pub(super) fn new(step: &'static str, message: impl Into<String>, log: Vec<String>) -> Self {
        Self {
            step,
            message: message.into(),
            log,
        }
    }
}

/// Who a deployment works for, and what it has to tell.
struct Work<'a> {
    instance: &'a InstanceId,
    spec: &'a DeploymentSpec,
    network: String,
    log: Vec<String>,
}

impl Work<'_> {
    fn say(&mut self, line: impl Into<String>) {
        self.log.push(line.into());
    }

    /// A failure with the whole story so far before its own log.
    fn fail(&mut self, failure: Failure) -> Failure {
        let mut log = std::mem::take(&mut self.log);
        log.extend(failure.log);
        Failure { log, ..failure }
    }
}

/// The lines at the end of `whole`, the last lines of a log, that are not in `seen`, the lines from its
/// start as far as they came.
fn missing<'a>(seen: &[String], whole: &'a [String]) -> &'a [String] {
    let overlap = (0..=whole.len())
        .rev()
        .find(|count| whole.get(..*count).is_some_and(|head| seen.ends_with(head)))
        .unwrap_or(0);
    whole.get(overlap..).unwrap_or_default()
}

impl Docker {
    pub(super) async fn run_deployment(
        &self,
        instance: &InstanceId,
        spec: &DeploymentSpec,
    ) -> Result<DeploymentOutput, DeploymentFailure> {
        self.learn(&spec.variables);
        let network = self
            .state()
            .instances
            .get(instance)
            .map(|instance| instance.network.clone());
        let outcome = match (network, &spec.bundle) {
            (None, _) => Err(Failure::new(
                "start",
                format!("There is no instance {instance}."),
                Vec::new(),
            )),
            (Some(network), bundle) => {
                let mut work = Work {
                    instance,
                    spec,
                    network,
                    log: Vec::new(),
                };
                match bundle {
                    Some(bundle) => match self.deploy_bundle(&mut work, bundle).await {
                        Ok(()) => Ok(work.log),
                        Err(failure) => Err(work.fail(failure)),
                    },
                    None => {
                        self.stop_running(instance).await;
                        if let Some(instance) = self.state().instances.get_mut(instance) {
                            instance.application = Application::Sample;
                        }
                        work.say("[INFO] The sample application is served");
                        Ok(work.log)
                    }
                }
            }
        };
        let clean = |log: Vec<String>| {
            let skip = log.len().saturating_sub(LOG_LINES);
            log.iter()
                .skip(skip)
                .map(|line| self.scrubber.scrub(line))
                .collect()
        };
        match outcome {
            Ok(log) => Ok(DeploymentOutput {
                log_tail: clean(log),
            }),
            Err(failure) => Err(DeploymentFailure {
                step: failure.step.to_owned(),
                message: self.scrubber.scrub(&failure.message),
                log_tail: clean(failure.log),
            }),
        }
    }

    async fn deploy_bundle(
        &self,
        work: &mut Work<'_>,
        bundle: &bytes::Bytes,
    ) -> Result<(), Failure> {
        let fetched = work.spec.secret_file.as_ref();
        let project = Project::read(bundle, &work.spec.variables, fetched)
            .map_err(|message| Failure::new("source bundle", message, Vec::new()))?;
        self.learn(project.variables());
        if let Some(fetched) = fetched {
            self.learn(&fetched.variables);
        }
        self.warn_once(&project);
        let images = self.images(&project, work.spec.deployment_id).await?;
        work.say(format!(
            "[INFO] Images are ready for bundle {}",
            project.bundle.digest
        ));
        for command in &project.extensions.commands {
            if !command.leader_only || work.spec.leader {
                self.container_command(work, &project, &images, command)
                    .await?;
            }
        }
        let created = self.create_all(work, &project, &images).await?;
        self.stop_running(work.instance).await;
        if let Some(instance) = self.state().instances.get_mut(work.instance) {
            instance.application = Application::Bundle;
            instance.running.clone_from(&created);
        }
        for running in &created {
            self.engine
                .start_container(&running.container)
                .await
                .map_err(|error| Failure::new("start", error.with_causes(), Vec::new()))?;
            work.say(format!("[INFO] Service {} started", running.service));
        }
        self.watch(work, &project, &created).await
    }

    /// Remembers what must not be seen in logs.
    fn learn(&self, variables: &BTreeMap<String, Secret>) {
        for (name, value) in variables {
            if !is_plain(name) {
                self.scrubber.learn(value);
            }
        }
    }

    /// What a rehearsal leaves out is said once for each bundle, and not by every instance.
    fn warn_once(&self, project: &Project) {
        let mut warned = self
            .warned
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if warned.insert(project.bundle.digest.clone()) {
            for note in project.notes() {
                self.reporter.warn(note);
            }
        }
    }

    /// Runs one container command to its end.
    async fn container_command(
        &self,
        work: &mut Work<'_>,
        project: &Project,
        images: &BTreeMap<Source, String>,
        command: &ContainerCommand,
    ) -> Result<(), Failure> {
        const IN: &str = "container_commands";
        let failed =
            |error: beanpole_image::Error| Failure::new(IN, error.with_causes(), Vec::new());
        let Some(service) = project.compose.services.get(&command.service) else {
            return Err(Failure::new(
                IN,
                format!("There is no service {}.", command.service),
                Vec::new(),
            ));
        };
        let what = format!("command-{}", command.name);
        let mut container = self
            .container_spec(work, project, images, &what, service)
            .map_err(|mut failure| {
                failure.step = IN;
                failure
            })?;
        container.restart = RestartPolicy::Never;
        container.command = command.command.clone().or(container.command);
        container.network = Some(Attachment {
            network: work.network.clone(),
            aliases: Vec::new(),
        });
        work.say(format!(
            "[INFO] Command {} runs in service {}",
            command.name, command.service
        ));

        let id = self
            .create_member(work.instance, &container)
            .await
            .map_err(failed)?;
        let stream = work.spec.release_log.as_ref().filter(|_| command.streams);
        let mut lines = Vec::new();
        let run = async {
            let files = project.mounted_files(service);
            self.engine.put_files(&id, &files).await.map_err(failed)?;
            self.rewire()
                .await
                .map_err(|error| Failure::new(IN, error.to_string(), Vec::new()))?;
            self.engine.start_container(&id).await.map_err(failed)?;
            self.engine
                .follow_logs(&id, |line| {
                    self.tell_line(stream, &command.service, &line);
                    lines.push(line);
                })
                .await
                .map_err(failed)?;
            let code = self.engine.wait_container(&id).await.map_err(failed)?;
            // The stream may have ended before the last lines came.
            let whole = self.engine.logs(&id, LOG_LINES).await.unwrap_or_default();
            for line in missing(&lines, &whole).to_vec() {
                self.tell_line(stream, &command.service, &line);
                lines.push(line);
            }
            Ok(code)
        };
        let flushing = async {
            match stream {
                Some(log) => log.keep_flushing().await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = run => ended,
            () = flushing => Ok(0),
            () = self.cancel.cancelled() => {
                Err(Failure::new(IN, "The rehearsal was stopped while the command ran.", Vec::new()))
            }
        };
        if let Some(log) = stream {
            log.flush().await;
        }
        self.remove_member(&id).await;
        work.log.extend(lines);
        match ended? {
            0 => {
                work.say(format!("[INFO] Command {} succeeded", command.name));
                Ok(())
            }
            code if command.ignore_errors => {
                work.say(format!(
                    "[WARN] Command {} failed with exit code {code}, which is ignored",
                    command.name
                ));
                Ok(())
            }
            code => {
                work.say(format!(
                    "[ERROR] Command {} failed with exit code {code}",
                    command.name
                ));
                Err(Failure::new(
                    IN,
                    format!(
                        "The container command {} (service {}) failed with exit code {code}.",
                        command.name, command.service
                    ),
                    Vec::new(),
                ))
            }
        }
    }

    /// Shows a line of a command. What is streamed is shown by whoever follows the release.
    fn tell_line(&self, stream: Option<&ReleaseLog>, service: &str, line: &str) {
        let line = self.scrubber.scrub(line);
        match stream {
            Some(log) => log.add(&line),
            None => self.reporter.output(STEP, service, line),
        }
    }

    /// Creates the containers of all services that run, and connects them, without starting them.
    async fn create_all(
        &self,
        work: &Work<'_>,
        project: &Project,
        images: &BTreeMap<Source, String>,
    ) -> Result<Vec<Running>, Failure> {
        let mut created: Vec<Running> = Vec::new();
        let made = async {
            let services = project
                .compose
                .running()
                .map_err(|message| Failure::new("start", message, Vec::new()))?;
            for (name, service) in services {
                let mut container = self.container_spec(work, project, images, name, service)?;
                let serves = match (project.single, service.ports.get(&INSTANCE_PORT)) {
                    (true, _) => self.exposed_port(&container.image).await?,
                    (false, port) => port.copied(),
                };
                container.publish = serves.into_iter().collect();
                let id = self.create_member(work.instance, &container).await;
                let id =
                    id.map_err(|error| Failure::new("start", error.with_causes(), Vec::new()))?;
                let files = project.mounted_files(service);
                let written = self.engine.put_files(&id, &files).await;
                written.map_err(|error| Failure::new("start", error.with_causes(), Vec::new()))?;
                created.push(Running {
                    service: name.to_owned(),
                    container: id,
                    grace: service.grace,
                    serves,
                });
            }
            self.rewire()
                .await
                .map_err(|error| Failure::new("start", error.to_string(), Vec::new()))
        };
        match made.await {
            Ok(()) => Ok(created),
            Err(failure) => {
                for running in &created {
                    self.remove_member(&running.container).await;
                }
                Err(failure)
            }
        }
    }

    /// The first port that the image exposes, which the platform serves for a lone Dockerfile.
    async fn exposed_port(&self, image: &str) -> Result<Option<u16>, Failure> {
        let image = self.engine.image(image).await;
        let image =
            image.map_err(|error| Failure::new("start", error.with_causes(), Vec::new()))?;
        match image.and_then(|image| image.exposed_ports.into_iter().min()) {
            Some(port) => Ok(Some(port)),
            None => Err(Failure::new(
                "start",
                "No EXPOSE directive found in the Dockerfile. The deployment failed.",
                Vec::new(),
            )),
        }
    }

    fn container_spec(
        &self,
        work: &Work<'_>,
        project: &Project,
        images: &BTreeMap<Source, String>,
        name: &str,
        service: &Service,
    ) -> Result<ContainerSpec, Failure> {
        let environment = project
            .environment(service)
            .map_err(|message| Failure::new("start", message, Vec::new()))?;
        let image = images.get(&service.source).cloned().ok_or_else(|| {
            Failure::new(
                "start",
                format!("The service {name} has no image."),
                Vec::new(),
            )
        })?;
        Ok(ContainerSpec {
            name: self
                .names
                .container(work.instance, name, work.spec.deployment_id),
            image,
            command: service.command.clone(),
            entrypoint: service.entrypoint.clone(),
            environment,
            labels: self.names.instance_labels(work.instance),
            publish: Vec::new(),
            network: Some(Attachment {
                network: work.network.clone(),
                aliases: vec![name.to_owned()],
            }),
            restart: if service.restarts {
                RestartPolicy::OnFailure
            } else {
                RestartPolicy::Never
            },
            working_directory: service.working_directory.clone(),
            user: service.user.clone(),
        })
    }

    /// Creates a container of an instance. One of the same name, left by an interrupted try, goes first.
    async fn create_member(
        &self,
        instance: &InstanceId,
        container: &ContainerSpec,
    ) -> Result<String, beanpole_image::Error> {
        self.engine.remove_container(&container.name).await?;
        let id = self.engine.create_container(container).await?;
        if let Some(instance) = self.state().instances.get_mut(instance) {
            instance.members.insert(id.clone());
        }
        Ok(id)
    }

    /// Removes a container of an instance. What does not go now goes at the end of the run.
    pub(super) async fn remove_member(&self, container: &str) {
        let _ = self.engine.remove_container(container).await;
        self.state().forget(container);
    }

    /// Stops and removes what runs on an instance, all at once.
    pub(super) async fn stop_running(&self, instance: &InstanceId) {
        let running = match self.state().instances.get_mut(instance) {
            Some(instance) => {
                instance.address = None;
                std::mem::take(&mut instance.running)
            }
            None => Vec::new(),
        };
        join_all(running.iter().map(|running| async {
            let _ = self
                .engine
                .stop_container(&running.container, running.grace)
                .await;
            self.remove_member(&running.container).await;
        }))
        .await;
    }

    /// Watches new containers until the web service has given its first answer, whatever it says. A
    /// container that ends in the meantime fails the deployment.
    async fn watch(
        &self,
        work: &mut Work<'_>,
        project: &Project,
        created: &[Running],
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let host = private_address(work.instance).to_string();
        let mut answered = false;
        loop {
            for running in created {
                let restarts = project
                    .compose
                    .services
                    .get(&running.service)
                    .is_some_and(|service| service.restarts);
                self.must_run(running, restarts).await?;
            }
            let address = self.find_address(work.instance).await;
            if let Some(address) = address
                && !answered
            {
                let answer = health::ask(address, &host, &work.spec.health_path).await;
                answered = matches!(answer, Answer::Status(_));
            }
            let waited = started.elapsed();
            let nobody_serves = created.iter().all(|running| running.serves.is_none());
            if waited >= WATCH_AT_LEAST && (answered || nobody_serves) {
                work.say("[INFO] All services run");
                return Ok(());
            }
            if waited >= FIRST_ANSWER_WITHIN {
                work.say(format!(
                    "[WARN] All services run, but nothing answered on port {INSTANCE_PORT} within {} s",
                    FIRST_ANSWER_WITHIN.as_secs()
                ));
                return Ok(());
            }
            if self.cancel.is_cancelled() {
                return Err(Failure::new(
                    "start",
                    "The rehearsal was stopped.",
                    Vec::new(),
                ));
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn must_run(&self, running: &Running, restarts: bool) -> Result<(), Failure> {
        let state = self.engine.container(&running.container).await;
        let state =
            state.map_err(|error| Failure::new("start", error.with_causes(), Vec::new()))?;
        let service = &running.service;
        let reason = match state {
            None => format!("The container of service {service} is gone."),
            Some(state) if state.running && state.restarts == 0 => return Ok(()),
            // A service that is done and was not asked to stay.
            Some(state) if !restarts && state.exit_code == 0 && state.error.is_empty() => {
                return Ok(());
            }
            Some(state) if state.out_of_memory => {
                format!("Service {service} ran out of memory right after its start.")
            }
            Some(state) if !state.error.is_empty() => {
                format!("Service {service} did not start: {}.", state.error)
            }
            // A container that the engine has started again shows the exit code of its former process
            // only until then.
            Some(state) if state.running => {
                format!("Service {service} ended right after its start and was started again.")
            }
            Some(state) => format!(
                "Service {service} ended right after its start with exit code {}.",
                state.exit_code
            ),
        };
        let log = self
            .engine
            .logs(&running.container, LOG_LINES)
            .await
            .unwrap_or_default();
        let log = log
            .into_iter()
            .map(|line| format!("{service} | {line}"))
            .collect();
        Err(Failure::new("start", reason, log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_the_stream_lost_are_found() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (seen, whole, lost) in [
            ("a b c", "a b c", &[][..]),
            ("a b c", "b c", &[]),
            ("a b", "a b c d", &["c", "d"]),
            ("a b", "b c", &["c"]),
            ("a a", "a a a", &["a"]),
        ] {
            assert_eq!(missing(&lines(seen), &lines(whole)), lost, "{seen} {whole}");
        }
        assert_eq!(missing(&[], &lines("a b")), ["a", "b"]);
    }
}
