//! CPE applicability statements: NVD's `configurations` and CVE 5.1's `cpeApplicability` have the same shape.

use super::field::cpe;
use super::json::{Reader, Result};
use crate::advisory::{Configuration, CpeMatch, End, Node, Operator};

/// Reads the list of statements.
pub(super) fn configurations(r: &mut Reader<'_>) -> Result<Vec<Configuration>> {
    let mut list = Vec::new();
    r.array(|r| {
        let (mut operator, mut negate, mut nodes) = (Operator::Or, false, Vec::new());
        let is_object = r.object(|r, key| {
            match key {
                "operator" => operator = self::operator(r)?,
                "negate" => negate = r.boolean()?.unwrap_or(false),
                "nodes" => nodes = self::nodes(r)?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        if is_object {
            list.push(Configuration { operator, negate, nodes });
        }
        Ok(())
    })?;
    Ok(list)
}

fn nodes(r: &mut Reader<'_>) -> Result<Vec<Node>> {
    let mut list = Vec::new();
    r.array(|r| {
        let mut node = Node {
            operator: Operator::Or,
            negate: false,
            matches: Vec::new(),
        };
        let is_object = r.object(|r, key| {
            match key {
                "operator" => node.operator = operator(r)?,
                "negate" => node.negate = r.boolean()?.unwrap_or(false),
                "cpeMatch" => node.matches = matches(r)?,
                _ => r.skip()?,
            }
            Ok(())
        })?;
        if is_object {
            list.push(node);
        }
        Ok(())
    })?;
    Ok(list)
}

fn matches(r: &mut Reader<'_>) -> Result<Vec<CpeMatch>> {
    let mut list = Vec::new();
    r.array(|r| {
        let start = r.value_start();
        let (mut vulnerable, mut criteria, mut has_criteria) = (true, None, false);
        let (mut first, mut last) = (None, None);
        let is_object = r.object(|r, key| {
            match key {
                "vulnerable" => vulnerable = r.boolean()?.unwrap_or(true),
                "criteria" => {
                    has_criteria = true;
                    criteria = cpe(r)?;
                }
                "versionStartIncluding" => first = end(r, true)?.or(first.take()),
                "versionStartExcluding" => first = end(r, false)?.or(first.take()),
                "versionEndIncluding" => last = end(r, true)?.or(last.take()),
                "versionEndExcluding" => last = end(r, false)?.or(last.take()),
                _ => r.skip()?,
            }
            Ok(())
        })?;
        match criteria {
            Some(cpe) => list.push(CpeMatch {
                vulnerable,
                cpe,
                start: first,
                end: last,
            }),
            None if is_object && !has_criteria => r.note_at(start, "no criteria"),
            None => {}
        }
        Ok(())
    })?;
    Ok(list)
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

fn end(r: &mut Reader<'_>, inclusive: bool) -> Result<Option<End>> {
    Ok(r.owned()?
        .filter(|version| !version.is_empty())
        .map(|version| End { version, inclusive }))
}
