//! `Retry-After`: when somebody who has too much to do wants to be asked again (RFC 9110, section 10.2.3).

use jiff::{SignedDuration, Timestamp};

/// When to ask again, by what the header says: a number of seconds, or a date in any of HTTP's three formats (RFC 9110,
/// section 5.6.7). Nobody is left alone for longer than `longest`; nothing when the header makes no sense, or names what
/// is over already.
#[must_use]
pub fn retry_after(text: &str, now: Timestamp, longest: SignedDuration) -> Option<Timestamp> {
    let text = text.trim();
    let latest = now.checked_add(longest).ok()?;
    let at = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than can be counted are longer than the longest time, too.
        let seconds = text.parse().ok().map(SignedDuration::from_secs);
        seconds.and_then(|seconds| now.checked_add(seconds).ok()).unwrap_or(latest)
    } else {
        date(text)?
    };
    Some(at.min(latest)).filter(|at| *at > now)
}

fn date(text: &str) -> Option<Timestamp> {
    let in_http = httpdate::parse_http_date(text).ok().and_then(|at| Timestamp::try_from(at).ok());
    // Some write the date as mail has it, with a day of one digit or another zone than GMT.
    in_http.or_else(|| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_to_come_back_is_seconds_or_a_date_and_within_the_longest_time() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let said = |text: &str| {
            retry_after(text, now, SignedDuration::from_hours(24)).map(|at| at.duration_since(now).as_secs())
        };
        assert_eq!(said("120"), Some(120));
        assert_eq!(said(" 120 "), Some(120));
        for in_a_minute in [
            "Fri, 02 Jan 2026 03:05:05 GMT",
            "Friday, 02-Jan-26 03:05:05 GMT",
            "Fri Jan  2 03:05:05 2026",
            "Fri, 2 Jan 2026 04:05:05 +0100",
        ] {
            assert_eq!(said(in_a_minute), Some(60), "{in_a_minute:?}");
        }
        for ever in ["4000000000", "4294967296", "99999999999999999999"] {
            assert_eq!(said(ever), Some(24 * 60 * 60), "nobody is left alone for ever: {ever}");
        }
        assert_eq!(said("Fri, 02 Jan 2099 03:05:05 GMT"), Some(24 * 60 * 60));
        for nothing in ["0", "-5", "+5", "", "soon", "Fri, 02 Jan 2026 03:03:05 GMT", "Friday, 02-Jan-26 03:03:05 GMT"]
        {
            assert_eq!(said(nothing), None, "{nothing:?}");
        }
    }
}
