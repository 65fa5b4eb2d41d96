//! Records on their way into the store: one thread reads, several hash, parse and pack, one writes.
//!
//! Batches are numbered by the reader and written in that order, so that the result does not depend on which thread was faster.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use vuln::advisory::Source;
use vuln::problem::Problem;

use crate::config::now;
use crate::document::{self, Digest, Packer};
use crate::progress::Progress;
use crate::store::taking::{BatchReport, Document, Incoming};
use crate::store::{Store, StoreError};
use crate::timestamp;

/// Documents that travel together.
const BATCH_DOCUMENTS: usize = 128;
/// Their bytes, at most (a single document may be larger).
const BATCH_BYTES: usize = 2 << 20;
/// Batches waiting between two stages.
const QUEUE: usize = 4;
/// Documents of one transaction: large enough that its costs do not count, small enough that a killed run loses little.
const TRANSACTION_DOCUMENTS: usize = 4000;
/// Packed bytes of one transaction, at most.
const TRANSACTION_BYTES: usize = 32 << 20;

/// What a file's records did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Documents seen.
    pub seen: u64,
    /// Of these not a record at all.
    pub unreadable: u64,
    /// What was wrong with the first of them.
    pub first_problem: Option<String>,
    /// The latest time of change that a document states, be it one that was taken before: a run that was killed may have taken them all.
    pub newest: Option<String>,
    /// What writing them did.
    pub batch: BatchReport,
}

/// Why the pipeline ended early.
#[derive(Debug)]
pub enum PipelineError<E> {
    /// The reader of the file. What it read before is written.
    Read(E),
    /// The store.
    Store(StoreError),
}

/// Runs the pipeline over everything that `read` puts into the sink.
pub fn run<E: Send>(
    store: &dyn Store,
    progress: &Progress,
    source: Source,
    read: impl FnOnce(&mut Sink<'_>) -> Result<(), E> + Send,
) -> (Counts, Result<(), PipelineError<E>>) {
    let workers = thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    let (raw_in, raw_out) = sync_channel::<Numbered<Vec<Raw>>>(QUEUE);
    let (done_in, done_out) = sync_channel(QUEUE);
    // Each worker holds the queue: when the last one ends, the reader finds it closed.
    let raw_out = Arc::new(Mutex::new(raw_out));
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut sink = Sink {
                batches: raw_in,
                next: 0,
                batch: Vec::new(),
                bytes: 0,
                documents: 0,
                progress,
            };
            let result = read(&mut sink);
            // A sink that is closed already has nobody left to tell.
            let _ = sink.flush();
            result
        });
        for _ in 0..workers {
            let (raw_out, done_in) = (raw_out.clone(), done_in.clone());
            scope.spawn(move || work(store, source, &raw_out, &done_in));
        }
        drop((raw_out, done_in));
        let mut counts = Counts::default();
        let written = write(store, progress, done_out, &mut counts);
        let read = reader.join();
        let result = match (written, read) {
            (Err(e), _) => Err(PipelineError::Store(e)),
            (Ok(()), Ok(read)) => read.map_err(PipelineError::Read),
            (Ok(()), Err(panic)) => std::panic::resume_unwind(panic),
        };
        (counts, result)
    })
}

/// Where the reader puts what it finds.
pub struct Sink<'a> {
    batches: SyncSender<Numbered<Vec<Raw>>>,
    next: u64,
    batch: Vec<Raw>,
    bytes: usize,
    documents: u64,
    progress: &'a Progress,
}

impl Sink<'_> {
    /// The number of documents became known.
    pub fn set_total(&self, total: u64) {
        self.progress.set_total(total);
    }

    /// Documents that came so far.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// A document, with the name it was found under and the id that the name suggests. Fails where nobody takes documents any more.
    pub fn document(&mut self, name: String, hint: Option<String>, bytes: Vec<u8>) -> io::Result<()> {
        self.bytes += bytes.len();
        self.documents += 1;
        self.push(Raw::Document { name, hint, bytes })
    }

    /// Something that is not taken, and why.
    pub fn refused(&mut self, name: String, why: String) -> io::Result<()> {
        self.push(Raw::Refused {
            name,
            problem: Problem::new("", why),
        })
    }

    fn push(&mut self, raw: Raw) -> io::Result<()> {
        self.batch.push(raw);
        if self.batch.len() >= BATCH_DOCUMENTS || self.bytes >= BATCH_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes = 0;
        let batch = (self.next, std::mem::take(&mut self.batch));
        self.next += 1;
        self.batches.send(batch).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

type Numbered<T> = (u64, T);

enum Raw {
    Document {
        name: String,
        hint: Option<String>,
        bytes: Vec<u8>,
    },
    Refused {
        name: String,
        problem: Problem,
    },
}

/// A batch that is ready to be written.
#[derive(Default)]
struct Done {
    seen: u64,
    newest: Option<String>,
    incoming: Vec<Incoming>,
}

/// Keeps the later one of two times.
fn keep_later(newest: &mut Option<String>, modified: Option<&String>) {
    if let Some(modified) = modified
        && newest.as_ref().is_none_or(|newest| timestamp::compare(newest, modified).is_lt())
    {
        *newest = Some(modified.clone());
    }
}

fn work(
    store: &dyn Store,
    source: Source,
    raw: &Mutex<Receiver<Numbered<Vec<Raw>>>>,
    done: &SyncSender<Numbered<Result<Done, StoreError>>>,
) {
    let packer = Packer::new().map_err(|e| StoreError::new("start the compressor", e));
    let mut packer = match packer {
        Ok(packer) => packer,
        Err(e) => {
            // The writer ends with the first error: it need not have the number of any batch.
            let _ = done.send((0, Err(e)));
            return;
        }
    };
    loop {
        let received = raw.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, batch)) = received else { return };
        if done.send((number, prepare(store, source, batch, &mut packer))).is_err() {
            return;
        }
    }
}

fn prepare(store: &dyn Store, source: Source, batch: Vec<Raw>, packer: &mut Packer) -> Result<Done, StoreError> {
    let hints: Vec<&str> = batch
        .iter()
        .filter_map(|raw| match raw {
            Raw::Document { hint, .. } => hint.as_deref(),
            Raw::Refused { .. } => None,
        })
        .collect();
    let mut current = store.current_documents(source.name(), &hints)?.into_iter();
    let mut done = Done::default();
    for raw in batch {
        match raw {
            Raw::Refused { name, problem } => done.incoming.push(Incoming::Refused {
                source: source.name(),
                key: name,
                problem,
            }),
            Raw::Document { name, hint, bytes } => {
                done.seen += 1;
                let ours = hint.as_ref().and_then(|_| current.next().flatten());
                let sha256 = Digest::of(&bytes);
                if let Some(ours) = ours.filter(|ours| ours.sha256 == sha256) {
                    keep_later(&mut done.newest, ours.modified.as_ref());
                    continue;
                }
                let incoming = incoming(source, name, hint, &bytes, sha256, packer)?;
                if let Incoming::Record { advisory, .. } = &incoming {
                    keep_later(&mut done.newest, advisory.modified.as_ref());
                }
                done.incoming.push(incoming);
            }
        }
    }
    Ok(done)
}

fn incoming(
    source: Source,
    url: String,
    hint: Option<String>,
    bytes: &[u8],
    sha256: Digest,
    packer: &mut Packer,
) -> Result<Incoming, StoreError> {
    let packed = packer.pack(bytes).map_err(|e| StoreError::new(format!("pack {url}"), e))?;
    let document = |key: String, url: String| Document {
        source: source.name(),
        key,
        url,
        sha256,
        size: bytes.len() as u64,
        packed,
    };
    Ok(match document::parse(source, bytes) {
        Ok((advisory, problems)) => Incoming::Record {
            document: document(advisory.id.clone(), url),
            advisory: Box::new(advisory),
            problems,
        },
        Err(e) => {
            let key = hint.unwrap_or_else(|| url.clone());
            Incoming::Unreadable {
                document: document(key, url),
                problem: Problem::new("", e.to_string()),
            }
        }
    })
}

/// Writes batches in the order of their numbers.
fn write(
    store: &dyn Store,
    progress: &Progress,
    done: Receiver<Numbered<Result<Done, StoreError>>>,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let mut waiting: BTreeMap<u64, Done> = BTreeMap::new();
    let (mut next, mut transaction) = (0, Transaction::default());
    for (number, batch) in done {
        waiting.insert(number, batch?);
        while let Some(batch) = waiting.remove(&next) {
            next += 1;
            counts.seen += batch.seen;
            progress.add(batch.seen);
            for incoming in &batch.incoming {
                if let Incoming::Unreadable { problem, .. } = incoming {
                    counts.unreadable += 1;
                    counts.first_problem.get_or_insert_with(|| problem.message.clone());
                }
            }
            keep_later(&mut counts.newest, batch.newest.as_ref());
            transaction.add(batch.incoming);
            if transaction.is_full() {
                transaction.commit(store, counts)?;
            }
        }
    }
    transaction.commit(store, counts)
}

#[derive(Default)]
struct Transaction {
    incoming: Vec<Incoming>,
    bytes: usize,
}

impl Transaction {
    fn add(&mut self, incoming: Vec<Incoming>) {
        for one in &incoming {
            if let Incoming::Record { document, .. } | Incoming::Unreadable { document, .. } = one {
                self.bytes += document.packed.len();
            }
        }
        self.incoming.extend(incoming);
    }

    fn is_full(&self) -> bool {
        self.incoming.len() >= TRANSACTION_DOCUMENTS || self.bytes >= TRANSACTION_BYTES
    }

    fn commit(&mut self, store: &dyn Store, counts: &mut Counts) -> Result<(), StoreError> {
        if !self.incoming.is_empty() {
            let report = store.take(&self.incoming, now())?;
            counts.batch.changed += report.changed;
            counts.batch.older += report.older;
            counts.batch.problems += report.problems;
            *self = Self::default();
        }
        Ok(())
    }
}
