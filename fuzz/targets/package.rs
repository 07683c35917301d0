//! A plugin's package, as anybody may send it: an archive, packed or not yet.
#![no_main]

use std::io::Write as _;

use libfuzzer_sys::fuzz_target;
use macadam_registry::{Expected, Package, read};

/// What was taken is taken again, and is the same.
fn holds(package: &Package) {
    let again = read(&package.archive()[..], &Expected::default()).expect("what was taken is taken again");
    assert_eq!(again.digest(), package.digest());
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(package) = read(bytes, &Expected::default()) {
        holds(&package);
    }
    // Chance writes no checksum that fits, and would never see what is inside.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory can be written to");
    let packed = packer.finish().expect("memory can be written to");
    if let Ok(package) = read(packed.as_slice(), &Expected::default()) {
        holds(&package);
    }
});
