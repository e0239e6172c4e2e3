//! What was asked of the bridge on a day.

use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    history::History,
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Read what was asked of the bridge on a day.
///
/// Every call of yours with its time, its caller, its outcome and its arguments, cut and without secrets. Oldest first.
#[derive(Deserialize, JsonSchema)]
pub struct ReadHistory {
    /// The day, `YYYY-MM-DD`; today when it is left out or empty.
    #[serde(default)]
    date: Option<String>,
}

/// A day's calls.
#[derive(Serialize, JsonSchema)]
pub struct DayHistory {
    /// The day.
    date: String,
    /// How many calls; left out for a day without a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<usize>,
    /// The calls: `timestamp`, `action`, `details`, `caller`, `outcome`, `duration_ms`.
    #[schemars(with = "Vec<serde_json::Map<String, Value>>")]
    entries: Vec<Value>,
    /// Says that nothing was recorded that day.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// When it was answered; left out for a day without a record.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

impl Capability for ReadHistory {
    const NAME: &'static str = "memory_history";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const ACTION: Option<&'static str> = None;
    const EXAMPLE: &'static str = "{}";
    const IS_STAMPED: bool = false;
    type Service = History;
    type Output = DayHistory;

    async fn run(self, history: &History, context: &Context) -> Result<DayHistory> {
        let date = match self.date.filter(|date| !date.is_empty()) {
            Some(date) => checked(date)?,
            None => clock::today(),
        };
        let is_own = |line: &Value| context.caller.sees(line["caller"].as_str().unwrap_or_default());
        let entries = history.read(&date).await?.map(|mut entries| {
            entries.retain(is_own);
            entries
        });
        Ok(match entries {
            Some(entries) => DayHistory {
                date,
                count: Some(entries.len()),
                entries,
                message: None,
                timestamp: Some(clock::timestamp()),
            },
            None => DayHistory {
                date,
                count: None,
                entries: vec![],
                message: Some("No history for this date".into()),
                timestamp: None,
            },
        })
    }
}

/// A date names a file: it is a day of the calendar in one spelling, and nothing else.
fn checked(date: String) -> Result<String> {
    match NaiveDate::parse_from_str(&date, "%Y-%m-%d") {
        Ok(day) if day.format("%Y-%m-%d").to_string() == date => Ok(date),
        _ => Err(Error::invalid("date", "Input should be a day as YYYY-MM-DD, such as 2026-01-31")),
    }
}
