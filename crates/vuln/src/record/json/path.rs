//! Where in a document a byte stands.

use super::{Reader, Result};

/// The path of the value that holds byte `target`, as a JSON pointer.
pub(super) fn path_of(text: &str, target: usize) -> String {
    let mut path = String::new();
    let mut reader = Reader::at_start(text);
    // The document may be broken behind the target, so an error only ends the walk.
    let _ = walk_to(&mut reader, target, &mut path);
    path
}

fn walk_to(reader: &mut Reader<'_>, target: usize, path: &mut String) -> Result<bool> {
    let start = reader.value_start();
    if start >= target {
        return Ok(true);
    }
    let mut found = false;
    match reader.peek() {
        Some(b'{') => {
            reader.object(|r, key| {
                if found {
                    return r.skip();
                }
                let len = path.len();
                path.push('/');
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                found = step(r, target, path)?;
                if !found {
                    path.truncate(len);
                }
                Ok(())
            })?;
        }
        Some(b'[') => {
            let mut index = 0;
            reader.array(|r| {
                if found {
                    return r.skip();
                }
                let len = path.len();
                path.push_str(&format!("/{index}"));
                index += 1;
                found = step(r, target, path)?;
                if !found {
                    path.truncate(len);
                }
                Ok(())
            })?;
        }
        _ => reader.skip()?,
    }
    Ok(found)
}

/// Descends into the next value where it holds `target`, else steps over it.
fn step(reader: &mut Reader<'_>, target: usize, path: &mut String) -> Result<bool> {
    let start = reader.mark()?;
    if target >= reader.at {
        return Ok(false);
    }
    reader.revisit(start, |r| walk_to(r, target, path))?;
    Ok(true)
}
