//! A keyring is read as written, and what is no keyring is refused with the line and what was expected.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn keys(count: usize) -> String {
    (0..count).map(|id| format!("{id:x} {HEX}\n")).collect()
}

#[test]
fn hex_and_base64_say_the_same_key_and_comments_say_nothing() {
    let base64 = STANDARD.encode((0..32).collect::<Vec<u8>>());
    let text = format!("# old and new\n\n  1f {HEX} # sealing\n2F {base64}\n");
    let ring = Keyring::parse(&text).unwrap();
    assert_eq!(ring.sealing().id(), KeyId(0x1f));
    assert_eq!(ring.find(KeyId(0x2f)).unwrap().secret(), ring.sealing().secret());
    assert_eq!(ring.find(KeyId(3)), None);
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let text = |second: &str| format!("1 {HEX}\n{second}\n");
    let wrong = |second: &str| Keyring::parse(&text(second)).unwrap_err();
    assert_eq!(Keyring::parse("# nothing\n"), Err(KeyringError::Empty));
    assert_eq!(wrong("2"), KeyringError::NotTwoWords { line: 2 });
    assert_eq!(wrong(&format!("2 {HEX} more")), KeyringError::NotTwoWords { line: 2 });
    assert_eq!(wrong(&format!("+2 {HEX}")), KeyringError::BadId { line: 2 });
    assert_eq!(wrong(&format!("123456789 {HEX}")), KeyringError::BadId { line: 2 });
    assert_eq!(wrong(&format!("2 {}", &HEX[1..])), KeyringError::BadKey { line: 2 });
    assert_eq!(wrong(&format!("2 {HEX}0")), KeyringError::BadKey { line: 2 });
    assert_eq!(wrong(&format!("1 {HEX}")), KeyringError::SameId { line: 2 });
    assert!(wrong("2 secret").to_string().contains("line 2: expected"));
    assert!(!wrong("2 secret").to_string().contains("secret"));
}

#[test]
fn as_many_keys_as_allowed_are_taken_and_not_one_more() {
    assert!(Keyring::parse(&keys(KEYS_MAX)).is_ok());
    assert_eq!(Keyring::parse(&keys(KEYS_MAX + 1)), Err(KeyringError::TooMany { line: KEYS_MAX + 1 }));
}

#[test]
fn a_text_as_long_as_allowed_is_taken_and_not_one_byte_more() {
    let padded = |len: usize| format!("1 {HEX}\n{:#<1$}", "", len - HEX.len() - 3);
    assert!(Keyring::parse(&padded(FILE_MAX)).is_ok());
    assert_eq!(Keyring::parse(&padded(FILE_MAX + 1)), Err(KeyringError::TooLong));
}

#[test]
fn a_generated_keyring_reads_back_as_itself_and_debug_hides_it() {
    let ring = Keyring::generate(&mut StdRng::seed_from_u64(1));
    let text = ring.to_string();
    assert_eq!(Keyring::parse(&text).unwrap(), ring);
    let secret = text.split_whitespace().nth(1).unwrap();
    let debug = format!("{ring:?}");
    assert!(!debug.contains(secret) && !debug.contains("secret"), "{debug}");
    assert_ne!(ring, Keyring::generate(&mut StdRng::seed_from_u64(2)));
}

#[test]
fn a_file_others_can_read_is_told_apart() {
    let path = std::env::temp_dir().join(format!("breakerd-keyring-{}", std::process::id()));
    fs::write(&path, keys(1)).unwrap();
    for (mode, exposure) in [(0o600, Exposure::Private), (0o640, Exposure::Exposed), (0o604, Exposure::Exposed)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Keyring::read(&path).unwrap().exposure, exposure);
    }
    fs::write(&path, "1 x\n").unwrap();
    assert!(matches!(Keyring::read(&path), Err(KeyringFileError::Keyring(KeyringError::BadKey { line: 1 }))));
    fs::remove_file(&path).unwrap();
    assert!(matches!(Keyring::read(&path), Err(KeyringFileError::Io(_))));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = Keyring::parse(&text);
    }
}
