//! How records and packages are packed: every field that matching reads or a finding shows.

use super::pack::{Malformed, Pack, Unpacker, choice, record};
use crate::advisory::{
    Advisory, Affected, Change, Configuration, CpeMatch, End, Event, EventRange, Node, Operator, RangeKind, Reference, Source, Ssvc, State,
    Status, Tag, UpperBound, VersionEntry,
};
use crate::cpe::{Cpe, Part};
use crate::matching::Cluster;
use crate::package::{Maintainer, Package, ScriptId};
use crate::score::{CvssVersion, Score};
use crate::verdict::Verdict;

record!(Advisory {
    id,
    source,
    state,
    aliases,
    title,
    description,
    published,
    modified,
    references,
    cwes,
    scores,
    ssvc,
    kev_date,
    tags,
    affected,
    configurations,
});
// What a source says of a link is of no use to matching or a finding.
record!(Reference { url }..Reference::default());
record!(Ssvc {
    exploitation,
    automatable,
    technical_impact
});
record!(Affected {
    provider,
    vendor,
    product,
    package_name,
    collection_url,
    ecosystem,
    package_url,
    repo,
    cpes,
    platforms,
    components,
    default_status,
    versions,
    ranges,
});
record!(VersionEntry {
    version,
    status,
    scheme,
    bound,
    changes
});
record!(Change { at, status });
record!(EventRange { kind, events });
record!(Configuration { operator, negate, nodes });
record!(Node { operator, negate, matches });
record!(CpeMatch {
    vulnerable,
    cpe,
    start,
    end
});
record!(End { version, inclusive });
record!(Score {
    provider,
    version,
    vector,
    published,
    computed
});
record!(Maintainer { name, github });
record!(ScriptId { id, phase });
record!(Cluster {
    name,
    pname,
    attrs,
    package
});
// Store paths are found by a table of their own.
record!(
    Package {
        attr,
        pname,
        version,
        system,
        position,
        description,
        homepages,
        changelogs,
        licenses,
        maintainers,
        teams,
        known_vulnerabilities,
        pages,
        cpes,
        possible_cpes,
        purls,
        source_urls,
        source_names,
        patches,
        script_ids,
    }..Package::default()
);
choice!(Source [Cve, Nvd, Osv]);
choice!(Tag [Disputed, ExclusivelyHostedService, UnsupportedWhenAssigned]);
choice!(Status [Affected, Unaffected, Unknown]);
choice!(RangeKind [Semver, Ecosystem, Git]);
choice!(Operator [And, Or]);
choice!(CvssVersion [V2, V30, V31, V4]);
choice!(Part [Application, OperatingSystem, Hardware]);
choice!(Verdict [Affected, KnownVulnerable, Unknown, Patched, Fixed, NotAffected]);

impl Pack for State {
    fn pack(&self, out: &mut Vec<u8>) {
        match self {
            State::Published => out.push(0),
            State::Rejected { reason, replaced_by } => {
                out.push(1);
                reason.pack(out);
                replaced_by.pack(out);
            }
        }
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        Ok(match from.byte()? {
            0 => State::Published,
            1 => State::Rejected {
                reason: Pack::unpack(from)?,
                replaced_by: Pack::unpack(from)?,
            },
            _ => return Err(Malformed),
        })
    }
}

impl Pack for UpperBound {
    fn pack(&self, out: &mut Vec<u8>) {
        let (kind, version) = match self {
            UpperBound::LessThan(version) => (0, version),
            UpperBound::LessThanOrEqual(version) => (1, version),
        };
        out.push(kind);
        version.pack(out);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let kind = from.byte()?;
        let version = String::unpack(from)?;
        match kind {
            0 => Ok(UpperBound::LessThan(version)),
            1 => Ok(UpperBound::LessThanOrEqual(version)),
            _ => Err(Malformed),
        }
    }
}

impl Pack for Event {
    fn pack(&self, out: &mut Vec<u8>) {
        let (kind, version) = match self {
            Event::Introduced(version) => (0, version),
            Event::Fixed(version) => (1, version),
            Event::LastAffected(version) => (2, version),
            Event::Limit(version) => (3, version),
        };
        out.push(kind);
        version.pack(out);
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let kind = from.byte()?;
        let version = String::unpack(from)?;
        match kind {
            0 => Ok(Event::Introduced(version)),
            1 => Ok(Event::Fixed(version)),
            2 => Ok(Event::LastAffected(version)),
            3 => Ok(Event::Limit(version)),
            _ => Err(Malformed),
        }
    }
}

/// The part, a bit for each value that is given, and those values: most names give three of ten.
impl Pack for Cpe {
    fn pack(&self, out: &mut Vec<u8>) {
        self.part.pack(out);
        let values = [
            &self.vendor,
            &self.product,
            &self.version,
            &self.update,
            &self.edition,
            &self.language,
            &self.sw_edition,
            &self.target_sw,
            &self.target_hw,
            &self.other,
        ];
        let given = values
            .iter()
            .enumerate()
            .filter(|(_, v)| v.is_some())
            .fold(0u64, |bits, (n, _)| bits | 1 << n);
        given.pack(out);
        values.into_iter().flatten().for_each(|value| value.pack(out));
    }
    fn unpack(from: &mut Unpacker<'_>) -> Result<Self, Malformed> {
        let part = Part::unpack(from)?;
        let given = from.number()?;
        if given >= 1 << 10 {
            return Err(Malformed);
        }
        let mut value = |n: u32| (given >> n & 1 == 1).then(|| Box::<str>::unpack(from)).transpose();
        Ok(Cpe {
            part,
            vendor: value(0)?,
            product: value(1)?,
            version: value(2)?,
            update: value(3)?,
            edition: value(4)?,
            language: value(5)?,
            sw_edition: value(6)?,
            target_sw: value(7)?,
            target_hw: value(8)?,
            other: value(9)?,
        })
    }
}
