//! Which actions a command takes, by its words: shown in its help, so that whoever is refused knows what to ask for, and
//! whoever makes a token knows its scopes.
//!
//! A command takes more than one where it asks more than one route, and where its route looks at a thing before it does
//! something to it: what somebody may not see is not there for them. The server decides, by the same words: `macadam access
//! explain ACTION` says whether you may.

use clap::{Command, CommandFactory as _};
use macadam_platform::authorization::Action;

use crate::args::Cli;

/// What a command takes whenever it is run; nothing for what is done on this machine alone.
const ACTIONS: &[(&str, &[Action])] = {
    use Action::*;
    &[
        ("access actions", &[AccessExplain]),
        ("access explain", &[AccessExplain]),
        ("access matrix", &[AccessPolicyRead]),
        ("access policy check", &[AccessPolicyRead]),
        ("access policy default", &[AccessPolicyRead]),
        ("access policy list", &[AccessPolicyRead]),
        ("access policy put", &[AccessPolicyChange]),
        ("access policy remove", &[AccessPolicyChange]),
        ("access policy schema", &[AccessPolicyRead]),
        ("access policy show", &[AccessPolicyRead]),
        ("api document", &[]),
        ("audit export", &[AuditRead]),
        ("audit heads", &[AuditRead]),
        ("audit key", &[CatalogRead]),
        ("audit tail", &[AuditRead]),
        ("audit verify", &[]),
        ("backup", &[]),
        ("compile-component", &[]),
        ("completions", &[]),
        ("decision get", &[DecisionRead]),
        ("decision list", &[DecisionRead]),
        ("environment list", &[CatalogRead]),
        ("event tail", &[EventRead]),
        ("fetch", &[RequestRead]),
        ("generate manifest", &[CatalogRead]),
        ("generate project", &[CatalogRead]),
        ("generate resource", &[CatalogRead]),
        ("generate settings", &[CatalogRead]),
        ("job cancel", &[JobCancel, JobRead, RequestRead]),
        ("job get", &[JobRead]),
        ("job list", &[JobRead]),
        ("job retry", &[JobRetry, JobRead]),
        ("login", &[]),
        ("logout", &[]),
        ("namespace list", &[CatalogRead]),
        ("namespace revoke", &[NamespaceChange]),
        ("namespace set", &[NamespaceChange]),
        ("namespace trust", &[NamespaceChange]),
        ("plugin activate", &[BindingChange, BindingRead]),
        ("plugin apply", &[BindingChange]),
        ("plugin bindings", &[BindingRead]),
        ("plugin canary", &[BindingChange, BindingRead]),
        ("plugin deactivate", &[BindingChange]),
        ("plugin deprecate", &[PluginDeprecate]),
        ("plugin diff", &[BindingRead]),
        ("plugin export", &[BindingRead]),
        ("plugin history", &[BindingRead]),
        ("plugin inspect", &[]),
        ("plugin keygen", &[]),
        ("plugin list", &[CatalogRead]),
        ("plugin pack", &[]),
        ("plugin promote", &[BindingChange, BindingRead]),
        ("plugin publish", &[PluginPublish]),
        ("plugin pull", &[]),
        ("plugin push", &[]),
        ("plugin rollback", &[BindingChange]),
        ("plugin shadow", &[BindingChange, BindingRead]),
        ("plugin sign", &[]),
        ("plugin statement", &[]),
        ("plugin undeprecate", &[PluginDeprecate]),
        ("plugin unyank", &[PluginYank]),
        ("plugin verify", &[]),
        ("plugin versions", &[CatalogRead]),
        ("plugin yank", &[PluginYank]),
        ("preview", &[ResourcePreview]),
        ("profile list", &[]),
        ("profile remove", &[]),
        ("profile use", &[]),
        ("ready", &[]),
        ("registry check", &[]),
        ("registry repair", &[]),
        ("replay", &[DecisionReplay]),
        ("request approve", &[RequestApprove, RequestRead]),
        ("request cancel", &[RequestCancel, RequestRead]),
        ("request get", &[RequestRead]),
        ("request list", &[RequestRead]),
        ("request reject", &[RequestReject, RequestRead]),
        ("resource create", &[ResourceCreate, RequestRead]),
        ("resource credentials", &[ResourceUse, ResourceRead]),
        ("resource delete", &[ResourceDelete, ResourceRead, RequestRead]),
        ("resource get", &[ResourceRead]),
        ("resource health", &[ResourceRead]),
        ("resource list", &[ResourceRead]),
        ("resource transitions", &[ResourceRead]),
        ("resource types", &[CatalogRead]),
        ("resource update", &[ResourceUpdate, ResourceRead, RequestRead]),
        ("restore", &[]),
        ("scaffold", &[ProjectCreate]),
        ("schedule list", &[ScheduleRead]),
        ("schedule run", &[ScheduleRun]),
        ("serve", &[]),
        ("team list", &[TeamRead]),
        ("template list", &[CatalogRead]),
        ("template show", &[CatalogRead]),
        ("token bootstrap", &[]),
        ("token create", &[ServiceTokenCreate]),
        ("token list", &[ServiceTokenRead]),
        ("token revoke", &[ServiceTokenRevoke]),
        ("webhook change", &[WebhookChange]),
        ("webhook create", &[WebhookChange]),
        ("webhook delete", &[WebhookChange]),
        ("webhook deliveries", &[WebhookRead]),
        ("webhook enable", &[WebhookChange]),
        ("webhook get", &[WebhookRead]),
        ("webhook list", &[WebhookRead]),
        ("webhook rotate", &[WebhookChange]),
        ("webhook test", &[WebhookChange]),
        ("webhook verify", &[]),
        ("whoami", &[CatalogRead]),
    ]
};

/// Of whose chains it takes to be an auditor.
const OTHERS: &str = "only for the platform's stream and for all streams at once";

/// What it does not take whenever it is run, and when it does.
const SOMETIMES: &[(&str, Action, &str)] = {
    use Action::*;
    &[
        ("access explain", RequestRead, "only for what is done to a request"),
        ("audit export", AuditReadAll, OTHERS),
        ("audit heads", AuditReadAll, "only for the heads of all streams"),
        ("audit tail", AuditReadAll, OTHERS),
        ("audit verify", AuditRead, "only without a file"),
        ("audit verify", AuditReadAll, OTHERS),
        ("audit verify", CatalogRead, "only with neither a file nor --key"),
        ("event tail", EventReadAll, "only for what administrators do"),
        ("plugin list", PluginInspect, "only to see why a plugin is not active"),
        ("preview", ResourceRead, "only with --update or --delete"),
        ("request cancel", JobCancel, "only when it is being done already"),
        ("request cancel", JobRead, "only when it is being done already"),
        ("scaffold", RequestRead, "only when it needs no approval"),
    ]
};

/// The command line, with each command's actions in its help.
pub(crate) fn command() -> Command {
    with_actions(Cli::command(), "")
}

fn with_actions(command: Command, path: &str) -> Command {
    let subcommands: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    if !subcommands.is_empty() {
        return subcommands.into_iter().fold(command, |command, name| {
            let path = if path.is_empty() { name.clone() } else { format!("{path} {name}") };
            command.mut_subcommand(name, |sub| with_actions(sub, &path))
        });
    }
    let Some(line) = line(path) else { return command };
    let help = command.get_after_help().map(|help| format!("{help}\n\n{line}"));
    command.after_help(help.unwrap_or(line))
}

/// What the help of a command says, if it takes any action.
fn line(path: &str) -> Option<String> {
    let always = ACTIONS.iter().filter(|(words, _)| *words == path).flat_map(|(_, actions)| *actions);
    let sometimes = SOMETIMES.iter().filter(|(words, ..)| *words == path);
    let mut named: Vec<_> = always.map(|action| action.as_str().to_owned()).collect();
    named.extend(sometimes.map(|(_, action, when)| format!("{action} ({when})")));
    let head = if named.len() == 1 { "Action" } else { "Actions" };
    (!named.is_empty()).then(|| format!("{head}: {}", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
        let mut subcommands = command.get_subcommands().peekable();
        if subcommands.peek().is_none() {
            found.push(path.trim().to_owned());
        }
        for sub in subcommands {
            leaves(sub, &format!("{path} {}", sub.get_name()), found);
        }
    }

    #[test]
    fn every_command_names_its_actions_and_no_other_is_named() {
        let mut commands = Vec::new();
        leaves(&Cli::command(), "", &mut commands);
        commands.sort();
        let named: Vec<_> = ACTIONS.iter().map(|(words, _)| (*words).to_owned()).collect();
        assert_eq!(commands, named, "the table has a line for each command, in order");
        for (words, action, when) in SOMETIMES {
            let Some((_, always)) = ACTIONS.iter().find(|(named, _)| named == words) else { panic!("{words}?") };
            assert!(!always.contains(action), "{words} takes {action} always, and {when}");
        }
    }

    #[test]
    fn the_help_says_what_a_command_takes() {
        let mut command = command();
        for (words, line) in [
            ("resource list", "Action: resource.read"),
            ("request approve", "Actions: request.approve, request.read"),
            ("preview", "Actions: resource.preview, resource.read (only with --update or --delete)"),
        ] {
            let leaf = words.split(' ').fold(&mut command, |found, word| found.find_subcommand_mut(word).unwrap());
            let help = leaf.render_long_help().to_string();
            assert!(help.lines().any(|found| found == line), "{help}");
        }
        assert!(command.find_subcommand("serve").unwrap().get_after_help().unwrap().to_string().contains("Examples"));
    }
}
