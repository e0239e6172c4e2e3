//! The page on which the person lets a client in. It has no script: a form, and what the bridge knows for sure of who asks.

use super::{
    AUTHORIZE, Server,
    words::{self, Words},
};
use crate::{
    blocking::blocking,
    error::Result,
    legible,
    oauth::{Asked, Consent, OAuth, Problem, Question, Unaskable},
};
use axum::{
    Form,
    extract::{Query, rejection::FormRejection},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::{fmt::Write as _, sync::Arc};

/// What the page may do: load its style. No script, no frame around it.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the person sent.
#[derive(Deserialize)]
pub(super) struct Answer {
    request: String,
    decision: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    agent: String,
    #[serde(default)]
    profile: String,
}

/// What the form shows besides the question.
struct Filled {
    agent: String,
    profile: String,
    problem: Option<(StatusCode, String)>,
}

/// Asks the person.
pub(super) async fn ask(server: Server, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    let (axum::Extension(oauth), words) = (server, words(&headers));
    match oauth.ask(asked).await {
        Ok(question) => {
            let agent = oauth.name_for(&question);
            let profile = oauth.profile_for(&question, &agent);
            form(&oauth, words, &question, Filled { agent, profile, problem: None })
        }
        Err(Unaskable::Redirect(url)) => to(url.as_str()),
        Err(Unaskable::Page(problem)) => nothing(words, &problem),
    }
}

/// Takes the person's answer.
pub(super) async fn answer(
    server: Server,
    headers: HeaderMap,
    form: std::result::Result<Form<Answer>, FormRejection>,
) -> Response {
    let (axum::Extension(oauth), words) = (server, words(&headers));
    let answer = match form {
        Ok(Form(answer)) => answer,
        Err(why) => return nothing(words, &Problem::new(crate::oauth::Reason::InvalidRequest, why.to_string())),
    };
    if answer.decision != "allow" {
        let refused = oauth.refuse(&answer.request);
        return refused.map_or_else(|| nothing(words, &Problem::from(crate::oauth::gone())), |url| to(url.as_str()));
    }
    match let_in(oauth.clone(), &answer).await {
        Ok(url) => to(&url),
        Err(error) => match oauth.question(&answer.request) {
            Some(question) => {
                let text = error.to_string();
                let problem = Some((error.into_response().status(), text));
                let Answer { agent, profile, .. } = answer;
                self::form(&oauth, words, &question, Filled { agent, profile, problem })
            }
            None => nothing(words, &Problem::from(error)),
        },
    }
}

async fn let_in(oauth: Arc<OAuth>, answer: &Answer) -> Result<String> {
    let Answer { request, code, agent, profile, .. } = answer;
    let [id, code, agent, profile] = [request, code, agent, profile].map(Clone::clone);
    let consent = move || oauth.consent(&Consent { id: &id, code: &code, agent: agent.trim(), profile: &profile });
    blocking(consent).await?.map(String::from)
}

pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page.css")).into_response()
}

fn words(headers: &HeaderMap) -> &'static Words {
    let languages = headers.get(ACCEPT_LANGUAGE).and_then(|languages| languages.to_str().ok());
    words::for_reader(languages.unwrap_or_default())
}

/// The form that asks.
fn form(oauth: &OAuth, words: &Words, question: &Question, filled: Filled) -> Response {
    let place = question.place();
    let mut body = String::new();
    let [before, behind] = words.asks;
    let _ = write!(body, "<h1>{before}<b>{}</b>{behind}</h1>", escaped(&place));
    if let Some((_, problem)) = &filled.problem {
        let _ = write!(body, "<p class=\"error\" role=\"alert\">{}</p>", escaped(problem));
    }
    body.push_str(&known(words, question));
    let action = format!("<form method=\"post\" action=\"{AUTHORIZE}\" autocomplete=\"off\">");
    let id = format!("<input type=\"hidden\" name=\"request\" value=\"{}\">", escaped(&question.id));
    let _ = write!(body, "{action}{id}<fieldset><legend>{}</legend>", words.profile);
    for profile in oauth.profiles() {
        let about = words.presets.iter().find(|(name, _)| *name == profile).map_or(words.own, |(_, about)| about);
        let checked = if profile == filled.profile { " checked" } else { "" };
        let name = escaped(&profile);
        let _ = write!(
            body,
            "<label><input type=\"radio\" name=\"profile\" value=\"{name}\"{checked} required><span>{name}</span><small>{about}</small></label>"
        );
    }
    let _ = write!(
        body,
        "</fieldset><label class=\"field\"><span class=\"label\">{}</span><input type=\"text\" name=\"agent\" value=\"{}\" \
         maxlength=\"64\" required></label>\
         <label class=\"field\"><span class=\"label\">{}</span><input type=\"text\" class=\"code\" name=\"code\" maxlength=\"12\" \
         autocapitalize=\"characters\" spellcheck=\"false\" placeholder=\"XXXX-XXXX\"></label><p class=\"soft\">{}</p>\
         <div class=\"buttons\"><button class=\"yes\" name=\"decision\" value=\"allow\">{}</button>\
         <button name=\"decision\" value=\"deny\">{}</button></div></form><p class=\"soft\">{}</p>",
        words.agent,
        escaped(&filled.agent),
        words.code,
        coded(words.how),
        words.allow,
        words.deny,
        coded(words.take_back)
    );
    let status = filled.problem.map_or(StatusCode::OK, |(status, _)| status);
    page(status, words, &body)
}

/// What is known of who asks: what it proves, and, said to be no proof, what it calls itself.
fn known(words: &Words, question: &Question) -> String {
    let mut list = String::from("<dl>");
    let mut add = |term: &str, text: &str| {
        let _ = write!(list, "<dt>{term}</dt><dd>{}</dd>", escaped(text));
    };
    add(words.answer_goes, question.redirect.as_str());
    if question.client.id.starts_with("https://") {
        add(words.document, &question.client.id);
    }
    if !question.client.name.is_empty() {
        add(words.calls_itself, &format!("{} ({})", question.client.name, words.registered));
    }
    list + "</dl>"
}

/// Why nothing can be asked.
fn nothing(words: &Words, problem: &Problem) -> Response {
    let body = format!(
        "<h1>{}</h1><p class=\"error\" role=\"alert\">{}</p><p>{}</p>",
        words.cannot,
        escaped(&problem.text),
        words.begin_again
    );
    page(StatusCode::BAD_REQUEST, words, &body)
}

/// Where its form ends is not bounded: Chromium holds `form-action` against each step that follows, and claude.ai sends the
/// browser on to its own program.
fn page(status: StatusCode, words: &Words, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
         <link rel=\"stylesheet\" href=\"/oauth/page.css\"></head><body><main>{body}</main></body></html>",
        words.language, words.title
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
        // Without any, browsers send the form as from an origin that nobody knows.
        (REFERRER_POLICY, "same-origin".to_owned()),
    ];
    (status, headers, html).into_response()
}

/// Sends the browser there, by GET, whatever it came with.
fn to(url: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, url.to_owned()), (CACHE_CONTROL, "no-store".to_owned())]).into_response()
}

/// A text of ours, in which what stands between backquotes is to be typed.
fn coded(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

/// A text of whoever as one that a page shows. What is not seen is written out.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in legible::escaped(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{coded, escaped};

    #[test]
    fn no_text_of_others_becomes_markup() {
        assert_eq!(escaped("<img src=x onerror='a&b'>\""), "&lt;img src=x onerror=&#39;a&amp;b&#39;&gt;&quot;");
        assert_eq!(coded("run `x` now"), "run <code>x</code> now");
    }
}
