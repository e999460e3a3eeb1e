//! A small shop whose migrations tests change.

use super::{MigrationReview, Review, Settings, review};
use crate::SourceTree;
use beanpole_model::Severity;

/// The models that serve.
const MODELS: &str = r#"
from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=100)


class Order(models.Model):
    number = models.CharField(max_length=20)
    note = models.TextField(null=True)
    total = models.DecimalField(max_digits=8, decimal_places=2)
    count = models.IntegerField(default=0)
    state = models.CharField(max_length=10, db_default="new")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    labels = models.ManyToManyField("Label")


class Label(models.Model):
    text = models.CharField(max_length=30)
"#;

/// The migration that made them.
const INITIAL: &str = r#"
from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
            ],
        ),
        migrations.CreateModel(
            name="Label",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("text", models.CharField(max_length=30)),
            ],
            options={"db_table": "labels"},
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("number", models.CharField(max_length=20)),
                ("note", models.TextField(null=True)),
                ("total", models.DecimalField(decimal_places=2, max_digits=8)),
                ("count", models.IntegerField(default=0)),
                ("state", models.CharField(db_default="new", max_length=10)),
                ("customer", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="shop.customer")),
                ("labels", models.ManyToManyField(to="shop.label")),
            ],
        ),
    ]
"#;

/// A base and a head, equal until a test changes one of them.
pub(crate) struct Case {
    pub(crate) base: SourceTree,
    pub(crate) head: SourceTree,
    pub(crate) settings: Settings,
}

impl Case {
    pub(crate) fn new() -> Self {
        let base: SourceTree = [
            ("manage.py", "print('hello')\n"),
            ("shop/__init__.py", ""),
            ("shop/models.py", MODELS),
            ("shop/migrations/__init__.py", ""),
            ("shop/migrations/0001_initial.py", INITIAL),
        ]
        .into_iter()
        .collect();
        Self {
            head: base.clone(),
            base,
            settings: Settings::default(),
        }
    }

    /// Changes the models of the code that serves.
    pub(crate) fn serving_models(mut self, change: impl Fn(&str) -> String) -> Self {
        let changed = change(MODELS);
        assert_ne!(changed, MODELS, "the change of the models does nothing");
        self.base.insert("shop/models.py", changed);
        self
    }

    /// A migration that is on the base and so on the head.
    pub(crate) fn released(mut self, name: &str, after: &str, operations: &str) -> Self {
        let text = migration_text(after, operations, "");
        let path = format!("shop/migrations/{name}.py");
        self.base.insert(path.clone(), text.clone());
        self.head.insert(path, text);
        self
    }

    /// The migration of this release.
    pub(crate) fn adds(self, operations: &str) -> Self {
        self.adds_after("0002_change", "0001_initial", operations, "")
    }

    /// A migration of this release with attributes of its class.
    pub(crate) fn adds_after(
        mut self,
        name: &str,
        after: &str,
        operations: &str,
        attributes: &str,
    ) -> Self {
        self.head.insert(
            format!("shop/migrations/{name}.py"),
            migration_text(after, operations, attributes),
        );
        self
    }

    /// A file of the head.
    pub(crate) fn file(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.head.insert(path, text);
        self
    }

    pub(crate) fn hot(mut self, table: &str) -> Self {
        self.settings.hot_tables.insert(table.to_owned());
        self
    }

    pub(crate) fn review(&self) -> MigrationReview {
        let review = review(&Review {
            base: Some(&self.base),
            head: &self.head,
            settings: &self.settings,
        });
        for finding in &review.findings {
            let listed = super::RULES.iter().any(|rule| rule.id == finding.rule);
            assert!(listed, "{} is not among the rules", finding.rule);
        }
        review
    }

    /// The review of the head with no base: nothing serves, and every migration is judged.
    pub(crate) fn review_of_all(&self) -> MigrationReview {
        review(&Review {
            base: None,
            head: &self.head,
            settings: &self.settings,
        })
    }

    /// The rules that found something at that severity, in the order of the review.
    pub(crate) fn found(&self, severity: Severity) -> Vec<String> {
        self.review()
            .findings
            .into_iter()
            .filter(|finding| finding.severity == severity)
            .map(|finding| finding.rule)
            .collect()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.found(Severity::Error)
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.found(Severity::Warning)
    }

    /// Every rule that found something.
    pub(crate) fn all(&self) -> Vec<String> {
        self.review()
            .findings
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }
}

/// The text of a migration.
pub(crate) fn migration_text(after: &str, operations: &str, attributes: &str) -> String {
    format!(
        r#"import uuid

import django.db.models.deletion
import django.db.models.functions
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    {attributes}
    dependencies = [("shop", "{after}")]

    operations = [
        {operations}
    ]
"#
    )
}
