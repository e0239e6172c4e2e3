//! Resources and prompts of the suite, beside the bridge's own.

use crate::tools::PIXEL;
use futures::future::BoxFuture;
use rmcp::model::{
    ContentBlock, Prompt, PromptArgument, PromptMessage, Resource, ResourceContents, ResourceTemplate, Role,
};
use serde_json::json;
use skynet_bridge::{
    Error, Result,
    server::mcp::library::{Asker, Given, Library, Page, Prompts, Source},
};

pub(crate) fn with_fixtures() -> Library {
    let mut library = Library::default().with(Box::new(Fixtures));
    library.prompts = prompts(library.prompts);
    library
}

struct Fixtures;

impl Source for Fixtures {
    fn scheme(&self) -> &'static str {
        "test"
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        vec![ResourceTemplate::new("test://template/{id}/data", "template").with_mime_type("application/json")]
    }

    fn list<'a>(&'a self, _: &'a Asker, _: Option<String>) -> BoxFuture<'a, Result<Page>> {
        let text = Resource::new("test://static-text", "static-text").with_mime_type("text/plain");
        let binary = Resource::new("test://static-binary", "static-binary").with_mime_type("image/png");
        let resources = vec![text.with_description("A text"), binary.with_description("A picture")];
        Box::pin(async { Ok(Page { resources, next: None }) })
    }

    fn read<'a>(&'a self, _: &'a Asker, uri: &'a str) -> BoxFuture<'a, Result<Vec<ResourceContents>>> {
        let id = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
        let found = match (uri, id) {
            ("test://static-text" | "test://example-resource", _) => {
                Ok(ResourceContents::text("This is the content of the static text resource.", uri))
            }
            ("test://static-binary", _) => Ok(ResourceContents::blob(PIXEL, uri).with_mime_type("image/png")),
            (_, Some(id)) => {
                let data = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
                Ok(ResourceContents::text(data.to_string(), uri).with_mime_type("application/json"))
            }
            _ => Err(Error::NotFound(format!("Resource not found: {uri}"))),
        };
        Box::pin(async { found.map(|contents| vec![contents]) })
    }

    fn complete<'a>(&'a self, _: &'a Asker, _: &'a str, _: &'a str) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async { vec![] })
    }
}

type Say = fn(&Given) -> Vec<ContentBlock>;

fn prompts(own: Prompts) -> Prompts {
    let simple: Say = |_| vec![ContentBlock::text("This is a simple prompt for testing.")];
    let arguments: Say = |given| {
        let (first, second) = (given.text("arg1"), given.text("arg2"));
        vec![ContentBlock::text(format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
    };
    let resource: Say = |given| {
        let embedded = ResourceContents::text("Embedded resource content for testing.", given.text("resourceUri"));
        vec![ContentBlock::resource(embedded), ContentBlock::text("Please process the embedded resource above.")]
    };
    let image: Say =
        |_| vec![ContentBlock::image(PIXEL, "image/png"), ContentBlock::text("Please analyze the image above.")];
    let all: [(&str, &[&str], Say); 4] = [
        ("test_simple_prompt", &[], simple),
        ("test_prompt_with_arguments", &["arg1", "arg2"], arguments),
        ("test_prompt_with_embedded_resource", &["resourceUri"], resource),
        ("test_prompt_with_image", &[], image),
    ];
    all.into_iter().fold(own, |prompts, (name, needs, say)| {
        let needs = needs.iter().map(|name| PromptArgument::new(*name).with_required(true)).collect();
        let recipe = move |given: &Given| say(given).into_iter().map(|block| PromptMessage::new(Role::User, block));
        prompts.with(
            Prompt::new(name, Some("A prompt of the suite"), Some(needs)),
            Box::new(move |_, given| {
                let messages = recipe(given).collect();
                Box::pin(async { Ok(messages) })
            }),
        )
    })
}
