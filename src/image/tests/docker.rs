//! The crate against a real Docker Engine.
//!
//! The images are built from nothing but busybox (a static binary), so that no registry is needed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on stops; the lints' own exception covers only test functions"
)]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use beanpole_image::{
    Attachment, BuildRequest, CancellationToken, ContainerFile, ContainerSpec, Context, Engine,
    Entry, EntryKind, Error, RestartPolicy,
};
use beanpole_model::{Environment, Event, Reporter, Secret};
use bytes::Bytes;

/// Keeps every event.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Event>>>);

impl Reporter for Kept {
    fn report(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Kept {
    fn text(&self) -> String {
        let events = self.0.lock().unwrap();
        events.iter().map(|event| format!("{event:?}\n")).collect()
    }
}

/// An engine and a label of its own; what carries the label is removed in the end.
struct Bench {
    engine: Engine,
    label: String,
}

impl Bench {
    /// `None` only where the tests were told that this machine has no services.
    async fn new() -> Option<Self> {
        let environment: Environment = std::env::vars().collect();
        if environment.get("BEANPOLE_TEST_SERVICES") == Some("none") {
            return None;
        }
        let engine = Engine::connect(&environment)
            .await
            .expect("these tests need a Docker Engine; scripts/test-services starts one");
        Some(Self {
            engine,
            label: format!("test-{}", uuid::Uuid::new_v4().simple()),
        })
    }

    fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("beanpole.test".to_owned(), self.label.clone())])
    }

    fn filter(&self) -> String {
        format!("beanpole.test={}", self.label)
    }

    fn request(&self, dockerfile: &str, files: &[(&str, &str)]) -> BuildRequest {
        let mut entries = vec![entry("Dockerfile", 0o644, dockerfile.as_bytes())];
        entries.push(entry("busybox", 0o755, &busybox()));
        entries.extend(
            files
                .iter()
                .map(|(path, text)| entry(path, 0o644, text.as_bytes())),
        );
        let context = Context::from_entries(entries, "Dockerfile").unwrap();
        let mut request = BuildRequest::new(context, "Dockerfile");
        request.labels = self.labels();
        request.tags = vec![format!("beanpole-test:{}", self.label)];
        request
    }

    async fn build(
        &self,
        request: &BuildRequest,
    ) -> (Result<beanpole_image::BuiltImage, Error>, Kept) {
        let kept = Kept::default();
        let built = self
            .engine
            .build(request, &kept, &CancellationToken::new())
            .await;
        (built, kept)
    }

    fn container(&self, name: &str, image: &str) -> ContainerSpec {
        ContainerSpec {
            name: format!("{}-{name}", self.label),
            image: image.to_owned(),
            labels: self.labels(),
            ..ContainerSpec::default()
        }
    }

    async fn clean(self) {
        self.engine
            .remove_labelled(&self.filter(), true)
            .await
            .unwrap();
        assert!(
            self.engine
                .labelled_containers(&self.filter())
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            self.engine
                .labelled_networks(&self.filter())
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            self.engine
                .labelled_images(&self.filter())
                .await
                .unwrap()
                .is_empty()
        );
    }
}

/// A test that stops half-way leaves nothing either.
impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (engine, filter) = (self.engine.clone(), self.filter());
            let worker = std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let _ = runtime.block_on(engine.remove_labelled(&filter, true));
            });
            let _ = worker.join();
        }
    }
}

fn entry(path: &str, mode: u32, bytes: &[u8]) -> Entry {
    Entry {
        path: path.to_owned(),
        mode,
        kind: EntryKind::File(Bytes::copy_from_slice(bytes)),
    }
}

/// The busybox binary of Debian's package busybox-static, which is installed where it is missing.
fn busybox() -> Vec<u8> {
    static ONCE: Mutex<Option<Vec<u8>>> = Mutex::new(None);
    let mut once = ONCE.lock().unwrap();
    once.get_or_insert_with(|| {
        let path = "/bin/busybox";
        if fs_err::metadata(path).is_err() {
            let installed = Command::new("apt-get")
                .args([
                    "install",
                    "-y",
                    "-qq",
                    "--no-install-recommends",
                    "busybox-static",
                ])
                .output()
                .expect("apt-get runs");
            assert!(
                installed.status.success(),
                "install the package busybox-static: {installed:?}"
            );
        }
        fs_err::read(path).unwrap()
    })
    .clone()
}

const BASE: &str = "FROM scratch AS base\nCOPY busybox /bin/busybox\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\nRUN /bin/busybox --install -s /bin\n";

#[tokio::test]
async fn a_build_tells_its_steps_and_knows_its_cache() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let unique = bench.label.clone();
    let mut request = bench.request(
        &format!("{BASE}ARG TOKEN\nARG SHOWN\nRUN echo out-{unique}; echo token=$TOKEN shown=$SHOWN >&2\n"),
        &[],
    );
    request
        .args
        .insert("TOKEN".to_owned(), Secret::new("marked-secret-value"));
    request.args.insert("SHOWN".to_owned(), Secret::new("abc"));
    let (built, kept) = bench.build(&request).await;
    let built = built.unwrap();
    let text = kept.text();
    assert!(text.contains(&format!("out-{unique}")), "{text}");
    assert!(text.contains("token=[redacted] shown=abc"), "{text}");
    assert!(!text.contains("marked-secret-value"), "{text}");
    assert!(text.contains("id: \"build-image\""), "{text}");
    assert!(text.contains("RUN echo out-"), "{text}");
    assert!(built.total_steps >= 3, "{built:?}");
    assert!(built.id.starts_with("sha256:"), "{built:?}");
    assert_eq!(built.id, built.digest);

    let image = bench.engine.image(&request.tags[0]).await.unwrap().unwrap();
    assert_eq!(image.id, built.id);
    assert_eq!(image.labels.get("beanpole.test"), Some(&bench.label));

    let (again, kept) = bench.build(&request).await;
    let again = again.unwrap();
    assert_eq!(again.id, built.id);
    assert_eq!(again.cached_steps, again.total_steps, "{}", kept.text());
    assert!(kept.text().contains("(cached)"), "{}", kept.text());
    bench.clean().await;
}

#[tokio::test]
async fn a_failing_build_names_the_step_and_its_last_lines() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let run = "RUN for i in $(seq 1 50); do echo \"line $i of $SECRET\"; done; echo last; exit 3";
    let mut request = bench.request(&format!("{BASE}ARG SECRET\n{run}\n"), &[]);
    request
        .args
        .insert("SECRET".to_owned(), Secret::new("marked-secret-value"));
    let (built, kept) = bench.build(&request).await;
    let Err(Error::BuildFailed {
        step,
        message,
        log_tail,
    }) = built
    else {
        panic!("{built:?}");
    };
    assert!(step.contains("RUN for i in"), "{step}");
    assert!(message.contains("exit code: 3"), "{message}");
    assert_eq!(log_tail.len(), 30, "{log_tail:?}");
    assert_eq!(log_tail.last().unwrap(), "last");
    assert_eq!(log_tail.first().unwrap(), "line 22 of [redacted]");
    assert!(!format!("{message}{step}{log_tail:?}{}", kept.text()).contains("marked-secret-value"));
    assert!(
        bench
            .engine
            .image(&request.tags[0])
            .await
            .unwrap()
            .is_none()
    );
    bench.clean().await;
}

#[tokio::test]
async fn a_dockerfile_that_does_not_parse_is_a_failed_build() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let (built, _) = bench
        .build(&bench.request("FROM scratch\nNONSENSE\n", &[]))
        .await;
    let Err(Error::BuildFailed { message, .. }) = built else {
        panic!("{built:?}")
    };
    assert!(message.contains("NONSENSE"), "{message}");
    bench.clean().await;
}

#[tokio::test]
async fn a_base_image_that_cannot_be_had_is_named() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    // A registry on this machine that nobody runs.
    let image = "127.0.0.1:9/no/such:1";
    let (built, _) = bench
        .build(&bench.request(&format!("FROM {image}\n"), &[]))
        .await;
    let Err(Error::BaseImageUnavailable {
        image: named,
        cause,
    }) = built
    else {
        panic!("{built:?}")
    };
    assert_eq!(named, image);
    assert!(!cause.is_empty());

    let pulled = bench
        .engine
        .ensure_image(
            image,
            "build-image",
            &Kept::default(),
            &CancellationToken::new(),
        )
        .await;
    let Err(Error::BaseImageUnavailable { image: named, .. }) = pulled else {
        panic!("{pulled:?}")
    };
    assert_eq!(named, image);
    bench.clean().await;
}

#[tokio::test]
async fn a_cancelled_build_stops_in_the_engine_and_leaves_nothing() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let marker = format!("7{}", std::process::id());
    let request = bench.request(
        &format!("{BASE}RUN echo begun-{}; sleep {marker}\n", bench.label),
        &[],
    );
    let cancel = CancellationToken::new();
    let kept = Kept::default();
    let build = bench.engine.build(&request, &kept, &cancel);
    let watch = async {
        let begun = format!("begun-{}\"", bench.label);
        wait_for(|| kept.text().contains(&begun)).await;
        assert!(sleeps(&marker), "the step runs on this machine");
        cancel.cancel();
        Instant::now()
    };
    let (built, cancelled_at) = tokio::join!(build, watch);
    assert!(matches!(built, Err(Error::Cancelled { .. })), "{built:?}");
    assert!(cancelled_at.elapsed() < Duration::from_secs(5));
    wait_for(|| !sleeps(&marker)).await;
    assert!(
        bench
            .engine
            .image(&request.tags[0])
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        bench
            .engine
            .labelled_images(&bench.filter())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        bench
            .engine
            .labelled_containers(&bench.filter())
            .await
            .unwrap()
            .is_empty()
    );
    bench.clean().await;
}

#[tokio::test]
async fn a_dropped_build_stops_as_well() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let marker = format!("8{}", std::process::id());
    let request = bench.request(&format!("{BASE}RUN sleep {marker}\n"), &[]);
    let cancel = CancellationToken::new();
    let kept = Kept::default();
    tokio::select! {
        built = bench.engine.build(&request, &kept, &cancel) => panic!("{built:?}"),
        () = wait_for(|| sleeps(&marker)) => {}
    }
    wait_for(|| !sleeps(&marker)).await;
    bench.clean().await;
}

/// True if a process `sleep <marker>` runs anywhere on this machine.
fn sleeps(marker: &str) -> bool {
    let Ok(processes) = fs_err::read_dir("/proc") else {
        return false;
    };
    processes.flatten().any(|process| {
        fs_err::read(process.path().join("cmdline"))
            .is_ok_and(|line| line == format!("sleep\0{marker}\0").as_bytes())
    })
}

async fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "nothing happened for a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Docker's own client is the judge of our ignore rules: the same folder must give the same image
/// content with it and with us.
#[tokio::test]
async fn the_context_is_the_one_that_dockers_client_sends() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let root = camino::Utf8Path::from_path(folder.path()).unwrap();
    for path in [
        "a.md",
        "README.md",
        "README-secret.md",
        "src/a.py",
        "src/b.pyc",
        "src/deep/b.pyc",
        "src/deep/keep.pyc",
        "node_modules/x/y",
        "node_modules/keep/z",
        "docs/x.txt",
        "docs/in/y.txt",
        "temp",
        "tempa",
        "sub/temp1",
        "sub/sub/temp2",
        "x.go",
        "p/q/x.go",
        "[z]",
        "w/.git/config",
        "d/e/f/g",
        "d/e/h",
        "logs/1/a.log",
        "logs/b.log",
    ] {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, "x").unwrap();
    }
    fs_err::create_dir_all(root.join("hollow")).unwrap();
    fs_err::write(root.join("Dockerfile"), "FROM scratch\nCOPY . /\n").unwrap();
    let rules = "# rules\n*.md\n!README*.md\nREADME-secret.md\n**/*.pyc\n!src/deep/keep.pyc\n/node_modules/\n!node_modules/keep\n./docs/in\ntemp?\n*/temp*\n*/*/temp?\n**/*.go\n\\[z\\]\n**/.git\nd/**/g\nlogs/**\n!logs/b*\n";
    fs_err::write(root.join(".dockerignore"), rules).unwrap();

    let theirs = format!("beanpole-test:{}-theirs", bench.label);
    let built = Command::new("docker")
        .env("DOCKER_BUILDKIT", "0")
        .args([
            "build",
            "--quiet",
            "--label",
            &bench.filter(),
            "--tag",
            &theirs,
            root.as_str(),
        ])
        .output()
        .expect("this test needs the docker command");
    assert!(built.status.success(), "{built:?}");

    let mut request = BuildRequest::new(
        Context::from_directory(root, "Dockerfile").unwrap(),
        "Dockerfile",
    );
    request.labels = bench.labels();
    request.tags = vec![format!("beanpole-test:{}", bench.label)];
    bench.build(&request).await.0.unwrap();

    let ours = contents(&bench, "ours", &request.tags[0]).await;
    assert_eq!(ours, contents(&bench, "theirs", &theirs).await);
    for path in [
        "README.md",
        "node_modules/keep/z",
        "hollow/",
        "docs/x.txt",
        "src/deep/keep.pyc",
        "temp",
    ] {
        assert!(ours.iter().any(|have| have == path), "{path} in {ours:?}");
    }
    bench.clean().await;
}

/// The sorted paths in an image, without what the engine itself adds to every container.
async fn contents(bench: &Bench, name: &str, image: &str) -> Vec<String> {
    let mut spec = bench.container(name, image);
    spec.command = Some(vec!["none".to_owned()]);
    let container = bench.engine.create_container(&spec).await.unwrap();
    let exported = Command::new("docker")
        .args(["export", &container])
        .output()
        .unwrap();
    assert!(exported.status.success());
    let mut archive = tar::Archive::new(exported.stdout.as_slice());
    let mut paths: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned())
        .filter(|path| {
            !["dev/", "etc/", "proc/", "sys/", ".dockerenv"]
                .iter()
                .any(|own| path.starts_with(own))
        })
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn containers_networks_files_logs_and_commands() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let engine = &bench.engine;
    let image = bench.build(&bench.request(BASE, &[])).await.0.unwrap();
    let (inner, outer) = (
        format!("{}-inner", bench.label),
        format!("{}-outer", bench.label),
    );
    engine
        .create_network(&inner, &bench.labels(), true)
        .await
        .unwrap();
    engine
        .create_network(&outer, &bench.labels(), false)
        .await
        .unwrap();

    let mut server = bench.container("server", &image.id);
    server.command = Some(
        ["httpd", "-f", "-v", "-p", "80", "-h", "/www"]
            .map(str::to_owned)
            .to_vec(),
    );
    server.network = Some(Attachment {
        network: inner.clone(),
        aliases: vec!["server.example.localhost".to_owned()],
    });
    let server = engine.create_container(&server).await.unwrap();
    let page = ContainerFile {
        path: "/www/in/index.html".to_owned(),
        mode: 0o644,
        content: Secret::new("hello"),
    };
    engine.put_files(&server, &[page]).await.unwrap();
    engine.start_container(&server).await.unwrap();

    let mut client = bench.container("client", &image.id);
    client.command = Some(
        [
            "sh",
            "-c",
            "echo begun; echo $WORD >&2; exec httpd -f -p 8000",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    client
        .environment
        .insert("WORD".to_owned(), Secret::new("spoken"));
    client.publish = vec![8000];
    client.network = Some(Attachment {
        network: outer.clone(),
        aliases: Vec::new(),
    });
    let client = engine.create_container(&client).await.unwrap();
    engine.start_container(&client).await.unwrap();
    let state = engine.container(&client).await.unwrap().unwrap();
    assert!(state.running, "{state:?}");
    let address = state.published[&8000];
    assert!(address.ip().is_loopback());
    tokio::net::TcpStream::connect(address).await.unwrap();

    let none = BTreeMap::new();
    let page = engine
        .exec(&server, &["cat", "/www/in/index.html"], &none)
        .await
        .unwrap();
    assert_eq!((page.exit_code, page.lines), (0, vec!["hello".to_owned()]));

    // The second network shows as a second interface. Names are looked up by real clients in the tests
    // of `beanpole-rehearsal`: a static busybox cannot.
    let interfaces = async || {
        let listing = engine
            .exec(&client, &["cat", "/proc/net/dev"], &none)
            .await
            .unwrap();
        listing
            .lines
            .iter()
            .filter(|line| line.trim().starts_with("eth"))
            .count()
    };
    assert_eq!(interfaces().await, 1);
    for _ in 0..2 {
        engine
            .connect_network(&inner, &client, &["alias".to_owned()])
            .await
            .unwrap();
    }
    assert_eq!(interfaces().await, 2);
    let networks = engine.container(&client).await.unwrap().unwrap().networks;
    assert!(
        networks.contains_key(&inner) && networks.contains_key(&outer),
        "{networks:?}"
    );
    for _ in 0..2 {
        engine.disconnect_network(&inner, &client).await.unwrap();
    }
    assert_eq!(interfaces().await, 1);

    let mut lines = engine.logs(&client, 10).await.unwrap();
    lines.sort();
    assert_eq!(lines, ["begun", "spoken"]);
    let environment = BTreeMap::from([("EXTRA".to_owned(), Secret::new("more"))]);
    let output = engine
        .exec(
            &client,
            &["sh", "-c", "echo $WORD $EXTRA; exit 4"],
            &environment,
        )
        .await
        .unwrap();
    assert_eq!(
        (output.exit_code, output.lines),
        (4, vec!["spoken more".to_owned()])
    );

    engine
        .stop_container(&client, Duration::from_secs(0))
        .await
        .unwrap();
    assert!(!engine.container(&client).await.unwrap().unwrap().running);
    assert!(engine.remove_container(&client).await.unwrap());
    assert!(!engine.remove_container(&client).await.unwrap());
    assert!(engine.container(&client).await.unwrap().is_none());
    assert!(engine.logs(&client, 10).await.unwrap().is_empty());

    let mut ends = bench.container("ends", &image.id);
    ends.command = Some(
        ["sh", "-c", "echo a; sleep 0.2; printf b; exit 7"]
            .map(str::to_owned)
            .to_vec(),
    );
    let ends = engine.create_container(&ends).await.unwrap();
    engine.start_container(&ends).await.unwrap();
    let mut followed = Vec::new();
    engine
        .follow_logs(&ends, |line| followed.push(line))
        .await
        .unwrap();
    // The engine may close the stream before it has sent the last line; its log has it all the same.
    assert_eq!(followed.first().map(String::as_str), Some("a"));
    assert_eq!(engine.wait_container(&ends).await.unwrap(), 7);
    assert_eq!(engine.logs(&ends, 10).await.unwrap(), ["a", "b"]);

    let mut crashing = bench.container("crashing", &image.id);
    crashing.command = Some(["sh", "-c", "exit 1"].map(str::to_owned).to_vec());
    crashing.restart = RestartPolicy::OnFailure;
    let crashing = engine.create_container(&crashing).await.unwrap();
    engine.start_container(&crashing).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while engine.container(&crashing).await.unwrap().unwrap().restarts == 0 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let removed = engine.remove_labelled(&bench.filter(), true).await.unwrap();
    assert_eq!(
        (removed.containers, removed.networks, removed.images),
        (3, 2, 1),
        "{removed:?}"
    );
    assert_eq!(
        engine.remove_labelled(&bench.filter(), true).await.unwrap(),
        beanpole_image::Removed::default()
    );
    bench.clean().await;
}

#[tokio::test]
async fn what_is_taken_or_missing_is_named() {
    let Some(bench) = Bench::new().await else {
        return;
    };
    let engine = &bench.engine;
    let missing = engine
        .create_container(&bench.container("x", "beanpole-no-such:1"))
        .await
        .unwrap_err();
    assert!(missing.is_not_found(), "{missing:?}");
    let image = bench.build(&bench.request(BASE, &[])).await.0.unwrap();
    let mut spec = bench.container("x", &image.id);
    spec.command = Some(vec!["/no/such/command".to_owned()]);
    let container = engine.create_container(&spec).await.unwrap();
    let taken = engine.create_container(&spec).await.unwrap_err();
    assert!(matches!(taken, Error::Conflict { .. }), "{taken:?}");
    assert!(taken.to_string().contains(&spec.name), "{taken}");
    let error = engine.start_container(&container).await.unwrap_err();
    assert!(error.to_string().contains("start container"), "{error}");
    bench.clean().await;
}
