//! What the network takes and refuses.

use super::*;

fn state() -> State {
    State::new("123456789012", "eu-central-1")
}

fn from_group(port: i32, source: &str) -> Rule {
    Rule {
        id: String::new(),
        egress: false,
        protocol: "tcp".to_owned(),
        from_port: Some(port),
        to_port: Some(port),
        source: Source::Group(source.to_owned()),
        description: None,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> &'static str {
    result.unwrap_err().code
}

#[test]
fn a_new_account_has_a_network_in_three_zones() {
    let state = state();
    let zones: Vec<&str> = state
        .subnets
        .iter()
        .map(|subnet| subnet.zone.as_str())
        .collect();
    assert_eq!(zones, ["eu-central-1a", "eu-central-1b", "eu-central-1c"]);
    assert_eq!(state.group_named("default").unwrap().rules.len(), 2);
    assert_eq!(
        state.vpc,
        self::state().vpc,
        "the same account looks the same twice"
    );
}

#[test]
fn groups_are_unique_and_named_well() {
    let mut state = state();
    state.create_group("db", "The database", None).unwrap();
    assert_eq!(
        code(state.create_group("db", "again", None)),
        "InvalidGroup.Duplicate"
    );
    assert_eq!(
        code(state.create_group("default", "x", None)),
        "InvalidGroup.Reserved"
    );
    assert_eq!(
        code(state.create_group("sg-x", "x", None)),
        "InvalidParameterValue"
    );
    assert_eq!(
        code(state.create_group("a", "naïve", None)),
        "InvalidParameterValue"
    );
    assert_eq!(
        code(state.create_group("a", "b", Some("vpc-1"))),
        "InvalidVpcID.NotFound"
    );
}

#[test]
fn rules_are_added_once_and_all_or_none() {
    let mut state = state();
    let app = state.create_group("app", "Instances", None).unwrap();
    let db = state.create_group("db", "The database", None).unwrap();
    state.authorize(&db, vec![from_group(5432, &app)]).unwrap();
    let again = vec![from_group(5433, &app), from_group(5432, &app)];
    assert_eq!(
        code(state.authorize(&db, again)),
        "InvalidPermission.Duplicate"
    );
    assert_eq!(
        state.group(&db).unwrap().rules.len(),
        2,
        "egress and one rule"
    );
    assert_eq!(
        code(state.authorize(&db, vec![from_group(1, "sg-0")])),
        "InvalidGroup.NotFound"
    );
    assert_eq!(
        state.ingress(),
        [
            IngressRule {
                group: db.clone(),
                from_port: 5432,
                to_port: 5432,
                source: IngressSource::Group(app.clone()),
            },
            IngressRule {
                group: state.group_named("default").unwrap().id.clone(),
                from_port: 0,
                to_port: u16::MAX,
                source: IngressSource::Group(state.group_named("default").unwrap().id.clone()),
            },
        ]
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    assert_eq!(
        code(state.revoke(&db, false, &[], &[from_group(1, &app)])),
        "InvalidPermission.NotFound"
    );
    let gone = state
        .revoke(&db, false, &[], &[from_group(5432, &app)])
        .unwrap();
    assert_eq!(gone.len(), 1);
    assert_eq!(state.ingress().len(), 1);
}

#[test]
fn a_group_in_use_stays() {
    let mut state = state();
    let app = state.create_group("app", "Instances", None).unwrap();
    let db = state.create_group("db", "The database", None).unwrap();
    state.authorize(&db, vec![from_group(5432, &app)]).unwrap();
    assert_eq!(code(state.delete_group(&app)), "DependencyViolation");
    state.users.insert("rds:shop".to_owned(), vec![db.clone()]);
    assert_eq!(code(state.delete_group(&db)), "DependencyViolation");
    state.users.clear();
    state.delete_group(&db).unwrap();
    state.delete_group(&app).unwrap();
    let default = state.group_named("default").unwrap().id.clone();
    assert_eq!(code(state.delete_group(&default)), "CannotDelete");
    assert_eq!(code(state.delete_group(&db)), "InvalidGroup.NotFound");
}

#[test]
fn ports_and_blocks_are_checked() {
    let mut state = state();
    let db = state.create_group("db", "The database", None).unwrap();
    let rule = |from, to, block: &str| Rule {
        from_port: from,
        to_port: to,
        source: Source::Ipv4(block.to_owned()),
        ..from_group(1, "")
    };
    for wrong in [
        rule(Some(10), Some(1), "0.0.0.0/0"),
        rule(Some(1), None, "0.0.0.0/0"),
        rule(Some(1), Some(70_000), "0.0.0.0/0"),
        rule(Some(1), Some(1), "0.0.0.0"),
        rule(Some(1), Some(1), "10.0.0.0/33"),
    ] {
        assert_eq!(
            code(state.authorize(&db, vec![wrong])),
            "InvalidParameterValue"
        );
    }
}
