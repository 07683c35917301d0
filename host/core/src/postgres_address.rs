//! What the address of a PostgreSQL database may say after its `?`. The driver logs what it does not know with its
//! value, and a mistyped `password` is such a thing, as is the rest of a password with a question mark in it. And what the
//! driver says of the certificates and keys that it is pointed at, which it repeats where it cannot read them.

/// What counts.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// What other drivers take, and what says nothing secret: it means nothing here, and addresses that hosted databases hand out
/// have it.
const PASSED_OVER: [&str; 10] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "keepalives_idle",
    "pool_timeout",
    "sslcompression",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// What the driver says of a certificate or a key that is no PEM. Behind it is the file or variable, as a list of bytes.
const NO_PEM: [&str; 2] = ["missing section end marker", "illegal section start"];

/// What to say instead of what the driver says, where that repeats a certificate or a key: one whose line breaks were
/// lost, as on its way through a variable, is repeated whole.
#[must_use]
pub fn instead_of(said: &str) -> Option<&'static str> {
    let repeats = NO_PEM.iter().any(|words| said.contains(words));
    repeats.then_some(
        "the client's certificate or key (`sslcert` and `sslkey`, or PGSSLCERT and PGSSLKEY) is no PEM; write each with \
         its line breaks",
    )
}

/// Looks at an address before the driver does.
///
/// # Errors
/// What is wrong with it, without the address, which may hold a password.
pub fn check(address: &str) -> Result<(), String> {
    let text = address.split_once('?').map_or("", |(_, parameters)| parameters);
    let parameters = || text.split('&').filter(|parameter| !parameter.is_empty());
    let Some(unknown) = parameters().find(|parameter| !is_known(name(parameter))) else { return Ok(()) };
    // What is left of a password that has a question mark or an ampersand in it is not a parameter, and must not be shown
    // as one.
    if text.contains('@') {
        return Err("it has an @ after a question mark; write such characters of a password as %3F and %40".to_owned());
    }
    if !unknown.contains('=') || parameters().any(|parameter| name(parameter) == "password") {
        return Err(
            "a part of it after the question mark means nothing; take it out, and write an & of a password as %26"
                .to_owned(),
        );
    }
    let unknown = name(unknown);
    Err(format!("its parameter {unknown:?} means nothing; take it out, or write one of {}", PARAMETERS.join(", ")))
}

fn name(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or_default()
}

fn is_known(name: &str) -> bool {
    PARAMETERS.contains(&name) || PASSED_OVER.contains(&name) || name.starts_with("options[")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_would_log_is_refused_and_never_shown() {
        for good in [
            "postgres://u:p@h/d",
            "postgres://u@h/d?sslmode=verify-full&options[search_path]=a&",
            "postgres://h/d?user=app@tenant&application_name=a@b",
            "postgres://u@h/d?sslmode=require&channel_binding=require&connect_timeout=10",
            "x",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, part) in [
            ("postgres://u@h/d?pasword=hunter2", "pasword"),
            ("postgres://u:1?a=hunter2@h/d", "%3F"),
            ("postgres://h/d?user=app&password=kea&hunter2", "%26"),
            ("postgres://h/d?user=app&password=kea&hunter2=2", "%26"),
        ] {
            let refused = check(bad).unwrap_err();
            assert!(refused.contains(part) && !refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn what_the_driver_says_is_told_unless_it_repeats_a_key() {
        assert_eq!(instead_of("error with configuration: no keys found pem file"), None);
        for said in [
            "error with configuration: missing section end marker: [80, 82, 73]",
            "error occurred while attempting to establish a TLS connection: illegal section start: [45, 45]",
        ] {
            assert!(instead_of(said).is_some_and(|instead| instead.contains("PGSSLKEY")), "{said}");
        }
    }
}
