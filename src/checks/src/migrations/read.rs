//! A parsed file to a [`Migration`].

use super::MigrationId;
use super::migration::{CannotSee, Dependency, Hidden, Migration};
use super::modules::Modules;
use super::names::{Meaning, Names};
use super::operation::Operation;
use super::read_operation::OperationReader;
use crate::python::{Class, Expr, ExprKind, Module, Span};
use std::sync::Arc;

/// How deep lists of lists of operations are followed.
const DEEPEST_LIST: u32 = 16;

/// Reads the class `Migration` of a file. `None` if there is none.
pub(crate) fn migration(
    id: MigrationId,
    module: &Arc<Module>,
    modules: &Modules<'_>,
) -> Option<Migration> {
    let classes: Vec<&Class> = module
        .body
        .classes
        .iter()
        .filter(|class| class.name == "Migration")
        .collect();
    let class = *classes.last()?;
    let path = id.path.clone();
    let names = Names {
        path: &path,
        module,
        class: Some(&class.body),
        modules,
    };
    let mut reader = Reader {
        names: &names,
        unseen: Vec::new(),
        unseen_graph: false,
    };
    if classes.len() > 1 {
        reader.unseen.push(CannotSee {
            why: "the file has more than one class Migration".to_owned(),
            span: class.span,
            what: Hidden::File,
        });
    }
    let inherited = reader.inherited(class);
    reader.own_ways(class, module);
    let operations = reader.operations(class);
    let dependencies = reader.edges(class, "dependencies");
    let run_before = nodes(reader.edges(class, "run_before"));
    let replaces = nodes(reader.edges(class, "replaces"));
    let atomic = reader.atomic(class).or(inherited).unwrap_or(true);
    Some(Migration {
        id,
        dependencies,
        run_before,
        replaces,
        atomic,
        after_deploy: is_after_deploy(class),
        operations,
        unseen: reader.unseen,
        unseen_graph: reader.unseen_graph,
        span: class.span,
    })
}

fn nodes(edges: Vec<Dependency>) -> Vec<(String, String)> {
    edges
        .into_iter()
        .filter_map(|edge| match edge {
            Dependency::Node(key) => Some(key),
            _ => None,
        })
        .collect()
}

struct Reader<'n> {
    names: &'n Names<'n>,
    unseen: Vec<CannotSee>,
    unseen_graph: bool,
}

impl Reader<'_> {
    fn cannot_see(&mut self, why: impl Into<String>, span: Span) {
        self.unseen.push(CannotSee {
            why: why.into(),
            span,
            what: Hidden::Operations,
        });
    }

    /// What a base class of the project says of `atomic`. Says so if the base cannot be seen and could bring operations.
    fn inherited(&mut self, class: &Class) -> Option<bool> {
        let mut atomic = None;
        for base in &class.bases {
            let Some(name) = base.as_name() else {
                self.cannot_see("its base class is computed", base.span);
                continue;
            };
            match self.names.meaning(name) {
                Meaning::Django(_) => {}
                Meaning::Class(_, _, found) => {
                    atomic = attribute(&found, "atomic").and_then(Expr::as_bool);
                    if found.body.assignments_to("operations").next().is_some()
                        && class.body.assignments_to("operations").next().is_none()
                    {
                        self.cannot_see(
                            format!("its operations come from the base class {name}"),
                            base.span,
                        );
                    }
                }
                Meaning::Unknown(path) => {
                    if class.body.assignments_to("operations").next().is_none() {
                        self.cannot_see(
                            format!("its base class {path} is in none of the project's files"),
                            base.span,
                        );
                    }
                }
            }
        }
        atomic
    }

    /// Operations that are not in the list of the class: methods that Django calls in their place, decorators, and statements
    /// behind the class.
    fn own_ways(&mut self, class: &Class, module: &Module) {
        for method in ["__init__", "apply", "unapply", "mutate_state"] {
            if class.body.functions.contains_key(method) {
                self.cannot_see(format!("its method `{method}` may do anything"), class.span);
            }
        }
        if class.is_decorated {
            self.cannot_see("a decorator may change its operations", class.span);
        }
        for (touched, span) in &module.body.effects {
            if touched == "Migration" {
                self.cannot_see("a statement behind the class changes it", *span);
            }
        }
    }

    fn atomic(&mut self, class: &Class) -> Option<bool> {
        let value = self.names.literal(attribute(class, "atomic")?).clone();
        let known = value.as_bool();
        if known.is_none() {
            self.cannot_see("`atomic` is computed", value.span);
        }
        known
    }

    fn operations(&mut self, class: &Class) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (touched, span) in &class.body.effects {
            if touched == "operations" || touched.is_empty() {
                self.cannot_see("a statement changes the list of operations", *span);
            }
        }
        for assignment in class.body.assignments_to("operations") {
            if assignment.looped {
                self.cannot_see("a loop builds operations", assignment.span);
                continue;
            }
            if !assignment.adds && !assignment.conditional {
                operations.clear();
            }
            self.list(&assignment.value, &mut operations, 0);
        }
        operations
    }

    fn list(&mut self, expr: &Expr, into: &mut Vec<Operation>, depth: u32) {
        if depth > DEEPEST_LIST {
            self.cannot_see("the list of operations nests too deeply", expr.span);
            return;
        }
        match &expr.kind {
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    match &item.kind {
                        ExprKind::Starred(inner) => self.list(inner, into, depth + 1),
                        _ => self.operation(item, into),
                    }
                }
            }
            ExprKind::Add(left, right) | ExprKind::Either(left, right) => {
                self.list(left, into, depth + 1);
                self.list(right, into, depth + 1);
            }
            // `operations = operations + […]`: what was there is kept by the caller.
            ExprKind::Name(name) if name == "operations" => {}
            ExprKind::Name(name) => match self.names.constant(name) {
                Some(value) => {
                    let value = value.clone();
                    self.list(&value, into, depth + 1);
                }
                None => self.cannot_see(
                    format!("the operations in `{name}` are built elsewhere"),
                    expr.span,
                ),
            },
            ExprKind::Call(call)
                if matches!(call.callee.as_name(), Some("list" | "tuple"))
                    && call.args.len() == 1 =>
            {
                for arg in &call.args {
                    self.list(arg, into, depth + 1);
                }
            }
            ExprKind::Call(_) => {
                self.cannot_see("a function makes the operations", expr.span);
            }
            ExprKind::Opaque(why) => {
                self.cannot_see(
                    format!("the list of operations is not plain: {why}"),
                    expr.span,
                );
            }
            _ => self.cannot_see("the operations are not a list", expr.span),
        }
    }

    fn operation(&mut self, item: &Expr, into: &mut Vec<Operation>) {
        let mut reader = OperationReader {
            names: self.names,
            unseen: &mut self.unseen,
        };
        into.extend(reader.read(item, 0));
    }

    fn edges(&mut self, class: &Class, name: &str) -> Vec<Dependency> {
        let mut edges = Vec::new();
        for (touched, span) in &class.body.effects {
            if touched == name {
                self.unseen_graph = true;
                self.unseen.push(CannotSee {
                    why: format!("a statement changes `{name}`"),
                    span: *span,
                    what: Hidden::File,
                });
            }
        }
        let assignments: Vec<_> = class.body.assignments_to(name).cloned().collect();
        for assignment in assignments {
            self.edge_list(&assignment.value, &mut edges, name, 0);
        }
        edges
    }

    fn edge_list(&mut self, expr: &Expr, into: &mut Vec<Dependency>, name: &str, depth: u32) {
        let mut refused = None;
        match &expr.kind {
            _ if depth > DEEPEST_LIST => refused = Some(expr.span),
            ExprKind::List(items) | ExprKind::Tuple(items) => {
                for item in items {
                    match (&item.kind, edge(item, self.names)) {
                        (_, Some(edge)) => into.push(edge),
                        (ExprKind::Starred(inner), None) => {
                            self.edge_list(inner, into, name, depth + 1);
                        }
                        _ => refused = Some(item.span),
                    }
                }
            }
            ExprKind::Add(left, right) | ExprKind::Either(left, right) => {
                self.edge_list(left, into, name, depth + 1);
                self.edge_list(right, into, name, depth + 1);
            }
            ExprKind::Name(constant) if constant == name => {}
            ExprKind::Name(constant) => match self.names.constant(constant).cloned() {
                Some(value) => self.edge_list(&value, into, name, depth + 1),
                None => refused = Some(expr.span),
            },
            _ => refused = Some(expr.span),
        }
        if let Some(span) = refused {
            self.unseen_graph = true;
            self.unseen.push(CannotSee {
                why: format!("an entry of `{name}` is computed"),
                span,
                what: Hidden::File,
            });
        }
    }
}

/// The markers that projects use for migrations that wait for the new code.
fn is_after_deploy(class: &Class) -> bool {
    let marked = |value: &Expr| {
        let name = value
            .as_call()
            .map_or(value, |call| &call.callee)
            .as_name()
            .unwrap_or_default();
        name.ends_with("after_deploy")
    };
    attribute(class, "safe").is_some_and(marked)
        || attribute(class, "is_post_deployment").and_then(Expr::as_bool) == Some(true)
}

fn attribute<'c>(class: &'c Class, name: &str) -> Option<&'c Expr> {
    class
        .body
        .assignments
        .iter()
        .rev()
        .find(|assignment| assignment.name == name)
        .map(|assignment| &assignment.value)
}

fn edge(expr: &Expr, names: &Names<'_>) -> Option<Dependency> {
    if let Some([app, name]) = expr.elements() {
        let app = names.literal(app).as_str()?.to_owned();
        return Some(match names.literal(name).as_str()? {
            "__first__" => Dependency::First(app),
            "__latest__" => Dependency::Latest(app),
            name => Dependency::Node((app, name.to_owned())),
        });
    }
    let call = expr.as_call()?;
    if !call.callee.as_name()?.ends_with("swappable_dependency") {
        return None;
    }
    let setting = call.args.first()?;
    match (setting.as_name(), setting.as_str()) {
        (Some(name), _) => Some(Dependency::Swappable(
            name.rsplit('.').next().unwrap_or(name).to_owned(),
        )),
        (None, Some(model)) => {
            let (app, _) = model.split_once('.')?;
            Some(Dependency::First(app.to_owned()))
        }
        (None, None) => None,
    }
}
