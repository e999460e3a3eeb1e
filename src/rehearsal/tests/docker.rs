//! The Docker data plane against a real engine, with real Postgres and Redis.
//!
//! The application is a small server on Python's standard library that speaks just enough of both
//! protocols to know whether it reaches them. Needs the images python:3.11, postgres:16 and redis:7.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on stops; the lints' own exception covers only test functions"
)]

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use beanpole_image::{CancellationToken, Engine};
use beanpole_model::{Environment, Event, Reporter, Secret};
use beanpole_rehearsal::data_plane::docker::private_address;
use beanpole_rehearsal::data_plane::{
    CacheSpec, DataPlane, DatabaseSpec, DeploymentSpec, Docker, DockerOptions, IngressRule,
    IngressSource, InstanceId, InstanceSpec,
};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const APP: &str = r#"
import http.server, os, signal, socket, sys, time

def database():
    with socket.create_connection((os.environ["DB_HOST"], int(os.environ["DB_PORT"])), timeout=2) as s:
        s.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")  # SSLRequest
        assert s.recv(1) in (b"S", b"N")

def cache():
    with socket.create_connection((os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"])), timeout=2) as s:
        s.sendall(("AUTH %s\r\nPING\r\n" % os.environ["REDIS_PASSWORD"]).encode())
        answer = b""
        while answer.count(b"\r\n") < 2:
            answer += s.recv(100)
        assert answer == b"+OK\r\n+PONG\r\n", answer

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, text = 200, VERSION + " " + self.headers["Host"] + " " + os.environ.get("GREETING", "")
        if self.path == "/ht/":
            try:
                database(); cache()
            except Exception as error:
                status, text = 500, repr(error)
        self.send_response(status); self.end_headers(); self.wfile.write(text.encode())

VERSION = open("/app/version").read().strip()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
command = sys.argv[1]
if command == "web":
    print("serving", VERSION, os.environ["DB_PASSWORD"], flush=True)
    http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
elif command == "worker":
    print("working", VERSION, flush=True)
    while True: time.sleep(1)
elif command == "release":
    database()
    print("migrated", VERSION, os.environ["DB_PASSWORD"], flush=True)
    sys.exit(int(os.environ.get("RELEASE_EXIT", "0")))
elif command == "crash":
    print("cannot import settings", flush=True)
    sys.exit(3)
"#;

const COMPOSE: &str = r#"
services:
  web:
    build: .
    command: python /app/app.py web
    ports: ["80:8000"]
    env_file: .env
    restart: always
  worker:
    build: .
    command: python /app/app.py worker
    env_file: .env
    restart: always
  release:
    build: .
    command: sh -c "python /app/app.py release && echo done"
    env_file: .env
    profiles: [release]
"#;

const RELEASE: &str = r#"
container_commands:
  10_beanpole_release:
    command: "docker compose run --rm --no-deps release"
    leader_only: true
"#;

const DOCKERFILE: &str = "FROM python:3.11\nCOPY app.py version /app/\nEXPOSE 8000\n";

fn bundle(version: &str, changes: &[(&str, &str)]) -> Bytes {
    let mut files = BTreeMap::from([
        ("Dockerfile", DOCKERFILE),
        ("docker-compose.yml", COMPOSE),
        (".ebextensions/00-beanpole-release.config", RELEASE),
        ("app.py", APP),
        ("version", version),
    ]);
    files.extend(changes.iter().copied());
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, text) in files.into_iter().filter(|(_, text)| !text.is_empty()) {
        archive
            .start_file(path, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    Bytes::from(archive.finish().unwrap().into_inner())
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Reporter for Kept {
    fn report(&self, event: &Event) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

impl Kept {
    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// A data plane of its own, which leaves nothing even when a test stops half-way.
struct Bench {
    engine: Engine,
    plane: Docker,
    kept: Kept,
    password: String,
}

impl Bench {
    async fn new() -> Option<Self> {
        let environment: Environment = std::env::vars().collect();
        if environment.get("BEANPOLE_TEST_SERVICES") == Some("none") {
            return None;
        }
        let engine = Engine::connect(&environment)
            .await
            .expect("these tests need a Docker Engine; scripts/test-services starts one");
        for image in ["python:3.11", "postgres:16", "redis:7"] {
            let found = engine.image(image).await.unwrap();
            assert!(
                found.is_some(),
                "these tests need the image {image}; scripts/base-images makes it"
            );
        }
        let kept = Kept::default();
        let run = uuid::Uuid::new_v4()
            .simple()
            .to_string()
            .chars()
            .take(8)
            .collect();
        let plane = Docker::new(DockerOptions {
            engine: engine.clone(),
            run,
            keep: false,
            reporter: Arc::new(kept.clone()),
            cancel: CancellationToken::new(),
        });
        let password = format!("marked-{}", uuid::Uuid::new_v4().simple());
        Some(Self {
            engine,
            plane,
            kept,
            password,
        })
    }

    async fn database(&self) {
        let spec = DatabaseSpec {
            identifier: "blog-db".to_owned(),
            host: "blog-db.rehearsal.eu-central-1.rds.localhost".to_owned(),
            name: "blog".to_owned(),
            username: "blog_owner".to_owned(),
            password: Secret::new(self.password.clone()),
            port: 5433,
            version: "16.4".to_owned(),
            security_groups: vec!["sg-db".to_owned()],
        };
        self.plane.create_database(&spec).await.unwrap();
        self.plane.create_database(&spec).await.unwrap();
    }

    async fn cache(&self) {
        let spec = CacheSpec {
            identifier: "blog-cache".to_owned(),
            host: "blog-cache.rehearsal.eu-central-1.cache.localhost".to_owned(),
            port: 6378,
            version: "7.1".to_owned(),
            auth_token: Some(Secret::new(format!("{}-\"cache\\", self.password))),
            security_groups: vec!["sg-cache".to_owned()],
        };
        self.plane.create_cache(&spec).await.unwrap();
    }

    async fn instance(&self, id: &str) -> InstanceId {
        let instance_id = InstanceId::new(id);
        let spec = InstanceSpec {
            environment_id: "e-1".to_owned(),
            environment_name: "blog".to_owned(),
            instance_id: instance_id.clone(),
            security_groups: vec!["sg-web".to_owned()],
        };
        self.plane.launch_instance(&spec).await.unwrap();
        instance_id
    }

    fn deployment(
        &self,
        number: i64,
        bundle: Option<Bytes>,
        more: &[(&str, &str)],
    ) -> DeploymentSpec {
        let mut variables = BTreeMap::from([
            (
                "DB_HOST".to_owned(),
                Secret::new("blog-db.rehearsal.eu-central-1.rds.localhost"),
            ),
            ("DB_PORT".to_owned(), Secret::new("5433")),
            ("DB_PASSWORD".to_owned(), Secret::new(self.password.clone())),
            (
                "REDIS_HOST".to_owned(),
                Secret::new("blog-cache.rehearsal.eu-central-1.cache.localhost"),
            ),
            ("REDIS_PORT".to_owned(), Secret::new("6378")),
            (
                "REDIS_PASSWORD".to_owned(),
                Secret::new(format!("\"{}-\\\"cache\\\\\"", self.password)),
            ),
        ]);
        variables.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), Secret::new(*value))),
        );
        DeploymentSpec {
            deployment_id: number,
            version_label: format!("v{number}"),
            bundle,
            variables,
            secret_file: None,
            release_log: None,
            leader: true,
            health_path: "/ht/".to_owned(),
        }
    }

    async fn end(self) {
        let removed = self.plane.remove_everything().await;
        assert_eq!(removed.left_behind, Vec::<String>::new());
        let label = self.plane.label();
        assert!(
            self.engine
                .labelled_containers(&label)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            self.engine
                .labelled_networks(&label)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            self.engine
                .labelled_images(&label)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (engine, label) = (self.engine.clone(), self.plane.label());
            let worker = std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let _ = runtime.block_on(engine.remove_labelled(&label, true));
            });
            let _ = worker.join();
        }
    }
}

fn rules() -> Vec<IngressRule> {
    [("sg-db", 5433), ("sg-cache", 6378)]
        .map(|(group, port)| IngressRule {
            group: group.to_owned(),
            from_port: port,
            to_port: port,
            source: IngressSource::Group("sg-web".to_owned()),
        })
        .to_vec()
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: blog.example\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Every process's arguments on this machine, containers included.
fn process_arguments() -> String {
    let processes = fs_err::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| fs_err::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " ") + "\n")
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_with_database_and_cache_and_rules_that_open_and_close() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let plane = &bench.plane;
    let id = bench.instance("i-0123456789abcdef0").await;
    assert!(!plane.check(&id, "/ht/").await.ok);
    plane
        .deploy(&id, &bench.deployment(1, None, &[]))
        .await
        .unwrap();
    assert!(
        plane.check(&id, "/ht/").await.ok,
        "the sample application is healthy"
    );
    assert_eq!(plane.address(&id), None);

    tokio::join!(bench.database(), bench.cache());
    plane.set_ingress(&rules()).await.unwrap();
    let output = plane
        .deploy(
            &id,
            &bench.deployment(2, Some(bundle("one", &[])), &[("GREETING", "hello $HOME")]),
        )
        .await
        .unwrap();
    let log = output.log_tail.join("\n");
    assert!(log.contains("migrated one [redacted]"), "{log}");
    assert!(
        log.contains("Command 10_beanpole_release succeeded"),
        "{log}"
    );
    let health = plane.check(&id, "/ht/").await;
    assert!(health.ok, "{health:?} {:?}", plane.logs(&id, 50).await);

    let address = plane.address(&id).unwrap();
    assert!(address.ip().is_loopback());
    let page = get(address, "/").await;
    assert!(page.ends_with("one blog.example hello $HOME"), "{page}");
    let running = process_arguments();
    assert!(running.contains("/app/app.py web"), "{running}");
    assert!(
        !running.contains(&bench.password),
        "a secret is in the process list"
    );
    let logs = plane.logs(&id, 50).await;
    assert!(
        logs.contains(&"web | serving one [redacted]".to_owned()),
        "{logs:?}"
    );
    assert!(
        logs.contains(&"worker | working one".to_owned()),
        "{logs:?}"
    );
    assert!(!bench.kept.text().contains(&bench.password));
    assert!(
        bench.kept.text().contains("migrated one [redacted]"),
        "{}",
        bench.kept.text()
    );

    // Live, rule by rule.
    plane.set_ingress(&rules()[..1]).await.unwrap();
    let health = plane.check(&id, "/ht/").await;
    assert_eq!((health.ok, health.status), (false, Some(500)), "{health:?}");
    assert!(
        get(address, "/ht/").await.contains("gaierror"),
        "the cache's name does not resolve"
    );
    plane.set_ingress(&[]).await.unwrap();
    assert!(!plane.check(&id, "/ht/").await.ok);
    plane.set_ingress(&rules()).await.unwrap();
    assert!(plane.check(&id, "/ht/").await.ok);
    let mut wrong_port = rules();
    for rule in &mut wrong_port {
        (rule.from_port, rule.to_port) = (5432, 5432);
    }
    plane.set_ingress(&wrong_port).await.unwrap();
    assert!(!plane.check(&id, "/ht/").await.ok);
    let everyone = |group: &str, port| IngressRule {
        group: group.to_owned(),
        from_port: port,
        to_port: port,
        source: IngressSource::Cidr(format!("{}/32", private_address(&id))),
    };
    plane
        .set_ingress(&[everyone("sg-db", 5433), everyone("sg-cache", 6378)])
        .await
        .unwrap();
    assert!(plane.check(&id, "/ht/").await.ok);

    plane.delete_cache("blog-cache").await.unwrap();
    plane.delete_cache("blog-cache").await.unwrap();
    assert!(!plane.check(&id, "/ht/").await.ok);
    plane.terminate_instance(&id).await.unwrap();
    assert!(!plane.check(&id, "/ht/").await.ok);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_check_sends_the_instances_address_and_reports_what_it_saw() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let plane = &bench.plane;
    let id = bench.instance("i-1").await;
    let script = "import http.server\nclass H(http.server.BaseHTTPRequestHandler):\n def do_GET(self):\n  self.send_response(int(self.path[1:])); self.end_headers(); print('host', self.headers['Host'], flush=True)\nhttp.server.HTTPServer(('', 8000), H).serve_forever()\n";
    let lone = bundle(
        "x",
        &[
            ("docker-compose.yml", ""),
            (".ebextensions/00-beanpole-release.config", ""),
            ("app.py", script),
            (
                "Dockerfile",
                "FROM python:3.11\nEXPOSE 8000\nCOPY app.py /\nCMD python /app.py\n",
            ),
        ],
    );
    let mut deployment = bench.deployment(1, Some(lone), &[]);
    deployment.health_path = "/204".to_owned();
    plane.deploy(&id, &deployment).await.unwrap();
    assert!(plane.check(&id, "/200").await.ok);
    let moved = plane.check(&id, "/301").await;
    assert_eq!((moved.ok, moved.status), (false, Some(301)));
    assert!(moved.cause.unwrap().contains("301"));
    let host = format!("app | host {}", private_address(&id));
    let logs = plane.logs(&id, 20).await;
    assert!(logs.contains(&host), "{logs:?}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_the_old_containers_stop_leaves_them_running() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let plane = &bench.plane;
    let id = bench.instance("i-1").await;
    bench.database().await;
    plane.set_ingress(&rules()).await.unwrap();
    plane
        .deploy(&id, &bench.deployment(1, Some(bundle("one", &[])), &[]))
        .await
        .unwrap();
    let page = async || get(plane.address(&id).unwrap(), "/").await;
    assert!(page().await.contains("one"));

    let migration = bench.deployment(2, Some(bundle("two", &[])), &[("RELEASE_EXIT", "9")]);
    let failure = plane.deploy(&id, &migration).await.unwrap_err();
    assert_eq!(failure.step, "container_commands");
    assert!(failure.message.contains("exit code 9"), "{failure:?}");
    assert!(
        failure
            .log_tail
            .iter()
            .any(|line| line == "migrated two [redacted]"),
        "{failure:?}"
    );
    assert!(page().await.contains("one"));

    let broken = format!("{DOCKERFILE}RUN echo first; echo last words; exit 5\n");
    let build = bench.deployment(3, Some(bundle("three", &[("Dockerfile", &broken)])), &[]);
    let failure = plane.deploy(&id, &build).await.unwrap_err();
    assert_eq!(failure.step, "build");
    assert!(failure.message.contains("exit code: 5"), "{failure:?}");
    assert_eq!(failure.log_tail.last().unwrap(), "last words");
    assert!(page().await.contains("one"));

    let unknown = COMPOSE.replace("restart: always", "restart: always\n    volumes: [a]");
    let key = bench.deployment(
        4,
        Some(bundle("four", &[("docker-compose.yml", &unknown)])),
        &[],
    );
    let failure = plane.deploy(&id, &key).await.unwrap_err();
    assert!(
        failure.message.contains("`services.web.volumes`"),
        "{failure:?}"
    );
    assert!(page().await.contains("one"));

    let base = bench.deployment(
        5,
        Some(bundle(
            "five",
            &[("Dockerfile", "FROM 127.0.0.1:9/no/such:1\n")],
        )),
        &[],
    );
    let failure = plane.deploy(&id, &base).await.unwrap_err();
    assert_eq!(failure.step, "build");
    assert!(
        failure.message.contains("127.0.0.1:9/no/such:1"),
        "{failure:?}"
    );

    // After it they are gone, as on AWS.
    let crash = COMPOSE.replace("app.py worker", "app.py crash");
    let crash = bench.deployment(
        6,
        Some(bundle("six", &[("docker-compose.yml", &crash)])),
        &[],
    );
    let failure = plane.deploy(&id, &crash).await.unwrap_err();
    assert_eq!(failure.step, "start");
    assert!(failure.message.contains("worker"), "{failure:?}");
    assert!(
        failure
            .log_tail
            .iter()
            .any(|line| line == "worker | cannot import settings"),
        "{failure:?}"
    );

    let mended = bench.deployment(7, Some(bundle("seven", &[])), &[]);
    plane.deploy(&id, &mended).await.unwrap();
    assert!(page().await.contains("seven"));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_one_build_and_one_release_and_runs_do_not_meet() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let Some(other) = Bench::new().await else {
        return;
    };
    bench.database().await;
    bench.plane.set_ingress(&rules()).await.unwrap();
    let (one, two) = (bench.instance("i-1").await, bench.instance("i-2").await);
    let bundle = bundle(
        &bench.password,
        &[(".platform/hooks/predeploy/x.sh", "#!/bin/sh\n")],
    );
    let leader = bench.deployment(1, Some(bundle.clone()), &[]);
    let mut follower = leader.clone();
    follower.leader = false;
    let (first, second) = tokio::join!(
        bench.plane.deploy(&one, &leader),
        bench.plane.deploy(&two, &follower)
    );
    assert!(
        first
            .unwrap()
            .log_tail
            .iter()
            .any(|line| line.starts_with("migrated"))
    );
    assert!(
        !second
            .unwrap()
            .log_tail
            .iter()
            .any(|line| line.starts_with("migrated"))
    );
    assert_ne!(bench.plane.address(&one), bench.plane.address(&two));
    let said = bench.kept.text();
    assert_eq!(
        said.matches("COPY app.py version /app/ (done").count(),
        1,
        "{said}"
    );
    assert_eq!(
        said.matches("exporting to image (done").count(),
        1,
        "{said}"
    );
    assert_eq!(
        said.matches("predeploy/x.sh is not rehearsed").count(),
        1,
        "{said}"
    );

    // The other run has an instance of the same name and the same bundle, and no database.
    let same = other.instance("i-1").await;
    let mut elsewhere = follower.clone();
    elsewhere
        .variables
        .insert("GREETING".to_owned(), Secret::new("elsewhere"));
    other.plane.deploy(&same, &elsewhere).await.unwrap();
    other.end().await;
    assert!(
        get(bench.plane.address(&one).unwrap(), "/")
            .await
            .contains("200 OK")
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_stops_what_is_under_way() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let id = bench.instance("i-1").await;
    let slow = COMPOSE.replace(
        "python /app/app.py release && echo done",
        "echo begun; sleep 600",
    );
    let deployment = bench.deployment(
        1,
        Some(bundle("one", &[("docker-compose.yml", &slow)])),
        &[],
    );
    let deploy = bench.plane.deploy(&id, &deployment);
    let end = async {
        while !bench.kept.text().contains("line: \"begun\"") {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bench.plane.remove_everything().await
    };
    let (deployed, removed) = tokio::join!(deploy, end);
    assert_eq!(deployed.unwrap_err().step, "container_commands");
    assert_eq!(removed.left_behind, Vec::<String>::new());
    let refused = bench.plane.deploy(&id, &deployment).await.unwrap_err();
    assert!(refused.message.contains("stopped"), "{refused:?}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_is_removed_by_the_next_run() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    bench.instance("i-1").await;
    let read = |path: &str| fs_err::read_to_string(path).unwrap().trim().to_owned();
    let host = read("/proc/sys/kernel/hostname");
    let network = |name: &str, owner: Option<String>| {
        let run = format!("gone-{}-{name}", uuid::Uuid::new_v4().simple());
        let mut labels = BTreeMap::from([("beanpole.rehearsal".to_owned(), run.clone())]);
        labels.extend(owner.map(|owner| ("beanpole.rehearsal.owner".to_owned(), owner)));
        (run, labels)
    };
    let (gone, gone_labels) = network("killed", Some(format!("{host}/former-boot/1/1")));
    let (kept, kept_labels) = network("kept", None);
    bench
        .engine
        .create_network(&gone, &gone_labels, true)
        .await
        .unwrap();
    bench
        .engine
        .create_network(&kept, &kept_labels, true)
        .await
        .unwrap();
    let removed = Docker::remove_abandoned(&bench.engine).await.unwrap();
    assert!(removed.networks >= 1, "{removed:?}");
    let left = async |run: &str| {
        bench
            .engine
            .labelled_networks(&format!("beanpole.rehearsal={run}"))
            .await
            .unwrap()
            .len()
    };
    assert_eq!((left(&gone).await, left(&kept).await), (0, 1));
    bench.engine.remove_network(&kept).await.unwrap();
    assert_eq!(
        bench
            .engine
            .labelled_networks(&bench.plane.label())
            .await
            .unwrap()
            .len(),
        1,
        "a live run's is left"
    );
    bench.end().await;
}
