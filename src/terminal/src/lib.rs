//! The one place that talks to people: results, errors, progress, and what GitHub Actions reads.
//!
//! Rules:
//! - Data goes to stdout, everything else to stderr. With `--json`, stdout holds one JSON value.
//! - A result is one value with a text form (`Display`) and a JSON form (`Serialize`).
//! - Every line passes the secret scrubber before it is written.
//! - Colour never carries meaning alone.
//! - Without a terminal, progress becomes plain lines.
//! - In GitHub Actions, errors and warnings become annotations, and known secrets are masked.

mod board;
mod duration;
pub mod findings;
mod github;
mod progress;
mod render;
mod settings;
mod table;
mod terminal;

pub use duration::short;
pub use render::ErrorReport;
pub use settings::{Settings, Verbosity};
pub use table::table;
pub use terminal::Terminal;
