//! `tests/test_project/app_*`: migrations of Django.

use super::{migration, model, verdict, verdict_with};

const NONE: [&str; 0] = [];

/// `app_add_not_null_column`: an error there and here.
#[test]
fn a_column_with_a_default_of_python() {
    let found = verdict(
        &[],
        "migrations.AddField('a', 'new_not_null_field', models.IntegerField(default=1), preserve_default=False)",
    );
    assert_eq!(found, ["required-column"]);
}

/// `app_add_not_null_column_followed_by_db_default`: fine there and here.
#[test]
fn a_column_with_a_default_of_the_database() {
    let found = verdict_with(
        &[],
        "import django.db.models.functions.math",
        "migrations.AddField('a', 'b', models.IntegerField(db_default=django.db.models.functions.math.Pi()))",
    );
    assert_eq!(found, NONE);
}

/// `app_add_not_null_column_followed_by_default`: fine there, since the SQL sets the default again. Here the package that does
/// so is not in the project and is not judged: that is said, and `db_default` is what Django itself has for it.
#[test]
fn a_column_whose_default_a_package_sets() {
    let found = verdict_with(
        &[],
        "from django_add_default_value import AddDefaultValue",
        "migrations.AddField('a', 'not_null_field', models.IntegerField(default=1)), AddDefaultValue(model_name='a', name='not_null_field', value=1)",
    );
    assert_eq!(found, ["required-column", "migration-not-analysed"]);
}

/// `app_add_not_null_column_with_null_db_default`: an error there; `DEFAULT NULL` gives no value to a column that takes no NULL.
#[test]
fn a_column_whose_default_is_null() {
    let found = verdict(
        &[],
        "migrations.AddField('a', 'b', models.IntegerField(db_default=None, default=None, null=False))",
    );
    assert_eq!(found, ["required-column"]);
}

/// `app_make_not_null_with_django_default` and `…_lib_default`: the first is an error there, the second fine. Here both are errors:
/// the serving code's model may write NULL itself, which no default keeps out.
#[test]
fn a_column_that_takes_no_null_any_more() {
    let before = [("col", "models.CharField(max_length=10, null=True)")];
    let alter =
        "migrations.AlterField('a', 'col', models.CharField(default='empty', max_length=10))";
    assert_eq!(verdict(&before, alter), ["set-not-null"]);
    let both = format!("{alter}, AddDefaultValue(model_name='a', name='col', value='empty')");
    let found = verdict_with(
        &before,
        "from django_add_default_value import AddDefaultValue",
        &both,
    );
    assert_eq!(found, ["set-not-null", "migration-not-analysed"]);
}

/// `app_alter_column`: an error there and here.
#[test]
fn a_column_of_another_type() {
    let before = [("field", "models.IntegerField(null=True)")];
    let found = verdict(
        &before,
        "migrations.AlterField('a', 'field', models.CharField(max_length=10, null=True))",
    );
    assert_eq!(found, ["change-column-type"]);
}

/// `app_alter_column_drop_not_null`: fine there and here.
#[test]
fn a_column_that_may_be_null_now() {
    let before = [("not_null_field", "models.IntegerField()")];
    let found = verdict(
        &before,
        "migrations.AlterField('a', 'not_null_field', models.IntegerField(null=True))",
    );
    assert_eq!(found, NONE);
}

/// `app_correct`: fine there and here.
#[test]
fn a_column_that_takes_null() {
    assert_eq!(
        verdict(
            &[],
            "migrations.AddField('a', 'new_null_field', models.IntegerField(null=True))"
        ),
        NONE
    );
}

/// `app_drop_column`, `app_drop_table`, `app_rename_column`, `app_rename_table`: errors there and here.
#[test]
fn what_goes_and_what_gets_another_name() {
    let before = [
        ("field_a", "models.CharField(max_length=10)"),
        ("field_b", "models.IntegerField()"),
    ];
    for (operation, rule) in [
        (
            "migrations.RemoveField(model_name='a', name='field_b')",
            "drop-column",
        ),
        ("migrations.DeleteModel(name='A')", "drop-table"),
        (
            "migrations.RenameField(model_name='a', old_name='field_a', new_name='renamed')",
            "rename-column",
        ),
        (
            "migrations.RenameModel(old_name='A', new_name='B')",
            "rename-table",
        ),
    ] {
        assert_eq!(verdict(&before, operation), [rule], "{operation}");
    }
}

/// `app_unique_together`: to add it is an error there and a warning here (it fails or it does not; no data goes), to remove it is
/// fine in both.
#[test]
fn rows_that_must_differ() {
    let before = [
        ("int_field", "models.IntegerField()"),
        ("char_field", "models.CharField(max_length=255)"),
    ];
    let add =
        "migrations.AlterUniqueTogether(name='a', unique_together={('int_field', 'char_field')})";
    assert_eq!(verdict(&before, add), ["unique-on-existing-data"]);
    let case = model(&before);
    let added = migration(Some("0001_initial"), "", add);
    let removed = migration(
        Some("0002_change"),
        "",
        "migrations.AlterUniqueTogether(name='a', unique_together=set())",
    );
    let mut released = case.file("app/migrations/0002_change.py", added.clone());
    released.base.insert("app/migrations/0002_change.py", added);
    assert_eq!(
        released
            .file("app/migrations/0003_remove.py", removed)
            .all(),
        NONE
    );
}

/// `app_add_manytomany_field`: fine there but for a warning about indexes of the new table; nothing here.
#[test]
fn a_table_between_two_models() {
    let operations = "migrations.CreateModel('B', [('id', models.AutoField(primary_key=True))]), migrations.AddField('b', 'many_to_many', models.ManyToManyField(to='app.A'))";
    assert_eq!(verdict(&[], operations), NONE);
}

/// `app_create_index_exclusive`: the warning CREATE_INDEX_EXCLUSIVE there; here the warning and the note of the index.
#[test]
fn an_index_on_a_new_column() {
    let found = verdict(
        &[("name", "models.TextField()")],
        "migrations.AddField('a', 'email', models.EmailField(db_index=True, max_length=254, null=True))",
    );
    assert_eq!(found, ["slow-under-lock", "index-locks-writes"]);
}

/// `app_create_table_with_not_null_column`: fine there and here.
#[test]
fn a_new_table() {
    let operations = "migrations.CreateModel('B', [('id', models.AutoField(primary_key=True)), ('field', models.CharField(max_length=150))])";
    assert_eq!(verdict(&[], operations), NONE);
}

/// `app_data_migrations/0002`: RUNPYTHON_REVERSIBLE there, the same here as a note.
#[test]
fn a_data_migration_without_a_way_back() {
    let code = "\n\ndef update_things(apps, schema_editor):\n    pass\n";
    assert_eq!(
        verdict_with(&[], code, "migrations.RunPython(update_things)"),
        ["runpython-without-reverse"]
    );
}

/// `app_data_migrations/0003`: RUNPYTHON_ARGS_NAMING_CONVENTION there. What parameters are called changes nothing: silent here.
#[test]
fn parameters_may_have_any_name() {
    let code = "\n\ndef backward_weirdly_named(david, test):\n    pass\n\n\ndef forward_weird_name(arg1, arg2):\n    pass\n";
    assert_eq!(
        verdict_with(
            &[],
            code,
            "migrations.RunPython(forward_weird_name, backward_weirdly_named)"
        ),
        NONE
    );
}

/// `app_data_migrations/0004`: passed over there; said here, since a function made by another one is not read.
#[test]
fn a_partial_function_is_said() {
    let code = "import functools\n\n\ndef forward_op(const, arg1, arg2):\n    pass\n";
    let found = verdict_with(
        &[],
        code,
        "migrations.RunPython(functools.partial(forward_op, 'constant'), functools.partial(forward_op, 'constant'))",
    );
    assert_eq!(found, ["migration-not-analysed"]);
}

/// `app_ignore_migration`: silent there as a whole. Here a finding is ignored where it stands, with a reason, so the mark changes nothing.
#[test]
fn a_mark_that_ignores_all_is_not_followed() {
    let found = verdict_with(
        &[],
        "import django_migration_linter as linter",
        "linter.IgnoreMigration(), migrations.AddField('a', 'b', models.IntegerField(default=1))",
    );
    assert!(found.contains(&"required-column".to_owned()), "{found:?}");
}
