//! Arguments and exit codes; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "engine" => sillage::store::engine::child_main(arguments),
        _ => ExitCode::from(2),
    }
}
