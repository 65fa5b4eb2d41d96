//! Lines of `nix-eval-jobs`, and derivations joined to them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nix_model::Derivation;
use vuln::package;

fuzz_target!(|data: &[u8]| {
    let (line, file) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &data[..0]),
    };
    let Ok(Ok((mut package, _))) = std::str::from_utf8(line).map(package::eval::read) else {
        return;
    };
    if let Ok(drv) = Derivation::parse(file) {
        package::derivation::enrich(&mut package, &drv, &mut |_| None);
        let once = package.clone();
        package::derivation::enrich(&mut package, &drv, &mut |_| None);
        assert_eq!(package, once);
    }
});
