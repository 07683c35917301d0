//! What `bindgen!` makes of `wit/v0.2/`: one world that holds every kind, so that they share their types. A component
//! exports only the interfaces of its kind, and the clients look up only those.
#![allow(unsafe_code, reason = "generated: typed functions without a second check, after the check at their look-up")]
#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
#![allow(clippy::missing_errors_doc, clippy::indexing_slicing, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit/v0.2",
    inline: "
        package macadam:host;
        world every-kind {
            include macadam:plugin/approval-policy-plugin@0.2.0;
            include macadam:plugin/cost-estimator-plugin@0.2.0;
            include macadam:plugin/provider-plugin@0.2.0;
            include macadam:plugin/template-generator-plugin@0.2.0;
        }
    ",
    world: "macadam:host/every-kind",
    ownership: Borrowing { duplicate_if_necessary: true },
    exports: { default: async },
    imports: { default: trappable },
    // What did not change has one implementation; the linker offers it under both names.
    with: {
        "macadam:plugin/log@0.2.0": crate::clients::v0_1::bindings::macadam::plugin::log,
        "macadam:plugin/secrets@0.2.0": crate::clients::v0_1::bindings::macadam::plugin::secrets,
        "macadam:plugin/sql@0.2.0": crate::clients::v0_1::bindings::macadam::plugin::sql,
        "macadam:plugin/files@0.2.0": crate::clients::v0_1::bindings::macadam::plugin::files,
    },
});
