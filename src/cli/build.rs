//! Links the program at a fixed address where that is safe to ask for.
//!
//! A position-independent program of this size has over 100,000 addresses that the loader corrects at every start. That took 1.7 of
//! the 3 milliseconds of `beanpole --version`, and git hooks start it at every commit.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script about its target by variables"
)]

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |name: &str| std::env::var(name).unwrap_or_default();
    if target("CARGO_CFG_TARGET_OS") == "linux" && target("CARGO_CFG_TARGET_ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
