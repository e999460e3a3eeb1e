//! Other ways to write the same migration.

use super::with;

const UNSEEN: &str = "migration-not-analysed";

#[test]
fn other_spellings_mean_the_same() {
    for (what, change) in [
        (
            "a constant of the module",
            Box::new(|text: String| {
                text.replace(
                    "    operations = [\n        migrations.RemoveField('order', 'note'),\n    ]",
                    "    operations = OPERATIONS",
                )
                .replace(
                    "class Migration",
                    "OPERATIONS = [migrations.RemoveField('order', 'note')]\n\n\nclass Migration",
                )
            }) as Box<dyn Fn(String) -> String>,
        ),
        (
            "a sum of lists",
            Box::new(|text: String| text.replace("operations = [", "operations = [] + [")),
        ),
        (
            "a condition inside of the class",
            Box::new(|text: String| {
                text.replace("    operations = [\n        migrations.RemoveField('order', 'note'),\n    ]", "    if uuid:\n        operations = [migrations.RemoveField('order', 'note')]\n    else:\n        operations = []")
            }),
        ),
        (
            "an addition under a condition",
            Box::new(|text: String| {
                text.replace("    operations = [\n        migrations.RemoveField('order', 'note'),\n    ]", "    operations = []\n    if uuid:\n        operations += [migrations.RemoveField('order', 'note')]")
            }),
        ),
        (
            "another name",
            Box::new(|text: String| {
                text.replace(
                    "from django.db import migrations, models",
                    "from django.db import migrations as m, models",
                )
                .replace("migrations.RemoveField", "m.RemoveField")
                .replace("(migrations.Migration)", "(m.Migration)")
            }),
        ),
        (
            "the whole path",
            Box::new(|text: String| {
                text.replace("import uuid", "import uuid\nimport django.db.migrations")
                    .replace("migrations.RemoveField", "django.db.migrations.RemoveField")
            }),
        ),
        (
            "the bare name",
            Box::new(|text: String| {
                text.replace(
                    "import uuid",
                    "import uuid\nfrom django.db.migrations import RemoveField",
                )
                .replace("migrations.RemoveField", "RemoveField")
            }),
        ),
        (
            "a star import of Django",
            Box::new(|text: String| {
                text.replace("import uuid", "from django.db.migrations import *")
                    .replace("migrations.RemoveField", "RemoveField")
            }),
        ),
        (
            "carriage returns and a byte order mark",
            Box::new(|text: String| format!("\u{feff}{}", text.replace('\n', "\r\n"))),
        ),
        (
            "a subclass in the same file",
            Box::new(|text: String| {
                text.replace("class Migration", "class Drop(migrations.RemoveField):\n    reduces_to_sql = True\n\n\nclass Migration").replace("migrations.RemoveField('", "Drop('")
            }),
        ),
    ] {
        let case = with(change);
        assert_eq!(
            case.errors(),
            ["drop-column"],
            "{what}: {:?}",
            case.review()
        );
        assert!(case.review().not_analysed.is_empty(), "{what}");
    }
}

#[test]
fn a_subclass_in_another_file_of_the_tree_is_followed() {
    let case = with(|text| {
        text.replace("import uuid", "from ..drops import Drop")
            .replace("migrations.RemoveField", "Drop")
    });
    assert_eq!(case.warnings(), [UNSEEN]);
    let case = case.file(
        "shop/drops.py",
        "from django.db.migrations import RemoveField\n\n\nclass Drop(RemoveField):\n    pass\n",
    );
    assert_eq!(case.errors(), ["drop-column"]);
}
