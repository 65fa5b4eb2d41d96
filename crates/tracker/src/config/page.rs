//! The page of the book about the register.

use std::fmt::Write as _;

use super::register::{KEYS, Key};

const HEAD: &str = "# Configuration of firn-tracker

Every key can stand in the configuration file, in an environment variable or on the command line; a flag wins over the environment, and that over
the file. Keys without a flag of their own are set by `--set KEY=VALUE`. The file is `firn/tracker.toml` in `$XDG_CONFIG_HOME` (else `~/.config`), or what
`--config` or `FIRN_CONFIG` names:

```toml
[server]
listen = \"127.0.0.1:8080\"
```

A key that is not known is refused, with the one that was perhaps meant. Of several values each stands in a list in the file (`[\"a\", \"b\"]`), and between commas
elsewhere. A length of time is a number with ms, s, min, h or d; a size one with B, KiB, MiB or GiB.

A *secret* is never printed. It is not taken by `--set`, as others see the command lines of a machine; a file that holds it can be named by the key with `_file` at its
end, which suits systemd's credentials. `firn-tracker config` prints what holds and where it was set.
";

/// The page, in Markdown.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for section in KEYS {
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n{}.\n\n| key | environment | flag | default | |\n|---|---|---|---|---|\n",
            section.name, section.about
        );
        for key in section.keys {
            let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                code(key.name),
                code(&key.variable()),
                code(key.flag.unwrap_or_default()),
                code(key.default),
                about(key)
            );
        }
    }
    page
}

fn about(key: &Key) -> String {
    if key.is_secret {
        format!("{} (*secret*: also `{}`, `{}`)", key.about, key.file_name(), key.file_variable())
    } else {
        key.about.to_owned()
    }
}
