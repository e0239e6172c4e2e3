//! Schemas of requests and answers, from the types themselves.

mod concise;
mod nullable;
mod portable;

use crate::{arguments::Ignored, catalog::Type};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

/// A generator of what clients send, whose definitions stand where OpenAPI keeps them.
pub(crate) fn requests_for_openapi() -> SchemaGenerator {
    for_openapi(SchemaSettings::draft2020_12())
}

/// A generator of what the bridge answers: a field that is left out at times is not required.
pub(crate) fn answers_for_openapi() -> SchemaGenerator {
    for_openapi(SchemaSettings::draft2020_12().for_serialize())
}

fn for_openapi(settings: SchemaSettings) -> SchemaGenerator {
    let settings = settings.with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings.with_transform(RecursiveTransform(plain)).into_generator()
}

/// The schema of a request by itself, in few words, everything it refers to written out: many models read no references.
/// That a field may also be null is left out: models leave the field out instead, and some readers know no null.
pub(crate) fn of_request(of: Type) -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(nullable::forbid));
    alone(
        of,
        settings
            .with_transform(RecursiveTransform(portable::simplify))
            .with_transform(RecursiveTransform(portable::choose))
            .with_transform(RecursiveTransform(concise::shorten)),
    )
}

/// The schema of an answer by itself. What may be null says so in a branch of its own: not every reader knows lists of
/// types.
pub(crate) fn of_answer(of: Type) -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with_transform(RecursiveTransform(portable::simplify));
    let mut answer = alone(of, settings.clone().with_transform(RecursiveTransform(nullable::branch)));
    let list = alone(Type::of::<Vec<Ignored>>(), settings.with_transform(RecursiveTransform(nullable::branch)));
    add_ignored(&mut answer, list.into());
    answer
}

fn alone(of: Type, settings: SchemaSettings) -> Map<String, Value> {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = (of.root)(settings.with_transform(RecursiveTransform(plain)).into_generator());
    let Value::Object(mut schema) = Value::from(schema) else { return Map::new() };
    // The capability's words stand beside the schema already.
    schema.remove("title");
    schema.remove("description");
    schema
}

/// Every answer names the fields of the request that did not count.
pub(crate) fn name_ignored(of: Type, answers: &mut SchemaGenerator) {
    let list = Vec::<Ignored>::json_schema(answers);
    let name = (of.reference)(answers);
    let name = name.get("$ref").and_then(Value::as_str).and_then(|reference| reference.rsplit('/').next());
    let definition = name.map(str::to_owned).and_then(|name| answers.definitions_mut().get_mut(&name));
    if let Some(definition) = definition.and_then(Value::as_object_mut) {
        add_ignored(definition, list.into());
    }
}

fn add_ignored(answer: &mut Map<String, Value>, mut list: Value) {
    list["description"] = "Sent fields that did not count.".into();
    if let Value::Object(properties) = answer.entry("properties").or_insert_with(|| json!({})) {
        properties.insert("ignored".to_owned(), list);
    }
}

/// Leaves out what only Rust means: `uint64` and its like are no formats of JSON Schema.
pub(crate) fn plain(schema: &mut Schema) {
    let foreign = schema.get("format").and_then(Value::as_str).is_some_and(|format| {
        format.starts_with("uint") || format.starts_with("int") || matches!(format, "double" | "float")
    });
    if foreign {
        schema.remove("format");
    }
}
