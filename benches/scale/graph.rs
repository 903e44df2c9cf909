//! Draws figures against the number of Webhooks.

use crate::figures::{Figures, mebi};
use plotters::prelude::*;
use std::path::Path;

/// A figure that is drawn, and its title.
type Drawn = (&'static str, fn(&Figures) -> f64);

/// What is drawn.
const DRAWN: [Drawn; 4] = [
    ("vendor lists a quiet minute and account", |one| {
        let lists = one.quiet.calls.get("list").copied().unwrap_or_default();
        one.quiet.a_minute(number(lists)) / number(one.accounts)
    }),
    ("Kubernetes writes a quiet minute", |one| one.quiet.a_minute(number(one.quiet.writes.values().sum()))),
    ("resident memory, quiet (MiB)", |one| mebi(one.memory_settled_kib)),
    ("processor time a quiet minute (s)", Figures::cpu_a_minute),
];

/// Writes an SVG with one picture a figure, of all runs with the first run's number of accounts. With WebhookSets, more Webhooks are more accounts.
pub(crate) fn draw(path: &Path, all: &[Figures]) {
    let Some(first) = all.first() else { return };
    let runs: Vec<_> = all.iter().filter(|one| one.sets > 0 || one.accounts == first.accounts).collect();
    let root = SVGBackend::new(path, (900, 600)).into_drawing_area();
    root.fill(&WHITE).unwrap();
    let most = runs.iter().map(|one| number(one.webhooks)).fold(1.0, f64::max);
    for ((title, figure), area) in DRAWN.iter().zip(root.split_evenly((2, 2))) {
        let points: Vec<_> = runs.iter().map(|one| (number(one.webhooks), figure(one))).collect();
        let top = points.iter().map(|(_, value)| *value).fold(1.0, f64::max) * 1.2;
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 16))
            .margin(12)
            .margin_right(30)
            .x_label_area_size(30)
            .y_label_area_size(45)
            .build_cartesian_2d(0.0..most, 0.0..top)
            .unwrap();
        chart
            .configure_mesh()
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&|n| format!("{n:.0}"))
            .x_desc("Webhooks")
            .draw()
            .unwrap();
        chart.draw_series(LineSeries::new(points.iter().copied(), &BLUE)).unwrap();
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, BLUE.filled()))).unwrap();
    }
    root.present().unwrap();
}

fn number(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}
