//! Stamps the library and the binary with a hash of their sources, so that a library notices when it talks to a
//! supervisor binary that was built from other sources and rebuilds it (see `locate.rs`).

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::{fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=Cargo.toml");
    let mut files = fs::read_dir("src")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<PathBuf>>>()?;
    files.push("Cargo.toml".into());
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(&file)?.hash(&mut hasher);
    }
    println!("cargo:rustc-env=HOOKTENDER_CLUSTER_STAMP={:016x}", hasher.finish());
    Ok(())
}
