//! Finds the memory limit of the process: of its control group, of its address space, or of the machine.

use std::fs;
use std::path::{Path, PathBuf};

/// The limit if none can be found, in bytes.
const FALLBACK: usize = 256 << 20;
/// The most of the machine's memory that is used without a limit, in bytes, as others use the machine too.
const LARGEST_SHARE: usize = 1 << 30;

/// Returns the memory limit of this process in bytes.
pub(super) fn process_limit() -> usize {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let group = group_limit(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    let own = address_space(&read("/proc/self/limits"));
    let machine = total(&read("/proc/meminfo")).map(|total| (total / 4).min(LARGEST_SHARE));
    [group, own, machine].into_iter().flatten().min().unwrap_or(FALLBACK)
}

/// Returns the lowest limit of the process' control groups, of version 1 or 2. In a container its own group may be the root.
fn group_limit(groups: &str, root: &Path) -> Option<usize> {
    let limit = |folder: &Path, file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse().ok();
    let all = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let folder: PathBuf = root.join(path.trim_start_matches('/'));
        folder
            .ancestors()
            .take_while(|folder| folder.starts_with(&root))
            .filter_map(|at| limit(at, file))
            .min()
    });
    all.min()
}

/// Reads `RLIMIT_AS` from `/proc/self/limits`.
fn address_space(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Reads the machine's memory from `/proc/meminfo`.
fn total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<usize>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_of_all_groups_applies() {
        let root = tempfile::tempdir().unwrap();
        let set = |folder: &str, file: &str, value: &str| {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join(file), value).unwrap();
        };
        let limit = |groups: &str| group_limit(groups, root.path());
        assert_eq!(limit("0::/pod/main\n"), None, "no such group");
        set("pod/main", "memory.max", "max\n");
        assert_eq!(limit("0::/pod/main\n"), None);
        set("pod", "memory.max", "268435456\n");
        assert_eq!(limit("0::/pod/main\n"), Some(256 << 20));
        set("", "memory.max", "1000\n");
        assert_eq!(limit("0::/\n"), Some(1000), "its group is the root that it sees");
        set("memory/pod", "memory.limit_in_bytes", "2000\n");
        assert_eq!(limit("4:cpu,cpuacct:/pod\n5:memory:/pod\n"), Some(2000), "version 1");
    }

    #[test]
    fn other_limits_are_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \nMax address space         1073741824           unlimited            bytes     \n";
        assert_eq!(address_space(limits), Some(1 << 30));
        assert_eq!(address_space("Max address space         unlimited   unlimited   bytes"), None);
        assert_eq!(total("MemTotal:       65842180 kB\nMemFree: 1 kB\n"), Some(65_842_180 << 10));
        assert!(process_limit() > 0);
    }
}
