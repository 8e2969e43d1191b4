//! The programs under test: `breakerd` and `breakerctl` as cargo builds them, in the profile of the tests.
//!
//! `cargo test` does not build the programs of other packages, so the first test of each process asks cargo for them.
//! It asks for the whole workspace, as `cargo run --bin breakerd` does: then the dependencies have the features they
//! have in the tests, are built already, and asking costs a few tenths of a second when nothing has changed. Cargo's own
//! lock keeps processes that ask at the same time apart, and `--frozen` keeps it off the network.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::tidy::root;

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The agent.
    pub breakerd: PathBuf,
    /// The command line.
    pub breakerctl: PathBuf,
}

/// The programs, built from the sources as they are now.
///
/// # Panics
/// If cargo cannot build them, with what it says.
pub fn binaries() -> &'static Binaries {
    static BUILT: OnceLock<Binaries> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = profile_folder();
        build(&folder);
        let program = |name: &str| {
            let path = folder.join(name);
            assert!(path.is_file(), "{} is missing: run `cargo build --workspace --bins`", path.display());
            path
        };
        Binaries { breakerd: program("breakerd"), breakerctl: program("breakerctl") }
    })
}

/// The directory of the profile: the running executable is in `deps` or `examples` below it.
fn profile_folder() -> PathBuf {
    let executable = env::current_exe().expect("the system knows what it runs");
    let folder = executable.parent().and_then(Path::parent).expect("cargo puts tests two directories deep");
    folder.to_path_buf()
}

fn build(folder: &Path) {
    let profile = match folder.file_name().and_then(|name| name.to_str()).expect("a profile has a name") {
        "debug" => "dev",
        other => other,
    };
    let target = folder.parent().expect("cargo puts profiles into the target directory");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command.args(["build", "--workspace", "--bins", "--frozen", "--quiet", "--profile", profile]);
    command.arg("--target-dir").arg(target).current_dir(root());
    let output = command.output().expect("cargo starts");
    assert!(output.status.success(), "cargo cannot build:\n{}", String::from_utf8_lossy(&output.stderr));
}
