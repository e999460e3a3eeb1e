//! What a project says about its settings.

use serde::{Deserialize, Serialize};

/// Settings of the settings rules. The default is right for most projects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// The module that production uses: `config.settings.production`, or the path of its file. Without it, it is looked up in
    /// `wsgi.py`, `asgi.py` and `manage.py`, then by its usual names. One of `checks.settings.modules`, each of which is judged.
    pub module: Option<String>,
    /// Whether something before the application redirects to HTTPS, so that `SECURE_SSL_REDIRECT` may be off.
    pub redirects_elsewhere: bool,
}
