//! The catalog: everything the bridge can do, each capability without the types of its request and its answer. Faces are
//! plain loops over it.

use crate::{
    approvals,
    arguments::{self, Arguments, Ignored, Whole},
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context, Medium},
    control,
    envelope::{Answer, Envelope},
    error::Result,
    filesystem, internet, memory,
    permissions::{Needs, Subjects, Tool},
    sandbox,
    services::Services,
    terminal::{self, processes},
};
use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;
use std::{
    borrow::Cow,
    io::Write,
    sync::{Arc, LazyLock},
};

/// A type as generators of schemas know it.
#[derive(Clone, Copy)]
pub struct Type {
    /// What definitions of it are called, unless another type took the name.
    pub name: fn() -> Cow<'static, str>,
    /// Its schema where another one refers to it.
    pub reference: fn(&mut SchemaGenerator) -> Schema,
    /// Its schema by itself.
    pub root: fn(SchemaGenerator) -> Schema,
}

impl Type {
    /// That of a Rust type.
    pub fn of<T: JsonSchema>() -> Self {
        Self {
            name: T::schema_name,
            reference: SchemaGenerator::subschema_for::<T>,
            root: SchemaGenerator::into_root_schema_for::<T>,
        }
    }

    /// Its schema by itself, as it is written.
    pub fn schema(&self) -> Value {
        (self.root)(SchemaGenerator::default()).into()
    }
}

/// An answer whose type only its capability knows.
pub trait Reply: Send {
    /// Takes out of it what a face shows as what it is: [`Capability::media`].
    fn media(&mut self) -> Vec<Medium>;
    /// What of it a model needs not: [`Capability::aside`].
    fn aside(&self) -> &'static [&'static str];
    /// Writes it as JSON, with the fields that did not count.
    fn write(&self, ignored: &[Ignored], to: &mut dyn Write);
    /// It as JSON, with room for so many bytes from the start.
    fn to_json(&self, ignored: &[Ignored], capacity: usize) -> Vec<u8>;
    /// It as a value.
    fn to_value(&self, ignored: &[Ignored]) -> Value;
}

impl<C: Capability> Reply for Envelope<C> {
    fn media(&mut self) -> Vec<Medium> {
        C::media(&mut self.output)
    }

    fn aside(&self) -> &'static [&'static str] {
        C::aside(&self.output)
    }

    fn write(&self, ignored: &[Ignored], to: &mut dyn Write) {
        serde_json::to_writer(to, &Answer { envelope: self, ignored }).expect("an answer is plain data");
    }

    fn to_json(&self, ignored: &[Ignored], capacity: usize) -> Vec<u8> {
        let mut json = Vec::with_capacity(capacity);
        serde_json::to_writer(&mut json, &Answer { envelope: self, ignored }).expect("an answer is plain data");
        json
    }

    fn to_value(&self, ignored: &[Ignored]) -> Value {
        serde_json::to_value(Answer { envelope: self, ignored }).expect("an answer is plain data")
    }
}

/// A call that is decoded and not done yet.
pub(crate) trait Prepared: Send {
    /// What it is about: [`Capability::subjects`].
    fn subjects(&self, services: &Services, needs: Needs) -> Subjects;
    /// Does it. Only the bridge does: it asks first whether the caller may.
    fn run<'a>(self: Box<Self>, services: &'a Services, context: &'a Context) -> BoxFuture<'a, Result<Box<dyn Reply>>>;
}

struct Decoded<C>(C);

impl<C: Capability> Prepared for Decoded<C>
where
    Services: AsRef<C::Service>,
{
    fn subjects(&self, services: &Services, needs: Needs) -> Subjects {
        self.0.subjects(services.as_ref(), needs)
    }

    fn run<'a>(self: Box<Self>, services: &'a Services, context: &'a Context) -> BoxFuture<'a, Result<Box<dyn Reply>>> {
        Box::pin(async move {
            let output = self.0.run(services.as_ref(), context).await?;
            Ok(Box::new(Envelope::<C>::around(output)) as Box<dyn Reply>)
        })
    }
}

type Prepare = for<'a> fn(&'a Context, Arguments) -> BoxFuture<'a, Result<Box<dyn Prepared>>>;

/// A capability. What is said of it here is said in [`Capability`].
pub struct Entry {
    /// `module_action`, the tool's name.
    pub name: &'static str,
    /// `/module/action`, or what it says itself.
    pub route: String,
    /// What the caller must be allowed.
    pub access: Access,
    /// Why the person is asked about each call, whatever the profile says.
    pub asks: Option<&'static str>,
    /// Whether calling it again changes nothing more.
    pub idempotent: bool,
    /// Whether it may overwrite or remove what was there.
    pub destructive: bool,
    /// Whether the fields may also come from the query string.
    pub from_query: bool,
    /// Whether it runs a program whose output can be told while it runs.
    pub streams_output: bool,
    /// The fields of its answer that hold what a program wrote.
    pub output_fields: &'static [&'static str],
    /// The name of its history lines.
    pub action: Option<&'static str>,
    /// A request as JSON.
    pub example: &'static str,
    /// How to get a medium that is too large for a face.
    pub full_media: Option<&'static str>,
    /// The first line of its doc comment, without its full stop.
    pub title: String,
    /// The title and what follows it up to the next blank line: what a model needs to choose it.
    pub brief: String,
    /// All of the comment, for readers who see only one of the two.
    pub about: String,
    /// What it takes.
    pub request: Type,
    /// What it answers.
    pub answer: Type,
    preview: fn(&Arguments, &[String]) -> Value,
    whole: fn(&Arguments, &[String]) -> Whole,
    prepare: Prepare,
}

impl Entry {
    /// That of a capability.
    pub fn of<C: Capability>() -> Self
    where
        Services: AsRef<C::Service>,
    {
        let request = Type::of::<C>();
        let Words { title, brief, about } = Words::of(&request.schema());
        Self {
            name: C::NAME,
            route: C::ROUTE.map_or_else(|| format!("/{}", C::NAME.replacen('_', "/", 1)), str::to_owned),
            access: C::ACCESS,
            asks: C::ASKS,
            idempotent: C::IDEMPOTENT,
            destructive: C::DESTRUCTIVE,
            from_query: C::FROM_QUERY,
            streams_output: C::STREAMS_OUTPUT,
            output_fields: C::OUTPUT,
            action: C::ACTION,
            example: C::EXAMPLE,
            full_media: C::FULL_MEDIA,
            title,
            brief,
            about,
            request,
            answer: Type::of::<Envelope<C>>(),
            preview: preview::<C>,
            whole: arguments::whole::<C>,
            prepare: |context, arguments| {
                Box::pin(async move {
                    let request = decode::<C>(arguments, context).await?;
                    Ok(Box::new(Decoded(request)) as Box<dyn Prepared>)
                })
            },
        }
    }

    /// A call's arguments, as its history line shows them.
    pub(crate) fn preview(&self, arguments: &Arguments, secrets: &[String]) -> Value {
        (self.preview)(arguments, secrets)
    }

    /// A call's arguments, as the person sees them who is asked about it.
    pub(crate) fn whole(&self, arguments: &Arguments, secrets: &[String]) -> Whole {
        (self.whole)(arguments, secrets)
    }

    /// Decodes a call.
    pub(crate) fn prepare<'a>(
        &self,
        context: &'a Context,
        arguments: Arguments,
    ) -> BoxFuture<'a, Result<Box<dyn Prepared>>> {
        (self.prepare)(context, arguments)
    }
}

/// A call's arguments, as the history line of a capability shows them.
pub(crate) fn preview<C: Capability>(arguments: &Arguments, secrets: &[String]) -> Value {
    arguments::preview::<C>(arguments, C::IS_RECORDED, secrets)
}

/// Decodes what a capability takes. What is large is held within the limits, and decoded where nobody waits for it.
pub(crate) async fn decode<C: Capability>(arguments: Arguments, context: &Context) -> Result<C> {
    let arguments = arguments.for_a_change(C::ACCESS != Access::Read);
    if !arguments.is_large() {
        return context.take_decoded(arguments.decode());
    }
    let (size, arguments) = blocking(move || (arguments.decoded_size::<C>(), arguments)).await?;
    context.holding.more(size).await?;
    context.take_decoded(blocking(move || arguments.decode()).await?)
}

/// What a doc comment says to each of its readers.
struct Words {
    title: String,
    brief: String,
    about: String,
}

impl Words {
    fn of(schema: &Value) -> Self {
        let text = schema["description"].as_str().unwrap_or_default();
        let paragraphs: Vec<&str> = text.split("\n\n").collect();
        let first = |count| paragraphs[..paragraphs.len().min(count)].join(" ");
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { title: plain(&first(1)).trim_end_matches('.').to_owned(), brief: plain(&first(2)), about: plain(text) }
    }
}

macro_rules! entries {
    ($($capability:ty),* $(,)?) => { vec![$(Arc::new(Entry::of::<$capability>())),*] };
}

/// Everything the bridge can do, in a reader's order; made once.
pub fn everything() -> &'static [Arc<Entry>] {
    &EVERYTHING
}

/// Every capability as a permission file names it.
pub fn tools() -> Vec<Tool> {
    everything().iter().map(|entry| Tool { name: entry.name, access: entry.access }).collect()
}

/// A new capability is one line here.
static EVERYTHING: LazyLock<Vec<Arc<Entry>>> = LazyLock::new(|| {
    entries![
        filesystem::ReadFile,
        filesystem::ReadMany,
        filesystem::WriteFile,
        filesystem::EditFile,
        filesystem::PatchFiles,
        filesystem::ListDirectory,
        filesystem::SearchFiles,
        filesystem::StatPath,
        filesystem::ShowTree,
        filesystem::MakeDirectory,
        filesystem::MovePath,
        filesystem::CopyPath,
        filesystem::DeletePath,
        filesystem::UploadStatus,
        filesystem::PackArchive,
        filesystem::ExtractArchive,
        filesystem::ListChanges,
        filesystem::UndoChanges,
        terminal::ExecuteCommand,
        terminal::CheckCommand,
        terminal::TerminalInfo,
        processes::StartProcess,
        processes::PollProcess,
        processes::SendInput,
        processes::WaitFor,
        processes::ListProcesses,
        processes::SearchOutput,
        processes::SignalProcess,
        processes::StopProcess,
        processes::ResizeTerminal,
        processes::OpenTicket,
        memory::AddEntry,
        memory::AddEntries,
        memory::QueryMemory,
        memory::RecallMemory,
        memory::GetEntry,
        memory::ListEntries,
        memory::UpdateEntry,
        memory::DeleteEntries,
        memory::ListTags,
        memory::ExportEntries,
        memory::ImportEntries,
        memory::ReadHistory,
        memory::ClearMemory,
        memory::RestoreEntries,
        internet::FetchUrl,
        internet::SearchWeb,
        sandbox::RunCode,
        sandbox::BuildImage,
        sandbox::StartSession,
        sandbox::RunInSession,
        sandbox::SessionFiles,
        sandbox::ListSessions,
        sandbox::StopSession,
        sandbox::ExecuteNotebook,
        approvals::RequestPermission,
    ]
});

/// What only the person may do, in a reader's order; made once. No face shows it to agents.
pub(crate) fn control() -> &'static [Arc<Entry>] {
    &CONTROL
}

static CONTROL: LazyLock<Vec<Arc<Entry>>> = LazyLock::new(|| {
    entries![
        control::AddAgent,
        control::ListAgents,
        control::SetAgent,
        control::RotateAgent,
        control::RevokeAgent,
        control::PauseAgents,
        control::ResumeAgents,
        control::ListRunning,
        control::CancelCall,
        control::StopAll,
        control::ListQuestions,
        control::ShowQuestion,
        control::Approve,
        control::Deny,
        control::ListAnswers,
        control::RevokeAnswer,
        control::SetPassphrase,
        control::CheckPassphrase,
        control::OpenPage,
        control::ConsentCode,
        control::BeginSession,
        control::EndSessions,
    ]
});
