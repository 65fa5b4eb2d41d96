//! What nobody else sees: the channels of private package sets.
//!
//! A handle for pages and exports has, in each of its connections, temporary views with the names of the tables: both databases find those
//! first. So no question can forget to leave something out, and a set that becomes private later, in whatever process, is hidden at once.

use super::result::ChannelState;
use super::{Store, StoreError};

/// Begins the names of settings that say which channels are private.
pub const PRIVATE: &str = "private/";

/// Notes which of the sets that are configured are private. Others are left as they are: they may be another process's.
pub fn note<'a>(store: &dyn Store, sets: impl Iterator<Item = (&'a str, bool)>) -> Result<(), StoreError> {
    for (name, is_private) in sets {
        let setting = format!("{PRIVATE}{name}");
        if store.setting(&setting)?.is_some() != is_private {
            store.put_setting(&setting, is_private.then_some("1"))?;
        }
    }
    Ok(())
}

/// Whether a channel is private.
pub fn is_private(store: &dyn Store, channel: &str) -> Result<bool, StoreError> {
    Ok(store.setting(&format!("{PRIVATE}{channel}"))?.is_some())
}

/// The channels that anybody may see; all of them where none is. What is learned for everybody is learned from these.
pub fn without_private(store: &dyn Store, channels: &[ChannelState]) -> Result<Vec<ChannelState>, StoreError> {
    let mut public = Vec::new();
    for channel in channels {
        if !is_private(store, &channel.name)? {
            public.push(channel.clone());
        }
    }
    Ok(if public.is_empty() { channels.to_vec() } else { public })
}

/// Tables with a column that names the channel. Facts of packages are found by way of them only.
const OF_CHANNELS: [(&str, &str); 9] = [
    ("channel", "id"),
    ("package_set", "channel_id"),
    ("package_in", "channel_id"),
    ("cluster", "channel_id"),
    ("cluster_attr", "channel_id"),
    ("verdict", "channel_id"),
    ("verdict_past", "channel_id"),
    ("disposition", "channel_id"),
    ("channel_count", "channel_id"),
];

/// Tables with a text that names it: the column, and what it is of a private one.
const BY_NAME: [(&str, &str); 6] = [
    ("source", "t.name = 'nixpkgs/' || substr(s.name, 9)"),
    ("taken", "t.source = 'nixpkgs/' || substr(s.name, 9)"),
    ("problem", "t.key LIKE 'channels/' || substr(s.name, 9) || '!%'"),
    ("document", "t.key LIKE 'channels/' || substr(s.name, 9) || '!%'"),
    ("job", "t.subject = substr(s.name, 9)"),
    ("event", "t.subject IN (substr(s.name, 9), 'nixpkgs/' || substr(s.name, 9))"),
];

/// The views, for a connection of a database whose own tables are in `schema`.
pub fn views(schema: &str) -> String {
    let hidden = format!("SELECT c.id FROM {schema}.channel c JOIN {schema}.setting s ON s.name = '{PRIVATE}' || c.name");
    let mut sql = String::new();
    let mut view = |table: &str, condition: &str| {
        sql.push_str(&format!(
            "CREATE TEMP VIEW {table} AS SELECT t.* FROM {schema}.{table} t WHERE {condition};\n"
        ));
    };
    for (table, column) in OF_CHANNELS {
        view(table, &format!("t.{column} NOT IN ({hidden})"));
    }
    for (table, condition) in BY_NAME {
        view(
            table,
            &format!("NOT EXISTS (SELECT 1 FROM {schema}.setting s WHERE s.name LIKE '{PRIVATE}%' AND {condition})"),
        );
    }
    sql
}
