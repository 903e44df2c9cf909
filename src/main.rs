//! The `hooktender` binary: installs the TLS provider and runs the command line.

use std::process::ExitCode;

/// Returns freed memory to the system after a pass, unlike glibc's allocator (docs/performance.md).
#[cfg(target_os = "linux")]
#[global_allocator]
static HEAP: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    // kube and reqwest both use rustls: an explicit provider prevents that they choose different ones.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("error: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    hooktender::cli::main().await
}
