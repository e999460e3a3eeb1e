//! The pruning plan on small worlds and on generated ones.

use beanpole_cloud::VersionStatus;
use proptest::prelude::*;

use super::*;
use crate::ledger::{Ending, FORMAT, Former, ReleaseKind};

const BUCKET: &str = "elasticbeanstalk-eu-central-1-123456789012";

fn application() -> ApplicationName {
    ApplicationName::new("shop").unwrap()
}

fn time(hours: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap()
}

fn digest(number: usize) -> String {
    format!("{:064x}", 0xabc_0000_0000_usize + number)
        .chars()
        .rev()
        .collect()
}

fn label(number: usize) -> String {
    let digest = digest(number);
    format!("{number:012x}-{}", &digest[..12])
}

fn key(number: usize) -> String {
    format!("shop/{}.zip", digest(number))
}

/// Version `number`, made at hour `number`.
fn version(number: usize) -> Version {
    Version {
        label: label(number),
        description: None,
        status: VersionStatus::Unprocessed,
        bundle: Some((BUCKET.to_owned(), key(number))),
        created: Some(hour(number)),
    }
}

fn hour(number: usize) -> Timestamp {
    time(i64::try_from(number).unwrap())
}

/// The bundle of version `number`, stored at hour `number`.
fn bundle(number: usize) -> ObjectSummary {
    ObjectSummary {
        modified: Some(hour(number)),
        ..object(key(number), 0)
    }
}

fn object(key: String, hours: i64) -> ObjectSummary {
    ObjectSummary {
        key,
        size: 1,
        etag: None,
        modified: Some(time(hours)),
    }
}

fn record(number: usize, former: Option<usize>, exit_code: Option<u8>) -> Record {
    let started = hour(number);
    Record {
        format: FORMAT,
        id: RecordId::of(started, &label(number)),
        kind: ReleaseKind::Deploy,
        application: "shop".to_owned(),
        environment: "shop-production".to_owned(),
        version: label(number),
        commit: None,
        subject: None,
        who: "alice".to_owned(),
        why: None,
        run_url: None,
        started,
        former: former.map(|number| Former {
            version: Some(label(number)),
            was_healthy: true,
            ..Former::default()
        }),
        touched: former.is_some(),
        migrations: Vec::new(),
        unsafe_migrations_reason: None,
        entries: Vec::new(),
        ending: exit_code.map(|exit_code| Ending {
            at: started,
            verdict: "released".to_owned(),
            exit_code,
            message: String::new(),
        }),
    }
}

#[derive(Default)]
struct Shop {
    versions: Vec<Version>,
    running: BTreeSet<String>,
    records: BTreeMap<String, Vec<Record>>,
    objects: Vec<ObjectSummary>,
}

impl Shop {
    /// Ten versions that were released one after the other; the last one runs.
    fn of_ten() -> Self {
        let records = (1..10)
            .rev()
            .map(|number| record(number, Some(number - 1), Some(0)))
            .collect();
        Self {
            versions: (0..10).rev().map(version).collect(),
            running: [label(9)].into(),
            records: [("shop-production".to_owned(), records)].into(),
            objects: (0..10).map(bundle).collect(),
        }
    }

    fn plan(&self, keep: usize) -> PrunePlan {
        plan(&Holdings {
            application: &application(),
            bucket: BUCKET,
            versions: &self.versions,
            running: &self.running,
            records: &self.records,
            objects: &self.objects,
            keep,
        })
    }
}

fn labels(plan: &PrunePlan) -> Vec<String> {
    plan.versions
        .iter()
        .map(|(label, _)| label.clone())
        .collect()
}

#[test]
fn the_number_that_was_asked_for_stays_and_the_oldest_go() {
    let plan = Shop::of_ten().plan(6);
    assert_eq!(labels(&plan), [label(0), label(1), label(2), label(3)]);
    assert!(plan.versions.iter().all(|(_, takes_bundle)| *takes_bundle));
    assert_eq!(plan.kept.len(), 6);
    assert_eq!(plan.kept[&label(9)], KeptBecause::Running);
    assert_eq!(plan.kept[&label(8)], KeptBecause::WayBack);
    assert_eq!(plan.kept[&label(5)], KeptBecause::Recent);
    assert_eq!(plan.bundles, Vec::<String>::new());
}

#[test]
fn ways_back_stay_even_if_fewer_were_asked_for() {
    let plan = Shop::of_ten().plan(2);
    // 9 runs; 8, 7 and 6 are the former versions of the last three releases.
    assert_eq!(
        plan.kept.keys().cloned().collect::<Vec<_>>(),
        [label(6), label(7), label(8), label(9)]
    );
}

#[test]
fn a_rolled_back_environment_keeps_what_it_runs_and_came_from() {
    let mut shop = Shop::of_ten();
    // 9 failed, and 2 was brought back by hand.
    shop.running = [label(2)].into();
    shop.records.get_mut("shop-production").unwrap()[0] = record(9, Some(8), Some(4));
    let plan = shop.plan(2);
    assert_eq!(plan.kept[&label(2)], KeptBecause::Running);
    assert!(plan.kept.contains_key(&label(8)));
    assert!(
        labels(&plan).contains(&label(9)),
        "it failed, and nobody runs it"
    );
}

#[test]
fn an_unfinished_release_keeps_its_version_and_its_way_back() {
    let mut shop = Shop::of_ten();
    let old = record(1, Some(0), None);
    shop.records.insert("shop-staging".to_owned(), vec![old]);
    let plan = shop.plan(2);
    assert_eq!(plan.kept[&label(0)], KeptBecause::Unfinished);
    assert_eq!(plan.kept[&label(1)], KeptBecause::Unfinished);
}

#[test]
fn proven_ones_outlast_newer_ones_that_never_were() {
    let mut shop = Shop::of_ten();
    // 5 to 8 were made, and no environment ever had them.
    let records = shop.records.get_mut("shop-production").unwrap();
    records.retain(|record| !(5..9).any(|number| record.version == label(number)));
    records[0] = record(9, Some(4), Some(0));
    let plan = shop.plan(5);
    assert_eq!(plan.kept[&label(1)], KeptBecause::Recent);
    assert_eq!(labels(&plan), [0, 5, 6, 7, 8].map(label));
}

#[test]
fn without_any_record_the_newest_stay() {
    let mut shop = Shop::of_ten();
    shop.records.clear();
    assert_eq!(labels(&shop.plan(7)), [0, 1, 2].map(label));
}

#[test]
fn what_others_made_is_never_touched() {
    let mut shop = Shop::of_ten();
    let foreign = [
        ("app-7c2d-260101_101010", key(0)),
        ("by-hand", "shop/by-hand.zip".to_owned()),
        (label(11).as_str(), "elsewhere/x.zip".to_owned()),
    ]
    .map(|(label, key)| Version {
        label: label.to_owned(),
        bundle: Some((BUCKET.to_owned(), key)),
        created: Some(time(-100)),
        ..version(0)
    });
    shop.versions.extend(foreign);
    shop.versions.push(Version {
        bundle: Some(("another-bucket".to_owned(), key(12))),
        ..version(12)
    });
    shop.versions.push(Version {
        bundle: None,
        label: "Sample Application".to_owned(),
        ..version(0)
    });
    shop.objects
        .push(object("shop/by-hand.zip".to_owned(), -900));
    shop.objects
        .push(object("shop/releases/x/y.json".to_owned(), -900));
    let plan = shop.plan(2);
    for foreign in [
        "app-7c2d-260101_101010",
        "by-hand",
        "Sample Application",
        &label(12),
    ] {
        assert_eq!(plan.kept[foreign], KeptBecause::Foreign, "{foreign}");
    }
    assert_eq!(plan.bundles, Vec::<String>::new());
    // The first version goes, and its bundle stays: someone else's version has the same.
    assert!(plan.versions.contains(&(label(0), false)), "{plan:?}");
}

#[test]
fn a_version_that_is_made_meanwhile_is_left_alone_and_so_is_its_bundle() {
    let mut shop = Shop::of_ten();
    // Another commit of the first version's content, made after the bundles were listed.
    let young = Version {
        label: format!("ffffffffffff-{}", &digest(0)[..12]),
        created: Some(time(11)),
        ..version(0)
    };
    shop.versions.push(young.clone());
    let plan = shop.plan(2);
    assert_eq!(plan.kept[&young.label], KeptBecause::Unfinished);
    assert!(plan.versions.contains(&(label(0), false)), "{plan:?}");
}

#[test]
fn a_bundle_that_nobody_uses_goes_after_a_day() {
    let mut shop = Shop::of_ten();
    shop.objects.push(object(key(50), -20));
    shop.objects.push(object(key(51), -10));
    assert_eq!(shop.plan(10).bundles, [key(50)]);
}

#[test]
fn the_report_counts_in_words() {
    assert_eq!(PruneReport::default().to_string(), "nothing to remove");
    let report = PruneReport {
        versions: vec!["a".to_owned()],
        bundles: vec!["b".to_owned(), "c".to_owned()],
        records: Vec::new(),
        left: vec!["version `d` is in use".to_owned()],
    };
    assert_eq!(
        report.to_string(),
        "removed 1 version, 2 unused bundles; 1 could not be removed"
    );
}

proptest! {
    #[test]
    fn what_is_needed_never_goes(
        count in 0_usize..30,
        keep in 2_usize..25,
        running in proptest::collection::btree_set(0_usize..30, 0..3),
        releases in proptest::collection::vec((0_usize..30, proptest::option::of(0_usize..30), proptest::option::of(0_u8..5)), 0..20),
    ) {
        let mut records: Vec<Record> = releases
            .iter()
            .map(|(number, former, exit_code)| record(*number, *former, *exit_code))
            .collect();
        records.sort_by(|left, right| right.id.cmp(&left.id));
        let shop = Shop {
            versions: (0..count).map(version).collect(),
            running: running.iter().map(|number| label(*number)).collect(),
            records: [("shop-production".to_owned(), records.clone())].into(),
            objects: (0..count).map(bundle).collect(),
        };
        let plan = shop.plan(keep);
        let doomed = labels(&plan);
        for (label, _) in &plan.versions {
            prop_assert!(!shop.running.contains(label));
            prop_assert!(!plan.kept.contains_key(label));
            for record in records.iter().filter(|record| record.is_unfinished()) {
                prop_assert!(record.version != *label);
                prop_assert!(former_version(record) != Some(label.as_str()));
            }
            for record in records.iter().filter(|record| record.touched).take(3) {
                prop_assert!(former_version(record) != Some(label.as_str()));
            }
        }
        prop_assert_eq!(doomed.len() + plan.kept.len(), count);
        prop_assert!(plan.kept.len() >= keep.min(count));
    }
}
