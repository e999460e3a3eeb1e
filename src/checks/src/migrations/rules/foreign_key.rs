//! `foreign-key-locks`: a foreign key locks both tables while it is added.

use super::{Context, Said};
use crate::migrations::field::Field;
use crate::migrations::operation::{Kind, Operation};
use crate::migrations::state::Model;
use beanpole_model::Severity;

pub(in crate::migrations) const RULE: &str = "foreign-key-locks";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    match &operation.kind {
        Kind::AddField { model, name, field } if field.makes_table() => {
            if let Some(old) = context.old_table(model) {
                between(context, operation, Some(old), name, field);
            }
        }
        Kind::AddField { model, name, field } => {
            if adds_key(field)
                && let Some(old) = context.old_table(model)
            {
                say(context, operation, Some(old), name, field, Severity::Note);
            }
        }
        Kind::AlterField { model, name, field } => {
            if adds_key(field)
                && let Some(old) = context.old_table(model)
                && let Some(before) = old.fields.get(name)
                && before.has_column()
                && (!adds_key(before) || is_retargeted(context, old, before, field))
            {
                say(
                    context,
                    operation,
                    Some(old),
                    name,
                    field,
                    Severity::Warning,
                );
            }
        }
        Kind::CreateModel(created) if created.managed && !created.proxy => {
            for (name, field) in &created.fields {
                if field.makes_table() {
                    between(context, operation, None, name, field);
                } else if adds_key(field)
                    && parent(context, field).is_some_and(|parent| context.is_hot(parent))
                {
                    say(context, operation, None, name, field, Severity::Note);
                }
            }
        }
        _ => {}
    }
}

fn adds_key(field: &Field) -> bool {
    field.is_foreign_key() && field.db_constraint
}

/// The table of a many-to-many field has a key to either side. It is new itself, so only hot tables are worth a word.
fn between(
    context: &mut Context<'_>,
    operation: &Operation,
    own: Option<&Model>,
    name: &str,
    field: &Field,
) {
    let sides = [own, parent(context, field)];
    let is_hot = |side: &Model| context.is_hot(side);
    if field.db_constraint && sides.into_iter().flatten().any(is_hot) {
        say(context, operation, own, name, field, Severity::Note);
    }
}

/// The old table that the key points to.
fn parent<'a>(context: &Context<'a>, field: &Field) -> Option<&'a Model> {
    let to = field.to.as_deref()?;
    (context.fold.database.target(context.app(), to)).filter(|model| !context.is_new(model))
}

/// Whether a key of a model points to another column after a change. Then Django drops the key and adds it anew.
fn is_retargeted(context: &Context<'_>, own: &Model, before: &Field, after: &Field) -> bool {
    let whole = |to: &str| match to {
        "self" => format!("{}.{}", own.app, own.name),
        _ if to.contains('.') => to.to_owned(),
        _ => format!("{}.{to}", own.app),
    };
    let (Some(old), Some(new)) = (before.to.as_deref(), after.to.as_deref()) else {
        return false;
    };
    let (old, new) = (&whole(old), &whole(new));
    if old.eq_ignore_ascii_case(new) {
        return before.to_field != after.to_field;
    }
    // A model that moves between apps may be in the state alone, with the table that it has had.
    let fold = context.fold;
    let find = |to: &str| {
        let states = [&fold.database, &fold.state].into_iter();
        states
            .into_iter()
            .find_map(|state| state.target(context.app(), to))
    };
    match (find(old), find(new)) {
        // The table of a proxy is that of a model which is not followed.
        (Some(old), Some(new)) => !old.proxy && !new.proxy && old.table != new.table,
        (Some(known), None) => !may_be(new, known),
        (None, Some(known)) => !may_be(old, known),
        (None, None) => !is_setting(old) && !is_setting(new),
    }
}

/// Whether a setting may name that model.
fn may_be(setting: &str, model: &Model) -> bool {
    // Every user of Django has a password.
    is_setting(setting)
        && (!setting.ends_with("AUTH_USER_MODEL") || model.fields.contains_key("password"))
}

fn is_setting(to: &str) -> bool {
    let name = to.rsplit('.').next().unwrap_or(to);
    name.contains('_') && !name.contains(char::is_lowercase)
}

fn say(
    context: &mut Context<'_>,
    operation: &Operation,
    child: Option<&Model>,
    name: &str,
    field: &Field,
    otherwise: Severity,
) {
    if context.serving.is_none() {
        return;
    }
    let parent = parent(context, field);
    let hot = [child, parent]
        .into_iter()
        .flatten()
        .find(|model| context.is_hot(model));
    let message = match (hot, parent) {
        (Some(hot), _) if field.makes_table() => {
            format!(
                "the foreign keys of the table of {name} lock the hot table {}",
                hot.table
            )
        }
        (Some(hot), _) => format!("the foreign key {name} locks the hot table {}", hot.table),
        (None, Some(parent)) => format!("the foreign key {name} locks {} as well", parent.table),
        (None, None) => format!("the foreign key {name} locks its target as well"),
    };
    context.say(Said {
        rule: RULE,
        severity: if hot.is_some() { Severity::Error } else { otherwise },
        span: operation.span,
        message,
        reason: "adding the constraint stops all writes of both tables until every row is checked, and waits behind every \
                 transaction that runs on either",
        remedy: "add the field with db_constraint=False; add the constraint with RunSQL(\"ALTER TABLE … ADD CONSTRAINT … NOT VALID\") \
                 and VALIDATE CONSTRAINT in a migration of its own"
            .to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::RULE;
    use crate::migrations::testing::Case;

    const ADD: &str = r#"migrations.AddField("order", "payer", models.ForeignKey("shop.Customer", models.CASCADE, null=True, db_index=False)),"#;

    #[test]
    fn a_new_key_is_a_note_and_an_error_if_either_table_is_hot() {
        assert_eq!(Case::new().adds(ADD).all(), [RULE]);
        assert!(Case::new().adds(ADD).warnings().is_empty());
        assert_eq!(Case::new().hot("shop_order").adds(ADD).errors(), [RULE]);
        assert_eq!(Case::new().hot("shop.Customer").adds(ADD).errors(), [RULE]);
    }

    #[test]
    fn a_new_table_locks_the_hot_table_it_points_to() {
        let create = r#"migrations.CreateModel("Visit", [("id", models.BigAutoField(primary_key=True)), ("who", models.ForeignKey("shop.customer", models.CASCADE))]),"#;
        assert!(Case::new().adds(create).all().is_empty());
        assert_eq!(
            Case::new().hot("shop_customer").adds(create).errors(),
            [RULE]
        );
    }

    #[test]
    fn a_table_between_two_models_has_a_key_to_either() {
        let field = r#"models.ManyToManyField("shop.customer", related_name="+")"#;
        let add = format!(r#"migrations.AddField("order", "payers", {field}),"#);
        let create = format!(
            r#"migrations.CreateModel("Visit", [("id", models.BigAutoField(primary_key=True)), ("who", {field})]),"#
        );
        assert!(Case::new().adds(&add).all().is_empty());
        for hot in ["shop_order", "shop.Customer"] {
            assert_eq!(Case::new().hot(hot).adds(&add).errors(), [RULE], "{hot}");
        }
        assert_eq!(
            Case::new().hot("shop_customer").adds(&create).errors(),
            [RULE]
        );
        for silent in ["db_constraint=False", "through='shop.Payer'"] {
            let add = add.replace("related_name=\"+\"", silent);
            assert!(Case::new().hot("shop_order").adds(&add).all().is_empty());
        }
    }

    #[test]
    fn no_constraint_no_lock() {
        let add = ADD.replace("null=True", "null=True, db_constraint=False");
        assert!(Case::new().hot("shop_customer").adds(&add).all().is_empty());
    }

    #[test]
    fn a_key_that_points_elsewhere_is_made_anew() {
        let alter = |to: &str| {
            format!(
                "migrations.AlterField('order', 'customer', models.ForeignKey(to={to}, on_delete=models.CASCADE)),"
            )
        };
        for to in ["'shop.label'", "'auth.user'", "settings.AUTH_USER_MODEL"] {
            let case = Case::new().adds(&alter(to));
            assert_eq!(case.warnings(), [RULE], "{to}");
        }
        for to in [
            "'Customer'",
            "'shop.Customer'",
            "'SHOP.customer'",
            "settings.SHOP_CUSTOMER_MODEL",
        ] {
            let case = Case::new().adds(&alter(to));
            assert!(case.all().is_empty(), "{to}");
        }
        let by_name = alter("'shop.customer', to_field='name'");
        let found = Case::new().adds(&by_name).all();
        assert!(found.contains(&RULE.to_owned()));
    }

    #[test]
    fn a_key_to_its_own_model_has_two_names() {
        let field = |to: &str| {
            format!(
                "models.ForeignKey(to={to}, on_delete=models.CASCADE, null=True, db_index=False)"
            )
        };
        let add = format!(
            "migrations.AddField('order', 'parent', {}),",
            field("'self'")
        );
        let alter = format!(
            "migrations.AlterField('order', 'parent', {}),",
            field("'shop.order'")
        );
        let case = Case::new()
            .released("0002_parent", "0001_initial", &add)
            .adds_after("0003_change", "0002_parent", &alter, "");
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_setting_may_name_the_users() {
        let alter = |to: &str| {
            format!(
                "migrations.AlterField('order', 'customer', models.ForeignKey(to={to}, on_delete=models.CASCADE)),"
            )
        };
        let password = "migrations.AddField('customer', 'password', models.CharField(max_length=9, null=True)),";
        let case = Case::new()
            .released("0002_users", "0001_initial", password)
            .adds_after(
                "0003_change",
                "0002_users",
                &alter("settings.AUTH_USER_MODEL"),
                "",
            );
        assert!(case.all().is_empty());
    }

    #[test]
    fn a_key_goes_with_the_name_of_its_target() {
        let rename = "migrations.RenameModel('Customer', 'Client'),";
        let case = Case::new()
            .released("0002_rename", "0001_initial", rename)
            .adds_after(
                "0003_change",
                "0002_rename",
                "migrations.AlterField('order', 'customer', models.ForeignKey(to='shop.client', on_delete=models.CASCADE)),",
                "",
            );
        assert!(case.all().is_empty());
    }

    #[test]
    fn an_old_column_that_becomes_a_key_is_checked() {
        let add = ADD.replace("null=True", "null=True, db_constraint=False");
        let alter = r#"migrations.AlterField("order", "payer", models.ForeignKey("shop.Customer", models.CASCADE, null=True, db_index=False)),"#;
        let case = Case::new()
            .released("0002_add", "0001_initial", &add)
            .adds_after("0003_key", "0002_add", alter, "");
        assert_eq!(case.warnings(), [RULE]);
    }
}
