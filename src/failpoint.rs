//! Fail points: before and after each write to the cluster or a vendor, a test build can be killed, fail or wait.
//!
//! The variable `FAILPOINTS` holds rules, separated by `;`: `webhook.status.written=2*kill` kills the process the second time
//! that it reaches this fail point; `panic` makes the pass panic, `fail(409)` makes the API server respond with that status,
//! `wait(500)` waits 500 ms, and `trace` alone logs each fail point. Without the feature `failpoints`, which release builds
//! cannot have, nothing of this is compiled.
//!
//! The crate `fail` is not used: its `sleep` blocks the thread of the async runtime, it has no action that kills the process
//! as the out-of-memory killer does, and it does not log how often each fail point is reached, which the fault injection
//! tests need to cover each write once.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("fail points are for test builds only: build without the feature failpoints");

#[cfg(not(feature = "failpoints"))]
pub(crate) use none::reached;
#[cfg(feature = "failpoints")]
pub(crate) use some::reached;

#[cfg(not(feature = "failpoints"))]
mod none {
    use std::future::{Ready, ready};

    /// This build has no fail points.
    #[inline]
    pub(crate) fn reached<const N: usize>(_: [&str; N]) -> Ready<Option<u16>> {
        ready(None)
    }
}

#[cfg(feature = "failpoints")]
mod some {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::time::Duration;

    const VARIABLE: &str = "FAILPOINTS";
    const TRACE: &str = "trace";

    static ACTIVE: LazyLock<Rules> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        Rules::of(&text).unwrap_or_else(|wrong| {
            eprintln!("error: {VARIABLE}: {wrong}");
            std::process::exit(2)
        })
    });

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Action {
        Kill,
        Panic,
        Fail(u16),
        Wait(u64),
    }

    #[derive(Debug, Default)]
    struct Rules {
        /// Name of the fail point, which hit of it, and what to do.
        entries: Vec<(String, u32, Action)>,
        trace: bool,
        hits: Mutex<HashMap<String, u32>>,
    }

    impl Rules {
        fn of(text: &str) -> Result<Self, String> {
            let mut rules = Self::default();
            for rule in text.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
                if rule == TRACE {
                    rules.trace = true;
                    continue;
                }
                rules.entries.push(read(rule).ok_or_else(|| {
                    format!(
                        "{rule:?} is not a rule: write name=[N*]kill, panic, fail(STATUS) or wait(MILLIS), or {TRACE}"
                    )
                })?);
            }
            Ok(rules)
        }

        /// Counts that a fail point is reached; returns how often it was, and what to do.
        fn hit(&self, name: &str) -> (u32, Option<Action>) {
            let mut hits = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
            let hit = hits.entry(name.to_owned()).or_default();
            *hit += 1;
            let rule = self.entries.iter().find(|(at, nth, _)| at == name && nth == hit);
            (*hit, rule.map(|(_, _, action)| *action))
        }
    }

    fn read(rule: &str) -> Option<(String, u32, Action)> {
        let (name, what) = rule.split_once('=')?;
        let (nth, what) = what.split_once('*').unwrap_or(("1", what));
        let number = |word: &str| what.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
        let action = match what {
            "kill" => Action::Kill,
            "panic" => Action::Panic,
            _ => match (number("fail"), number("wait")) {
                (Some(status), _) => Action::Fail(status.parse().ok()?),
                (None, Some(millis)) => Action::Wait(millis.parse().ok()?),
                (None, None) => return None,
            },
        };
        Some((name.to_owned(), nth.parse().ok()?, action))
    }

    /// Runs the action of a fail point; returns the status to fail with, if any.
    #[expect(clippy::panic, reason = "that is the point")]
    pub(crate) async fn reached<const N: usize>(name: [&str; N]) -> Option<u16> {
        let name = name.join(".");
        let (hit, action) = ACTIVE.hit(&name);
        if ACTIVE.trace {
            tracing::info!("fail point {name} {hit}");
        }
        match action? {
            Action::Kill => {
                // No destructors run. Killing the own process cannot fail.
                let _ = kill(Pid::this(), Signal::SIGKILL);
                std::future::pending().await
            }
            Action::Panic => panic!("fail point {name}"),
            Action::Fail(status) => Some(status),
            Action::Wait(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                None
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn rules_are_read_or_refused() {
            let rules = Rules::of("trace; a.b=kill;a.b=2*fail(409); c=3*wait(10)").unwrap();
            assert!(rules.trace);
            let hits: Vec<_> = (0..3).map(|_| rules.hit("a.b").1).collect();
            assert_eq!(hits, [Some(Action::Kill), Some(Action::Fail(409)), None]);
            assert_eq!([1, 2, 3].map(|_| rules.hit("c")).last(), Some(&(3, Some(Action::Wait(10)))));
            for wrong in ["a", "a=die", "a=x*kill", "a=fail", "a=fail(x)", "a=wait()"] {
                assert!(Rules::of(wrong).unwrap_err().contains(wrong), "{wrong}");
            }
        }
    }
}
