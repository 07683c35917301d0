//! Embeds the golden path.

fn main() {
    macadam_sdk_build::embed_template("../../../templates/rest-api");
}
