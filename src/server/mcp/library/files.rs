//! `file:///path`: a file, under the same policy as `filesystem_read`.

use super::{Asker, Page, Source, path_of};
use crate::{
    capability::Medium,
    error::{Error, Result},
    filesystem::LARGE_MEDIA,
};
use futures::future::BoxFuture;
use rmcp::model::{ResourceContents, ResourceTemplate};
use serde_json::json;

/// Files by their paths. None is listed: there are too many, and filesystem_list does it better.
pub(crate) struct Files;

impl Source for Files {
    fn scheme(&self) -> &'static str {
        "file"
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        let template = ResourceTemplate::new("file:///{+path}", "file").with_title("A file of this machine");
        vec![template.with_description("The absolute path of a file that the policy lets be read")]
    }

    fn list<'a>(&'a self, _: &'a Asker, _: Option<String>) -> BoxFuture<'a, Result<Page>> {
        Box::pin(async { Ok(Page::default()) })
    }

    fn read<'a>(&'a self, asker: &'a Asker, uri: &'a str) -> BoxFuture<'a, Result<Vec<ResourceContents>>> {
        Box::pin(async move {
            let path = local_path(uri)?;
            let answer = asker.call("filesystem_read", json!({"path": path, "as": "auto"})).await?;
            if let Some(medium) = answer.media.into_iter().next()
                && let Medium::Image { mime_type, base64 } | Medium::Audio { mime_type, base64 } =
                    asker.fitting_medium(medium).await?
            {
                return Ok(vec![ResourceContents::blob(base64, uri).with_mime_type(mime_type)]);
            }
            let content = answer.json["content"].as_str().unwrap_or_default().to_owned();
            if answer.json["as"] == "base64" {
                if content.len() > asker.budget() {
                    return Err(Error::TooLarge(format!("It is longer than a result may be: {LARGE_MEDIA}")));
                }
                let mime_type = answer.json["mime_type"].as_str().unwrap_or("application/octet-stream");
                return Ok(vec![ResourceContents::blob(content, uri).with_mime_type(mime_type)]);
            }
            let text = asker.fitting(content, "filesystem_read with start_line goes on");
            Ok(vec![ResourceContents::text(text, uri)])
        })
    }

    fn complete<'a>(&'a self, _: &'a Asker, _: &'a str, _: &'a str) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { vec![] })
    }
}

/// `file:///path` and `file://localhost/path`; another host's files are not here.
fn local_path(uri: &str) -> Result<String> {
    let path = path_of(uri)?;
    let path = path.strip_prefix("localhost").unwrap_or(&path).to_owned();
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(Error::Unusable("A file's address is file:/// and its absolute path".to_owned()))
}
