//! The review of a way back: can the code of an older release live with the tables as they are now?

use super::project::Project;
use super::review::judge;
use super::{MigrationId, NotAnalysed, Settings};
use crate::SourceTree;
use beanpole_model::Finding;
use serde::Serialize;

/// What a roll-back would meet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RollbackReview {
    /// Migrations that the database has and the target's code does not know, in the order in which they were applied.
    pub unknown_to_target: Vec<MigrationId>,
    /// Migrations that the target's code has and the database has not. Its release step would apply them.
    pub unapplied_of_target: Vec<MigrationId>,
    /// What the target's code cannot live with, worst first.
    pub breaking: Vec<Finding>,
    /// What could not be judged: the target may break on it.
    pub not_analysed: Vec<NotAnalysed>,
}

/// Reviews a roll-back from the code that serves now (its migrations are taken as applied) to an older one.
#[must_use]
pub fn review_rollback(
    current: &SourceTree,
    target: &SourceTree,
    settings: &Settings,
) -> RollbackReview {
    let old = Project::read(target, settings, None);
    let new = Project::read(current, settings, Some(&old));
    // The same question as on the way forward: what do these migrations do to that code?
    let forward = judge(Some(&old), &new, settings);
    let unapplied = judge(Some(&new), &old, settings).added;
    RollbackReview {
        unknown_to_target: forward.added,
        unapplied_of_target: unapplied,
        breaking: forward
            .findings
            .into_iter()
            .filter(|finding| super::rules::breaks_old_code(&finding.rule))
            .collect(),
        not_analysed: forward.not_analysed,
    }
}

#[cfg(test)]
mod tests {
    use super::review_rollback;
    use crate::migrations::Settings;
    use crate::migrations::testing::Case;

    fn rollback(case: &Case) -> super::RollbackReview {
        review_rollback(&case.head, &case.base, &Settings::default())
    }

    #[test]
    fn a_column_that_the_target_reads_is_gone() {
        let found = rollback(&Case::new().adds("migrations.RemoveField('order', 'note'),"));
        assert_eq!(found.unknown_to_target[0].name, "0002_change");
        assert_eq!(found.breaking.len(), 1);
        assert_eq!(found.breaking[0].rule, "drop-column");
        assert!(found.unapplied_of_target.is_empty());
    }

    #[test]
    fn what_only_locked_does_not_break() {
        let found = rollback(&Case::new().adds(
            "migrations.AddIndex('order', models.Index(fields=['number'], name='a')),
            migrations.AddField('order', 'size', models.IntegerField(null=True)),",
        ));
        assert_eq!(found.unknown_to_target.len(), 1);
        assert!(found.breaking.is_empty(), "{:?}", found.breaking);
    }

    #[test]
    fn a_required_column_breaks_inserts_of_the_target() {
        let found = rollback(
            &Case::new()
                .adds("migrations.AddField('order', 'size', models.IntegerField(default=1)),"),
        );
        assert_eq!(found.breaking[0].rule, "required-column");
    }

    #[test]
    fn what_the_target_no_longer_reads_may_be_gone() {
        let without = |models: &str| models.replace("    note = models.TextField(null=True)\n", "");
        let case = Case::new()
            .serving_models(without)
            .adds("migrations.RemoveField('order', 'note'),");
        let found = rollback(&case);
        assert_eq!(found.unknown_to_target.len(), 1);
        assert!(found.breaking.is_empty());
    }

    #[test]
    fn what_cannot_be_seen_is_said_before_the_way_back() {
        let found = rollback(&Case::new().adds("migrations.RunSQL(open('a.sql').read(), ''),"));
        assert_eq!(found.not_analysed.len(), 1);
    }

    #[test]
    fn another_branch_brings_migrations_of_its_own() {
        let mut case = Case::new().adds("migrations.RemoveField('order', 'note'),");
        std::mem::swap(&mut case.base, &mut case.head);
        let found = rollback(&case);
        assert!(found.unknown_to_target.is_empty());
        assert_eq!(found.unapplied_of_target[0].name, "0002_change");
    }

    #[test]
    fn equal_trees_have_nothing_to_say() {
        assert_eq!(rollback(&Case::new()), super::RollbackReview::default());
    }
}
