//! Derivations: what a `.drv` file says.

mod aterm;
mod attributes;
mod json;
mod text;

pub use aterm::{MAX_LEN, ParseError, ParseErrorKind};
pub use attributes::{Attributes, AttributesError};
pub use json::{JsonError, read_json};
pub use text::Text;

use crate::store_path::StorePath;

/// One derivation. Read from ATerm with [`Derivation::parse`], from JSON with [`read_json`].
///
/// Strings borrow from the file where nothing was escaped in them. Lists keep the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Derivation<'a> {
    /// Outputs, by name.
    pub outputs: Vec<Output<'a>>,
    /// Derivations whose outputs are needed.
    pub input_drvs: Vec<InputDrv<'a>>,
    /// Files that are in the store already.
    pub input_srcs: Vec<StorePath>,
    /// `x86_64-linux`, or `builtin`.
    pub system: Text<'a>,
    /// The program that is run.
    pub builder: Text<'a>,
    /// Its arguments.
    pub args: Vec<Text<'a>>,
    /// Its environment. Structured attributes are the JSON text of the variable `__json`, whichever format they were read from;
    /// [`Derivation::attributes`] looks into both.
    pub env: Vec<(Text<'a>, Text<'a>)>,
}

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output<'a> {
    /// `out`, `dev`, `bin`.
    pub name: Text<'a>,
    /// Where it will be; `None` where that is known only after the build (content-addressed and deferred outputs), and for the
    /// fixed outputs of derivation JSON 4 and later, which leave it to be computed.
    pub path: Option<StorePath>,
    /// `sha256`, `r:sha256`; empty unless the output is content-addressed.
    pub hash_algo: Text<'a>,
    /// In base 16; empty unless the content is fixed in advance. `impure` for impure outputs.
    pub hash: Text<'a>,
}

impl Output<'_> {
    /// Whether the content is fixed in advance, as that of every download is.
    pub fn is_fixed(&self) -> bool {
        !self.hash.as_bytes().is_empty() && self.hash != "impure"
    }
}

/// A derivation that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputDrv<'a> {
    /// The derivation.
    pub path: StorePath,
    /// What is needed of it.
    pub wanted: Wanted<'a>,
}

/// The outputs that are needed of a derivation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted<'a> {
    /// Names of outputs.
    pub outputs: Vec<Text<'a>>,
    /// Outputs that are derivations themselves, with what is needed of those (dynamic derivations, an experimental feature).
    pub dynamic: Vec<(Text<'a>, Wanted<'a>)>,
}

impl Derivation<'_> {
    /// The value of an environment variable. Where a variable is given twice the last one holds, as in Nix.
    pub fn env(&self, name: &str) -> Option<&Text<'_>> {
        self.env.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The same derivation, holding its strings itself.
    pub fn into_owned(self) -> Derivation<'static> {
        let texts = |list: Vec<Text<'_>>| list.into_iter().map(Text::into_owned).collect();
        Derivation {
            outputs: self.outputs.into_iter().map(Output::into_owned).collect(),
            input_drvs: self
                .input_drvs
                .into_iter()
                .map(|input| InputDrv {
                    path: input.path,
                    wanted: input.wanted.into_owned(),
                })
                .collect(),
            input_srcs: self.input_srcs,
            system: self.system.into_owned(),
            builder: self.builder.into_owned(),
            args: texts(self.args),
            env: self
                .env
                .into_iter()
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect(),
        }
    }
}

impl Output<'_> {
    fn into_owned(self) -> Output<'static> {
        Output {
            name: self.name.into_owned(),
            path: self.path,
            hash_algo: self.hash_algo.into_owned(),
            hash: self.hash.into_owned(),
        }
    }
}

impl Wanted<'_> {
    /// As deep as the parsers let it become.
    fn into_owned(self) -> Wanted<'static> {
        Wanted {
            outputs: self.outputs.into_iter().map(Text::into_owned).collect(),
            dynamic: self
                .dynamic
                .into_iter()
                .map(|(name, wanted)| (name.into_owned(), wanted.into_owned()))
                .collect(),
        }
    }
}
