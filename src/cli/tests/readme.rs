//! The console blocks of README.md do what they show.

use beanpole_testkit::Sandbox;

#[test]
fn console_blocks() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let sandbox = Sandbox::new();
    // The blocks write files; this process has nothing else that depends on where it stands.
    std::env::set_current_dir(sandbox.project()).unwrap();
    trycmd::TestCases::new()
        .register_bin("beanpole", trycmd::cargo::cargo_bin!("beanpole"))
        .case(readme);
}
