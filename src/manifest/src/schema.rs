//! The JSON Schema of the manifest, from the types that read it.
//!
//! Editors complete keys from it. What the types cannot say is added here: `x-` keys are free at
//! every level, and an environment has the shape of the whole with nothing required.

use std::borrow::Cow;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::resolve::Settings;

/// A text that may stand in YAML without quotes even if it looks like a number.
pub(crate) struct Text;

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "number"]})
    }
}

/// A mapping from names to texts, which may stand without quotes.
pub(crate) struct TextMap;

impl JsonSchema for TextMap {
    fn schema_name() -> Cow<'static, str> {
        "TextMap".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        })
    }
}

/// What the definitions of environments are called: `Environment.Health` beside `Health`.
const OVERLAY: &str = "Environment.";

/// The whole schema (JSON Schema 2020-12).
pub(crate) fn manifest() -> Value {
    let mut root = SchemaGenerator::default()
        .into_root_schema_for::<Settings>()
        .to_value();
    let definitions = root
        .as_object_mut()
        .and_then(|root| root.remove("$defs"))
        .and_then(|definitions| match definitions {
            Value::Object(definitions) => Some(definitions),
            _ => None,
        })
        .unwrap_or_default();

    // An environment: the same sections, nothing required, `null` takes a key away.
    let mut all = definitions.clone();
    for (name, mut definition) in definitions {
        relax(&mut definition);
        all.insert(format!("{OVERLAY}{name}"), definition);
    }
    let mut environment = root.clone();
    if let Some(environment) = environment.as_object_mut() {
        for key in ["$schema", "title"] {
            environment.remove(key);
        }
        environment.insert(
            "description".to_owned(),
            json!("What is different in this environment. Mappings merge, lists and scalars replace, `null` takes a key away."),
        );
    }
    relax(&mut environment);
    all.insert("Environment".to_owned(), environment);

    if let Some(root) = root.as_object_mut() {
        root.insert("title".to_owned(), json!("beanpole.yaml"));
        if let Some(Value::Object(properties)) = root.get_mut("properties") {
            properties.insert(
                "default_environment".to_owned(),
                json!({
                    "type": "string",
                    "description": "The environment that commands take when `--env` is not given.",
                }),
            );
            properties.insert(
                "environments".to_owned(),
                json!({
                    "type": "object",
                    "description": "The environments by name. Each says only what is different.",
                    "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Environment"}, {"type": "null"}]},
                    "patternProperties": {"^x-": true},
                }),
            );
        }
        // What an environment may supply is not required at the top.
        root.remove("required");
        root.insert("$defs".to_owned(), Value::Object(all));
    }
    free_x_keys(&mut root);
    root
}

/// Takes `required` and derived defaults away, lets every property be `null`, and points references
/// at the relaxed definitions.
fn relax(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.remove("required");
            object.remove("default");
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("#/$defs/{OVERLAY}{name}");
            }
            for (key, value) in object.iter_mut() {
                relax(value);
                if key == "properties"
                    && let Value::Object(properties) = value
                {
                    for property in properties.values_mut() {
                        let inner = property.take();
                        *property = json!({"anyOf": [inner, {"type": "null"}]});
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(relax),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lets every closed section have keys that start with `x-`.
fn free_x_keys(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("additionalProperties") == Some(&Value::Bool(false)) {
                let mut patterns = Map::new();
                patterns.insert("^x-".to_owned(), Value::Bool(true));
                object.insert("patternProperties".to_owned(), Value::Object(patterns));
            }
            object.values_mut().for_each(free_x_keys);
        }
        Value::Array(items) => items.iter_mut().for_each(free_x_keys),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
