//! People, who sign in with a provider by a code.

use macadam_tests::identity::{Machine, Provider, token_in};
use serde_json::Value;

use crate::host;

#[test]
fn a_person_signs_in_by_a_code_works_through_a_change_of_keys_and_is_out_when_that_is_taken_back() {
    let provider = Provider::start();
    let server = host(&provider.config());
    let machine = Machine::new();
    let address = server.url("");

    let out = machine.run(&["--server", &address, "whoami"]);
    assert_eq!(out.code, Some(1));
    assert!(out.error.contains("macadam login"), "whoever is not signed in is told how: {}", out.error);

    let signed_in = machine.login(&address, "work", "dana");
    assert_eq!(signed_in.code, Some(0), "{signed_in:?}\n{}", server.log());
    assert!(signed_in.error.contains(&provider.issuer), "who asks for the sign-in is shown: {}", signed_in.error);

    // The profile is in use: nothing else has to be said.
    let whoami = machine.run(&["--output", "json", "whoami"]);
    let shown: Value = serde_json::from_str(&whoami.said).unwrap_or_else(|_| panic!("{whoami:?}\n{}", server.log()));
    assert_eq!((shown["person"].as_str(), shown["team"].as_str()), (Some("dana"), Some("payments")));
    assert_eq!(shown["credential"]["issuer"], provider.issuer.as_str());
    let first = token_in(&machine.credentials("work"));
    let asked =
        machine.run(&["resource", "create", "local-directory", "notes", "--env", "dev", "--tag", "owner=payments"]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert_ne!(
        token_in(&machine.credentials("work")),
        first,
        "a token that is about to end is renewed before it is sent"
    );

    // The provider changes its keys and forgets the old ones. Nobody notices.
    provider.control("rotate");
    for _ in 0..3 {
        let after = machine.run(&["resource", "list"]);
        assert_eq!(after.code, Some(0), "a change of keys refuses nobody: {after:?}\n{}", server.log());
    }
    let old = server.bearing(&first).get("/api/v1/whoami");
    assert_eq!(old.status, 401, "a token by a key that the provider has withdrawn counts no more: {old:?}");

    // While the provider is away, whoever has a token works on, and whoever needs the next one is told.
    let token = token_in(&machine.credentials("work"));
    provider.control("down");
    assert_eq!(server.bearing(&token).get("/api/v1/whoami").status, 200, "keys that are known are used meanwhile");
    let stuck = machine.run(&["whoami"]);
    assert!(stuck.code == Some(1) && stuck.error.contains("cannot be reached"), "{stuck:?}");
    provider.control("up");

    // What was signed out of stays out, also for who has kept the file.
    let kept = std::fs::read(machine.credentials("work")).unwrap();
    let left = machine.run(&["logout"]);
    assert!(left.code == Some(0) && !machine.credentials("work").exists(), "{left:?}");
    let out = machine.run(&["whoami"]);
    assert!(out.code == Some(1) && out.error.contains("macadam login --profile work"), "{out:?}");
    std::fs::write(machine.credentials("work"), kept).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(machine.credentials("work"), private).unwrap();
    let out = machine.run(&["whoami"]);
    assert!(
        out.code == Some(1) && out.error.contains("taken back"),
        "a refresh token that was revoked is no use: {out:?}"
    );
}

#[test]
fn two_people_on_one_machine_ask_and_approve_each_under_their_own_profile() {
    let provider = Provider::start();
    let server = host(&provider.config());
    let (machine, address) = (Machine::new(), server.url(""));
    for person in ["dana", "amir"] {
        let signed_in = machine.login(&address, person, person);
        assert_eq!(signed_in.code, Some(0), "{signed_in:?}\n{}", server.log());
    }
    let create = ["resource", "create", "local-directory", "ledger", "--env", "prod", "--tag", "owner=payments"];
    let asked = machine.run(&[&["--profile", "dana", "--output", "json"][..], &create].concat());
    assert_eq!(asked.code, Some(4), "production waits for somebody: {asked:?}");
    let asked: Value = serde_json::from_str(&asked.said).unwrap();
    let request = asked["request"].as_str().or_else(|| asked["id"].as_str()).unwrap().to_owned();
    let own = machine.run(&["--profile", "dana", "request", "approve", &request]);
    assert_eq!(own.code, Some(1), "{own:?}");
    let approved = machine.run(&["--profile", "amir", "request", "approve", &request]);
    assert_eq!(approved.code, Some(0), "{approved:?}");

    let list = machine.run(&["profile", "list"]);
    assert!(
        list.said.lines().any(|line| line.starts_with('*') && line.contains("amir")),
        "the last is in use: {list:?}"
    );
    assert_eq!(machine.run(&["profile", "use", "dana"]).code, Some(0));
    assert!(machine.run(&["whoami"]).said.contains("dana"));
    let elsewhere = machine.run(&["--profile", "dana", "--server", "http://127.0.0.1:1", "whoami"]);
    assert!(elsewhere.error.contains("goes nowhere else"), "a profile's token goes to its server only: {elsewhere:?}");
    let elsewhere = machine.run(&["--server", "http://127.0.0.1:1", "login"]);
    assert!(
        elsewhere.code == Some(1) && elsewhere.error.contains("the profile dana is for"),
        "a sign-in elsewhere does not take the place of this one: {elsewhere:?}"
    );
    assert!(machine.run(&["whoami"]).said.contains("dana"), "and leaves it as it was");
    assert_eq!(machine.run(&["profile", "remove", "dana"]).code, Some(0));
    assert!(!machine.credentials("dana").exists());
    assert_eq!(machine.run(&["--profile", "dana", "whoami"]).code, Some(1));
}

#[test]
fn whoever_the_provider_vouches_for_without_a_team_or_under_a_name_of_the_platforms_is_refused_with_the_reason() {
    let provider = Provider::start();
    let server = host(&provider.config());
    let (machine, address) = (Machine::new(), server.url(""));
    for (person, reason) in [("nobody", "team"), ("macadam-service.payments.deploy", "platform's own")] {
        assert_eq!(machine.login(&address, "x", person).code, Some(0));
        let refused = machine.run(&["--profile", "x", "whoami"]);
        assert!(refused.code == Some(1) && refused.error.contains(reason), "{person}: {refused:?}");
    }
}

#[test]
fn commands_that_renew_one_sign_in_at_the_same_time_use_no_refresh_token_twice() {
    let provider = Provider::start();
    let server = host(&provider.config());
    let machine = Machine::new();
    let signed_in = machine.login(&server.url(""), "work", "dana");
    assert_eq!(signed_in.code, Some(0), "{signed_in:?}\n{}", server.log());
    // Each of them renews its token, and the provider takes back a sign-in whose refresh token comes twice.
    let ended: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..6).map(|_| scope.spawn(|| machine.run(&["whoami"]))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for one in &ended {
        assert!(one.code == Some(0) && one.said.contains("dana"), "{one:?}\n{}", server.log());
    }
    let after = machine.run(&["whoami"]);
    assert_eq!(after.code, Some(0), "the sign-in is as good as before: {after:?}");
}

#[test]
fn a_servers_address_with_a_password_in_it_is_refused_and_the_password_is_neither_kept_nor_told() {
    let machine = Machine::new();
    let address = "http://dana:hunter2@127.0.0.1:1";
    for command in
        [&["login"][..], &["whoami"], &["ready"], &["--token", "mcs_0", "whoami"], &["--profile", "x", "login"]]
    {
        let refused = machine.run(&[&["--server", address][..], command].concat());
        assert_eq!(refused.code, Some(1), "{command:?}: {refused:?}");
        assert!(refused.error.contains("leave that out"), "{command:?}: {refused:?}");
        assert!(!format!("{refused:?}").contains("hunter2"), "{command:?}: {refused:?}");
    }
    assert!(!machine.profiles().exists(), "nothing is kept of it");

    // A profile of before such addresses were refused.
    std::fs::create_dir(machine.profiles()).unwrap();
    let kept =
        format!("current = \"old\"\n[profiles.old]\nserver = \"{address}\"\nissuer = \"https://login.example\"\n");
    std::fs::write(machine.profiles().join("profiles.toml"), kept).unwrap();
    for command in [&["whoami"][..], &["login"], &["--profile", "old", "whoami"], &["profile", "list"]] {
        let said = machine.run(command);
        assert!(!format!("{said:?}").contains("hunter2"), "{command:?}: {said:?}");
        let told = said.code == Some(0) || said.error.contains("macadam profile remove old");
        assert!(told, "{command:?}: {said:?}");
    }
    assert_eq!(machine.run(&["profile", "remove", "old"]).code, Some(0));
}
