//! What the rules promise, asked of the rules themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use macadam_core::names::TeamId;
use macadam_core::request::{Action as RequestAction, EnvironmentClass};
use macadam_store::{AccessPolicyRecord, AccessPolicySet, RequestId};

use super::{Access, Action, Belonging, Target};
use crate::{Caller, Role};

fn access() -> Access {
    Access::new().unwrap()
}

fn with(policies: &[(&str, &str)]) -> Access {
    let access = access();
    access.put_in_force(&added(1, policies));
    access
}

fn added(generation: u64, policies: &[(&str, &str)]) -> AccessPolicySet {
    let record = |(name, text): &(&str, &str)| AccessPolicyRecord {
        name: name.parse().unwrap(),
        text: (*text).to_owned(),
        revision: 1,
        actor: None,
        reason: String::new(),
        changed_at: Timestamp::UNIX_EPOCH,
    };
    AccessPolicySet { generation, policies: policies.iter().map(record).collect() }
}

fn caller(person: &str, team: &str, roles: &[Role]) -> Caller {
    let (person, team) = (person.parse().unwrap(), team.parse().unwrap());
    Caller::in_development(person, team, roles.to_vec(), Vec::new())
}

fn request_of(requester: &str, team: &str) -> Target {
    Target::Request {
        id: RequestId::new(Timestamp::UNIX_EPOCH, [0; 10]),
        team: team.parse().unwrap(),
        requester: requester.parse().unwrap(),
        action: RequestAction::Create,
        environment: Some(("prod".parse().unwrap(), EnvironmentClass::Production)),
    }
}

fn resource_in(team: &str, environment: &str, class: EnvironmentClass) -> Target {
    let key = format!("{team}/{environment}/database/orders").parse().unwrap();
    Target::Resource { key, team: team.parse().unwrap(), class }
}

/// Who may do what by default: for each action, the roles that may do it to what is their own team's, and those that may
/// do it to another team's. `*` is everybody who is signed in.
const EXPECTED: &[(&str, &str, &str)] = &[
    ("catalog.read", "*", ""),
    ("access.explain", "*", ""),
    ("metrics.read", "*", ""),
    ("team.read", "*", "approver auditor platform-admin"),
    ("resource.read", "*", "approver auditor platform-admin"),
    ("request.read", "*", "approver auditor platform-admin"),
    ("resource.use", "*", ""),
    ("decision.read", "*", "auditor"),
    ("audit.read", "*", "auditor"),
    ("audit.read-all", "auditor", ""),
    ("resource.preview", "developer team-lead platform-admin", "platform-admin"),
    ("resource.create", "developer team-lead platform-admin", "platform-admin"),
    ("resource.update", "developer team-lead platform-admin", "platform-admin"),
    ("resource.delete", "developer team-lead platform-admin", "platform-admin"),
    ("project.create", "developer team-lead platform-admin", "platform-admin"),
    ("request.cancel", "developer team-lead platform-admin", "platform-admin"),
    ("service-token.read", "developer team-lead platform-admin", "platform-admin"),
    ("service-token.create", "developer team-lead platform-admin", "platform-admin"),
    ("service-token.revoke", "developer team-lead platform-admin", "platform-admin"),
    ("event.read", "*", "approver auditor platform-admin"),
    ("event.read-all", "auditor platform-admin", ""),
    ("webhook.read", "developer team-lead platform-admin", "platform-admin"),
    ("webhook.change", "developer team-lead platform-admin", "platform-admin"),
    ("job.read", "*", "approver auditor platform-admin"),
    ("job.cancel", "developer team-lead platform-admin", "platform-admin"),
    ("job.retry", "platform-admin", ""),
    ("schedule.read", "platform-admin", ""),
    ("schedule.run", "platform-admin", ""),
    ("request.approve", "approver platform-admin", "approver platform-admin"),
    ("request.reject", "approver platform-admin", "approver platform-admin"),
    ("plugin.publish", "publisher platform-admin", "platform-admin"),
    ("plugin.yank", "publisher platform-admin", "platform-admin"),
    ("plugin.deprecate", "publisher platform-admin", "platform-admin"),
    ("decision.compare", "auditor platform-admin", ""),
    ("decision.replay", "auditor platform-admin", ""),
    ("access-policy.read", "auditor platform-admin", ""),
    ("plugin.inspect", "platform-admin", ""),
    ("binding.read", "platform-admin", ""),
    ("binding.change", "platform-admin", ""),
    ("namespace.change", "platform-admin", ""),
    ("access-policy.change", "platform-admin", ""),
];

#[test]
fn by_default_each_role_may_do_what_this_table_says_and_nothing_else() {
    let expected: BTreeMap<_, _> = EXPECTED.iter().map(|(action, own, other)| (*action, (*own, *other))).collect();
    for action in Action::ALL {
        assert!(expected.contains_key(action.as_str()), "{action} has no line in the table: say who may do it");
    }
    assert_eq!(expected.len(), Action::ALL.len(), "the table names actions that there are");
    for (cell, allowed) in access().matrix() {
        let (own, other) = expected[cell.action.as_str()];
        let who = if cell.team == Belonging::Own { own } else { other };
        let role = cell.role.map_or("", Role::as_str);
        let expected = who == "*" || who.split(' ').any(|word| !role.is_empty() && word == role);
        assert_eq!(allowed, expected, "{cell:?}");
    }
}

#[test]
fn nobody_decides_on_their_own_request_whatever_roles_they_have_and_whatever_is_permitted() {
    let access = with(&[("all-is-well", "permit (principal, action, resource);")]);
    let everything = caller("dana", "payments", &Role::ALL);
    for action in [Action::RequestApprove, Action::RequestReject] {
        let own = access.explain(&everything, action, &request_of("dana", "payments"));
        assert!(!own.allowed, "a permit for everything does not lift it");
        assert!(own.because.contains("their own request"), "{}", own.because);
        assert!(access.allows(&everything, action, &request_of("olga", "payments")));
    }
}

#[test]
fn credentials_stay_in_the_team_whatever_is_permitted() {
    let access = with(&[("all-is-well", "permit (principal, action, resource);")]);
    let target = resource_in("payments", "dev", EnvironmentClass::Development);
    assert!(!access.allows(&caller("ada", "platform", &Role::ALL), Action::ResourceUse, &target));
    assert!(access.allows(&caller("dana", "payments", &[]), Action::ResourceUse, &target));
}

#[test]
fn what_is_added_can_forbid_and_is_told_with_its_reason() {
    let text = "@because(\"production is closed until Monday\")
        forbid (principal, action in Action::\"build\", resource is Resource)
        when { resource.class == \"production\" };";
    let access = with(&[("closed", text)]);
    let dana = caller("dana", "payments", &[Role::Developer]);
    let production = resource_in("payments", "prod", EnvironmentClass::Production);
    let refused = access.explain(&dana, Action::ResourceCreate, &production);
    assert!(!refused.allowed && refused.because == "production is closed until Monday", "{refused:?}");
    assert_eq!(refused.policies[0].policy, "closed", "the policy is named");
    let development = resource_in("payments", "dev", EnvironmentClass::Development);
    assert!(access.allows(&dana, Action::ResourceCreate, &development));
}

#[test]
fn a_refusal_says_what_it_would_take_and_that_is_true() {
    let access = access();
    for (person, action, target, because) in [
        (
            caller("dana", "payments", &[Role::Developer]),
            Action::RequestApprove,
            request_of("olga", "payments"),
            "approving a request takes the role approver or platform-admin",
        ),
        (
            caller("dana", "payments", &[Role::Developer]),
            Action::ResourceUpdate,
            resource_in("orders", "dev", EnvironmentClass::Development),
            "changing a resource is for members of team orders; or it takes the role platform-admin",
        ),
        (
            caller("amir", "platform", &[Role::Approver]),
            Action::ResourceUpdate,
            resource_in("orders", "dev", EnvironmentClass::Development),
            "changing a resource is for members of team orders with the role developer or team-lead; or it takes the role \
             platform-admin",
        ),
        (
            caller("amir", "platform", &[Role::Approver]),
            Action::PluginPublish,
            Target::Namespace { name: "acme".parse().unwrap(), team: None },
            "publishing a plugin takes the role platform-admin; nobody owns the namespace acme, ask a platform admin to give it \
             to a team",
        ),
    ] {
        let explanation = access.explain(&person, action, &target);
        assert_eq!(explanation.because, because);
        for role in &explanation.takes.roles {
            let roles = [person.roles.as_slice(), &[*role]].concat();
            let with = Caller { roles, ..person.clone() };
            assert!(access.allows(&with, action, &target), "{role:?} was said to be enough");
        }
        if let Some(team) = explanation.takes.team {
            let roles: Vec<_> = person.roles.iter().chain(explanation.takes.team_roles.first()).copied().collect();
            let member = Caller { team, roles, ..person.clone() };
            assert!(access.allows(&member, action, &target), "membership was said to be enough");
        }
    }
}

#[test]
fn rules_that_cannot_be_used_close_everything_but_what_mends_them() {
    let access = with(&[("old", "forbid (principal, action == Action::\"gone\", resource);")]);
    assert!(access.closed().unwrap().contains("old"), "the policy is named");
    let ada = caller("ada", "platform", &[Role::PlatformAdmin]);
    let team: TeamId = "platform".parse().unwrap();
    assert!(!access.allows(&ada, Action::TeamRead, &Target::Team(team)), "it may have forbidden just this");
    assert!(access.allows(&ada, Action::AccessPolicyChange, &Target::Platform));
    let dana = caller("dana", "payments", &[Role::Developer]);
    assert!(!access.allows(&dana, Action::AccessPolicyChange, &Target::Platform));
}

#[test]
fn a_set_that_a_restored_database_has_gone_back_to_is_followed() {
    let access = access();
    let closed = [("closed", "forbid (principal, action == Action::\"resource.create\", resource);")];
    let dana = caller("dana", "payments", &[Role::Developer]);
    let target = resource_in("payments", "dev", EnvironmentClass::Development);
    let may = || access.allows(&dana, Action::ResourceCreate, &target);
    access.put_in_force(&added(5, &[]));
    assert!(may());
    access.put_in_force(&added(4, &closed));
    assert!(!may(), "what the database has is what counts");
}

#[test]
fn more_roles_never_take_anything_away() {
    let access = access();
    let targets = [
        Target::Platform,
        Target::Team("payments".parse().unwrap()),
        resource_in("payments", "dev", EnvironmentClass::Development),
        resource_in("orders", "prod", EnvironmentClass::Production),
        request_of("olga", "payments"),
        request_of("dana", "payments"),
    ];
    for action in Action::ALL {
        for target in targets.iter().filter(|target| target.kind() == action.on()) {
            for mask in 0_u32..1 << Role::ALL.len() {
                let roles: Vec<_> = (0..Role::ALL.len()).filter(|bit| mask >> bit & 1 == 1).collect();
                let roles: Vec<_> = roles.into_iter().map(|bit| Role::ALL[bit]).collect();
                let by_one =
                    roles.iter().any(|role| access.allows(&caller("dana", "payments", &[*role]), *action, target));
                let bare = access.allows(&caller("dana", "payments", &[]), *action, target);
                let all = access.allows(&caller("dana", "payments", &roles), *action, target);
                assert_eq!(all, bare || by_one, "{action} to {target} with {roles:?}: roles add up, and no more");
            }
        }
    }
}

#[test]
fn a_token_does_what_its_scopes_are_for_and_no_more_than_its_roles_allow() {
    let access = access();
    let scopes = Some(vec!["resource.*".parse().unwrap(), "binding.change".parse().unwrap()]);
    let ci = Caller { scopes, ..caller("ci", "payments", &[Role::Developer]) };
    let target = resource_in("payments", "dev", EnvironmentClass::Development);
    assert!(access.allows(&ci, Action::ResourceCreate, &target));
    assert!(!access.allows(&ci, Action::BindingChange, &Target::Platform), "a scope gives nothing");
    let refused = access.explain(&ci, Action::TeamRead, &Target::Team("payments".parse().unwrap()));
    assert!(!refused.allowed && refused.because.contains("resource.*"), "{refused:?}");
}

#[test]
fn a_forbid_that_fails_forbids_and_a_permit_that_fails_permits_nothing() {
    // It fits the schema, and no number is that large.
    let fails = "9223372036854775807 + 1 > 0";
    let forbid = format!("forbid (principal, action == Action::\"team.read\", resource) when {{ {fails} }};");
    let permit = format!("permit (principal, action == Action::\"team.read\", resource) when {{ {fails} }};");
    let dana = caller("dana", "payments", &[]);
    let (own, other) = (Target::Team("payments".parse().unwrap()), Target::Team("orders".parse().unwrap()));
    let forbidden = with(&[("sum", &forbid)]);
    assert!(!forbidden.allows(&dana, Action::TeamRead, &own), "it may have forbidden just this");
    let explanation = forbidden.explain(&dana, Action::TeamRead, &own);
    assert!(!explanation.allowed && explanation.policies.len() == 1, "{explanation:?}");
    assert_eq!(explanation.policies[0].policy, "sum", "and is named");
    let permitted = with(&[("sum", &permit)]);
    assert!(permitted.allows(&dana, Action::TeamRead, &own) && !permitted.allows(&dana, Action::TeamRead, &other));
}

#[test]
fn whoever_may_publish_nowhere_is_known_before_it_is_known_where() {
    let namespace = |name: &str, team: Option<&str>| Target::Namespace {
        name: name.parse().unwrap(),
        team: team.map(|team| team.parse().unwrap()),
    };
    let everywhere = [namespace("pay", Some("payments")), namespace("acme", Some("orders")), namespace("acme", None)];
    let publish = Action::PluginPublish;
    let by_default = access();
    for role in Role::ALL {
        let person = caller("dana", "payments", &[role]);
        let somewhere = everywhere.iter().any(|target| by_default.allows(&person, publish, target));
        assert_eq!(by_default.can_allow(&person, publish, &everywhere[0]), somewhere, "{role:?}");
    }
    let dana = caller("dana", "payments", &[Role::Developer]);
    let permit = "permit (principal, action == Action::\"plugin.publish\", resource == Namespace::\"acme\");";
    let added = with(&[("acme-is-open", permit)]);
    assert!(added.allows(&dana, publish, &everywhere[1]), "a policy that was added names one namespace");
    assert!(added.can_allow(&dana, publish, &everywhere[0]), "so dana cannot be refused before hers is known");
    let scopes = Some(vec!["resource.*".parse().unwrap()]);
    let ci = Caller { scopes, ..caller("ci", "payments", &[Role::Publisher]) };
    assert!(!added.can_allow(&ci, publish, &everywhere[0]), "a token that is not for it is not for it anywhere");
}
