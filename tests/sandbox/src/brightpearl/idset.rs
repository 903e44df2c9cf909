//! ID sets: `8`, `1-3`, `2,4`, `9.4.12` and mixtures (vendors/brightpearl.md §3).

use std::ops::RangeInclusive;

/// The ranges of a set, or nothing when it cannot be read: a range must rise, ids are positive.
pub(crate) fn parse(text: &str) -> Option<Vec<RangeInclusive<u64>>> {
    text.split([',', '.'])
        .map(|part| match part.split_once('-') {
            Some((low, high)) => {
                let (low, high) = (single(low)?, single(high)?);
                (low < high).then_some(low..=high)
            }
            None => single(part).map(|id| id..=id),
        })
        .collect()
}

/// One positive id and nothing else.
pub(crate) fn single(text: &str) -> Option<u64> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|id| *id > 0)
}

#[cfg(test)]
mod tests {
    use super::{parse, single};

    #[test]
    fn reads_every_documented_form() {
        for (text, wanted) in [
            ("8", Some(vec![8..=8])),
            ("1-3", Some(vec![1..=3])),
            ("2,4", Some(vec![2..=2, 4..=4])),
            ("9.4.12", Some(vec![9..=9, 4..=4, 12..=12])),
            ("1-3,6-15,20", Some(vec![1..=3, 6..=15, 20..=20])),
            ("3-1", None),
            ("3-3", None),
            ("0", None),
            ("a", None),
            ("1,", None),
            ("", None),
            ("1-2-3", None),
            ("+1", None),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
        assert_eq!(single("4,5"), None);
    }
}
