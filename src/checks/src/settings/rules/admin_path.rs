//! `settings-admin-path`: the admin site is where everyone looks for it.

use crate::python::{self, Lines, Span, Statement, Value, ValueKind};
use crate::report::{Said, place, say};
use crate::{Group, Rule, Scope};
use beanpole_model::{Finding, Severity};

pub(super) const RULE: Rule = Rule {
    id: "settings-admin-path",
    group: Group::Settings,
    severity: Severity::Warning,
    summary: "the admin site is at /admin/",
};

/// Judges the changed `urls.py` files: which of them production uses does not matter, since they are included by each other.
pub(super) fn check(scope: &Scope) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (change, bytes) in scope.changed_files() {
        if !is_urls(&change.path) {
            continue;
        }
        let Ok(script) = python::script(bytes) else {
            continue;
        };
        let mut found = Vec::new();
        walk(&script, &mut found);
        let lines = Lines::new(bytes);
        findings.extend(
            found
                .into_iter()
                .map(|span| lines.position(bytes, span.start))
                .filter(|(line, _)| change.lines.contains(*line))
                .map(|at| {
                    say(&RULE, Some(place(&change.path, at)), Said {
                        message: "the admin site is at /admin/".to_owned(),
                        reason: "robots try passwords there all day; one weak password of a member of staff is enough",
                        remedy: "give it a path that cannot be guessed: `path(os.environ[\"ADMIN_PATH\"], admin.site.urls)`".to_owned(),
                    })
                }),
        );
    }
    findings
}

fn is_urls(path: &str) -> bool {
    (path == "urls.py" || path.ends_with("/urls.py"))
        && !path
            .split('/')
            .any(|part| matches!(part, "tests" | "test" | "examples"))
}

fn walk(statements: &[Statement], found: &mut Vec<Span>) {
    for statement in statements {
        match statement {
            Statement::Assign(assign) => routes(&assign.value, found),
            Statement::If(branches) => branches.iter().for_each(|branch| walk(&branch.body, found)),
            Statement::Try(body, others) => {
                walk(body, found);
                others.iter().for_each(|other| walk(other, found));
            }
            _ => {}
        }
    }
}

/// `path("admin/", admin.site.urls)` anywhere in lists, `+` and `i18n_patterns(…)`. Values are bounded in depth where they are read.
fn routes(value: &Value, found: &mut Vec<Span>) {
    match &value.kind {
        ValueKind::List(items) => items.iter().for_each(|item| routes(item, found)),
        ValueKind::Add(left, right) => {
            routes(left, found);
            routes(right, found);
        }
        ValueKind::Starred(inner) => routes(inner, found),
        ValueKind::Call(callee, args, _) => {
            let is_route = callee
                .as_name()
                .and_then(|name| name.rsplit('.').next())
                .is_some_and(|name| matches!(name, "path" | "re_path" | "url"));
            match args.as_slice() {
                [route, view, ..] if is_route => {
                    if route.as_str().is_some_and(is_default) && is_admin_site(view) {
                        found.push(value.span);
                    }
                }
                args => args.iter().for_each(|arg| routes(arg, found)),
            }
        }
        _ => {}
    }
}

fn is_default(route: &str) -> bool {
    matches!(
        route
            .trim_start_matches('^')
            .trim_end_matches('$')
            .trim_matches('/'),
        "admin" | "django-admin"
    )
}

/// `admin.site.urls`, or the `urls` of a site of the project's own; `include(admin.site.urls)` as it was once written.
fn is_admin_site(view: &Value) -> bool {
    match &view.kind {
        ValueKind::Name(name) => name.ends_with("site.urls"),
        ValueKind::Call(_, args, _) => args.first().is_some_and(|first| {
            first
                .as_name()
                .is_some_and(|name| name.ends_with("site.urls"))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{RULE, check};
    use crate::{ChangedLines, Scope};

    fn places(text: &str, lines: Option<Vec<(u32, u32)>>) -> Vec<(u32, u32)> {
        let mut scope = Scope::all([("config/urls.py", text)].into_iter().collect());
        if let Some(lines) = lines {
            scope.changes[0].lines = ChangedLines::Only(lines);
        }
        check(&scope)
            .into_iter()
            .map(|finding| {
                assert_eq!(finding.rule, RULE.id);
                let location = finding.location.unwrap();
                (location.line.unwrap(), location.column.unwrap())
            })
            .collect()
    }

    const URLS: &str =
        "urlpatterns = [\n    path('', home),\n    path(\"admin/\", admin.site.urls),\n]\n";

    #[test]
    fn the_default_path_is_said() {
        assert_eq!(places(URLS, None), [(3, 5)]);
        assert_eq!(
            places(
                "urlpatterns = i18n_patterns(re_path(r'^admin/', admin.site.urls))\n",
                None
            )
            .len(),
            1
        );
        assert_eq!(
            places(
                "urlpatterns = []\nurlpatterns += [path('admin/', my_site.urls)]\n",
                None
            )
            .len(),
            1
        );
    }

    #[test]
    fn other_paths_and_unchanged_lines_are_let_be() {
        assert!(places(&URLS.replace("admin/", "k7x-office/"), None).is_empty());
        assert!(places(&URLS.replace("\"admin/\"", "os.environ['A']"), None).is_empty());
        assert!(places(&URLS.replace("admin.site.urls", "views.admin"), None).is_empty());
        assert!(places(URLS, Some(vec![(2, 2)])).is_empty());
    }
}
