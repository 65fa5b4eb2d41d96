//! The pages in a real browser: widths, both colour schemes, keyboard, with and without scripts, and what axe-core says.

mod driver;

use std::path::Path;

use driver::Browser;
use serde_json::Value;

use super::fixture::Server;

/// Every page, with a name for its picture.
const PAGES: [(&str, &str); 19] = [
    ("overview", "/"),
    ("cve", "/cve/CVE-2024-90001"),
    ("cve-nothing", "/cve/GO-2024-0001"),
    ("cve-unseen", "/cve/CVE-2026-99999"),
    ("package", "/package/lumen"),
    ("channels", "/channels"),
    ("channel", "/channel/nixos-unstable"),
    ("compare", "/compare?show=both"),
    ("queue", "/queue?severity=critical"),
    ("maintainers", "/maintainers"),
    ("maintainer", "/maintainer/ada-example"),
    ("teams", "/teams"),
    ("team", "/team/lamps"),
    ("trends", "/trends?by=year"),
    ("search", "/search?q=lumen"),
    ("problems", "/problems"),
    ("sources", "/sources"),
    ("about", "/about"),
    ("legend", "/legend"),
];

/// States of pages that are not how people know them: errors, nothing, too much, foreign markup.
const STATES: [(&str, &str); 9] = [
    ("cve-hostile", "/cve/CVE-2024-90002"),
    ("cve-rejected", "/cve/CVE-2022-90004"),
    ("package-many", "/package/linux"),
    ("package-none", "/package/lum"),
    ("package-hostile", "/package/evil%22%3E%3Cb%3Epkg"),
    ("queue-many", "/queue"),
    ("queue-none", "/queue?q=zzzz"),
    ("search-none", "/search?q=zzzz"),
    ("error", "/nothing"),
];

/// The pictures of the book: page, width, scheme.
const BOOK: [(&str, u32, &str); 6] = [
    ("overview", 1280, "light"),
    ("cve", 1280, "light"),
    ("trends", 1280, "light"),
    ("compare", 1280, "dark"),
    ("package", 1280, "dark"),
    ("cve", 390, "light"),
];

/// For each text the contrast with what is behind it; answers those below the least that WCAG 2 AA asks for.
const CONTRAST: &str = include_str!("browser/contrast.js");

/// Fields without a name for those who do not see them, and ids that occur twice.
const NAMES: &str = include_str!("browser/names.js");

/// What makes a page scroll sideways.
const WIDE: &str = include_str!("browser/wide.js");

/// Texts that run down the page letter by letter: the sum of a page's width does not show them.
const SQUEEZED: &str = include_str!("browser/squeezed.js");

/// Notes what the keyboard reaches.
const TABBING: &str = include_str!("browser/tabbing.js");

/// Runs axe-core.
const AXE: &str = include_str!("browser/axe.js");

/// The source of axe-core, where `cargo xtask test` fetched it.
fn axe() -> Option<String> {
    let Some(path) = std::env::var_os("FIRN_TEST_AXE") else {
        eprintln!("SKIPPED: pages are not looked at by axe-core, because FIRN_TEST_AXE is not set");
        return None;
    };
    Some(std::fs::read_to_string(path).unwrap())
}

/// Saves a picture where pictures are wanted: all of them for whoever works on the pages, some of them for the book.
fn picture(browser: &Browser, name: &str, scheme: &str, width: u32) {
    let Some(book) = std::env::var_os("FIRN_SCREENSHOTS") else {
        return;
    };
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shots");
    std::fs::create_dir_all(&all).unwrap();
    let file = all.join(format!("{name}-{scheme}-{width}.png"));
    browser.shot(&file);
    if BOOK.contains(&(name, width, scheme)) {
        let phone = if width < 600 { "-phone" } else { "" };
        std::fs::copy(file, Path::new(&book).join(format!("{name}{phone}.png"))).unwrap();
    }
}

/// Everything that is wrong with the page that the browser shows.
fn look(browser: &Browser, axe: Option<&str>, what: &str, scheme: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut nothing = |found: Value, kind: &str| {
        let found = found.as_array().unwrap().iter();
        wrong.extend(found.map(|item| format!("{what}: {kind}: {}", item.as_str().unwrap_or_default())));
    };
    browser.run("document.querySelectorAll('details').forEach((details) => (details.open = true))");
    nothing(browser.run(WIDE), "wider than the window");
    nothing(browser.run(CONTRAST), "pale text");
    nothing(browser.run(SQUEEZED), "squeezed text");
    if scheme == "light" {
        nothing(browser.run(NAMES), "names");
    }
    if let Some(axe) = axe {
        // Colours are all that a scheme changes.
        let options = if scheme == "light" {
            "{}"
        } else {
            "{runOnly: [\"color-contrast\"]}"
        };
        browser.run(axe);
        nothing(browser.run_async(&AXE.replace("OPTIONS", options)), "axe-core");
    }
    wrong
}

#[test]
fn browser_shows_every_page_well_in_both_schemes_and_widths() {
    let Some(browser) = Browser::start() else { return };
    let (server, empty) = (Server::start(), Server::empty());
    let axe = axe();
    let mut wrong = Vec::new();
    for (scheme, width) in [("light", 390), ("light", 1280), ("dark", 390), ("dark", 1280)] {
        browser.scheme(scheme);
        browser.size(width, 900);
        // Odd states share their style with the pages: one look at each width is enough.
        let states = if (width < 600) == (scheme == "light") { &STATES[..] } else { &[] };
        let full = PAGES.iter().chain(states).map(|page| (&server, *page));
        let bare = states.first().map(|_| {
            [
                ("overview", "/"),
                ("queue", "/queue"),
                ("trends", "/trends"),
                ("compare", "/compare"),
                ("maintainers", "/maintainers"),
            ]
        });
        let bare = bare.into_iter().flatten().map(|page| (&empty, page));
        for (server, (name, path)) in full.chain(bare) {
            browser.open(&format!("http://{}{path}", server.at));
            let is_empty = std::ptr::eq(server, &empty);
            let name = if is_empty { format!("{name}-empty") } else { name.to_owned() };
            picture(&browser, &name, scheme, width);
            wrong.extend(look(&browser, axe.as_deref(), &format!("{name} {scheme} {width}"), scheme));
        }
    }
    wrong.extend(browser.complaints());
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn browser_reaches_everything_with_the_keyboard_alone() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    for (width, pages) in [(1280, &PAGES[..]), (390, &PAGES[..])] {
        browser.size(width, 900);
        for (name, path) in pages {
            browser.open(&format!("http://{}{path}", server.at));
            let stops = browser.run(TABBING).as_u64().unwrap() as usize;
            browser.press(&"\u{E004}".repeat(stops));
            let visits = browser.run("return window.visits");
            let visits = visits.as_array().unwrap();
            for (index, visit) in visits.iter().enumerate() {
                assert_eq!(
                    visit["index"], index,
                    "{name} {width}: the order of the keyboard is not that of the page at {visit}"
                );
                assert_eq!(visit["seen"], true, "{name} {width}: focus cannot be seen on {visit}");
                assert_eq!(visit["inside"], true, "{name} {width}: the focus is out of sight on {visit}");
            }
            assert_eq!(visits.len(), stops, "{name} {width}: not everything is reached");
        }
    }
}

#[test]
fn browser_skips_to_the_content_and_sends_forms_with_keys() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    browser.size(1280, 900);
    browser.open(&format!("http://{}/queue", server.at));
    let focused = "const e = document.activeElement; return e.textContent.trim() || e.id || e.tagName";
    browser.press("\u{E004}");
    assert_eq!(browser.run(focused), "Skip to the content");
    let top = browser.run("return document.activeElement.getBoundingClientRect().top");
    assert!(top.as_f64().unwrap() >= 0.0, "the skip link is in sight when it has the focus");
    browser.press("\u{E007}");
    assert_eq!(browser.run("return document.activeElement.id"), "main");
    // The next stop is inside the content.
    browser.press("\u{E004}");
    assert_eq!(browser.run("return document.activeElement.closest('main') !== null"), true);
    // A filter is filled in and sent without a mouse, and its state is in the address.
    browser.open(&format!("http://{}/queue", server.at));
    browser.run("document.getElementById('q').focus()");
    browser.press("lumen\u{E007}");
    browser.wait_for("return location.search.includes('q=lumen') && document.readyState === 'complete'");
    assert_eq!(browser.run("return document.getElementById('q').value"), "lumen");
    assert_eq!(browser.run("return document.querySelectorAll('.findings tbody').length"), 1);
}

#[test]
fn browser_without_scripts_shows_the_same() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    browser.size(390, 900);
    let text = "return document.body.innerText";
    for (name, path) in PAGES {
        let address = format!("http://{}{path}", server.at);
        browser.open(&address);
        let with = browser.run(text);
        browser.scripts(false);
        browser.open(&address);
        let without = browser.run(text);
        browser.scripts(true);
        assert_eq!(with, without, "{name}");
        assert!(with.as_str().unwrap().len() > 100, "{name}");
    }
}

#[test]
fn browser_reads_the_feeds() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    // A browser's own first page forbids to parse anything.
    browser.open(&format!("http://{}/about", server.at));
    for path in [
        "/queue.atom",
        "/queue.atom?verdict=known_vulnerable",
        "/channels.atom",
        "/channel/nixos-unstable.atom",
        "/compare.atom",
        "/package/evil%22%3E%3Cb%3Epkg.atom",
        "/maintainer/ada-example.atom",
        "/search.atom?q=lumen",
        "/problems.atom",
    ] {
        let text = Value::String(server.get(path).body);
        let script = format!(
            "const feed = new DOMParser().parseFromString({text}, 'application/xml');
             const names = (parent) => [...parent.children].map((e) => e.localName);
             const wrong = [...feed.getElementsByTagName('parsererror')].map((e) => e.textContent);
             if (feed.documentElement.namespaceURI !== 'http://www.w3.org/2005/Atom') wrong.push('no Atom');
             for (const entry of [feed.documentElement, ...feed.getElementsByTagName('entry')]) {{
               for (const name of ['id', 'title', 'updated', 'link']) if (!names(entry).includes(name)) wrong.push('no ' + name);
             }}
             const ids = [...feed.getElementsByTagName('id')].map((e) => e.textContent);
             if (new Set(ids).size !== ids.length) wrong.push('an id twice');
             return wrong;"
        );
        assert_eq!(browser.run(&script), Value::Array(Vec::new()), "{path}");
    }
}
