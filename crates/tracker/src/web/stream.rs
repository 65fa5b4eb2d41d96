//! Bodies that are made piece by piece: one is sent while the next is made, and no thread waits for a slow client.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use futures_core::Stream;
use tokio::sync::mpsc;

use super::error::Error;
use super::respond;

/// A body. `next` makes a piece and says where to go on; without such a place it was the last one. Where it fails the answer breaks off,
/// which the client sees.
pub fn body<P: Send + 'static>(first: P, next: impl Fn(P) -> Result<(Bytes, Option<P>), Error> + Clone + Send + 'static) -> Body {
    let (send, receive) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut place = Some(first);
        while let Some(at) = place.take() {
            let next = next.clone();
            let piece = match respond::blocking(move || next(at)).await {
                Ok((bytes, after)) => {
                    place = after;
                    Ok(bytes)
                }
                Err(error) => Err(error),
            };
            // Nobody listens any more where the client has gone.
            if send.send(piece).await.is_err() {
                return;
            }
        }
    });
    Body::from_stream(Pieces(receive))
}

struct Pieces(mpsc::Receiver<Result<Bytes, Error>>);

impl Stream for Pieces {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
