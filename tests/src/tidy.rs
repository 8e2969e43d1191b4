//! The rules of the house that a program can check: who imports whom, what the core must not touch, how long a file may
//! be, that it says what it is for.
//!
//! Files are read as text, comments left out. That is coarser than a compiler and sees more: a name in a macro, a
//! dependency nobody calls yet.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file of the workspace.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path from the workspace's root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A rule broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// A rule that a word must not stand in some files.
#[derive(Clone, Copy, Debug)]
pub struct Ban {
    /// Files whose path starts so.
    pub within: &'static str,
    /// But not those whose path starts with one of these.
    pub but: &'static [&'static str],
    /// The word: not part of a longer one.
    pub word: &'static str,
    /// Why not.
    pub why: &'static str,
}

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("invariant: this crate is in the workspace").to_path_buf()
}

/// Every Rust file of the workspace.
#[must_use]
pub fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for package in ["agent", "client", "sim", "tests"] {
        collect(&root().join(package), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("a folder of the workspace can be read");
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file is text");
            let relative = path.strip_prefix(root()).expect("invariant: it was found below the root");
            found.push(Source { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

impl Ban {
    /// Where the rule is broken.
    #[must_use]
    pub fn faults(&self, source: &Source) -> Vec<Fault> {
        let applies = source.path.starts_with(self.within) && !self.but.iter().any(|but| source.path.starts_with(but));
        if !applies {
            return Vec::new();
        }
        let lines = source.text.lines().enumerate();
        lines
            .filter(|(_, line)| has_word(code_of(line), self.word))
            .map(|(index, _)| Fault {
                path: source.path.clone(),
                line: index + 1,
                what: format!("names {:?}: {}", self.word, self.why),
            })
            .collect()
    }
}

/// A file longer than `most` lines.
#[must_use]
pub fn too_long(source: &Source, most: usize) -> Option<Fault> {
    let lines = source.text.lines().count();
    let what = format!("has {lines} lines, at most {most} fit in a head");
    (lines > most).then(|| Fault { path: source.path.clone(), line: lines, what })
}

/// A file that does not open with what it is for.
#[must_use]
pub fn without_header(source: &Source) -> Option<Fault> {
    let what = "does not open with what it is for (//!)".to_owned();
    (!source.text.starts_with("//!")).then(|| Fault { path: source.path.clone(), line: 1, what })
}

/// A line without its comment. Good enough for code that keeps `//` out of its strings, except in addresses.
fn code_of(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn has_word(code: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(in_word);
        let after = code[at + word.len()..].chars().next().is_some_and(in_word);
        !before && !after
    })
}
