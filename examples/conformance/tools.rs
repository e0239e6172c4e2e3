//! Tools of the suite that are capabilities like any other.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use skynet_bridge::{
    Error, Result,
    caller::Access,
    capability::{Capability, Context, Medium},
    catalog::{self, Entry},
    history::History,
};
use std::{borrow::Cow, sync::Arc, time::Duration};

/// A red pixel.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/// A sound of no length.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/// The catalog with the suite's tools after it.
pub(crate) fn with_fixtures() -> Vec<Arc<Entry>> {
    let fixtures = [
        Entry::of::<SimpleText>(),
        Entry::of::<ImageContent>(),
        Entry::of::<AudioContent>(),
        Entry::of::<EmbeddedResource>(),
        Entry::of::<MixedContent>(),
        Entry::of::<WithProgress>(),
        Entry::of::<ErrorHandling>(),
        Entry::of::<SaysNothingInTheLog>(),
        Entry::of::<RichSchema>(),
        Entry::of::<HeaderParameter>(),
    ];
    catalog::everything().iter().cloned().chain(fixtures.map(Arc::new)).collect()
}

/// What a fixture says.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Said {
    /// The text that the suite asks for.
    text: String,
    #[serde(skip)]
    media: Vec<Medium>,
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), media: vec![] }
    }
}

/// A fixture: its name, what it does, what it says.
macro_rules! fixtures {
    ($($(#[doc = $about:literal])+ $fixture:ident = $name:literal: $run:expr;)*) => {$(
        $(#[doc = $about])+
        #[derive(Deserialize, JsonSchema)]
        pub(crate) struct $fixture {}

        impl Capability for $fixture {
            const NAME: &'static str = $name;
            const ACCESS: Access = Access::Read;
            const EXAMPLE: &'static str = "{}";
            type Service = History;
            type Output = Said;

            fn media(said: &mut Said) -> Vec<Medium> {
                std::mem::take(&mut said.media)
            }

            async fn run(self, _: &History, context: &Context) -> Result<Said> {
                let run: fn(&Context) -> futures::future::BoxFuture<'_, Result<Said>> = $run;
                run(context).await
            }
        }
    )*};
}

fn image() -> Medium {
    Medium::Image { mime_type: "image/png".to_owned(), base64: PIXEL.to_owned() }
}

fn document(uri: &str, mime_type: &str, text: &str) -> Medium {
    Medium::Document { uri: uri.to_owned(), mime_type: mime_type.to_owned(), text: text.to_owned() }
}

fn shown(media: Vec<Medium>) -> futures::future::BoxFuture<'static, Result<Said>> {
    Box::pin(async { Ok(Said { text: "Multiple content types test:".to_owned(), media }) })
}

fixtures! {
    /// Say a simple text.
    SimpleText = "test_simple_text":
        |_| Box::pin(async { Ok("This is a simple text response for testing.".into()) });
    /// Show an image.
    ImageContent = "test_image_content": |_| shown(vec![image()]);
    /// Play a sound.
    AudioContent = "test_audio_content":
        |_| shown(vec![Medium::Audio { mime_type: "audio/wav".to_owned(), base64: SILENCE.to_owned() }]);
    /// Embed a resource.
    EmbeddedResource = "test_embedded_resource":
        |_| shown(vec![document("test://embedded-resource", "text/plain", "This is an embedded resource content.")]);
    /// Give several types of content.
    MixedContent = "test_multiple_content_types": |_| {
        let data = r#"{"test":"data","value":123}"#;
        shown(vec![image(), document("test://mixed-content-resource", "application/json", data)])
    };
    /// Report progress.
    WithProgress = "test_tool_with_progress": |context| Box::pin(async {
        for done in [0.0, 50.0, 100.0] {
            context.report(done, Some(100.0), "");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok("Tool with progress executed successfully".into())
    });
    /// Say something to the caller and nothing in a log.
    SaysNothingInTheLog = "test_logging_tool": |_| Box::pin(async { Ok("done".into()) });
    /// Fail.
    ErrorHandling = "test_error_handling":
        |_| Box::pin(async { Err(Error::Unusable("This tool intentionally returns an error for testing".to_owned())) });
}

/// Take arguments whose schema has all that JSON Schema 2020-12 has.
///
/// It is published as it is.
#[derive(Deserialize)]
pub(crate) struct RichSchema {}

impl JsonSchema for RichSchema {
    fn schema_name() -> Cow<'static, str> {
        "RichSchema".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "description": "Take arguments whose schema has all that JSON Schema 2020-12 has.",
            "type": "object",
            "$defs": {"address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }},
            "properties": {
                "name": {"type": "string"},
                "address": {"$ref": "#/$defs/address"},
                "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                "phone": {"type": "string"},
                "email": {"type": "string"},
            },
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
            "additionalProperties": false,
        })
    }
}

impl Capability for RichSchema {
    const NAME: &'static str = "json_schema_2020_12_tool";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = "{}";
    type Service = History;
    type Output = Said;

    async fn run(self, _: &History, _: &Context) -> Result<Said> {
        Ok("taken".into())
    }
}

/// Take an argument that a header repeats.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct HeaderParameter {
    /// What the header `Mcp-Param-Region` repeats.
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

impl Capability for HeaderParameter {
    const NAME: &'static str = "test_header_parameter";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = r#"{"region": "eu"}"#;
    type Service = History;
    type Output = Said;

    async fn run(self, _: &History, _: &Context) -> Result<Said> {
        Ok(self.region.as_str().into())
    }
}
