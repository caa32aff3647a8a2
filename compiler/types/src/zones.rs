//! Time zones as people write them: misspelt, as a city, as the letters of a country.

use flow_plan::civil::Zone;
use flow_syntax::{Applicability, Diagnostic, Span};

/// Letters that stand for a zone in one part of the world.
const LETTERS: &[(&[&str], &str)] = &[
    (&["PST", "PDT", "PT"], "America/Los_Angeles"),
    (&["EST", "EDT", "ET"], "America/New_York"),
    (&["CST", "CDT", "CT"], "America/Chicago"),
    (&["MST", "MDT", "MT"], "America/Denver"),
    (&["BST"], "Europe/London"),
    (&["CEST"], "Europe/Berlin"),
    (&["IST"], "Asia/Kolkata"),
    (&["JST"], "Asia/Tokyo"),
    (&["Z", "UTC+0", "UTC+00:00", "+00:00", "GMT+0"], "UTC"),
];

/// The zone that is meant by a name that is none.
fn meant(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    if let Some((_, zone)) = LETTERS.iter().find(|(letters, _)| letters.contains(&upper.as_str())) {
        return Some((*zone).to_string());
    }
    let plain = name.trim().replace(' ', "_");
    let all = Zone::names();
    let city =
        |zone: &&String| zone.rsplit_once('/').is_some_and(|(_, city)| city.eq_ignore_ascii_case(&plain));
    let same = all.iter().find(|zone| zone.eq_ignore_ascii_case(&plain));
    same.or_else(|| all.iter().find(city)).cloned().or_else(|| {
        let near = crate::suggest::nearest(&plain, all.iter().map(String::as_str));
        near.map(str::to_string)
    })
}

/// Adds the zone that may have been meant.
pub(crate) fn with_nearest(diag: Diagnostic, at: Span, name: &str) -> Diagnostic {
    let diag = diag.note("zones are those of the IANA database, such as `Europe/Berlin`, and `UTC`");
    match meant(name) {
        Some(zone) => diag.help(format!("did you mean `{zone}`?")).with_fix(
            format!("write `\"{zone}\"`"),
            at,
            format!("\"{zone}\""),
            Applicability::MaybeIncorrect,
        ),
        None => diag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_letters_city_and_nearness() {
        for (theirs, ours) in [
            ("Europe/Berln", "Europe/Berlin"),
            ("berlin", "Europe/Berlin"),
            ("america/new york", "America/New_York"),
            ("PST", "America/Los_Angeles"),
        ] {
            assert_eq!(meant(theirs).as_deref(), Some(ours), "{theirs}");
        }
        assert_eq!(meant("Nowhere at all"), None);
    }
}
