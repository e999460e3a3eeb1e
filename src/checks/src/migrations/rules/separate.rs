//! `state-and-database-disagree`: `SeparateDatabaseAndState` whose halves do not fit.

use super::Context;
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::state::Fold;
use beanpole_model::{Finding, Location, Severity};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};

pub(in crate::migrations) const RULE: &str = "state-and-database-disagree";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let Kind::Separate { database, state } = &operation.kind else {
        return;
    };
    // What code of one's own does to the database is not known.
    let by_hand = database.iter().any(|inner| {
        matches!(
            inner.kind,
            Kind::RunSql(_) | Kind::RunPython(_) | Kind::Harmless | Kind::Separate { .. }
        )
    });
    if by_hand || (database.is_empty() && state.is_empty()) {
        return;
    }
    let before = missing_columns(context.fold);
    let mut after = context.fold.clone();
    after.apply(context.app(), operation, &context.migration.id.key());
    let new: Vec<String> = missing_columns(&after)
        .difference(&before)
        .cloned()
        .collect();
    if new.is_empty() {
        return;
    }
    // Another migration of this release may make it: tables that move between apps do so in two.
    let place = context
        .project
        .location(&context.migration.id.path, Some(operation.span));
    context.disagreements.push(Disagreement {
        place,
        missing: new,
    });
}

/// What a `SeparateDatabaseAndState` has promised to the models and not made.
pub(in crate::migrations) struct Disagreement {
    place: Location,
    missing: Vec<String>,
}

/// The findings that are left after all migrations of the release.
pub(in crate::migrations) fn findings(
    disagreements: Vec<Disagreement>,
    end: &Fold,
) -> Vec<Finding> {
    if disagreements.is_empty() {
        return Vec::new();
    }
    let still = missing_columns(end);
    disagreements
        .into_iter()
        .filter_map(|one| {
            let missing: Vec<String> = (one.missing.into_iter())
                .filter(|name| still.contains(name))
                .collect();
            (!missing.is_empty()).then(|| Finding {
                rule: RULE.to_owned(),
                severity: Severity::Warning,
                location: Some(one.place),
                message: format!("after it the models have what the database has not: {}", missing.join(", ")),
                reason: "every query of the new code on these tables fails, unless something outside of the migrations has made them"
                    .to_owned(),
                remedy: Some(
                    "give database_operations what state_operations promise, or take both from one operation".to_owned(),
                ),
            })
        })
        .collect()
}

/// Columns and tables that the models have and no operation has made.
fn missing_columns(fold: &Fold) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    let tables = Tables::of(fold);
    for model in fold.state.models.values().filter(|model| model.has_table()) {
        let Some(columns) = tables.0.get(&model.table.to_ascii_lowercase()) else {
            // A table between two models may have become a model of its own.
            if fold.database.between(&model.table).is_none() {
                missing.insert(model.table.clone());
            }
            continue;
        };
        for (name, field) in model.fields.iter().filter(|(_, field)| field.has_column()) {
            let column = field.column(name);
            if !columns.contains(&column) {
                missing.insert(format!("{}.{column}", model.table));
            }
        }
    }
    missing
}

/// The columns of each table that operations have made, by its name in small letters.
struct Tables<'f>(HashMap<String, HashSet<Cow<'f, str>>>);

impl<'f> Tables<'f> {
    fn of(fold: &'f Fold) -> Self {
        let models = fold.database.models.values();
        let mut tables: HashMap<String, HashSet<Cow<'f, str>>> = HashMap::new();
        for model in models.filter(|model| !model.proxy) {
            let fields = model.fields.iter().filter(|(_, field)| field.has_column());
            // Of two models with one table, the first is the one that has it, as in `State::table`.
            tables
                .entry(model.table.to_ascii_lowercase())
                .or_insert_with(|| fields.map(|(name, field)| field.column(name)).collect());
        }
        Self(tables)
    }
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    #[test]
    fn a_column_that_nobody_makes_is_missed() {
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))]),",
        );
        assert_eq!(case.warnings(), [RULE]);
        assert!(
            case.review().findings[0]
                .message
                .contains("shop_order.size")
        );
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(state_operations=[migrations.CreateModel('Ghost', [('id', models.AutoField(primary_key=True))])]),",
        );
        assert_eq!(case.warnings(), [RULE]);
    }

    #[test]
    fn a_model_that_moves_keeps_its_table() {
        let case = Case::new().adds(
            r#"migrations.SeparateDatabaseAndState(
                state_operations=[migrations.CreateModel("Tag", [
                    ("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=30)),
                ], options={"db_table": "labels"})],
            ),"#,
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_table_that_moves_in_two_migrations_is_there_in_the_end() {
        let case = Case::new()
            .adds_after("0002_state", "0001_initial", r#"migrations.SeparateDatabaseAndState(
                state_operations=[migrations.CreateModel("Tag", [("id", models.BigAutoField(primary_key=True))])],
            ),"#, "")
            .adds_after("0003_move", "0002_state", r#"migrations.SeparateDatabaseAndState(
                database_operations=[migrations.AlterModelTable("label", "shop_tag")],
                state_operations=[migrations.DeleteModel("Label")],
            ),"#, "");
        assert_eq!(case.all(), ["rename-table"]);
    }

    #[test]
    fn halves_that_fit_are_fine() {
        let field = "models.IntegerField(null=True)";
        let case = Case::new().adds(&format!(
            "migrations.SeparateDatabaseAndState(
                database_operations=[migrations.AddField('order', 'size', {field})],
                state_operations=[migrations.AddField('order', 'size', {field})],
            ),"
        ));
        assert!(case.all().is_empty());
    }

    #[test]
    fn sql_may_have_made_it() {
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(
                database_operations=[migrations.RunSQL('ALTER TABLE shop_order ADD COLUMN size integer', migrations.RunSQL.noop)],
                state_operations=[migrations.AddField('order', 'size', models.IntegerField(null=True))],
            ),",
        );
        assert!(case.all().is_empty());
    }

    #[test]
    fn operations_inside_of_it_are_judged() {
        let case = Case::new().adds(
            "migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField('order', 'note')]),",
        );
        assert!(case.errors().contains(&"drop-column".to_owned()));
        let nested = "migrations.SeparateDatabaseAndState(database_operations=[migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL('drop table labels')])]),";
        assert!(
            Case::new()
                .adds(nested)
                .errors()
                .contains(&"drop-table".to_owned())
        );
    }
}
