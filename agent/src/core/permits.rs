//! Permits that are out: who holds them, what they were granted, and until when.
//!
//! A permit is used up by exactly one of: a report, a cancellation, the loss of its holder, the end of its lease. Ids
//! carry a serial number, so that a used one stays unknown when its place is taken again.
//! Leases of probes end on the dot, because that is a verdict. All others end without any effect but their memory, so
//! a hand that looks at two places with every grant is enough to take them back: the table never holds more than
//! about twice what is alive. The permits of a holder are found through lists that run through the table, one for all
//! holders with the same remainder: giving a permit out and taking it back moves a few numbers and no tree.

use std::collections::BTreeSet;

use super::breaker::Grant;
use super::service::SEGMENTS_MAX;
use super::time::MonoTime;

/// The number of a permit: its place and a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermitId(u64);

/// To whom a permit belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A connection, by its number: lost with it, the permit is cancelled.
    Connection(u64),
    /// A user, on whatever connection: the permit lives until it is used or its lease runs out.
    User(u32),
}

/// A permit that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Whose it is.
    pub holder: Holder,
    /// When its lease runs out (inclusive).
    pub until: MonoTime,
    /// The place of its service.
    pub service: u32,
    /// What each breaker of the path gave, the deepest first.
    pub grants: [Grant; SEGMENTS_MAX],
    /// Whether the end of its lease is a verdict.
    pub sort: Sort,
}

/// Whether the end of a lease matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// No breaker of the path was in HalfOpen.
    Plain,
    /// One was.
    Probe,
}

/// All permits that are out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permits {
    cells: Vec<Cell>,
    free: Vec<u32>,
    /// The first place of each list of permits by holder.
    heads: Box<[Option<u32>]>,
    probes: BTreeSet<(MonoTime, u32)>,
    serial: u32,
    hand: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cell {
    serial: u32,
    permit: Option<Permit>,
    /// Its neighbours in the list of its holder.
    before: Option<u32>,
    after: Option<u32>,
}

impl Default for Permits {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            free: Vec::new(),
            heads: vec![None; HOLDER_LISTS].into(),
            probes: BTreeSet::new(),
            serial: 0,
            hand: 0,
        }
    }
}

impl Permits {
    /// Whether one more may go out.
    #[must_use]
    pub fn has_room(&self, limit: usize) -> bool {
        self.len() < limit
    }

    /// How many are out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len() - self.free.len()
    }

    /// Whether none is out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives one out.
    pub fn issue(&mut self, permit: Permit) -> PermitId {
        self.serial = self.serial.wrapping_add(1);
        let head = list_of(permit.holder);
        let after = self.heads[head];
        let cell = Cell { serial: self.serial, permit: Some(permit), before: None, after };
        let place = match self.free.pop() {
            Some(place) => {
                self.cells[place as usize] = cell;
                place
            }
            None => {
                self.cells.push(cell);
                u32::try_from(self.cells.len() - 1).expect("invariant: the registry asks for room first")
            }
        };
        self.heads[head] = Some(place);
        if let Some(after) = after {
            self.cells[after as usize].before = Some(place);
        }
        if permit.sort == Sort::Probe {
            self.probes.insert((permit.until, place));
        }
        PermitId::new(place, self.serial)
    }

    /// The permit of this number, if it is out.
    #[must_use]
    pub fn peek(&self, id: PermitId) -> Option<&Permit> {
        let cell = self.cells.get(id.place() as usize)?;
        cell.permit.as_ref().filter(|_| cell.serial == id.serial())
    }

    /// Uses one up.
    pub fn take(&mut self, id: PermitId) -> Option<Permit> {
        self.peek(id)?;
        self.take_from(id.place())
    }

    /// Uses one up whose lease has not run out.
    pub fn take_good(&mut self, id: PermitId, now: MonoTime) -> Option<Permit> {
        self.peek(id).filter(|permit| permit.until > now)?;
        self.take_from(id.place())
    }

    /// Uses up any permit of this holder.
    pub fn take_of(&mut self, holder: Holder) -> Option<Permit> {
        let mut next = self.heads[list_of(holder)];
        while let Some(place) = next {
            let cell = &self.cells[place as usize];
            if cell.permit.is_some_and(|permit| permit.holder == holder) {
                return self.take_from(place);
            }
            next = cell.after;
        }
        None
    }

    /// When the first lease of a probe runs out.
    #[must_use]
    pub fn deadline(&self) -> Option<MonoTime> {
        self.probes.first().map(|(until, _)| *until)
    }

    /// Uses up the probe whose lease runs out first, if that is not after `now`.
    pub fn take_overdue_probe(&mut self, now: MonoTime) -> Option<Permit> {
        let (until, place) = self.probes.first().copied()?;
        if until > now { None } else { self.take_from(place) }
    }

    /// Moves the hand one place on and uses up the plain permit there, if its lease has run out.
    pub fn take_stale(&mut self, now: MonoTime) -> Option<Permit> {
        self.hand = if self.hand + 1 < self.cells.len() { self.hand + 1 } else { 0 };
        let permit = self.cells.get(self.hand)?.permit.as_ref()?;
        if permit.sort == Sort::Plain && permit.until <= now {
            self.take_from(u32::try_from(self.hand).ok()?)
        } else {
            None
        }
    }

    fn take_from(&mut self, place: u32) -> Option<Permit> {
        let cell = self.cells.get_mut(place as usize)?;
        let permit = cell.permit.take()?;
        let (before, after) = (cell.before.take(), cell.after.take());
        match before {
            Some(before) => self.cells[before as usize].after = after,
            None => self.heads[list_of(permit.holder)] = after,
        }
        if let Some(after) = after {
            self.cells[after as usize].before = before;
        }
        self.free.push(place);
        if permit.sort == Sort::Probe {
            self.probes.remove(&(permit.until, place));
        }
        Some(permit)
    }
}

impl PermitId {
    /// From the number a client sends.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number a client is sent.
    #[must_use]
    pub fn as_u64(self) -> u64 {
        self.0
    }

    fn new(place: u32, serial: u32) -> Self {
        Self(u64::from(serial) << 32 | u64::from(place))
    }

    fn place(self) -> u32 {
        (self.0 & u64::from(u32::MAX)) as u32
    }

    fn serial(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

fn list_of(holder: Holder) -> usize {
    let number = match holder {
        Holder::Connection(number) => number,
        Holder::User(uid) => u64::from(uid),
    };
    usize::try_from(number % HOLDER_LISTS as u64).unwrap_or(0)
}

/// With a thousand connections most lists have one holder; 32 KB.
const HOLDER_LISTS: usize = 4_096;

#[cfg(test)]
mod tests;
