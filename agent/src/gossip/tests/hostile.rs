//! Somebody who has the key and does not mean well: chitchat's messages by hand.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::Agent;
use super::fabric::Fabric;
use crate::keyring::Keyring;
use crate::seal::{Plane, SealedTransport};

pub(super) struct Insider(SealedTransport);

impl Insider {
    pub(super) fn new(fabric: &Fabric, keyring: Keyring) -> Self {
        let socket = fabric.bind(SocketAddr::from(([127, 0, 0, 1], 66)));
        Self(SealedTransport::new(socket, Some(keyring), [66; 32], Arc::default()))
    }

    /// Sends a message of chitchat's and answers hellos for a while.
    pub(super) async fn send(&self, to: &Agent, message: &[u8]) {
        self.send_on(Plane::State, to, &[&[0], message].concat()).await;
    }

    /// Sends bytes on a plane and answers hellos for a while.
    pub(super) async fn send_on(&self, plane: Plane, to: &Agent, message: &[u8]) {
        self.0.send(plane, to.address, message).await.unwrap();
        let answering = async {
            loop {
                self.0.receive().await;
            }
        };
        let _: Result<(), _> = tokio::time::timeout(Duration::from_millis(400), answering).await;
    }
}

/// A chitchat SYN that names incarnations of twenty characters each.
pub(super) fn syn(incarnations: Range<u16>) -> Vec<u8> {
    let mut message = 45_139_u16.to_le_bytes().to_vec();
    message.extend([0, 0]);
    message.extend(u16::try_from(incarnations.len()).unwrap().to_le_bytes());
    for number in incarnations {
        message.extend(20_u16.to_le_bytes());
        message.extend(format!("{number:020}").bytes());
        message.extend(1_u64.to_le_bytes());
        message.extend([4, 127, 0, 0, 1]);
        message.extend(6_666_u16.to_le_bytes());
        for progress in [1_u64, 0, 0] {
            message.extend(progress.to_le_bytes());
        }
    }
    message.extend(4_u16.to_le_bytes());
    message.extend(b"test");
    message
}
