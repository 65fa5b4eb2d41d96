//! The pages in a real browser: widths, both colour schemes, keyboard, contrast, names of form fields.

mod driver;

use std::path::Path;

use driver::Browser;
use serde_json::Value;

use super::fixture::Server;

const PAGES: [(&str, &str); 13] = [
    ("overview", "/"),
    ("cve", "/cve/CVE-2024-90001"),
    ("cve-hostile", "/cve/CVE-2024-90002"),
    ("cve-nothing", "/cve/GO-2024-0001"),
    ("cve-unseen", "/cve/CVE-2026-99999"),
    ("package", "/package/lumen"),
    ("package-linux", "/package/linux"),
    ("channels", "/channels"),
    ("channel", "/channel/nixos-unstable"),
    ("queue", "/queue"),
    ("search", "/search?q=lumen"),
    ("problems", "/problems"),
    ("about", "/about"),
];

/// For each text the contrast with what is behind it; answers those below the least that WCAG 2 AA asks for.
const CONTRAST: &str = include_str!("browser/contrast.js");

/// Fields without a name for those who do not see them, and ids that occur twice.
const NAMES: &str = include_str!("browser/names.js");

/// Texts that run down the page letter by letter: the sum of a page's width does not show them.
const SQUEEZED: &str = include_str!("browser/squeezed.js");

fn shots() -> std::path::PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shots");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn browser_shows_every_page_well_in_both_schemes_and_widths() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    for scheme in ["light", "dark"] {
        browser.scheme(scheme);
        for width in [390, 1280] {
            browser.size(width, 900);
            for (name, path) in PAGES {
                browser.open(&format!("http://{}{path}", server.at));
                let what = format!("{name} {scheme} {width}");
                browser.shot(&shots().join(format!("{name}-{scheme}-{width}.png")));
                browser.run("document.querySelectorAll('details').forEach((details) => (details.open = true))");
                let sizes = browser.run("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]");
                assert_eq!(sizes[0], sizes[1], "{what} is wider than the window");
                let pale = browser.run(CONTRAST);
                assert_eq!(pale, Value::Array(Vec::new()), "{what} has pale text");
                let squeezed = browser.run(SQUEEZED);
                assert_eq!(squeezed, Value::Array(Vec::new()), "{what} has squeezed text");
                let nameless = browser.run(NAMES);
                assert_eq!(nameless, Value::Array(Vec::new()), "{what}");
            }
        }
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn browser_can_be_left_for_a_keyboard() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start();
    browser.size(1280, 900);
    browser.open(&format!("http://{}/queue", server.at));
    let focused = "const e = document.activeElement; return e.textContent.trim() || e.id || e.tagName";
    let outline = "const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2";
    browser.press("\u{E004}");
    assert_eq!(browser.run(focused), "Skip to the content");
    let top = browser.run("return document.activeElement.getBoundingClientRect().top");
    assert!(top.as_f64().unwrap() >= 0.0, "the skip link is in sight when it has the focus");
    browser.press("\u{E007}");
    assert_eq!(browser.run("return document.activeElement.id"), "main");
    // The next stop is inside the content; each stop can be seen.
    browser.press("\u{E004}");
    assert_eq!(browser.run(focused), "nixos-unstablenixos-20.09pre");
    for _ in 0..15 {
        assert_eq!(browser.run(outline), true, "focus cannot be seen on {}", browser.run(focused));
        browser.press("\u{E004}");
    }
    // A filter is filled in and sent without a mouse, and its state is in the address.
    browser.open(&format!("http://{}/queue", server.at));
    browser.run("document.getElementById('q').focus()");
    browser.press("lumen\u{E007}");
    browser.wait_for("return location.search.includes('q=lumen') && document.readyState === 'complete'");
    assert_eq!(browser.run("return document.getElementById('q').value"), "lumen");
    assert_eq!(browser.run("return document.querySelectorAll('.findings tbody').length"), 1);
}
