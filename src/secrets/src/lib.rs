//! From Secrets Manager to environment variables.
//!
//! - [`connection`]: the secrets that beanpole writes itself: how the application reaches its
//!   database and its cache, and what it signs cookies with.
//! - [`variables()`]: which environment variable comes from which secret, and
//!   [`references()`]: the same as Beanstalk's own references.
//! - [`ensure()`]: makes the connection secrets be there, once and for all.
//! - [`names`]: the naming rules of `aws-actions/aws-secretsmanager-get-secrets` v3, for everything
//!   else that is kept in Secrets Manager.
//! - [`dotenv`]: the form of a `.env` file, for machines and platforms without references.
//!
//! Rules: decisions are functions without I/O. Values live in [`beanpole_model::Secret`] only, and
//! every value that is read or made goes to the scrubber at once. A password is made once; no rerun
//! makes another one.

pub mod connection;
pub mod dotenv;
mod ensure;
#[cfg(test)]
mod ensure_tests;
mod error;
mod fetch;
pub mod names;
#[cfg(test)]
mod test_project;
mod variables;

pub use connection::{Connection, Credentials, Endpoints};
pub use ensure::{Change, Connections, Stored, ensure};
pub use error::Error;
pub use fetch::{Selection, arns, fetch, values};
pub use variables::{
    ENVIRONMENT_SECRETS, ENVIRONMENT_VARIABLE, Origin, plain_variables, reference, references,
    variables,
};
