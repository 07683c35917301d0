//! `macadam.toml` as administrators write it, rightly and wrongly.

use super::*;

fn read(text: &str) -> Result<Config, String> {
    let file = tempfile::NamedTempFile::with_suffix("macadam.toml").unwrap();
    std::fs::write(file.path(), text).unwrap();
    Config::read(file.path()).map_err(|error| error.to_string())
}

#[test]
fn what_a_new_host_starts_with_is_valid_and_says_what_counts_anyway() {
    let written = read(DEFAULT).unwrap();
    let plugins: Vec<_> = written.plugins.iter().map(|binding| binding.plugin.as_str()).collect();
    assert!(plugins.contains(&"macadam/cost-threshold@dev") && plugins.len() == 7, "{plugins:?}");
    let default = Config::default();
    assert_eq!(written.listen, default.listen);
    let seconds = |config: &Config| (config.approval_wait_seconds, config.lease_seconds, config.workers);
    assert_eq!(seconds(&written), seconds(&default));
    assert_eq!(written.when_no_policy_applies, default.when_no_policy_applies);
}

#[test]
fn what_is_commented_out_to_start_with_is_valid_too() {
    let lines = DEFAULT.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line));
    let text = lines.collect::<Vec<_>>().join("\n");
    let config = read(&text).unwrap();
    assert!(config.connections.sql.keys().any(|name| name.as_str() == "main"), "the example's connection");
    assert!(config.plugins.iter().any(|binding| binding.plugin.starts_with("macadam/postgres-database")));
}

#[test]
fn what_containers_are_given_is_valid_and_binds_no_build_that_is_being_worked_on() {
    for text in [
        include_str!("../../../../../deploy/compose/macadam.toml"),
        include_str!("../../../../../deploy/kubernetes/base/macadam.toml"),
    ] {
        let config = read(text).unwrap();
        assert_eq!(config.listen.port(), 7070);
        assert!(config.plugins.iter().all(|binding| binding.plugin.ends_with("@^0.2")), "{:?}", config.plugins);
    }
}

#[test]
fn a_mistake_is_told_by_file_line_key_and_remedy() {
    for (text, parts) in [
        ("lisen = \"a\"", vec!["line 1", "lisen", "listen"]),
        ("\nlisten = \"here\"", vec!["line 2", "`listen`", "socket address"]),
        ("trusted-proxies = [\"here\"]", vec!["line 1", "trusted-proxies", "invalid IP"]),
        ("[audit]\nexport-interval-seconds = 1", vec!["`audit.export-interval-seconds` is 1", "write 10"]),
        ("workers = 0", vec!["`workers` is 0", "write 1 to 1000"]),
        ("lease-seconds = 1", vec!["`lease-seconds`", "write 3"]),
        ("[events]\nkept-days = 0", vec!["`events.kept-days` is 0", "write 1"]),
        ("[webhooks]\nallow-addresses = [\"intranet\"]", vec!["line 2", "webhooks.allow-addresses[0]"]),
        ("when-no-policy-applies = \"shrug\"", vec!["when-no-policy-applies", "`deny`"]),
        ("[connections.sql.main]\nurll = \"x\"", vec!["line 2", "connections.sql.main", "url-env"]),
        ("[connections.files.\"Not A Name\"]\npath = \"x\"", vec!["grant", "lower-case"]),
        (
            "[[plugins]]\nplugin = \"a/b\"\n[[plugins]]\nplugin = \"a/c\"\ngrants = [\"all\"]",
            vec!["line 5", "plugins[1]", "sql:NAME"],
        ),
        ("[jobs]\nper-team = 0", vec!["`jobs.per-team` is 0", "leave it out"]),
        ("[jobs.providers]\n\"macadam\" = 1", vec!["line 2", "jobs.providers", "namespace/name"]),
        ("[schedules.decision-log]\ncron = \"soon\"", vec!["schedules.decision-log", "\"0 3 * * *\""]),
        ("[schedules.decision-log]\ncron = \"0 3 * * *\"\nevery-seconds = 1", vec!["either `every-seconds`"]),
        ("[schedules.decision-logs]\nevery-seconds = 9", vec!["`decision-logs`", "decision-log,"]),
        ("a = [", vec!["line 1"]),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains("macadam.toml"), "the file is named: {error}");
        for part in parts {
            assert!(error.contains(part), "{part:?} is missing in: {error}");
        }
    }
}

#[test]
fn a_password_shows_neither_in_errors_nor_in_logs() {
    let config = read("database = \"postgres://u:hunter2@h/d\"").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = read("database = [\"postgres://u:hunter2@h/d\"]").unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
    let config = read("[connections.sql.main]\nurl = \"postgres://u:hunter2@h/d\"").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = read("[connections.sql.main]\nurl = \"postgres://u:hunter2@h/d\" x").unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
    for (text, key) in [
        ("[connections.sql]\nmain = \"postgres://u:hunter2@h/d\"", "connections.sql.main"),
        ("other-master-key-envs = \"hunter2\"", "other-master-key-envs"),
        ("master-key-command = \"kms --token hunter2, expected \"", "master-key-command"),
        // Longer than the random part of a directory's name, which the error has as well.
        ("master-key-env = 70270270", "master-key-env"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(key) && error.contains("expected"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("70270270"), "{error}");
    }
}

#[test]
fn the_cap_is_the_hosts_own_with_what_is_set_in_its_place() {
    let config = read("[limits]\nfuel = 7").unwrap();
    assert_eq!(config.cap(), Limits { fuel: 7, ..Limits::CAP });
}
