//! `forget`

use cli_kit::{Exit, Failure};

use super::{Context, known_channel};

/// Takes revisions out of a channel's history.
pub fn run(context: &Context, channel: &str, revision: Option<&str>) -> Result<Exit, Failure> {
    known_channel(context, Some(channel))?;
    let all = context.store.revisions(channel)?;
    let chosen: Vec<_> = all
        .iter()
        .filter(|known| revision.is_none_or(|asked| known.revision == asked || known.first_revision == asked))
        .collect();
    if chosen.is_empty() {
        let newest: Vec<&str> = all.iter().take(3).map(|known| known.revision.as_str()).collect();
        let asked = revision.unwrap_or_default();
        return Err(Failure::usage(format!("find revision {asked} of {channel}")).hint(format!("the newest are {}", newest.join(", "))));
    }
    for known in &chosen {
        context.store.forget_set(known.set)?;
    }
    context
        .talk
        .say(&format!("{} of {} revisions of {channel} forgotten", chosen.len(), all.len()));
    Ok(Exit::Clean)
}
