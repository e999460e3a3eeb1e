//! What cannot be read is said.

use super::with;

const UNSEEN: &str = "migration-not-analysed";

#[test]
fn what_cannot_be_seen_is_said() {
    for (what, change) in [
        (
            "a loop",
            Box::new(|text: String| {
                text.replace("    operations = [\n", "    operations = []\n    for name in ('note',):\n        operations += [migrations.RemoveField('order', name)]\n    unused = [\n")
            }) as Box<dyn Fn(String) -> String>,
        ),
        (
            "a comprehension",
            Box::new(|text: String| {
                text.replace(
                    "migrations.RemoveField('order', 'note'),",
                    "migrations.RemoveField('order', name) for name in ('note',)",
                )
            }),
        ),
        (
            "an append",
            Box::new(|text: String| {
                format!("{text}    operations.append(migrations.RemoveField('order', 'number'))\n")
            }),
        ),
        (
            "a helper",
            Box::new(|text: String| {
                text.replace(
                    "migrations.RemoveField('order', 'note'),",
                    "drop('order', 'note'),",
                )
            }),
        ),
        (
            "a helper for all",
            Box::new(|text: String| text.replace("operations = [", "operations = drops() + [")),
        ),
        (
            "a package's operation",
            Box::new(|text: String| {
                text.replace("import uuid", "import safe_ops")
                    .replace("migrations.RemoveField", "safe_ops.Remove")
            }),
        ),
        (
            "a mapping of arguments",
            Box::new(|text: String| {
                text.replace(
                    "'order', 'note'",
                    "**{'model_name': 'order', 'name': 'note'}",
                )
            }),
        ),
        (
            "a computed argument",
            Box::new(|text: String| text.replace("'note'", "f'no{1}te'")),
        ),
        (
            "a star import",
            Box::new(|text: String| {
                text.replace("import uuid", "from unknown import *")
                    .replace("migrations.RemoveField", "Drop")
            }),
        ),
        (
            "an operation with its own effect",
            Box::new(|text: String| {
                text.replace("class Migration", "class Drop(migrations.RemoveField):\n    def database_forwards(self, *args):\n        pass\n\n\nclass Migration").replace("migrations.RemoveField('", "Drop('")
            }),
        ),
        (
            "a constructor",
            Box::new(|text: String| {
                format!(
                    "{text}\n    def __init__(self, *args):\n        super().__init__(*args)\n        self.operations = []\n"
                )
            }),
        ),
        (
            "an override of what applies it",
            Box::new(|text: String| {
                format!("{text}\n    def apply(self, *args, **kwargs):\n        drop_all()\n")
            }),
        ),
        (
            "a statement behind the class",
            Box::new(|text: String| format!("{text}\nMigration.operations.append(drop())\n")),
        ),
        (
            "a decorator",
            Box::new(|text: String| text.replace("class Migration", "@more\nclass Migration")),
        ),
        (
            "not Python",
            Box::new(|text: String| text.replace("operations = [", "operations = [[")),
        ),
        (
            "no class",
            Box::new(|text: String| text.replace("class Migration", "class Immigration")),
        ),
        (
            "bytes of another encoding",
            Box::new(|text: String| text.replace("import uuid", "\u{0}")),
        ),
    ] {
        let case = with(change);
        let review = case.review();
        assert!(
            case.warnings().contains(&UNSEEN.to_owned()),
            "{what}: {review:?}"
        );
        assert!(!review.not_analysed.is_empty(), "{what}");
    }
}

#[test]
fn base_classes_that_never_end_are_said() {
    let case = with(|text| {
        text.replace(
            "class Migration",
            "class A(B):\n    pass\n\n\nclass B(A):\n    pass\n\n\nclass Migration",
        )
        .replace("migrations.RemoveField", "A")
    });
    assert_eq!(case.warnings(), [UNSEEN]);
}
