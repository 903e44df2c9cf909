//! How much memory the process may take: by its control group, by its own limit, or by what the machine has.

use std::fs;
use std::path::{Path, PathBuf};

/// What is assumed where nothing tells.
const FALLBACK: usize = 256 << 20;
/// Without a limit, no more than this is counted on: the machine is not ours alone.
const LARGEST_SHARE: usize = 1 << 30;

/// The bytes of memory that this process may take.
pub(super) fn process_limit() -> usize {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let group = group_limit(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    let own = address_space(&read("/proc/self/limits"));
    let machine = total(&read("/proc/meminfo")).map(|total| (total / 4).min(LARGEST_SHARE));
    [group, own, machine].into_iter().flatten().min().unwrap_or(FALLBACK)
}

/// The least limit of the process' control groups, in either version. Inside a container its own group may be the root.
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

/// `RLIMIT_AS`, of `/proc/self/limits`.
fn address_space(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The machine's memory, of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.split_whitespace().next()?.parse::<usize>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_all_groups_holds() {
        let root = tempfile::tempdir().unwrap();
        let set = |folder: &str, file: &str, value: &str| {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join(file), value).unwrap();
        };
        let limit = |groups: &str| group_limit(groups, root.path());
        assert_eq!(limit("0::/pod/main\n"), None, "there is no such group");
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
