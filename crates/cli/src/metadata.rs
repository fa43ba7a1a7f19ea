//! Metadata documents, as whoever validates fetches them: https, no redirects, bounded.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actas_runtime::{HttpClient, HttpRequest};
use actas_validator::MetadataSource;
use http::StatusCode;

/// How long a document may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The one way to fetch them. The client follows no redirect and reads 1 MiB at most.
pub(crate) struct OverHttps(HttpClient);

impl OverHttps {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self(http)
    }
}

impl MetadataSource for OverHttps {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        Box::pin(async move {
            if !url.starts_with("https://") {
                return Err(format!("`{url}` is not https"));
            }
            let request = HttpRequest::get(url).timeout(TIMEOUT);
            let response = self.0.send(request).await.map_err(|error| error.to_string())?;
            if response.status != StatusCode::OK {
                return Err(format!("`{url}` answered {}", response.status));
            }
            Ok(response.body.to_vec())
        })
    }
}
