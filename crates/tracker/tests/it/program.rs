//! The program as a user runs it, with a database and a home of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::backend::{self, Backend};
use crate::cluster;

/// A folder with a database in it.
pub struct Home {
    dir: TempDir,
    /// Where the database is, if it is on a server.
    server: Option<String>,
}

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            server: match backend::chosen() {
                Backend::Sqlite => None,
                Backend::Postgres => Some(cluster::fresh().unwrap()),
            },
        }
    }

    /// One whose database is on this server.
    pub fn on(server: String) -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            server: Some(server),
        }
    }

    /// The address of the database.
    pub fn address(&self) -> String {
        match &self.server {
            Some(address) => address.clone(),
            None => format!("sqlite://{}", self.database().display()),
        }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path("t.sqlite")
    }

    /// The program, cut off from the user's own home, mirror and network.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn-tracker"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .env("FIRN_DATABASE", self.address())
            .env("NO_COLOR", "1")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran {
            output: self.command(args).output().unwrap(),
            root: self.dir.path().to_owned(),
        }
    }

    /// Runs it, expecting success.
    pub fn done(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code(), Some(0), "{args:?}\n{}", ran.all());
        ran
    }

    /// Runs it with a standard output that takes nothing more: a file that may not grow.
    pub fn run_full(&self, args: &[&str]) -> Ran {
        let full = std::fs::File::create(self.path("full")).unwrap();
        full.set_len(1 << 30).unwrap();
        // In blocks of 512 bytes or, in some shells, 1024: more than the database needs, less than the file has.
        let script = "trap '' XFSZ; ulimit -f 200000; exec \"$0\" \"$@\" >> full";
        let program = self.command(&[]);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).arg(program.get_program()).args(args).env_clear();
        for (name, value) in program.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        Ran {
            output: shell.current_dir(self.dir.path()).stdin(Stdio::null()).output().unwrap(),
            root: self.dir.path().to_owned(),
        }
    }

    /// Runs it with a standard output that nobody reads.
    pub fn run_unread(&self, args: &[&str]) -> Ran {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = self.command(args).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        Ran {
            output: output.wait_with_output().unwrap(),
            root: self.dir.path().to_owned(),
        }
    }

    /// The database, to look into; of one on a server a copy.
    pub fn db(&self) -> Connection {
        if self.server.is_some() {
            let copy = format!("sqlite://{}", self.database().display());
            self.done(&["copy", "--from", &self.address(), "--to", &copy, "--replace"]);
        }
        Connection::open(self.database()).unwrap()
    }

    /// What the database says, whatever order it was written in: rows of all tables that a user sees, without row numbers and times.
    pub fn content(&self) -> Vec<String> {
        let db = self.db();
        let mut lines = Vec::new();
        for sql in [
            "SELECT 'document', source, key, url, hex(sha256), size FROM document ORDER BY 2, 3, 5",
            "SELECT 'record', r.source, r.key, hex(d.sha256), r.state, r.modified FROM record r JOIN document d ON d.id = r.document_id ORDER BY 2, 3",
            "SELECT 'problem', source, key, pointer, message FROM problem ORDER BY 2, 3, 4, 5",
            "SELECT 'vulnerability', name, title, description, state, score, severity, kev_date, epss, tags FROM vulnerability ORDER BY 2",
            "SELECT 'link', v.name, r.source, r.key FROM record_vulnerability l JOIN vulnerability v ON v.id = l.vulnerability_id JOIN record r ON r.id = l.record_id ORDER BY 2, 3, 4",
            "SELECT 'alias', a.alias, v.name FROM alias a JOIN vulnerability v ON v.id = a.vulnerability_id ORDER BY 2, 3",
            "SELECT 'taken', source, url, hex(sha256), data_date, records FROM taken ORDER BY 2, 3",
            "SELECT 'package', c.name, p.attr, p.version FROM channel c JOIN package_in m ON m.channel_id = c.id AND m.until_set IS NULL JOIN package p ON p.id = m.package_id ORDER BY 2, 3",
            "SELECT 'verdict', v.name, k.name, c.name, t.verdict, t.confidence, e.lines FROM verdict t JOIN evidence e ON e.id = t.evidence_id JOIN vulnerability v ON v.id = t.vulnerability_id JOIN cluster k ON k.id = t.cluster_id JOIN channel c ON c.id = t.channel_id ORDER BY 2, 3, 4",
            "SELECT 'disposition', v.name, c.name, d.disposition FROM disposition d JOIN vulnerability v ON v.id = d.vulnerability_id JOIN channel c ON c.id = d.channel_id ORDER BY 2, 3",
        ] {
            let mut statement = db.prepare(sql).unwrap();
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let mut line = String::new();
                for column in 0..columns {
                    let value: rusqlite::types::Value = row.get(column).unwrap();
                    match value {
                        rusqlite::types::Value::Text(text) => write!(line, "{text} ").unwrap(),
                        other => write!(line, "{other:?} ").unwrap(),
                    }
                }
                lines.push(line);
            }
        }
        lines
    }
}

/// What a run printed, and how it ended.
pub struct Ran {
    output: Output,
    root: PathBuf,
}

impl Ran {
    /// Exit code.
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Data.
    pub fn stdout(&self) -> String {
        self.tidy(&self.output.stdout)
    }

    /// Talk.
    pub fn stderr(&self) -> String {
        self.tidy(&self.output.stderr)
    }

    /// Exit code, data and talk in one text, without what differs from run to run.
    pub fn all(&self) -> String {
        format!(
            "exit {:?}\n--- stdout\n{}--- stderr\n{}",
            self.code().unwrap_or(-1),
            self.stdout(),
            self.stderr()
        )
    }

    /// Folders and times become words.
    fn tidy(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).replace(&root(&self.root), "[home]");
        let lines = text.lines().map(|line| match line.split_once(" in ") {
            // "cve: 12 records in 3 ms (4,000/s)"
            Some((done, rate)) if rate.ends_with("/s)") => format!("{done} in [time]\n"),
            _ => format!("{line}\n"),
        });
        lines.collect()
    }
}

fn root(path: &Path) -> String {
    path.display().to_string()
}
