use super::*;

/// As a deploy renders it.
const RENDERED: &str = r#"
# Written by beanpole from beanpole.yaml for this bundle. Not a file of the repository.
services:
  web:
    image: blog:0123456789ab
    build:
      context: '.'
      dockerfile: Dockerfile
    command:
    - gunicorn
    - blog.wsgi
    - --bind
    - 0.0.0.0:8000
    env_file:
    - .env
    ports:
    - 80:8000
    restart: always
  worker:
    image: blog:0123456789ab
    build:
      context: '.'
      dockerfile: Dockerfile
    command: celery --app=config worker
    env_file: .env
    restart: always
    depends_on: [web]
  release:
    image: blog:0123456789ab
    build:
      context: '.'
      dockerfile: Dockerfile
    command:
    - sh
    - -c
    - "{ test -n \"$$DATABASE_URL\" || exit 1\n} && python manage.py migrate"
    env_file:
    - .env
    profiles:
    - release
    restart: "no"
"#;

fn read(text: &str) -> Result<Compose, String> {
    parse(text, &|name| (name == "TAG").then(|| "7".to_owned()))
}

#[test]
fn what_a_deploy_renders() {
    let compose = read(RENDERED).unwrap();
    let web = &compose.services["web"];
    assert_eq!(web.ports, BTreeMap::from([(80, 8000)]));
    assert_eq!(web.command.as_ref().unwrap().len(), 4);
    assert!(web.restarts);
    assert_eq!(
        web.env_files,
        [EnvFile {
            path: ".env".to_owned(),
            required: true
        }]
    );
    assert_eq!(
        compose.services["release"].command.as_ref().unwrap(),
        &[
            "sh",
            "-c",
            "{ test -n \"$DATABASE_URL\" || exit 1\n} && python manage.py migrate"
        ]
    );
    let running: Vec<&str> = compose
        .running()
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(running, ["web", "worker"]);
    assert_eq!(web.source, compose.services["release"].source);
}

#[test]
fn unknown_keys_are_named() {
    for (text, key) in [
        (
            "services:\n  web:\n    build: .\n    volumes: [a]\n",
            "services.web.volumes",
        ),
        (
            "services:\n  web:\n    build: {context: ., ssh: x}\n",
            "services.web.build.ssh",
        ),
        ("services:\n  web: {image: a}\nnetworks: {}\n", "networks"),
        (
            "services:\n  web: {image: a, depends_on: {b: {condition: service_healthy}}}\n",
            "services.web.depends_on.b.condition",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(&format!("`{key}`")), "{error}");
    }
}

#[test]
fn other_forms_of_the_same() {
    let compose = read(
        "version: '3'\nservices:\n  a:\n    image: redis:${TAG}\n    environment: [A=1, B, C=x=y]\n    ports: ['127.0.0.1:80:8000/tcp', '9000', {target: 1, published: 2}]\n    env_file: [{path: ./x.env, required: false}]\n    stop_grace_period: 1m30s\n    restart: 'no'\n    user: 1000\n    healthcheck: {}\n    x-mine: 1\n  b:\n    build: {context: ./app/, dockerfile: prod.Dockerfile, target: run, args: {V: 1}}\n    environment: {A: 1, B: null, C: true}\n    depends_on: {a: {condition: service_started}}\n",
    )
    .unwrap();
    let a = &compose.services["a"];
    assert_eq!(a.source, Source::Image("redis:7".to_owned()));
    assert_eq!(a.ports, BTreeMap::from([(80, 8000), (2, 1)]));
    assert_eq!(a.environment["B"], None);
    assert_eq!(a.environment["C"].as_deref(), Some("x=y"));
    assert_eq!(a.grace, Duration::from_secs(90));
    assert_eq!((a.restarts, a.user.as_deref()), (false, Some("1000")));
    assert_eq!(
        a.env_files,
        [EnvFile {
            path: "x.env".to_owned(),
            required: false
        }]
    );
    assert_eq!(
        compose.notes,
        ["`services.a.healthcheck` has no effect in a rehearsal"]
    );
    let Source::Build(build) = &compose.services["b"].source else {
        panic!("not built")
    };
    assert_eq!(
        (build.context.as_str(), build.dockerfile.as_str()),
        ("app", "prod.Dockerfile")
    );
    assert_eq!(build.args["V"], "1");
    assert_eq!(
        compose.services["b"].environment["C"].as_deref(),
        Some("true")
    );
}

#[test]
fn nonsense_is_refused_with_its_place() {
    for (text, part) in [
        ("services: [a]\n", "`services` is not a mapping"),
        ("a: [\n", ""),
        ("version: '3'\n", "no `services`"),
        ("services:\n  a: {}\n", "neither `image` nor `build`"),
        (
            "services:\n  a: {image: x, ports: ['80-90:80']}\n",
            "not a TCP port",
        ),
        (
            "services:\n  a: {image: x, ports: ['53:53/udp']}\n",
            "not a TCP port",
        ),
        (
            "services:\n  a: {image: x, command: 'sh -c \"x'}\n",
            "services.a.command",
        ),
        ("services:\n  a: {image: '${NONE?say it}'}\n", "say it"),
        (
            "services:\n  a: {build: ../up}\n",
            "not a folder of the bundle",
        ),
        (
            "services:\n  a: {image: x, stop_grace_period: soon}\n",
            "not a duration",
        ),
        (
            "services:\n  a: {image: x, restart: sometimes}\n",
            "not a restart policy",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(part), "{text:?}: {error}");
    }
}

#[test]
fn dependencies_come_first_and_circles_are_refused() {
    let compose = read("services:\n  a: {image: x, depends_on: [c]}\n  b: {image: x}\n  c: {image: x, depends_on: [b]}\n").unwrap();
    let order: Vec<&str> = compose
        .running()
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(order, ["b", "c", "a"]);
    let circle =
        read("services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n")
            .unwrap();
    assert!(
        circle
            .running()
            .unwrap_err()
            .contains("depend on each other")
    );
    let unknown = read("services:\n  a: {image: x, depends_on: [z]}\n").unwrap();
    assert!(unknown.running().unwrap_err().contains("`z`"));
}
