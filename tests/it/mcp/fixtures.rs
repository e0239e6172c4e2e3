//! Capabilities that do what a test needs: wait, report, panic, say a lot, show a picture.

use crate::server::{Server, scratch};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use skynet_bridge::{
    Error, Result,
    caller::Access,
    capability::{Capability, Context, Medium},
    catalog::{self, Entry},
    history::History,
    server,
};
use std::{sync::Arc, time::Duration};

/// The catalog with these beside it.
pub(crate) fn with_fixtures() -> Vec<Arc<Entry>> {
    let fixtures =
        [Entry::of::<Wait>(), Entry::of::<Say>(), Entry::of::<Panic>(), Entry::of::<Draw>(), Entry::of::<Refuse>()];
    catalog::everything().iter().cloned().chain(fixtures.map(Arc::new)).collect()
}

impl Server {
    /// A server whose tools have the fixtures among them.
    pub(crate) async fn with_fixtures(settings: &[(&str, &str)]) -> Self {
        Self::with_router(scratch(), settings, |bridge| {
            let handler = server::mcp::Mcp::new(bridge.clone(), &with_fixtures());
            server::router_with(bridge, handler)
        })
        .await
    }
}

/// Wait.
///
/// Reports as often as asked to, then is silent.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Wait {
    /// How long, in milliseconds.
    milliseconds: u64,
    /// How many reports.
    #[serde(default)]
    reports: u32,
}

/// That it waited.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Waited {
    /// How long.
    milliseconds: u64,
}

impl Capability for Wait {
    const NAME: &'static str = "test_wait";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = r#"{"milliseconds": 1}"#;
    type Service = History;
    type Output = Waited;

    async fn run(self, _: &History, context: &Context) -> Result<Waited> {
        for number in 1..=self.reports {
            context.report(f64::from(number), Some(f64::from(self.reports)), format!("step {number}"));
        }
        tokio::time::sleep(Duration::from_millis(self.milliseconds)).await;
        Ok(Waited { milliseconds: self.milliseconds })
    }
}

/// Say a lot.
///
/// A text of lines with their numbers, and a list of as many items.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Say {
    /// How many lines and items.
    lines: u32,
}

/// What was said.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Said {
    /// What was asked for.
    lines: u32,
    /// One line for each.
    text: String,
    /// One item for each.
    items: Vec<Waited>,
}

impl Capability for Say {
    const NAME: &'static str = "test_say";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = r#"{"lines": 1}"#;
    type Service = History;
    type Output = Said;

    async fn run(self, _: &History, _: &Context) -> Result<Said> {
        let text = (0..self.lines).map(|line| format!("line {line} «é»\n")).collect();
        let items = (0..self.lines).map(|item| Waited { milliseconds: u64::from(item) }).collect();
        Ok(Said { lines: self.lines, text, items })
    }
}

/// Panic.
///
/// As a fault of the bridge would.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Panic {}

impl Capability for Panic {
    const NAME: &'static str = "test_panic";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = "{}";
    type Service = History;
    type Output = Waited;

    async fn run(self, _: &History, _: &Context) -> Result<Waited> {
        panic!("on purpose")
    }
}

/// Refuse.
///
/// With routes in the sentence.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Refuse {}

impl Capability for Refuse {
    const NAME: &'static str = "test_refuse";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = "{}";
    type Service = History;
    type Output = Waited;

    async fn run(self, _: &History, _: &Context) -> Result<Waited> {
        let text = "Use POST /terminal/start or /sandbox/session/run, not /srv/terminal/start or /terminal/nowhere. See \
                    /terminal/stop";
        Err(Error::Unusable(text.into()))
    }
}

/// Draw.
///
/// A picture of one pixel.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Draw {}

/// What was drawn.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Drawn {
    /// The picture, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    png: Option<String>,
    /// How wide it is.
    width: u32,
}

impl Capability for Draw {
    const NAME: &'static str = "test_draw";
    const ACCESS: Access = Access::Read;
    const EXAMPLE: &'static str = "{}";
    type Service = History;
    type Output = Drawn;

    fn media(drawn: &mut Drawn) -> Vec<Medium> {
        let picture = drawn.png.take().map(|base64| Medium::Image { mime_type: "image/png".to_owned(), base64 });
        picture.into_iter().collect()
    }

    async fn run(self, _: &History, _: &Context) -> Result<Drawn> {
        Ok(Drawn { png: Some("iVBORw0KGgo=".to_owned()), width: 1 })
    }
}
