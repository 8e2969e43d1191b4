//! Names of users and groups, as numbers: from `/etc/passwd` and `/etc/group`.
//!
//! Only these files are read. Accounts of a directory service need the system's C library and whatever modules it
//! loads; whoever has such accounts writes the number.

use std::path::Path;

use crate::config::Principal;

/// Why an account has no number.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The file could not be read.
    #[error("cannot read {file}: {source}")]
    Unreadable {
        /// The file.
        file: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// No line names it.
    #[error("{file} has no {name:?}; create it, or write its number")]
    Unknown {
        /// The file.
        file: &'static str,
        /// What was looked for.
        name: String,
    },
}

/// The number of a user.
///
/// # Errors
/// [`AccountError`].
pub fn user(user: &Principal) -> Result<u32, AccountError> {
    number(user, "/etc/passwd")
}

/// The number of a group.
///
/// # Errors
/// [`AccountError`].
pub fn group(group: &Principal) -> Result<u32, AccountError> {
    number(group, "/etc/group")
}

fn number(of: &Principal, file: &'static str) -> Result<u32, AccountError> {
    match of {
        Principal::Id(id) => Ok(*id),
        Principal::Name(name) => {
            let text =
                std::fs::read_to_string(Path::new(file)).map_err(|source| AccountError::Unreadable { file, source })?;
            find(&text, name).ok_or_else(|| AccountError::Unknown { file, name: name.clone() })
        }
    }
}

/// The third field of the line whose first is the name: both files are made so.
fn find(text: &str, name: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_its_whole_first_field() {
        let text = "root:x:0:0:root:/root:/bin/sh\nbreaker:x:998:997::/:/bin/false\nbroken:x\n";
        assert_eq!(find(text, "breaker"), Some(998));
        assert_eq!(find(text, "break"), None);
        assert_eq!(find(text, "broken"), None);
        assert_eq!(find(text, ""), None);
    }

    #[test]
    fn a_number_needs_no_file_and_an_unknown_name_says_where_it_was_looked_for() {
        assert_eq!(user(&Principal::Id(7)).unwrap(), 7);
        let error = group(&Principal::Name("no-such-group".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "/etc/group has no \"no-such-group\"; create it, or write its number");
    }
}
