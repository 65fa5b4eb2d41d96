//! What the parts of a running server share.

use std::sync::Arc;

use crate::progress::Progress;
use crate::store::Store;

/// Shared by the pages and the background work. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub store: Arc<dyn Store>,
    /// What the background work is doing: pages say so while data is still coming in.
    pub progress: Arc<Progress>,
}
