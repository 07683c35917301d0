//! Encodes each world of the contract as the custom section from which the tools that make components read what a
//! core module imports and exports. `wit-bindgen` would do this too, but only for one world in each crate.

use std::path::Path;
use std::{env, fs};

use wit_component::{StringEncoding, metadata};
use wit_parser::Resolve;

const WORLDS: [&str; 4] =
    ["approval-policy-plugin", "cost-estimator-plugin", "provider-plugin", "template-generator-plugin"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let contract = Path::new("../../wit/v0.2");
    println!("cargo::rerun-if-changed={}", contract.display());
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(contract)?;
    let out = env::var("OUT_DIR")?;
    for name in WORLDS {
        let world = resolve.select_world(&[package], Some(name))?;
        let section = metadata::encode(&resolve, world, StringEncoding::UTF8, None)?;
        fs::write(Path::new(&out).join(name), section)?;
    }
    Ok(())
}
