//! What keeps an environment busy, if AWS says so: a managed action of its own.
//!
//! Rules: this only explains. A call that fails explains nothing, and nothing depends on it.

use beanpole_cloud::{ManagedAction, ManagedActionKind, ManagedActionStatus};

use crate::scene::Scene;

impl Scene<'_> {
    /// AWS's word for the state of a busy environment, and what keeps it busy if that is one of AWS's
    /// own actions: `Updating (a managed platform update: Update platform to 4.7.2)`.
    pub(crate) async fn what_keeps_it_busy(&self, state: &str) -> String {
        let name = &self.project.environment;
        let asked = self.seen(Box::pin(self.cloud.beanstalk.managed_actions(name)));
        // Interrupted or refused: the state alone is said, and the wait itself goes on or ends.
        let actions = asked.await.ok().and_then(Result::ok).unwrap_or_default();
        match in_progress(&actions) {
            Some(action) => format!("{state} ({})", self.scrub(&action)),
            None => state.to_owned(),
        }
    }
}

/// The managed action that is at work, in words.
fn in_progress(actions: &[ManagedAction]) -> Option<String> {
    let running = actions
        .iter()
        .find(|action| action.status == ManagedActionStatus::Running)?;
    let kind = match &running.kind {
        ManagedActionKind::PlatformUpdate => "a managed platform update",
        ManagedActionKind::InstanceRefresh => "a managed replacement of its instances",
        ManagedActionKind::Other(_) => "a managed action of AWS",
    };
    let description = running.description.trim().trim_end_matches('.');
    if description.is_empty() {
        Some(kind.to_owned())
    } else {
        Some(format!("{kind}: {description}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(kind: &str, status: &str, description: &str) -> ManagedAction {
        ManagedAction {
            id: "1".to_owned(),
            description: description.to_owned(),
            kind: ManagedActionKind::parse(kind),
            status: ManagedActionStatus::parse(status),
        }
    }

    #[test]
    fn only_what_is_at_work_is_named() {
        let scheduled = action("PlatformUpdate", "Scheduled", "");
        assert_eq!(in_progress(std::slice::from_ref(&scheduled)), None);
        let running = action("PlatformUpdate", "Running", "Update platform to 4.7.2.");
        assert_eq!(
            in_progress(&[scheduled, running]).as_deref(),
            Some("a managed platform update: Update platform to 4.7.2")
        );
        let refresh = action("InstanceRefresh", "Running", "");
        assert_eq!(
            in_progress(&[refresh]).as_deref(),
            Some("a managed replacement of its instances")
        );
        let new = action("SomethingNew", "Running", "");
        assert_eq!(
            in_progress(&[new]).as_deref(),
            Some("a managed action of AWS")
        );
    }
}
