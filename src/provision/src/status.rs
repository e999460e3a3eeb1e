//! What AWS's state names mean for us.
//!
//! Sources: RDS user guide, "Viewing Amazon RDS DB instance status"; ElastiCache API reference,
//! `ReplicationGroup`; Beanstalk API reference, `EnvironmentDescription`. A name that is not known
//! here counts as moving: AWS adds names for states in between more often than for ends.

/// What a state name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At rest: it serves, and takes changes.
    Settled,
    /// Under way to somewhere. Waiting helps.
    Moving,
    /// It will not come right by itself.
    Broken,
    /// Being deleted, or gone.
    Leaving,
}

/// The phase of an RDS instance.
#[must_use]
pub fn database(status: &str) -> Phase {
    match status {
        // Storage optimisation goes on for hours behind an instance that serves.
        "available" | "storage-optimization" => Phase::Settled,
        "deleting" | "deleted" | "delete-precheck" => Phase::Leaving,
        "failed"
        | "insufficient-capacity"
        | "restore-error"
        | "storage-full"
        | "stopped"
        | "stopping" => Phase::Broken,
        other if other.starts_with("incompatible-") => Phase::Broken,
        other if other.starts_with("inaccessible-encryption-credentials") => Phase::Broken,
        _ => Phase::Moving,
    }
}

/// The phase of a replication group.
#[must_use]
pub fn cache(status: &str) -> Phase {
    match status {
        "available" | "snapshotting" => Phase::Settled,
        "deleting" | "deleted" => Phase::Leaving,
        "create-failed" => Phase::Broken,
        other if other.starts_with("incompatible-") => Phase::Broken,
        _ => Phase::Moving,
    }
}

/// The phase of a Beanstalk environment.
#[must_use]
pub fn environment(status: &str) -> Phase {
    match status {
        "Ready" => Phase::Settled,
        "Terminating" | "Terminated" => Phase::Leaving,
        _ => Phase::Moving,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_from_work() {
        assert_eq!(database("incompatible-network"), Phase::Broken);
        assert_eq!(database("storage-full"), Phase::Broken);
        assert_eq!(database("backing-up"), Phase::Moving);
        assert_eq!(database("a-state-of-next-year"), Phase::Moving);
        assert_eq!(cache("create-failed"), Phase::Broken);
        assert_eq!(cache("modifying"), Phase::Moving);
        assert_eq!(environment("Aborting"), Phase::Moving);
        assert_eq!(environment("Terminating"), Phase::Leaving);
    }
}
