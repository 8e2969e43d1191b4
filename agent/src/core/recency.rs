//! Who was used least recently: a list through places, with every step in constant time.
//!
//! Not everybody is in line: a place that comes in, or comes back, goes to the end. Taking out one that is not in line
//! and touching one that is not yet are harmless, so that the caller need not remember who is.

/// Places in order of their last use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recency {
    links: Vec<Link>,
    oldest: Option<u32>,
    newest: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Out,
    In {
        older: Option<u32>,
        newer: Option<u32>,
    },
}

impl Recency {
    /// The place that was used least recently.
    #[must_use]
    pub fn oldest(&self) -> Option<u32> {
        self.oldest
    }

    /// Notes that a place was used; one that was not in line now is.
    pub fn touch(&mut self, place: u32) {
        if self.newest != Some(place) {
            self.remove(place);
            self.append(place);
        }
    }

    /// Takes a place out of the line, if it is in.
    pub fn remove(&mut self, place: u32) {
        let Some(link) = self.links.get_mut(index(place)) else { return };
        let Link::In { older, newer } = std::mem::take(link) else { return };
        match older {
            Some(older) => self.set_newer(older, newer),
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.set_older(newer, older),
            None => self.newest = older,
        }
    }

    fn append(&mut self, place: u32) {
        let at = index(place);
        if self.links.len() <= at {
            self.links.resize(at + 1, Link::Out);
        }
        self.links[at] = Link::In { older: self.newest, newer: None };
        match self.newest {
            Some(newest) => self.set_newer(newest, Some(place)),
            None => self.oldest = Some(place),
        }
        self.newest = Some(place);
    }

    fn set_newer(&mut self, place: u32, to: Option<u32>) {
        if let Link::In { newer, .. } = &mut self.links[index(place)] {
            *newer = to;
        }
    }

    fn set_older(&mut self, place: u32, to: Option<u32>) {
        if let Link::In { older, .. } = &mut self.links[index(place)] {
            *older = to;
        }
    }
}

fn index(place: u32) -> usize {
    place as usize
}

#[cfg(test)]
mod tests;
