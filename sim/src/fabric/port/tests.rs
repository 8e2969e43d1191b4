//! Limits and losses of a port, on a network of two.

use std::time::Duration;

use super::*;
use crate::fabric::Fabric;

const WITHIN: Duration = Duration::from_secs(10);

/// Lets `left` send datagrams of these sizes to `right`; both ports afterwards, the errors of the sender, and the sizes
/// that reached the receiver.
fn sent(sizes: &'static [usize], loss: &str, is_mute: bool) -> (Traffic, Traffic, Vec<io::ErrorKind>, Vec<usize>) {
    let mut fabric = Fabric::new(1, WITHIN);
    let [left, right] = ["left", "right"].map(|name| {
        let loss = loss.parse().unwrap();
        Arc::new(Port::new(name, fabric.address(name), 7, loss, Recorder::hashing()))
    });
    let (errors, arrived) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(Vec::new())));
    if is_mute {
        left.mute();
    }
    fabric.host("right", {
        let (port, arrived) = (Arc::clone(&right), Arc::clone(&arrived));
        move || {
            let (port, arrived) = (Arc::clone(&port), Arc::clone(&arrived));
            async move {
                let (wire, mut buffer) = (port.bind().await?, vec![0; 2 * DATAGRAM_MAX]);
                loop {
                    let (len, _) = wire.recv_from(&mut buffer).await?;
                    arrived.lock().unwrap().push(len);
                }
            }
        }
    });
    fabric.host("left", {
        let (port, to, errors) = (Arc::clone(&left), right.address(), Arc::clone(&errors));
        move || {
            let (port, errors) = (Arc::clone(&port), Arc::clone(&errors));
            async move {
                let (wire, mut failed) = (port.bind().await?, Vec::new());
                for size in sizes {
                    let sent = wire.send_to(&vec![1; *size], to).await;
                    failed.extend(sent.err().map(|error| error.kind()));
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                *errors.lock().unwrap() = Some(failed);
                Ok(())
            }
        }
    });
    while errors.lock().unwrap().is_none() && fabric.elapsed() < WITHIN {
        fabric.step().unwrap();
    }
    let failed = errors.lock().unwrap().take().unwrap();
    let arrived = arrived.lock().unwrap().clone();
    (left.traffic(), right.traffic(), failed, arrived)
}

#[test]
fn the_longest_datagram_passes_and_one_byte_more_is_refused() {
    let (left, right, errors, arrived) = sent(&[DATAGRAM_MAX, DATAGRAM_MAX + 1, 0], "0%", false);
    assert_eq!(arrived, [DATAGRAM_MAX, 0]);
    assert_eq!(errors, [io::ErrorKind::InvalidInput]);
    assert_eq!(left, Traffic { sent: 2, sent_bytes: DATAGRAM_MAX as u64, lost: 0, received: 0 });
    assert_eq!(right, Traffic { received: 2, ..Traffic::default() });
}

#[test]
fn a_mute_host_sends_and_nobody_hears() {
    let (left, right, errors, _) = sent(&[10; 20], "0%", true);
    assert_eq!((left.sent, left.lost, right.received), (20, 20, 0));
    assert!(errors.is_empty(), "a lost datagram is no error: {errors:?}");
}

#[test]
fn about_as_many_are_lost_as_were_asked_for() {
    let (left, right, _, _) = sent(&[10; 1_000], "20%", false);
    assert_eq!(left.sent, 1_000);
    assert_eq!(left.sent - left.lost, right.received);
    assert!((150..=250).contains(&left.lost), "{left:?}");
}

#[test]
fn a_loss_is_a_percentage_within_its_limits() {
    for (text, per_million) in [("0", 0), ("0%", 0), ("5%", 50_000), ("0.5", 5_000), ("0.0001%", 1), ("30%", 300_000)] {
        let loss: Loss = text.parse().unwrap();
        assert_eq!(loss, Loss { per_million }, "{text}");
        assert_eq!(loss.to_string().parse(), Ok(loss), "{text}");
    }
    for text in ["", "%", "-1%", "30.001%", "100%", "NaN", "inf", "5%%", "five", "1e9"] {
        assert_eq!(text.parse::<Loss>(), Err(LossError), "{text}");
    }
}

#[test]
fn what_passed_is_added_and_taken_off_by_kind() {
    let earlier = Traffic { sent: 1, sent_bytes: 20, lost: 3, received: 4 };
    let later = Traffic { sent: 10, sent_bytes: 200, lost: 30, received: 40 };
    assert_eq!(later.since(earlier).plus(earlier), later);
}
