//! Which actions a command takes, by its words: shown in its help, so that whoever is refused knows what to ask for.
//!
//! The server decides, by the same words: `macadam access explain ACTION` says whether you may.

use clap::{Command, CommandFactory as _};
use macadam_platform::authorization::Action;

use crate::args::Cli;

/// What a command asks the server for; nothing for what is done on this machine alone.
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
        ("audit verify", &[AuditRead]),
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
        ("job cancel", &[JobCancel]),
        ("job get", &[JobRead]),
        ("job list", &[JobRead]),
        ("job retry", &[JobRetry]),
        ("login", &[]),
        ("logout", &[]),
        ("namespace list", &[CatalogRead]),
        ("namespace revoke", &[NamespaceChange]),
        ("namespace set", &[NamespaceChange]),
        ("namespace trust", &[NamespaceChange]),
        ("plugin activate", &[BindingChange]),
        ("plugin apply", &[BindingChange]),
        ("plugin bindings", &[BindingRead]),
        ("plugin canary", &[BindingChange]),
        ("plugin deactivate", &[BindingChange]),
        ("plugin deprecate", &[PluginDeprecate]),
        ("plugin diff", &[BindingRead]),
        ("plugin export", &[BindingRead]),
        ("plugin history", &[BindingRead]),
        ("plugin inspect", &[]),
        ("plugin keygen", &[]),
        ("plugin list", &[CatalogRead]),
        ("plugin pack", &[]),
        ("plugin promote", &[BindingChange]),
        ("plugin publish", &[PluginPublish]),
        ("plugin pull", &[]),
        ("plugin push", &[]),
        ("plugin rollback", &[BindingChange]),
        ("plugin shadow", &[BindingChange]),
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
        ("request approve", &[RequestApprove]),
        ("request cancel", &[RequestCancel]),
        ("request get", &[RequestRead]),
        ("request list", &[RequestRead]),
        ("request reject", &[RequestReject]),
        ("resource create", &[ResourceCreate]),
        ("resource credentials", &[ResourceUse]),
        ("resource delete", &[ResourceDelete]),
        ("resource get", &[ResourceRead]),
        ("resource health", &[ResourceRead]),
        ("resource list", &[ResourceRead]),
        ("resource transitions", &[ResourceRead]),
        ("resource types", &[CatalogRead]),
        ("resource update", &[ResourceUpdate]),
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
    let Some((_, actions)) = ACTIONS.iter().find(|(words, _)| *words == path) else { return command };
    if actions.is_empty() {
        return command;
    }
    let words: Vec<_> = actions.iter().map(|action| action.as_str()).collect();
    let line = format!("Action: {}", words.join(", "));
    let help = command.get_after_help().map(|help| format!("{help}\n\n{line}"));
    command.after_help(help.unwrap_or(line))
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
    }

    #[test]
    fn the_help_says_what_a_command_takes() {
        let mut command = command();
        let approve = command.find_subcommand_mut("request").unwrap().find_subcommand_mut("approve").unwrap();
        let help = approve.render_long_help().to_string();
        assert!(help.contains("Action: request.approve"), "{help}");
        assert!(command.find_subcommand("serve").unwrap().get_after_help().unwrap().to_string().contains("Examples"));
    }
}
