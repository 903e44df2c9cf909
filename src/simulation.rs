//! What the simulations of `engine` and `controller::sets` share: random numbers, which histories are played, and the shortest history
//! that fails.
//!
//! `HOOKTENDER_SIMULATIONS=100000 make simulation` plays more histories, `HOOKTENDER_FROM=100000` other ones, and
//! `HOOKTENDER_SEED=7 make simulation` only that one. A failure prints its seed, and the shortest history that fails as well;
//! `HOOKTENDER_FAILURES=5` continues until five have failed.

use std::fmt::Debug;
use std::ops::AddAssign;
use std::time::Instant;

/// Random numbers. A seed always gives the same ones, so that a history can be played again.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u8) -> u8 {
        u8::try_from(self.next() % u64::from(end)).unwrap_or_default()
    }

    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.below(u8::try_from(all.len()).unwrap()))]
    }
}

/// A sequence of steps. Each step is valid whatever came before it: a history without some of its steps is a history, too.
pub(crate) trait History: Clone {
    type Step: Debug;

    /// Returns the history of a seed.
    fn drawn(seed: u64) -> Self;

    /// Describes what the steps apply to.
    fn setting(&self) -> String;

    fn steps(&mut self) -> &mut Vec<Self::Step>;
}

/// Plays as many histories as the environment asks for, and `histories` by default. Fails with the shortest one that fails.
pub(crate) fn play_all<H, C>(histories: u64, play: impl Fn(&H) -> Result<C, String>)
where
    H: History,
    C: Default + Debug + AddAssign,
{
    let from = number("HOOKTENDER_FROM").unwrap_or_default();
    let seeds = match number("HOOKTENDER_SEED") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("HOOKTENDER_SIMULATIONS").unwrap_or(histories),
    };
    let find = number("HOOKTENDER_FAILURES").unwrap_or(1);
    let (started, mut all, mut failures) = (Instant::now(), C::default(), 0);
    let histories = seeds.end - seeds.start;
    for seed in seeds {
        let history = H::drawn(seed);
        match play(&history) {
            Ok(counts) => all += counts,
            Err(first) => {
                let (mut shortest, why) = shrunk(history, &play);
                let steps: Vec<_> = shortest.steps().iter().map(|step| format!("  {step:?}")).collect();
                let setting = shortest.setting();
                println!("seed {seed}: {first}\nshrunk: {why}\n{setting}:\n{}", steps.join("\n"));
                failures += 1;
                assert!(failures < find, "{failures} histories ended badly: see above");
            }
        }
    }
    assert_eq!(failures, 0, "see above");
    let rate = u128::from(histories) * 1000 / started.elapsed().as_millis().max(1);
    println!("{histories} histories, {rate} a second: {all:?}");
}

/// Checks that a seed always gives the same history, and that a history always ends in the same way.
pub(crate) fn assert_deterministic<H: History + PartialEq + Debug, R: Debug>(play: impl Fn(&H) -> R) {
    for seed in 0..20 {
        let history = H::drawn(seed);
        assert_eq!(H::drawn(seed), history);
        let played = || format!("{:?}", play(&history));
        assert_eq!(played(), played(), "seed {seed}");
    }
}

/// Returns the shortest history that still fails: steps are removed, many at a time and then one by one.
fn shrunk<H: History, C>(mut history: H, play: &impl Fn(&H) -> Result<C, String>) -> (H, String) {
    let mut said = play(&history).err().unwrap_or_default();
    let mut size = history.steps().len();
    while size > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < history.steps().len() {
            let mut fewer = history.clone();
            let end = (at + size).min(fewer.steps().len());
            fewer.steps().drain(at..end);
            match play(&fewer) {
                Err(why) => (history, said, shorter) = (fewer, why, true),
                Ok(_) => at += size,
            }
        }
        if !shorter || size > 1 {
            size /= 2;
        }
    }
    (history, said)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Numbers(Vec<u16>);

    impl History for Numbers {
        type Step = u16;

        fn drawn(seed: u64) -> Self {
            let mut random = Random(seed);
            Self((0..40).map(|_| random.below(4).into()).collect())
        }

        fn setting(&self) -> String {
            "numbers".into()
        }

        fn steps(&mut self) -> &mut Vec<u16> {
            &mut self.0
        }
    }

    #[test]
    fn a_failing_history_is_shortened_to_the_steps_that_it_needs() {
        let fails = |history: &Numbers| {
            let twos = history.0.iter().filter(|number| **number == 2).count();
            if twos > 2 { Err(format!("{twos} twos")) } else { Ok(()) }
        };
        let (shortest, why) = shrunk(Numbers::drawn(1), &fails);
        assert_eq!((shortest.0, why.as_str()), (vec![2; 3], "3 twos"));
    }
}
