//! CPE applicability statements: NVD's `configurations` and CVE 5.1's `cpeApplicability` have the same shape.

use super::field::cpe;
use super::json::{Reader, Result};
use crate::advisory::{Configuration, CpeMatch, End, Node, Operator};

/// Reads the list of statements.
pub(super) fn configurations(r: &mut Reader<'_>) -> Result<Vec<Configuration>> {
    r.list(|r| {
        let mut this = Configuration {
            operator: Operator::Or,
            negate: false,
            nodes: Vec::new(),
        };
        let is_object = r.object(|r, key| {
            match key {
                "operator" => this.operator = operator(r)?,
                "negate" => this.negate = negate(r)?,
                "nodes" => this.nodes = r.list(node)?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        Ok(is_object.then_some(this))
    })
}

fn node(r: &mut Reader<'_>) -> Result<Option<Node>> {
    let mut this = Node {
        operator: Operator::Or,
        negate: false,
        matches: Vec::new(),
    };
    let is_object = r.object(|r, key| {
        match key {
            "operator" => this.operator = operator(r)?,
            "negate" => this.negate = negate(r)?,
            "cpeMatch" => this.matches = r.list(cpe_match)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    Ok(is_object.then_some(this))
}

/// A criterion whose name cannot be read is left out. Its node stays, even when empty: a node that nothing matches is nearer
/// to what was meant than no node at all.
fn cpe_match(r: &mut Reader<'_>) -> Result<Option<CpeMatch>> {
    let at = r.value_start();
    let (mut vulnerable, mut criteria, mut has_criteria) = (true, None, false);
    let (mut start, mut end) = (None, None);
    let is_object = r.object(|r, key| {
        match key {
            "vulnerable" => vulnerable = r.boolean()?.unwrap_or(true),
            "criteria" => {
                has_criteria = true;
                criteria = cpe(r)?;
            }
            "versionStartIncluding" => set_end(r, &mut start, true)?,
            "versionStartExcluding" => set_end(r, &mut start, false)?,
            "versionEndIncluding" => set_end(r, &mut end, true)?,
            "versionEndExcluding" => set_end(r, &mut end, false)?,
            _ => r.skip()?,
        }
        Ok(())
    })?;
    if is_object && !has_criteria {
        r.note_at(at, "no criteria");
    }
    Ok(criteria.map(|cpe| CpeMatch {
        vulnerable,
        cpe,
        start,
        end,
    }))
}

fn operator(r: &mut Reader<'_>) -> Result<Operator> {
    let at = r.value_start();
    Ok(match r.string()?.as_deref() {
        Some("AND") => Operator::And,
        Some("OR") | None => Operator::Or,
        Some(_) => {
            r.note_at(at, "neither AND nor OR, read as OR");
            Operator::Or
        }
    })
}

fn negate(r: &mut Reader<'_>) -> Result<bool> {
    Ok(r.boolean()?.unwrap_or(false))
}

fn set_end(r: &mut Reader<'_>, end: &mut Option<End>, inclusive: bool) -> Result<()> {
    let at = r.value_start();
    let Some(version) = r.owned()?.filter(|version| !version.is_empty()) else {
        return Ok(());
    };
    if end.as_ref().is_some_and(|end| end.inclusive != inclusive) {
        r.note_at(at, "both an including and an excluding end, the last is used");
    }
    *end = Some(End { version, inclusive });
    Ok(())
}
