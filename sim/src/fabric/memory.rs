//! The fabric in memory: machines are runtimes of their own, stepped one after the other, datagrams cross by hand.
//!
//! Each machine has a tokio runtime of one thread with a paused clock and no I/O driver, which a step lets run for one
//! millisecond of its time: it does all there is to do, then its timers go on, and at the end of the step it stops. The
//! order of machines is that in which they were added. A datagram takes one step at least, so that within a step no
//! machine can notice another one, and the order in which they go is only a matter of names.
//!
//! A crash drops software and runtime, with all tasks, without a word. A paused machine is not stepped; when it goes on
//! its clock jumps by as much, so that all its timers come late at once, as those of a stopped process do.
//!
//! **Invariant:** software is polled only when something woke it, so that a step in which nothing happens on a machine
//! costs about a microsecond.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::runtime::{Builder, Runtime};

use super::medium::Medium;
use super::{Ended, STEP, Software};

/// Machines and the queue between them.
pub(super) struct Memory {
    machines: Vec<Machine>,
    medium: Arc<Medium>,
}

struct Machine {
    name: String,
    software: Software,
    life: Option<Life>,
    paused_for: Option<Duration>,
}

/// What runs on a machine.
struct Life {
    /// One future, in a set because that polls it only when it was woken.
    software: FuturesUnordered<Pin<Box<dyn Future<Output = Ended>>>>,
    runtime: Runtime,
}

impl Memory {
    pub(super) fn new(medium: Arc<Medium>) -> Self {
        Self { machines: Vec::new(), medium }
    }

    /// Adds a machine, which runs from the next step on.
    pub(super) fn add(&mut self, name: &str, software: Software) {
        let life = Some(Life::begin(&software));
        self.machines.push(Machine { name: name.to_owned(), software, life, paused_for: None });
    }

    pub(super) fn crash(&mut self, machine: usize) {
        let machine = self.machine(machine);
        machine.life = None;
        machine.paused_for = None;
    }

    pub(super) fn restart(&mut self, machine: usize) {
        let machine = self.machine(machine);
        machine.life = None;
        machine.life = Some(Life::begin(&machine.software));
    }

    pub(super) fn pause(&mut self, machine: usize) {
        self.machine(machine).paused_for.get_or_insert(Duration::ZERO);
    }

    /// Whether it was paused.
    pub(super) fn resume(&mut self, machine: usize) -> bool {
        let machine = self.machine(machine);
        let Some(missed) = machine.paused_for.take() else { return false };
        if let Some(life) = &machine.life {
            life.runtime.block_on(tokio::time::advance(missed));
        }
        true
    }

    /// Delivers what arrives, lets every machine run for one step, and goes on to the next.
    pub(super) fn step(&mut self) -> Ended {
        self.medium.deliver();
        for machine in &mut self.machines {
            machine.step()?;
        }
        self.medium.clock().set(self.medium.clock().now() + STEP);
        Ok(())
    }

    fn machine(&mut self, number: usize) -> &mut Machine {
        self.machines.get_mut(number).expect("invariant: machines are numbered from 0")
    }
}

impl Machine {
    fn step(&mut self) -> Ended {
        if let Some(missed) = &mut self.paused_for {
            *missed += STEP;
            return Ok(());
        }
        let Some(life) = &mut self.life else { return Ok(()) };
        // What panicked is not run again: the run ends with it.
        let ended = catch_unwind(AssertUnwindSafe(|| life.step()));
        match ended {
            Ok(None) => Ok(()),
            Ok(Some(ended)) => ended.and(Err(format!("the software of {} has ended", self.name).into())),
            Err(panic) => Err(format!("{} panicked: {}", self.name, said(&*panic)).into()),
        }
    }
}

impl Life {
    fn begin(software: &Software) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("invariant: a runtime without an I/O driver asks the system for nothing");
        let software = {
            let _entered = runtime.enter();
            software()
        };
        Self { software: FuturesUnordered::from_iter([software]), runtime }
    }

    /// Runs for one step; what the software ended with, if it did.
    fn step(&mut self) -> Option<Ended> {
        let Self { software, runtime } = self;
        runtime.block_on(async {
            let mut end = std::pin::pin!(tokio::time::sleep(STEP));
            poll_fn(|context| {
                // The end first: what a timer wakes at that moment belongs to the next step.
                if end.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                software.poll_next_unpin(context)
            })
            .await
        })
    }
}

impl Drop for Life {
    /// Tasks end inside of the runtime they belong to, as when a process dies.
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.software.clear();
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}
