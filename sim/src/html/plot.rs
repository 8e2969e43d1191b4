//! The two plots as SVG: lines over time, and states over time with a row for each host.
//!
//! Both have the same time axis, so that one can be read below the other.

use std::fmt::Write as _;
use std::time::Duration;

use super::{colour, escaped};
use crate::metric::plain;
use crate::series::BIN;

/// The time axis all plots of a page share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    end: Duration,
}

/// One line of a plot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'s> {
    pub(super) name: &'s str,
    pub(super) colour: &'s str,
    pub(super) values: &'s [f64],
}

impl Frame {
    pub(super) fn of(times: &[Duration]) -> Self {
        Self { end: times.last().map_or(BIN, |last| *last + BIN) }
    }

    /// Lines over time, from nought to the largest value.
    pub(super) fn lines(self, unit: &str, lines: &[Line<'_>]) -> String {
        let all = lines.iter().flat_map(|line| line.values);
        let largest = all.copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let top = if largest > 0.0 { round_up(largest) } else { 1.0 };
        let mut svg = opened(LINES_HEIGHT);
        for step in 0..=LINES_STEPS {
            let value = top * f64::from(step) / f64::from(LINES_STEPS);
            let y = y_of(value / top);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                plain(value)
            );
        }
        self.axis(&mut svg, LINES_BOTTOM);
        for (index, line) in lines.iter().enumerate() {
            let points: String = self.points(line.values, top).iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{0}\" stroke-width=\"1.5\" points=\"{points}\"/>\
                 <text x=\"{1:.0}\" y=\"12\" fill=\"{0}\">{2}</text>",
                line.colour,
                LEFT + 120.0 + 110.0 * index as f64,
                escaped(line.name)
            );
        }
        let _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"12\">{}</text>\n</svg>", escaped(unit));
        svg
    }

    /// The largest value on each point of the screen that has any.
    fn points(self, values: &[f64], top: f64) -> Vec<(f64, f64)> {
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let value = if value.is_finite() { value.clamp(0.0, top) } else { top };
            let bins = u32::try_from(index).unwrap_or(u32::MAX);
            let (x, y) = (self.x_of(BIN.saturating_mul(bins)).floor(), y_of(value / top));
            match points.last_mut() {
                Some((same, highest)) if *same == x => *highest = highest.min(y),
                _ => points.push((x, y)),
            }
        }
        points
    }

    /// A row for each host.
    pub(super) fn states(self, hosts: &[Vec<(Duration, char)>]) -> String {
        let bottom = TOP + ROW * hosts.len() as f64;
        let mut svg = opened(bottom + FOOT);
        for (host, places) in hosts.iter().enumerate() {
            let y = TOP + ROW * host as f64;
            let _ = writeln!(
                svg,
                "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">h{host}</text>",
                LEFT - 6.0,
                y + ROW - 3.0
            );
            let ends = places.iter().skip(1).map(|(since, _)| *since).chain([self.end]);
            for ((since, letter), end) in places.iter().zip(ends) {
                self.state(&mut svg, y, (*since, end), *letter);
            }
        }
        self.axis(&mut svg, bottom);
        svg.push_str("</svg>\n");
        svg
    }

    fn state(self, svg: &mut String, y: f64, (since, end): (Duration, Duration), letter: char) {
        let (x, width) = (self.x_of(since), self.x_of(end) - self.x_of(since));
        if width <= 0.0 {
            return;
        }
        let height = ROW - 1.0;
        let fill = colour(letter);
        let _ =
            write!(svg, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{fill}\"/>");
        if width >= LETTER_WIDTH {
            let ink = if letter == 'X' { "#fff" } else { "#222" };
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{ink}\">{}</text>",
                x + 2.0,
                y + ROW - 3.0,
                escaped(&letter.to_string())
            );
        }
        svg.push('\n');
    }

    fn axis(self, svg: &mut String, y: f64) {
        let step = round_up(self.end.as_secs_f64() / TIME_STEPS);
        let mut seconds = 0.0;
        while seconds <= self.end.as_secs_f64() {
            let x = self.x_of(Duration::from_secs_f64(seconds));
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{y:.1}\" y2=\"{:.1}\" stroke=\"#888\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} s</text>",
                y + 4.0,
                y + 16.0,
                plain(seconds)
            );
            seconds += step;
        }
    }

    fn x_of(self, time: Duration) -> f64 {
        let share = time.as_secs_f64() / self.end.as_secs_f64();
        LEFT + (RIGHT - LEFT) * share.clamp(0.0, 1.0)
    }
}

fn opened(height: f64) -> String {
    format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" font-size=\"11\">\n")
}

fn y_of(share: f64) -> f64 {
    LINES_BOTTOM - (LINES_BOTTOM - TOP) * share
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round_up(value: f64) -> f64 {
    let magnitude = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * magnitude);
    steps.into_iter().find(|step| *step >= value).unwrap_or(10.0 * magnitude)
}

/// Sizes in points of the page, chosen by eye.
const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 985.0;
const TOP: f64 = 20.0;
const LINES_BOTTOM: f64 = 200.0;
const LINES_HEIGHT: f64 = 225.0;
const LINES_STEPS: u32 = 4;
const TIME_STEPS: f64 = 10.0;
const ROW: f64 = 14.0;
const FOOT: f64 = 25.0;
const LETTER_WIDTH: f64 = 11.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, round) in [(0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (43.0, 50.0), (51.0, 100.0), (1_200.0, 2_000.0)] {
            assert_eq!(round_up(value), round);
        }
    }

    #[test]
    fn a_peak_of_one_bin_is_drawn_however_long_the_run_is() {
        let frame = Frame { end: Duration::from_secs(36_000) };
        let mut values = vec![1.0; 360_000];
        values[123_456] = 100.0;
        let points = frame.points(&values, 100.0);
        assert!(points.len() <= 1_000);
        assert_eq!(points.iter().map(|(_, y)| *y).fold(f64::MAX, f64::min), TOP);
    }
}
