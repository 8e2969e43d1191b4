//! Real sockets in directories of their own.

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixStream as StdUnixStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::socket_path::Directory;

/// An empty directory, removed at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("breakerd-test-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn place(&self) -> Place {
        Place::given(self.0.join("agent.sock"))
    }

    fn place_within(&self, directory: &str, kind: Directory) -> Place {
        Place { path: self.0.join(directory).join("agent.sock"), directory: kind }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const OWN: Access = Access { mode: 0o600, owner: None, group: None };

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn connects(path: &Path) -> bool {
    StdUnixStream::connect(path).is_ok()
}

/// What a crashed agent leaves: a socket that nobody listens on.
fn leave_stale_socket(path: &Path) {
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    assert!(!connects(path));
}

#[tokio::test]
async fn a_client_reaches_the_agent_and_the_agent_learns_its_user() {
    let scratch = Scratch::new();
    let mut socket = UnixSocket::bind(&scratch.place(), OWN).unwrap();
    let (accepted, _client) = tokio::join!(socket.accept(), UnixStream::connect(scratch.place().path));
    let (_, uid) = accepted.unwrap();
    assert_eq!(uid, Some(own_uid()));
}

#[tokio::test]
async fn a_second_agent_on_a_live_socket_is_refused_and_the_first_goes_on() {
    let scratch = Scratch::new();
    let place = scratch.place();
    let first = UnixSocket::bind(&place, OWN).unwrap();
    let refusal = UnixSocket::bind(&place, OWN).unwrap_err();
    assert!(matches!(&refusal, BindError::Live { path } if *path == place.path), "{refusal}");
    assert!(refusal.to_string().starts_with("another agent is live on "), "{refusal}");
    assert!(connects(&place.path));
    drop(first);
    UnixSocket::bind(&place, OWN).unwrap();
}

/// A program that takes no lock, so that only connecting can tell.
#[tokio::test]
async fn whoever_answers_on_the_socket_is_live_lock_or_no_lock() {
    let scratch = Scratch::new();
    let place = scratch.place();
    let other = std::os::unix::net::UnixListener::bind(&place.path).unwrap();
    let refusal = UnixSocket::bind(&place, OWN).unwrap_err();
    assert!(matches!(refusal, BindError::Live { .. }), "{refusal}");
    assert!(connects(&place.path));
    drop(other);
}

#[tokio::test]
async fn a_stale_socket_is_replaced() {
    let scratch = Scratch::new();
    let place = scratch.place();
    leave_stale_socket(&place.path);
    let _socket = UnixSocket::bind(&place, OWN).unwrap();
    assert!(connects(&place.path));
}

#[tokio::test]
async fn what_is_not_a_stream_socket_is_never_removed() {
    let scratch = Scratch::new();
    let place = scratch.place();
    let target = scratch.0.join("target");
    leave_stale_socket(&target);
    let obstacles: [(&str, &dyn Fn()); 4] = [
        ("file", &|| fs::write(&place.path, "precious").unwrap()),
        ("directory", &|| fs::create_dir(&place.path).unwrap()),
        ("link", &|| symlink(&target, &place.path).unwrap()),
        ("dangling link", &|| symlink(scratch.0.join("nowhere"), &place.path).unwrap()),
    ];
    for (name, put) in obstacles {
        put();
        let before = identity(&place.path).unwrap();
        let refusal = UnixSocket::bind(&place, OWN).unwrap_err();
        assert!(matches!(refusal, BindError::NotASocket { .. }), "{name}: {refusal}");
        assert_eq!(identity(&place.path).unwrap(), before, "{name}");
        fs::remove_file(&place.path).or_else(|_| fs::remove_dir(&place.path)).unwrap();
    }
    assert!(target.exists());

    let datagrams = UnixDatagram::bind(&place.path).unwrap();
    let refusal = UnixSocket::bind(&place, OWN).unwrap_err();
    assert!(matches!(refusal, BindError::NotASocket { .. }), "datagrams: {refusal}");
    drop(datagrams);
}

#[tokio::test]
async fn of_agents_that_start_together_on_a_stale_socket_exactly_one_wins() {
    const AGENTS: usize = 8;
    for _ in 0..20 {
        let scratch = Arc::new(Scratch::new());
        leave_stale_socket(&scratch.place().path);
        let together = Arc::new(Barrier::new(AGENTS));
        let runtime = tokio::runtime::Handle::current();
        let agents: Vec<_> = (0..AGENTS)
            .map(|_| {
                let (scratch, together, runtime) = (Arc::clone(&scratch), Arc::clone(&together), runtime.clone());
                thread::spawn(move || {
                    let _within = runtime.enter();
                    together.wait();
                    UnixSocket::bind(&scratch.place(), OWN)
                })
            })
            .collect();
        let outcomes: Vec<_> = agents.into_iter().map(|agent| agent.join().unwrap()).collect();
        let live = outcomes.iter().filter(|bound| matches!(bound, Err(BindError::Live { .. }))).count();
        assert_eq!((live, outcomes.iter().filter(|bound| bound.is_ok()).count()), (AGENTS - 1, 1), "{outcomes:?}");
        assert!(connects(&scratch.place().path));
    }
}

/// A thread connects as fast as it can; whatever it finds at its first success was there before anyone could connect.
#[expect(clippy::disallowed_methods, reason = "a deadline for a thread outside the runtime")]
#[tokio::test]
async fn mode_and_owner_are_set_before_anyone_can_connect() {
    // Only root can give files away.
    let owner = if own_uid() == 0 { 12_345 } else { own_uid() };
    for wanted in [0o600, 0o660, 0o666, 0o777].repeat(25) {
        let scratch = Scratch::new();
        let place = scratch.place();
        let watcher = {
            let path = place.path.clone();
            thread::spawn(move || {
                let begun = Instant::now();
                while !connects(&path) {
                    assert!(begun.elapsed() < Duration::from_secs(60), "never connected");
                }
                (mode(&path), fs::symlink_metadata(&path).unwrap().uid())
            })
        };
        let socket = UnixSocket::bind(&place, Access { mode: wanted, owner: Some(owner), group: None }).unwrap();
        assert_eq!(watcher.join().unwrap(), (wanted, owner));
        drop(socket);
    }
}

#[tokio::test]
async fn the_socket_is_removed_at_the_end_if_it_is_still_ours() {
    let scratch = Scratch::new();
    let place = scratch.place();
    drop(UnixSocket::bind(&place, OWN).unwrap());
    assert!(!place.path.exists());

    let replaced = UnixSocket::bind(&place, OWN).unwrap();
    fs::rename(&place.path, scratch.0.join("aside")).unwrap();
    leave_stale_socket(&place.path);
    drop(replaced);
    assert!(fs::symlink_metadata(&place.path).unwrap().file_type().is_socket(), "it was not ours");

    fs::remove_file(&place.path).unwrap();
    let removed = UnixSocket::bind(&place, OWN).unwrap();
    fs::remove_file(&place.path).unwrap();
    drop(removed);
}

#[tokio::test]
async fn a_failed_step_leaves_no_socket_behind() {
    let scratch = Scratch::new();
    let place = scratch.place();
    let refusal = UnixSocket::bind(&place, Access { mode: 0o600, owner: Some(u32::MAX), group: None }).unwrap_err();
    assert!(refusal.to_string().contains("cannot set the owner of"), "{refusal}");
    assert!(!place.path.exists());
}

#[tokio::test]
async fn the_longest_path_is_bound_and_one_byte_more_is_a_clear_error() {
    let scratch = Scratch::new();
    let room = SOCKET_PATH_MAX - scratch.0.as_os_str().len() - 1;
    let longest = Place::given(scratch.0.join("x".repeat(room)));
    let _socket = UnixSocket::bind(&longest, OWN).unwrap();
    assert!(connects(&longest.path));

    let longer = Place::given(scratch.0.join("x".repeat(room + 1)));
    let refusal = UnixSocket::bind(&longer, OWN).unwrap_err();
    assert!(matches!(refusal, BindError::PathTooLong { bytes: 108, .. }), "{refusal}");
    assert!(refusal.to_string().contains("has 108 bytes, at most 107 are possible"), "{refusal}");
}

#[tokio::test]
async fn a_private_directory_is_made_for_us_alone_and_a_shared_one_for_all_to_pass() {
    let scratch = Scratch::new();
    let private = scratch.place_within("private", Directory::Private);
    let one = UnixSocket::bind(&private, OWN).unwrap();
    assert_eq!(mode(private.path.parent().unwrap()), 0o700);
    let shared = scratch.place_within("shared", Directory::Shared);
    let other = UnixSocket::bind(&shared, OWN).unwrap();
    assert_eq!(mode(shared.path.parent().unwrap()), 0o755);

    // Both are used again as they are.
    drop((one, other));
    UnixSocket::bind(&private, OWN).unwrap();
    UnixSocket::bind(&shared, OWN).unwrap();
}

#[tokio::test]
async fn a_private_directory_that_is_not_ours_alone_is_refused() {
    let scratch = Scratch::new();
    let place = scratch.place_within("dir", Directory::Private);
    let directory = place.path.parent().unwrap();
    let refuses = |why: &str| {
        let refusal = UnixSocket::bind(&place, OWN).unwrap_err();
        assert!(matches!(refusal, BindError::DirectoryNotOurs { .. }), "{refusal}");
        assert!(refusal.to_string().contains(why), "{refusal}");
        assert!(!place.path.exists());
    };

    fs::create_dir(scratch.0.join("elsewhere")).unwrap();
    symlink(scratch.0.join("elsewhere"), directory).unwrap();
    refuses("is not a directory");
    fs::remove_file(directory).unwrap();

    fs::create_dir(directory).unwrap();
    for open in [0o720, 0o702, 0o777] {
        fs::set_permissions(directory, fs::Permissions::from_mode(open)).unwrap();
        refuses("can be written by other users");
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    UnixSocket::bind(&place, OWN).unwrap();

    if own_uid() == 0 {
        std::os::unix::fs::chown(directory, Some(12_345), None).unwrap();
        fs::remove_file(directory.join("agent.sock.lock")).unwrap();
        refuses("belongs to another user");
    }
}

#[tokio::test]
async fn the_first_place_that_can_be_written_is_taken() {
    let scratch = Scratch::new();
    let nowhere = scratch.place_within("missing/deeper", Directory::Shared);
    let not_a_directory = {
        fs::write(scratch.0.join("file"), "").unwrap();
        scratch.place_within("file/deeper", Directory::Private)
    };
    let good = scratch.place_within("good", Directory::Private);
    let spare = scratch.place_within("spare", Directory::Private);
    let places = [nowhere.clone(), not_a_directory.clone(), good.clone(), spare.clone()];
    let socket = UnixSocket::bind_first(&places, OWN).unwrap();
    assert_eq!(socket.path(), good.path);

    // A live agent is not a reason to start another one elsewhere.
    let refusal = UnixSocket::bind_first(&places, OWN).unwrap_err();
    assert!(matches!(refusal, BindError::Live { .. }), "{refusal}");
    assert!(!spare.path.exists());

    let refusal = UnixSocket::bind_first(&[nowhere.clone(), not_a_directory], OWN).unwrap_err();
    assert!(matches!(&refusal, BindError::NoPlace { tried } if tried.len() == 2), "{refusal}");
    let refusal = UnixSocket::bind_first(&[nowhere], OWN).unwrap_err();
    assert!(matches!(&refusal, BindError::Refused { .. }), "{refusal}");
    let refusal = UnixSocket::bind_first(&[], OWN).unwrap_err();
    assert!(matches!(&refusal, BindError::NoPlace { tried } if tried.is_empty()), "{refusal}");
}

#[tokio::test]
async fn a_path_no_system_can_have_is_an_error() {
    use std::os::unix::ffi::OsStringExt;
    let scratch = Scratch::new();
    let with_zero = std::ffi::OsString::from_vec(b"agent\0.sock".to_vec());
    let refusal = UnixSocket::bind(&Place::given(scratch.0.join(with_zero)), OWN).unwrap_err();
    assert!(matches!(refusal, BindError::Refused { .. }), "{refusal}");
    for no_file in ["", "/", ".."] {
        let refusal = UnixSocket::bind(&Place::given(no_file.into()), OWN).unwrap_err();
        assert!(refusal.to_string().ends_with("it does not name a file"), "{refusal}");
    }
}
