//! Hosts of their own on one machine: network namespaces joined by a bridge, made with iproute2.
//!
//! The bridge stands in a namespace too, so a network touches nothing of the machine's own: addresses and names of
//! interfaces may be the same in every network, several of them at once do not meet, and when the namespaces go all of
//! it goes. Only their names are shared with the machine; they carry the number of our process, and a network first
//! removes what processes have left that are no more.
//!
//! Real kernels and real addresses are the point: a partition here is a port taken out of the bridge, and no agent is
//! told of it. That takes root and `ip`; where there is neither, [`Network::new`] says so and the tests take loopback.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::ctl::program;

/// One namespace: a host with an address on the bridge.
#[derive(Clone, Debug)]
pub(super) struct Space {
    name: String,
    address: IpAddr,
}

/// Namespaces on a bridge; gone with the value.
#[derive(Debug)]
pub(super) struct Network {
    /// Where the bridge stands.
    switch: String,
    hosts: Vec<Space>,
}

impl Network {
    /// So many hosts that reach each other.
    ///
    /// # Errors
    /// Why that cannot be had here, in words.
    pub(super) fn new(hosts: u8) -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        sweep();
        let prefix = format!("{PREFIX}{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let host =
            |number| Space { name: format!("{prefix}-{number}"), address: Ipv4Addr::new(10, 77, 0, number + 1).into() };
        // From here on what was made goes with the value, also when the rest cannot be.
        let network = Self { switch: format!("{prefix}-switch"), hosts: (0..hosts).map(host).collect() };
        network.build()?;
        Ok(network)
    }

    /// One of them.
    pub(super) fn host(&self, number: usize) -> &Space {
        &self.hosts[number]
    }

    /// Takes a host out of the bridge: nothing reaches it, and nothing it sends arrives.
    ///
    /// # Panics
    /// If that cannot be done.
    pub(super) fn unplug(&self, number: usize) {
        ip(&["-n", &self.switch, "link", "set", &port(number), "nomaster"]).expect("our own port can be taken out");
    }

    /// Puts it back.
    ///
    /// # Panics
    /// If that cannot be done.
    pub(super) fn plug(&self, number: usize) {
        ip(&["-n", &self.switch, "link", "set", &port(number), "master", BRIDGE])
            .expect("our own port can be put back");
    }

    /// From now on what goes to a host is delayed and lost as `netem` says it in these words.
    ///
    /// # Errors
    /// What the kernel says that cannot do so.
    pub(super) fn netem(&self, words: &[&str]) -> Result<(), String> {
        for number in 0..self.hosts.len() {
            let port = port(number);
            let first = ["-n", &self.switch, "qdisc", "add", "dev", &port, "root", "netem"];
            said(program("tc").args(first).args(words))?;
        }
        Ok(())
    }

    fn build(&self) -> Result<(), String> {
        let names = self.hosts.iter().map(|host| &host.name).chain([&self.switch]);
        for name in names {
            if place(name).exists() {
                ip(&["netns", "del", name])?;
            }
            ip(&["netns", "add", name])?;
        }
        ip(&["-n", &self.switch, "link", "add", BRIDGE, "type", "bridge"])?;
        ip(&["-n", &self.switch, "link", "set", BRIDGE, "up"])?;
        for (number, host) in self.hosts.iter().enumerate() {
            self.connect(&port(number), host)?;
        }
        // That a program can be started there is not said by that they can be made.
        self.hosts.iter().try_for_each(|host| said(host.command("true".as_ref()).stdin(process::Stdio::null())))
    }

    fn connect(&self, port: &str, host: &Space) -> Result<(), String> {
        let (switch, name, address) = (&self.switch, &host.name, format!("{}/24", host.address));
        ip(&["-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name])?;
        ip(&["-n", switch, "link", "set", port, "master", BRIDGE, "up"])?;
        ip(&["-n", name, "addr", "add", &address, "dev", "eth0"])?;
        ip(&["-n", name, "link", "set", "eth0", "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let names = self.hosts.iter().map(|host| &host.name).chain([&self.switch]);
        // What cannot be removed has never been made, or stays until the next network sweeps.
        names.filter(|name| place(name).exists()).for_each(|name| drop(ip(&["netns", "del", name])));
    }
}

impl Space {
    /// Its address on the bridge.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// A program that runs there. Its process has the number of the child.
    pub(super) fn command(&self, path: &Path) -> Command {
        let mut command = program("ip");
        command.args(["netns", "exec", &self.name]).arg(path);
        command
    }

    /// Does something there, such as opening a socket: it stays there, whoever uses it.
    ///
    /// # Panics
    /// If the namespace cannot be entered, or `act` panics.
    pub(super) fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let enter_and_act = || {
            let space = File::open(place(&self.name)).expect("the namespace is there");
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may enter it");
            act()
        };
        // A namespace belongs to a thread; this one ends in it.
        std::thread::scope(|scope| scope.spawn(enter_and_act).join()).expect("what is done there does not panic")
    }
}

/// Removes namespaces of ours whose process is no more.
fn sweep() {
    let Ok(entries) = fs::read_dir(SPACES) else { return };
    for name in entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()) {
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let process = process.and_then(|number| number.parse::<u32>().ok());
        if process.is_some_and(|number| !Path::new(&format!("/proc/{number}")).exists()) {
            // Another process may do the same at this moment.
            let _ = ip(&["netns", "del", &name]);
        }
    }
}

fn port(number: usize) -> String {
    format!("port{number}")
}

fn place(name: &str) -> PathBuf {
    Path::new(SPACES).join(name)
}

fn ip(words: &[&str]) -> Result<(), String> {
    said(program("ip").args(words))
}

/// Runs a program; what it says if it does not end well.
fn said(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let complaint = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{}: {}", command.get_program().display(), complaint())) }
}

/// Where iproute2 keeps the names of namespaces.
const SPACES: &str = "/run/netns";

/// What the names of ours begin with, before the number of our process.
const PREFIX: &str = "brk-";

const BRIDGE: &str = "bridge";
