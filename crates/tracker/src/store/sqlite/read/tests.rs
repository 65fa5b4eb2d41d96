//! The plan of every question that could become slow: on an empty database, so without statistics that would help SQLite choose.

use rusqlite::Connection;

use super::{finding, listed, mention, package, problem, search, vulnerability};
use crate::store::sqlite::migrate;

/// The steps of a plan that read a whole table or index.
fn scans(sql: &str) -> Vec<String> {
    plan(sql).into_iter().filter(|step| step.starts_with("SCAN")).collect()
}

fn plan(sql: &str) -> Vec<String> {
    let mut db = Connection::open_in_memory().unwrap();
    migrate::run(&mut db).unwrap();
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = vec![rusqlite::types::Value::Null; statement.parameter_count()];
    let steps = statement
        .query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3))
        .unwrap();
    steps.map(Result::unwrap).collect()
}

#[test]
fn questions_about_one_thing_read_no_whole_table() {
    for sql in [
        finding::FACTS,
        finding::FACTS_NAMED,
        finding::CLUSTER,
        finding::DETAIL,
        package::WITH_ATTR,
        package::ATTRS,
        listed::BY_KEY,
        listed::PACKAGES,
        listed::PLACE,
        package::HISTORY,
        package::NAMED,
        package::HEAD_BY_ATTR,
        vulnerability::ONE,
        vulnerability::ALIASES,
        vulnerability::VERDICTS,
        vulnerability::PAST,
        vulnerability::RECORDS,
        vulnerability::DOCUMENTS,
        search::BY_NAME,
        search::BY_ALIAS,
        &problem::of_source(),
        &problem::of_record_sql(),
    ] {
        assert_eq!(scans(sql), [""; 0], "{sql}");
    }
}

#[test]
fn what_changed_is_read_from_where_the_last_page_ended() {
    for (sql, place) in listed::CHANGED.into_iter().zip([
        "vulnerability_touched (touched=? AND rowid>?)",
        "vulnerability_touched (touched>?)",
        "told_mark (mark=? AND rowid>?)",
        "told_mark (mark>?)",
    ]) {
        let plan = plan(sql);
        assert!(
            plan[0].ends_with(place) && !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "{plan:?}"
        );
    }
}

#[test]
fn what_became_of_a_vulnerability_is_asked_channel_by_channel() {
    // Of channels there are a few; of what was found in them, hundreds of thousands of rows.
    assert_eq!(
        scans(vulnerability::DISPOSITIONS),
        ["SCAN c USING INDEX sqlite_autoindex_channel_1"]
    );
}

#[test]
fn a_package_looks_for_itself_in_a_channel_and_not_the_channel_through() {
    let steps = plan(package::HISTORY);
    assert!(
        steps.contains(&"SEARCH p USING INDEX package_attr (attr=?)".to_owned())
            && steps.contains(&"SEARCH m USING PRIMARY KEY (channel_id=? AND package_id=?)".to_owned()),
        "{steps:?}"
    );
}

#[test]
fn lists_of_findings_are_read_from_the_index_alone() {
    let steps = plan(finding::PAIRS);
    assert!(
        steps.contains(&"SEARCH verdict USING COVERING INDEX verdict_channel (channel_id=?)".to_owned()),
        "{steps:?}"
    );
}

#[test]
fn packages_that_name_an_id_are_read_from_their_own_index() {
    assert!(scans(mention::KEV).is_empty() && scans(mention::EPSS).is_empty());
    let steps = plan(mention::NAMING);
    assert_eq!(steps[0], "SCAN p USING INDEX package_naming", "{steps:?}");
    assert!(
        steps
            .iter()
            .any(|step| step.starts_with("SEARCH m USING PRIMARY KEY (channel_id=? AND package_id=?)")),
        "{steps:?}"
    );
}

#[test]
fn text_search_reads_the_text_index_and_sorts_by_another_index_alone() {
    let scan = "SCAN vulnerability_text VIRTUAL TABLE INDEX";
    assert!(matches!(plan(search::MATCHING).as_slice(), [one] if one.starts_with(scan)));
    let steps = plan(search::SORTED);
    assert!(steps[0].starts_with("SCAN f VIRTUAL TABLE INDEX"), "{steps:?}");
    assert_eq!(
        steps[1..],
        [
            "SEARCH v USING COVERING INDEX vulnerability_key (id=?)",
            "USE TEMP B-TREE FOR ORDER BY"
        ]
    );
}

#[test]
fn names_are_read_in_order_from_two_indexes() {
    assert_eq!(
        package::NAMES.map(plan),
        [["SCAN cluster_attr"], ["SCAN cluster USING COVERING INDEX cluster_pname"]]
    );
}
