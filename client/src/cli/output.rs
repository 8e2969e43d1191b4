//! The one place that writes to the terminal.
//!
//! Its rules: a reader who has gone is no error, since `breakerctl watch | head` is a fine thing to do; what is coloured
//! depends on who reads (`NO_COLOR`, and whether standard output is a terminal); a document is one line; an error is one
//! line on standard error whatever the format, so that a person sees it also when a program reads the rest.

use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

use super::args::Format;
use super::exit::{Exit, Trouble};
use super::table::Palette;

/// Where answers go and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
    palette: Palette,
}

/// Whether anybody still reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Reads,
    Gone,
}

impl Output {
    pub(crate) fn of_process(format: Format) -> Self {
        let terminal = std::io::stdout().is_terminal().then(|| std::env::var_os("TERM")).flatten();
        Self { format, palette: palette(std::env::var_os("NO_COLOR").as_deref(), terminal.as_deref()) }
    }

    /// Prints an answer, as text or as a document, on standard output.
    pub(crate) fn answer(
        &self,
        text: impl FnOnce(Palette) -> String,
        document: &impl Serialize,
    ) -> Result<Reader, Trouble> {
        let whole = match self.format {
            Format::Text => text(self.palette),
            Format::Json => one_line(document)?,
        };
        let mut stdout = std::io::stdout().lock();
        match stdout.write_all(whole.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(Reader::Reads),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
            Err(error) => Err(Trouble::new(Exit::Other, format!("cannot write to standard output: {error}"))),
        }
    }

    /// Says what went wrong, on standard error and for programs also on standard output.
    pub(crate) fn failure(&self, trouble: &Trouble) -> Exit {
        self.note(&trouble.text);
        if self.format == Format::Json {
            // The status says it all if this cannot be written.
            let _ = self.answer(|_| String::new(), &trouble.document());
        }
        trouble.exit
    }

    /// One line on standard error.
    pub(crate) fn note(&self, text: &str) {
        // Where standard error is closed there is nobody to tell.
        let _ = writeln!(std::io::stderr().lock(), "breakerctl: {}", super::text::clean(text));
    }

    /// A document on standard error, if documents are wanted: for `run`, whose standard output is its command's.
    pub(crate) fn side_document(&self, document: &impl Serialize) {
        if let (Format::Json, Ok(line)) = (self.format, one_line(document)) {
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
    }
}

/// Colours for the kind of terminal that reads, unless it has none or `NO_COLOR` is set to anything.
fn palette(no_color: Option<&OsStr>, terminal: Option<&OsStr>) -> Palette {
    let wants_none = no_color.is_some_and(|value| !value.is_empty());
    match terminal {
        Some(kind) if kind != "dumb" && !wants_none => Palette::Ansi,
        _ => Palette::Plain,
    }
}

fn one_line(document: &impl Serialize) -> Result<String, Trouble> {
    let json = serde_json::to_string(document);
    json.map(|line| line + "\n").map_err(|error| Trouble::new(Exit::Other, format!("no JSON for this: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_were_not_told_otherwise() {
        let of = |no_color: Option<&str>, terminal: Option<&str>| {
            palette(no_color.map(OsStr::new), terminal.map(OsStr::new))
        };
        assert_eq!(of(None, Some("xterm")), Palette::Ansi);
        assert_eq!(of(Some(""), Some("xterm")), Palette::Ansi);
        assert_eq!(of(Some("1"), Some("xterm")), Palette::Plain);
        assert_eq!(of(None, Some("dumb")), Palette::Plain);
        assert_eq!(of(None, None), Palette::Plain);
    }
}
