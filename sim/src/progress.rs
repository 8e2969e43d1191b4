//! How far it is, on a terminal: the simulated time of a run, a bar for many.
//!
//! The only thing here that asks for the real time, and it answers nobody: no run depends on it. Where standard error is
//! no terminal nothing is shown.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use breaker_sim::sweep;

/// A line on the terminal that is written again and again.
pub(crate) struct Progress {
    is_terminal: bool,
    began: Instant,
    next: Instant,
    has_shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { is_terminal: stderr().is_terminal(), began: now, next: now + EVERY, has_shown: false }
    }

    /// The simulated time of a run.
    pub(crate) fn simulated(&mut self, time: Duration) {
        self.show(|_| format!("{:.1} s simulated", time.as_secs_f64()));
    }

    /// How many runs are done.
    pub(crate) fn runs(&mut self, at: sweep::Progress) {
        self.show(|taken| bar(at, taken));
    }

    fn show(&mut self, text: impl FnOnce(Duration) -> String) {
        let now = Instant::now();
        if self.is_terminal && now >= self.next {
            self.next = now + EVERY;
            self.has_shown = true;
            // Standard error may be gone; then nobody looks.
            write!(stderr(), "\r\x1b[K{}", text(now - self.began)).ok();
        }
    }
}

impl Drop for Progress {
    /// What comes next begins on a clean line.
    fn drop(&mut self) {
        if self.has_shown {
            write!(stderr(), "\r\x1b[K").ok();
        }
    }
}

/// `[=====>    ] 120/300, 2 failed, about 40 s`.
fn bar(at: sweep::Progress, taken: Duration) -> String {
    let filled = (BAR * at.done).checked_div(at.of).unwrap_or(BAR);
    let head = if filled < BAR { ">" } else { "" };
    let line = format!("{}{head}", "=".repeat(filled));
    let left = taken.as_secs_f64() / at.done.max(1) as f64 * at.of.saturating_sub(at.done) as f64;
    let rest = if at.done == 0 { String::new() } else { format!(", about {left:.0} s") };
    format!("[{line:BAR$}] {}/{}, {} failed{rest}", at.done, at.of, at.failed)
}

/// A run that is over within a second shows nothing.
const EVERY: Duration = Duration::from_secs(1);

const BAR: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_and_fits_in_a_line() {
        let at = |done, of| bar(sweep::Progress { done, of, failed: 2 }, Duration::from_secs(20));
        assert_eq!(at(0, 10), "[>                             ] 0/10, 2 failed");
        assert_eq!(at(5, 10), "[===============>              ] 5/10, 2 failed, about 20 s");
        assert_eq!(at(10, 10), "[==============================] 10/10, 2 failed, about 0 s");
        assert!(at(999_999, 1_000_000).len() <= 80 && at(0, 0).len() <= 80);
    }
}
