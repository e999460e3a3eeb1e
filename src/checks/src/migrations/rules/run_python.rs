//! `runpython-without-reverse`, `runpython-imports-models`, `unbatched-data-change`, `data-migration-reads-files`.

use super::{Context, Said, all_rows};
use crate::migrations::operation::{Kind, Operation, Reverse, RunPython};
use crate::migrations::read_operation::imported::USERS;
use crate::python::{CallFact, Span};
use beanpole_model::Severity;

pub(in crate::migrations) const NO_REVERSE: &str = "runpython-without-reverse";
pub(in crate::migrations) const IMPORTS: &str = "runpython-imports-models";
pub(in crate::migrations) const UNBATCHED: &str = "unbatched-data-change";
pub(in crate::migrations) const FILES: &str = "data-migration-reads-files";

pub(super) fn check(context: &mut Context<'_>, operation: &Operation) {
    let Kind::RunPython(python) = &operation.kind else {
        return;
    };
    // `RunPython.noop` in front has no way back by itself: Django asks for a reverse function alone.
    if python.reverse == Reverse::Missing {
        context.say(Said {
            rule: NO_REVERSE,
            severity: Severity::Note,
            span: operation.span,
            message: "RunPython without a way back".to_owned(),
            reason: "`migrate` cannot go back over this migration: it stops with IrreversibleError",
            remedy: "give it a reverse function; `migrations.RunPython.noop` if nothing needs to be undone".to_owned(),
        });
    }
    if let Some((name, span)) = python.imported_models.first() {
        context.say(Said {
            rule: IMPORTS,
            severity: Severity::Warning,
            span: *span,
            message: format!("uses the imported {name} instead of the model of this point in history"),
            reason: "the imported model has the fields of today's code: on a database that is not that far yet, or when the model \
                     changes later, the migration fails",
            remedy: if name == USERS {
                "take the model from the registry: apps.get_model(settings.AUTH_USER_MODEL)".to_owned()
            } else {
                format!("take the model from the registry: {name} = apps.get_model(\"app\", \"{name}\")")
            },
        });
    }
    if let Some(call) = python.calls().find(|call| reads_files(call)) {
        context.say(Said {
            rule: FILES,
            severity: Severity::Warning,
            span: place(python, call, operation.span),
            message: format!("reads a file or fixture with {}", call.called()),
            reason: "the file may be missing in the image, and changes later while the migration must not",
            remedy: "write the values into the migration, or load them with a command outside of the release".to_owned(),
        });
    }
    if serves_only_new_tables(context, python) || context.serving.is_none() {
        return;
    }
    if let Some((call, what)) = all_rows::changed(python) {
        context.say(Said {
            rule: UNBATCHED,
            severity: Severity::Warning,
            span: place(python, call, operation.span),
            message: format!("changes all rows of a table {what}"),
            reason: "on a large table this is one transaction of hours: it holds the lock of every row that it has changed, and all of \
                     them are read into memory or written at once",
            remedy: "work through ranges of the primary key, a few thousand rows at a time, in a migration with `atomic = False`"
                .to_owned(),
        });
    }
}

/// The place of a call if it is in this file, or else of the operation.
fn place(python: &RunPython, call: &CallFact, otherwise: Span) -> Span {
    // A function of another file has places of that file.
    let code_is_here = python.code.as_ref().is_some_and(|code| !code.is_foreign);
    if code_is_here { call.span } else { otherwise }
}

fn reads_files(call: &CallFact) -> bool {
    let called = call.called();
    (called == "open"
        && matches!(
            call.root(),
            "open" | "io" | "codecs" | "gzip" | "Path" | "pathlib"
        ))
        || matches!(called, "read_text" | "read_bytes" | "pkgutil.get_data")
        || (called == "call_command" && call.texts.iter().any(|text| text == "loaddata"))
}

/// Whether every model that the function asks for has a table of this release.
fn serves_only_new_tables(context: &Context<'_>, python: &RunPython) -> bool {
    let mut asked = python
        .calls()
        .filter(|call| call.called() == "get_model")
        .peekable();
    asked.peek().is_some()
        && asked.all(|call| {
            let (app, name) = match call.texts.as_slice() {
                [one] => match one.split_once('.') {
                    Some(parts) => parts,
                    None => return false,
                },
                [app, name, ..] => (app.as_str(), name.as_str()),
                [] => return false,
            };
            context
                .fold
                .database
                .model(app, name)
                .is_some_and(|model| context.is_new(model))
        })
}

#[cfg(test)]
mod tests {
    use super::{FILES, IMPORTS, NO_REVERSE, UNBATCHED};
    use crate::migrations::testing::{Case, migration_text};

    /// A migration with functions above its class.
    fn with(functions: &str, operation: &str) -> Case {
        let text = migration_text("0001_initial", operation, "").replace(
            "\n\nclass Migration",
            &format!("\n\n{functions}\n\n\nclass Migration"),
        );
        Case::new().file("shop/migrations/0002_data.py", text)
    }

    const RUN: &str = "migrations.RunPython(forwards, migrations.RunPython.noop),";

    #[test]
    fn a_way_back_is_asked_for() {
        let nothing = "def forwards(apps, schema_editor):\n    pass";
        assert_eq!(
            with(nothing, "migrations.RunPython(forwards),").all(),
            [NO_REVERSE]
        );
        assert_eq!(
            with(
                nothing,
                "migrations.RunPython(code=forwards, reverse_code=None),"
            )
            .all(),
            [NO_REVERSE]
        );
        assert!(with(nothing, RUN).all().is_empty());
        // Django's `reversible` asks for a reverse function, whatever is done on the way there.
        let noop = "migrations.RunPython(migrations.RunPython.noop),";
        assert_eq!(Case::new().adds(noop).all(), [NO_REVERSE]);
        let both = "migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop),";
        assert!(Case::new().adds(both).all().is_empty());
    }

    #[test]
    fn models_come_from_the_registry() {
        let local = "def forwards(apps, schema_editor):\n    from shop.models import Order\n    Order.objects.filter(count=1).delete()";
        assert_eq!(with(local, RUN).warnings(), [IMPORTS]);
        let top = "from shop.models import Order\n\n\ndef forwards(apps, schema_editor):\n    Order.objects.filter(count=1).delete()";
        assert_eq!(with(top, RUN).warnings(), [IMPORTS]);
        let helper = format!(
            "{}\n\n\ndef forwards(apps, schema_editor):\n    work()",
            top.replace("def forwards(apps, schema_editor)", "def work()")
        );
        assert_eq!(with(&helper, RUN).warnings(), [IMPORTS]);
        let shadowed = "from shop.models import Order\n\n\ndef forwards(apps, schema_editor):\n    Row = apps.get_model('shop', 'Order')\n    Row.objects.filter(count=1).delete()";
        assert!(with(shadowed, RUN).all().is_empty());
        let hidden = shadowed.replace("Row", "Order");
        assert!(with(&hidden, RUN).all().is_empty());
    }

    #[test]
    fn imported_models_are_seen_by_other_names() {
        const USE: &str = "objects.filter(count=1).delete()";
        for (import, model) in [
            (
                "from shop import models as shop_models",
                "shop_models.Order",
            ),
            ("import shop.models as sm", "sm.Order"),
            ("import shop.models", "shop.models.Order"),
            ("from ..models import Order as Row", "Row"),
            ("from django.contrib.auth.models import Group", "Group"),
            (
                "from django.contrib.auth import get_user_model",
                "get_user_model()",
            ),
        ] {
            let top =
                format!("{import}\n\n\ndef forwards(apps, schema_editor):\n    {model}.{USE}");
            assert_eq!(with(&top, RUN).warnings(), [IMPORTS], "{import}");
            let local =
                format!("def forwards(apps, schema_editor):\n    {import}\n    {model}.{USE}");
            assert_eq!(with(&local, RUN).warnings(), [IMPORTS], "{import}");
            let given = format!(
                "{import}\n\n\ndef forwards(apps, schema_editor):\n    Given = {model}\n    Given.{USE}"
            );
            assert_eq!(with(&given, RUN).warnings(), [IMPORTS], "{import}");
        }
        let of_file = "from django.contrib.auth import get_user_model\n\nUser = get_user_model()\n\n\ndef forwards(apps, schema_editor):\n    User.objects.create(name='a')";
        assert_eq!(with(of_file, RUN).warnings(), [IMPORTS]);
        let row = "import shop.models as sm\n\n\ndef forwards(apps, schema_editor):\n    sm.Order(number='a').save()";
        assert_eq!(with(row, RUN).warnings(), [IMPORTS]);
        for fine in [
            "from django.db import models\n\n\ndef forwards(apps, schema_editor):\n    models.Value(1)",
            "import shop.models as sm\n\n\ndef forwards(apps, schema_editor):\n    sm.next_number()",
            "import mptt\n\n\ndef forwards(apps, schema_editor):\n    mptt.models.MPTTOptions(None)",
            "import shop.models as sm\n\n\ndef forwards(apps, sm):\n    sm.Order.objects.filter(count=1).delete()",
        ] {
            assert!(with(fine, RUN).all().is_empty(), "{fine}");
        }
    }

    #[test]
    fn whole_tables_are_not_changed_at_once() {
        for body in [
            "Order.objects.update(count=1)",
            "Order.objects.all().update(count=1)",
            "Order.objects.all().delete()",
            "for order in Order.objects.all():\n        order.count = 1\n        order.save()",
            "rows = Order.objects.all()\n    rows.update(count=1)",
            "rows = Order.objects.order_by('id')\n    rows.all().delete()",
            "rows = []\n    for row in Order.objects.all():\n        rows.append(row)\n    Order.objects.bulk_update(rows, ['count'])",
            "Order.objects.bulk_update([row for row in Order.objects.iterator()], ['count'])",
        ] {
            let functions = format!(
                "def forwards(apps, schema_editor):\n    Order = apps.get_model('shop', 'Order')\n    {body}"
            );
            assert_eq!(with(&functions, RUN).warnings(), [UNBATCHED], "{body}");
        }
    }

    #[test]
    fn steps_are_fine_and_new_tables_are_small() {
        for body in [
            "Order.objects.filter(count=0).update(count=1)",
            "for order in Order.objects.iterator(chunk_size=500):\n        order.save()",
            "while Order.objects.filter(count=0).exists():\n        Order.objects.all()[:500].update(count=1)",
            "{}.update(a=1)",
            "rows = Order.objects.filter(count=0)\n    rows.update(count=1)",
            "rows = Order.objects.all()\n    rows = rows.filter(count=0)\n    rows.update(count=1)",
            "rows = Order.objects.all()\n    rows.filter(count=0).update(count=1)",
            "order = Order.objects.first()\n    order.delete()",
            "Order.objects.all().first().delete()",
            "rows = list(Order.objects.all())\n    Order.objects.bulk_update(rows, ['count'], batch_size=500)",
            "rows = [row for row in Order.objects.all()]\n    Order.objects.bulk_update(rows, ['count'], 500)",
            "rows = [row for row in Order.objects.filter(count=0)]\n    Order.objects.bulk_update(rows, ['count'])",
            "rows = []\n    for row in Order.objects.all():\n        Order.objects.bulk_update(rows, ['count'])\n    Order.objects.bulk_update(rows, ['count'])",
        ] {
            let functions = format!(
                "def forwards(apps, schema_editor):\n    Order = apps.get_model('shop', 'Order')\n    {body}"
            );
            assert!(with(&functions, RUN).all().is_empty(), "{body}");
        }
        let functions = "def forwards(apps, schema_editor):\n    apps.get_model('shop', 'Draft').objects.update(a=1)";
        let create =
            "migrations.CreateModel('Draft', [('id', models.BigAutoField(primary_key=True))]),";
        assert!(
            with(functions, &format!("{create}\n        {RUN}"))
                .all()
                .is_empty()
        );
    }

    #[test]
    fn files_do_not_belong_to_history() {
        for body in [
            "open('orders.json').read()",
            "Path('a').read_text()",
            "call_command('loaddata', 'orders')",
        ] {
            let functions = format!("def forwards(apps, schema_editor):\n    {body}");
            assert_eq!(with(&functions, RUN).warnings(), [FILES], "{body}");
        }
    }

    /// What is said of a function with these lines.
    fn said(lines: &str) -> Vec<String> {
        let body = lines.replace('\n', "\n    ");
        let functions = format!(
            "SQL = 'DROP TABLE labels'\n\n\ndef forwards(apps, schema_editor):\n    {body}"
        );
        with(&functions, RUN).all()
    }

    #[test]
    fn sql_in_a_function_is_judged_like_that_of_run_sql() {
        for (lines, rule) in [
            (
                "schema_editor.execute('ALTER TABLE shop_order DROP COLUMN note')",
                "drop-column",
            ),
            (
                "schema_editor.connection.cursor().execute('DROP TABLE ' + 'labels')",
                "drop-table",
            ),
            (
                "with connection.cursor() as c:\n    c.execute('DROP TABLE labels')",
                "drop-table",
            ),
            (
                "c = schema_editor.connection.cursor()\nsql = 'DROP TABLE labels'\nc.execute(sql)",
                "drop-table",
            ),
            ("schema_editor.execute(SQL)", "drop-table"),
            (
                "cursor.execute('UPDATE shop_order SET number = %s', ['a'])",
                "sql-without-where",
            ),
            (
                "schema_editor.execute('CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON shop_order (number)')",
                "concurrently-in-transaction",
            ),
            (
                "if schema_editor.connection.vendor == 'postgresql':\n    schema_editor.execute(sql=SQL)",
                "drop-table",
            ),
        ] {
            assert_eq!(said(lines), [rule], "{lines}");
        }
        let helper = "def forwards(apps, schema_editor):\n    work(schema_editor)\n\n\ndef work(editor):\n    editor.execute('DROP TABLE labels')";
        assert_eq!(with(helper, RUN).all(), ["drop-table"]);
        let lambda = "migrations.RunPython(lambda apps, e: e.execute('DROP TABLE labels'), migrations.RunPython.noop),";
        assert_eq!(Case::new().adds(lambda).all(), ["drop-table"]);
    }

    #[test]
    fn what_a_function_computes_or_changes_by_itself_is_said() {
        for lines in [
            "schema_editor.remove_field(Order, field)",
            "schema_editor.delete_model(apps.get_model('shop', 'Order'))",
            "with connection.schema_editor() as e:\n    e.delete_model(Order)",
            "schema_editor.execute(f'DROP TABLE {name}')",
            "with connection.cursor() as c:\n    c.execute('DROP TABLE %s' % name)",
            "sql = 'DROP TABLE labels'\nsql += name\nschema_editor.execute(sql)",
            "for sql in make():\n    schema_editor.execute(sql)",
        ] {
            assert_eq!(said(lines), ["migration-not-analysed"], "{lines}");
        }
    }

    #[test]
    fn code_that_reads_and_code_for_other_databases_is_fine() {
        for lines in [
            "cursor.execute('SELECT 1')",
            "cursor.execute(f'SELECT setval({name}, 1)')",
            "executor.execute('DROP TABLE labels')",
            "schema_editor.quote_name('labels')",
            "if connection.vendor == 'mysql':\n    cursor.execute('ALTER TABLE `labels` ENGINE=InnoDB')",
            "if connection.vendor == 'postgresql':\n    pass\nelse:\n    cursor.execute('PRAGMA a')",
            "if connection.vendor != 'sqlite':\n    return\ncursor.execute('PRAGMA a')\nschema_editor.remove_field(a, b)",
        ] {
            assert!(said(lines).is_empty(), "{lines}: {:?}", said(lines));
        }
        // The way back is not judged, as that of RunSQL is not.
        let back = "def back(apps, schema_editor):\n    schema_editor.execute('DROP TABLE labels')";
        let run = "migrations.RunPython(migrations.RunPython.noop, back),";
        assert!(with(back, run).all().is_empty());
    }

    #[test]
    fn a_function_that_makes_the_function_is_followed() {
        let functions = "def fill(name):\n    def inner(apps, schema_editor):\n        apps.get_model('shop', name).objects.update(count=1)\n    return inner";
        assert_eq!(
            with(
                functions,
                "migrations.RunPython(fill('Order'), migrations.RunPython.noop),"
            )
            .warnings(),
            [UNBATCHED]
        );
        let made = "migrations.RunPython(partial(print, 1), migrations.RunPython.noop),";
        assert_eq!(
            Case::new().adds(made).warnings(),
            ["migration-not-analysed"]
        );
    }

    #[test]
    fn a_function_of_another_file_is_followed() {
        let text = migration_text("0001_initial", RUN, "").replace(
            "import uuid",
            "import uuid\nfrom shop.moves import forwards",
        );
        let moves = "def forwards(apps, schema_editor):\n    apps.get_model('shop', 'Order').objects.update(count=1)\n";
        let case = Case::new()
            .file("shop/moves.py", moves)
            .file("shop/migrations/0002_data.py", text.clone());
        assert_eq!(case.warnings(), [UNBATCHED]);
        assert_eq!(
            case.review().findings[0].location.as_ref().unwrap().path,
            "shop/migrations/0002_data.py"
        );
        let gone = Case::new().file("shop/migrations/0002_data.py", text);
        assert_eq!(gone.warnings(), ["migration-not-analysed"]);
    }
}
