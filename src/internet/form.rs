//! In which form a caller gets what was fetched.

use super::{
    Internet, Saved,
    answer::{Body, MAX_CHARACTERS},
};
use crate::{
    capability::{Context, Medium},
    error::{Error, Result},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most bytes that are given in base64: as long as the longest text then.
const MAX_BASE64: u64 = MAX_CHARACTERS as u64 / 4 * 3;

/// How what was fetched is returned.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// As text.
    #[default]
    Text,
    /// The bytes, in base64.
    Base64,
    /// The text of a document: PDF, DOCX, XLSX, ODT, ODS, PPTX, EPUB.
    Document,
    /// In the file that `save_to` names.
    File,
}

impl Form {
    /// Whether it is the one that needs no mention.
    pub(crate) fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

/// What was fetched, in its form.
#[derive(Default)]
pub(crate) struct Content {
    /// What is shown of it.
    pub content: String,
    /// How much that is: characters of text, bytes otherwise.
    pub size: usize,
    /// What kind of data it is, where it is no text.
    pub mime_type: Option<String>,
    /// How to get it, where it is not shown.
    pub hint: Option<String>,
    /// Where it was saved.
    pub saved: Option<Saved>,
}

impl Internet {
    /// Brings the body of an answer into a form. `name` is the last part of its address, `save_to` where a file goes.
    ///
    /// # Errors
    /// What reading it, or the file's side of the bridge, refuses.
    pub(super) async fn formed(
        &self,
        body: Body,
        form: Form,
        name: &str,
        save_to: Option<&str>,
        context: &Context,
    ) -> Result<Content> {
        let mime_type = body.binary_type();
        match form {
            Form::Text if mime_type.is_some() => {
                let hint = mime_type.as_deref().map(how_to_get);
                Ok(Content { mime_type, hint, ..Content::default() })
            }
            Form::Text => {
                let text = body.text(context).await?;
                Ok(Content { content: text.content, size: text.size, ..Content::default() })
            }
            Form::Base64 => {
                let bytes = body.bytes(MAX_BASE64, context).await?;
                let (content, size) = (BASE64_STANDARD.encode(&bytes), bytes.len());
                Ok(Content { content, size, mime_type, ..Content::default() })
            }
            Form::Document => {
                let kind = body.essence();
                let bytes = body.bytes(self.max_bytes, context).await?;
                let extension = mime_guess::get_mime_extensions_str(&kind).and_then(|all| all.first());
                let by_type = extension.map(|extension| format!("document.{extension}"));
                let names = [name, by_type.as_deref().unwrap_or_default()];
                let content = (self.receivers.text_of)(context, names, bytes).await?;
                Ok(Content { size: content.chars().count(), content, mime_type, ..Content::default() })
            }
            Form::File => {
                let path = save_to.ok_or_else(|| Error::invalid("save_to", "Name the file to save it to"))?;
                let bytes = body.bytes(self.max_bytes, context).await?;
                let size = bytes.len();
                let saved = Some((self.receivers.save)(context, path, bytes).await?);
                Ok(Content { size, mime_type, saved, ..Content::default() })
            }
        }
    }
}

impl Content {
    /// Takes out the picture that it is.
    pub(crate) fn picture(mime_type: Option<&str>, form: Form, content: &mut String) -> Option<Medium> {
        Medium::picture(mime_type.filter(|_| form == Form::Base64)?, content)
    }
}

/// How a model gets at data that is no text.
fn how_to_get(mime_type: &str) -> String {
    let forms = match mime_type.split('/').next() {
        Some("image") => "as \"base64\" gives the picture",
        Some("audio" | "video" | "font") => "as \"base64\" gives its bytes",
        _ => "as \"document\" gives the text of a document, as \"base64\" the bytes",
    };
    format!("This is no text but {mime_type}: {forms}, save_to writes it to a file")
}
