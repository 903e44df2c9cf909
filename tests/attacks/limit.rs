//! The chart's memory limit, applied to a running process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::helm;
use serde_json::Value;

/// Returns the memory limit of the chart's default values, in bytes.
pub(crate) fn chart_limit() -> usize {
    let values = fs::read_to_string(helm::chart().join("values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&values).unwrap();
    let text = values["resources"]["limits"]["memory"].as_str().unwrap();
    text.strip_suffix("Mi").unwrap().parse::<usize>().unwrap() << 20
}

/// A memory limit that is in force while this exists.
#[derive(Debug)]
pub(crate) struct MemoryLimit(Option<PathBuf>);

impl MemoryLimit {
    /// Limits a process: by a cgroup of its own where the machine allows it, else by the kernel's limit of private memory.
    pub(crate) fn of(pid: u32, bytes: usize) -> Self {
        Self::by_cgroup(pid, bytes).unwrap_or_else(|| {
            let data = format!("--data={bytes}");
            let set = Command::new("prlimit").args(["--pid", &pid.to_string(), &data]).status();
            assert!(set.unwrap().success());
            Self(None)
        })
    }

    fn by_cgroup(pid: u32, bytes: usize) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hooktender-attacks-{}-{number}", std::process::id());
        let roots = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        roots.into_iter().find_map(|(root, file)| {
            let folder = Path::new(root).join(&name);
            fs::create_dir(&folder).ok()?;
            let limited = Self(Some(folder.clone()));
            let set = |file: &str, value: &str| fs::write(folder.join(file), value).ok();
            set(file, &bytes.to_string())?;
            set("cgroup.procs", &pid.to_string())?;
            Some(limited)
        })
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // The kernel takes a moment to empty a group whose process has ended.
            for _ in 0..100 {
                if fs::remove_dir(folder).is_ok() {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

/// Returns the most memory that a process has had so far, in bytes.
pub(crate) fn peak(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
