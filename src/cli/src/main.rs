//! The binary `beanpole`: gathers what the process brings along and hands it to the library.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use camino::Utf8PathBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let directory = std::env::current_dir()
        .ok()
        .and_then(|path| Utf8PathBuf::from_path_buf(path).ok())
        .unwrap_or_else(|| Utf8PathBuf::from("."));
    // A variable whose name or value is not UTF-8 cannot be one of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    beanpole_cli::run(beanpole_cli::Process {
        arguments: std::env::args_os().collect(),
        environment,
        directory,
        stderr_is_terminal: std::io::stderr().is_terminal(),
        stdin_is_terminal: std::io::stdin().is_terminal(),
    })
}
