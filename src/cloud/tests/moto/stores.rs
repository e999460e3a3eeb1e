//! Secrets Manager, RDS and ElastiCache.

use std::collections::BTreeMap;

use beanpole_cloud::{CacheChange, Cloud, DatabaseChange, Kind, NewCache, NewDatabase};
use beanpole_model::Secret;

use crate::{moto, tags, unique};

#[tokio::test]
async fn secrets_live_through_their_life() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    let secrets = &cloud.secrets;
    let name = format!("django/{}/database", unique("blog"));
    assert_eq!(secrets.describe(&name).await.unwrap(), None);
    assert_eq!(secrets.find(&name).await.unwrap(), None);
    let arn = secrets
        .create(&name, &Secret::new("one"), "for a test", &tags())
        .await
        .unwrap();
    assert!(
        arn.starts_with("arn:aws:secretsmanager:eu-central-1:"),
        "{arn}"
    );
    let again = secrets
        .create(&name, &Secret::new("two"), "", &tags())
        .await
        .unwrap_err();
    assert_eq!(again.kind, Kind::AlreadyExists);
    secrets.put(&name, &Secret::new("three")).await.unwrap();
    let value = secrets.get(&arn).await.unwrap();
    assert_eq!(
        (value.name.as_str(), value.value.expose()),
        (name.as_str(), "three")
    );
    let described = secrets.describe(&name).await.unwrap().unwrap();
    assert_eq!(described.arn, arn);
    assert_eq!(described.tags, tags());
    let listed = secrets.list("django/").await.unwrap();
    assert_eq!(listed.len(), 1);
    secrets.delete(&name, Some(7)).await.unwrap();
    assert!(
        secrets
            .describe(&name)
            .await
            .unwrap()
            .unwrap()
            .deleted
            .is_some()
    );
    assert!(secrets.list("django/").await.unwrap().is_empty());
    let error = secrets.get(&name).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("InvalidRequestException"));
    secrets.restore(&name).await.unwrap();
    assert_eq!(secrets.get(&name).await.unwrap().value.expose(), "three");
    secrets.delete(&name, None).await.unwrap();
    assert_eq!(secrets.describe(&name).await.unwrap(), None);
    secrets.delete(&name, None).await.unwrap();
}

#[tokio::test]
async fn lists_follow_every_page() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    for number in 0..120 {
        let name = format!("many/{number:03}");
        cloud
            .secrets
            .create(&name, &Secret::new("x"), "", &BTreeMap::new())
            .await
            .unwrap();
    }
    // AWS and moto hand out at most 100 at once.
    let listed = cloud.secrets.list("many/").await.unwrap();
    assert_eq!(listed.len(), 120);
    assert_eq!(listed.first().unwrap().name, "many/000");
    assert_eq!(listed.last().unwrap().name, "many/119");
}

fn database(identifier: &str, group: &str) -> NewDatabase {
    NewDatabase {
        identifier: identifier.to_owned(),
        engine: "postgres".to_owned(),
        version: "16".to_owned(),
        class: "db.t3.micro".to_owned(),
        storage_gib: 20,
        port: 5433,
        name: "blog".to_owned(),
        username: "blog".to_owned(),
        password: Secret::new("planted-password-1"),
        multi_az: false,
        encrypted: true,
        deletion_protection: true,
        backup_retention_days: 7,
        backup_window: None,
        security_groups: vec![group.to_owned()],
        subnet_group: None,
        tags: tags(),
    }
}

async fn security_group(cloud: &Cloud) -> String {
    let vpc = cloud.network.default_vpc().await.unwrap().unwrap();
    let name = unique("beanpole-test");
    cloud
        .network
        .create_security_group(&vpc.id, &name, "for a test", &tags())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_database_lives_through_its_life() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    let databases = &cloud.databases;
    let group = security_group(&cloud).await;
    let new = database(&unique("blog-db"), &group);
    assert_eq!(databases.describe(&new.identifier).await.unwrap(), None);
    let created = databases.create(&new).await.unwrap();
    assert_eq!(created.identifier, new.identifier);
    let error = databases.create(&new).await.unwrap_err();
    assert_eq!(error.kind, Kind::AlreadyExists);
    let found = databases.describe(&new.identifier).await.unwrap().unwrap();
    assert!(found.is_available(), "{}", found.status);
    assert_eq!(found.engine, "postgres");
    assert_eq!(found.storage_gib, 20);
    assert_eq!(found.endpoint.as_ref().map(|(_, port)| *port), Some(5433));
    assert_eq!(found.port, Some(5433));
    assert!(found.encrypted && found.deletion_protection && !found.publicly_accessible);
    assert_eq!(found.backup_retention_days, 7);
    assert_eq!(found.security_groups, [group]);
    assert_eq!(found.tags, tags());
    assert!(!format!("{found:?} {new:?} {error:?}").contains("planted-password-1"));
    let error = databases.delete(&new.identifier, None).await.unwrap_err();
    assert_eq!(error.kind, Kind::InvalidParameter);
    let change = DatabaseChange {
        class: Some("db.t3.small".to_owned()),
        deletion_protection: Some(false),
        backup_retention_days: Some(14),
        apply_immediately: true,
        ..DatabaseChange::default()
    };
    databases.modify(&new.identifier, &change).await.unwrap();
    let changed = databases.describe(&new.identifier).await.unwrap().unwrap();
    assert_eq!(changed.class, "db.t3.small");
    assert_eq!(changed.backup_retention_days, 14);
    databases.delete(&new.identifier, None).await.unwrap();
    let error = databases
        .modify("no-such-database", &change)
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
}

#[tokio::test]
async fn subnet_groups_of_both_services_are_made_and_found() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    let vpc = cloud.network.default_vpc().await.unwrap().unwrap();
    let subnets: Vec<String> = cloud
        .network
        .subnets(&vpc.id)
        .await
        .unwrap()
        .into_iter()
        .map(|own| own.id)
        .collect();
    assert!(subnets.len() >= 2);
    let mut sorted = subnets.clone();
    sorted.sort();
    let name = unique("blog-db");
    assert_eq!(cloud.databases.subnet_group(&name).await.unwrap(), None);
    cloud
        .databases
        .create_subnet_group(&name, "for a test", &subnets, &tags())
        .await
        .unwrap();
    let found = cloud.databases.subnet_group(&name).await.unwrap().unwrap();
    assert_eq!(
        (found.vpc.as_deref(), &found.subnets),
        (Some(vpc.id.as_str()), &sorted)
    );
    cloud.databases.delete_subnet_group(&name).await.unwrap();
    cloud.databases.delete_subnet_group(&name).await.unwrap();
    let name = unique("blog-cache");
    assert_eq!(cloud.caches.subnet_group(&name).await.unwrap(), None);
    cloud
        .caches
        .create_subnet_group(&name, "for a test", &subnets, &tags())
        .await
        .unwrap();
    let found = cloud.caches.subnet_group(&name).await.unwrap().unwrap();
    assert_eq!(found.subnets.len(), subnets.len());
}

#[tokio::test]
async fn a_cache_lives_through_its_life() {
    let Some((_server, cloud)) = moto().await else {
        return;
    };
    let caches = &cloud.caches;
    let group = security_group(&cloud).await;
    let new = NewCache {
        identifier: unique("blog-cache"),
        description: "for a test".to_owned(),
        engine: "redis".to_owned(),
        version: "7.1".to_owned(),
        node_type: "cache.t4g.micro".to_owned(),
        replicas: 1,
        port: 6380,
        security_groups: vec![group],
        subnet_group: None,
        transit_encryption: true,
        at_rest_encryption: true,
        multi_az: true,
        auth_token: Some(Secret::new("planted-token-1234567")),
        snapshot_retention_days: 1,
        tags: tags(),
    };
    assert_eq!(caches.describe(&new.identifier).await.unwrap(), None);
    caches.create(&new).await.unwrap();
    let error = caches.create(&new).await.unwrap_err();
    assert_eq!(error.kind, Kind::AlreadyExists);
    let found = caches.describe(&new.identifier).await.unwrap().unwrap();
    assert!(found.is_available(), "{}", found.status);
    // moto 5.2 lists one node whatever was asked for, so replicas are not looked at here.
    assert_eq!(found.port, Some(6380));
    assert!(found.transit_encryption && found.at_rest_encryption && found.multi_az);
    assert_eq!(found.node_type.as_deref(), Some("cache.t4g.micro"));
    assert!(!format!("{found:?} {new:?}").contains("planted-token"));
    let change = CacheChange {
        node_type: Some("cache.t4g.small".to_owned()),
        apply_immediately: true,
        ..CacheChange::default()
    };
    caches.modify(&new.identifier, &change).await.unwrap();
    let changed = caches.describe(&new.identifier).await.unwrap().unwrap();
    assert_eq!(changed.node_type.as_deref(), Some("cache.t4g.small"));
    caches.delete(&new.identifier, None).await.unwrap();
}
