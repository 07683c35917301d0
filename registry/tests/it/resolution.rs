use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_registry::index::{QueryError, Wanted};
use macadam_registry::package::is_dev;
use macadam_registry::{Release, VersionQuery};
use proptest::prelude::*;
use semver::Version;

/// A release, yanked if its version is written with a `!`; published at the second that stands after a `/`.
fn release(text: &str) -> Release {
    let (text, second) = text.split_once('/').unwrap_or((text, "0"));
    Release {
        version: text.trim_end_matches('!').parse().unwrap(),
        digest: Digest::of(text.as_bytes()),
        kind: PluginKind::ApprovalPolicy,
        contract: Version::new(0, 1, 0),
        summary: String::new(),
        yanked: text.ends_with('!'),
        deprecated: None,
        published: jiff::Timestamp::from_second(second.parse().unwrap()).unwrap(),
    }
}

fn picked(query: &str, releases: &str) -> Option<String> {
    let query: VersionQuery = query.parse().unwrap();
    let releases: Vec<Release> = releases.split(' ').filter(|text| !text.is_empty()).map(release).collect();
    query.wanted.pick(&releases).map(|release| release.version.to_string())
}

#[test]
fn a_query_finds_the_version_that_it_means() {
    const MANY: &str = "0.9.0 1.0.0 1.2.0 1.10.0 1.11.0! 2.0.0-rc.1 2.0.0-rc.2!";
    const DEV: &str = "1.0.0-dev.xa/30 1.0.0-dev.xb/20 2.0.0-dev.xc/10 1.0.0-dev.xd!/40 1.0.0-rc.1/50";
    for (query, releases, expected) in [
        ("a/b", MANY, Some("1.10.0")),
        ("a/b@latest", MANY, Some("1.10.0")),
        ("a/b@latest", "1.0.0-rc.1 0.1.0!", None),
        ("a/b@latest", "", None),
        ("a/b@1.0.0", MANY, Some("1.0.0")),
        ("a/b@1.11.0", MANY, Some("1.11.0")),
        ("a/b@2.0.0-rc.2", MANY, Some("2.0.0-rc.2")),
        ("a/b@1.0.1", MANY, None),
        ("a/b@^1", MANY, Some("1.10.0")),
        ("a/b@1", MANY, Some("1.10.0")),
        ("a/b@^1.2", MANY, Some("1.10.0")),
        ("a/b@~1.2", MANY, Some("1.2.0")),
        ("a/b@>=0.9, <1.2", MANY, Some("1.0.0")),
        ("a/b@=1.2.0", MANY, Some("1.2.0")),
        ("a/b@^1.11", MANY, None),
        ("a/b@^2", MANY, None),
        ("a/b@^2.0.0-rc.1", MANY, Some("2.0.0-rc.1")),
        ("a/b@*", MANY, Some("1.10.0")),
        ("a/b@dev", MANY, None),
        ("a/b@dev", DEV, Some("1.0.0-dev.xa")),
        ("a/b@latest", DEV, None),
        ("a/b@1.0.0-dev.xd", DEV, Some("1.0.0-dev.xd")),
    ] {
        assert_eq!(picked(query, releases).as_deref(), expected, "{query} among {releases}");
    }
}

#[test]
fn what_is_no_query_is_refused() {
    for (text, by_name) in [("", true), ("name", true), ("a/b/c", true), ("A/b@1", true), ("@1.0.0", true)] {
        assert_eq!(matches!(text.parse::<VersionQuery>(), Err(QueryError::Name(_))), by_name, "{text:?}");
    }
    for text in ["a/b@", "a/b@newest", "a/b@1.0.0@2", "a/b@^", "a/b@1.x.y", "a/b@-1"] {
        assert!(matches!(text.parse::<VersionQuery>(), Err(QueryError::Version { .. })), "{text:?}");
    }
}

fn any_release() -> impl Strategy<Value = Release> {
    let pre = prop_oneof![Just(""), Just("-rc.1"), Just("-dev.xa"), Just("-dev.xb")];
    (0_u64..3, 0_u64..3, 0_u64..3, pre, any::<bool>(), 0_i64..5).prop_map(
        |(major, minor, patch, pre, yanked, second)| {
            release(&format!("{major}.{minor}.{patch}{pre}{}/{second}", if yanked { "!" } else { "" }))
        },
    )
}

proptest! {
    #[test]
    fn a_query_reads_back_what_it_prints(release in any_release(), form in 0_usize..6) {
        let version = release.version;
        let text = match form {
            0 => "latest".to_owned(),
            1 => "dev".to_owned(),
            2 => version.to_string(),
            3 => format!("^{version}"),
            4 => format!(">={version}, <9.0.0"),
            _ => format!("~{}.{}", version.major, version.minor),
        };
        let query: VersionQuery = format!("a/b@{text}").parse().unwrap();
        prop_assert_eq!(query.to_string().parse::<VersionQuery>().unwrap(), query);
    }

    #[test]
    fn what_is_picked_fits_and_nothing_that_fits_is_higher(
        releases in proptest::collection::vec(any_release(), 0..12), major in 0_u64..3, minor in 0_u64..3
    ) {
        let range: semver::VersionReq = format!("^{major}.{minor}").parse().unwrap();
        let fits = |release: &&Release| range.matches(&release.version) && !release.yanked;
        let best = releases.iter().filter(fits).map(|release| &release.version).max();
        prop_assert_eq!(Wanted::Range(range.clone()).pick(&releases).map(|release| &release.version), best);
    }

    #[test]
    fn no_query_but_an_exact_one_finds_what_is_yanked(releases in proptest::collection::vec(any_release(), 0..12)) {
        for wanted in [Wanted::Latest, Wanted::Dev, Wanted::Range(semver::VersionReq::STAR)] {
            let found = wanted.pick(&releases);
            prop_assert!(found.is_none_or(|release| !release.yanked));
            let prerelease = found.is_some_and(|release| !release.version.pre.is_empty());
            prop_assert_eq!(prerelease, wanted == Wanted::Dev && found.is_some(), "only `dev` finds a prerelease");
            prop_assert!(wanted != Wanted::Dev || found.is_none_or(|release| is_dev(&release.version)));
        }
        for release in &releases {
            let found = Wanted::Exact(release.version.clone()).pick(&releases);
            prop_assert_eq!(found.map(|found| &found.version), Some(&release.version));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}") {
        let _ = text.parse::<VersionQuery>();
        let _ = format!("a/b@{text}").parse::<VersionQuery>();
    }
}
