use proptest::prelude::*;

use super::*;

fn situation() -> Situation {
    Situation {
        work: Work::Commit,
        application: "shop".to_owned(),
        environment: "shop-production".to_owned(),
        version: "new".to_owned(),
        is_provisional: false,
        former: Some("old".to_owned()),
        standing: Standing::Elsewhere,
        is_busy: false,
        instances: 4,
        image: ImageWork::BuiltHere,
        is_uploaded: false,
        version_exists: false,
        settings: Vec::new(),
        removals: Vec::new(),
        migrations: None,
        release_commands: vec!["python manage.py migrate".to_owned()],
        deployment: Deployment::default(),
        blue_green: None,
        probe: Some("http://shop.example/ht/".to_owned()),
        successes: 3,
        soak: Duration::from_secs(120),
        locked_by: None,
        unfinished: None,
    }
}

fn ids(plan: &ReleasePlan) -> Vec<&'static str> {
    plan.steps.iter().map(|planned| planned.step.id()).collect()
}

#[test]
fn a_commit_takes_the_whole_way() {
    let plan = ReleasePlan::of(&situation());
    assert_eq!(
        ids(&plan),
        [
            "build-image",
            "lock",
            "bundle",
            "upload",
            "version",
            "update",
            "prove",
            "probe",
            "soak",
            "prune"
        ]
    );
    assert!(!plan.blocked && !plan.is_empty());
    insta::assert_snapshot!(plan);
}

#[test]
fn settings_go_first_and_removals_last() {
    let plan = ReleasePlan::of(&Situation {
        settings: vec!["A".to_owned()],
        removals: vec!["B".to_owned()],
        ..situation()
    });
    let ids = ids(&plan);
    let place = |id| ids.iter().position(|found| *found == id).unwrap();
    assert!(place("configure") < place("update"));
    assert!(place("soak") < place("remove-settings"));
}

#[test]
fn what_exists_is_reused_and_what_is_under_way_is_joined() {
    let plan = ReleasePlan::of(&Situation {
        is_uploaded: true,
        version_exists: true,
        standing: Standing::OnItsWay,
        unfinished: Some("20261120T101500Z-new".to_owned()),
        ..situation()
    });
    for step in [StepId::Bundle, StepId::Upload, StepId::Version] {
        assert_eq!(plan.action(step), Action::Reuse, "{step:?}");
    }
    assert_eq!(plan.action(StepId::Update), Action::Join);
    insta::assert_snapshot!(plan);
}

#[test]
fn what_runs_already_is_only_proven_again() {
    let plan = ReleasePlan::of(&Situation {
        standing: Standing::Proven,
        former: Some("new".to_owned()),
        ..situation()
    });
    assert_eq!(ids(&plan), ["update", "prove", "probe"]);
    assert!(plan.is_empty());
}

#[test]
fn unsafe_migrations_block_until_they_are_allowed() {
    let seen = MigrationsSeen {
        added: vec!["shop.0002_price".to_owned()],
        blocking: 1,
        ..MigrationsSeen::default()
    };
    let plan = |seen: MigrationsSeen| {
        ReleasePlan::of(&Situation {
            migrations: Some(seen),
            ..situation()
        })
    };
    let blocked = plan(seen.clone());
    assert!(blocked.blocked);
    insta::assert_snapshot!(blocked);
    let allowed = plan(MigrationsSeen {
        allowed: Some("the table is empty".to_owned()),
        ..seen
    });
    assert!(!allowed.blocked);
    assert!(
        allowed
            .notes
            .iter()
            .any(|note| note.contains("the table is empty"))
    );
}

#[test]
fn blue_green_swaps_once_and_is_finished_where_it_is() {
    let pair = BlueGreen {
        live: "shop-production".to_owned(),
        idle: "shop-production-b".to_owned(),
        creates: true,
    };
    let plan = |standing| {
        ReleasePlan::of(&Situation {
            standing,
            blue_green: Some(pair.clone()),
            settings: vec!["A".to_owned()],
            removals: vec!["B".to_owned()],
            ..situation()
        })
    };
    let steps = ids(&plan(Standing::Elsewhere)).join(" ");
    assert!(
        steps.ends_with("prepare-green update prove probe soak swap retire prune"),
        "{steps}"
    );
    let finished = plan(Standing::Applied);
    let steps = ids(&finished).join(" ");
    assert!(
        !steps.contains("swap") && !steps.contains("prepare-green"),
        "{steps}"
    );
    let retired = finished
        .steps
        .iter()
        .find(|planned| planned.step == StepId::Retire);
    assert!(retired.unwrap().what.contains("`shop-production-b`"));
}

#[test]
fn a_version_that_exists_is_neither_built_nor_uploaded() {
    let plan = ReleasePlan::of(&Situation {
        work: Work::Version,
        version_exists: true,
        ..situation()
    });
    assert_eq!(
        ids(&plan),
        ["lock", "update", "prove", "probe", "soak", "prune"]
    );
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        Just(Standing::Elsewhere),
        Just(Standing::OnItsWay),
        Just(Standing::Named),
        Just(Standing::Proven),
    ]
}

proptest! {
    /// In any world: a release that changes the environment locks it first, proves it afterwards,
    /// and takes no step twice.
    #[test]
    fn every_change_is_locked_before_and_proven_after(
        standing in standing(),
        commit in any::<bool>(),
        uploaded in any::<bool>(),
        exists in any::<bool>(),
        settings in 0..3usize,
        removals in 0..3usize,
        instances in 0..50u32,
    ) {
        let plan = ReleasePlan::of(&Situation {
            work: if commit { Work::Commit } else { Work::Version },
            standing,
            is_uploaded: uploaded,
            version_exists: exists,
            settings: vec!["A".to_owned(); settings],
            removals: vec!["B".to_owned(); removals],
            instances,
            ..situation()
        });
        let place = |step| plan.steps.iter().position(|planned| planned.step == step);
        let proof = place(StepId::Prove).expect("every plan proves");
        for step in [StepId::Configure, StepId::Update] {
            let changes = matches!(plan.action(step), Action::Do | Action::Join);
            if let Some(place_of_change) = place(step).filter(|_| changes) {
                prop_assert!(place(StepId::Lock).is_some_and(|lock| lock < place_of_change));
                prop_assert!(place_of_change < proof);
            }
        }
        for step in [StepId::RemoveSettings, StepId::Prune] {
            prop_assert!(place(step).is_none_or(|place| place > proof));
        }
        let mut steps: Vec<_> = plan.steps.iter().map(|planned| planned.step.id()).collect();
        steps.sort_unstable();
        steps.dedup();
        prop_assert_eq!(steps.len(), plan.steps.len());
        prop_assert!(plan.deadline_seconds > 0 && plan.batches > 0);
    }
}

#[test]
fn a_label_that_waits_for_the_image_is_said_to() {
    let plan = ReleasePlan::of(&Situation {
        is_provisional: true,
        ..situation()
    });
    assert!(
        plan.notes
            .iter()
            .any(|note| note.contains("the commit in `new`") && note.contains("digest")),
        "{:?}",
        plan.notes
    );
    assert!(ReleasePlan::of(&situation()).notes.is_empty());
}
