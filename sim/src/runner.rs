//! Runs requests: each in a process of its own, several at a time.
//!
//! A process a run, because two runs in one process can differ: tokio counts what it has started. The program starts
//! itself with the command that names the run, the same a user would type, and reads the JSON it prints.
//!
//! Threads only wait for processes; results come to the caller one by one, in the order in which runs end, and the
//! caller can stop: what has begun is then waited for, nothing new begins.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use crate::outcome::Outcome;
use crate::scenario::request::Request;

/// What came of a run, or what it died of.
pub type Ran = Result<Outcome, String>;

/// Runs one request.
pub type Runner<'r> = dyn Fn(&Request) -> Ran + Sync + 'r;

/// Runs requests by starting this program.
pub fn by_starting(program: PathBuf) -> impl Fn(&Request) -> Ran + Sync {
    move |request| {
        let mut command = Command::new(&program);
        command.args(request.words()).args(["--format", "json"]).stdin(Stdio::null());
        command
            .output()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))
            .and_then(|output| read(&output))
    }
}

/// What a process left behind.
fn read(output: &Output) -> Ran {
    if let Ok(outcome) = serde_json::from_slice(&output.stdout) {
        return Ok(outcome);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // Whoever reads this shows the command anyway.
    let lines: Vec<_> = said.lines().filter(|line| !line.starts_with(AGAIN)).collect();
    let said = lines.join("\n");
    let said = said.trim().trim_start_matches("breaker-sim: ");
    let last = said.char_indices().rev().nth(SAID_MAX).map_or(0, |(at, _)| at);
    let said = &said[last..];
    Err(if said.is_empty() { format!("no result, {}", output.status) } else { said.to_owned() })
}

/// Does all of the work, as many pieces at a time as there are jobs; `each` is told what came of every piece.
pub fn in_parallel<T: Send, R: Send>(
    jobs: NonZeroUsize,
    work: Vec<T>,
    run: impl Fn(&T) -> R + Sync,
    mut each: impl FnMut(T, R) -> ControlFlow<()>,
) {
    let jobs = jobs.get().min(work.len());
    let waiting = Mutex::new(work.into_iter());
    let (done, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (waiting, done, run) = (&waiting, done.clone(), &run);
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(piece) = next else { return };
                    let result = run(&piece);
                    if done.send((piece, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for (piece, result) in &results {
            if each(piece, result).is_break() {
                // Whoever takes work next finds none.
                waiting.lock().unwrap_or_else(PoisonError::into_inner).by_ref().for_each(drop);
                return;
            }
        }
    });
}

/// What stands before the command that replays a run.
pub const AGAIN: &str = "run it again: ";

/// Longest text of a dead process that is kept: its last words.
const SAID_MAX: usize = 2_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn output(stdout: &str, stderr: &str) -> Output {
        let status = ExitStatus::from_raw(1 << 8);
        Output { status, stdout: stdout.as_bytes().to_vec(), stderr: stderr.as_bytes().to_vec() }
    }

    #[test]
    fn a_result_counts_whatever_the_exit_status_and_last_words_do_without_one() {
        let outcome = Outcome { scenario: "outage".to_owned(), ..Outcome::default() };
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(read(&output(&json, "breaker-sim: S2 broken")), Ok(outcome));
        let died = "breaker-sim: a panic\nrun it again: breaker-sim run outage\n";
        assert_eq!(read(&output("", died)), Err("a panic".to_owned()));
        assert_eq!(read(&output("{\"scen", "")), Err("no result, exit status: 1".to_owned()));
        let long = read(&output("", &"ä".repeat(5_000))).unwrap_err();
        assert_eq!(long.chars().count(), SAID_MAX + 1);
    }

    #[test]
    fn all_work_is_done_whatever_the_number_of_jobs() {
        for jobs in [1, 3, 100] {
            let mut done = BTreeSet::new();
            let jobs = NonZeroUsize::new(jobs).unwrap();
            in_parallel(
                jobs,
                (0..20).collect(),
                |number| number * 2,
                |number, twice| {
                    assert_eq!(twice, number * 2);
                    assert!(done.insert(number));
                    ControlFlow::Continue(())
                },
            );
            assert_eq!(done.len(), 20);
        }
        in_parallel(NonZeroUsize::MIN, Vec::<u8>::new(), |_| (), |_, ()| panic!("there was nothing to do"));
    }

    #[test]
    fn the_caller_is_told_nothing_more_once_it_has_enough() {
        let mut told = 0;
        in_parallel(
            NonZeroUsize::MIN,
            (0..1_000).collect(),
            |_| (),
            |_, ()| {
                told += 1;
                if told == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
        assert_eq!(told, 3);
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let request = crate::scenario::request::tests::request("outage");
        let ran = by_starting("/nonexistent/breaker-sim".into())(&request);
        assert!(ran.unwrap_err().starts_with("cannot start /nonexistent/breaker-sim"));
    }
}
