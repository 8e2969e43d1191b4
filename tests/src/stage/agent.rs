//! A `breakerd` in a process of its own.
//!
//! A [`Plan`] says how it is started, an [`Agent`] is what runs; ended by whatever means, it can be started again from
//! the same plan, in the same directory, which is how restarts are tested. Its log is a file there, and is shown when a
//! test fails.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use breaker_client::wire::{Member, ServiceStatus, StatusPage};
use rustix::process::{Pid, Signal, kill_process};

use super::binaries;
use super::ctl::{Ended, program};
use super::folder::Folder;
use super::frames::Frames;
use super::namespaces::Space;
use super::wait::{PATIENCE, wait_for, wait_until};

/// How an agent is started.
#[derive(Clone, Debug)]
pub struct Plan {
    node: String,
    config: String,
    flags: Vec<String>,
    folder: Arc<Folder>,
    /// Open files it may have; `None` for as many as the tests may.
    files_max: Option<u32>,
    /// The host it runs on; `None` for the machine itself.
    space: Option<Space>,
}

/// A running agent; killed with the value.
#[derive(Debug)]
pub struct Agent {
    plan: Plan,
    child: Child,
}

impl Plan {
    /// An agent of that name with this configuration, in a directory of its own. Without other words gossip is off.
    #[must_use]
    pub fn new(node: &str, config: &str) -> Self {
        let folder = Arc::new(Folder::new());
        let (node, config) = (node.to_owned(), config.to_owned());
        Self { node, config, flags: Vec::new(), folder, files_max: None, space: None }
    }

    /// On a host of its own, with everything that asks it.
    pub(super) fn within(self, space: &Space) -> Self {
        Self { space: Some(space.clone()), ..self }
    }

    /// With more flags.
    #[must_use]
    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// With a soft limit of open files, as a service manager or a shell would set it.
    #[must_use]
    pub fn files_max(self, files: u32) -> Self {
        Self { files_max: Some(files), ..self }
    }

    /// Its directory.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.join("a.sock")
    }

    /// What starts it.
    #[must_use]
    pub fn command(&self) -> Command {
        let config = self.folder.write("config.yaml", &self.config);
        let breakerd = &binaries().breakerd;
        let mut command = match self.files_max {
            None => self.program(breakerd),
            Some(files) => {
                let mut shell = self.program("sh".as_ref());
                shell.args(["-c", &format!("ulimit -S -n {files} && exec \"$0\" \"$@\"")]).arg(breakerd);
                shell
            }
        };
        command.arg("--config").arg(config).arg("--socket").arg(self.socket()).args(["--node-id", &self.node]);
        command.args(&self.flags).stdin(Stdio::null());
        command
    }

    /// A program on its host.
    fn program(&self, path: &Path) -> Command {
        self.space.as_ref().map_or_else(|| program(path), |space| space.command(path))
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// If it ends instead, or is not ready in time.
    #[must_use]
    pub fn start(self) -> Agent {
        let child = self.spawn();
        let mut agent = Agent { plan: self, child };
        agent.wait_ready();
        agent
    }

    fn spawn(&self) -> Child {
        let log = File::create(self.log()).expect("the test's directory can be written");
        self.command().stdout(Stdio::null()).stderr(log).spawn().expect("breakerd starts")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Agent {
    /// An agent on its own with this configuration.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn alone(config: &str) -> Self {
        Plan::new("alone", config).flags(&["--gossip-listen", "off"]).start()
    }

    /// How it was started.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.plan.socket()
    }

    /// What it has logged in this life.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.plan.log()).unwrap_or_default()
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A new connection to it, hello exchanged.
    #[must_use]
    pub fn connect(&self) -> Frames {
        Frames::connect(&self.socket())
    }

    /// A `breakerctl` that asks it, to be run; with a deadline that a busy machine keeps, unless the words have one.
    #[must_use]
    pub fn ctl_command(&self, words: &[&str]) -> Command {
        let mut command = self.plan.program(&binaries().breakerctl);
        command.arg("--socket").arg(self.socket());
        if !words.contains(&"--deadline") {
            command.args(["--deadline", "10s"]);
        }
        command.args(words);
        command
    }

    /// Runs `breakerctl`.
    #[must_use]
    pub fn ctl(&self, words: &[&str]) -> Ended {
        Ended::of(&mut self.ctl_command(words))
    }

    /// Its status, as `breakerctl` has it.
    #[must_use]
    pub fn status(&self) -> StatusPage {
        page(&self.ctl(&["--format", "json", "status"]))
    }

    /// The same with what peers say, also of services only they know.
    #[must_use]
    pub fn status_with_peers(&self) -> StatusPage {
        page(&self.ctl(&["--format", "json", "status", "--peers"]))
    }

    /// One service with what peers say of it, if the agent knows it.
    ///
    /// # Panics
    /// If the agent does not answer.
    #[must_use]
    pub fn service(&self, name: &str) -> ServiceStatus {
        let page = page(&self.ctl(&["--format", "json", "status", name, "--peers"]));
        page.services.into_iter().next().expect("a status of a service has that service")
    }

    /// The cluster as it knows it.
    ///
    /// # Panics
    /// If the agent does not answer.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let ended = self.ctl(&["--format", "json", "members"]).well();
        serde_json::from_str(&ended.out).expect("members are JSON")
    }

    /// One of its counters.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        self.connect().counter(name)
    }

    /// Where it hears gossip.
    ///
    /// # Panics
    /// If gossip is off.
    #[must_use]
    pub fn gossip_address(&self) -> std::net::SocketAddr {
        let members = self.members();
        let own = members.iter().find(|member| member.node == self.plan.node).expect("an agent is its own member");
        own.address.parse().expect("gossip is on")
    }

    /// Its resident memory in KiB.
    ///
    /// # Panics
    /// If the system does not say.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the agent runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says VmRSS");
        line.trim().trim_end_matches(" kB").parse().expect("VmRSS is a number of KiB")
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process has a number");
        kill_process(pid, signal).expect("the agent runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end in time.
    pub fn wait_end(&mut self, within: Duration) -> ExitStatus {
        wait_until("the end of the agent", within, || self.child.try_wait().expect("it is our child"))
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait_end(PATIENCE);
    }

    /// From its next start on it gossips at the address it has now, as a host does that comes back.
    pub fn keep_address(&mut self) {
        let address = self.gossip_address().to_string();
        self.plan.flags.extend(["--gossip-listen".to_owned(), address]);
    }

    /// Starts it again, after its end.
    ///
    /// # Panics
    /// If it still runs or does not start.
    pub fn start_again(&mut self) {
        assert!(self.child.try_wait().expect("it is our child").is_some(), "it still runs");
        self.child = self.plan.spawn();
        self.wait_ready();
    }

    fn wait_ready(&mut self) {
        let socket = self.socket();
        wait_for("the agent to be ready", || {
            let ended = self.child.try_wait().expect("it is our child");
            assert!(ended.is_none(), "breakerd ended ({ended:?}):\n{}", self.log());
            (self.log().contains("ready") && UnixStream::connect(&socket).is_ok()).then_some(())
        });
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already, as planned.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // Nobody may be there to read it.
            let _ = writeln!(std::io::stderr(), "--- log of {}:\n{}", self.plan.node, self.log());
        }
    }
}

fn page(ended: &Ended) -> StatusPage {
    serde_json::from_str(&ended.clone().well().out).expect("a status is JSON")
}
