//! What the fuzz targets take for `libfuzzer_sys` while nobody runs them: the compiler sees what a target does with its
//! input, and libFuzzer need not be built for that.

/// Takes a target as libFuzzer's macro of that name does.
#[macro_export]
macro_rules! fuzz_target {
    (|$input:ident: $type:ty| $body:block) => {
        #[allow(dead_code, reason = "libFuzzer would call it, and is not there")]
        fn target($input: $type) $body
    };
}
