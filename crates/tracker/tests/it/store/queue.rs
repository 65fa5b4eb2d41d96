//! What both databases must do with jobs.

use tracker::store::Store;
use tracker::store::postgres::{Address, Postgres};
use tracker::store::queue::{Ask, Claimed, End, State};
use tracker::store::sqlite::Sqlite;

use crate::cluster;

/// Makes two tests of each function: one a database. A function that is not named would be dead code, which is an error.
macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() {
                let dir = tempfile::tempdir().unwrap();
                super::$name(&super::Sqlite::open(&dir.path().join("t.sqlite")).unwrap());
            })*
        }
        mod postgres {
            $(#[test] fn $name() {
                let Some(address) = super::cluster::fresh() else { return };
                super::$name(&super::Postgres::open(&super::Address::parse(&address).unwrap()).unwrap());
            })*
        }
    };
}

suite! {
    jobs_are_done_once_and_in_order,
    a_job_whose_holder_went_away_is_anybodys,
    jobs_that_fail_wait_and_are_given_up,
    jobs_are_shared_by_many,
}

fn ask(store: &dyn Store, subject: &str, priority: i64, at: i64) {
    let ask = Ask {
        kind: "sync",
        subject,
        priority,
        at,
    };
    store.ask(ask, at).unwrap();
}

fn claim(store: &dyn Store, holder: &str, now: i64) -> Option<Claimed> {
    store.claim(&["match", "sync"], holder, now, now + 60).unwrap()
}

fn jobs_are_done_once_and_in_order(store: &dyn Store) {
    assert_eq!(claim(store, "a", 100), None);
    ask(store, "late", 0, 150);
    ask(store, "second", 1, 90);
    ask(store, "first", 0, 95);
    ask(store, "second", 1, 99);
    assert_eq!(store.claim(&["evaluate"], "a", 100, 160).unwrap(), None);
    let first = claim(store, "a", 100).unwrap();
    assert_eq!((first.subject.as_str(), first.failures), ("first", 0));
    let second = claim(store, "b", 100).unwrap();
    assert_eq!(second.subject, "second");
    assert_eq!(claim(store, "c", 100), None, "the rest waits for its time, or is being done");
    assert!(
        !store.finish(&first, "b", &End::Done, 101).unwrap(),
        "who does not hold it does not end it"
    );
    assert!(store.renew(&first, "a", 200).unwrap() && !store.renew(&first, "b", 200).unwrap());
    assert!(store.finish(&first, "a", &End::Again { at: 500 }, 101).unwrap());
    // What is asked for while it is being done is done once more.
    ask(store, "second", 1, 400);
    assert!(store.finish(&second, "b", &End::Done, 102).unwrap());
    assert_eq!(claim(store, "c", 102).unwrap().subject, "second");
    assert!(store.finish(&second, "c", &End::Done, 103).unwrap());
    let states: Vec<(String, State, i64)> = store.jobs().unwrap().into_iter().map(|j| (j.subject, j.state, j.run_at)).collect();
    assert_eq!(
        states,
        [("first".to_owned(), State::Waiting, 500), ("late".to_owned(), State::Waiting, 150)]
    );
    ask(store, "first", 0, 300);
    assert_eq!(claim(store, "a", 120), None);
    assert_eq!(claim(store, "a", 300).unwrap().subject, "late");
    assert_eq!(store.give_back("a", 301).unwrap(), 1);
    assert_eq!(claim(store, "b", 301).unwrap().subject, "first", "it is due earlier");
    assert_eq!(claim(store, "b", 301).unwrap().subject, "late");
    // Emptying the database is part of a job.
    store.clear().unwrap();
    assert_eq!(store.jobs().unwrap().len(), 2);
}

fn a_job_whose_holder_went_away_is_anybodys(store: &dyn Store) {
    ask(store, "cve", 0, 100);
    let job = claim(store, "gone", 100).unwrap();
    assert_eq!(claim(store, "b", 160), None);
    assert!(store.renew(&job, "gone", 200).unwrap());
    assert_eq!(claim(store, "b", 199), None);
    let again = claim(store, "b", 201).unwrap();
    assert_eq!(again.failures, 1);
    let row = store.jobs().unwrap().remove(0);
    assert_eq!((row.state, row.failures), (State::Running, 1));
    assert_eq!(row.last_error.as_deref(), Some("the process that did it went away"));
    // It was only asleep: what it did does not count any more.
    assert!(!store.renew(&job, "gone", 300).unwrap() && !store.finish(&job, "gone", &End::Done, 202).unwrap());
    assert!(store.finish(&again, "b", &End::Again { at: 900 }, 203).unwrap());
    let row = store.jobs().unwrap().remove(0);
    assert_eq!(
        (row.state, row.failures, row.last_error, row.run_at),
        (State::Waiting, 0, None, 900)
    );
}

fn jobs_that_fail_wait_and_are_given_up(store: &dyn Store) {
    ask(store, "cve", 0, 100);
    let failed = |at: i64| End::Failed {
        at,
        error: "no answer".into(),
    };
    for (now, failures) in [(100, 0), (200, 1)] {
        let job = claim(store, "a", now).unwrap();
        assert_eq!(job.failures, failures);
        assert!(store.finish(&job, "a", &failed(now + 100), now).unwrap());
        assert_eq!(claim(store, "a", now + 99), None);
    }
    let job = claim(store, "a", 300).unwrap();
    let dead = End::Dead {
        error: "still none".into(),
    };
    assert!(store.finish(&job, "a", &dead, 301).unwrap());
    assert_eq!(claim(store, "a", 10_000), None);
    let row = store.jobs().unwrap().remove(0);
    assert_eq!(
        (row.state, row.failures, row.last_error.as_deref()),
        (State::Dead, 3, Some("still none"))
    );
    ask(store, "cve", 0, 400);
    assert_eq!(claim(store, "a", 400).unwrap().failures, 0);
}

fn jobs_are_shared_by_many(store: &dyn Store) {
    for n in 0..40 {
        ask(store, &n.to_string(), 0, 100);
    }
    let done = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let done = &done;
            scope.spawn(move || {
                let holder = worker.to_string();
                while let Some(job) = claim(store, &holder, 100) {
                    done.lock().unwrap().push(job.subject.parse::<u32>().unwrap());
                    assert!(store.finish(&job, &holder, &End::Done, 101).unwrap());
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_unstable();
    // A worker that finds a row locked by another one goes on to the next: none is done twice. One may stop early, all never.
    assert_eq!(done, (0..40).collect::<Vec<_>>());
    assert_eq!(store.jobs().unwrap(), []);
}
