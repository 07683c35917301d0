//! What `wit-bindgen` makes of `wit/v0.2/`. One world holds every kind, so that they share their types; what a plugin
//! exports is chosen by its `export_…!` macro, and what it does not import is left out of its component.
#![allow(missing_docs, unsafe_code, unreachable_pub, reason = "generated; the contract is documented in `wit/v0.2/`")]
#![allow(clippy::all, clippy::pedantic, clippy::restriction, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit/v0.2",
    inline: "
        package macadam:guest;
        world every-kind {
            include macadam:plugin/approval-policy-plugin@0.2.0;
            include macadam:plugin/cost-estimator-plugin@0.2.0;
            include macadam:plugin/provider-plugin@0.2.0;
            include macadam:plugin/template-generator-plugin@0.2.0;
        }
    ",
    world: "macadam:guest/every-kind",
    additional_derives: [PartialEq, Eq],
    pub_export_macro: true,
    generate_all,
});
