//! What every answer has around what its capability says.

use crate::{arguments::Ignored, capability::Capability, clock};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The answer of a capability, with whether it was done and when.
#[derive(Serialize)]
#[serde(bound = "")]
pub struct Envelope<C: Capability> {
    success: bool,
    /// What the capability says.
    #[serde(flatten)]
    pub output: C::Output,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

impl<C: Capability> Envelope<C> {
    /// Around what was done just now.
    pub fn around(output: C::Output) -> Self {
        Self { success: C::succeeded(&output), output, timestamp: C::IS_STAMPED.then(clock::timestamp) }
    }
}

/// Under the name of what is in it: readers of the document see one answer.
impl<C: Capability> JsonSchema for Envelope<C> {
    fn schema_name() -> Cow<'static, str> {
        C::Output::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        format!("{}/{}/{}", C::Output::schema_id(), C::SUCCESS, C::IS_STAMPED).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = C::Output::json_schema(generator);
        let mut properties = Map::new();
        properties.insert("success".into(), json!({"type": "boolean", "description": C::SUCCESS}));
        let own = schema.get("properties").and_then(Value::as_object).cloned();
        properties.extend(own.unwrap_or_default());
        let mut required = vec!["success".into()];
        let own = schema.get("required").and_then(Value::as_array).cloned();
        required.extend(own.unwrap_or_default());
        if C::IS_STAMPED {
            properties.insert("timestamp".into(), json!({"type": "string", "description": "When it was done."}));
            required.push("timestamp".into());
        }
        schema.insert("properties".into(), properties.into());
        schema.insert("required".into(), required.into());
        schema
    }
}

/// The same with the fields that did not count, as it is sent.
#[derive(Serialize)]
#[serde(bound = "")]
pub struct Answer<'a, C: Capability> {
    /// The capability's answer.
    #[serde(flatten)]
    pub envelope: &'a Envelope<C>,
    /// The fields that did not count; left out when there are none.
    #[serde(skip_serializing_if = "<[Ignored]>::is_empty")]
    pub ignored: &'a [Ignored],
}
