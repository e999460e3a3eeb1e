//! The life of a cache, told by requests.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::services::tests_support::{query, text, world_with_faults};

fn caches(script: &str) -> Caches {
    let world = world_with_faults(script);
    let network = Arc::new(Network::new(&world));
    Caches::new(
        &world,
        network,
        &Lives::new(&world, &CancellationToken::new()),
    )
}

const CREATE: [(&str, &str); 6] = [
    ("Action", "CreateReplicationGroup"),
    ("ReplicationGroupId", "Shop-Cache"),
    ("ReplicationGroupDescription", "The cache"),
    ("CacheNodeType", "cache.t4g.micro"),
    ("EngineVersion", "7.1"),
    ("Port", "6380"),
];

async fn shown(caches: &Caches) -> String {
    let fields = [
        ("Action", "DescribeReplicationGroups"),
        ("ReplicationGroupId", "shop-cache"),
    ];
    text(&query(caches, &fields).await)
}

async fn after(caches: &Caches, seconds: u64) -> String {
    caches
        .shared
        .world
        .clock
        .sleep(Duration::from_secs(seconds))
        .await;
    shown(caches).await
}

#[tokio::test(start_paused = true)]
async fn shows_its_endpoint_once_it_is_available() {
    let caches = caches("");
    let made = query(&caches, &CREATE).await;
    assert_eq!(made.status, 200, "{}", text(&made));
    let early = after(&caches, 100).await;
    assert!(early.contains("<Status>creating</Status>") && !early.contains("PrimaryEndpoint"));
    let ready = after(&caches, 220).await;
    assert!(ready.contains("<Status>available</Status>"), "{ready}");
    assert!(ready.contains("<Address>shop-cache.rehearsal.eu-central-1.cache.localhost</Address>"));
    assert!(ready.contains("<Port>6380</Port>"));
    assert!(text(&query(&caches, &CREATE).await).contains("ReplicationGroupAlreadyExists"));
    let members = [
        ("Action", "DescribeCacheClusters"),
        ("ShowCacheNodeInfo", "true"),
    ];
    let members = text(&query(&caches, &members).await);
    assert!(
        members.contains("<EngineVersion>7.1.0</EngineVersion>"),
        "{members}"
    );
    assert!(members.contains("<CacheClusterId>shop-cache-001</CacheClusterId>"));
}

#[tokio::test(start_paused = true)]
async fn replicas_come_before_failover() {
    let caches = caches("");
    query(&caches, &CREATE).await;
    let id = ("ReplicationGroupId", "shop-cache");
    let now = ("ApplyImmediately", "true");
    let failover = [
        ("Action", "ModifyReplicationGroup"),
        id,
        now,
        ("AutomaticFailoverEnabled", "true"),
    ];
    assert!(text(&query(&caches, &failover).await).contains("InvalidReplicationGroupState"));
    after(&caches, 320).await;
    assert!(text(&query(&caches, &failover).await).contains("at least 2 cache clusters"));
    let more = [
        ("Action", "IncreaseReplicaCount"),
        id,
        now,
        ("NewReplicaCount", "1"),
    ];
    assert_eq!(query(&caches, &more).await.status, 200);
    assert!(after(&caches, 250).await.contains("shop-cache-002"));
    assert_eq!(query(&caches, &failover).await.status, 200);
    let done = after(&caches, 250).await;
    assert!(
        done.contains("<AutomaticFailover>enabled</AutomaticFailover>"),
        "{done}"
    );
}

#[tokio::test(start_paused = true)]
async fn fails_and_goes_as_told() {
    let caches = caches("resources: [{identifier: shop-*, fault: creation-fails}]");
    query(&caches, &CREATE).await;
    assert!(
        after(&caches, 320)
            .await
            .contains("<Status>create-failed</Status>")
    );
    let delete = [
        ("Action", "DeleteReplicationGroup"),
        ("ReplicationGroupId", "shop-cache"),
    ];
    assert_eq!(query(&caches, &delete).await.status, 200);
    assert!(
        after(&caches, 200)
            .await
            .contains("ReplicationGroupNotFoundFault")
    );
}
