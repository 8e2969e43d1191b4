//! The number of this life of the agent, kept in a file so that it only ever rises.
//!
//! Peers give an agent that comes back under its old number its old state back, so each life needs a higher one:
//! the larger of the last one plus one and the wall clock in milliseconds. The file covers a clock that stepped back,
//! the clock covers a file that was lost. The file is replaced, never rewritten: a crash leaves the old or the new one.
//!
//! A file that holds anything but a number is an error and not a fresh start: the path is then likely wrong (somebody
//! else's file), and taking the clock's word alone is just what the file is there to prevent.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Takes the next incarnation from the file at `path` and writes it there.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::InvalidData`] when the file holds something else than a number, or the
/// last number there is. The file is then as it was.
pub fn next(path: &Path, wall_clock_ms: u64) -> io::Result<u64> {
    let incarnation = match read(path)? {
        None => wall_clock_ms.max(FIRST),
        Some(previous) => previous.checked_add(1).ok_or_else(|| invalid(path))?.max(wall_clock_ms),
    };
    store(path, incarnation)?;
    Ok(incarnation)
}

/// Writes an incarnation that gossip had to raise, unless the file already holds a higher one.
///
/// # Errors
/// As [`next`].
pub fn raise(path: &Path, incarnation: u64) -> io::Result<()> {
    match read(path)? {
        Some(previous) if previous >= incarnation => Ok(()),
        _ => store(path, incarnation),
    }
}

fn read(path: &Path) -> io::Result<Option<u64>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = Vec::new();
    file.take(LEN_MAX + 1).read_to_end(&mut text)?;
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.trim_ascii_end().parse().ok());
    number.map(Some).ok_or_else(|| invalid(path))
}

fn store(path: &Path, incarnation: u64) -> io::Result<()> {
    let beside = beside(path);
    let mut file = File::create(&beside)?;
    file.write_all(format!("{incarnation}\n").as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

/// In the same directory, because a rename is atomic only within one file system.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn invalid(path: &Path) -> io::Error {
    let path = path.display();
    let text = format!("{path}: expected the agent's last incarnation, one decimal number below {}", u64::MAX);
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Zero stands for nothing; a host whose clock says 1970 still gets a number.
const FIRST: u64 = 1;

/// Longest file in bytes: twenty digits, and a line's end in anybody's style.
const LEN_MAX: u64 = 22;

#[cfg(test)]
mod tests;
