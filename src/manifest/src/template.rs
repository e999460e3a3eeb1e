//! The manifest to start from.

/// An annotated manifest for a Django project: what `beanpole init` writes. `application` and
/// `region` are written as given, so check them first ([`beanpole_model::ApplicationName`],
/// [`beanpole_model::Region`]). `package` is the Python package with `wsgi.py` and `celery.py`.
#[must_use]
pub fn template(application: &str, region: &str, package: &str) -> String {
    include_str!("template.yaml")
        .replace("@application@", &quoted(application))
        .replace("@region@", &quoted(region))
        .replace("@package@", package)
}

/// The text as a YAML scalar: bare if it cannot be mistaken for anything else.
fn quoted(text: &str) -> String {
    let bare = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        );
    if bare {
        text.to_owned()
    } else {
        // JSON's quoting is valid in YAML.
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;
    use camino::Utf8Path;

    #[test]
    fn the_template_is_a_valid_manifest() {
        let text = template("blog", "eu-central-1", "blog");
        let manifest = Manifest::parse(Utf8Path::new("beanpole.yaml"), &text).unwrap();
        assert_eq!(manifest.environment_names(), ["staging", "production"]);
        let project = manifest.environment(None).unwrap();
        assert_eq!(project.environment.as_str(), "blog-staging");
        assert!(project.database.is_some() && project.cache.is_some());
        assert_eq!(project.processes["web"].port, Some(8000));
    }

    #[test]
    fn odd_names_are_quoted() {
        for name in ["no", "my app", "42", "a: b", "say \"hi\""] {
            let text = template(name, "eu-central-1", "blog")
                .replace("environments:", "environment_name: given\nx-environments:")
                .replace("default_environment", "x-default");
            let manifest = Manifest::parse(Utf8Path::new("beanpole.yaml"), &text).unwrap();
            assert_eq!(
                manifest.environment(None).unwrap().application.as_str(),
                name
            );
        }
    }

    #[test]
    fn every_commented_key_is_known() {
        let text = template("blog", "eu-central-1", "blog");
        let open: String = text
            .lines()
            .map(|line| match line.trim_start().strip_prefix("#: ") {
                Some(key) => {
                    let indent = line.len() - line.trim_start().len();
                    format!("{}{key}\n", " ".repeat(indent))
                }
                None => format!("{line}\n"),
            })
            .collect();
        assert_ne!(text.trim(), open.trim(), "there are commented keys");
        Manifest::parse(Utf8Path::new("beanpole.yaml"), &open).unwrap();
    }
}
