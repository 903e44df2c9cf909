//! Places where a test build can be told to die, to fail or to wait: before and after each outside effect.
//!
//! `FAILPOINTS` holds rules, divided by `;`: `webhook.status.written=2*kill` ends the process as the out-of-memory killer
//! would, at the second time that it comes by; `panic` makes the pass panic, `fail(409)` makes the cluster answer that,
//! `wait(500)` waits that many milliseconds, and the word `trace` alone logs each place. Without the feature `failpoints`, which no release build can
//! have, nothing of this is compiled.

#[cfg(all(feature = "failpoints", not(debug_assertions)))]
compile_error!("fail points are for test builds only: build without the feature failpoints");

#[cfg(not(feature = "failpoints"))]
pub(crate) use none::reached;
#[cfg(feature = "failpoints")]
pub(crate) use some::reached;

#[cfg(not(feature = "failpoints"))]
mod none {
    use std::future::{Ready, ready};

    /// There are no fail points in this build.
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

    const RULES: &str = "FAILPOINTS";
    const TRACE: &str = "trace";

    static PLAN: LazyLock<Plan> = LazyLock::new(|| {
        let text = std::env::var(RULES).unwrap_or_default();
        Plan::of(&text).unwrap_or_else(|wrong| {
            eprintln!("error: {RULES}: {wrong}");
            std::process::exit(2)
        })
    });

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Told {
        Kill,
        Panic,
        Fail(u16),
        Wait(u64),
    }

    /// What is done at which place at which time.
    #[derive(Debug, Default)]
    struct Plan {
        rules: Vec<(String, u32, Told)>,
        trace: bool,
        hits: Mutex<HashMap<String, u32>>,
    }

    impl Plan {
        fn of(text: &str) -> Result<Self, String> {
            let mut plan = Self::default();
            for rule in text.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
                if rule == TRACE {
                    plan.trace = true;
                    continue;
                }
                plan.rules.push(read(rule).ok_or_else(|| {
                    format!(
                        "{rule:?} is no rule: write name=[N*]kill, panic, fail(STATUS) or wait(MILLIS), or {TRACE}"
                    )
                })?);
            }
            Ok(plan)
        }

        /// Counts this time; says which one it is, and what to do.
        fn hit(&self, name: &str) -> (u32, Option<Told>) {
            let mut hits = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
            let hit = hits.entry(name.to_owned()).or_default();
            *hit += 1;
            let rule = self.rules.iter().find(|(at, nth, _)| at == name && nth == hit);
            (*hit, rule.map(|(_, _, told)| *told))
        }
    }

    fn read(rule: &str) -> Option<(String, u32, Told)> {
        let (name, what) = rule.split_once('=')?;
        let (nth, what) = what.split_once('*').unwrap_or(("1", what));
        let number = |word: &str| what.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
        let told = match what {
            "kill" => Told::Kill,
            "panic" => Told::Panic,
            _ => match (number("fail"), number("wait")) {
                (Some(status), _) => Told::Fail(status.parse().ok()?),
                (None, Some(millis)) => Told::Wait(millis.parse().ok()?),
                (None, None) => return None,
            },
        };
        Some((name.to_owned(), nth.parse().ok()?, told))
    }

    /// Whoever comes here may be told to die, to panic or to wait; a status is one to fail with.
    #[expect(clippy::panic, reason = "that is the point")]
    pub(crate) async fn reached<const N: usize>(name: [&str; N]) -> Option<u16> {
        let name = name.join(".");
        let (hit, told) = PLAN.hit(&name);
        if PLAN.trace {
            tracing::info!("fail point {name} {hit}");
        }
        match told? {
            Told::Kill => {
                // No destructor and no word: that is the point. It fails for nobody's own process.
                let _ = kill(Pid::this(), Signal::SIGKILL);
                std::future::pending().await
            }
            Told::Panic => panic!("fail point {name}"),
            Told::Fail(status) => Some(status),
            Told::Wait(millis) => {
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
            let plan = Plan::of("trace; a.b=kill;a.b=2*fail(409); c=3*wait(10)").unwrap();
            assert!(plan.trace);
            let hits: Vec<_> = (0..3).map(|_| plan.hit("a.b").1).collect();
            assert_eq!(hits, [Some(Told::Kill), Some(Told::Fail(409)), None]);
            assert_eq!([1, 2, 3].map(|_| plan.hit("c")).last(), Some(&(3, Some(Told::Wait(10)))));
            for wrong in ["a", "a=die", "a=x*kill", "a=fail", "a=fail(x)", "a=wait()"] {
                assert!(Plan::of(wrong).unwrap_err().contains(wrong), "{wrong}");
            }
        }
    }
}
