//! What the names of a file mean: imports, constants, classes; in the file itself and in other files of the tree.

use super::modules::Modules;
use crate::python::{Body, Class, Expr, ExprKind, Module};
use std::sync::Arc;

/// How many imports and base classes are followed.
const FARTHEST: u32 = 8;

/// The names of one file.
pub(crate) struct Names<'a> {
    pub(crate) path: &'a str,
    pub(crate) module: &'a Arc<Module>,
    /// The body of the migration class: its names come first.
    pub(crate) class: Option<&'a Body>,
    pub(crate) modules: &'a Modules<'a>,
}

/// What a dotted name leads to.
pub(crate) enum Meaning {
    /// A name of Django: the whole path.
    Django(String),
    /// A class of the tree, with the file it is in.
    Class(Arc<Module>, String, Box<Class>),
    /// Something in a package that is not in the tree, or nothing that we know.
    Unknown(String),
}

/// Methods by which a field names the type of its column itself.
const OWN_TYPE: [&str; 4] = [
    "db_type",
    "db_type_parameters",
    "db_parameters",
    "cast_db_type",
];

/// Fields of packages that are often used, with Django's class that they derive from.
const OF_PACKAGES: [(&str, &str); 9] = [
    ("mptt.fields.TreeForeignKey", "ForeignKey"),
    ("mptt.fields.TreeOneToOneField", "OneToOneField"),
    ("modelcluster.fields.ParentalKey", "ForeignKey"),
    ("wagtail.fields.RichTextField", "TextField"),
    ("wagtail.core.fields.RichTextField", "TextField"),
    ("ckeditor.fields.RichTextField", "TextField"),
    ("tinymce.models.HTMLField", "TextField"),
    ("model_utils.fields.AutoCreatedField", "DateTimeField"),
    ("model_utils.fields.AutoLastModifiedField", "DateTimeField"),
];

/// What a class says of the type of a field's column.
#[derive(PartialEq, Eq)]
enum ColumnClass {
    /// That of this class of Django.
    Known(String),
    /// It decides, in a way that we do not see.
    Hidden,
    /// It leaves that to the next class.
    Nothing,
}

impl ColumnClass {
    fn of_django(path: &str) -> Self {
        match path.rsplit('.').next() {
            // It has no type of its own.
            None | Some("Field") => Self::Hidden,
            Some(class) if class.ends_with("Mixin") => Self::Nothing,
            Some(class) => Self::Known(class.to_owned()),
        }
    }
}

/// Django's class that a field of a package derives from.
fn of_package(path: &str) -> Option<String> {
    let known = OF_PACKAGES.iter().find(|(known, _)| *known == path);
    known.map(|(_, class)| (*class).to_owned())
}

impl Names<'_> {
    /// The whole path of a dotted name: `migrations.AddField` is `django.db.migrations.AddField`.
    pub(crate) fn full_path(&self, dotted: &str) -> String {
        let (first, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
        let Some(import) = self.module.imports.get(first) else {
            return dotted.to_owned();
        };
        let mut path = ".".repeat(usize::try_from(import.level).unwrap_or_default());
        path.push_str(&import.module);
        for part in [import.name.as_deref().unwrap_or(""), rest] {
            if !part.is_empty() {
                if !path.is_empty() && !path.ends_with('.') {
                    path.push('.');
                }
                path.push_str(part);
            }
        }
        path
    }

    /// What a dotted name leads to.
    pub(crate) fn meaning(&self, dotted: &str) -> Meaning {
        self.meaning_within(dotted, FARTHEST)
    }

    fn meaning_within(&self, dotted: &str, left: u32) -> Meaning {
        let path = self.full_path(dotted);
        if path.starts_with("django.") {
            return Meaning::Django(path);
        }
        let (first, _) = dotted.split_once('.').unwrap_or((dotted, ""));
        let bound = self.module.imports.contains_key(first);
        if !bound {
            if let Some(class) = find_class(&self.module.body, dotted) {
                return Meaning::Class(
                    Arc::clone(self.module),
                    self.path.to_owned(),
                    Box::new(class.clone()),
                );
            }
            // A name that a star import may have brought.
            for star in &self.module.star_imports {
                if star.level == 0 && star.module.starts_with("django.") {
                    return Meaning::Django(format!("{}.{dotted}", star.module));
                }
                let from = format!("{}{}", ".".repeat(star.level as usize), star.module);
                if let Some(meaning) = self.in_module(&from, dotted, left) {
                    return meaning;
                }
            }
            return Meaning::Unknown(dotted.to_owned());
        }
        let Some((module, name)) = path.rsplit_once('.') else {
            return Meaning::Unknown(path);
        };
        let module = if module.is_empty() || module.chars().all(|dot| dot == '.') {
            format!("{module}.")
        } else {
            module.to_owned()
        };
        self.in_module(&module, name, left)
            .unwrap_or(Meaning::Unknown(path))
    }

    fn in_module(&self, module: &str, name: &str, left: u32) -> Option<Meaning> {
        if left == 0 {
            return None;
        }
        let (path, found) = self.modules.import(self.path, module)?;
        let names = Names {
            path: &path,
            module: &found,
            class: None,
            modules: self.modules,
        };
        match names.meaning_within(name, left - 1) {
            Meaning::Unknown(_) => None,
            known => Some(known),
        }
    }

    /// Django's class behind a field's class.
    pub(crate) fn builtin_field(&self, dotted: &str) -> Option<String> {
        // The quick way for nearly all fields.
        if let Some(name) = dotted.strip_prefix("models.")
            && self.full_path("models") == "django.db.models"
            && !name.contains('.')
        {
            return Some(name.to_owned());
        }
        self.builtin_base(dotted, FARTHEST)
    }

    /// Whether a class is Django's `Migration`, or derives from it.
    pub(crate) fn is_migration(&self, dotted: &str) -> bool {
        self.builtin_base(dotted, FARTHEST).as_deref() == Some("Migration")
    }

    /// Django's class that a class of the tree derives from, or the class itself.
    fn builtin_base(&self, dotted: &str, left: u32) -> Option<String> {
        if left == 0 {
            return None;
        }
        match self.meaning(dotted) {
            Meaning::Django(path) => path.rsplit('.').next().map(str::to_owned),
            Meaning::Class(module, path, class) => {
                let names = Names {
                    path: &path,
                    module: &module,
                    class: None,
                    modules: self.modules,
                };
                class
                    .bases
                    .iter()
                    .filter_map(Expr::as_name)
                    .find_map(|base| names.builtin_base(base, left - 1))
            }
            Meaning::Unknown(path) => of_package(&path),
        }
    }

    /// Django's class whose type the column of a field of that class has. `None`: it cannot be seen.
    pub(crate) fn column_class(&self, dotted: &str) -> Option<String> {
        match self.column_class_within(dotted, FARTHEST) {
            ColumnClass::Known(class) => Some(class),
            ColumnClass::Hidden | ColumnClass::Nothing => None,
        }
    }

    /// Follows the base classes as Python does: the first that says something wins.
    fn column_class_within(&self, dotted: &str, left: u32) -> ColumnClass {
        let (module, path, class) = match self.meaning(dotted) {
            Meaning::Django(path) => return ColumnClass::of_django(&path),
            Meaning::Unknown(path) if path == "object" => return ColumnClass::Nothing,
            Meaning::Unknown(path) => {
                return of_package(&path).map_or(ColumnClass::Hidden, ColumnClass::Known);
            }
            Meaning::Class(..) if left == 0 => return ColumnClass::Hidden,
            Meaning::Class(module, path, class) => (module, path, class),
        };
        let own = |method: &str| class.body.functions.get(method);
        if OWN_TYPE.iter().any(|method| own(method).is_some()) {
            return ColumnClass::Hidden;
        }
        if let Some(internal) = own("get_internal_type") {
            let returned = internal.returns.clone();
            return returned.map_or(ColumnClass::Hidden, ColumnClass::Known);
        }
        let names = Names {
            path: &path,
            module: &module,
            class: None,
            modules: self.modules,
        };
        let mut bases = class.bases.iter().map(|base| match base.as_name() {
            Some(base) => names.column_class_within(base, left - 1),
            None => ColumnClass::Hidden,
        });
        bases
            .find(|base| *base != ColumnClass::Nothing)
            .unwrap_or(ColumnClass::Nothing)
    }

    /// Whether a field's class of the tree has an `__init__` of its own, which may set what the call does not say.
    pub(crate) fn has_own_init(&self, dotted: &str) -> bool {
        self.any_init(dotted, FARTHEST, &|_, _| true)
    }

    /// Whether a field's class of the tree sets an argument in its own `__init__`, so that the call does not say it.
    pub(crate) fn sets_itself(&self, dotted: &str, argument: &str) -> bool {
        self.any_init(dotted, FARTHEST, &|names, class| {
            names.mentions(class, argument)
        })
    }

    /// Whether a class of the tree or one of its bases has an `__init__` and is one that is meant.
    fn any_init(
        &self,
        dotted: &str,
        left: u32,
        is_meant: &dyn Fn(&Names<'_>, &Class) -> bool,
    ) -> bool {
        // The quick way for nearly all fields.
        if dotted.starts_with("models.") {
            return false;
        }
        let Meaning::Class(module, path, class) = self.meaning(dotted) else {
            return false;
        };
        let names = Names {
            path: &path,
            module: &module,
            class: None,
            modules: self.modules,
        };
        class.body.functions.contains_key("__init__") && is_meant(&names, &class)
            || left > 0
                && (class.bases.iter().filter_map(Expr::as_name))
                    .any(|base| names.any_init(base, left - 1, is_meant))
    }

    /// Whether the text of a class, up to the next one, has that word as a key or an argument.
    fn mentions(&self, class: &Class, word: &str) -> bool {
        let later = (self.module.body.classes.iter()).map(|other| other.span.start);
        let end = later.filter(|start| *start > class.span.start).min();
        let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        let text = self
            .modules
            .tree()
            .get(self.path)
            .and_then(|bytes| bytes.get(at(class.span.start)..end.map_or(bytes.len(), at)));
        text.is_some_and(|text| {
            [
                format!("\"{word}\""),
                format!("'{word}'"),
                format!("{word}="),
            ]
            .iter()
            .any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
        })
    }

    /// The value of a name that is assigned exactly once, here or where it is imported from.
    pub(crate) fn constant(&self, name: &str) -> Option<&Expr> {
        let own = |body: &'_ Body| {
            let mut all = body.assignments.iter().filter(|one| one.name == name);
            match (all.next(), all.next()) {
                (Some(one), None) if !one.conditional && !one.adds => Some(()),
                _ => None,
            }
        };
        let body = match self.class {
            Some(class) if own(class).is_some() => class,
            _ if own(&self.module.body).is_some() => &self.module.body,
            _ => return None,
        };
        if body.effects.iter().any(|(touched, _)| touched == name) {
            return None;
        }
        body.assignments
            .iter()
            .find(|one| one.name == name)
            .map(|one| &one.value)
    }

    /// The expression itself, or what the name that it is stands for.
    pub(crate) fn literal<'e>(&'e self, expr: &'e Expr) -> &'e Expr {
        let mut found = expr;
        for _ in 0..FARTHEST {
            let ExprKind::Name(name) = &found.kind else {
                return found;
            };
            let Some(value) = self.constant(name) else {
                return found;
            };
            found = value;
        }
        found
    }

    /// Whether a name that is no constant of the file stands for a value rather than for a function: it is all upper case.
    pub(crate) fn is_constant(&self, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        last.chars().any(char::is_uppercase) && !last.chars().any(char::is_lowercase)
    }
}

fn find_class<'m>(body: &'m Body, name: &str) -> Option<&'m Class> {
    body.classes.iter().find(|class| class.name == name)
}
