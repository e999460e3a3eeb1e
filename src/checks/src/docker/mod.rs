//! Dockerfiles, entrypoint scripts, Procfiles and compose files.
//!
//! Rules of this module: what is meant for a developer's machine (see [`Settings::development`]) may do what a server may not;
//! what cannot be read is said; a secret's value is never repeated. Whether base images are pinned is asked by the group of pins.

mod compose;
mod dockerfile;
mod ignore;
mod project;
mod rules;
mod script;
mod secret_names;
#[cfg(test)]
mod testing;

use crate::findings::Report;
use crate::fix::Proposal;
use crate::paths::{base_name, parent};
use crate::report::Said;
use crate::{Group, Rule, Scope};
use beanpole_model::{Finding, Severity};
use project::Project;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A file of this group that could not be read.
const NOT_ANALYSED: Rule = Rule {
    id: "docker-not-analysed",
    group: Group::Docker,
    severity: Severity::Warning,
    summary: "a Dockerfile, script or compose file could not be read",
};

/// All rules of this group.
pub const RULES: &[Rule] = &[
    rules::runserver::RULE,
    rules::alpine::RULE,
    rules::root::RULE,
    rules::secret::RULE,
    rules::apt::LISTS,
    rules::apt::RECOMMENDS,
    rules::context::MISSING,
    rules::context::INCOMPLETE,
    rules::exec::RULE,
    rules::mode::RULE,
    rules::carriage::RULE,
    rules::wait::RULE,
    rules::shell_form::RULE,
    *compose::RULES[0],
    *compose::RULES[1],
    *compose::RULES[2],
    *compose::RULES[3],
    *compose::RULES[4],
    *compose::RULES[5],
    *compose::RULES[6],
    NOT_ANALYSED,
];

/// Settings of this group. The default is right for most projects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Words that mark a file, a directory or a stage as meant for development or tests. `local` marks
    /// `docker-compose.local.yml`, `Dockerfile-local` and `compose/local/Dockerfile`.
    pub development: BTreeSet<String>,
    /// Names of variables that look like secrets and are none.
    pub not_secret: BTreeSet<String>,
    /// The build context of a Dockerfile, both from the project's root, where neither a compose file nor the COPY
    /// instructions tell it.
    pub contexts: BTreeMap<String, String>,
    /// Hosts that scripts may wait for although no compose service has their name.
    pub hosts: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let words = [
            "ci",
            "devcontainer",
            "dev",
            "development",
            "e2e",
            "local",
            "override",
            "test",
            "testing",
            "tests",
        ];
        Self {
            development: words.into_iter().map(str::to_owned).collect(),
            not_secret: BTreeSet::new(),
            contexts: BTreeMap::new(),
            hosts: BTreeSet::new(),
        }
    }
}

/// Whether the content of that path is needed even if it did not change: rules compare scripts with Dockerfiles, and both with
/// compose files.
#[must_use]
pub fn wants(path: &str) -> bool {
    is_dockerfile(path)
        || is_compose(path)
        || is_ignore_file(path)
        || is_procfile(path)
        || may_be_script(path)
}

/// The rule with a fix.
pub(crate) const NOT_EXECUTABLE: &str = rules::mode::RULE.id;

/// What can be done about findings of this group: scripts get the execute bit. Others of the findings are left.
#[must_use]
pub fn fixes(scope: &Scope, findings: &[Finding]) -> Vec<Proposal> {
    rules::mode::fixes(scope, findings)
}

/// Judges the files of a scope.
#[must_use]
pub fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let project = Project::read(scope, settings);
    let mut report = Report::new(scope);
    for unread in &project.unread {
        // A file that cannot be read is the fault of the change that touched it, on whichever line.
        if report.judged(&unread.path).is_some() {
            let said = Said {
                message: format!("cannot be judged: {}", unread.why),
                reason: "nothing is known about a file that cannot be read",
                remedy: "repair the file".to_owned(),
            };
            report.always(&NOT_ANALYSED, &unread.path, unread.place, said);
        }
    }
    rules::check(&project, &mut report);
    compose::check(&project, &mut report);
    report.finish()
}

/// `Dockerfile`, `Dockerfile.prod`, `web.Dockerfile`, `Dockerfile-local`, `Containerfile`.
fn is_dockerfile(path: &str) -> bool {
    let name = base_name(path);
    let named = ["dockerfile", "containerfile"].iter().any(|known| {
        let is_known = |part: &str| part.eq_ignore_ascii_case(known);
        let parts = name.split_at_checked(known.len());
        let begins = parts.filter(|(start, _)| is_known(start));
        begins.is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(['.', '-', '_']))
            || name.rsplit_once('.').is_some_and(|(_, end)| is_known(end))
    });
    named && !is_ignore_file(path)
}

/// `compose.yaml`, `docker-compose.prod.yml`.
fn is_compose(path: &str) -> bool {
    let name = base_name(path);
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    is_yaml
        && ["docker-compose", "compose.", "compose-"]
            .iter()
            .any(|start| name.starts_with(start))
}

fn is_ignore_file(path: &str) -> bool {
    base_name(path).ends_with(".dockerignore")
}

fn is_procfile(path: &str) -> bool {
    let name = base_name(path);
    name == "Procfile" || name.starts_with("Procfile.")
}

/// Scripts by their name. Those without an ending are taken where images keep them (`compose/production/django/start`).
fn may_be_script(path: &str) -> bool {
    let name = base_name(path);
    name.ends_with(".sh")
        || names_entrypoint(path)
        || (!name.contains('.')
            && parent(path)
                .split('/')
                .any(|part| matches!(part, "docker" | "compose" | "bin" | "scripts")))
}

/// Whether the name alone says that a container starts with the file.
fn names_entrypoint(path: &str) -> bool {
    let name = base_name(path);
    name.contains("entrypoint")
        && (!name.contains('.') || name.ends_with(".sh") || name.ends_with(".bash"))
}

/// Whether a path, or the name of a stage, is marked as meant for development.
fn is_development(settings: &Settings, path: &str) -> bool {
    path.to_ascii_lowercase()
        .split(['/', '.', '-', '_'])
        .any(|word| settings.development.contains(word))
}

#[cfg(test)]
mod tests {
    use super::testing::Case;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_are_known_by_their_names() {
        for path in [
            "Dockerfile",
            "a/Dockerfile.prod",
            "a/DOCKERFILE_dev",
            "web.dockerfile",
            "Containerfile",
            "compose.yaml",
            "docker-compose.prod.yml",
            ".dockerignore",
            "Dockerfile.dockerignore",
            "Procfile",
            "entrypoint.sh",
            "docker/docker-entrypoint",
            "compose/production/django/start",
        ] {
            assert!(wants(path), "{path}");
        }
        for path in [
            "manage.py",
            "compose.py",
            "docs/dockerfiles.md",
            "mydockerfile",
            "a/dockerfiles",
            ".dockerfil",
            "composer.yaml",
            "entrypoint.py",
        ] {
            assert!(!wants(path), "{path}");
        }
        assert!(!is_dockerfile("Dockerfile.dockerignore"));
    }

    #[test]
    fn development_is_marked_by_a_word() {
        let settings = Settings::default();
        for path in [
            "compose/local/Dockerfile",
            "docker-compose.override.yml",
            "Dockerfile-dev",
            "Dockerfile.test",
        ] {
            assert!(is_development(&settings, path), "{path}");
        }
        for path in ["Dockerfile", "locality/Dockerfile", "compose.yaml"] {
            assert!(!is_development(&settings, path), "{path}");
        }
    }

    #[test]
    fn settings_are_strict_and_have_defaults() {
        let settings: Settings =
            serde_json::from_str(r#"{"not-secret": ["TOKEN_LENGTH"]}"#).unwrap();
        assert!(
            settings.not_secret.contains("TOKEN_LENGTH") && settings.development.contains("dev")
        );
        assert!(serde_json::from_str::<Settings>(r#"{"other": 1}"#).is_err());
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }

    #[test]
    fn every_rule_has_its_page() {
        crate::pages::assert_pages(RULES);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let case = Case::new()
            .file("compose.yaml", "services: [")
            .file("Dockerfile", [0xff_u8, 0xfe].as_slice());
        assert_eq!(case.rules(), ["docker-not-analysed", "docker-not-analysed"]);
        assert!(
            case.changed("compose.yaml", &[])
                .rules()
                .contains(&"docker-not-analysed".to_owned())
        );
    }

    #[test]
    fn an_empty_project_has_no_findings() {
        assert!(Case::new().all().is_empty());
    }

    /// The image, entrypoint and compose file that the rules ask for.
    #[test]
    fn a_good_project_has_no_findings() {
        let case = Case::new()
            .file("Dockerfile", "FROM python:3.12-slim\nRUN apt-get update \\\n    && apt-get install -y --no-install-recommends libpq5 \\\n    && rm -rf /var/lib/apt/lists/*\nWORKDIR /app\nCOPY . .\nRUN DJANGO_SECRET_KEY=only-for-the-build python manage.py collectstatic --no-input\nUSER app\nENTRYPOINT [\"/app/entrypoint.sh\"]\nCMD [\"gunicorn\", \"config.wsgi:application\"]\n")
            .executable("entrypoint.sh", "#!/bin/sh\nset -e\nuntil nc -z \"${DB_HOSTNAME:-db}\" 5432; do sleep 1; done\nexec \"$@\"\n")
            .file(".dockerignore", ".git\n.env*\n")
            .file("Procfile", "web: gunicorn config.wsgi\n")
            .file("compose.yaml", "services:\n  web:\n    build: .\n    environment:\n      DB_PASSWORD: ${DB_PASSWORD:?}\n    depends_on:\n      db: {condition: service_healthy}\n  db:\n    image: postgres:16\n    healthcheck: {test: [CMD, pg_isready]}\n");
        assert_eq!(case.all(), Vec::<String>::new());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn never_panics(dockerfile in prop::collection::vec(any::<u8>(), 0..200), other in prop::collection::vec(any::<u8>(), 0..200)) {
            let case = Case::new().file("Dockerfile", dockerfile.as_slice()).file("compose.yaml", other.as_slice()).file("entrypoint.sh", other.as_slice()).file(".dockerignore", other.as_slice()).file("Procfile", other.as_slice());
            let _ = case.findings();
        }

        #[test]
        fn never_panics_on_almost_right_files(cut in any::<prop::sample::Index>(), length in 0..40_usize, with in "[a-z\\[\\]{}:\"'$\\\\\n &<>=-]{0,6}") {
            let mutated = |text: &str| {
                let mut text: Vec<char> = text.chars().collect();
                let start = cut.index(text.len());
                let end = (start + length).min(text.len());
                text.splice(start..end, with.chars());
                text.into_iter().collect::<String>()
            };
            let case = Case::new()
                .file("Dockerfile", mutated("FROM python:3.12-alpine AS a\nARG DB_PASSWORD=x\nRUN apt-get update && apt-get install git\nCOPY --chmod=755 . .\nENTRYPOINT [\"/app/entrypoint.sh\"]\nCMD python manage.py runserver\n"))
                .file("entrypoint.sh", mutated("#!/bin/sh\r\nif [ \"$DB_HOST\" = \"postgres\" ]; then\nwhile ! nc -z ${DB_HOST:-db} 1; do sleep 1; done\nfi\npython manage.py runserver\n"))
                .file(".dockerignore", mutated("*\n!app/**\n[a-z]?.py\n"))
                .file("compose.yaml", mutated("services:\n  web:\n    build: {context: ., target: a}\n    depends_on: [db]\n    ports: ['1:2']\n  db:\n    image: postgres\n    environment: {POSTGRES_PASSWORD: x}\n    ports: ['5432:5432']\n"));
            let _ = case.findings();
        }
    }
}
