//! Who has read the log lately. A reading leaves an entry; its pages, and looks every other second at what is new, are one
//! reading, or the log would grow by being looked at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use macadam_core::audit::Stream;
use macadam_core::names::PersonId;

/// How long looks at the same streams by the same person are one reading.
const ONE_READING: SignedDuration = SignedDuration::from_mins(15);

/// Who began to read which stream when; without a stream, all.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<HashMap<(PersonId, Option<Stream>), Timestamp>>);

impl Readers {
    /// Whether this is the first look of a reading.
    pub(crate) fn begins(&self, person: &PersonId, stream: Option<&Stream>, now: Timestamp) -> bool {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|_, began| now.duration_since(*began) < ONE_READING);
        let key = (person.clone(), stream.cloned());
        if readers.contains_key(&key) {
            return false;
        }
        readers.insert(key, now);
        true
    }

    /// It left no entry after all, so the next look must.
    pub(crate) fn forget(&self, person: &PersonId, stream: Option<&Stream>) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.remove(&(person.clone(), stream.cloned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_one_reading_are_one_and_another_stream_person_or_hour_is_another() {
        let (readers, now) = (Readers::default(), Timestamp::UNIX_EPOCH);
        let (ana, bo) = (PersonId::new("ana").unwrap(), PersonId::new("bo").unwrap());
        assert!(readers.begins(&ana, None, now));
        assert!(!readers.begins(&ana, None, now + SignedDuration::from_mins(14)));
        assert!(readers.begins(&ana, Some(&Stream::Platform), now));
        assert!(readers.begins(&bo, None, now));
        assert!(readers.begins(&ana, None, now + SignedDuration::from_mins(15)), "nobody reads for ever on one entry");
        readers.forget(&bo, None);
        assert!(readers.begins(&bo, None, now), "one whose entry was not written has not begun");
    }
}
