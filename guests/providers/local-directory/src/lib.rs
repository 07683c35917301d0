//! Makes workspace directories below a root that an administrator has set aside.
//!
//! A directory is at `namespace/environment/name`. Beside it lies its mark, a hidden file that says which resource the
//! place belongs to. The mark is written before the directory is made and removed after it is gone, so a step that is
//! interrupted anywhere finds its own work again, and a directory without a mark is somebody else's and is not touched.

mod place;

use macadam_sdk::{
    Change, Desired, Effect, Error, Health, ManagedResource, Output, OutputDescription, PlanStep, Plugin, Progress,
    Provider, ResourceDescription, Step, export_provider,
};
use place::{Owner, Place};

/// The provider.
pub struct LocalDirectory;

/// What an administrator decides.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    root: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { root: "workspaces".to_owned() }
    }
}

/// What a requester decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    quota_mb: Option<u32>,
    readme: Option<String>,
}

impl Plugin for LocalDirectory {
    type Settings = Settings;
    const SUMMARY: &'static str = "Makes workspace directories below a root that an administrator has set aside.";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

impl Provider for LocalDirectory {
    type Spec = Spec;
    /// One step is all there is.
    type State = ();

    fn describe_resource() -> ResourceDescription {
        ResourceDescription {
            resource_type: "local-directory".to_owned(),
            title: "A workspace directory".to_owned(),
            spec_schema: include_str!("../spec.schema.json").to_owned(),
            outputs: vec![OutputDescription::new("path", "Where the directory is", false)],
        }
    }

    fn plan(change: &Change<Spec>, _settings: &Settings) -> Result<Vec<PlanStep>, Error> {
        Ok(match change {
            Change::Create(desired) => {
                let directory = Place::of(&desired.resource).target();
                vec![PlanStep::new(Effect::Create, directory, format!("with a README.md; {}", quota(&desired.spec)))]
            }
            Change::Update { desired, current } => vec![update(desired, current.as_ref())],
            Change::Remove(current) => {
                vec![PlanStep::new(Effect::Remove, Place::of(current).target(), "with all that it holds")]
            }
        })
    }

    fn provision(desired: &Desired<Spec>, _step: &Step<()>, settings: &Settings) -> Result<Progress<()>, Error> {
        let place = Place::of(&desired.resource);
        let root = place.root(settings);
        if place.owner(root)? == Owner::Somebody {
            return Err(Error::failed(format!("{} is there already and belongs to somebody else", place.target())));
        }
        place.write_mark(root, desired.spec.quota_mb)?;
        root.create_directory(place.directory())?;
        place.write_readme(root, desired.spec.readme.as_deref())?;
        Ok(Progress::Done(vec![Output::text("path", root.location_of(place.directory())?)]))
    }

    fn deprovision(current: &ManagedResource, _step: &Step<()>, settings: &Settings) -> Result<Progress<()>, Error> {
        let place = Place::of(current);
        let root = place.root(settings);
        // What belongs to somebody else is not ours to remove, and ours is gone then.
        if place.owner(root)? == Owner::Us {
            root.remove(place.directory())?;
            place.remove_mark(root)?;
        }
        Ok(Progress::Done(Vec::new()))
    }

    fn check_health(current: &ManagedResource, settings: &Settings) -> Result<Health, Error> {
        let place = Place::of(current);
        let root = place.root(settings);
        Ok(match (place.owner(root)?, root.exists(place.directory())?) {
            (Owner::Us, true) => Health::Healthy,
            (Owner::Us, false) | (Owner::Nobody, _) => Health::Unhealthy(format!("{} is gone", place.target())),
            (Owner::Somebody, _) => Health::Unhealthy(format!("{} belongs to somebody else", place.target())),
        })
    }
}

fn quota(spec: &Spec) -> String {
    match spec.quota_mb {
        Some(megabytes) => format!("meant for {megabytes} MB"),
        None => "of no particular size".to_owned(),
    }
}

fn update(desired: &Desired<Spec>, current: Option<&Spec>) -> PlanStep {
    let directory = Place::of(&desired.resource).target();
    match current {
        Some(current) if current == &desired.spec => PlanStep::new(Effect::Keep, directory, "nothing changes"),
        Some(current) if current.quota_mb == desired.spec.quota_mb => {
            PlanStep::new(Effect::Change, directory, "README.md is written anew")
        }
        _ => PlanStep::new(Effect::Change, directory, quota(&desired.spec)),
    }
}

export_provider!(LocalDirectory);

#[cfg(test)]
mod tests;
