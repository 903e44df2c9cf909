//! The `hooktender` binary: the TLS provider, then the command line.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // First of all, and by hand: with two TLS users in one process, neither may have to guess.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("error: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    hooktender::cli::main().await
}
