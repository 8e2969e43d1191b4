//! A stream of what happens to the breakers of this host.
//!
//! A watch has a connection of its own. So dropping it ends it without a message that would have to exist for that, a
//! watcher that reads slowly delays no call, and the agent can cut it off without harm to the rest. It ends with its agent:
//! what happened in between could not be told, so beginning again is the watcher's decision.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{SinkExt, Stream as EventStream, StreamExt};
use tokio_util::codec::Framed;

use crate::error::AskError;
use crate::session::connection_ended;
use crate::transport::{Connector, Stream};
use crate::wire::{ClientCodec, Event, Request, RequestFrame, Response, ResponseFrame, WireError};

/// A stream of events. It ends after its first error, such as the agent going away.
pub struct Watch {
    frames: Framed<Box<dyn Stream>, ClientCodec>,
    has_ended: bool,
}

impl Watch {
    pub(crate) async fn begin(connector: &Connector) -> Result<Self, AskError> {
        let mut frames = Framed::new(connector.open().await?, ClientCodec::default());
        let request = RequestFrame { id: WATCH_ID, request: Request::Watch };
        frames.send(&request).await.map_err(broken)?;
        match read(frames.next().await)? {
            Response::Watching => Ok(Self { frames, has_ended: false }),
            Response::Failed(failure) => Err(AskError::Failed(failure)),
            _ => Err(AskError::protocol("a watch did not begin by saying so")),
        }
    }
}

impl EventStream for Watch {
    type Item = Result<Event, AskError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let event = match read(ready!(self.frames.poll_next_unpin(context))) {
            Ok(Response::Event(event)) => Ok(event),
            Ok(Response::Failed(failure)) => Err(AskError::Failed(failure)),
            Ok(_) => Err(AskError::protocol("a watch was told something that is no event")),
            Err(error) => Err(error),
        };
        self.has_ended = event.is_err();
        Poll::Ready(Some(event))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("has_ended", &self.has_ended).finish_non_exhaustive()
    }
}

fn read(frame: Option<Result<ResponseFrame, WireError>>) -> Result<Response, AskError> {
    match frame {
        Some(Ok(ResponseFrame { id: WATCH_ID, response })) => Ok(response),
        Some(Ok(ResponseFrame { id, .. })) => {
            Err(AskError::protocol(format!("it answers question {id}, which was not asked")))
        }
        Some(Err(error)) => Err(broken(error)),
        None => Err(connection_ended()),
    }
}

fn broken(error: WireError) -> AskError {
    match error {
        WireError::Io(error) => AskError::no_agent(&error),
        other => AskError::protocol(other.to_string()),
    }
}

/// A watch's connection carries nothing else.
const WATCH_ID: u32 = 0;
