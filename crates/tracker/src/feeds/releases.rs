//! The releases of cvelistV5: which of their files hold what we do not have. Pure.
//!
//! Each release has all records of the last midnight and what changed since; the last one of a day has what changed on that day.

use std::collections::BTreeMap;

use serde::Deserialize;
use time::Date;
use time::format_description::well_known::Iso8601;

/// One release.
#[derive(Deserialize)]
struct Release {
    /// Its files.
    assets: Vec<Asset>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Asset {
    /// `2024-10-27_delta_CVEs_at_1500Z.zip`
    pub name: String,
    /// Where it is.
    pub browser_download_url: String,
}

/// The files of a page of releases, as GitHub answers.
pub fn read(page: &[u8]) -> Result<Vec<Asset>, serde_json::Error> {
    let listed: Vec<Release> = serde_json::from_slice(page)?;
    Ok(listed.into_iter().flat_map(|release| release.assets).collect())
}

const WHOLE: &str = "_all_CVEs_at_midnight";
const DELTA: &str = "_delta_CVEs_at_";
const WHOLE_DAY: &str = "_delta_CVEs_at_end_of_day";

/// Whether it holds all records of a midnight.
pub fn is_whole(asset: &Asset) -> bool {
    asset.name.contains(WHOLE)
}

/// The first day of which we do not have all changes, by the names of the files that were taken; `None` where we have nothing to go on from.
pub fn covered(taken: &[&str]) -> Option<Date> {
    let days = |what: &str| -> Vec<Date> {
        taken
            .iter()
            .filter(|name| name.contains(what))
            .filter_map(|name| date(name))
            .collect()
    };
    let mut day = days(WHOLE).into_iter().max()?;
    let whole_days = days(WHOLE_DAY);
    while whole_days.contains(&day) {
        day = day.next_day()?;
    }
    Some(day)
}

/// Whether a list of files reaches back to a day.
pub fn reaches(assets: &[Asset], day: Date) -> bool {
    assets.iter().filter_map(|asset| date(&asset.name)).any(|listed| listed <= day)
}

/// The files that are missing, in the order in which they are taken: the changes of each day since what we have, the last day's as far as
/// it went. Where the changes of a day are not to be had any more, all records of a later midnight first.
pub fn wanted(assets: &[Asset], taken: &[&str], today: Date) -> Vec<Asset> {
    let whole = assets
        .iter()
        .filter(|asset| is_whole(asset))
        .filter_map(|asset| Some((date(&asset.name)?, asset)))
        .max_by_key(|(day, _)| *day);
    // The changes of a day grow with its hours: the last file holds the others. "end_of_day" comes after all hours in order.
    let mut deltas: BTreeMap<Date, &Asset> = BTreeMap::new();
    for asset in assets.iter().filter(|asset| asset.name.contains(DELTA)) {
        let Some(day) = date(&asset.name) else { continue };
        let kept = deltas.entry(day).or_insert(asset);
        if kept.name < asset.name {
            *kept = asset;
        }
    }
    let is_gap = |day: Date| !deltas.get(&day).is_some_and(|asset| asset.name.contains(WHOLE_DAY));
    let covered = covered(taken);
    // Yesterday's last file comes a little after midnight.
    let gap = covered.and_then(|first| {
        std::iter::successors(Some(first), |day| day.next_day())
            .take_while(|day| day.next_day().is_some_and(|next| next < today))
            .find(|day| is_gap(*day))
    });
    let mut wanted = Vec::new();
    let since = match (covered, gap, whole) {
        (Some(first), None, _) => first,
        (Some(first), Some(gap), Some((day, _))) if day <= gap => first,
        (_, _, Some((day, asset))) => {
            wanted.push(asset.clone());
            day
        }
        (first, _, None) => first.unwrap_or(Date::MIN),
    };
    wanted.extend(deltas.range(since..).map(|(_, asset)| (*asset).clone()));
    wanted.retain(|asset| !taken.contains(&asset.name.as_str()));
    wanted
}

/// The date that a name begins with.
fn date(name: &str) -> Option<Date> {
    Date::parse(name.get(..10)?, &Iso8601::DATE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        date(text).unwrap()
    }

    /// What is wanted on the 27th, by the ends of names.
    fn wanted_of(assets: &[&str], taken: &[&str]) -> Vec<String> {
        let assets: Vec<Asset> = assets
            .iter()
            .map(|name| Asset {
                name: (*name).into(),
                browser_download_url: format!("https://x/{name}"),
            })
            .collect();
        wanted(&assets, taken, day("2024-10-27"))
            .into_iter()
            .map(|asset| asset.name)
            .collect()
    }

    const LISTED: [&str; 8] = [
        "2024-10-27_delta_CVEs_at_1500Z.zip",
        "2024-10-27_delta_CVEs_at_1400Z.zip",
        "2024-10-27_all_CVEs_at_midnight.zip.zip",
        "2024-10-26_delta_CVEs_at_end_of_day.zip",
        "2024-10-26_delta_CVEs_at_2300Z.zip",
        "2024-10-26_all_CVEs_at_midnight.zip.zip",
        "2024-10-25_delta_CVEs_at_end_of_day.zip",
        "2024-10-24_delta_CVEs_at_end_of_day.zip",
    ];

    #[test]
    fn the_first_time_all_records_are_wanted() {
        assert_eq!(
            wanted_of(&LISTED, &[]),
            ["2024-10-27_all_CVEs_at_midnight.zip.zip", "2024-10-27_delta_CVEs_at_1500Z.zip"]
        );
    }

    #[test]
    fn then_what_changed_since() {
        let taken = ["2024-10-25_all_CVEs_at_midnight.zip.zip", "2024-10-25_delta_CVEs_at_1000Z.zip"];
        assert_eq!(
            wanted_of(&LISTED, &taken),
            [
                "2024-10-25_delta_CVEs_at_end_of_day.zip",
                "2024-10-26_delta_CVEs_at_end_of_day.zip",
                "2024-10-27_delta_CVEs_at_1500Z.zip"
            ]
        );
        let taken = ["2024-10-27_all_CVEs_at_midnight.zip.zip", "2024-10-27_delta_CVEs_at_1500Z.zip"];
        assert_eq!(wanted_of(&LISTED, &taken), Vec::<String>::new());
    }

    #[test]
    fn a_day_that_failed_is_asked_for_again_though_later_ones_were_taken() {
        let taken = [
            "2024-10-24_all_CVEs_at_midnight.zip.zip",
            "2024-10-24_delta_CVEs_at_end_of_day.zip",
            "2024-10-26_delta_CVEs_at_end_of_day.zip",
            "2024-10-27_delta_CVEs_at_1500Z.zip",
        ];
        assert_eq!(covered(&taken), Some(day("2024-10-25")));
        assert_eq!(wanted_of(&LISTED, &taken), ["2024-10-25_delta_CVEs_at_end_of_day.zip"]);
    }

    #[test]
    fn a_day_that_is_not_to_be_had_is_filled_by_all_records_of_a_later_midnight() {
        let taken = ["2024-09-01_all_CVEs_at_midnight.zip.zip"];
        assert_eq!(
            wanted_of(&LISTED, &taken),
            ["2024-10-27_all_CVEs_at_midnight.zip.zip", "2024-10-27_delta_CVEs_at_1500Z.zip"]
        );
        let holed: Vec<&str> = LISTED.into_iter().filter(|name| !name.starts_with("2024-10-25")).collect();
        let taken = ["2024-10-24_all_CVEs_at_midnight.zip.zip", "2024-10-24_delta_CVEs_at_end_of_day.zip"];
        assert_eq!(wanted_of(&holed, &taken)[0], "2024-10-27_all_CVEs_at_midnight.zip.zip");
        // Without a later midnight what there is is taken, and the day stays missing until there is one.
        let deltas: Vec<&str> = holed.into_iter().filter(|name| !name.contains("all_CVEs")).collect();
        assert_eq!(
            wanted_of(&deltas, &taken),
            ["2024-10-26_delta_CVEs_at_end_of_day.zip", "2024-10-27_delta_CVEs_at_1500Z.zip"]
        );
    }

    #[test]
    fn a_little_after_midnight_yesterday_is_no_gap() {
        let early = [
            "2024-10-27_all_CVEs_at_midnight.zip.zip",
            "2024-10-26_delta_CVEs_at_2300Z.zip",
            "2024-10-26_all_CVEs_at_midnight.zip.zip",
        ];
        let taken = ["2024-10-26_all_CVEs_at_midnight.zip.zip", "2024-10-26_delta_CVEs_at_2200Z.zip"];
        assert_eq!(wanted_of(&early, &taken), ["2024-10-26_delta_CVEs_at_2300Z.zip"]);
    }
}
