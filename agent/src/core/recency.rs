//! Who was used least recently: a list through places, with every step in constant time.

/// Places in order of their last use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recency {
    links: Vec<Link>,
    oldest: Option<u32>,
    newest: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Link {
    older: Option<u32>,
    newer: Option<u32>,
}

impl Recency {
    /// Adds a place, as the most recently used.
    pub fn add(&mut self, place: u32) {
        let at = index(place);
        if self.links.len() <= at {
            self.links.resize(at + 1, Link::default());
        }
        self.links[at] = Link { older: self.newest, newer: None };
        match self.newest {
            Some(newest) => self.links[index(newest)].newer = Some(place),
            None => self.oldest = Some(place),
        }
        self.newest = Some(place);
    }

    /// Takes a place out; it must be in.
    pub fn remove(&mut self, place: u32) {
        let Link { older, newer } = self.links[index(place)];
        match older {
            Some(older) => self.links[index(older)].newer = newer,
            None => self.oldest = newer,
        }
        match newer {
            Some(newer) => self.links[index(newer)].older = older,
            None => self.newest = older,
        }
    }

    /// Notes that a place was used.
    pub fn touch(&mut self, place: u32) {
        if self.newest != Some(place) {
            self.remove(place);
            self.add(place);
        }
    }

    /// Places from the least recently used on.
    pub fn from_oldest(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.oldest, |place| self.links[index(*place)].newer)
    }
}

fn index(place: u32) -> usize {
    place as usize
}
