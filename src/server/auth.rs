//! Where a request may carry its key.

use crate::{caller::check_count, error::Result};
use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, Uri, header::AUTHORIZATION},
};
use std::net::{IpAddr, SocketAddr};

/// The keys that headers and query string present, as sent: `Authorization: KEY`, `Authorization: Bearer KEY`,
/// `?auth=KEY`.
///
/// # Errors
/// [`crate::Error::Unusable`] when there are too many.
pub fn presented_keys(headers: &HeaderMap, uri: &Uri) -> Result<Vec<String>> {
    let mut keys = header_keys(headers);
    keys.extend(query_keys(uri));
    check_count(keys.len())?;
    Ok(keys)
}

/// The keys that stand in the address.
pub fn query_keys(uri: &Uri) -> impl Iterator<Item = String> {
    query(uri).filter(|(name, value)| name == "auth" && !value.is_empty()).map(|(_, value)| value)
}

/// The keys that the headers present.
pub fn header_keys(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(AUTHORIZATION).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
    values.map(bare).filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

/// Who is at the other end of the connection.
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

/// The pairs of the query string.
pub fn query(uri: &Uri) -> impl Iterator<Item = (String, String)> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.into_owned().collect::<Vec<_>>().into_iter()
}

/// The scheme's name is matched in any case (RFC 9110, section 11.1); the key exactly. A scheme alone is what a shell sends
/// whose variable is not set: it presents no key.
fn bare(value: &str) -> &str {
    if value.trim().eq_ignore_ascii_case("Bearer") {
        return "";
    }
    match value.split_at_checked("Bearer ".len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("Bearer ") => key,
        _ => value,
    }
}
