//! Databases, caches and brokers, known by their images.

use super::service::Service;
use crate::paths::base_name;

/// What a service is for, as far as its image tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::docker) enum Store {
    /// PostgreSQL, MySQL and the like.
    Database,
    /// Redis, Memcached and the like.
    Cache,
    /// RabbitMQ, Kafka and the like.
    Broker,
}

/// Names of images, or the last words of them, with the port that the server listens on. After their pages on Docker Hub.
const STORES: [(&str, Store, u16); 17] = [
    ("postgres", Store::Database, 5432),
    ("postgresql", Store::Database, 5432),
    ("postgis", Store::Database, 5432),
    ("pgvector", Store::Database, 5432),
    ("timescaledb", Store::Database, 5432),
    ("mysql", Store::Database, 3306),
    ("mariadb", Store::Database, 3306),
    ("mongo", Store::Database, 27017),
    ("mongodb", Store::Database, 27017),
    ("elasticsearch", Store::Database, 9200),
    ("opensearch", Store::Database, 9200),
    ("redis", Store::Cache, 6379),
    ("valkey", Store::Cache, 6379),
    ("memcached", Store::Cache, 11211),
    ("keydb", Store::Cache, 6379),
    ("rabbitmq", Store::Broker, 5672),
    ("kafka", Store::Broker, 9092),
];

impl Service {
    /// The kind of store that the service is, and its port.
    pub(in crate::docker) fn store(&self) -> Option<(Store, u16)> {
        let image = self.image.as_deref()?;
        let name = base_name(image.split(['@']).next().unwrap_or(image));
        let name = name.split(':').next().unwrap_or(name);
        STORES
            .iter()
            .find(|(known, _, _)| name == *known || name.starts_with(&format!("{known}-")))
            .map(|(_, store, port)| (*store, *port))
    }
}
