//! The `hooktender` binary: the TLS provider, then the command line.

use std::process::ExitCode;

/// Returns memory to the system after a pass, which glibc's allocator keeps (docs/performance.md).
#[cfg(target_os = "linux")]
#[global_allocator]
static HEAP: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // First of all, and by hand: with two TLS users in one process, neither may have to guess.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("error: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    hooktender::cli::main().await
}
