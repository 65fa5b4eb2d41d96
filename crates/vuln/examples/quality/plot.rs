//! Stated confidence against the share that is right, as a drawing for the book.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Side of the field in which the points lie, and the room around it.
const SIDE: f64 = 320.0;
const ROOM: f64 = 56.0;

/// (right, all) by tenths of confidence. A bar through each point is where the share would lie in 95 of 100 such samples (Wilson's interval).
pub fn calibration(bins: &BTreeMap<u32, (usize, usize)>) -> String {
    let x = |share: f64| ROOM + share * SIDE;
    let y = |share: f64| ROOM / 2.0 + (1.0 - share) * SIDE;
    let (width, height) = (SIDE + 1.5 * ROOM, SIDE + 1.5 * ROOM);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="12" role="img">
<title>Stated confidence against the share of pairs that are right</title>
<rect width="100%" height="100%" fill="#fff"/>
<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="#777" stroke-dasharray="4 4"/>
"##,
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0),
    );
    let mut put = |line: std::fmt::Arguments<'_>| {
        // A text takes everything.
        let _ = writeln!(svg, "{line}");
    };
    for tenth in 0..=5 {
        let share = f64::from(tenth) / 5.0;
        put(format_args!(
            r##"<line x1="{0:.1}" y1="{1:.1}" x2="{0:.1}" y2="{2:.1}" stroke="#ddd"/><line x1="{3:.1}" y1="{4:.1}" x2="{5:.1}" y2="{4:.1}" stroke="#ddd"/>"##,
            x(share),
            y(0.0),
            y(1.0),
            x(0.0),
            y(share),
            x(1.0)
        ));
        put(format_args!(
            r##"<text x="{:.1}" y="{:.1}" text-anchor="middle">{share:.1}</text>"##,
            x(share),
            y(0.0) + 16.0
        ));
        put(format_args!(
            r##"<text x="{:.1}" y="{:.1}" text-anchor="end">{share:.1}</text>"##,
            x(0.0) - 6.0,
            y(share) + 4.0
        ));
    }
    for (bin, (right, all)) in bins {
        let (from, to) = interval(*right, *all);
        let (at, share) = (x((f64::from(*bin) + 0.5) / 10.0), *right as f64 / (*all).max(1) as f64);
        let radius = 3.0 + (*all as f64).sqrt() / 4.0;
        put(format_args!(
            r##"<line x1="{at:.1}" y1="{:.1}" x2="{at:.1}" y2="{:.1}" stroke="#1f5fa8" stroke-width="2"/><circle cx="{at:.1}" cy="{:.1}" r="{radius:.1}" fill="#1f5fa8"><title>{right} of {all}</title></circle>"##,
            y(from),
            y(to),
            y(share)
        ));
    }
    put(format_args!(
        r##"<text x="{:.1}" y="{:.1}" text-anchor="middle">stated confidence</text>"##,
        x(0.5),
        y(0.0) + 36.0
    ));
    put(format_args!(
        r##"<text transform="translate(14 {:.1}) rotate(-90)" text-anchor="middle">share of pairs that are right</text>"##,
        y(0.5)
    ));
    svg.push_str("</svg>\n");
    svg
}

/// Wilson's interval at 95 %.
fn interval(right: usize, all: usize) -> (f64, f64) {
    let (n, z) = (all.max(1) as f64, 1.96_f64);
    let share = right as f64 / n;
    let (middle, width) = (
        share + z * z / (2.0 * n),
        z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt(),
    );
    let scale = 1.0 + z * z / n;
    ((middle - width) / scale, ((middle + width) / scale).min(1.0))
}
