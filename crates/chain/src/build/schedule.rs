use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::{BuildError, Builder, Built};
use crate::step::Step;

struct State<'a> {
    waiting: Vec<&'a Step>,
    running: usize,
    built: BTreeMap<String, Built>,
    failed: Vec<BuildError>,
}

/// Carries out steps, each as soon as its inputs are there, `jobs` at a time; with `backwards`, the last one that is ready first.
/// `told` hears of each when it is there.
pub fn build_all(
    builder: &Builder,
    steps: &[&Step],
    jobs: usize,
    backwards: bool,
    told: &(dyn Fn(&Step, &Built) + Sync),
) -> Result<BTreeMap<String, Built>, BuildError> {
    let mut waiting = steps.to_vec();
    if backwards {
        waiting.reverse();
    }
    let state = Mutex::new(State {
        waiting,
        running: 0,
        built: BTreeMap::new(),
        failed: Vec::new(),
    });
    let changed = Condvar::new();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| work(builder, &state, &changed, told));
        }
    });
    let mut state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !state.failed.is_empty() {
        return Err(state.failed.swap_remove(0));
    }
    match state.waiting.first() {
        Some(step) => Err(BuildError::Skipped(step.name.clone())),
        None => Ok(state.built),
    }
}

fn work(builder: &Builder, state: &Mutex<State<'_>>, changed: &Condvar, told: &(dyn Fn(&Step, &Built) + Sync)) {
    let mut guard = state.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if guard.waiting.is_empty() || !guard.failed.is_empty() {
            return;
        }
        let ready = guard
            .waiting
            .iter()
            .position(|s| s.inputs.iter().all(|i| guard.built.contains_key(i)));
        let Some(at) = ready else {
            if guard.running == 0 {
                return;
            }
            guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let step = guard.waiting.remove(at);
        let inputs: BTreeMap<String, Built> = step
            .inputs
            .iter()
            .filter_map(|i| Some((i.clone(), guard.built.get(i)?.clone())))
            .collect();
        guard.running += 1;
        drop(guard);
        let result = builder.build(step, &inputs);
        if let Ok(built) = &result {
            told(step, built);
        }
        guard = state.lock().unwrap_or_else(PoisonError::into_inner);
        guard.running -= 1;
        match result {
            Ok(built) => {
                guard.built.insert(step.name.clone(), built);
            }
            Err(error) => guard.failed.push(error),
        }
        changed.notify_all();
    }
}
