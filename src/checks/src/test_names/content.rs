//! The tests in a file, found in its syntax tree.

use super::pytest::Pytest;
use crate::python::{Class, Module, Span, decode, read};
use std::collections::BTreeSet;

/// A test class or function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) name: String,
    /// From its name to its last test.
    pub(super) from: u32,
    pub(super) to: u32,
}

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// Classes below `TestCase`, with test methods of their own.
    pub(super) cases: Vec<Test>,
    /// Other classes with test methods.
    classes: Vec<Test>,
    /// Functions of the module.
    functions: Vec<Test>,
    imports_pytest: bool,
}

impl Content {
    /// Reads a file on a deep stack. What is not Python holds no tests; another rule says so.
    pub(super) fn new(bytes: &[u8]) -> Option<Self> {
        // Most files hold no test, and this is faster than the parser.
        if !contains(bytes, b"test") {
            return None;
        }
        let text = decode(bytes).ok()?;
        let module = read(&text).ok()?;
        Some(Self::of(&module))
    }

    fn of(module: &Module) -> Self {
        let mut content = Self {
            imports_pytest: module
                .imports
                .values()
                .any(|import| import.module == "pytest" || import.module.starts_with("pytest_")),
            ..Self::default()
        };
        let mut known: BTreeSet<&str> = BTreeSet::new();
        for class in &module.body.classes {
            let is_case = class
                .bases
                .iter()
                .filter_map(|base| base.as_name())
                .any(|base| {
                    let last = base.rsplit('.').next().unwrap_or(base);
                    last.ends_with("TestCase") || known.contains(base)
                });
            if is_case {
                known.insert(&class.name);
            }
            let Some(test) = test_of(class) else { continue };
            if is_case {
                content.cases.push(test);
            } else {
                content.classes.push(test);
            }
        }
        content.functions = module
            .body
            .functions
            .iter()
            .map(|(name, facts)| test(name, facts.span, facts.span))
            .collect();
        content.functions.sort_by_key(|test| test.from);
        content
    }

    /// What pytest would run, if it looked into the file.
    pub(super) fn for_pytest(&self, path: &str, pytest: &Pytest) -> Vec<&Test> {
        // `def test_connection(…)` in `utils.py` is a helper, in a directory of tests it is a test.
        let is_place_of_tests = self.imports_pytest
            || path
                .split(['/', '_', '.'])
                .any(|part| matches!(part, "test" | "tests"));
        let plain = self
            .classes
            .iter()
            .filter(|test| pytest.collects_class(&test.name))
            .chain(
                self.functions
                    .iter()
                    .filter(|test| pytest.collects_function(&test.name)),
            );
        let mut tests: Vec<&Test> = self
            .cases
            .iter()
            .chain(plain.filter(|_| is_place_of_tests))
            .collect();
        tests.sort_by_key(|test| test.from);
        tests
    }

    /// What unittest would run.
    pub(super) fn for_unittest(&self) -> Vec<&Test> {
        self.cases.iter().collect()
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// The class, if it has test methods and is not meant to be inherited only.
fn test_of(class: &Class) -> Option<Test> {
    let name = class.name.as_str();
    let is_base = ["Base", "Abstract", "_"]
        .iter()
        .any(|start| name.starts_with(start))
        || ["Base", "Mixin", "Mixins"]
            .iter()
            .any(|end| name.ends_with(end));
    let last = class
        .body
        .functions
        .iter()
        .filter(|(name, _)| name.starts_with("test"))
        .map(|(_, facts)| facts.span)
        .max_by_key(|span| span.end)?;
    (!is_base).then(|| test(name, class.span, last))
}

fn test(name: &str, from: Span, to: Span) -> Test {
    Test {
        name: name.to_owned(),
        from: from.start,
        to: to.end.saturating_sub(1).max(from.start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, path: &str) -> (Vec<String>, Vec<String>) {
        let content = Content::new(text.as_bytes()).unwrap();
        let shown = |tests: Vec<&Test>| tests.into_iter().map(|test| test.name.clone()).collect();
        (
            shown(content.for_unittest()),
            shown(content.for_pytest(path, &Pytest::default_in(""))),
        )
    }

    #[test]
    fn cases_are_classes_below_test_case() {
        let text = "from django.test import TestCase\nimport rest_framework.test as r\n\
                    class A(TestCase):\n    def test_x(self): ...\n\
                    class B(A):\n    def test_y(self): ...\n\
                    class C(r.APITestCase):\n    async def test_z(self): ...\n\
                    class D(TestCase):\n    def helper(self): ...\n\
                    class BaseE(TestCase):\n    def test_x(self): ...\n\
                    class F(Form):\n    def test_func(self): ...\n";
        let cases = ["A", "B", "C"].map(str::to_owned).to_vec();
        assert_eq!(names(text, "shop/views.py"), (cases.clone(), cases));
    }

    #[test]
    fn functions_count_in_places_of_tests() {
        let text = "def test_x(): ...\nclass TestA:\n    def test_b(self): ...\ndef other(): ...\n";
        assert!(names(text, "shop/utils.py").1.is_empty());
        assert_eq!(names(text, "shop/tests/utils.py").1, ["test_x", "TestA"]);
        assert_eq!(
            names(&format!("import pytest\n{text}"), "shop/utils.py")
                .1
                .len(),
            2
        );
        assert!(names(text, "shop/tests/utils.py").0.is_empty());
    }

    #[test]
    fn what_is_not_python_holds_no_tests() {
        assert!(Content::new(b"def test(").is_none());
        assert!(Content::new(b"x = 1").is_none());
        assert!(Content::new(b"test\xff").is_none());
    }
}
