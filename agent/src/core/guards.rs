//! Which protections of the cluster's judgement are on.
//!
//! All of them are, in every agent there is: no configuration reaches this. The simulator switches them off one by one and
//! must then see the damage, which proves two things at once: that the guard is needed, and that the simulator would
//! notice if it broke.

/// Which protections are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// So many failing hosts are needed for an opening.
    pub quorum: bool,
    /// Failures must pass the threshold by a margin that grows with the root of the calls.
    pub margin: bool,
    /// A heard caller that is silent counts as good calls.
    pub silence: bool,
    /// A host whose own calls go well joins nothing.
    pub first_hand: bool,
    /// A host that fails where others do not counts nowhere.
    pub sick_host: bool,
    /// Only so many services are refused on the word of others.
    pub join_cap: bool,
    /// A host takes the place that most of the others have.
    pub adoption: bool,
    /// A host that hears too few of the others starts and joins nothing.
    pub deaf: bool,
    /// Being in an opening is no testimony.
    pub hearsay: bool,
    /// A number once left is not entered again.
    pub reentry: bool,
    /// A recorded datagram does nothing.
    pub replay: bool,
}

impl Guards {
    /// All on.
    pub const ON: Self = Self {
        quorum: true,
        margin: true,
        silence: true,
        first_hand: true,
        sick_host: true,
        join_cap: true,
        adoption: true,
        deaf: true,
        hearsay: true,
        reentry: true,
        replay: true,
    };

    /// Their names, in the order of the fields.
    pub const NAMES: [&str; 11] = [
        "quorum",
        "margin",
        "silence",
        "first_hand",
        "sick_host",
        "join_cap",
        "adoption",
        "deaf",
        "hearsay",
        "reentry",
        "replay",
    ];

    /// One of them, by name.
    pub fn named(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "quorum" => &mut self.quorum,
            "margin" => &mut self.margin,
            "silence" => &mut self.silence,
            "first_hand" => &mut self.first_hand,
            "sick_host" => &mut self.sick_host,
            "join_cap" => &mut self.join_cap,
            "adoption" => &mut self.adoption,
            "deaf" => &mut self.deaf,
            "hearsay" => &mut self.hearsay,
            "reentry" => &mut self.reentry,
            "replay" => &mut self.replay,
            _ => return None,
        })
    }
}

impl Default for Guards {
    fn default() -> Self {
        Self::ON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_stands_for_another_guard() {
        let mut seen = Vec::new();
        for name in Guards::NAMES {
            let mut guards = Guards::ON;
            *guards.named(name).unwrap() = false;
            assert_ne!(guards, Guards::ON, "{name}");
            assert!(!seen.contains(&guards), "{name}");
            seen.push(guards);
        }
        assert_eq!(Guards::default().named("luck"), None);
    }
}
