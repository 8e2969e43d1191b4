//! A page as text: YAML of at most 80 columns, each line with its source as a comment.
//!
//! A source that does not fit beside its value stands in the line above. Only a single value longer than the line (a
//! path, a fallback's answer) goes past it: cut, it could not be read back. Texts are quoted wherever YAML would take
//! them for something else.

use std::fmt;

use super::{Line, Page};
use crate::config::setting::Shown;

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "{}", comment("", note))?;
        }
        let mut open: Vec<&str> = Vec::new();
        for line in &self.lines {
            let Some((key, above)) = line.path.split_last() else { continue };
            let same = open.iter().zip(above).take_while(|(open, step)| **open == step.as_str()).count();
            open.truncate(same);
            for step in above.iter().skip(same) {
                writeln!(f, "{}{}:", INDENT.repeat(open.len()), text(step))?;
                open.push(step);
            }
            line.write(f, &INDENT.repeat(above.len()), key)?;
        }
        Ok(())
    }
}

impl Line {
    fn write(&self, f: &mut fmt::Formatter<'_>, indent: &str, key: &str) -> fmt::Result {
        let source = match &self.layer {
            Some(layer) => format!("{}, {layer}", self.source),
            None => self.source.clone(),
        };
        let key = text(key);
        let left = match &self.shown {
            Shown::Nothing => format!("{indent}# {key} is not set"),
            shown => format!("{indent}{key}: {}", flow(shown)),
        };
        let beside = format!("{left:<BESIDE$}  # {source}");
        if width(&beside) <= COLUMNS {
            writeln!(f, "{beside}")?;
        } else {
            writeln!(f, "{}", comment(indent, &source))?;
            self.write_long(f, indent, &key, &left)?;
        }
        if self.path.last().is_some_and(|key| key == "ramp") {
            writeln!(f, "{}", comment(indent, "without a ramp a breaker goes from HalfOpen to Closed at once"))?;
        }
        Ok(())
    }

    fn write_long(&self, f: &mut fmt::Formatter<'_>, indent: &str, key: &str, left: &str) -> fmt::Result {
        let items: Vec<String> = match &self.shown {
            _ if width(left) <= COLUMNS => return writeln!(f, "{left}"),
            Shown::List(items) => items.iter().map(|item| text(item)).collect(),
            Shown::Json(serde_json::Value::Array(items)) => items.iter().map(ToString::to_string).collect(),
            shown => return writeln!(f, "{indent}{key}:\n{indent}{INDENT}{}", flow(shown)),
        };
        writeln!(f, "{indent}{key}:")?;
        items.iter().try_for_each(|item| writeln!(f, "{indent}{INDENT}- {item}"))
    }
}

fn flow(shown: &Shown) -> String {
    match shown {
        Shown::Nothing => String::new(),
        Shown::Number(number) => number.to_string(),
        Shown::Flag(flag) => flag.to_string(),
        Shown::Plain(word) => word.clone(),
        Shown::Text(word) => text(word),
        Shown::List(words) => format!("[{}]", words.iter().map(|word| text(word)).collect::<Vec<_>>().join(", ")),
        Shown::Json(serde_json::Value::String(word)) => text(word),
        Shown::Json(value) => value.to_string(),
    }
}

/// A text that YAML reads as this text.
fn text(word: &str) -> String {
    let plain = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./@-".contains(&b));
    let reserved = RESERVED.iter().any(|reserved| word.eq_ignore_ascii_case(reserved));
    if plain && !reserved { word.to_owned() } else { serde_json::Value::from(word).to_string() }
}

fn comment(indent: &str, text: &str) -> String {
    let line = format!("{indent}# {text}");
    if width(&line) <= COLUMNS {
        return line;
    }
    line.chars().take(COLUMNS - 1).chain(['…']).collect()
}

fn width(line: &str) -> usize {
    line.chars().count()
}

const INDENT: &str = "  ";

/// What fits a terminal.
const COLUMNS: usize = 80;

/// Where sources begin, so that the eye can run down them.
const BESIDE: usize = 46;

/// What YAML 1.1 or 1.2 takes for something else than a text.
const RESERVED: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
