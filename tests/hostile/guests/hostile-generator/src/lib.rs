//! A generator that misbehaves as its settings say, `{"act": "twins"}`; without an act it makes one harmless file. It
//! is built without the SDK, on the standard allocator.
#![allow(unsafe_code, missing_docs, unreachable_pub, reason = "generated from the contract")]

mod bindings {
    wit_bindgen::generate!({ path: "../../../../wit/v0.1", world: "template-generator-plugin" });
}

use bindings::exports::macadam::plugin::plugin::{Guest as Plugin, Info};
use bindings::exports::macadam::plugin::template_generator::{
    Answers, File, Guest as Generator, Mode, Project, Template,
};
use bindings::macadam::plugin::types::{PluginError, Violation};

struct Hostile;

#[derive(Debug, Default, serde::Deserialize)]
struct Settings {
    #[serde(default)]
    act: Act,
}

#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    /// One harmless file.
    #[default]
    Harmless,
    /// Ten thousand files.
    ManyFiles,
    /// The paths that the parameters say, `{"paths": ["../x"]}`.
    Paths,
    /// Two files that are one where case does not count.
    Twins,
    /// One file, as large as memory permits.
    HugeFile,
    /// Nothing.
    Empty,
    /// Never comes back.
    Loop,
}

#[derive(Debug, Default, serde::Deserialize)]
struct Parameters {
    #[serde(default)]
    paths: Vec<String>,
}

impl Plugin for Hostile {
    fn describe() -> Info {
        let settings_schema = r#"{"type": "object"}"#.to_owned();
        Info { summary: "A generator that misbehaves as its settings say.".to_owned(), settings_schema }
    }

    fn validate_settings(settings: String) -> Result<(), Vec<Violation>> {
        let read = serde_json::from_str::<Settings>(&settings);
        read.map(|_| ()).map_err(|error| vec![Violation { path: String::new(), message: error.to_string() }])
    }
}

impl Generator for Hostile {
    fn describe_template() -> Template {
        Template {
            id: "hostile".to_owned(),
            version: "1.0.0".to_owned(),
            title: "Hostile".to_owned(),
            description: "Misbehaves as its settings say.".to_owned(),
            category: "test".to_owned(),
            language: "none".to_owned(),
            framework: "none".to_owned(),
            features: Vec::new(),
            parameters: r#"{"type": "object", "properties": {"paths": {"type": "array"}}}"#.to_owned(),
            deprecated_by: None,
        }
    }

    fn generate(answers: Answers, settings: String) -> Result<Project, PluginError> {
        let failed = |error: serde_json::Error| PluginError::Failed(error.to_string());
        let settings: Settings = serde_json::from_str(&settings).map_err(failed)?;
        let parameters: Parameters = serde_json::from_str(&answers.parameters).map_err(failed)?;
        let files = match settings.act {
            Act::Harmless => vec![file("README.md", b"harmless".to_vec())],
            Act::ManyFiles => (0..10_000).map(|n| file(&format!("file-{n}"), vec![b'x'])).collect(),
            Act::Paths => parameters.paths.iter().map(|path| file(path, b"planted".to_vec())).collect(),
            Act::Twins => vec![file("src/Main.rs", b"one".to_vec()), file("src/main.rs", b"two".to_vec())],
            Act::HugeFile => vec![file("huge", huge_bytes())],
            Act::Empty => Vec::new(),
            Act::Loop => loop {
                std::hint::spin_loop();
            },
        };
        Ok(Project { files, warnings: Vec::new() })
    }

    fn migrate_answers(_from_version: String, answers: Answers) -> Result<Answers, PluginError> {
        Ok(answers)
    }
}

fn file(path: &str, bytes: Vec<u8>) -> File {
    File { path: path.to_owned(), mode: Mode::Regular, bytes }
}

/// 100 MB, or the largest half, quarter and so on of it that there is memory for.
fn huge_bytes() -> Vec<u8> {
    let mut size = 100 * 1024 * 1024;
    let mut bytes = Vec::new();
    while bytes.try_reserve_exact(size).is_err() {
        size /= 2;
    }
    bytes.resize(size, b'x');
    bytes
}

bindings::export!(Hostile with_types_in bindings);
