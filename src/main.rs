//! Command line and a place to run it.

use clap::Parser;
use skynet_bridge::{
    command_line::{self, CommandLine},
    filesystem, server,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(end) = filesystem::read_document_if_asked() {
        return end;
    }
    let command = CommandLine::parse();
    server::give_memory_back();
    let runtime = tokio::runtime::Runtime::new().expect("the system gives threads");
    let done = runtime.block_on(command_line::run(&command));
    // Reading standard input cannot be given up: nothing waits for it.
    runtime.shutdown_background();
    done.unwrap_or_else(|error| {
        eprintln!("mcp-server: {error:#}");
        ExitCode::FAILURE
    })
}
