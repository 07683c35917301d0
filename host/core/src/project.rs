//! Generated projects: what a golden path offers, and which files it may produce.
//!
//! A generator is a stranger. Its paths are unpacked on people's machines, whatever their system, so a path is accepted
//! only if it means the same file everywhere and stays inside the project.

use std::collections::BTreeMap;

use crate::names::TemplateId;

/// What a golden path offers.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Template {
    /// What requests name.
    pub id: TemplateId,
    /// SemVer of the template.
    #[schema(value_type = String, example = "1.2.3")]
    pub version: semver::Version,
    /// One line.
    pub title: String,
    /// A paragraph.
    pub description: String,
    /// Such as `service`.
    pub category: String,
    /// The programming language.
    pub language: String,
    /// The framework.
    pub framework: String,
    /// What can be left out.
    pub features: Vec<Feature>,
    /// JSON Schema 2020-12 of the parameters.
    pub parameters: serde_json::Value,
    /// The template that replaces this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecated_by: Option<TemplateId>,
}

/// A part of a project that can be left out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// One line.
    pub title: String,
    /// Whether it is in when the requester does not say.
    pub default: bool,
}

/// A requester's answers to a template's questions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Answers {
    /// The parameters.
    pub parameters: serde_json::Value,
    /// The features that are in.
    pub features: Vec<String>,
}

/// How a file may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileMode {
    /// Read and written: 0644.
    Regular,
    /// Also run: 0755.
    Executable,
}

impl FileMode {
    /// The permission bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Regular => 0o644,
            Self::Executable => 0o755,
        }
    }
}

/// A file as a generator gave it, its path not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Relative, with `/`.
    pub path: String,
    /// How it may be used.
    pub mode: FileMode,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// How large a project may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectLimits {
    /// How many files.
    pub files: usize,
    /// All files together, in bytes.
    pub bytes: usize,
}

impl Default for ProjectLimits {
    fn default() -> Self {
        Self { files: 2_000, bytes: 16 * 1024 * 1024 }
    }
}

/// Why a project is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// It holds nothing.
    #[error("the generator produced no files")]
    Empty,
    /// Too many files.
    #[error("the generator produced {count} files; at most {limit} are allowed")]
    TooManyFiles {
        /// How many.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// Too many bytes.
    #[error("the generated files hold more than {limit} bytes")]
    TooLarge {
        /// How many may be.
        limit: usize,
    },
    /// A path that means different files on different systems, or one outside.
    #[error("the generated path {path:?} is refused: {reason}")]
    BadPath {
        /// Which.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// Two paths that are one file where upper and lower case are not told apart, or a file in the place of a
    /// directory.
    #[error("the generated paths {first:?} and {second:?} are one place on some systems")]
    Collision {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
}

/// A project whose paths are safe everywhere, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    files: Vec<GeneratedFile>,
}

impl Project {
    /// Checks what a generator produced.
    ///
    /// # Errors
    /// [`ProjectError`] names the first thing that is wrong.
    pub fn check(mut files: Vec<GeneratedFile>, limits: ProjectLimits) -> Result<Self, ProjectError> {
        if files.is_empty() {
            return Err(ProjectError::Empty);
        }
        if files.len() > limits.files {
            return Err(ProjectError::TooManyFiles { count: files.len(), limit: limits.files });
        }
        if files.iter().map(|file| file.bytes.len()).sum::<usize>() > limits.bytes {
            return Err(ProjectError::TooLarge { limit: limits.bytes });
        }
        for file in &files {
            check_path(&file.path)
                .map_err(|reason| ProjectError::BadPath { path: file.path.chars().take(200).collect(), reason })?;
        }
        check_collisions(&files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// The files, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[GeneratedFile] {
        &self.files
    }
}

/// 255 bytes is what common file systems take for one part; 240 characters for the whole leave room below Windows' 260.
const MAX_PART: usize = 255;
const MAX_PATH: usize = 240;

/// Says whether a path stays inside the project and names the same file on Linux, macOS and Windows ("Naming Files,
/// Paths, and Namespaces", Microsoft Learn).
///
/// # Errors
/// What is wrong with it.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() || path.len() > MAX_PATH {
        return Err("it must have 1 to 240 bytes");
    }
    if path.chars().any(|c| c.is_control() || "\\:*?\"<>|".contains(c)) {
        return Err("control characters and \\ : * ? \" < > | are not allowed");
    }
    path.split('/').try_for_each(check_part)
}

fn check_part(part: &str) -> Result<(), &'static str> {
    match part {
        "" => return Err("it must be relative, without empty parts"),
        "." | ".." => return Err("the parts . and .. are not allowed"),
        _ => {}
    }
    if part.len() > MAX_PART {
        return Err("a part may have at most 255 bytes");
    }
    if part.ends_with(['.', ' ']) || part.starts_with(' ') {
        return Err("a part may not end with a dot or space, nor start with a space");
    }
    if part.eq_ignore_ascii_case(".git") {
        return Err("the directory .git belongs to git");
    }
    if is_device(part) { Err("it is the name of a device on Windows") } else { Ok(()) }
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |name: &str| {
        let digit = stem.strip_prefix(name).and_then(|rest| {
            let mut chars = rest.chars();
            chars.next().filter(|_| chars.next().is_none())
        });
        digit.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") || numbered("com") || numbered("lpt")
}

fn check_collisions(files: &[GeneratedFile]) -> Result<(), ProjectError> {
    /// What a folded path is: a file, or a directory that some file is in.
    enum Place {
        File,
        Directory,
    }
    let mut seen: BTreeMap<String, (&str, Place)> = BTreeMap::new();
    for file in files {
        let path = file.path.as_str();
        let collision = |first: &str| ProjectError::Collision { first: first.to_owned(), second: path.to_owned() };
        if let Some((first, _)) = seen.get(&fold(path)) {
            return Err(collision(first));
        }
        for (end, _) in path.match_indices('/') {
            let directory = path.get(..end).unwrap_or_default();
            match seen.get(&fold(directory)) {
                // Two spellings of one directory would split or merge, depending on the system.
                Some((first, Place::Directory)) if *first != directory => return Err(collision(first)),
                Some((_, Place::Directory)) => {}
                Some((first, Place::File)) => return Err(collision(first)),
                None => drop(seen.insert(fold(directory), (directory, Place::Directory))),
            }
        }
        seen.insert(fold(path), (path, Place::File));
    }
    Ok(())
}

/// What file systems that ignore case take as the same: upper-casing first folds letters such as `ß` and `ſ` as well.
fn fold(path: &str) -> String {
    path.to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn project(paths: &[&str]) -> Result<Project, ProjectError> {
        let file = |path: &&str| GeneratedFile { path: (*path).into(), mode: FileMode::Regular, bytes: vec![0] };
        Project::check(paths.iter().map(file).collect(), ProjectLimits { files: 10, bytes: 100 })
    }

    #[test]
    fn a_path_that_leaves_the_project_or_differs_between_systems_is_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/./b",
            "a//b",
            "a/",
            "C:/x",
            "c:x",
            "\\\\server\\x",
            "a\\b",
            "a\0b",
            "a\nb",
            "nul",
            "NUL.txt",
            "src/con",
            "Com1.log",
            "lpt¹",
            "a.",
            "a ",
            " a",
            "a*",
            "a?b",
            "x|y",
            ".git/hooks/post-checkout",
            "sub/.GIT/config",
        ] {
            assert!(matches!(project(&[bad]), Err(ProjectError::BadPath { .. })), "{bad:?} must be refused");
        }
        for good in
            ["README.md", ".github/workflows/ci.yml", "src/console.ts", "com10.txt", "ünï/code.rs", ".gitignore"]
        {
            assert!(project(&[good]).is_ok(), "{good:?} is a good path");
        }
    }

    #[test]
    fn paths_that_fold_together_are_refused() {
        for pair in [["a/B.ts", "a/b.ts"], ["Src/a", "src/b"], ["a", "a/b"], ["a/b", "a"], ["straße", "STRASSE"]] {
            assert!(matches!(project(&pair), Err(ProjectError::Collision { .. })), "{pair:?} must be refused");
        }
        assert!(matches!(project(&["a", "a"]), Err(ProjectError::Collision { .. })), "and so must the same path twice");
    }

    #[test]
    fn a_project_is_bounded_and_not_empty() {
        assert_eq!(project(&[]), Err(ProjectError::Empty));
        let many: Vec<String> = (0..11).map(|n| format!("f{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(project(&many), Err(ProjectError::TooManyFiles { count: 11, limit: 10 }));
        let big = GeneratedFile { path: "a".into(), mode: FileMode::Regular, bytes: vec![0; 101] };
        let refused = Project::check(vec![big], ProjectLimits { files: 10, bytes: 100 });
        assert_eq!(refused, Err(ProjectError::TooLarge { limit: 100 }));
    }

    proptest! {
        #[test]
        fn an_accepted_path_joins_to_something_inside_the_root(path in "[a-zA-Z0-9./\\\\: ]{0,30}") {
            if check_path(&path).is_ok() {
                let joined = std::path::Path::new("/root-of-project").join(&path);
                prop_assert!(joined.starts_with("/root-of-project"));
                prop_assert!(joined.components().all(|c| !matches!(c, std::path::Component::ParentDir)));
            }
        }
    }
}
