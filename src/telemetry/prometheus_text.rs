//! Prometheus' text format 0.0.4, for scrapers that accept `text/plain` and not `OpenMetrics`.
//!
//! One format is not enough. The metrics library writes `OpenMetrics` only, which Prometheus' own parser of text/plain
//! (`expfmt`, in Telegraf, prom2json, Metricbeat and `promtool check metrics`) does not read: measured with
//! prometheus/common 0.67, it rejects the whole page at `# TYPE hooktender_build info` ("unknown metric type"), and without
//! that line takes all counters for untyped.

/// Converts `OpenMetrics` text: families get the names of their samples, infos become gauges, `# UNIT` and `# EOF` go.
pub(super) fn from_openmetrics(text: &str) -> String {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: std::collections::HashMap<_, _> = types.collect();
    let sample = |family: &str| match types.get(family) {
        Some(&"counter") => format!("{family}_total"),
        Some(&"info") => format!("{family}_info"),
        _ => family.to_owned(),
    };
    let mut converted = String::with_capacity(text.len());
    for line in text.lines() {
        let written = match line.strip_prefix("# ").and_then(|comment| comment.split_once(' ')) {
            Some(("UNIT", _)) => continue,
            None if line == "# EOF" => continue,
            Some((word @ ("HELP" | "TYPE"), rest)) => {
                let (family, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let rest = if (word, rest) == ("TYPE", "info") { "gauge" } else { rest };
                format!("# {word} {} {rest}", sample(family))
            }
            Some(_) | None => line.to_owned(),
        };
        converted.push_str(&written);
        converted.push('\n');
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_get_the_names_of_their_samples() {
        let openmetrics = "\
# HELP hooktender_passes Passes.
# TYPE hooktender_passes counter
hooktender_passes_total{vendor=\"contensis\"} 3
# HELP hooktender_build Version and commit of the program.
# TYPE hooktender_build info
hooktender_build_info{version=\"1\"} 1
# HELP hooktender_pass_duration_seconds How long.
# TYPE hooktender_pass_duration_seconds histogram
# UNIT hooktender_pass_duration_seconds seconds
hooktender_pass_duration_seconds_sum 1.0
# EOF
";
        let expected = "\
# HELP hooktender_passes_total Passes.
# TYPE hooktender_passes_total counter
hooktender_passes_total{vendor=\"contensis\"} 3
# HELP hooktender_build_info Version and commit of the program.
# TYPE hooktender_build_info gauge
hooktender_build_info{version=\"1\"} 1
# HELP hooktender_pass_duration_seconds How long.
# TYPE hooktender_pass_duration_seconds histogram
hooktender_pass_duration_seconds_sum 1.0
";
        assert_eq!(from_openmetrics(openmetrics), expected);
    }
}
