//! Places in a run at which tests want something to go wrong. Only debug builds look; a release build has none.
//!
//! - `FLOW_DIE=published:2`: the process dies, without a word, when it reaches that place the second time.
//! - `FLOW_BUG=lose-a-row`: a mistake that a test plants, to show that it would be found.

/// A place in a run, by name: dies here if it was told to.
pub fn reach(place: &str) {
    if cfg!(debug_assertions) {
        armed::reach(place);
    }
}

/// Is this mistake planted?
pub fn planted(bug: &str) -> bool {
    cfg!(debug_assertions) && armed::planted(bug)
}

mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static DEATH: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);
    static BUG: OnceLock<Option<String>> = OnceLock::new();

    pub(super) fn reach(place: &str) {
        let told = DEATH.get_or_init(|| {
            let text = std::env::var("FLOW_DIE").ok()?;
            let (place, count) = text.split_once(':').unwrap_or((&text, "1"));
            Some((place.to_string(), count.parse().unwrap_or(1)))
        });
        if let Some((at, count)) = told
            && at == place
            && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == *count
        {
            std::process::abort();
        }
    }

    pub(super) fn planted(bug: &str) -> bool {
        BUG.get_or_init(|| std::env::var("FLOW_BUG").ok()).as_deref() == Some(bug)
    }
}
