//! The door: parse the command line, run the command, print error and hint, leave with the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    polytask::cli::main()
}
