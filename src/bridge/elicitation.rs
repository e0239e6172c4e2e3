//! The person is asked in the agent's own client, where the settings trust it to ask a person.

use super::{Bridge, Record};
use crate::{
    approvals::{Chosen, Question, Scope},
    caller::Caller,
    capability::Context,
    control::Passphrase,
    error::Result,
    legible,
};
use serde_json::json;

/// The longest question that a client is given, in bytes: a yes must be to all of it, and dialogs are small.
const LONGEST: usize = 4000;

/// In the history as what it is like.
const YES: &str = "control_approve";
const NO: &str = "control_deny";

impl Bridge {
    /// Asks through the client of a call, and answers the question by what the person says there. Where there is a passphrase
    /// no client is asked: none can show that a person said yes. Nor does a yes count where the same call waits more than once:
    /// the client's dialog does not say so. Never ends: the answer ends what waits for it.
    pub(super) async fn ask_the_client(&self, context: &Context, question: &Question) {
        if let Some(ask) = context.asker()
            && !Passphrase::is_set_in(self.folder())
            && let Some(text) = in_words(question)
            && let Some(is_yes) = ask(text).await
            && let Some((id, calls)) = self.approvals().waiting_as(question)
            && (calls == 1 || !is_yes)
        {
            let client = question.client.clone().unwrap_or_default();
            let (person, action) = (Context::new(Caller::person()), if is_yes { YES } else { NO });
            let mut record = Record::begin(self, &person, Some(action), || json!({"id": id, "asked_by": client}));
            record.ends(&self.take(&person, is_yes, id).await);
        }
        std::future::pending::<()>().await;
    }

    async fn take(&self, person: &Context, is_yes: bool, id: String) -> Result<()> {
        let chosen = Chosen::One(id);
        if is_yes {
            // One may have been set while the client asked.
            self.services().control.of_agents.confirm(person).await?;
        }
        match is_yes {
            true => self.approvals().approve(&chosen, Scope::Once).map(drop),
            false => self.approvals().deny(&chosen, Some("The person said no in the client")).map(drop),
        }
    }
}

/// A question whole; none for one that is too long for a dialog, or of which something is not shown.
fn in_words(question: &Question) -> Option<String> {
    if question.is_masked || question.left_out > 0 {
        return None;
    }
    let pretty = |value| serde_json::to_string_pretty(value).expect("it is plain data");
    let (agent, tool, why) = (&question.agent, question.tool, &question.why);
    let mut text = format!("{agent} waits to use {tool}. {why}\n\n{}", pretty(&question.arguments));
    for part in question.reading.as_ref().map(pretty).iter().chain(&question.diff) {
        text.extend(["\n\n", part]);
    }
    let text = legible::escaped(&text);
    (text.len() <= LONGEST).then_some(text)
}
