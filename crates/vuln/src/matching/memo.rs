//! What was found out about one vulnerability that holds in every package set.
//!
//! Channels share most of their packages: a version that was judged once, and two homes that were compared once, need not be again.

use std::cell::RefCell;
use std::rc::Rc;

use super::Table;
use super::applicability::Statement;
use super::identity::Support;
use super::name::Form;
use super::subject::Subject;
use crate::verdict::Evidence;
use crate::version::Scheme;

/// Answers about one vulnerability, to be asked for again with the next package set. Belongs to one
/// [`Prepared`](super::Prepared) and one state of the profiles.
#[derive(Debug, Default)]
pub struct Memo {
    pub(super) claims: RefCell<Table<ClaimKey, Rc<Claimed>>>,
    /// By subject.
    pub(super) names: RefCell<Table<usize, Rc<Names>>>,
    /// By subject, whether its usual vendor stands for the one that it does not name, and what is known of the package.
    pub(super) supports: RefCell<Table<(usize, bool, u64), Rc<Support>>>,
}

/// What a subject's own names come to.
#[derive(Debug)]
pub(super) struct Names {
    /// Names (folded) that a package of it may have.
    pub product: Vec<(String, Form)>,
    /// The coordinate of a repository that bears the vendor's and the product's names.
    pub repository: Option<String>,
    /// The subject with the vendor that everybody files the product under, where the records name none.
    pub usual: Option<Subject>,
}

/// What all records together say about a version, with the evidence of each.
pub(super) type Claimed = (Statement, Vec<Evidence>);

/// What a claim depends on beside the records.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ClaimKey {
    /// Accepted ones, strongest first.
    pub subjects: Vec<Option<usize>>,
    pub version: String,
    /// The lines in which the package set has the software.
    pub majors: Vec<u64>,
    /// Support line, enterprise, built for a processor that channels are built for.
    pub editions: (bool, bool, bool),
    pub scheme: Scheme,
    /// Digest of the names that rules go by.
    pub names: u64,
}
