//! A bundle together with the variables of its environment: what runs on an instance, decided without
//! an engine.

use std::collections::BTreeMap;
use std::time::Duration;

use beanpole_image::{ContainerFile, EntryKind};
use beanpole_model::Secret;
use bytes::Bytes;

use super::bundle::Bundle;
use super::compose::{self, BuildSource, Compose, EnvFile, Mount, Service, Source};
use super::env_file;
use super::extensions::{self, Extensions};
use crate::data_plane::SecretFile;

/// The host port that the load balancer sends requests to on an instance of the Docker platform.
pub(super) const INSTANCE_PORT: u16 = 80;

/// The file of variables that Beanstalk writes for compose projects.
const ENV_FILE: &str = ".env";

/// The hook that fetches secrets, among the hooks of a bundle that asks for them.
const SECRETS_HOOK: &str = "/prebuild/00_beanpole_secrets.sh";

/// The name of the only service of a bundle without a compose file.
const SINGLE_SERVICE: &str = "app";

/// What a bundle asks to run.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub(super) bundle: Bundle,
    pub(super) compose: Compose,
    pub(super) extensions: Extensions,
    /// True for a bundle with a Dockerfile and no compose file: the image's exposed port is served.
    pub(super) single: bool,
    /// The environment's variables, or those of the bundle's own `.env`: Beanstalk writes no such file
    /// where the bundle brings one (developer guide, "Using environment properties with Docker Compose").
    variables: BTreeMap<String, Secret>,
    /// What the instance has fetched itself.
    secret_file: Option<SecretFile>,
}

impl Project {
    /// Reads a bundle.
    ///
    /// # Errors
    /// One sentence, as the platform's engine log would say it.
    pub(super) fn read(
        bytes: &Bytes,
        environment: &BTreeMap<String, Secret>,
        secret_file: Option<&SecretFile>,
    ) -> Result<Self, String> {
        let bundle = Bundle::unpack(bytes)?;
        let variables = match bundle.text(ENV_FILE) {
            Some(text) => secrets(&text),
            None => environment.clone(),
        };

        let file = ["docker-compose.yml", "docker-compose.yaml"]
            .into_iter()
            .find(|file| bundle.entries.contains_key(*file));
        let (compose, single) = match file {
            Some(file) => {
                let text = bundle.text(file).unwrap_or_default();
                let lookup =
                    |name: &str| variables.get(name).map(|value| value.expose().to_owned());
                let compose = compose::parse(&text, &lookup)
                    .map_err(|reason| format!("{file}: {reason}."))?;
                (compose, false)
            }
            None if bundle.entries.contains_key("Dockerfile") => (single_service(), true),
            None if bundle.entries.contains_key("Dockerrun.aws.json") => {
                return Err(
                    "A bundle with nothing but a Dockerrun.aws.json is not rehearsed.".to_owned(),
                );
            }
            None => {
                return Err("'docker-compose.yml', 'Dockerfile' and 'Dockerrun.aws.json' are all missing in \
                            your source bundle. Include at least one of them. The deployment failed."
                    .to_owned());
            }
        };
        let files = bundle.config_files();
        let files = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()));
        let extensions = extensions::parse(files).map_err(|reason| format!("{reason}."))?;
        let project = Self {
            bundle,
            compose,
            extensions,
            single,
            variables,
            secret_file: secret_file.cloned(),
        };
        project.judge()?;
        Ok(project)
    }

    /// What can be wrong although every file by itself is right.
    fn judge(&self) -> Result<(), String> {
        let running = self
            .compose
            .running()
            .map_err(|reason| format!("docker-compose.yml: {reason}."))?;
        let mut takers: BTreeMap<u16, &str> = BTreeMap::new();
        for (name, service) in running {
            for port in service.ports.keys() {
                if let Some(other) = takers.insert(*port, name) {
                    return Err(format!(
                        "docker-compose.yml: the services `{other}` and `{name}` both publish port {port}."
                    ));
                }
            }
            self.environment(service)?;
        }
        for command in &self.extensions.commands {
            if !self.compose.services.contains_key(&command.service) {
                return Err(format!(
                    "The container command `{}` runs the service `{}`, and docker-compose.yml has no such \
                     service.",
                    command.name, command.service
                ));
            }
        }
        Ok(())
    }

    /// The environment variables of a service's containers.
    ///
    /// # Errors
    /// One sentence: a file of variables is missing.
    pub(super) fn environment(
        &self,
        service: &Service,
    ) -> Result<BTreeMap<String, Secret>, String> {
        let mut environment = BTreeMap::new();
        for file in &service.env_files {
            // Beanstalk writes this one on the instance, so that it need not be in the bundle.
            if file.path == ENV_FILE {
                environment.extend(self.variables.clone());
                continue;
            }
            let fetched = self.secret_file.as_ref();
            if let Some(fetched) = fetched.filter(|fetched| fetched.path == file.path) {
                environment.extend(fetched.variables.clone());
                continue;
            }
            match self.bundle.text(&file.path) {
                Some(text) => environment.extend(secrets(&text)),
                None if file.required => {
                    let place = if file.path.starts_with('/') {
                        "on the instance"
                    } else {
                        "in the bundle"
                    };
                    return Err(format!(
                        "docker-compose.yml: the env_file `{}` is not {place}.",
                        file.path
                    ));
                }
                None => {}
            }
        }
        for (name, value) in &service.environment {
            let value = match value {
                Some(value) => Some(Secret::new(value.clone())),
                None => self.variables.get(name).cloned(),
            };
            if let Some(value) = value {
                environment.insert(name.clone(), value);
            }
        }
        Ok(environment)
    }

    /// The files that a service's containers see of the bundle.
    pub(super) fn mounted_files(&self, service: &Service) -> Vec<ContainerFile> {
        let files = |mount: &Mount| {
            let own = self.bundle.entries.get(&mount.source).into_iter().cloned();
            let own = own.map(|entry| (String::new(), entry));
            let below = self.bundle.below(&mount.source).into_iter();
            let below = below.map(|entry| (format!("/{}", entry.path), entry));
            own.chain(below)
                .filter_map(|(path, entry)| match entry.kind {
                    EntryKind::File(content) => Some(ContainerFile {
                        path: format!("{}{path}", mount.target),
                        mode: entry.mode,
                        content: Secret::new(String::from_utf8_lossy(&content).into_owned()),
                    }),
                    EntryKind::Folder | EntryKind::Symlink(_) | EntryKind::OnDisk { .. } => None,
                })
                .collect::<Vec<_>>()
        };
        service.mounts.iter().flat_map(files).collect()
    }

    /// The variables that the services may ask for.
    pub(super) fn variables(&self) -> &BTreeMap<String, Secret> {
        &self.variables
    }

    /// What of the bundle a rehearsal leaves out, for people.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = self.compose.notes.clone();
        notes.extend(self.extensions.notes.clone());
        notes.extend(
            self.bundle
                .hooks()
                .into_iter()
                // What beanpole's own hook does was done: see `secret_file`.
                .filter(|hook| !(self.secret_file.is_some() && hook.ends_with(SECRETS_HOOK)))
                .map(|hook| format!("the hook {hook} is not rehearsed")),
        );
        notes
    }

    /// The images that are needed: of the services that run, and of those that commands run in.
    pub(super) fn sources(&self) -> Vec<Source> {
        let commanded = self
            .extensions
            .commands
            .iter()
            .map(|command| command.service.as_str());
        let mut sources: Vec<Source> = self
            .compose
            .services
            .iter()
            .filter(|(name, service)| {
                service.profiles.is_empty() || commanded.clone().any(|other| other == name.as_str())
            })
            .map(|(_, service)| service.source.clone())
            .collect();
        sources.sort();
        sources.dedup();
        sources
    }
}

fn secrets(text: &str) -> BTreeMap<String, Secret> {
    env_file::parse(text)
        .into_iter()
        .map(|(name, value)| (name, Secret::new(value)))
        .collect()
}

fn single_service() -> Compose {
    let service = Service {
        source: Source::Build(BuildSource {
            context: String::new(),
            dockerfile: "Dockerfile".to_owned(),
            target: None,
            args: BTreeMap::new(),
        }),
        command: None,
        entrypoint: None,
        ports: BTreeMap::new(),
        env_files: vec![EnvFile {
            path: ENV_FILE.to_owned(),
            required: false,
        }],
        environment: BTreeMap::new(),
        profiles: Vec::new(),
        depends_on: Vec::new(),
        restarts: true,
        working_directory: None,
        user: None,
        grace: Duration::from_secs(10),
        mounts: Vec::new(),
    };
    Compose {
        services: BTreeMap::from([(SINGLE_SERVICE.to_owned(), service)]),
        notes: Vec::new(),
    }
}

/// True for variables whose value is no secret by the role that their name tells: hiding it would only
/// make logs hard to read.
pub(super) fn is_plain(name: &str) -> bool {
    const ENDINGS: [&str; 10] = [
        "_HOST",
        "_HOSTS",
        "_HOSTNAME",
        "_PORT",
        "_NAME",
        "_USER",
        "_USERNAME",
        "_ENGINE",
        "_MODULE",
        "_REGION",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending)) || name == "DEBUG" || name == "PATH"
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    fn zipped(files: &[(&str, &str)]) -> Bytes {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in files {
            archive
                .start_file(*path, zip::write::SimpleFileOptions::default())
                .unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        Bytes::from(archive.finish().unwrap().into_inner())
    }

    fn read(files: &[(&str, &str)]) -> Result<Project, String> {
        let variables = BTreeMap::from([("A".to_owned(), Secret::new("environment"))]);
        Project::read(&zipped(files), &variables, None)
    }

    const RELEASE: &str = "container_commands:\n  10_x: {command: docker compose run --rm release, leader_only: true}\n";

    #[test]
    fn variables_reach_only_who_asks() {
        let project = read(&[
            (
                "docker-compose.yml",
                "services:\n  web: {build: ., env_file: [.env, more.env], environment: {A: '', C: x}, ports: ['80:1']}\n  bare: {image: x, environment: [A, NONE]}\n  release: {build: ., profiles: [r]}\n  unused: {image: never, profiles: [u]}\n",
            ),
            ("more.env", "D=more\n"),
            (".ebextensions/x.config", RELEASE),
        ])
        .unwrap();
        let web = project
            .environment(&project.compose.services["web"])
            .unwrap();
        let plain: Vec<(&str, &str)> = web
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(plain, [("A", ""), ("C", "x"), ("D", "more")]);
        let bare = project
            .environment(&project.compose.services["bare"])
            .unwrap();
        assert_eq!(bare.len(), 1);
        assert_eq!(bare["A"].expose(), "environment");
        assert_eq!(project.sources().len(), 2, "{:?}", project.sources());
    }

    #[test]
    fn a_bundles_own_env_file_takes_the_place_of_the_environments() {
        let compose = "services:\n  web: {image: 'x:${TAG}', env_file: .env}\n";
        let own = "B=bundle\nTAG=1\n";
        let project = read(&[("docker-compose.yml", compose), (".env", own)]).unwrap();
        let web = &project.compose.services["web"];
        assert_eq!(web.source, Source::Image("x:1".to_owned()));
        let variables = project.environment(web).unwrap();
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["B", "TAG"]);
        assert_eq!(project.variables().len(), 2);
    }

    #[test]
    fn secrets_that_the_instance_fetched_reach_who_lists_the_file() {
        let path = "/var/lib/beanpole/secrets-1.env";
        let compose = format!(
            "services:\n  web: {{image: x, env_file: [.env, {path}]}}\n  bare: {{image: x, env_file: .env}}\n"
        );
        let hook = ".platform/hooks/prebuild/00_beanpole_secrets.sh";
        let bundle = zipped(&[("docker-compose.yml", compose.as_str()), (hook, "")]);
        let fetched = SecretFile {
            path: path.to_owned(),
            variables: BTreeMap::from([("KEY".to_owned(), Secret::new("it's\n$5"))]),
        };
        let project = Project::read(&bundle, &BTreeMap::new(), Some(&fetched)).unwrap();
        let of = |name: &str| {
            project
                .environment(&project.compose.services[name])
                .unwrap()
        };
        assert_eq!(of("web")["KEY"].expose(), "it's\n$5");
        assert!(of("bare").is_empty());
        assert_eq!(project.notes(), Vec::<String>::new());
        let error = Project::read(&bundle, &BTreeMap::new(), None).unwrap_err();
        assert!(error.contains("is not on the instance"), "{error}");
    }

    #[test]
    fn a_mount_shows_a_part_of_the_bundle() {
        let compose = "services:\n  web: {image: x, volumes: ['./own:/opt/own:ro', './one.txt:/etc/one:ro']}\n";
        let files = [
            ("docker-compose.yml", compose),
            ("own/a.py", "a"),
            ("own/deep/b.py", "b"),
            ("one.txt", "1"),
            ("owner.txt", "no"),
        ];
        let project = read(&files).unwrap();
        let mounted = project.mounted_files(&project.compose.services["web"]);
        let paths: Vec<&str> = mounted.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/opt/own/a.py", "/opt/own/deep/b.py", "/etc/one"]);
        assert_eq!(mounted[1].content.expose(), "b");
        for volume in [
            "data:/data",
            "./own:/own",
            "/etc:/etc:ro",
            "./../x:/x:ro",
            "./x:y:ro",
        ] {
            let compose = format!("services:\n  web: {{image: x, volumes: ['{volume}']}}\n");
            let error = read(&[("docker-compose.yml", &compose)]).unwrap_err();
            assert!(error.contains("services.web.volumes"), "{error}");
        }
    }

    #[test]
    fn a_lone_dockerfile_is_one_service() {
        let project = read(&[("Dockerfile", "FROM x")]).unwrap();
        assert!(project.single);
        let service = &project.compose.services[SINGLE_SERVICE];
        assert_eq!(
            project.environment(service).unwrap()["A"].expose(),
            "environment"
        );
    }

    #[test]
    fn what_cannot_run_is_refused_up_front() {
        for (files, part) in [
            (vec![("a.txt", "")], "all missing"),
            (vec![("Dockerrun.aws.json", "{}")], "not rehearsed"),
            (
                vec![("docker-compose.yml", "services:\n  a: {image: x, bad: 1}\n")],
                "docker-compose.yml: the key `services.a.bad`",
            ),
            (
                vec![(
                    "docker-compose.yml",
                    "services:\n  a: {image: x, ports: ['80:1']}\n  b: {image: x, ports: ['80:2']}\n",
                )],
                "both publish port 80",
            ),
            (
                vec![(
                    "docker-compose.yml",
                    "services:\n  a: {image: x, env_file: no.env}\n",
                )],
                "`no.env`",
            ),
            (
                vec![
                    ("docker-compose.yml", "services:\n  a: {image: x}\n"),
                    (".ebextensions/x.config", RELEASE),
                ],
                "no such service",
            ),
        ] {
            let error = read(&files).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn names_tell_what_is_no_secret() {
        for plain in [
            "DB_HOST",
            "DJANGO_SETTINGS_MODULE",
            "DJANGO_ALLOWED_HOSTS",
            "DEBUG",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
        for secret in [
            "DB_PASSWORD",
            "SECRET_KEY",
            "DATABASE_URL",
            "REDIS_URL",
            "X",
        ] {
            assert!(!is_plain(secret), "{secret}");
        }
    }
}
