//! How the person rules a bridge from the command line: over its control socket while it runs, otherwise in its files.

use super::person::Person;
use crate::{
    agents::Agents,
    arguments,
    bridge::Bridge,
    caller::Caller,
    capability::{Capability, Context},
    catalog,
    control::{AgentControl, PASSPHRASE_HEADER, Passphrase, TOKEN_HEADER, passphrase_to_header, read_token},
    env_file,
    error::Error,
    history::{Entry, History},
    owner::{Claim, Owner},
    permissions::Permissions,
    server,
    settings::Secret,
};
use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use reqwest::StatusCode;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a bridge may take to answer. It ends what runs within a second.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a wrong passphrase keeps the folder of a bridge that does not run.
const AFTER_WRONG: Duration = Duration::from_secs(1);

/// What was asked needs the person's passphrase, and came without.
#[derive(Debug, thiserror::Error)]
#[error("your passphrase is needed for this")]
pub(crate) struct PassphraseNeeded;

/// The way to a bridge that runs, as its person.
pub(crate) struct Door {
    folder: PathBuf,
    token: Secret,
}

impl Door {
    /// The way to the bridge of a directory, where one runs that has a control socket.
    ///
    /// # Errors
    /// When there is one and this user cannot come in.
    pub(crate) async fn to(directory: &Path) -> Result<Option<Self>> {
        let folder = Bridge::folder_in(directory);
        match server::control::connect(&folder).await {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(error).context("the control socket is another user's: run this as the user of the bridge");
            }
            Err(_) => return Ok(None),
            Ok(_) => {}
        }
        let token = read_token(&folder).context("you cannot be told from others")?;
        let token = token.with_context(|| {
            format!("{} lacks owner.token, which a bridge makes at its start: start it again", folder.display())
        })?;
        Ok(Some(Self { folder, token }))
    }

    /// A connection to it, for a request that shows [`Self::token`].
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) async fn connect(&self) -> std::io::Result<impl tokio::io::AsyncRead + tokio::io::AsyncWrite + use<>> {
        server::control::connect(&self.folder).await
    }

    /// The header that shows who asks, and its value.
    pub(crate) fn token(&self) -> (&'static str, &str) {
        (TOKEN_HEADER, self.token.expose())
    }

    /// Asks it: `POST` of `body` to `route`, with the passphrase where that is given.
    ///
    /// # Errors
    /// When it does not answer, or refuses; the message says how to fix it. [`PassphraseNeeded`] where that is the matter.
    pub(crate) async fn ask(&self, route: &str, body: &Value, passphrase: Option<&Secret>) -> Result<Value> {
        let (name, token) = self.token();
        let mut request = hyper::Request::post(route)
            .header(hyper::header::HOST, "localhost")
            .header(hyper::header::CONTENT_TYPE, "application/json")
            .header(name, token);
        if let Some(passphrase) = passphrase {
            request = request.header(PASSPHRASE_HEADER, passphrase_to_header(passphrase));
        }
        let request =
            request.body(Full::new(Bytes::from(body.to_string()))).context("a request can be made of this")?;
        let asked = async {
            let stream = TokioIo::new(self.connect().await?);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
            // It ends with the answer; what goes wrong in it, the answer shows.
            tokio::spawn(connection);
            let reply = sender.send_request(request).await?;
            let status = reply.status();
            anyhow::Ok((status, reply.into_body().collect().await?.to_bytes()))
        };
        let reply = tokio::time::timeout(TIMEOUT, asked).await.context("the bridge does not answer")?;
        let (status, bytes) = reply.context("the bridge does not answer on its control socket")?;
        ensure!(status != StatusCode::UNAUTHORIZED, PassphraseNeeded);
        let answer = serde_json::from_slice(&bytes).context("the bridge answers what this program does not know")?;
        answered(status, answer)
    }
}

/// Has something done with the agents of a person's bridge: by the bridge while it runs, otherwise in its files. Where that
/// needs the passphrase, the person is asked for it.
///
/// # Errors
/// When it is refused, or the bridge can neither be reached nor stand still; the message says how to fix it.
pub(crate) async fn with_agents<C>(person: &Person<'_>, request: C) -> Result<C::Output>
where
    C: Capability + Clone + Serialize,
    C::Output: DeserializeOwned,
    AgentControl: AsRef<C::Service>,
{
    let directory = person.directory;
    let done = asked_of_agents(directory, request.clone(), person.given()).await;
    match is_passphrase_needed(&done, person) {
        true => asked_of_agents(directory, request, Some(person.ask().await?)).await,
        false => done,
    }
}

/// Whether it was not done only since the person was not asked for the passphrase yet.
fn is_passphrase_needed<T>(done: &Result<T>, person: &Person<'_>) -> bool {
    person.given().is_none() && done.as_ref().is_err_and(anyhow::Error::is::<PassphraseNeeded>)
}

async fn asked_of_agents<C>(directory: &Path, request: C, passphrase: Option<Secret>) -> Result<C::Output>
where
    C: Capability + Serialize,
    C::Output: DeserializeOwned,
    AgentControl: AsRef<C::Service>,
{
    if let Some(door) = Door::to(directory).await? {
        return ask(&door, &request, passphrase.as_ref()).await;
    }
    let folder = Bridge::folder_in(directory);
    let owner = match Owner::claim(&folder).with_context(|| format!("{} cannot be used", folder.display()))? {
        Claim::Owned(owner) => owner,
        Claim::HeldBy(held) => bail!("{held}: it has no control socket; stop it, then say this again"),
    };
    let agents = Arc::new(Agents::open(&folder)?);
    if let Some(permissions) = permissions(directory) {
        agents.follow_profiles(permissions);
    }
    let control = AgentControl::new(agents, Passphrase::open(&folder));
    let done = run_here(request, &control, &folder, passphrase).await?;
    if matches!(&done, Err(error) if matches!(error.kind(), Error::WrongPassphrase)) {
        // The next one is tried only then, by whatever program.
        tokio::time::sleep(AFTER_WRONG).await;
    }
    owner.release();
    done.map_err(|error| match (error.kind(), error.hint()) {
        (Error::PassphraseNeeded, _) => PassphraseNeeded.into(),
        (_, Some(hint)) => anyhow::anyhow!("{error}. {hint}"),
        _ => anyhow::anyhow!("{error}"),
    })
}

/// Does it in this process, with its line in the history of the folder, which is this process's.
async fn run_here<C>(
    request: C,
    control: &AgentControl,
    folder: &Path,
    passphrase: Option<Secret>,
) -> Result<crate::Result<C::Output>>
where
    C: Capability + Serialize,
    AgentControl: AsRef<C::Service>,
{
    let asked = serde_json::to_value(&request)?;
    let (started, context) = (Instant::now(), Context::new(Caller::person()).with_passphrase(passphrase));
    let done = request.run(control.as_ref(), &context).await;
    if let Some(action) = C::ACTION {
        let said = context.recorded().lock().expect("no one panics while holding it").take();
        let history = History::open(folder.join("history"))?;
        history.record(Entry {
            action,
            details: arguments::details(said.unwrap_or(asked), &[]),
            caller: Caller::PERSON.to_owned(),
            outcome: done.as_ref().map_or_else(crate::Error::outcome, |_| "ok"),
            duration_ms: started.elapsed().as_secs_f64() * 1000.0,
        });
        history.close();
    }
    Ok(done)
}

/// What the person's file says; none where it cannot be told: an agent must be revoked all the same.
fn permissions(directory: &Path) -> Option<Arc<Permissions>> {
    let settings = env_file::load(directory).ok()?;
    Permissions::open(directory, Arc::new(settings), catalog::tools()).ok().map(Arc::new)
}

/// Has something done by the bridge of a person, which must run for it. Where that needs the passphrase, the person is asked
/// for it.
///
/// # Errors
/// When none runs, or it refuses.
pub(crate) async fn with_bridge<C>(person: &Person<'_>, request: C) -> Result<C::Output>
where
    C: Capability + Serialize,
    C::Output: DeserializeOwned,
{
    let directory = person.directory;
    let done = ask_bridge(directory, &request, person.given().as_ref()).await;
    match is_passphrase_needed(&done, person) {
        true => ask_bridge(directory, &request, Some(&person.ask().await?)).await,
        false => done,
    }
}

/// Has something done by the bridge of a directory, which must run for it.
///
/// # Errors
/// When none runs, or it refuses. [`PassphraseNeeded`] where that is the matter.
pub(crate) async fn ask_bridge<C>(directory: &Path, request: &C, passphrase: Option<&Secret>) -> Result<C::Output>
where
    C: Capability + Serialize,
    C::Output: DeserializeOwned,
{
    match Door::to(directory).await? {
        Some(door) => ask(&door, request, passphrase).await,
        None => {
            bail!("no bridge runs in {}: name the folder of the one that does with --directory", directory.display())
        }
    }
}

async fn ask<C>(door: &Door, request: &C, passphrase: Option<&Secret>) -> Result<C::Output>
where
    C: Capability + Serialize,
    C::Output: DeserializeOwned,
{
    let route = C::ROUTE.map_or_else(|| format!("/{}", C::NAME.replacen('_', "/", 1)), str::to_owned);
    let mut fields = json!(request);
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let answer = door.ask(&route, &fields, passphrase).await?;
    serde_json::from_value(answer).context("the bridge is of another version than this program: restart it")
}

/// An answer of a bridge, or why it refused.
///
/// # Errors
/// When it did, in its own words.
pub(crate) fn answered(status: StatusCode, answer: Value) -> Result<Value> {
    let said = |field: &str| match &answer[field] {
        Value::Array(problems) => {
            let all = problems.iter().filter_map(|problem| problem["msg"].as_str());
            Some(all.collect::<Vec<_>>().join("; "))
        }
        text => text.as_str().map(str::to_owned),
    };
    let why = || [said("detail"), said("hint")].into_iter().flatten().collect::<Vec<_>>().join(". ");
    ensure!(status.is_success(), "{}", Some(why()).filter(|why| !why.is_empty()).unwrap_or_else(|| status.to_string()));
    Ok(answer)
}
