//! Small texts that fit: widths, elisions, figures. Pure.
//!
//! Names and reasons come from other processes and other hosts, so everything that is shown goes through [`clean`]: a
//! name with escape sequences must not drive somebody's terminal. Widths are an upper bound by ranges of characters
//! (Unicode's East Asian width has the exact table), since a column too wide breaks the line and one too narrow does not.

use breaker_client::wire::State;

/// The state as people write it, which is also how the command line's verbs are written.
pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half-open",
        State::ForcedOpen => "forced-open",
        State::Disabled => "disabled",
        State::MetricsOnly => "metrics-only",
    }
}

/// The text with everything that could drive a terminal or turn text around replaced by `?`.
pub(crate) fn clean(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    text.chars().map(|c| if is_harmful(c) { '?' } else { c }).collect()
}

/// Columns the text takes at most.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    let is_wide = matches!(u32::from(c), 0x1100..=0x115f | 0x2300..=0x24ff | 0x2600..=0x27bf | 0x2b00..=0x2bff
        | 0x2e80..=0xd7ff | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xffe6 | 0x1_6fe0..=0x3_ffff);
    if is_wide { 2 } else { 1 }
}

/// The text in at most `room` columns, with the middle left out where it is too long: names differ at both ends.
pub(crate) fn elide(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let Some(kept) = room.checked_sub(1) else { return String::new() };
    let tail = take(text.chars().rev(), kept / 2);
    let head = take(text.chars(), kept - tail.iter().copied().map(char_width).sum::<usize>());
    head.iter().chain(&['…']).chain(tail.iter().rev()).collect()
}

/// The text in at most `room` columns, cut at the end.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let Some(kept) = room.checked_sub(1) else { return String::new() };
    take(text.chars(), kept).into_iter().chain(['…']).collect()
}

fn take(chars: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut used = 0;
    chars
        .take_while(|&c| {
            used += char_width(c);
            used <= room
        })
        .collect()
}

/// The words of the text in lines of at most `room` columns (at least two, a wide character's), longer words broken.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(2);
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("invariant: there is always a line");
        if line.is_empty() {
            push_broken(&mut lines, word, room);
        } else if width(line) + 1 + width(word) <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(String::new());
            push_broken(&mut lines, word, room);
        }
    }
    lines
}

/// Puts a word on the last line, which is empty, and as many more as it takes.
fn push_broken(lines: &mut Vec<String>, word: &str, room: usize) {
    for c in word.chars() {
        if lines.last().is_some_and(|line| width(line) + char_width(c) > room) {
            lines.push(String::new());
        }
        lines.last_mut().expect("invariant: there is always a line").push(c);
    }
}

/// A time in at most five columns, rounded down: `250ms`, `1.5s`, `12s`, `90m`, `36h`, `12d`.
pub(crate) fn brief(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms}ms"),
        1..60 if ms % 1_000 >= 100 => format!("{seconds}.{}s", ms % 1_000 / 100),
        1..100 => format!("{seconds}s"),
        100..6_000 => format!("{}m", seconds / 60),
        6_000..360_000 => format!("{}h", seconds / 3_600),
        360_000..86_400_000 => format!("{}d", seconds / 86_400),
        _ => ">999d".to_owned(),
    }
}

/// Microseconds as [`brief`] has milliseconds.
pub(crate) fn brief_us(us: u64) -> String {
    if us < 1_000 { format!("{us}us") } else { brief(us / 1_000) }
}

/// A share in at most five columns, rounded down so that only the whole is `100%`; `-` where it is undefined.
pub(crate) fn percent(ppm: Option<u32>) -> String {
    match ppm {
        None => "-".to_owned(),
        Some(0) => "0%".to_owned(),
        Some(1..1_000) => "<0.1%".to_owned(),
        Some(ppm @ 1_000..100_000) if ppm / 1_000 % 10 != 0 => format!("{}.{}%", ppm / 10_000, ppm / 1_000 % 10),
        Some(ppm) => format!("{}%", ppm / 10_000),
    }
}

/// A count in at most five columns, rounded down: `99999`, `123k`, `45M`.
pub(crate) fn count(n: u64) -> String {
    const UNITS: [(u64, char); 6] = [
        (1_000_000_000_000_000_000, 'E'),
        (1_000_000_000_000_000, 'P'),
        (1_000_000_000_000, 'T'),
        (1_000_000_000, 'G'),
        (1_000_000, 'M'),
        (1_000, 'k'),
    ];
    let unit = UNITS.into_iter().find(|&(size, _)| n >= 100_000 && n >= size);
    unit.map_or(n.to_string(), |(size, letter)| format!("{}{letter}", n / size))
}

#[cfg(test)]
mod tests;
