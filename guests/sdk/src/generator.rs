//! Generators: projects from golden paths. Most are a tree of files, which the `template` module renders.

pub use crate::bindings::exports::macadam::plugin::template_generator::{
    Answers, Feature, File, Mode, Project, Template,
};
use crate::plugin::read_settings;
use crate::{Error, Plugin};

/// Generates projects: a pure function of the answers and the settings.
pub trait TemplateGenerator: Plugin {
    /// What the golden path offers.
    fn describe_template() -> Template;

    /// Generates a project.
    ///
    /// # Errors
    /// [`Error::Invalid`] for answers that do not fit.
    fn generate(answers: &Answers, settings: &Self::Settings) -> Result<Project, Error>;

    /// Brings answers given to an earlier version of the template into the form that this version takes.
    ///
    /// # Errors
    /// [`Error::Failed`] for a version that this one does not know.
    fn migrate_answers(from_version: &str, answers: Answers) -> Result<Answers, Error>;
}

pub(crate) fn generate<P: TemplateGenerator>(answers: &Answers, settings: &str) -> Result<Project, Error> {
    P::generate(answers, &read_settings::<P>(settings)?)
}
