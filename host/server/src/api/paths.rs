//! What stands in paths: taken apart for handlers, and described for the API's document.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use macadam_core::names::{EnvironmentName, Namespace, ResourceKey, ResourceName, ResourceType};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, PartialSchema};

use crate::problem::{Problem, ProblemKind};

/// A part of a path that has a type's schema.
pub(crate) fn part<T: PartialSchema>(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(T::schema()))
        .build()
}

/// The resource that a path names. A name that cannot be is one that does not exist.
#[derive(Debug)]
pub(super) struct Key(pub(super) ResourceKey);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let names: Result<Path<[String; 4]>, PathRejection> = Path::from_request_parts(parts, state).await;
        let names = names.map_err(|error| Problem::new(ProblemKind::NotFound, error.body_text()))?;
        let key = names.0.join("/").parse::<ResourceKey>();
        key.map(Self).map_err(|error| Problem::new(ProblemKind::NotFound, error.to_string()))
    }
}

impl IntoParams for Key {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            part::<Namespace>("namespace", "The owning team's namespace."),
            part::<EnvironmentName>("environment", "The environment it lives in."),
            part::<ResourceType>("type", "What it is."),
            part::<ResourceName>("name", "Its name among its like."),
        ]
    }
}

/// The thing that a path names by its id.
#[derive(Debug)]
pub(super) struct Id<T>(pub(super) T);

impl<S: Send + Sync, T: std::str::FromStr<Err = macadam_store::IdError>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        let text = text.map_err(|error| Problem::new(ProblemKind::NotFound, error.body_text()))?;
        let id = text.0.parse::<T>();
        id.map(Self).map_err(|error| Problem::new(ProblemKind::NotFound, error.to_string()))
    }
}

impl<T: PartialSchema> IntoParams for Id<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![part::<T>("id", "Its id.")]
    }
}

/// How the document describes `/plugins/NAMESPACE/NAME`.
pub(super) struct PluginPath;

impl IntoParams for PluginPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            part::<Namespace>("namespace", "Who publishes the plugin."),
            part::<ResourceName>("name", "The plugin's name in its namespace."),
        ]
    }
}

/// How the document describes `/plugins/NAMESPACE/NAME/VERSION`.
pub(super) struct VersionPath;

impl IntoParams for VersionPath {
    fn into_params(of: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parts = PluginPath::into_params(of);
        parts.push(part::<String>("version", "The version, such as `1.2.3`."));
        parts
    }
}
