//! Tables of at most 80 columns. Pure.
//!
//! Every column is as wide as its widest cell, up to its own limit, beyond which cells lose their middle. The last
//! column takes what is left and wraps. The limits of a table's columns must leave it some room; the tests of each table
//! try that with the widest cells.

use super::text::{clean, cut, elide, width, wrap};

/// Lines of every text the command line prints as a table: what a terminal has that nobody made wider.
pub(crate) const LINE_MAX: usize = 80;

/// Whether colours may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Palette {
    Plain,
    Ansi,
}

/// What a cell's colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Normal,
    Good,
    Warning,
    Bad,
    Special,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A column: its title, its alignment, and the most columns of the terminal it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) align: Align,
    pub(crate) width_max: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    ink: Ink,
}

#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    last: &'static str,
    rows: Vec<Vec<Cell>>,
}

impl Palette {
    pub(crate) fn paint(self, text: &str, ink: Ink) -> String {
        let code = match (self, ink) {
            (Self::Plain, _) | (_, Ink::Normal) => return text.to_owned(),
            (Self::Ansi, Ink::Good) => "32",
            (Self::Ansi, Ink::Warning) => "33",
            (Self::Ansi, Ink::Bad) => "31",
            (Self::Ansi, Ink::Special) => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Cell {
    pub(crate) fn inked(text: &str, ink: Ink) -> Self {
        Self { text: clean(text), ink }
    }

    /// Another text in the same colour.
    pub(crate) fn with_text(self, text: &str) -> Self {
        Self::inked(text, self.ink)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::inked(text, Ink::Normal)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::inked(&text, Ink::Normal)
    }
}

impl Column {
    pub(crate) fn left(title: &'static str, width_max: usize) -> Self {
        Self { title, align: Align::Left, width_max }
    }

    pub(crate) fn right(title: &'static str, width_max: usize) -> Self {
        Self { title, align: Align::Right, width_max }
    }
}

impl Table {
    /// A table with these columns and a last one that takes the rest.
    pub(crate) fn new(columns: Vec<Column>, last: &'static str) -> Self {
        Self { columns, last, rows: Vec::new() }
    }

    /// Adds a row: a cell for each column and one for the last.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len() + 1, "invariant: a row has a cell for every column");
        self.rows.push(row);
    }

    /// The table as lines, each with its end.
    pub(crate) fn render(&self, palette: Palette) -> String {
        let widths: Vec<usize> = (0..self.columns.len()).map(|place| self.width_of(place)).collect();
        let used: usize = widths.iter().map(|width| width + GAP.len()).sum();
        let room = LINE_MAX.saturating_sub(used);
        let titles: Vec<_> =
            self.columns.iter().map(|column| column.title).chain([self.last]).map(Cell::from).collect();
        let lines = std::iter::once(&titles).chain(&self.rows);
        lines.map(|row| self.render_row(row, &widths, room, palette)).collect()
    }

    fn width_of(&self, place: usize) -> usize {
        let Column { title, width_max, .. } = self.columns[place];
        let widest = self.rows.iter().map(|row| width(&row[place].text)).max().unwrap_or(0);
        widest.max(width(title)).min(width_max)
    }

    fn render_row(&self, row: &[Cell], widths: &[usize], room: usize, palette: Palette) -> String {
        let mut line = String::new();
        for ((cell, column), &columns) in row.iter().zip(&self.columns).zip(widths) {
            let text = elide(&cell.text, columns);
            let pad = " ".repeat(columns - width(&text));
            let painted = palette.paint(&text, cell.ink);
            match column.align {
                Align::Left => line.extend([painted, pad]),
                Align::Right => line.extend([pad, painted]),
            }
            line.push_str(GAP);
        }
        let indent = " ".repeat(widths.iter().map(|width| width + GAP.len()).sum());
        let last = &row[row.len() - 1];
        for (place, part) in limited(wrap(&last.text, room), room).into_iter().enumerate() {
            let start = if place == 0 { line.as_str() } else { indent.as_str() };
            let whole = format!("{start}{}", palette.paint(&part, last.ink));
            if place == 0 { line = whole } else { line = format!("{line}\n{whole}") }
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// At most [`WRAP_MAX`] lines; the last of them says that there would be more.
fn limited(mut lines: Vec<String>, room: usize) -> Vec<String> {
    if lines.len() > WRAP_MAX {
        let rest = lines.split_off(WRAP_MAX - 1).join(" ");
        lines.push(cut(&rest, room));
    }
    lines
}

/// Between columns.
const GAP: &str = "  ";

/// Most lines of one row: the longest reason of our own takes three in the narrowest table; four leave room for a word.
const WRAP_MAX: usize = 4;
