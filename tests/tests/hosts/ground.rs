//! The ground the other tests stand on, both kinds of it: hosts hear each other and reach the service, and a partition
//! is one.

use breaker_tests::stage::{Ground, Hosts, Mood, policy, wait_for};

fn a_partition_separates_and_heals(hosts: &Hosts) {
    let web = hosts.web();
    for host in 0..3 {
        assert_eq!(hosts.call(host, "shop", &web).well().out, "well\n");
    }
    web.be(Mood::Failing);
    assert_eq!(hosts.call(0, "shop", &web).code, 22, "curl's status for a failed request");
    assert_eq!(web.requests(), 4);

    hosts.isolate(2);
    wait_for("the third to hear nobody", || hosts.hears_nobody(2).then_some(()));
    assert!(!hosts.hears_nobody(0) && !hosts.hears_nobody(1), "the others hear each other");
    hosts.heal(2);
    wait_for("all to hear each other again", || hosts.is_whole().then_some(()));
}

#[test]
fn namespaces_are_hosts_with_a_network_between_them() {
    // Where there are none, the reason was said, and the other test is the proof.
    if let Some(hosts) = Hosts::start_on(Ground::Namespaces, &policy("failure_threshold: off")) {
        assert_eq!(hosts.ground(), Ground::Namespaces);
        a_partition_separates_and_heals(&hosts);
    }
}

#[test]
fn loopback_with_a_relay_can_be_partitioned_too() {
    let hosts = Hosts::start_on(Ground::Loopback, &policy("failure_threshold: off")).expect("loopback is everywhere");
    a_partition_separates_and_heals(&hosts);
}
