//! What the address of a PostgreSQL database may say after its `?`. The driver logs what it does not know with its
//! value, and a mistyped `password` is such a thing, as is the rest of a password with a question mark in it.

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
}
