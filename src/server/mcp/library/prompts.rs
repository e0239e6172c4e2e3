//! Prompts: beginnings of conversations that use the memory well.

use super::Asker;
use crate::error::Result;
use futures::future::BoxFuture;
use indexmap::IndexMap;
use rmcp::{
    ErrorData,
    model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role},
};
use serde_json::{Value, json};

/// What a prompt says, made when it is asked for.
pub type Recipe = Box<dyn for<'a> Fn(&'a Asker, &'a Given) -> BoxFuture<'a, Result<Vec<PromptMessage>>> + Send + Sync>;

/// The arguments of a prompt: texts, as the protocol has them.
pub struct Given(JsonObject);

impl Given {
    /// An argument; empty when it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The prompts, in order.
pub struct Prompts {
    all: IndexMap<String, (Prompt, Recipe)>,
}

impl Default for Prompts {
    fn default() -> Self {
        let prompts = Self { all: IndexMap::new() };
        let about = "Keeps something in the long memory, well tagged";
        let arguments = vec![
            argument("content", "What to remember", true),
            argument("tags", "Tags to give it, separated by commas; chosen from its words when left out", false),
        ];
        let prompts = prompts.with(
            Prompt::new("remember", Some(about), Some(arguments)).with_title("Remember this"),
            Box::new(|_, given| Box::pin(async { Ok(remember(given)) })),
        );
        let about = "Brings what the long memory knows about something into the conversation";
        let arguments = vec![argument("topic", "What it is about: a question or some words", true)];
        let prompts = prompts.with(
            Prompt::new("recall", Some(about), Some(arguments)).with_title("What do I know about…"),
            Box::new(|asker, given| Box::pin(recall(asker, given))),
        );
        let about = "Goes through what was done through the bridge on a day";
        let arguments = vec![argument("date", "The day, YYYY-MM-DD; today when left out", false)];
        prompts.with(
            Prompt::new("review_today", Some(about), Some(arguments)).with_title("Review the day"),
            Box::new(|asker, given| Box::pin(review(asker, given))),
        )
    }
}

impl Prompts {
    /// The same with one more.
    pub fn with(mut self, prompt: Prompt, recipe: Recipe) -> Self {
        self.all.insert(prompt.name.clone(), (prompt, recipe));
        self
    }

    /// Every prompt as it is published.
    pub fn list(&self) -> Vec<Prompt> {
        self.all.values().map(|(prompt, _)| prompt.clone()).collect()
    }

    /// What a prompt says.
    ///
    /// # Errors
    /// For an unknown prompt, a missing argument, and what the tools behind it refuse.
    pub async fn get(&self, asker: &Asker, name: &str, given: JsonObject) -> Result<GetPromptResult, ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("Unknown prompt: {name}"), None);
        let (prompt, recipe) = self.all.get(name).ok_or_else(unknown)?;
        let given = Given(given);
        let arguments = prompt.arguments.iter().flatten();
        let missing: Vec<&str> = arguments
            .filter(|argument| argument.required == Some(true) && given.text(&argument.name).is_empty())
            .map(|argument| argument.name.as_str())
            .collect();
        if !missing.is_empty() {
            let text = format!("The prompt {name} needs {}", missing.join(" and "));
            return Err(ErrorData::invalid_params(text, None));
        }
        let messages = recipe(asker, &given).await.map_err(|error| asker.refusal(&error, None))?;
        let result = GetPromptResult::new(messages);
        Ok(match &prompt.description {
            Some(about) => result.with_description(about),
            None => result,
        })
    }

    /// What an argument may be: the memory's tags, for those that speak of its entries.
    pub async fn complete(&self, asker: &Asker, prompt: &str, argument: &str, begun: &str) -> Vec<String> {
        if !matches!((prompt, argument), ("recall", "topic") | ("remember", "tags")) {
            return vec![];
        }
        let Ok(answer) = asker.call("memory_tags", json!({})).await else { return vec![] };
        let tags = answer.json["items"].as_array().into_iter().flatten().filter_map(|tag| tag["tag"].as_str());
        let begun = begun.to_lowercase();
        tags.filter(|tag| tag.to_lowercase().starts_with(&begun)).map(str::to_owned).collect()
    }
}

fn argument(name: &str, about: &str, required: bool) -> PromptArgument {
    PromptArgument::new(name).with_description(about).with_required(required)
}

fn remember(given: &Given) -> Vec<PromptMessage> {
    let tags = match given.text("tags") {
        "" => "two to four short tags that I would search by".to_owned(),
        tags => format!("the tags {tags}"),
    };
    let text = format!(
        "Keep this in the long memory with memory_add, in words that will be understood without this conversation, \
         with {tags}. See first with memory_recall whether it is there already. Say in one sentence what you kept.\n\n{}",
        given.text("content")
    );
    vec![PromptMessage::new_text(Role::User, text)]
}

async fn recall(asker: &Asker, given: &Given) -> Result<Vec<PromptMessage>> {
    let topic = given.text("topic");
    let tool = if asker.has("memory_recall") { "memory_recall" } else { "memory_query" };
    let answer = asker.call(tool, json!({"query": topic, "limit": 10})).await?.json;
    let entries = answer["items"].as_array().or(answer["results"].as_array()).into_iter().flatten();
    let lines: String = entries
        .map(|entry| {
            let (when, content) = (entry["timestamp"].as_str(), entry["content"].as_str());
            format!("- ({}) {}\n", when.and_then(|when| when.get(..10)).unwrap_or("?"), content.unwrap_or_default())
        })
        .collect();
    let found = if lines.is_empty() { "- nothing\n".to_owned() } else { asker.fitting(lines, "ask for less") };
    let text = format!(
        "This is what my long memory holds about “{topic}”, best first:\n\n{found}\nAnswer from it what you can tell \
         me about “{topic}”, and say which entry each part comes from. Look further with {tool} if it is not enough."
    );
    Ok(vec![PromptMessage::new_text(Role::User, text)])
}

async fn review(asker: &Asker, given: &Given) -> Result<Vec<PromptMessage>> {
    let date = Some(given.text("date")).filter(|date| !date.is_empty());
    let answer = asker.call("memory_history", json!({"date": date})).await?.json;
    let day = answer["date"].as_str().unwrap_or("today").to_owned();
    let lines: String = answer["entries"].as_array().into_iter().flatten().map(|entry| format!("{entry}\n")).collect();
    let lines = asker.fitting(lines, "memory_history has all of it");
    let text = format!(
        "These are the calls of {day} through my bridge, oldest first, one JSON object a line. Tell me in a few \
         sentences what was done and for what, what failed or was refused, and what is left to do. Propose what of \
         it should go into the long memory.\n\n{lines}"
    );
    Ok(vec![PromptMessage::new_text(Role::User, text)])
}
