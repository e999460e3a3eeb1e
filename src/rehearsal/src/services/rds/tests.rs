//! The life of a database, told by requests.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::services::tests_support::{query, text, world_with_faults};

fn databases(script: &str) -> (Databases, Arc<Secrets>) {
    let world = world_with_faults(script);
    let secrets = Arc::new(Secrets::new(&world));
    let network = Arc::new(Network::new(&world));
    let lives = Lives::new(&world, &CancellationToken::new());
    let databases = Databases::new(&world, network, secrets.clone(), &lives);
    (databases, secrets)
}

const CREATE: [(&str, &str); 9] = [
    ("Action", "CreateDBInstance"),
    ("DBInstanceIdentifier", "Shop-DB"),
    ("DBInstanceClass", "db.t3.micro"),
    ("Engine", "postgres"),
    ("EngineVersion", "16"),
    ("AllocatedStorage", "20"),
    ("MasterUsername", "shop"),
    ("MasterUserPassword", "correct-horse"),
    ("DeletionProtection", "true"),
];

async fn status(databases: &Databases) -> String {
    let fields = [
        ("Action", "DescribeDBInstances"),
        ("DBInstanceIdentifier", "shop-db"),
    ];
    let answer = text(&query(databases, &fields).await);
    match answer.split_once("<DBInstanceStatus>") {
        Some((_, rest)) => rest.split('<').next().unwrap().to_owned(),
        None => answer,
    }
}

async fn after(databases: &Databases, seconds: u64) -> String {
    databases
        .shared
        .world
        .clock
        .sleep(Duration::from_secs(seconds))
        .await;
    status(databases).await
}

#[tokio::test(start_paused = true)]
async fn lives_through_creating_and_backing_up_to_available() {
    let (databases, _) = databases("");
    let made = query(&databases, &CREATE).await;
    assert_eq!(made.status, 200, "{}", text(&made));
    assert!(!text(&made).contains("<Endpoint>"));
    assert!(text(&made).contains("<EngineVersion>16.10</EngineVersion>"));
    assert_eq!(after(&databases, 200).await, "creating");
    assert_eq!(after(&databases, 20).await, "backing-up");
    assert_eq!(after(&databases, 60).await, "available");
    let again = query(&databases, &CREATE).await;
    assert!(text(&again).contains("DBInstanceAlreadyExists"));
}

#[tokio::test(start_paused = true)]
async fn is_deleted_only_unprotected_and_with_a_word_about_the_snapshot() {
    let (databases, _) = databases("");
    query(&databases, &CREATE).await;
    after(&databases, 300).await;
    let id = ("DBInstanceIdentifier", "shop-db");
    let delete = [
        ("Action", "DeleteDBInstance"),
        id,
        ("SkipFinalSnapshot", "true"),
    ];
    assert!(text(&query(&databases, &delete).await).contains("Cannot delete protected"));
    let unprotect = [
        ("Action", "ModifyDBInstance"),
        id,
        ("DeletionProtection", "false"),
    ];
    assert_eq!(query(&databases, &unprotect).await.status, 200);
    let bare = [("Action", "DeleteDBInstance"), id];
    assert!(
        text(&query(&databases, &bare).await).contains("FinalDBSnapshotIdentifier is required")
    );
    let with_snapshot = [
        ("Action", "DeleteDBInstance"),
        id,
        ("FinalDBSnapshotIdentifier", "shop-last"),
    ];
    assert_eq!(query(&databases, &with_snapshot).await.status, 200);
    assert_eq!(status(&databases).await, "deleting");
    assert!(after(&databases, 300).await.contains("DBInstanceNotFound"));
    let snapshots = text(&query(&databases, &[("Action", "DescribeDBSnapshots")]).await);
    assert!(
        snapshots.contains("<Status>available</Status>"),
        "{snapshots}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_creation_can_fail_or_take_longer() {
    let (failing, _) = databases("resources: [{fault: creation-fails}]");
    query(&failing, &CREATE).await;
    assert_eq!(after(&failing, 300).await, "failed");
    let (slow, _) = databases("resources: [{fault: {slow-creation: 10m}}]");
    query(&slow, &CREATE).await;
    assert_eq!(after(&slow, 300).await, "creating");
    assert_eq!(after(&slow, 600).await, "available");
}

#[tokio::test(start_paused = true)]
async fn a_managed_password_is_a_secret_that_goes_with_its_database() {
    let (databases, secrets) = databases("");
    let mut fields: Vec<(&str, &str)> = CREATE
        .into_iter()
        .filter(|(name, _)| !name.starts_with("MasterUserP"))
        .collect();
    fields.retain(|(name, _)| *name != "DeletionProtection");
    fields.push(("ManageMasterUserPassword", "true"));
    let made = text(&query(&databases, &fields).await);
    let arn = made
        .split("<SecretArn>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    use crate::world::SecretValues as _;
    let value = secrets.value(&arn).await.unwrap();
    assert!(value.expose().contains("\"username\":\"shop\""));
    after(&databases, 300).await;
    let delete = [
        ("Action", "DeleteDBInstance"),
        ("DBInstanceIdentifier", "shop-db"),
        ("SkipFinalSnapshot", "true"),
    ];
    query(&databases, &delete).await;
    after(&databases, 300).await;
    assert!(secrets.value(&arn).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_group_that_a_database_uses_cannot_be_deleted() {
    let (databases, _) = databases("");
    let network = databases.shared.network.clone();
    let group = [
        ("Action", "CreateSecurityGroup"),
        ("GroupName", "shop-db"),
        ("GroupDescription", "The database"),
    ];
    let made = text(&query(network.as_ref(), &group).await);
    let id = made
        .split("<groupId>")
        .nth(1)
        .unwrap()
        .split('<')
        .next()
        .unwrap()
        .to_owned();
    let mut fields = CREATE.to_vec();
    fields.push(("VpcSecurityGroupIds.VpcSecurityGroupId.1", &id));
    assert_eq!(query(&databases, &fields).await.status, 200);
    let delete = [("Action", "DeleteSecurityGroup"), ("GroupId", id.as_str())];
    assert!(text(&query(network.as_ref(), &delete).await).contains("DependencyViolation"));
    let unknown = [("VpcSecurityGroupIds.VpcSecurityGroupId.1", "sg-0")];
    let mut fields = CREATE.to_vec();
    fields.extend(unknown);
    fields[1] = ("DBInstanceIdentifier", "other");
    assert!(text(&query(&databases, &fields).await).contains("Invalid security group"));
}
