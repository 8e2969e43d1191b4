//! Requests, in whatever pieces they come, and their answers.

use breaker_client::wire::{Event, FRAME_MAX, FailureCode, Request, Response, ResponseFrame};
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::error::TryRecvError;

use super::*;
use crate::mail::IN_FLIGHT_MAX;
use crate::server::tests::stand_in::{acquire, bytes, granted, links, query};

#[tokio::test(start_paused = true)]
async fn an_answer_carries_the_id_of_its_request() {
    let (mut client, _served) = welcomed().await;
    for id in [0, 1, u32::MAX, 77] {
        client.send(id, acquire()).await;
        assert_eq!(client.answer().await, ResponseFrame { id, response: granted() });
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_together_are_one_mail() {
    let (mut client, served) = welcomed().await;
    let together: Vec<u8> = (0..64).flat_map(|id| bytes(id, acquire())).collect();
    client.write(&together).await;
    assert_eq!(client.ids(64).await, (0..64).collect::<Vec<_>>());
    drop(client);
    served.ended(&[Seen::Asked(1, 64)]).await;
}

#[tokio::test(start_paused = true)]
async fn requests_may_dribble_in_byte_by_byte() {
    let (mut client, served) = welcomed().await;
    for byte in (0..3).flat_map(|id| bytes(id, acquire())) {
        client.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.ids(3).await, [0, 1, 2]);
    drop(client);
    served.ended(&[Seen::Asked(1, 1), Seen::Asked(1, 1), Seen::Asked(1, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_may_be_split_anywhere() {
    let two = [bytes(1, acquire()), bytes(2, query("a/b"))].concat();
    for split in 0..=two.len() {
        let (mut client, _served) = welcomed().await;
        client.write(&two[..split]).await;
        tokio::task::yield_now().await;
        client.write(&two[split..]).await;
        assert_eq!(client.ids(2).await, [1, 2], "split at {split}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_asks_for_much_is_the_last_of_its_batch() {
    let (mut client, served) = welcomed().await;
    let requests = [acquire(), Request::Members, Request::Members, acquire()];
    let together: Vec<u8> = requests.into_iter().zip(0..).flat_map(|(request, id)| bytes(id, request)).collect();
    client.write(&together).await;
    assert_eq!(client.ids(4).await, [0, 1, 2, 3]);
    drop(client);
    served.ended(&[Seen::Asked(1, 2), Seen::Asked(1, 1), Seen::Asked(1, 1)]).await;
}

/// Frames of seven bytes, so that more of them fit in one read than may be in flight.
#[tokio::test(start_paused = true)]
async fn a_client_has_at_most_so_many_requests_in_flight_and_the_next_waits_for_their_answers() {
    for (sent, mails) in [(IN_FLIGHT_MAX, vec![IN_FLIGHT_MAX]), (IN_FLIGHT_MAX + 1, vec![IN_FLIGHT_MAX, 1])] {
        let (mut client, served) = welcomed().await;
        client.write(&bytes(0, Request::Cancel { permit: 1 }).repeat(sent)).await;
        assert_eq!(client.ids(sent).await.len(), sent);
        drop(client);
        let mails: Vec<_> = mails.into_iter().map(|count| Seen::Asked(1, count)).collect();
        served.ended(&mails).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_its_half_still_gets_its_answers() {
    let (mut client, served) = welcomed().await;
    let requests: Vec<u8> = (0..3).flat_map(|id| bytes(id, Request::Members)).collect();
    client.write(&requests).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.ids(3).await, [0, 1, 2]);
    client.closed().await;
    served.ended(&[Seen::Asked(1, 1), Seen::Asked(1, 1), Seen::Asked(1, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_of_the_largest_size_is_read_and_one_byte_more_ends_the_connection() {
    let overhead = bytes(1, query("")).len() - 4;
    // From 251 on, the length of the name takes three bytes instead of one.
    let largest = "x".repeat(FRAME_MAX - overhead - 2);
    let frame = bytes(1, query(&largest));
    assert_eq!(frame.len(), FRAME_MAX + 4);
    let (mut client, served) = welcomed().await;
    client.write(&frame).await;
    assert_eq!(client.ids(1).await, [1]);

    let announced = u32::try_from(FRAME_MAX + 1).unwrap().to_le_bytes();
    client.write(&announced).await;
    client.closed().await;
    assert_eq!(served.counters().malformed.value(), 1);
    served.ended(&[Seen::Asked(1, 1)]).await;
}

#[tokio::test(start_paused = true)]
async fn requests_before_a_malformed_one_are_answered_before_the_connection_ends() {
    let trailing = {
        let mut frame = bytes(9, acquire());
        frame[0] += 1;
        frame.push(0);
        frame
    };
    for malformed in [vec![1, 0, 0, 0, 0xff], vec![0xff; 9], vec![0; 4], trailing] {
        let (mut client, served) = welcomed().await;
        client.write(&[bytes(1, acquire()), bytes(2, acquire()), malformed, bytes(3, acquire())].concat()).await;
        assert_eq!(client.ids(2).await, [1, 2]);
        client.closed().await;
        assert_eq!(served.counters().malformed.value(), 1);
        served.ended(&[Seen::Asked(1, 2)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_too_large_for_a_frame_is_replaced_by_a_failure() {
    let (mut client, served) = welcomed().await;
    client.send(1, query("verbose")).await;
    let ResponseFrame { id: 1, response: Response::Failed(failure) } = client.answer().await else { panic!() };
    assert_eq!(failure.code, FailureCode::InvalidArgument);
    client.send(2, acquire()).await;
    assert_eq!(client.ids(1).await, [2]);
    assert_eq!(served.counters().answers_too_large.value(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_drops_the_outbox_ends_the_connection() {
    let (mut client, served) = welcomed().await;
    client.send(1, query("goodbye")).await;
    client.closed().await;
    served.ended(&[Seen::Asked(1, 1)]).await;
}

/// The driver's mailbox has one place, and the test is the driver.
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_answered_busy_and_nothing_more_is_read_until_it_has_room() {
    let (mailbox, mut mails) = mpsc::channel(1);
    let (stream, served) = serve_with_links(ROOM, links(mailbox.clone()));
    let (mut client, connected) = tokio::join!(Client::welcome(stream), mails.recv());
    let Some(Mail::Connected { outbox, .. }) = connected else { panic!() };

    mailbox.try_send(Mail::Gone { connection: ConnectionId(99) }).unwrap();
    client.write(&[bytes(5, acquire()), bytes(6, acquire())].concat()).await;
    for id in [5, 6] {
        let ResponseFrame { id: answered, response: Response::Failed(failure) } = client.answer().await else {
            panic!()
        };
        assert_eq!((answered, failure.code), (id, FailureCode::Busy));
    }
    client.send(7, acquire()).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.counters().busy.value(), 2, "the third request was read although the mailbox is full");

    mails.recv().await.unwrap();
    let Some(Mail::Asked { frames, .. }) = soon(mails.recv()).await else { panic!() };
    outbox.try_send(vec![ResponseFrame { id: frames[0].id, response: granted() }]).unwrap();
    assert_eq!(client.ids(1).await, [7]);
    drop(client);
    let Some(Mail::Gone { connection: ConnectionId(1) }) = soon(mails.recv()).await else { panic!() };
    soon(served.session).await.unwrap();
    assert!(matches!(mails.try_recv(), Err(TryRecvError::Empty)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closed_its_half_is_asked_for_once_the_mailbox_has_room() {
    let (mailbox, mut mails) = mpsc::channel(1);
    let (stream, served) = serve_with_links(ROOM, links(mailbox.clone()));
    let (mut client, connected) = tokio::join!(Client::welcome(stream), mails.recv());
    let Some(Mail::Connected { outbox, .. }) = connected else { panic!() };
    mailbox.try_send(Mail::Gone { connection: ConnectionId(99) }).unwrap();
    client.write(&[bytes(5, Request::Members), bytes(6, Request::Members)].concat()).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.ids(1).await, [5]);
    mails.recv().await.unwrap();
    let Some(Mail::Asked { frames, .. }) = soon(mails.recv()).await else { panic!() };
    assert_eq!(frames[0].id, 6);
    outbox.try_send(vec![ResponseFrame { id: 6, response: Response::Done }]).unwrap();
    assert_eq!(client.ids(1).await, [6]);
    client.closed().await;
    soon(served.session).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn events_answer_nothing() {
    let (mailbox, mut mails) = mpsc::channel(4);
    let (stream, _served) = serve_with_links(ROOM, links(mailbox));
    let (mut client, connected) = tokio::join!(Client::welcome(stream), mails.recv());
    let Some(Mail::Connected { outbox, .. }) = connected else { panic!() };

    client.send(1, Request::Watch).await;
    soon(mails.recv()).await.unwrap();
    let event = || ResponseFrame { id: 1, response: Response::Event(Event::Missed { events: 3 }) };
    outbox.try_send(vec![event(), event()]).unwrap();
    client.send(2, acquire()).await;
    assert_eq!(client.ids(2).await, [1, 1]);
    assert!(matches!(mails.try_recv(), Err(TryRecvError::Empty)), "the watch was not answered, yet more was read");

    outbox.try_send(vec![ResponseFrame { id: 1, response: Response::Watching }]).unwrap();
    let Some(Mail::Asked { frames, .. }) = soon(mails.recv()).await else { panic!() };
    assert_eq!(frames[0].id, 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_cut_ends_at_once_and_the_driver_hears_of_it() {
    let (mut client, served) = welcomed().await;
    client.send(1, query("silent")).await;
    seen_asked(&served).await;
    served.cut.cancel();
    client.closed().await;
    served.ended(&[Seen::Asked(1, 1)]).await;
}

async fn seen_asked(served: &Served) {
    soon(served.diary.clone().wait_for(|pages| pages.len() == 2)).await.unwrap();
}

proptest! {
    /// Whatever a client sends after a good hello, well-formed requests among it or not, the session ends in order.
    #[test]
    fn any_bytes_are_answered_or_end_the_connection(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                any::<u32>().prop_map(|id| bytes(id, acquire())),
                any::<u32>().prop_map(|id| bytes(id, Request::Watch)),
                (0u8..20, prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(length, body)| {
                    [&[length, 0, 0, 0][..], &body].concat()
                }),
            ],
            0..12,
        ),
        hello in prop_oneof![9 => Just(VERSIONS.to_hello()), 1 => any::<[u8; HELLO_LEN]>()],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (mut stream, served) = serve_with_room(ROOM);
            stream.write_all(&hello).await.unwrap();
            for piece in &pieces {
                // The session may have hung up by now.
                if stream.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(stream);
            soon(served.session).await.expect("the session did not panic");
            // The driver's mail is in order; wait until it has read all of it.
            while served.links.mailbox.capacity() < served.links.mailbox.max_capacity() {
                tokio::task::yield_now().await;
            }
            tokio::task::yield_now().await;
            let pages = served.diary.borrow().clone();
            if let [first, between @ .., last] = &pages[..] {
                assert_eq!((first, last), (&Seen::Connected(1, Some(1_000)), &Seen::Gone(1)));
                assert!(between.iter().all(|page| matches!(page, Seen::Asked(1, _))));
            } else {
                assert_eq!(pages, []);
            }
        });
    }
}
