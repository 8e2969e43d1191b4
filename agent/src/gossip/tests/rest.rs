//! What a cluster costs that has nothing to say.

use std::time::Duration;

use super::cluster::{Agent, key};
use super::fabric::Fabric;

/// Bytes a second and host, sent, of a cluster of so many that has been up for a while.
#[allow(clippy::print_stderr, reason = "a figure for whoever runs the test by itself")]
async fn bytes_at_rest(hosts: u16, seconds: u64) -> u64 {
    let fabric = Fabric::default();
    let mut agents: Vec<_> = (0..hosts)
        .map(|number| {
            Agent::start_at(&fabric, &format!("web-{number:03}"), number + 1, 1, Some(key(1)), &["127.0.0.1:1"])
        })
        .collect();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while agents.iter_mut().any(|agent| agent.now().members.len() < usize::from(hosts) - 1) {
        assert!(tokio::time::Instant::now() < deadline, "they never meet");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let sent = |agents: &[Agent]| agents.iter().map(|agent| agent.counted("seal_sent_bytes")).sum::<u64>();
    let before = sent(&agents);
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        agents.iter_mut().for_each(|agent| _ = agent.now());
    }
    let bytes = (sent(&agents) - before) / u64::from(hosts) / seconds;
    eprintln!("{hosts} hosts at rest send {bytes} bytes a second each");
    bytes
}

#[tokio::test(start_paused = true)]
async fn twenty_hosts_at_rest_send_little() {
    let bytes = bytes_at_rest(20, 10).await;
    assert!(bytes <= 5_000, "{bytes} bytes a second");
}
