//! The ATerm form of a derivation: what a `.drv` file holds.

use super::{Derivation, InputDrv, Output, Text, Wanted};
use crate::store_path::{StorePath, StorePathError};

/// The longest file that is read. The largest of nixpkgs are about 3 MiB.
pub const MAX_LEN: usize = 32 << 20;

/// How deep dynamic outputs may lie in one another; more than the JSON parser lets through.
const MAX_DEPTH: usize = 64;

/// Why bytes are not a derivation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse derivation at byte {at}: {kind}")]
pub struct ParseError {
    /// Byte position.
    pub at: usize,
    /// What was wrong there.
    pub kind: ParseErrorKind,
}

/// What is wrong with a derivation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// Other bytes than the format has there.
    #[error("expected {0:?}")]
    Expected(&'static str),
    /// A string without its closing quote.
    #[error("string without end")]
    Unterminated,
    /// A path that is none.
    #[error("{0}")]
    Path(StorePathError),
    /// `DrvWithVersion` with a version that came after this program.
    #[error("format version not known")]
    Version,
    /// Bytes after the end.
    #[error("bytes after the derivation's end")]
    Trailing,
    /// Dynamic outputs in dynamic outputs, too often.
    #[error("outputs lie more than {MAX_DEPTH} deep in one another")]
    Depth,
    /// The file is longer than [`MAX_LEN`].
    #[error("longer than {MAX_LEN} bytes")]
    TooLong,
}

impl<'a> Derivation<'a> {
    /// Reads a `.drv` file.
    ///
    /// ```
    /// let drv = nix_model::Derivation::parse(br#"Derive([],[],[],"x86_64-linux","/bin/sh",["-c","true"],[("name","x-1")])"#)?;
    /// assert_eq!(drv.env("name").map(|name| name.to_string()), Some("x-1".to_owned()));
    /// # Ok::<(), nix_model::derivation::ParseError>(())
    /// ```
    pub fn parse(input: &'a [u8]) -> Result<Self, ParseError> {
        let mut parser = Parser { input, pos: 0 };
        if input.len() > MAX_LEN {
            return Err(parser.error(ParseErrorKind::TooLong));
        }
        let dynamic = parser.skip(b"DrvWithVersion(");
        if dynamic {
            let at = parser.pos;
            if parser.string()? != DYNAMIC_VERSION {
                return Err(ParseError {
                    at,
                    kind: ParseErrorKind::Version,
                });
            }
            parser.expect(",")?;
        } else {
            parser.expect("Derive(")?;
        }
        let outputs = parser.list(Parser::output)?;
        parser.expect(",")?;
        let input_drvs = parser.list(|p| p.input_drv(dynamic))?;
        parser.expect(",")?;
        let input_srcs = parser.list(Parser::path)?;
        parser.expect(",")?;
        let system = parser.string()?;
        parser.expect(",")?;
        let builder = parser.string()?;
        parser.expect(",")?;
        let args = parser.list(Parser::string)?;
        parser.expect(",")?;
        let env = parser.list(Parser::pair)?;
        parser.expect(")")?;
        if parser.pos < input.len() {
            return Err(parser.error(ParseErrorKind::Trailing));
        }
        Ok(Self {
            outputs,
            input_drvs,
            input_srcs,
            system,
            builder,
            args,
            env,
        })
    }
}

impl Derivation<'_> {
    /// Writes the `.drv` file, byte for byte as Nix does.
    pub fn to_aterm(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4096);
        if self.input_drvs.iter().any(|input| !input.wanted.dynamic.is_empty()) {
            out.extend_from_slice(b"DrvWithVersion(");
            write_string(&mut out, DYNAMIC_VERSION.as_bytes());
            out.push(b',');
        } else {
            out.extend_from_slice(b"Derive(");
        }
        write_list(&mut out, &self.outputs, |out, output| {
            out.push(b'(');
            write_string(out, output.name.as_bytes());
            out.push(b',');
            match &output.path {
                Some(path) => write_path(out, path),
                None => write_string(out, b""),
            }
            for text in [&output.hash_algo, &output.hash] {
                out.push(b',');
                write_string(out, text.as_bytes());
            }
            out.push(b')');
        });
        out.push(b',');
        write_list(&mut out, &self.input_drvs, |out, input| {
            out.push(b'(');
            write_path(out, &input.path);
            out.push(b',');
            write_wanted(out, &input.wanted);
            out.push(b')');
        });
        out.push(b',');
        write_list(&mut out, &self.input_srcs, write_path);
        for text in [&self.system, &self.builder] {
            out.push(b',');
            write_string(&mut out, text.as_bytes());
        }
        out.push(b',');
        write_list(&mut out, &self.args, |out, arg| write_string(out, arg.as_bytes()));
        out.push(b',');
        write_list(&mut out, &self.env, |out, (key, value)| {
            out.push(b'(');
            write_string(out, key.as_bytes());
            out.push(b',');
            write_string(out, value.as_bytes());
            out.push(b')');
        });
        out.push(b')');
        out
    }
}

/// The only version of `DrvWithVersion` so far.
const DYNAMIC_VERSION: &str = "xp-dyn-drv";

struct Parser<'a> {
    input: &'a [u8],
    pos: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    fn error(&self, kind: ParseErrorKind) -> ParseError {
        ParseError { at: self.pos, kind }
    }

    fn skip(&mut self, token: &[u8]) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.pos += token.len();
        }
        found
    }

    fn expect(&mut self, token: &'static str) -> Result<(), ParseError> {
        if self.skip(token.as_bytes()) {
            Ok(())
        } else {
            Err(self.error(ParseErrorKind::Expected(token)))
        }
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, ParseError>) -> Result<Vec<T>, ParseError> {
        self.expect("[")?;
        let mut items = Vec::new();
        if self.skip(b"]") {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.skip(b"]") {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }

    /// A string, borrowed unless something in it is escaped.
    fn string(&mut self) -> Result<Text<'a>, ParseError> {
        self.expect("\"")?;
        let rest = self.rest();
        let end = self.special(rest)?;
        if rest[end] == b'"' {
            self.pos += end + 1;
            return Ok(Text::borrowed(&rest[..end]));
        }
        self.escaped_string()
    }

    /// A string that holds a backslash, from after its opening quote.
    fn escaped_string(&mut self) -> Result<Text<'a>, ParseError> {
        let mut bytes = Vec::new();
        loop {
            let rest = self.rest();
            let end = self.special(rest)?;
            bytes.extend_from_slice(&rest[..end]);
            if rest[end] == b'"' {
                self.pos += end + 1;
                return Ok(Text::from(bytes));
            }
            let escaped = *rest.get(end + 1).ok_or_else(|| self.error(ParseErrorKind::Unterminated))?;
            bytes.push(match escaped {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => other,
            });
            self.pos += end + 2;
        }
    }

    /// Where the next quote or backslash is.
    fn special(&self, rest: &[u8]) -> Result<usize, ParseError> {
        rest.iter()
            .position(|c| matches!(c, b'"' | b'\\'))
            .ok_or_else(|| self.error(ParseErrorKind::Unterminated))
    }

    fn path(&mut self) -> Result<StorePath, ParseError> {
        let at = self.pos;
        let text = self.string()?;
        text.to_str().parse().map_err(|error| ParseError {
            at,
            kind: ParseErrorKind::Path(error),
        })
    }

    fn output(&mut self) -> Result<Output<'a>, ParseError> {
        self.expect("(")?;
        let name = self.string()?;
        self.expect(",")?;
        let path = if self.skip(b"\"\"") { None } else { Some(self.path()?) };
        self.expect(",")?;
        let hash_algo = self.string()?;
        self.expect(",")?;
        let hash = self.string()?;
        self.expect(")")?;
        Ok(Output {
            name,
            path,
            hash_algo,
            hash,
        })
    }

    fn input_drv(&mut self, dynamic: bool) -> Result<InputDrv<'a>, ParseError> {
        self.expect("(")?;
        let path = self.path()?;
        self.expect(",")?;
        let wanted = if dynamic {
            self.wanted(MAX_DEPTH)?
        } else {
            Wanted {
                outputs: self.list(Self::string)?,
                dynamic: Vec::new(),
            }
        };
        self.expect(")")?;
        Ok(InputDrv { path, wanted })
    }

    fn wanted(&mut self, depth: usize) -> Result<Wanted<'a>, ParseError> {
        if !self.skip(b"(") {
            return Ok(Wanted {
                outputs: self.list(Self::string)?,
                dynamic: Vec::new(),
            });
        }
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.error(ParseErrorKind::Depth));
        };
        let outputs = self.list(Self::string)?;
        self.expect(",")?;
        let dynamic = self.list(|p| {
            p.expect("(")?;
            let name = p.string()?;
            p.expect(",")?;
            let wanted = p.wanted(depth)?;
            p.expect(")")?;
            Ok((name, wanted))
        })?;
        self.expect(")")?;
        Ok(Wanted { outputs, dynamic })
    }

    fn pair(&mut self) -> Result<(Text<'a>, Text<'a>), ParseError> {
        self.expect("(")?;
        let key = self.string()?;
        self.expect(",")?;
        let value = self.string()?;
        self.expect(")")?;
        Ok((key, value))
    }
}

fn write_list<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn write_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => out.push(*other),
        }
    }
    out.push(b'"');
}

fn write_path(out: &mut Vec<u8>, path: &StorePath) {
    write_string(out, path.to_string().as_bytes());
}

fn write_wanted(out: &mut Vec<u8>, wanted: &Wanted<'_>) {
    let outputs = |out: &mut Vec<u8>| write_list(out, &wanted.outputs, |out, name| write_string(out, name.as_bytes()));
    if wanted.dynamic.is_empty() {
        outputs(out);
        return;
    }
    out.push(b'(');
    outputs(out);
    out.push(b',');
    write_list(out, &wanted.dynamic, |out, (name, wanted)| {
        out.push(b'(');
        write_string(out, name.as_bytes());
        out.push(b',');
        write_wanted(out, wanted);
        out.push(b')');
    });
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "/nix/store/23yc9dd7fzj8n9ffsfap71gv06s0dp0g-curl-7.71.1.tar.bz2.drv";

    fn error(input: &str) -> (usize, ParseErrorKind) {
        let error = Derivation::parse(input.as_bytes()).unwrap_err();
        (error.at, error.kind)
    }

    #[test]
    fn reads_every_field() {
        let text = format!(
            r#"Derive([("out","/nix/store/q7z9hp2zsg4id778s4ai1i1yld6zjvq4-curl-7.71.1","r:sha256","00ff")],[("{A}",["dev","out"])],["/nix/store/9krlzvny65gdc8s7kpb6lkx8cd02c25b-default-builder.sh"],"x86_64-linux","/bin/bash",["-e","x"],[("name","curl-7.71.1"),("postPatch","sed \"s,\\\\d,x,\"\n\tend")])"#
        );
        let drv = Derivation::parse(text.as_bytes()).unwrap();
        assert_eq!(drv.outputs[0].name, "out");
        assert_eq!(drv.outputs[0].path.as_ref().unwrap().name(), "curl-7.71.1");
        assert!(drv.outputs[0].is_fixed());
        assert_eq!(drv.input_drvs[0].path.to_string(), A);
        assert_eq!(drv.input_drvs[0].wanted.outputs, ["dev", "out"].map(Text::from));
        assert_eq!(drv.input_srcs[0].name(), "default-builder.sh");
        assert_eq!((&drv.system, &drv.builder), (&"x86_64-linux".into(), &"/bin/bash".into()));
        assert_eq!(drv.args, ["-e", "x"].map(Text::from));
        assert_eq!(drv.env("postPatch").unwrap(), &"sed \"s,\\\\d,x,\"\n\tend");
        assert_eq!(drv.env("nothing"), None);
        assert_eq!(drv.to_aterm(), text.as_bytes());
        assert_eq!(drv.clone().into_owned(), drv);
    }

    #[test]
    fn keeps_bytes_that_are_no_text_and_reads_them_as_replaced() {
        let input = b"Derive([],[],[],\"s\",\"b\",[],[(\"k\",\"a\xff\xfeb\")])";
        let drv = Derivation::parse(input).unwrap();
        assert_eq!(drv.env("k").unwrap().to_str(), "a\u{fffd}\u{fffd}b");
        assert_eq!(drv.to_aterm(), input);
    }

    #[test]
    fn the_last_of_two_equal_variables_holds() {
        let drv = Derivation::parse(br#"Derive([],[],[],"s","b",[],[("k","1"),("k","2")])"#).unwrap();
        assert_eq!(drv.env("k").unwrap(), &"2");
    }

    #[test]
    fn reads_dynamic_derivations() {
        let text = format!(
            r#"DrvWithVersion("xp-dyn-drv",[("out","","r:sha256","")],[("{A}",(["out"],[("a",["b"]),("c",([],[("d",["e"])]))]))],[],"s","b",[],[])"#
        );
        let drv = Derivation::parse(text.as_bytes()).unwrap();
        let wanted = &drv.input_drvs[0].wanted;
        assert_eq!(wanted.outputs, ["out"].map(Text::from));
        assert_eq!(wanted.dynamic[1].1.dynamic[0].0, "d");
        assert_eq!(drv.outputs[0].path, None);
        assert!(!drv.outputs[0].is_fixed());
        assert_eq!(drv.to_aterm(), text.as_bytes());
    }

    #[test]
    fn says_what_was_expected_and_where() {
        assert_eq!(error(""), (0, ParseErrorKind::Expected("Derive(")));
        assert_eq!(error("Derive([)"), (8, ParseErrorKind::Expected("(")));
        assert_eq!(error(r#"Derive([],[],[],"s","b",[],[])x"#), (30, ParseErrorKind::Trailing));
        assert_eq!(error(r#"Derive([],[],["#), (14, ParseErrorKind::Expected("\"")));
        assert_eq!(error(r#"Derive([],[],[],"s"#), (17, ParseErrorKind::Unterminated));
        assert_eq!(error("Derive([],[],[],\"s\\"), (17, ParseErrorKind::Unterminated));
        assert_eq!(
            error(r#"DrvWithVersion("9",[],[],[],"s","b",[],[])"#),
            (15, ParseErrorKind::Version)
        );
        // The dynamic form is only for files that say so.
        assert_eq!(
            error(&format!(r#"Derive([],[("{A}",(["out"],[]))],[],"s","b",[],[])"#)).1,
            ParseErrorKind::Expected("[")
        );
        let (at, kind) = error(r#"Derive([],[],["/etc/passwd"],"s","b",[],[])"#);
        assert_eq!((at, matches!(kind, ParseErrorKind::Path(_))), (14, true));
        assert_eq!(
            Derivation::parse(b"Derive{").unwrap_err().to_string(),
            "parse derivation at byte 0: expected \"Derive(\""
        );
    }

    #[test]
    fn security_deep_nesting_ends_with_an_error() {
        let text = format!(r#"DrvWithVersion("xp-dyn-drv",[],[("{A}",{}"#, r#"([],[("a","#.repeat(100_000));
        assert_eq!(error(&text).1, ParseErrorKind::Depth);
        assert_eq!(
            Derivation::parse(&vec![b'['; MAX_LEN + 1]).unwrap_err().kind,
            ParseErrorKind::TooLong
        );
    }

    fn text() -> impl Strategy<Value = Text<'static>> {
        proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b'\n'), any::<u8>()], 0..12).prop_map(Text::from)
    }

    fn path() -> impl Strategy<Value = StorePath> {
        "[0-9a-d]{32}-[a-z][a-z.-]{0,9}".prop_map(|base| base.parse().unwrap())
    }

    fn wanted() -> impl Strategy<Value = Wanted<'static>> {
        let leaf = proptest::collection::vec(text(), 0..3).prop_map(|outputs| Wanted {
            outputs,
            dynamic: Vec::new(),
        });
        leaf.prop_recursive(3, 8, 2, |inner| {
            (
                proptest::collection::vec(text(), 0..3),
                proptest::collection::vec((text(), inner), 0..3),
            )
                .prop_map(|(outputs, dynamic)| Wanted { outputs, dynamic })
        })
    }

    prop_compose! {
        fn derivation()(
            outputs in proptest::collection::vec((text(), proptest::option::of(path()), text(), text()), 0..3),
            inputs in proptest::collection::vec((path(), wanted()), 0..3),
            input_srcs in proptest::collection::vec(path(), 0..3),
            (system, builder) in (text(), text()),
            args in proptest::collection::vec(text(), 0..3),
            env in proptest::collection::vec((text(), text()), 0..5),
        ) -> Derivation<'static> {
            let outputs = outputs.into_iter().map(|(name, path, hash_algo, hash)| Output { name, path, hash_algo, hash }).collect();
            let input_drvs = inputs.into_iter().map(|(path, wanted)| InputDrv { path, wanted }).collect();
            Derivation { outputs, input_drvs, input_srcs, system, builder, args, env }
        }
    }

    proptest! {
        #[test]
        fn round_trips(drv in derivation()) {
            let written = drv.to_aterm();
            prop_assert_eq!(Derivation::parse(&written).unwrap(), drv);
        }

        #[test]
        fn never_panics(cut: prop::sample::Index, byte: u8, drv in derivation()) {
            let mut bytes = drv.to_aterm();
            let at = cut.index(bytes.len());
            bytes[at] = byte;
            let _ = Derivation::parse(&bytes);
            bytes.truncate(at);
            prop_assert!(Derivation::parse(&bytes).is_err());
        }
    }
}
