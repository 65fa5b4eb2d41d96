//! `serve`

use std::io;
use std::sync::Arc;

use cli_kit::{Exit, Explained, Failure, Output};

use super::{Context, supply};
use crate::AppState;
use crate::jobs::Shop;
use crate::serve::{Bound, ServeError};
use crate::state::Service;
use crate::store;

/// Serves until the process is asked to end.
pub fn run(context: Context, bound: Bound) -> Result<Exit, Failure> {
    let shop = Shop {
        store: context.store.clone(),
        progress: context.progress.clone(),
        supply: supply(&context.config)?,
        feeds: context.config.feeds.clone(),
        evaluation: context.config.evaluation.clone(),
        jobs: context.config.jobs.clone(),
    };
    // Before anything is shown: what is private is noted.
    shop.open()?;
    let mut out = Output::stdout();
    out.line(format!("Firn tracker: http://{}", bound.address()))?;
    out.finish()?;
    bound.serve(
        AppState {
            store: store::open_public(&context.config.database)?,
            progress: context.progress,
            service: Arc::new(Service::from(context.config)),
        },
        shop,
    )?;
    Ok(Exit::Clean)
}

impl Explained for ServeError {
    fn exit(&self) -> Exit {
        Exit::Incomplete
    }

    fn hint(&self) -> Option<String> {
        let ServeError::Listen { address, source } = self else {
            return None;
        };
        match source.kind() {
            io::ErrorKind::AddrInUse => {
                let next = std::net::SocketAddr::new(address.ip(), address.port().wrapping_add(1));
                Some(format!(
                    "another program listens there, perhaps this one; choose another port, as in --listen {next}"
                ))
            }
            io::ErrorKind::PermissionDenied => Some("ports below 1024 are for root; choose a higher one".into()),
            _ => None,
        }
    }
}
