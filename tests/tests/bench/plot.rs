//! A picture of how the time grows: SVG, written by hand.

use crate::growth::Curve;
use anyhow::{Context, Result};
use core::fmt::Write as _;
use std::fs;
use std::path::Path;

const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 150.0;
/// Beside each picture, for the numbers.
const LEFT: f64 = 50.0;
const TOP: f64 = 24.0;

/// Writes one picture beside the other.
pub(crate) fn write(path: &Path, curves: &[Curve]) -> Result<()> {
    let all = (LEFT + WIDTH) * curves.len() as f64 + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all:.0}\" height=\"{:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <title>Time of osconf apply, in milliseconds, as its work grows</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        TOP + HEIGHT + 44.0
    );
    for (number, curve) in curves.iter().enumerate() {
        draw(&mut svg, curve, LEFT + (LEFT + WIDTH) * number as f64);
    }
    svg += "</svg>\n";
    fs::write(path, svg).with_context(|| path.display().to_string())
}

fn draw(svg: &mut String, curve: &Curve, left: f64) {
    let last = curve.points.last().map_or(1, |(amount, _)| *amount) as f64;
    let highest = curve
        .points
        .iter()
        .fold(0.0, |most: f64, (_, time)| most.max(*time));
    let top = highest * 1.1;
    let bottom = TOP + HEIGHT;
    let at = |amount: usize, time: f64| {
        (
            left + WIDTH * amount as f64 / last,
            bottom - HEIGHT * time / top,
        )
    };
    let _ = writeln!(
        svg,
        "<path d=\"M{left:.0} {TOP:.0}V{bottom:.0}H{:.0}\" fill=\"none\" stroke=\"#888\"/>",
        left + WIDTH
    );
    let mut text = |x: f64, y: f64, anchor: &str, text: &str| {
        let _ = writeln!(
            svg,
            "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    };
    text(left - 4.0, bottom, "end", "0");
    text(
        left - 4.0,
        at(0, highest).1 + 4.0,
        "end",
        &format!("{highest:.1} ms"),
    );
    text(left, bottom + 14.0, "middle", "0");
    text(left + WIDTH, bottom + 14.0, "middle", &format!("{last}"));
    text(left + WIDTH / 2.0, bottom + 30.0, "middle", curve.what);
    let points = curve.points.iter().map(|&(amount, time)| at(amount, time));
    let line: Vec<_> = points
        .clone()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#06c\"/>",
        line.join(" ")
    );
    for (x, y) in points {
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"#06c\"/>"
        );
    }
}
