//! What a resource is called on the server, and the mark that says whose it is.

use macadam_sdk::ManagedResource;

/// PostgreSQL cuts names off behind this many bytes (NAMEDATALEN - 1), and cut names would collide.
const MAX_NAME: usize = 63;

/// An underscore and 64 bits in hexadecimal.
const SUFFIX: usize = 17;

/// The name of a resource's role and database, and its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    name: String,
    mark: String,
}

impl Identity {
    /// Readable at the front, unique at the end: the suffix comes from the resource's id, which never changes and is
    /// never used again.
    pub(crate) fn of(resource: &ManagedResource) -> Self {
        let request = &resource.request;
        let readable = format!("{}_{}_{}", resource.namespace, request.environment.name, request.name);
        let safe = readable.chars().map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '_' });
        let mut name: String = safe.take(MAX_NAME - SUFFIX).collect();
        name.push_str(&format!("_{:016x}", fnv1a(resource.id.as_bytes())));
        Self { name, mark: format!("macadam:{}", resource.id) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }
}

/// FNV-1a, 64 bits: the constants are of the draft by Fowler, Noll, Vo and Eastlake. It need not withstand anybody,
/// since ids are the host's own and the mark is checked as well.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_sdk::testing::request;
    use proptest::prelude::*;

    fn identity(name: &str, id: &str) -> Identity {
        Identity::of(&request().name(name).resource(id))
    }

    #[test]
    fn the_hash_is_the_one_that_its_authors_give() {
        assert_eq!(
            (fnv1a(b""), fnv1a(b"a"), fnv1a(b"foobar")),
            (0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8)
        );
    }

    #[test]
    fn a_name_says_whose_and_what_it_is() {
        assert!(identity("order-intake", "1").name().starts_with("payments_dev_order_intake_"));
        assert_eq!(identity("x", "0190-ab").mark(), "macadam:0190-ab");
    }

    proptest! {
        #[test]
        fn names_fit_and_differ_whenever_ids_do(name in "[a-z][a-z0-9-]{0,62}", id in "[0-9a-f-]{1,36}", other in "[0-9a-f-]{1,36}") {
            let first = identity(&name, &id);
            prop_assert!(first.name().len() <= MAX_NAME, "{} is cut off by the server", first.name());
            prop_assert!(first.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
            prop_assert_eq!(first.name() == identity(&name, &other).name(), id == other);
        }
    }
}
