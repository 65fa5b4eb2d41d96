use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

/// The whole document as a tree, so that it can be compared with what serde_json reads.
fn tree(r: &mut Reader<'_>) -> Result<Value> {
    Ok(match r.peek() {
        Some(b'{') => {
            let mut map = Map::new();
            r.object(|r, key| {
                let value = tree(r)?;
                map.insert(key.to_owned(), value);
                Ok(())
            })?;
            Value::Object(map)
        }
        Some(b'[') => {
            let mut list = Vec::new();
            r.array(|r| {
                list.push(tree(r)?);
                Ok(())
            })?;
            Value::Array(list)
        }
        Some(b'"') => Value::String(r.owned()?.expect("text")),
        Some(b't' | b'f') => Value::Bool(r.boolean()?.expect("a truth value")),
        Some(b'n') => {
            r.skip()?;
            Value::Null
        }
        _ => r
            .number()?
            .map_or(Value::Null, |n| serde_json::Number::from_f64(n).map_or(Value::Null, Value::Number)),
    })
}

fn read(bytes: &[u8]) -> Result<(Value, Vec<Problem>)> {
    let mut r = Reader::new(bytes)?;
    let value = tree(&mut r)?;
    Ok((value, r.finish()?))
}

fn skipped(text: &str) -> Result<Vec<Problem>> {
    let mut r = Reader::new(text.as_bytes())?;
    r.skip()?;
    r.finish()
}

/// Problems of `{"a": <value>}` where `a` is read with `member`.
fn problems_of(value: &str, mut member: impl FnMut(&mut Reader<'_>) -> Result<()>) -> Vec<(String, String)> {
    let text = format!("{{\"a\": {value}}}");
    let mut r = Reader::new(text.as_bytes()).unwrap();
    r.object(|r, _| member(r)).unwrap();
    r.finish().unwrap().into_iter().map(|p| (p.at, p.message)).collect()
}

#[test]
fn strings_and_escapes() {
    let text = r#"  {"plain" : "x", "esc\"aped" : "\" \\ \/ \b \f \n \r \t \u00e9 \ud83d\ude00 é", "": ""} "#;
    let (value, problems) = read(text.as_bytes()).unwrap();
    assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    assert!(problems.is_empty());
}

#[test]
fn half_a_surrogate_pair_is_replaced() {
    let (value, problems) = read(br#"{"a":["x", "\ud83d!"]}"#).unwrap();
    assert_eq!(value["a"][1], "\u{fffd}!");
    assert_eq!(problems, [Problem::new("/a/1", "half a surrogate pair was replaced")]);
}

#[test]
fn broken_documents_name_the_byte() {
    let cases: &[(&[u8], RecordError)] = &[
        (b"", *broken(0, "unexpected end")),
        (b"{", *broken(1, "unexpected end")),
        (b"{\"a\"", *broken(4, "unexpected end")),
        (b"{\"a\" 1}", *broken(5, "expected a colon")),
        (b"{\"a\":1,}", *broken(7, "expected a key")),
        (b"{\"a\":1 \"b\"}", *broken(7, "expected a comma or the end of the object")),
        (b"[1 2]", *broken(3, "expected a comma or the end of the list")),
        (b"[1,]", *broken(3, "expected a value")),
        (b"[tru]", *broken(1, "expected a value")),
        (b"[-]", *broken(1, "expected a value")),
        (b"\"abc", *broken(4, "unexpected end")),
        (b"\"0123456\n9\"", *broken(8, "control character in text")),
        (b"\"01\\x\"", *broken(3, "unknown escape")),
        (b"\"01\\u12g4\"", *broken(3, "expected four hexadecimal digits after \\u")),
        (b"{} {}", *broken(3, "expected the end of the document")),
        (b"{\"a\": \"\xff\"}", RecordError::Utf8 { at: 7 }),
    ];
    for (bytes, error) in cases {
        assert_eq!(
            read(bytes).map_err(|e| *e).as_ref(),
            Err(error),
            "{}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn what_is_stepped_over_must_be_balanced() {
    assert_eq!(skipped(r#"{"a":[{"b":"}]\""},{}]}"#), Ok(Vec::new()));
    assert_eq!(skipped(r#"{"a":[}"#), Err(broken(6, "expected the other bracket")));
    assert_eq!(skipped(r#"{"a":["#), Err(broken(6, "unexpected end")));
    assert_eq!(skipped(r#"[1] 2"#), Err(broken(4, "expected the end of the document")));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deep = Box::new(RecordError::TooDeep { at: 128 });
    assert!(read(nested(128).as_bytes()).is_ok());
    assert_eq!(read(nested(129).as_bytes()), Err(deep.clone()));
    assert_eq!(skipped(&nested(128)), Ok(Vec::new()));
    assert_eq!(skipped(&nested(129)), Err(deep.clone()));
    assert_eq!(skipped(&"[".repeat(1_000_000)), Err(deep));
    // Both ways of reading count together.
    let objects = "{\"a\":".repeat(100) + &nested(29);
    let mut r = Reader::new(objects.as_bytes()).unwrap();
    fn descend(r: &mut Reader<'_>, left: u32) -> Result<bool> {
        r.object(|r, _| if left == 0 { r.skip() } else { descend(r, left - 1).map(drop) })
    }
    assert_eq!(descend(&mut r, 99), Err(Box::new(RecordError::TooDeep { at: 528 })));
}

#[test]
fn keys_given_twice_are_found_in_objects_of_any_size() {
    let object =
        |keys: &mut dyn Iterator<Item = String>| format!("{{{}}}", keys.map(|key| format!("\"{key}\":1")).collect::<Vec<_>>().join(","));
    for len in [2, 63, 64, 65, 66, 10_000] {
        let distinct = object(&mut (0..len).map(|n| format!("k{n}")));
        assert!(read(distinct.as_bytes()).is_ok(), "{len}");
        for again in [0, len / 2, len - 1] {
            let twice = object(&mut (0..len).chain([again]).map(|n| format!("k{n}")));
            let at = twice.rfind('"').unwrap() - format!("k{again}").len();
            let path = format!("/k{again}");
            assert_eq!(
                read(twice.as_bytes()),
                Err(Box::new(RecordError::Repeated { at: at - 1, path })),
                "{len}"
            );
        }
    }
    // In different objects, or in what is stepped over, they are none of our business.
    assert!(read(br#"{"a": {"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}, "b": {"a": 1}}"#).is_ok());
    assert_eq!(skipped(r#"{"a": 1, "a": 2}"#), Ok(Vec::new()));
}

#[test]
fn length_is_bounded() {
    let error = Reader::new(&vec![b' '; MAX_LEN + 1]).map(drop).map_err(|e| *e);
    assert_eq!(
        error,
        Err(RecordError::TooLarge {
            len: MAX_LEN + 1,
            limit: MAX_LEN
        })
    );
}

#[test]
fn wrong_types_are_problems_with_a_path() {
    let text = |found: &str| vec![("/a".to_owned(), found.to_owned())];
    assert_eq!(problems_of("{}", |r| r.string().map(drop)), text("expected text, found an object"));
    assert_eq!(
        problems_of("12", |r| r.string().map(|s| assert_eq!(s.as_deref(), Some("12")))),
        text("expected text, kept as written")
    );
    assert_eq!(
        problems_of("\"x\"", |r| r.object(|r, _| r.skip()).map(drop)),
        text("expected an object, found text")
    );
    assert_eq!(
        problems_of("3", |r| r.array(|r| r.skip()).map(drop)),
        text("expected a list, found a number")
    );
    assert_eq!(
        problems_of("true", |r| r.number().map(drop)),
        text("expected a number, found a truth value")
    );
    assert_eq!(
        problems_of("\"9.8\"", |r| r.number().map(|n| assert_eq!(n, Some(9.8)))),
        text("expected a number, found text")
    );
    assert_eq!(
        problems_of("1e999", |r| r.number().map(|n| assert_eq!(n, None))),
        text("not a number that can be represented")
    );
    assert_eq!(
        problems_of("\"true\"", |r| r.boolean().map(|b| assert_eq!(b, Some(true)))),
        text("expected true or false, found text")
    );
    assert_eq!(
        problems_of("[]", |r| r.boolean().map(drop)),
        text("expected true or false, found a list")
    );
    assert_eq!(problems_of("null", |r| r.string().map(|s| assert_eq!(s, None))), []);
    assert_eq!(problems_of("null", |r| r.object(|r, _| r.skip()).map(|is| assert!(!is))), []);
}

#[test]
fn numbers_of_any_length_are_stepped_over() {
    let digits = "9".repeat(100_000);
    assert_eq!(skipped(&format!("[{digits}, -{digits}.{digits}e+{digits}]")), Ok(Vec::new()));
}

#[test]
fn paths_are_json_pointers() {
    let text = r#"{"x":[[],{"k/~":[1,{"z":2}]}],"y":3}"#;
    assert_eq!(path_of(text, text.find('2').unwrap()), "/x/1/k~1~0/1/z");
    assert_eq!(path_of(text, text.find('3').unwrap()), "/y");
    assert_eq!(path_of(text, 0), "");
    assert_eq!(path_of("{\"a\":[1,", 6), "/a");
}

#[test]
fn problems_are_bounded() {
    let text = format!("[{}1]", "1,".repeat(5000));
    let mut r = Reader::new(text.as_bytes()).unwrap();
    assert_eq!(r.strings().unwrap().len(), 5001);
    let problems = r.finish().unwrap();
    assert_eq!(problems.len(), 51);
    assert_eq!(problems[49].at, "/49");
    assert_eq!(problems[50].message, "4951 further problems are not listed");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN", |n| n.is_finite()).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((".{0,12}", inner), 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_serde_json_writes(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let (found, problems) = read(text.as_bytes()).unwrap();
        prop_assert_eq!(found, value);
        prop_assert_eq!(problems, Vec::new());
        prop_assert_eq!(skipped(&text), Ok(Vec::new()));
    }

    #[test]
    fn refuses_what_serde_json_refuses(text in r#"[\[\]{}",:\\ 01truefalsn.e-]{0,12}|\[("[a\\"u0\n]{0,6}"|[-0-9.eE+]{1,5}|,|[\[{}\]]){0,4}\]"#) {
        let theirs = serde_json::from_str::<Value>(&text);
        let ours = read(text.as_bytes());
        match (theirs, ours) {
            (Ok(theirs), Ok((ours, _))) => prop_assert_eq!(rounded(theirs), rounded(ours)),
            (Err(_), Err(_)) => {}
            // serde_json takes the last one of a key given twice.
            (Ok(_), Err(error)) if matches!(*error, RecordError::Repeated { .. }) => {}
            // serde_json refuses a number that is too large for a float.
            (Err(error), Ok(_)) => prop_assert!(error.to_string().contains("out of range"), "read {}", text),
            (Ok(_), Err(error)) => prop_assert!(false, "refused {}: {}", text, error),
        }
    }
}

/// serde_json tells integers from floats, and gets the last digit of some floats wrong.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(n) => format!("{:.9e}", n.as_f64().expect("a float")).into(),
        Value::Array(list) => list.into_iter().map(rounded).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, rounded(value))).collect(),
        other => other,
    }
}
