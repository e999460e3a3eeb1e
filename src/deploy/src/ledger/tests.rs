//! The pure parts on generated records, and this machine's copies on a real disk.

use std::collections::BTreeSet;

use beanpole_model::StepOutcome;
use camino::Utf8PathBuf;
use jiff::Timestamp;
use proptest::prelude::*;

use super::local::LocalStore;
use super::record::verdict_word;
use super::*;
use crate::report::Verdict;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn record(second: i64, version: &str) -> Record {
    Record {
        format: FORMAT,
        id: RecordId::of(time(second), version),
        kind: ReleaseKind::Deploy,
        application: "shop".to_owned(),
        environment: "shop-production".to_owned(),
        version: version.to_owned(),
        commit: None,
        subject: None,
        who: "alice".to_owned(),
        why: None,
        run_url: None,
        started: time(second),
        former: None,
        touched: false,
        migrations: Vec::new(),
        unsafe_migrations_reason: None,
        entries: Vec::new(),
        ending: None,
    }
}

fn touched(mut record: Record, former: &str, was_healthy: bool) -> Record {
    record.touched = true;
    record.former = Some(Former {
        version: Some(former.to_owned()),
        was_healthy,
        newest_deployment: Some(7),
        instances: 2,
        settings: Vec::new(),
    });
    record
}

fn ended(mut record: Record, verdict: Verdict, exit_code: u8) -> Record {
    record.ending = Some(Ending {
        at: record.started,
        verdict: verdict_word(verdict),
        exit_code,
        message: "an end".to_owned(),
    });
    record
}

fn released(second: i64, version: &str, former: &str) -> Record {
    ended(
        touched(record(second, version), former, true),
        Verdict::Released,
        0,
    )
}

#[test]
fn ids_sort_by_time_and_are_safe_everywhere() {
    let id = RecordId::of("2026-01-31T23:59:59.9Z".parse().unwrap(), "v 1/ü..x");
    assert_eq!(id.as_str(), "20260131T235959Z-v-1--..x");
    assert_eq!(id.started(), Some("2026-01-31T23:59:59Z".parse().unwrap()));
    let again = RecordId::try_from(id.as_str().to_owned()).unwrap();
    assert_eq!(again, id);
    assert!(id < RecordId::of("2026-02-01T00:00:00Z".parse().unwrap(), "a"));
    assert!(id < id.with_suffix("beef"));
    for wrong in [
        "",
        "../../etc/passwd",
        "20260131T235959Z",
        "20260131T235959Z-a/b",
        "20261331T235959Z-a",
        "20260131T235959Zxa",
        "ü0260131T235959Z-a",
    ] {
        assert!(RecordId::try_from(wrong.to_owned()).is_err(), "{wrong}");
    }
}

#[test]
fn a_new_id_sorts_after_the_newest_whatever_the_clocks_say() {
    let newest = RecordId::of(time(100), "a");
    assert_eq!(after(time(40), Some(&newest)), time(101));
    assert_eq!(after(time(100), Some(&newest)), time(101));
    assert_eq!(after(time(500), Some(&newest)), time(500));
    assert_eq!(after(time(40), None), time(40));
}

#[test]
fn the_document_of_a_release() {
    let mut record = released(0, "0123456789ab-fedcba987654", "v1");
    record.entries = vec![
        Entry {
            at: time(1),
            happening: Happening::Begun {
                step: "upload".to_owned(),
            },
        },
        Entry {
            at: time(2),
            happening: Happening::Ended {
                step: "upload".to_owned(),
                outcome: StepOutcome::Done,
                message: "s3://b/k".to_owned(),
                seconds: 1.25,
            },
        },
        Entry {
            at: time(3),
            happening: Happening::Fact {
                key: "green-environment".to_owned(),
                value: "shop-green".to_owned(),
            },
        },
        Entry {
            at: time(4),
            happening: Happening::Touched,
        },
    ];
    insta::assert_snapshot!(String::from_utf8(document::write(&record).unwrap()).unwrap());
}

#[test]
fn a_newer_format_is_refused_and_a_new_field_is_not() {
    let record = record(0, "v1");
    let mut value = serde_json::to_value(&record).unwrap();
    value["mood"] = "good".into();
    value["entries"] =
        serde_json::json!([{"at": "2026-01-01T00:00:00Z", "event": "sang", "song": "x"}]);
    let parsed = parse(value.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.entries[0].happening, Happening::Other);
    value["format"] = 2.into();
    value["id"] = serde_json::json!({"another": "shape"});
    let damage = parse(value.to_string().as_bytes()).unwrap_err();
    assert!(matches!(damage, Damage::Newer { found: 2 }), "{damage}");
    assert!(damage.to_string().contains("use a newer one"), "{damage}");
    assert!(matches!(
        parse(b"{\"format\": 1"),
        Err(Damage::Unreadable(_))
    ));
}

#[test]
fn what_a_record_tells() {
    let mut own = record(0, "v2");
    assert_eq!(own.step_under_way(), None);
    for (second, happening) in (0_i64..).zip([
        Happening::Begun {
            step: "update".to_owned(),
        },
        Happening::Fact {
            key: "request".to_owned(),
            value: "r1".to_owned(),
        },
        Happening::Fact {
            key: "request".to_owned(),
            value: "r2".to_owned(),
        },
    ]) {
        own.entries.push(Entry {
            at: time(second),
            happening,
        });
    }
    assert_eq!(own.step_under_way(), Some("update"));
    assert_eq!(own.fact("request"), Some("r2"));
    assert_eq!(own.outcome("update"), None);
    for outcome in [StepOutcome::Failed, StepOutcome::Done] {
        own.entries.push(Entry {
            at: time(9),
            happening: Happening::Ended {
                step: "update".to_owned(),
                outcome,
                message: "m".to_owned(),
                seconds: 2.0,
            },
        });
    }
    assert_eq!(own.step_under_way(), None);
    assert_eq!(own.outcome("update"), Some((StepOutcome::Done, "m")));
    assert_eq!(own.seconds_by_step().get("update"), Some(&2.0));
}

#[test]
fn which_ends_leave_questions_open() {
    for (verdict, exit_code, unfinished, settled) in [
        (Verdict::Released, 0, false, true),
        (Verdict::AlreadyReleased, 0, false, true),
        (Verdict::RolledBack, 3, false, true),
        (Verdict::NotRestored, 4, false, false),
        (Verdict::OutOfTime, 6, true, false),
        (Verdict::Interrupted, 130, true, false),
        (Verdict::Unverified, 8, true, false),
    ] {
        let record = ended(touched(record(0, "v2"), "v1", true), verdict, exit_code);
        assert_eq!(record.is_unfinished(), unfinished, "{verdict:?}");
        assert_eq!(record.is_settled(), settled, "{verdict:?}");
    }
    assert!(record(0, "v2").is_unfinished());
    assert!(record(0, "v2").is_settled(), "nothing was touched");
    assert!(!touched(record(0, "v2"), "v1", true).is_settled());
}

#[test]
fn nothing_left_behind_is_a_fresh_start() {
    assert_eq!(decide(None, "v2", Some("v1")), Resumption::Fresh);
    let done = released(0, "v2", "v1");
    assert_eq!(decide(Some(&done), "v2", Some("v2")), Resumption::Fresh);
    let back = ended(touched(record(0, "v2"), "v1", true), Verdict::RolledBack, 3);
    assert_eq!(decide(Some(&back), "v2", Some("v1")), Resumption::Fresh);
}

#[test]
fn the_same_version_goes_on_wherever_it_was_stopped() {
    let killed = record(0, "v2");
    let resume = |record: &Record| Resumption::Resume {
        record: Box::new(record.clone()),
    };
    // Before anything was touched it does not matter what runs.
    for running in [Some("v1"), Some("v9"), None] {
        assert_eq!(decide(Some(&killed), "v2", running), resume(&killed));
    }
    // After that, the environment has the former version or the new one.
    let midway = touched(killed, "v1", true);
    for running in [Some("v1"), Some("v2"), None] {
        assert_eq!(decide(Some(&midway), "v2", running), resume(&midway));
    }
    let late = ended(midway, Verdict::OutOfTime, 6);
    assert_eq!(decide(Some(&late), "v2", Some("v2")), resume(&late));
}

#[test]
fn what_others_have_moved_is_not_gone_on_with() {
    let midway = touched(record(0, "v2"), "v1", true);
    let abandoned = |moved_to: Option<&str>| Resumption::AbandonedByOther {
        record: Box::new(midway.clone()),
        moved_to: moved_to.map(str::to_owned),
    };
    assert_eq!(decide(Some(&midway), "v3", Some("v2")), abandoned(None));
    assert_eq!(
        decide(Some(&midway), "v2", Some("v9")),
        abandoned(Some("v9"))
    );
}

#[test]
fn an_unproven_environment_is_no_state_to_go_back_to() {
    assert_eq!(baseline(&[], Some("v1")), BaselineChoice::Present);
    let proven = released(0, "v1", "v0");
    assert_eq!(
        baseline(std::slice::from_ref(&proven), Some("v1")),
        BaselineChoice::Present
    );
    let killed = touched(record(10, "v2"), "v1", true);
    let history = [killed.clone(), proven.clone()];
    let BaselineChoice::FromHistory {
        former,
        record: from,
        unproven,
    } = baseline(&history, Some("v2"))
    else {
        panic!("the present state was left by a killed release");
    };
    assert_eq!(former, killed.former.clone().unwrap());
    assert_eq!(
        (from.as_str(), unproven.as_str()),
        (killed.id.as_str(), "v2")
    );
    // Someone else has moved it since: theirs is the state to go back to.
    assert_eq!(baseline(&history, Some("v9")), BaselineChoice::Present);
    // What the killed release had found was no better: further back.
    let unlucky = touched(record(20, "v3"), "v2", false);
    let history = [unlucky, touched(record(10, "v2"), "v1", false), proven];
    let BaselineChoice::FromHistory { former, .. } = baseline(&history, Some("v3")) else {
        panic!("two releases in a row were never proven");
    };
    assert_eq!(former.version.as_deref(), Some("v1"));
    assert!(former.was_healthy);
}

#[test]
fn with_nothing_proven_the_present_is_all_there_is() {
    let history = [touched(record(10, "v2"), "v1", false)];
    assert_eq!(baseline(&history, Some("v2")), BaselineChoice::Present);
}

#[test]
fn damaged_files_are_named_and_whole_ones_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let directory = Utf8PathBuf::from_path_buf(directory.path().join("a/b")).unwrap();
    let store = LocalStore::new(directory.clone());
    assert!(store.ids().unwrap().is_empty());
    let record = record(0, "v1");
    let bytes = document::write(&record).unwrap();
    store.put(&record.id, &bytes, true).unwrap();
    store.put(&record.id, &bytes, true).unwrap();
    assert_eq!(store.ids().unwrap(), std::slice::from_ref(&record.id));
    assert_eq!(
        store.get(&record.id).unwrap().unwrap(),
        Some(record.clone())
    );
    fs_err::write(directory.join("notes.txt"), "x").unwrap();
    fs_err::write(directory.join(".json"), "x").unwrap();
    assert_eq!(store.ids().unwrap().len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let path = directory.join(format!("{}.json", record.id));
        let mode = fs_err::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let half = &bytes[..bytes.len() / 2];
    store.put(&record.id, half, true).unwrap();
    let (path, damage) = store.get(&record.id).unwrap().unwrap_err();
    assert!(path.as_str().ends_with(".json"));
    assert!(matches!(damage, Damage::Unreadable(_)));
    store.remove(&record.id).unwrap();
    store.remove(&record.id).unwrap();
    assert_eq!(store.get(&record.id).unwrap().unwrap(), None);
}

#[test]
fn a_place_that_cannot_be_written_says_which() {
    let directory = tempfile::tempdir().unwrap();
    let file = Utf8PathBuf::from_path_buf(directory.path().join("file")).unwrap();
    fs_err::write(&file, "in the way").unwrap();
    let store = LocalStore::new(file.join("records"));
    let record = record(0, "v1");
    let error = store.put(&record.id, b"{}", true).unwrap_err();
    assert!(error.to_string().contains(record.id.as_str()), "{error}");
    assert!(matches!(error, Error::StateWrite { .. }));
}

#[test]
fn names_of_folders_cannot_lead_elsewhere() {
    assert_eq!(file_name("shop"), "shop");
    assert_eq!(file_name(".."), "_..");
    assert_eq!(file_name("a b:c\\d"), "a_b_c_d");
}

fn outcomes() -> impl Strategy<Value = StepOutcome> {
    prop_oneof![
        Just(StepOutcome::Done),
        Just(StepOutcome::Unchanged),
        Just(StepOutcome::Skipped),
        Just(StepOutcome::Failed),
    ]
}

fn happenings() -> impl Strategy<Value = Happening> {
    let step = "[a-z-]{1,12}";
    prop_oneof![
        step.prop_map(|step| Happening::Begun { step }),
        (step, outcomes(), ".{0,40}", 0_u32..10_000_000).prop_map(
            |(step, outcome, message, milliseconds)| Happening::Ended {
                step,
                outcome,
                message,
                seconds: f64::from(milliseconds) / 1000.0,
            }
        ),
        ("[a-z]{1,8}", ".{0,20}").prop_map(|(key, value)| Happening::Fact { key, value }),
        Just(Happening::Touched),
        (".{0,12}", proptest::option::of(".{0,12}"))
            .prop_map(|(who, run_url)| Happening::Resumed { who, run_url }),
    ]
}

fn settings() -> impl Strategy<Value = FormerSetting> {
    (
        "[a-z:]{1,20}",
        proptest::option::of("[a-z]{1,5}"),
        "[A-Za-z]{1,10}",
        proptest::option::of(".{0,10}"),
        any::<bool>(),
    )
        .prop_map(
            |(namespace, resource, name, value, withheld)| FormerSetting {
                namespace,
                resource,
                name,
                value,
                withheld,
            },
        )
}

fn formers() -> impl Strategy<Value = Former> {
    (
        proptest::option::of(".{1,20}"),
        any::<bool>(),
        proptest::option::of(any::<i64>()),
        any::<u32>(),
        proptest::collection::vec(settings(), 0..3),
    )
        .prop_map(
            |(version, was_healthy, newest_deployment, instances, settings)| Former {
                version,
                was_healthy,
                newest_deployment,
                instances,
                settings,
            },
        )
}

prop_compose! {
    fn records()(
        second in 0_i64..1000,
        version in "[a-c]{1,2}",
        who in ".{0,20}",
        why in proptest::option::of(".{0,20}"),
        former in proptest::option::of(formers()),
        was_touched in any::<bool>(),
        migrations in proptest::collection::vec("[a-z.0-9_]{1,20}", 0..3),
        entries in proptest::collection::vec((0_i64..100_000, happenings()), 0..8),
        end in proptest::option::of((0_i64..100_000, "[a-z-]{1,12}", any::<u8>(), ".{0,20}")),
    ) -> Record {
        let mut record = record(second, &version);
        record.who = who;
        record.why = why;
        record.former = former;
        record.touched = was_touched;
        record.migrations = migrations;
        record.entries = entries
            .into_iter()
            .map(|(second, happening)| Entry { at: time(second), happening })
            .collect();
        record.ending = end.map(|(second, verdict, exit_code, message)| Ending {
            at: time(second),
            verdict,
            exit_code,
            message,
        });
        record
    }
}

proptest! {
    #[test]
    fn records_survive_the_way_to_bytes_and_back(record in records()) {
        let bytes = document::write(&record).unwrap();
        prop_assert_eq!(parse(&bytes).unwrap(), record);
    }

    #[test]
    fn half_a_document_is_damage_and_never_a_record(record in records(), share in 0_usize..100) {
        let bytes = document::write(&record).unwrap();
        // Without the last bracket and the line's end.
        let whole = bytes.len() - 2;
        let cut = whole * share / 100;
        prop_assert!(parse(&bytes[..cut]).is_err());
    }

    #[test]
    fn any_bytes_are_damage_or_a_record(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _never_a_panic = parse(&bytes);
    }

    #[test]
    fn merging_loses_no_record_and_no_entry(copies in proptest::collection::vec(records(), 0..12)) {
        let merged = merge_all(copies.clone());
        let ids: BTreeSet<_> = copies.iter().map(|copy| copy.id.clone()).collect();
        prop_assert_eq!(merged.len(), ids.len());
        prop_assert!(merged.windows(2).all(|pair| pair[0].id > pair[1].id));
        for copy in &copies {
            let own = merged.iter().find(|one| one.id == copy.id).unwrap();
            prop_assert!(own.entries.len() >= copy.entries.len());
        }
        // The order of the copies makes no difference to how much is known.
        let turned = merge_all(copies.into_iter().rev());
        let known = |records: &[Record]| -> Vec<_> {
            records
                .iter()
                .map(|one| (one.id.clone(), one.entries.len(), one.ending.is_some(), one.touched))
                .collect()
        };
        prop_assert_eq!(known(&merged), known(&turned));
    }

    #[test]
    fn the_newest_come_first_and_once(seconds in proptest::collection::vec(0_i64..50, 0..30), count in 0_usize..10) {
        let ids: Vec<_> = seconds.iter().map(|second| RecordId::of(time(*second), "v")).collect();
        let found = newest(ids.clone(), count);
        let mut expected: Vec<_> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().rev().collect();
        expected.truncate(count);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_decision_never_goes_on_with_another_version(record in records(), wanted in "[a-c]{1,2}", running in proptest::option::of("[a-c]{1,2}")) {
        let running = running.as_deref();
        match decide(Some(&record), &wanted, running) {
            Resumption::Fresh => prop_assert!(!record.is_unfinished()),
            Resumption::Resume { record: own } => {
                prop_assert!(own.is_unfinished());
                prop_assert_eq!(&own.version, &wanted);
            }
            Resumption::AbandonedByOther { moved_to, .. } => {
                prop_assert!(record.is_unfinished());
                prop_assert!(record.version != wanted || moved_to.is_some());
            }
        }
    }

    #[test]
    fn a_state_from_history_is_never_a_sick_one(history in proptest::collection::vec(records(), 0..6), running in proptest::option::of("[a-c]{1,2}")) {
        if let BaselineChoice::FromHistory { former, .. } = baseline(&history, running.as_deref()) {
            prop_assert!(former.was_healthy);
        }
    }
}
