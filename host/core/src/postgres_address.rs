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

/// Looks at an address before the driver does.
///
/// # Errors
/// What is wrong with it, without the address, which may hold a password.
pub fn check(address: &str) -> Result<(), String> {
    let parameters = address.split_once('?').map_or("", |(_, parameters)| parameters);
    // What is left of a password that has a question mark in it is not a parameter, and must not be shown as one.
    if parameters.contains('@') {
        return Err("it has an @ after a question mark; write such characters of a password as %3F and %40".to_owned());
    }
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if !PARAMETERS.contains(&name) && !name.starts_with("options[") {
            return Err(format!("its parameter {name:?} means nothing; {} do", PARAMETERS.join(", ")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_would_log_is_refused_and_never_shown() {
        for good in ["postgres://u:p@h/d", "postgres://u@h/d?sslmode=verify-full&options[search_path]=a&", "x"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, part) in [("postgres://u@h/d?pasword=hunter2", "pasword"), ("postgres://u:1?a=hunter2@h/d", "%3F")] {
            let refused = check(bad).unwrap_err();
            assert!(refused.contains(part) && !refused.contains("hunter2"), "{refused}");
        }
    }
}
