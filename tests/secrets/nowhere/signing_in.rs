//! Secrets of people who sign in with an identity provider: codes, refresh tokens and tokens, such as count and such as
//! do not.

use macadam_tests::identity::{Ended, Machine, Provider, token_in};
use macadam_tests::server::Server;

use super::told::Told;
use crate::leaks::Output;

/// Somebody signs in, works, and is out; others are refused.
pub(super) fn sign_in(server: &Server, told: &mut Told, provider: &Provider) {
    let (machine, address) = (Machine::new(), server.url(""));
    let signed_in = ended(told, machine.login(&address, "work", "dana"));
    assert_eq!(signed_in.code, Some(0), "{signed_in:?}\n{}", server.log());
    let credentials = machine.credentials("work");
    let first = token_in(&credentials);
    told.jwt(&first);
    assert_eq!(status(server, told, &first), 200, "the token counts\n{}", server.log());
    for arguments in [&["whoami"][..], &["--output", "json", "whoami"], &["resource", "list"]] {
        let ran = ended(told, machine.run(arguments));
        assert_eq!(ran.code, Some(0), "{ran:?}\n{}", server.log());
        let renewed = token_in(&credentials);
        assert_ne!(renewed, first, "each command renews the token");
        told.jwt(&renewed);
    }
    refused(server, told, provider, &first);
    out(told, provider, &machine);
    let given = provider.given();
    for (kind, what) in [("DeviceCode", "a device's code"), ("RefreshToken", "a refresh token")] {
        assert!(given.iter().any(|one| one.kind == kind && one.used), "{what} was used: {given:?}");
        for one in given.iter().filter(|one| one.kind == kind) {
            told.canary(what, &one.secret);
        }
    }
}

/// Tokens that do not count: with another's signature, of somebody without a team, and by a key that was withdrawn.
fn refused(server: &Server, told: &mut Told, provider: &Provider, good: &str) {
    let (signed, signature) = good.rsplit_once('.').expect("a JWT has parts");
    let turned: String = signature.chars().rev().collect();
    told.canary("a signature that is none", &turned);
    assert_eq!(status(server, told, &format!("{signed}.{turned}")), 401, "a signature is looked at");

    let machine = Machine::new();
    let signed_in = ended(told, machine.login(&server.url(""), "x", "nobody"));
    assert_eq!(signed_in.code, Some(0), "{signed_in:?}");
    let token = token_in(&machine.credentials("x"));
    told.jwt(&token);
    assert_eq!(status(server, told, &token), 401, "who has no team does not get in");
    let ran = ended(told, machine.run(&["--output", "json", "whoami"]));
    assert!(ran.code == Some(1) && ran.error.contains("team"), "{ran:?}");
    told.jwt(&token_in(&machine.credentials("x")));

    provider.control("rotate");
    let ran = ended(told, machine.run(&["whoami"]));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    told.jwt(&token_in(&machine.credentials("x")));
    // The host asks the provider once more, which may take longer than `ask` waits.
    let withdrawn = server.bearing(good).get("/api/v1/whoami");
    assert_eq!(withdrawn.status, 401, "a key that was withdrawn counts no more: {withdrawn:?}");
    told.outputs.push(Output::new("the answer to a key that was withdrawn", withdrawn.body.to_string()));
}

/// The provider is away, and then takes back what it has given.
fn out(told: &mut Told, provider: &Provider, machine: &Machine) {
    provider.control("down");
    let stuck = ended(told, machine.run(&["whoami"]));
    assert!(stuck.code == Some(1) && stuck.error.contains("cannot be reached"), "{stuck:?}");
    provider.control("up");
    let kept = std::fs::read(machine.credentials("work")).unwrap();
    let left = ended(told, machine.run(&["logout"]));
    assert_eq!(left.code, Some(0), "{left:?}");
    for (kept, said) in [(kept, "taken back"), (b"\"damaged-b6f0-ouzel\"".to_vec(), "damaged")] {
        std::fs::write(machine.credentials("work"), kept).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(machine.credentials("work"), private).unwrap();
        let out = ended(told, machine.run(&["whoami"]));
        assert!(out.code == Some(1) && out.error.contains(said), "{said:?} in {out:?}");
    }
    told.canary("what is left of a file of credentials", "damaged-b6f0-ouzel");
}

fn status(server: &Server, told: &mut Told, token: &str) -> u16 {
    told.ask(server, "GET /api/v1/whoami", &[&format!("authorization: Bearer {token}")], "")
}

/// Keeps what a command has written.
fn ended(told: &mut Told, ended: Ended) -> Ended {
    told.outputs.push(Output::new("the command line", format!("{}{}", ended.said, ended.error)));
    ended
}
