use std::collections::BTreeMap;
use std::path::Path;

use cli_kit::{Exit, Explained, Failure, Format, Output, Table, escape, human};

use super::Context;
use crate::audit::closure::{Kind, Report};
use crate::audit::drvs::{self, ClosureError};
use crate::audit::{Audit, AuditError, File};

/// Prints what is trusted.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let audit = Audit::of(&context.chain, &context.store()?)?;
    let missing = audit.sources.iter().filter(|s| s.content.is_none()).count();
    if missing > 0 {
        context.talk.say(&format!(
            "{missing} archives are not in the store, so that nobody looked into them; firn-chain fetch gets them"
        ));
    }
    let mut out = Output::stdout();
    if context.manners.format == Format::Table {
        print(&audit, &mut out)?;
    } else {
        out.json(&audit)?;
    }
    out.finish()?;
    Ok(Exit::Clean)
}

fn print(audit: &Audit, out: &mut Output) -> Result<(), Failure> {
    let file = |file: &File| {
        format!(
            "{} bytes, sha256 {}, {}",
            file.bytes,
            file.sha256,
            escape(&file.path.display().to_string())
        )
    };
    out.line(format!("seed    {}", file(&audit.seed)))?;
    out.line(format!("engine  {}", file(&audit.engine)))?;
    let image = audit.kernel.image.as_ref().map_or("its image is not to be found".to_owned(), file);
    out.line(format!("kernel  Linux {}: {image}", escape(&audit.kernel.release)))?;
    out.line("host programs run by build: none\n")?;
    for action in audit.always {
        out.line(format!("always  {action}"))?;
    }
    out.line("")?;
    let mut table = Table::new(&["step", "what the engine does itself", "why"]).flow(&["why"]);
    for action in &audit.actions {
        table.row([&action.step, &action.action, &action.why]);
    }
    out.table(&table)?;
    out.line("")?;
    let numbers = ["files", "lines", "new lines", "edit lines", "bytes"];
    let mut table = Table::new(&["our sources of", "files", "lines", "new lines", "edit lines", "bytes", "sha256"]).right(&numbers);
    for own in audit.own.iter().filter(|o| o.files + o.edit_lines > 0) {
        let numbers = [own.files, own.lines, own.new_lines, own.edit_lines].map(|n| n.to_string());
        let cells = [own.step.clone()].into_iter().chain(numbers);
        table.row(cells.chain([own.bytes.to_string(), own.sha256.clone()]));
    }
    out.table(&table)?;
    out.line("")?;
    for source in &audit.sources {
        let content = source.content.map_or("not fetched".to_owned(), |c| {
            format!(
                "{}, {} of its {} files are used: {} lines, {}",
                human::bytes(c.archive_bytes),
                human::count(c.kept_files as u64),
                human::count(c.files as u64),
                human::count(c.kept_lines as u64),
                human::bytes(c.kept_bytes)
            )
        });
        out.line(format!(
            "source  {} {}, {}, sha256 {}, {} edits; {content}",
            source.package, source.version, source.file, source.sha256, source.edits
        ))?;
    }
    out.line("")?;
    pregenerated(audit, out)?;
    out.line("")?;
    for trusted in audit.trusted {
        out.line(format!("trusted {trusted}"))?;
    }
    Ok(())
}

/// Files that are used one by one, the others counted.
fn pregenerated(audit: &Audit, out: &mut Output) -> Result<(), Failure> {
    let files = &audit.pregenerated;
    let mut table = Table::new(&["made by a program, and used", "bytes", "what", "needs", "made again in"]).right(&["bytes"]);
    for file in files.iter().filter(|f| f.kept) {
        let needs = if file.generator.is_empty() {
            "it does not say"
        } else {
            &file.generator
        };
        let again = file.regenerated.as_deref().unwrap_or("no step");
        table.row([
            format!("{}: {}", file.step, file.file).as_str(),
            &file.bytes.to_string(),
            file.kind,
            needs,
            again,
        ]);
    }
    if !table.is_empty() {
        out.table(&table)?;
    } else if audit.sources.iter().all(|s| s.content.is_some()) {
        out.line("no file that is used was made by a program")?;
    }
    let mut table = Table::new(&["used as it came, for want of", "files", "bytes", "in the chain"]).right(&["files", "bytes"]);
    for generator in &audit.generators {
        let name = if generator.name.is_empty() {
            "what they do not say"
        } else {
            &generator.name
        };
        let built = generator.built_by.as_deref().unwrap_or("no");
        table.row([name, &generator.files.to_string(), &generator.bytes.to_string(), built]);
    }
    if !table.is_empty() {
        out.line("")?;
        out.table(&table)?;
    }
    let mut left: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for file in files.iter().filter(|f| !f.kept) {
        *left.entry((&file.step, file.kind, &file.generator)).or_default() += 1;
    }
    if !left.is_empty() {
        out.line("")?;
        let mut table = Table::new(&["made by a program, left out of", "files", "what", "by"]).right(&["files"]);
        for ((step, kind, generator), count) in left {
            table.row([step, &count.to_string(), kind, generator]);
        }
        out.table(&table)?;
    }
    Ok(())
}

/// Prints what a closure of derivations is rooted in.
pub fn closure(context: &Context, drv: &Path, sizes: Option<&Path>) -> Result<Exit, Failure> {
    let report = drvs::audit(drv, sizes)?;
    let mut out = Output::stdout();
    match context.manners.format {
        Format::Table => print_closure(&report, &mut out)?,
        Format::Json => out.json(&report)?,
        Format::Jsonl => report.roots.iter().try_for_each(|r| out.json_line(r))?,
    }
    out.finish()?;
    Ok(if report.missing.is_empty() && report.problems.is_empty() {
        Exit::Clean
    } else {
        Exit::Incomplete
    })
}

/// Missing derivations that are named.
const NAMED: usize = 10;

fn print_closure(report: &Report, out: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["rooted in", "what", "bytes", "run by", "needed by", "how we know"])
        .right(&["bytes", "run by", "needed by"])
        .flow(&["how we know"]);
    for root in &report.roots {
        let kind = match root.kind {
            Kind::Program => "fetched program",
            Kind::Archive => "fetched archive of programs",
            Kind::File => "program put into the store",
            Kind::Host => "program of the machine",
            Kind::Impure => "impure derivation",
        };
        let bytes = root.bytes.map_or("unknown".to_owned(), |b| b.to_string());
        table.row([
            root.path.as_str(),
            kind,
            &bytes,
            &root.runs.to_string(),
            &root.dependents.to_string(),
            &root.why,
        ]);
    }
    if !table.is_empty() {
        out.table(&table)?;
        out.line("")?;
    }
    for root in &report.roots {
        if let Some(hash) = &root.hash {
            let from = root.urls.first().map(|u| format!(", from {u}")).unwrap_or_default();
            out.line(escape(&format!("{}: {hash}{from}", root.path)))?;
        }
    }
    for builtin in &report.builtins {
        out.line(escape(&format!(
            "{} is carried out by Nix itself in {} derivations",
            builtin.name, builtin.runs
        )))?;
    }
    out.line(escape(&verdict(report)))?;
    for missing in report.missing.iter().take(NAMED) {
        out.line(escape(&format!("missing: {missing}")))?;
    }
    if report.missing.len() > NAMED {
        out.line(format!("missing: {} more", report.missing.len() - NAMED))?;
    }
    report.problems.iter().try_for_each(|p| out.line(format!("problem: {}", escape(p))))
}

/// The one sentence that people look for.
fn verdict(report: &Report) -> String {
    let building = report.derivations - report.fixed;
    let whole = format!(
        "{} derivations, {} of them downloads, {building} that build",
        report.derivations, report.fixed
    );
    let incomplete = if report.missing.is_empty() && report.problems.is_empty() {
        ""
    } else {
        "; what is missing was not looked at"
    };
    if report.roots.is_empty() {
        return format!("{whole}: rooted in no binary{incomplete}");
    }
    let sizes: Option<Vec<u64>> = report.roots.iter().map(|r| r.bytes).collect();
    let bytes = sizes.map_or_else(
        || {
            let unknown = report.roots.iter().filter(|r| r.bytes.is_none()).count();
            format!("{} binaries, {unknown} of them of unknown size", report.roots.len())
        },
        |sizes| format!("{} bytes in {} binaries", sizes.iter().sum::<u64>(), report.roots.len()),
    );
    format!("{whole}: {} of these are rooted in {bytes}{incomplete}", report.rooted)
}

impl Explained for ClosureError {
    fn exit(&self) -> Exit {
        match self {
            Self::None(_) | Self::Sizes { .. } => Exit::Usage,
            Self::Read { .. } | Self::Size => Exit::Incomplete,
        }
    }
}

impl Explained for AuditError {
    fn exit(&self) -> Exit {
        match self {
            Self::Step(error) => error.exit(),
            Self::Digits { .. } => Exit::Findings,
            Self::Read { .. } | Self::Archive { .. } => Exit::Incomplete,
        }
    }
}
