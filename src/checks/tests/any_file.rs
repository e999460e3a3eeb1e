//! No Python file may panic, hang or overflow the stack of the checks of files and test names.

use beanpole_checks::{Scope, SourceTree, files, test_names};

fn judge(text: &str) {
    let tree: SourceTree = [("shop/tests/basket.py", text), ("manage.py", "test = 1")]
        .into_iter()
        .collect();
    let scope = Scope::all(tree);
    let _ = files::check(&scope, &files::Settings::default());
    let _ = test_names::check(&scope, &test_names::Settings::default());
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("{1: ", "}"),
        ("f(", ")"),
        ("-", ""),
        ("not ", ""),
        ("a.", ""),
        ("a+", ""),
        ("a if b else ", ""),
        ("lambda: ", ""),
        ("a[", "]"),
        ("f'{", "}'"),
        ("await ", ""),
        ("(yield ", ")"),
        ("a<", ""),
        ("a and ", ""),
        ("@", ""),
        ("x = ", ""),
    ] {
        // The deepest that is parsed without a look, and one that is refused.
        for repeat in [14_000 / (open.len() + close.len()), 300_000] {
            judge(&format!(
                "test = {}a{}\n",
                open.repeat(repeat),
                close.repeat(repeat)
            ));
        }
    }
    let blocks: String = (0..400)
        .map(|depth| format!("{}if test:\n", " ".repeat(depth)))
        .collect();
    judge(&format!("{blocks}{}pass\n", " ".repeat(401)));
    judge(&format!("test = a{}\n", "()".repeat(7_000)));
    judge(&"class TestA(TestCase):\n def test_a(self):\n  ".repeat(3_000));
    judge(&format!("if a: pass\n{}", "elif test: pass\n".repeat(900)));
}
