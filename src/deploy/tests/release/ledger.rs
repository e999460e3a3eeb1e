//! The lock, the ledger and the housekeeping against the embedded AWS.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use beanpole_cloud::{Kind, NewVersion, UpdateEnvironment};
use beanpole_deploy::ledger::{
    Closing, Former, FormerSetting, Happening, Ledger, LedgerSettings, NewRecord, ReleaseKind,
    Resumption, decide,
};
use beanpole_deploy::lock::{
    Claim, EnvironmentLock, FORMAT, Heartbeat, Lock, LockSettings, Process, Released, Standing,
};
use beanpole_deploy::prune::prune;
use beanpole_deploy::{Error, Verdict};
use beanpole_model::{
    EnvironmentName, Event, ExitCode, Problem as _, Secret, StepOutcome, VersionLabel,
};
use bytes::Bytes;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::support::{Setup, World};

/// The step under which waiting is told.
const STEP: &str = "lock";

/// A wait that no test runs out of: hours of AWS's clock.
const LONG: Option<Duration> = Some(Duration::from_secs(10 * 3600));

impl World {
    async fn bucket(&self) -> String {
        self.cloud.beanstalk.storage_location().await.unwrap()
    }

    async fn lock(&self) -> EnvironmentLock {
        self.lock_until(&CancellationToken::new()).await
    }

    async fn lock_until(&self, cancel: &CancellationToken) -> EnvironmentLock {
        EnvironmentLock::new(LockSettings {
            cloud: self.cloud.clone(),
            bucket: self.bucket().await,
            application: self.project.application.clone(),
            environment: self.project.environment.clone(),
            pace: self.pace(),
            reporter: self.heard.clone(),
            scrubber: self.scrubber.clone(),
            cancel: cancel.clone(),
        })
    }

    async fn ledger(&self) -> Ledger {
        Ledger::new(LedgerSettings {
            cloud: self.cloud.clone(),
            bucket: self.bucket().await,
            application: self.project.application.clone(),
            environment: self.project.environment.clone(),
            state_directory: self.sandbox.home().join("state"),
            pace: self.pace(),
            clock: Timestamp::now,
            reporter: self.heard.clone(),
            scrubber: self.scrubber.clone(),
            cancel: CancellationToken::new(),
        })
    }

    fn lock_key(&self) -> String {
        format!(
            "{}/locks/{}.json",
            self.project.application, self.project.environment
        )
    }

    /// Writes a lock as some other program would.
    async fn put_lock(&self, lock: &Lock) {
        let body = Bytes::from(serde_json::to_vec(lock).unwrap());
        let bucket = self.bucket().await;
        self.cloud
            .storage
            .put(&bucket, &self.lock_key(), body)
            .await
            .unwrap();
    }

    fn warnings(&self) -> Vec<String> {
        self.heard
            .all()
            .into_iter()
            .filter_map(|event| match event {
                Event::Warning { message } => Some(message),
                _ => None,
            })
            .collect()
    }

    fn lose_this_machines_records(&self) {
        fs_err::remove_dir_all(self.sandbox.home().join("state")).unwrap();
    }
}

fn claim(who: &str) -> Claim {
    Claim {
        operation: "deploy".to_owned(),
        who: who.to_owned(),
        why: Some("the fix".to_owned()),
        version: Some("0123456789ab-fedcba987654".to_owned()),
        commit: Some("0123456789abcdef".to_owned()),
        run_url: Some("https://ci.example/runs/7".to_owned()),
    }
}

fn foreign_lock(heartbeat: Option<Heartbeat>, process: Option<Process>) -> Lock {
    Lock {
        format: FORMAT,
        token: "of-another-program".to_owned(),
        claim: claim("mallory"),
        since: Timestamp::UNIX_EPOCH,
        heartbeat,
        process,
    }
}

fn new_record(version: &str) -> NewRecord {
    NewRecord {
        kind: ReleaseKind::Deploy,
        version: version.to_owned(),
        commit: Some("0123456789abcdef".to_owned()),
        subject: Some("feat: slugs".to_owned()),
        who: "alice".to_owned(),
        why: None,
        run_url: None,
    }
}

fn closing(verdict: Verdict, exit_code: ExitCode) -> Closing {
    Closing {
        verdict,
        exit_code,
        message: "an end".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_the_lock_exactly_one_has_it() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    let attempts: Vec<_> = (0..8)
        .map(|number| {
            let lock = lock.clone();
            tokio::spawn(
                async move { lock.acquire(claim(&format!("u{number}")), None, STEP).await },
            )
        })
        .collect();
    let mut held = Vec::new();
    let mut refused = Vec::new();
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok(lock) => held.push(lock),
            Err(error) => refused.push(error),
        }
    }
    assert_eq!((held.len(), refused.len()), (1, 7));
    let held = held.pop().unwrap();
    let holder = lock.show().await.unwrap().unwrap();
    assert_eq!(holder.standing, Standing::Live);
    for error in refused {
        assert!(matches!(error, Error::Locked(_)), "{error}");
        assert_eq!(error.exit_code(), ExitCode::Busy);
        assert!(error.to_string().contains(&holder.holder()), "{error}");
        let details = error.details().join("\n");
        for word in [
            "since",
            "the fix",
            "0123456789abcdef",
            "https://ci.example/runs/7",
        ] {
            assert!(details.contains(word), "{details}");
        }
        let hint = error.hint().unwrap();
        assert!(
            hint.contains("beanpole lock show") && hint.contains("--wait"),
            "{hint}"
        );
    }
    held.check().unwrap();
    assert_eq!(held.release().await.unwrap(), Released::Done);
    assert_eq!(lock.show().await.unwrap(), None);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_told_for_whom_and_gets_it() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    let first = lock.acquire(claim("alice"), None, STEP).await.unwrap();
    let waiting = {
        let lock = lock.clone();
        tokio::spawn(async move { lock.acquire(claim("bob"), LONG, STEP).await })
    };
    while world.heard.progress(STEP).is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!waiting.is_finished());
    let told = world.heard.progress(STEP).remove(0);
    assert!(told.contains("locked by alice (deploy of"), "{told}");
    assert_eq!(first.release().await.unwrap(), Released::Done);
    let second = waiting.await.unwrap().unwrap();
    assert_eq!(
        lock.show().await.unwrap().unwrap().lock.unwrap().claim.who,
        "bob"
    );
    second.release().await.unwrap();
    assert_eq!(world.warnings(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_has_an_end_and_can_be_interrupted() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    let by_hand = lock
        .acquire_by_hand(claim("alice"), None, STEP)
        .await
        .unwrap();
    assert_eq!(by_hand.standing, Standing::Manual);
    // The shortest deadline is ten real seconds, so of this one nothing is shortened.
    let short = Some(Duration::from_secs(3));
    let error = lock.acquire(claim("bob"), short, STEP).await.unwrap_err();
    assert!(
        error.details().contains(&"waited for 3 seconds".to_owned()),
        "{error:?}"
    );
    let cancel = CancellationToken::new();
    let other = world.lock_until(&cancel).await;
    let waiting = tokio::spawn(async move { other.acquire(claim("carol"), LONG, STEP).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    cancel.cancel();
    assert!(matches!(waiting.await.unwrap(), Err(Error::Interrupted)));
    // A lock that was taken by hand needs no force.
    let removed = lock.release(false).await.unwrap().unwrap();
    assert_eq!(removed.lock.unwrap().claim.who, "alice");
    assert_eq!(lock.release(false).await.unwrap(), None);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_lock_is_taken_over_and_not_before_its_time() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    // Stale after half an hour: 3.6 seconds of this machine.
    let heartbeat = Heartbeat {
        number: 4,
        every_seconds: 300,
    };
    world.put_lock(&foreign_lock(Some(heartbeat), None)).await;
    let error = lock.acquire(claim("bob"), None, STEP).await.unwrap_err();
    assert!(matches!(error, Error::Locked(_)), "{error}");
    let held = lock.acquire(claim("bob"), LONG, STEP).await.unwrap();
    let warnings = world.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("mallory") && warnings[0].contains("taken over"),
        "{warnings:?}"
    );
    held.release().await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_keeps_a_lock_fresh() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    let held = lock.acquire(claim("alice"), None, STEP).await.unwrap();
    let first = lock.show().await.unwrap().unwrap().lock.unwrap();
    let patience = first.heartbeat.unwrap().patience();
    // Twice as long as a silent lock would be respected.
    tokio::time::sleep(world.pace().wait(patience * 2)).await;
    let error = lock.acquire(claim("bob"), None, STEP).await.unwrap_err();
    assert!(matches!(error, Error::Locked(_)), "{error}");
    let later = lock.show().await.unwrap().unwrap().lock.unwrap();
    assert_eq!((&later.token, later.since), (&first.token, first.since));
    assert!(later.heartbeat.unwrap().number > first.heartbeat.unwrap().number);
    held.check().unwrap();
    // A running release is not robbed by mistake.
    assert!(matches!(lock.release(false).await, Err(Error::Locked(_))));
    held.release().await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_taken_away_is_missed() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    let held = lock.acquire(claim("alice"), None, STEP).await.unwrap();
    let removed = lock.release(true).await.unwrap().unwrap();
    assert_eq!(removed.lock.unwrap().claim.who, "alice");
    let lost = tokio::time::timeout(Duration::from_secs(20), held.lost().cancelled()).await;
    lost.expect("the loss is noticed");
    let error = held.check().unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::Busy);
    assert!(error.to_string().contains("it was removed"), "{error}");

    let second = lock.acquire(claim("bob"), None, STEP).await.unwrap();
    world.put_lock(&foreign_lock(None, None)).await;
    let lost = tokio::time::timeout(Duration::from_secs(20), second.lost().cancelled()).await;
    lost.expect("the loss is noticed");
    assert!(second.check().unwrap_err().to_string().contains("mallory"));
    // What is not ours is left alone.
    let Released::WasLost(how) = second.release().await.unwrap() else {
        panic!("it was lost");
    };
    assert!(how.contains("mallory"), "{how}");
    assert_eq!(
        lock.show().await.unwrap().unwrap().lock.unwrap().claim.who,
        "mallory"
    );
    world.end().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_a_killed_process_of_this_machine_is_ours_at_once() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let process = Process::of(child.id());
    assert!(process.is_some());
    let heartbeat = Heartbeat {
        number: 1,
        every_seconds: 1_000_000,
    };
    world
        .put_lock(&foreign_lock(Some(heartbeat), process))
        .await;
    let error = lock.acquire(claim("bob"), None, STEP).await.unwrap_err();
    assert!(matches!(error, Error::Locked(_)), "it still runs: {error}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lock.show().await.unwrap().unwrap().standing, Standing::Dead);
    let held = lock.acquire(claim("bob"), None, STEP).await.unwrap();
    // The same for a release of this process that was dropped.
    drop(held);
    let held = lock.acquire(claim("carol"), None, STEP).await.unwrap();
    let warnings = world.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[1].contains("its process has ended"),
        "{warnings:?}"
    );
    held.release().await.unwrap();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_cannot_be_read_is_respected() {
    let world = World::new(Setup::default()).await;
    let lock = world.lock().await;
    let bucket = world.bucket().await;
    let newer = Bytes::from_static(b"{\"format\": 99}");
    world
        .cloud
        .storage
        .put(&bucket, &world.lock_key(), newer)
        .await
        .unwrap();
    let error = lock.acquire(claim("bob"), None, STEP).await.unwrap_err();
    assert!(
        error.details().join("\n").contains("newer beanpole"),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("--force"), "{error:?}");
    assert!(matches!(lock.release(false).await, Err(Error::Locked(_))));
    let removed = lock.release(true).await.unwrap().unwrap();
    assert_eq!(removed.standing, Standing::Unreadable);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_leave_no_lock_that_nobody_has() {
    let faults = "
requests:
  - {service: s3, operation: PutObject, times: 2, fault: drop-answer}
  - {service: s3, operation: DeleteObject, times: 2, fault: drop-answer}
";
    let world = World::new(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let lock = world.lock().await;
    let held = lock.acquire(claim("alice"), None, STEP).await.unwrap();
    held.check().unwrap();
    assert_eq!(held.release().await.unwrap(), Released::Done);
    assert_eq!(lock.show().await.unwrap(), None);
    assert_eq!(world.warnings(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_written_down_and_survives_either_copy() {
    let world = World::new(Setup::default()).await;
    world.scrubber.learn(&Secret::new("hunter22"));
    let ledger = world.ledger().await;
    assert_eq!(ledger.latest().await.unwrap(), None);
    let journal = ledger.begin(new_record("v1"), &[]).await.unwrap();
    journal.begun("update").await.unwrap();
    journal.send_on().await.unwrap();
    journal
        .fact("request", "the hunter22 request")
        .await
        .unwrap();
    let setting = |namespace: &str, value: &str| FormerSetting {
        namespace: namespace.to_owned(),
        resource: None,
        name: "X".to_owned(),
        value: Some(value.to_owned()),
        withheld: false,
    };
    let former = Former {
        version: Some("v0".to_owned()),
        was_healthy: true,
        newest_deployment: Some(3),
        instances: 2,
        settings: vec![
            setting("aws:autoscaling:asg", "2"),
            setting("aws:elasticbeanstalk:application:environment", "anything"),
            setting("aws:autoscaling:trigger", "hunter22"),
        ],
    };
    journal.touching(former).await.unwrap();
    journal
        .ended("update", StepOutcome::Failed, "it said\nhunter22", 1.5)
        .await
        .unwrap();
    let record = journal.record();
    assert!(record.touched);
    let values: Vec<_> = record
        .former
        .iter()
        .flat_map(|former| &former.settings)
        .collect();
    assert_eq!(values[0].value.as_deref(), Some("2"));
    assert!(
        values[1..]
            .iter()
            .all(|setting| setting.withheld && setting.value.is_none())
    );
    assert!(matches!(
        &record.entries[3].happening,
        Happening::Ended { message, .. } if message == "it said [redacted]"
    ));

    // A killed process; another one on this machine, and then one on another machine.
    assert_eq!(
        world.ledger().await.latest().await.unwrap(),
        Some(record.clone())
    );
    world.lose_this_machines_records();
    let elsewhere = world.ledger().await;
    let found = elsewhere.latest().await.unwrap().unwrap();
    assert_eq!(found, record);
    assert!(!serde_json::to_string(&found).unwrap().contains("hunter22"));
    let decision = decide(Some(&found), "v1", Some("v1"));
    let Resumption::Resume { record: resumed } = decision else {
        panic!("{decision:?}");
    };
    let journal = elsewhere.resume(*resumed, "bob", None, &[]).await.unwrap();
    journal.begun("prove").await.unwrap();
    journal.send_on().await.unwrap();

    // The bucket is gone, with all that was in it; what goes on makes it anew.
    remove_bucket(&world).await;
    let known = world
        .ledger_without_asking(&elsewhere)
        .latest()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(known.entries.len(), 6);
    journal.begun("soak").await.unwrap();
    journal.send_on().await.unwrap();
    journal
        .close(closing(Verdict::Released, ExitCode::Done))
        .await;
    assert_eq!(world.warnings(), Vec::<String>::new());
    world.lose_this_machines_records();
    let last = world.ledger().await.latest().await.unwrap().unwrap();
    assert_eq!(last, journal.record());
    assert!(last.is_proven());
    assert_eq!(last.entries.len(), 7);

    // The next one sorts after it, although it begins in the same second.
    let next = elsewhere.begin(new_record("v1"), &[]).await.unwrap();
    assert!(*next.id() > last.id);
    let history = world.ledger().await.recent(10).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].id, *next.id());
    world.end().await;
}

impl World {
    /// A ledger that does not make the bucket by asking for it.
    fn ledger_without_asking(&self, like: &Ledger) -> Ledger {
        Ledger::new(like.settings().clone())
    }
}

/// Deletes every object, and then the bucket, as a person in the console would.
async fn remove_bucket(world: &World) {
    let bucket = world.bucket().await;
    let storage = &world.cloud.storage;
    for object in storage.list(&bucket, "").await.unwrap() {
        storage.delete(&bucket, &object.key).await.unwrap();
    }
    let address = world.address();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "DELETE /{bucket} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: AWS4-HMAC-SHA256 \
         Credential=AKIATEST/20260101/eu-central-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(!storage.bucket_exists(&bucket).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_down_stops_a_release_only_before_it_touches_anything() {
    let faults = "
requests:
  - {service: s3, operation: PutObject, nth: 3, times: 0, fault: access-denied}
";
    let world = World::new(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let ledger = world.ledger().await;
    let first = ledger.begin(new_record("v1"), &[]).await.unwrap();
    first.touching(Former::default()).await.unwrap();
    // From here on the bucket takes nothing more.
    first.begun("update").await.unwrap();
    first.send_on().await.unwrap();
    first
        .ended("update", StepOutcome::Done, "done", 90.0)
        .await
        .unwrap();
    first
        .close(closing(Verdict::Released, ExitCode::Done))
        .await;
    let warnings = world.warnings();
    assert_eq!(warnings.len(), 1, "told once: {warnings:?}");
    assert!(
        warnings[0].contains("this machine's goes on"),
        "{warnings:?}"
    );
    assert_eq!(ledger.latest().await.unwrap(), Some(first.record()));

    let error = ledger.begin(new_record("v2"), &[]).await.unwrap_err();
    let Error::Cloud { source, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(source.kind, Kind::AccessDenied);
    assert_eq!(error.exit_code(), ExitCode::Credentials);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_and_throttling_write_a_record_once() {
    let faults = "
requests:
  - {service: s3, operation: PutObject, times: 0, probability: 0.4, fault: drop-answer}
  - {service: s3, operation: '*', times: 0, probability: 0.2, fault: throttle}
";
    let world = World::new(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let ledger = world.ledger().await;
    let journal = ledger.begin(new_record("v1"), &[]).await.unwrap();
    for step in ["bundle", "upload", "version", "update"] {
        journal.begun(step).await.unwrap();
        journal.send_on().await.unwrap();
        journal
            .ended(step, StepOutcome::Done, "done", 0.1)
            .await
            .unwrap();
    }
    journal.touching(Former::default()).await.unwrap();
    world.lose_this_machines_records();
    let history = ledger.recent(5).await.unwrap();
    assert_eq!(history, [journal.record()]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_records_are_named_and_left_out_and_newer_ones_stop_everything() {
    let world = World::new(Setup::default()).await;
    let ledger = world.ledger().await;
    let journal = ledger.begin(new_record("v1"), &[]).await.unwrap();
    journal
        .close(closing(Verdict::Released, ExitCode::Done))
        .await;
    let bucket = world.bucket().await;
    let prefix = format!(
        "{}/releases/{}",
        world.project.application, world.project.environment
    );
    let put = async |name: &str, body: &'static str| {
        let key = format!("{prefix}/{name}.json");
        let body = Bytes::from_static(body.as_bytes());
        world.cloud.storage.put(&bucket, &key, body).await.unwrap();
        key
    };
    let damaged = put("29990101T000000Z-half", "{\"format\": 1, \"id\":").await;
    let history = ledger.recent(1).await.unwrap();
    assert_eq!(history, [journal.record()]);
    assert!(
        world.warnings()[0].contains(&damaged),
        "{:?}",
        world.warnings()
    );
    put("29990101T000001Z-newer", "{\"format\": 7}").await;
    let error = ledger.recent(1).await.unwrap_err();
    assert!(matches!(error, Error::Newer { found: 7, .. }), "{error}");
    assert!(
        error.to_string().contains("29990101T000001Z-newer"),
        "{error}"
    );
    world.end().await;
}

/// A version with a bundle of its own, as releases make them.
async fn make_version(world: &World, number: u8) -> (String, String) {
    let digest = format!("{number:02x}").repeat(32);
    let key = format!("{}/{digest}.zip", world.project.application);
    let label = format!("{number:012x}-{}", &digest[..12]);
    create_version(world, &label, &key).await;
    (label, key)
}

async fn create_version(world: &World, label: &str, key: &str) {
    let bucket = world.bucket().await;
    let body = Bytes::from_static(b"a bundle");
    world.cloud.storage.put(&bucket, key, body).await.unwrap();
    let new = NewVersion {
        application: world.project.application.clone(),
        label: VersionLabel::new(label).unwrap(),
        description: String::new(),
        bucket,
        key: key.to_owned(),
        process: false,
        tags: BTreeMap::new(),
    };
    world.cloud.beanstalk.create_version(&new).await.unwrap();
}

async fn write_release(ledger: &Ledger, version: &str, former: &str, exit_code: ExitCode) {
    let journal = ledger.begin(new_record(version), &[]).await.unwrap();
    let former = Former {
        version: Some(former.to_owned()),
        was_healthy: true,
        ..Former::default()
    };
    journal.touching(former).await.unwrap();
    journal.close(closing(Verdict::Released, exit_code)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_leaves_what_runs_what_is_a_way_back_and_what_others_made() {
    let faults = "
requests:
  - {service: elasticbeanstalk, operation: DeleteApplicationVersion, times: 1, fault: access-denied}
";
    let world = World::with_environment(Setup {
        faults,
        ..Setup::default()
    })
    .await;
    let ledger = world.ledger().await;
    let mut made = Vec::new();
    for number in 1..=9 {
        made.push(make_version(&world, number).await);
        // Versions have times in seconds of AWS's clock; these are told apart.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    create_version(&world, "by-hand", "shop/by-hand.zip").await;
    let label = |number: usize| made[number - 1].0.clone();
    // The second is what runs; it was brought long before all others.
    let update = UpdateEnvironment::deploy(
        world.project.application.clone(),
        world.project.environment.clone(),
        VersionLabel::new(label(2)).unwrap(),
    );
    world
        .cloud
        .beanstalk
        .update_environment(&update)
        .await
        .unwrap();
    world.wait_until_ready().await;
    write_release(&ledger, &label(4), &label(3), ExitCode::Done).await;
    for number in 6..=9 {
        write_release(&ledger, &label(number), &label(number - 1), ExitCode::Done).await;
    }
    // Another environment is in the middle of bringing the first.
    let staging = ledger.of_environment(EnvironmentName::new("shop-staging").unwrap());
    let _unfinished = staging.begin(new_record(&label(1)), &[]).await.unwrap();

    // The last three releases came from 8, 7 and 6; 9 and 8 are the last that were proven; 1 is
    // unfinished and 2 runs. 3, 4 and 5 are left, of which the oldest cannot be deleted this time.
    let report = prune(&ledger, 2).await.unwrap();
    assert_eq!(report.versions, [label(4), label(5)], "{report:?}");
    assert_eq!(report.left.len(), 1, "{report:?}");
    assert!(report.left[0].contains(&label(3)), "{report:?}");
    assert_eq!(
        report.to_string(),
        "removed 2 versions; 1 could not be removed"
    );
    let report = prune(&ledger, 2).await.unwrap();
    assert_eq!(report.versions, [label(3)], "{report:?}");
    assert!(prune(&ledger, 2).await.unwrap().is_empty());

    let application = &world.project.application;
    let left = world
        .cloud
        .beanstalk
        .versions(application, &[])
        .await
        .unwrap();
    let mut left: Vec<_> = left.into_iter().map(|version| version.label).collect();
    left.sort();
    let mut expected: Vec<_> = [1, 2, 6, 7, 8, 9].map(label).into();
    expected.push("by-hand".to_owned());
    assert_eq!(left, expected);
    let keys: Vec<_> = world
        .bundles()
        .await
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    for (number, (_, key)) in (1..).zip(&made) {
        let stays = ![3, 4, 5].contains(&number);
        assert_eq!(keys.contains(key), stays, "bundle {number}");
    }
    assert!(keys.contains(&"shop/by-hand.zip".to_owned()));
    world.end().await;
}

/// A held lock, a ledger and a journal can be used on any thread.
#[expect(dead_code, reason = "it is enough that this compiles")]
fn all_of_it_can_be_sent(lock: EnvironmentLock, ledger: Ledger) -> impl Send {
    async move {
        let held = lock.acquire(claim("alice"), None, STEP).await?;
        let journal = ledger.begin(new_record("v1"), &[]).await?;
        journal.begun(STEP).await?;
        journal.send_on().await?;
        prune(&ledger, 2).await?;
        held.release().await?;
        Ok::<_, Error>(Arc::new(journal))
    }
}
