//! Schemas of requests and answers, from the types themselves.

use crate::capability::Capability;
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::Value;

/// A generator whose definitions stand where OpenAPI keeps them.
pub fn generator_for_openapi() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings.with_transform(RecursiveTransform(plain)).into_generator()
}

/// Leaves out what only Rust means: `uint64` and its like are no formats of JSON Schema.
pub fn plain(schema: &mut Schema) {
    let foreign = schema.get("format").and_then(Value::as_str).is_some_and(|format| {
        format.starts_with("uint") || format.starts_with("int") || matches!(format, "double" | "float")
    });
    if foreign {
        schema.remove("format");
    }
}

/// The first line of a capability's doc comment, without its full stop, and what follows it.
pub fn words<C: Capability>() -> (String, String) {
    let schema = schemars::schema_for!(C);
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let (title, rest) = text.split_once("\n\n").unwrap_or((text, ""));
    let title = title.trim().trim_end_matches('.').replace('\n', " ");
    (title, rest.trim().replace('\n', " "))
}
