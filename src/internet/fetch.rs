//! Fetches one URL, within one deadline.

use super::{
    Internet, Saved,
    answer::{self, Body, upstream},
    form::{Content, Form},
};
use crate::{
    caller::Access,
    capability::{Capability, Context, Medium},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{SafeUrl, host_of},
};
use bytes::Bytes;
use indexmap::IndexMap;
use reqwest::{
    Method, Response,
    header::{
        ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
        HeaderValue, LOCATION, RANGE, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;

/// Who fetches, unless the caller says otherwise.
const AGENT: HeaderValue = HeaderValue::from_static("MCP-Server/1.0 (AI-Proxy)");

/// What the connection itself says; a caller's word would only break it.
const OF_THE_CONNECTION: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, TE, TRANSFER_ENCODING, UPGRADE];

/// What another server may see that the first one redirects to. Every other header is for the first one alone: it may open
/// it, whatever its name.
const FOR_ANYONE: [HeaderName; 6] = [ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_TYPE, RANGE, USER_AGENT];

/// Fetch a URL over HTTP or HTTPS.
///
/// For web pages, APIs and downloads: gives status, headers and text; `as` and `save_to` for pictures, documents and
/// files.
///
/// Sends one request. A 4xx or 5xx of the server is a success here. Addresses inside this machine's own networks are
/// refused.
#[derive(Deserialize, JsonSchema)]
pub struct FetchUrl {
    /// Where to. It begins with `http://` or `https://`.
    url: String,
    /// `GET`, `POST`, `PUT`, `DELETE` or `PATCH`. In any case.
    #[serde(default = "default_method")]
    method: String,
    /// Headers to send. Those of the connection itself (such as `Content-Length`) are left out.
    headers: Option<IndexMap<String, String>>,
    /// What to send with POST, PUT or PATCH. Other methods send none.
    body: Option<String>,
    /// In seconds. How long all of it may take.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    timeout: u64,
    /// Whether to follow redirects. At most 10, each checked as the URL is. To another origin only common headers go
    /// along, and no body: a redirect that asks to send it there is the answer.
    #[serde(default)]
    follow_redirects: bool,
    /// What to return. `text`; `base64` for the bytes, a picture for one; `document`: the text of a PDF, DOCX, XLSX,
    /// ODT, ODS, PPTX or EPUB; `file`: only in the file that `save_to` names.
    #[serde(default, rename = "as")]
    form: Form,
    /// A new file to save the body to. It is saved as it is, and nothing is shown of it then.
    save_to: Option<String>,
    /// Whether errors are saved, too. What comes with another status than 2xx: an error's page, a redirect.
    #[serde(default)]
    save_errors: bool,
}

fn default_method() -> String {
    "GET".to_owned()
}

fn default_timeout() -> u64 {
    30
}

/// What the server answered.
#[derive(Serialize, JsonSchema)]
pub struct FetchOutput {
    /// The URL as sent.
    url: String,
    /// The method as sent.
    method: String,
    /// The status of the answer, such as 200.
    status_code: u16,
    /// The headers of the answer, names in lower case, repeated ones joined by `, `.
    headers: IndexMap<String, String>,
    /// The decoded text, at most 10,000,000 characters; what was cut ends with `[... truncated]`.
    content: String,
    /// The header `Content-Type` of the answer, where there is one.
    content_type: Option<String>,
    /// The length of `content` in characters; of what is no text in bytes.
    size: usize,
    /// `base64`, `document` or `file`, where it is not `text`.
    #[serde(rename = "as", skip_serializing_if = "Form::is_text")]
    form: Form,
    /// What kind of data it is, where it is no text: `application/pdf`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    /// How to get what is no text, and so is not in `content`; why nothing was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// Where it was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<Saved>,
    /// The URL that answered, where redirects led elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    final_url: Option<String>,
}

impl Capability for FetchUrl {
    const NAME: &'static str = "internet_fetch";
    const ACCESS: Access = Access::Network;
    const EXAMPLE: &'static str = r#"{"url": "https://example.com/"}"#;
    const FULL_MEDIA: Option<&'static str> = Some("internet_fetch with save_to writes it to a file");
    type Service = Internet;
    type Output = FetchOutput;

    fn aside(_: &FetchOutput) -> &'static [&'static str] {
        &["url", "method", "as", "size"]
    }

    fn media(output: &mut FetchOutput) -> Vec<Medium> {
        let picture = Content::picture(output.mime_type.as_deref(), output.form, &mut output.content);
        picture.into_iter().collect()
    }

    fn subjects(&self, internet: &Internet, needs: Needs) -> Subjects {
        let saved = self.save_to.as_ref().map(|path| (internet.receivers.about)(needs, path)).unwrap_or_default();
        let is_plain = matches!(self.method.to_ascii_uppercase().as_str(), "GET");
        Subjects { host: host_of(&self.url), can_be_undone: is_plain, ..saved }
    }

    async fn run(mut self, internet: &Internet, context: &Context) -> Result<FetchOutput> {
        self.form = self.wanted_form()?;
        if let Some(path) = &self.save_to {
            (internet.receivers.check)(context, path)?;
        }
        let limit = Duration::from_secs(self.timeout);
        let fetched = tokio::time::timeout(limit, self.fetch(internet, context)).await;
        fetched.unwrap_or_else(|_| Err(Error::TimedOut("Request timed out".into())))
    }
}

fn not_saved(status: u16) -> String {
    format!("Nothing was saved: the status is {status}, so this is not the file. save_errors true saves it anyway")
}

impl FetchUrl {
    /// A path to save to asks for a file, and a file for a path.
    fn wanted_form(&self) -> Result<Form> {
        match (self.form, &self.save_to) {
            (Form::File, None) => Err(Error::invalid("save_to", "Name the file to save it to")),
            (Form::Base64 | Form::Document, Some(_)) => {
                Err(Error::invalid("save_to", "What is saved is not shown as well: leave out either this or as"))
            }
            (_, Some(_)) => Ok(Form::File),
            (form, None) => Ok(form),
        }
    }

    async fn fetch(self, internet: &Internet, context: &Context) -> Result<FetchOutput> {
        let mut request = Request {
            method: self.known_method()?,
            headers: self.header_map()?,
            body: self.body.clone().map(Bytes::from),
            url: internet.checked(&self.url, None).await?,
        };
        let mut answer = request.send(internet).await?;
        for followed in 1.. {
            let Some(location) = location(&answer).filter(|_| self.follow_redirects) else { break };
            if followed > MAX_REDIRECTS {
                return Err(Error::Upstream(format!("HTTP error: more than {MAX_REDIRECTS} redirects")));
            }
            let next = internet.checked(&location, Some(&request.url)).await?;
            if !request.redirect(next, answer.status().as_u16()) {
                break;
            }
            answer = request.send(internet).await?;
        }
        self.output(answer, &request.url, internet, context).await
    }

    async fn output(
        mut self,
        answer: Response,
        from: &SafeUrl,
        internet: &Internet,
        context: &Context,
    ) -> Result<FetchOutput> {
        let status_code = answer.status().as_u16();
        let is_kept_out = self.form == Form::File && !answer.status().is_success() && !self.save_errors;
        if is_kept_out {
            self.form = Form::Text;
        }
        let headers = answer::joined(answer.headers());
        let content_type = headers.get(CONTENT_TYPE.as_str()).cloned();
        let name = from.url().path_segments().and_then(|mut all| all.next_back()).unwrap_or_default();
        let body = Body::of(answer).await?;
        let formed = internet.formed(body, self.form, name, self.save_to.as_deref(), context).await?;
        let Content { content, size, mime_type, hint, saved } = formed;
        let hint = if is_kept_out { Some(not_saved(status_code)) } else { hint };
        let final_url = (from.url().as_str() != self.url && self.follow_redirects).then(|| from.url().to_string());
        let (url, method) = (self.url, self.method);
        Ok(FetchOutput {
            url,
            method,
            status_code,
            headers,
            content,
            content_type,
            size,
            form: self.form,
            mime_type,
            hint,
            saved,
            final_url,
        })
    }

    fn known_method(&self) -> Result<Method> {
        match self.method.to_ascii_uppercase().as_str() {
            "GET" => Ok(Method::GET),
            "POST" => Ok(Method::POST),
            "PUT" => Ok(Method::PUT),
            "DELETE" => Ok(Method::DELETE),
            "PATCH" => Ok(Method::PATCH),
            _ => Err(Error::Unusable("Invalid HTTP method".into())),
        }
    }

    fn header_map(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, AGENT);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(answer::ENCODINGS));
        for (name, value) in self.headers.iter().flatten() {
            let invalid = |what: &str| Error::invalid("headers", format!("{name:?} is not {what} of an HTTP header"));
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid("the name"))?;
            let value = HeaderValue::from_str(value.trim()).map_err(|_| {
                invalid("followed by the value: it must have no line breaks or control characters, which is none")
            })?;
            if !OF_THE_CONNECTION.contains(&key) {
                headers.insert(key, value);
            }
        }
        Ok(headers)
    }
}

/// One request, as it goes from redirect to redirect.
struct Request {
    method: Method,
    headers: HeaderMap,
    body: Option<Bytes>,
    url: SafeUrl,
}

impl Request {
    async fn send(&self, internet: &Internet) -> Result<Response> {
        let client = internet.client(&self.url).map_err(Error::internal)?;
        let mut request = client.request(self.method.clone(), self.url.url().clone()).headers(self.headers.clone());
        if let Some(body) = self.sent_body() {
            request = request.body(body.clone());
        }
        request.send().await.map_err(|error| upstream(&error))
    }

    /// As the Fetch standard redirects (section 4.4): 303, and 301 and 302 of a POST, become a GET. False, and nothing
    /// changed, where a body would go to another origin than the caller named: it may be a secret.
    fn redirect(&mut self, next: SafeUrl, status: u16) -> bool {
        let becomes_get = status == 303 || self.method == Method::POST && matches!(status, 301 | 302);
        let is_elsewhere = next.url().origin() != self.url.url().origin();
        if is_elsewhere && !becomes_get && self.sent_body().is_some() {
            return false;
        }
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            self.headers.remove(CONTENT_TYPE);
        }
        if is_elsewhere {
            let named = std::mem::take(&mut self.headers);
            let kept = |name: HeaderName| named.get(&name).cloned().map(|value| (name, value));
            self.headers.extend(FOR_ANYONE.into_iter().filter_map(kept));
        }
        self.url = next;
        true
    }

    /// The body, with the methods that have one.
    fn sent_body(&self) -> Option<&Bytes> {
        self.body.as_ref().filter(|_| matches!(self.method, Method::POST | Method::PUT | Method::PATCH))
    }
}

/// Where a redirect leads.
fn location(answer: &Response) -> Option<String> {
    let redirects = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    answer.headers().get(LOCATION).filter(|_| redirects).map(answer::header_text)
}
