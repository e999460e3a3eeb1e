//! The services of a compose file; `compose-extends-not-seen`.

use crate::findings::Report;
use crate::paths::{inside, parent};
use crate::report::Said;
use crate::source::{Place, Source};
use crate::yaml::{self, Node, Value};
use crate::{Group, Rule, shell};
use beanpole_model::Severity;

/// Services that come from another file are not looked up.
pub(super) const EXTENDS: Rule = Rule {
    id: "compose-extends-not-seen",
    group: Group::Docker,
    severity: Severity::Note,
    summary: "a part of the compose file stands in another file and is not judged here",
};

/// A compose file.
#[derive(Clone, Debug)]
pub(in crate::docker) struct Compose {
    pub(in crate::docker) path: String,
    pub(in crate::docker) services: Vec<Service>,
    /// Whether other files add services: `include`.
    pub(in crate::docker) includes: Option<Place>,
}

/// A service.
#[derive(Clone, Debug)]
pub(in crate::docker) struct Service {
    pub(in crate::docker) name: String,
    /// The name, reaching to the last line of the service.
    pub(in crate::docker) place: Place,
    pub(in crate::docker) node: Node,
    /// The image, `${NAME:-default}` replaced.
    pub(in crate::docker) image: Option<String>,
    pub(in crate::docker) build: Option<Build>,
    /// Whether a part of it stands elsewhere.
    pub(in crate::docker) extends: bool,
}

/// How a service's image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::docker) struct Build {
    /// The context from the project's root; None if it is no directory of the project.
    pub(in crate::docker) context: Option<String>,
    /// The Dockerfile from the project's root.
    pub(in crate::docker) dockerfile: Option<String>,
    pub(in crate::docker) target: Option<String>,
}

impl Compose {
    /// Reads a file.
    pub(in crate::docker) fn read(
        path: &str,
        source: &Source<'_>,
    ) -> Result<Self, (String, Place)> {
        let root = yaml::parse(source)?;
        let services = root
            .get("services")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| Service {
                name: entry.key.clone(),
                place: entry.place.until(last_line(&entry.node)),
                image: entry
                    .node
                    .get("image")
                    .and_then(Node::text)
                    .map(interpolated),
                build: entry
                    .node
                    .get("build")
                    .and_then(|build| read_build(path, build)),
                extends: entry.node.get("extends").is_some(),
                node: entry.node.clone(),
            })
            .collect();
        Ok(Self {
            path: path.to_owned(),
            services,
            includes: root.entry("include").map(|entry| entry.place),
        })
    }

    pub(in crate::docker) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}

/// The last line that a node is used on.
fn last_line(node: &Node) -> u32 {
    let inner = match &node.value {
        Value::List(items) => items.iter().map(last_line).max(),
        Value::Map(entries) => entries.iter().map(|entry| last_line(&entry.node)).max(),
        Value::Scalar(_) | Value::Null => None,
    };
    // What an alias stands for is written elsewhere, and may be above or below.
    if node.place == node.used {
        inner.unwrap_or(0).max(node.used.line)
    } else {
        node.used.line
    }
}

/// A text with its variables replaced by their defaults, as compose does; as written if one has none.
pub(super) fn interpolated(text: &str) -> String {
    shell::expand(text, &|_| None).unwrap_or_else(|| text.to_owned())
}

fn read_build(path: &str, build: &Node) -> Option<Build> {
    let text = |key: &str| build.get(key).and_then(Node::text).map(interpolated);
    let context = match &build.value {
        Value::Scalar(context) => interpolated(context),
        Value::Map(_) => text("context").unwrap_or_else(|| ".".to_owned()),
        Value::Null | Value::List(_) => return None,
    };
    let context = if context.contains("://") || context.starts_with('/') {
        None
    } else {
        inside(parent(path), &context)
    };
    let dockerfile = context.as_deref().and_then(|context| {
        let name = text("dockerfile").unwrap_or_else(|| "Dockerfile".to_owned());
        inside(context, &name)
    });
    Some(Build {
        context,
        dockerfile,
        target: text("target"),
    })
}

impl Service {
    /// The health check: None if there is none, or if it is switched off.
    pub(in crate::docker) fn health_check(&self) -> Option<&Node> {
        let node = self.node.get("healthcheck")?;
        let off = node.get("disable").and_then(Node::text) == Some("true")
            || node.get("test").is_some_and(|test| {
                test.texts()
                    .first()
                    .is_some_and(|(text, _)| *text == "NONE")
            });
        (!off).then_some(node)
    }

    /// The environment: names, values, and where they stand. A name without a value is taken from outside.
    pub(in crate::docker) fn environment(&self) -> Vec<(String, Option<&str>, Place)> {
        let Some(node) = self.node.get("environment") else {
            return Vec::new();
        };
        match &node.value {
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.text(), entry.place))
                .collect(),
            _ => node
                .texts()
                .into_iter()
                .map(|(text, item)| match text.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value), item.place),
                    None => (text.to_owned(), None, item.place),
                })
                .collect(),
        }
    }

    /// The words of `command` or `entrypoint`, split as a shell splits them, with the place.
    pub(in crate::docker) fn words(&self, key: &str) -> Option<(Vec<String>, Place)> {
        let node = self.node.get(key)?;
        let words = match &node.value {
            // Compose hands a text to no shell; it only splits it as one would. `$$` is its `$`.
            Value::Scalar(text) => shell::commands(text)
                .into_iter()
                .flat_map(|command| command.words)
                .map(|word| word.text.replace("$$", "$"))
                .collect(),
            Value::List(_) => node
                .texts()
                .into_iter()
                .map(|(text, _)| text.replace("$$", "$"))
                .collect(),
            Value::Null | Value::Map(_) => return None,
        };
        Some((words, node.place.until(last_line(node))))
    }

    /// The names under which other services find this one.
    pub(in crate::docker) fn host_names(&self) -> Vec<String> {
        let mut names = vec![self.name.clone()];
        for key in ["container_name", "hostname"] {
            names.extend(self.node.get(key).and_then(Node::text).map(str::to_owned));
        }
        for network in self
            .node
            .get("networks")
            .map(Node::entries)
            .unwrap_or_default()
        {
            let aliases = network
                .node
                .get("aliases")
                .map(Node::texts)
                .unwrap_or_default();
            names.extend(aliases.iter().map(|(alias, _)| (*alias).to_owned()));
        }
        // `links: ["db:database"]` and `extra_hosts: ["database:10.0.0.1"]` give names to this service alone, which is enough.
        let links = self.node.get("links").map(Node::texts).unwrap_or_default();
        names.extend(
            links
                .iter()
                .filter_map(|(link, _)| Some(link.split_once(':')?.1.to_owned())),
        );
        let hosts = self.node.get("extra_hosts");
        for (host, _) in hosts.map(Node::texts).unwrap_or_default() {
            names.extend(host.split([':', '=']).next().map(str::to_owned));
        }
        names.extend(
            hosts
                .map(Node::entries)
                .unwrap_or_default()
                .iter()
                .map(|entry| entry.key.clone()),
        );
        names
    }
}

/// Says which parts are not seen.
pub(super) fn check(compose: &Compose, report: &mut Report<'_>) {
    let said = |what: String| Said {
        message: format!("{what} and is not judged here"),
        reason: "rules about what is missing pass over it, since it may stand there",
        remedy: "nothing to do; look at the whole with `docker compose config`".to_owned(),
    };
    if let Some(place) = compose.includes {
        let message = "`include` brings services from another file".to_owned();
        report.say(&EXTENDS, &compose.path, place, said(message));
    }
    for service in &compose.services {
        if let Some(entry) = service.node.entry("extends") {
            let message = format!(
                "a part of the service `{}` stands elsewhere (`extends`)",
                service.name
            );
            report.say(&EXTENDS, &compose.path, entry.place, said(message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::Store;
    use super::*;
    use crate::docker::testing::Case;

    fn read(text: &str) -> Compose {
        Compose::read("deploy/compose.yaml", &Source::new(text)).unwrap()
    }

    #[test]
    fn services_are_read_in_all_forms() {
        let compose = read(
            "x-app: &app\n  build: {context: .., dockerfile: docker/Dockerfile, target: web}\n  environment: &env\n    A: 1\nservices:\n  web:\n    <<: *app\n    command: gunicorn \"a b\"\n  worker:\n    build: .\n    command: [\"a\", \"$$B\"]\n    environment: [C=2, D]\n  db:\n    image: ${IMAGE:-docker.io/postgis/postgis:16-3.4}\n",
        );
        let web = compose.service("web").unwrap();
        let build = web.build.as_ref().unwrap();
        assert_eq!(build.dockerfile.as_deref(), Some("docker/Dockerfile"));
        assert_eq!(
            (build.context.as_deref(), build.target.as_deref()),
            (Some(""), Some("web"))
        );
        assert_eq!(web.words("command").unwrap().0, ["gunicorn", "a b"]);
        assert_eq!(web.environment()[0].0, "A");
        assert_eq!((web.place.line, web.place.last_line), (6, 8));
        let worker = compose.service("worker").unwrap();
        assert_eq!(worker.words("command").unwrap().0, ["a", "$B"]);
        assert_eq!(
            worker.build.as_ref().unwrap().dockerfile.as_deref(),
            Some("deploy/Dockerfile")
        );
        let environment = worker.environment();
        assert_eq!(environment[0].1, Some("2"));
        assert_eq!(environment[1].1, None);
        assert_eq!(
            compose.service("db").unwrap().store(),
            Some((Store::Database, 5432))
        );
    }

    #[test]
    fn a_service_has_all_its_names() {
        let compose = read(
            "services:\n  db:\n    container_name: shop_db\n    networks: {default: {aliases: [database]}}\n    links: ['a:b']\n    extra_hosts: ['c:10.0.0.1']\n",
        );
        assert_eq!(
            compose.services[0].host_names(),
            ["db", "shop_db", "database", "b", "c"]
        );
    }

    #[test]
    fn what_stands_elsewhere_is_said() {
        let case = Case::new().file(
            "compose.yaml",
            "include: [other.yaml]\nservices:\n  web:\n    extends: {file: base.yaml, service: web}\n",
        );
        assert_eq!(
            case.notes(),
            [
                "compose.yaml:1:1 compose-extends-not-seen",
                "compose.yaml:4:5 compose-extends-not-seen"
            ]
        );
    }

    #[test]
    fn odd_shapes_are_survived() {
        for text in [
            "services: 1\n",
            "services: [a]\n",
            "services: {a: }\n",
            "services: {a: {build: [], ports: {}, environment: 1, depends_on: 3, command: {}}}\n",
            "[]\n",
        ] {
            let _ = Case::new().file("compose.yaml", text).all();
        }
    }
}
