//! Pages.

use axum::Router;

use crate::AppState;

/// The addresses of the tracker.
pub fn router(state: AppState) -> Router {
    Router::new().with_state(state)
}
