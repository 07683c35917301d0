//! For the build scripts of generators: embeds a golden path, a tree of files beside its description, in the plugin.
//!
//! ```no_run
//! // build.rs
//! macadam_sdk_build::embed_template("../../../templates/rest-api");
//! ```
//!
//! The folder holds `template.toml` (what the golden path is), `parameters.schema.json` (what it asks) and `files/`
//! (what it makes). A file whose name ends in `.j2` is rendered and loses that ending; any other is copied byte for
//! byte. What is wrong with a golden path stops the build, with a sentence that says what.
#![allow(clippy::print_stdout, reason = "that is how a build script speaks to cargo")]

use std::path::{Path, PathBuf};
use std::{env, fmt, fs, process};

use serde::Deserialize;

/// A file whose name ends like this is rendered.
const RENDERED: &str = ".j2";

/// Writes `template.rs` into the build's output folder, for `macadam_sdk::embedded_template!()` to take in.
pub fn embed_template(folder: impl AsRef<Path>) {
    let folder = folder.as_ref();
    println!("cargo::rerun-if-changed={}", folder.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("template.rs");
    let written = generate(folder).and_then(|code| fs::write(&out, code).map_err(|error| Wrong::at(&out, error)));
    if let Err(wrong) = written {
        println!("cargo::error={wrong}");
        process::exit(1);
    }
}

/// What is wrong with a golden path.
#[derive(Debug)]
pub struct Wrong(String);

impl Wrong {
    fn at(path: &Path, what: impl fmt::Display) -> Self {
        Self(format!("{}: {what}", path.display()))
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Description {
    id: String,
    version: String,
    title: String,
    description: String,
    category: String,
    language: String,
    framework: String,
    deprecated_by: Option<String>,
    #[serde(default)]
    features: Vec<Feature>,
    #[serde(default)]
    only_with: Vec<OnlyWith>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Feature {
    name: String,
    title: String,
    default: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyWith {
    feature: String,
    paths: Vec<String>,
}

struct EmbeddedFile {
    /// As in the generated project.
    path: String,
    source: PathBuf,
    rendered: bool,
    executable: bool,
}

/// The Rust code of a golden path: one static `Tree`. Equal folders give equal code, whatever order the file system
/// lists them in.
///
/// # Errors
/// [`Wrong`] names the file and what is wrong with it.
pub fn generate(folder: &Path) -> Result<String, Wrong> {
    let about = folder.join("template.toml");
    let text = fs::read_to_string(&about).map_err(|error| Wrong::at(&about, error))?;
    let description: Description = toml::from_str(&text).map_err(|error| Wrong::at(&about, error))?;
    let mut files = Vec::new();
    collect(&folder.join("files"), "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    check(&description, &files).map_err(|what| Wrong::at(&about, what))?;
    let parameters = absolute(&folder.join("parameters.schema.json"))?;
    Ok(code(&description, &parameters, &files))
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<EmbeddedFile>) -> Result<(), Wrong> {
    for entry in fs::read_dir(folder).map_err(|error| Wrong::at(folder, error))? {
        let source = entry.map_err(|error| Wrong::at(folder, error))?.path();
        let name = source.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Wrong::at(&source, "its name is not UTF-8"))?;
        let metadata = fs::symlink_metadata(&source).map_err(|error| Wrong::at(&source, error))?;
        let path = format!("{prefix}{name}");
        if metadata.is_dir() {
            collect(&source, &format!("{path}/"), files)?;
        } else if metadata.is_file() {
            let kept = path.strip_suffix(RENDERED);
            let (rendered, path) = (kept.is_some(), kept.unwrap_or(&path).to_owned());
            files.push(EmbeddedFile {
                path,
                rendered,
                executable: is_executable(&metadata),
                source: absolute(&source)?,
            });
        } else {
            return Err(Wrong::at(&source, "it is neither a file nor a folder"));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &fs::Metadata) -> bool {
    false
}

fn absolute(path: &Path) -> Result<PathBuf, Wrong> {
    fs::canonicalize(path).map_err(|error| Wrong::at(path, error))
}

fn check(description: &Description, files: &[EmbeddedFile]) -> Result<(), String> {
    for pair in files.windows(2) {
        if let [one, other] = pair
            && one.path == other.path
        {
            return Err(format!("two files make {:?}; one ends in {RENDERED}, the other does not", one.path));
        }
    }
    for OnlyWith { feature, paths } in &description.only_with {
        if !description.features.iter().any(|known| &known.name == feature) {
            return Err(format!("only-with names the feature {feature:?}, which is not one of [[features]]"));
        }
        for path in paths {
            if !files.iter().any(|file| is_in(&file.path, path)) {
                return Err(format!("only-with names {path:?}, which is neither a file nor a folder of the project"));
            }
        }
    }
    Ok(())
}

/// Whether a file is the one that is named or below the folder that is named.
fn is_in(file: &str, named: &str) -> bool {
    file.strip_prefix(named.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn code(description: &Description, parameters: &Path, files: &[EmbeddedFile]) -> String {
    let Description { id, version, title, description: text, category, language, framework, .. } = description;
    let deprecated_by = &description.deprecated_by;
    let features: String = description.features.iter().map(feature_code).collect();
    let files: String = files.iter().map(|file| file_code(file, &description.only_with)).collect();
    format!(
        "/// The golden path that this plugin carries.\n\
         static TREE: ::macadam_sdk::template::Tree = ::macadam_sdk::template::Tree {{\n\
         id: {id:?}, version: {version:?}, title: {title:?}, description: {text:?}, category: {category:?},\n\
         language: {language:?}, framework: {framework:?}, deprecated_by: {deprecated_by:?},\n\
         parameters: include_str!({parameters:?}),\n\
         features: &[\n{features}],\n\
         files: &[\n{files}],\n\
         }};\n"
    )
}

fn feature_code(feature: &Feature) -> String {
    let Feature { name, title, default } = feature;
    format!("::macadam_sdk::template::TreeFeature {{ name: {name:?}, title: {title:?}, default: {default} }},\n")
}

fn file_code(file: &EmbeddedFile, only_with: &[OnlyWith]) -> String {
    let EmbeddedFile { path, source, rendered, executable } = file;
    let needs = |only: &&OnlyWith| only.paths.iter().any(|named| is_in(path, named));
    let only_with: Vec<&str> = only_with.iter().filter(needs).map(|only| only.feature.as_str()).collect();
    let content = match rendered {
        true => format!("Rendered(include_str!({source:?}))"),
        false => format!("Copied(include_bytes!({source:?}))"),
    };
    format!(
        "::macadam_sdk::template::TreeFile {{ path: {path:?}, executable: {executable}, only_with: &{only_with:?}, \
         content: ::macadam_sdk::template::Content::{content} }},\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: &str = "id = 'a'\nversion = '1.0.0'\ntitle = ''\ndescription = ''\ncategory = ''\nlanguage = ''\n\
                         framework = ''\n[[features]]\nname = 'x'\ntitle = ''\ndefault = true\n";

    fn template(about: &str, files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("template.toml"), about).unwrap();
        fs::write(folder.path().join("parameters.schema.json"), "{}").unwrap();
        for file in files {
            let path = folder.path().join("files").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn files_come_in_the_order_of_their_paths_and_lose_the_ending_that_says_rendered() {
        let code = generate(template(ABOUT, &["z", "b/c.txt.j2", "a.j2"]).path()).unwrap();
        let at = |text: &str| code.find(text).unwrap_or_else(|| panic!("{text} is missing in {code}"));
        assert!(at("path: \"a\"") < at("path: \"b/c.txt\"") && at("path: \"b/c.txt\"") < at("path: \"z\""));
        assert_eq!((code.matches("Rendered(").count(), code.matches("Copied(").count()), (2, 1));
    }

    #[test]
    fn a_folder_can_belong_to_a_feature() {
        let about = format!("{ABOUT}[[only-with]]\nfeature = 'x'\npaths = ['src']\n");
        let code = generate(template(&about, &["src/a", "src2/a"]).path()).unwrap();
        assert_eq!(code.matches("only_with: &[\"x\"]").count(), 1, "only what is below the folder: {code}");
    }

    #[test]
    fn what_is_wrong_with_a_golden_path_stops_the_build() {
        let unknown_feature = format!("{ABOUT}[[only-with]]\nfeature = 'y'\npaths = ['a']\n");
        let unknown_path = format!("{ABOUT}[[only-with]]\nfeature = 'x'\npaths = ['b']\n");
        for (about, files, says) in [
            (unknown_feature.as_str(), ["a"].as_slice(), "\"y\""),
            (&unknown_path, &["a"], "\"b\""),
            (ABOUT, &["a", "a.j2"], "two files"),
            ("id = 'a'", &["a"], "missing field"),
            (ABOUT, &[], "files"),
        ] {
            let wrong = generate(template(about, files).path()).unwrap_err().to_string();
            assert!(wrong.contains(says), "{wrong} must say {says}");
        }
    }
}
