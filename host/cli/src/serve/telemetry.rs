//! Traces by OTLP, over HTTP, when `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says where to.
//!
//! Everything else is set by OpenTelemetry's own variables as well, such as `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and
//! `OTEL_EXPORTER_OTLP_HEADERS` (opentelemetry.io, "SDK environment variables"), so that a host is set up like any other
//! service. What cannot be sent is dropped, which the log says once: traces never hold up a request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{anyhow, bail};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

/// The target of the spans that are for traces.
pub(super) const TRACE: &str = "macadam::trace";

/// The variables that say where traces go.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The variables that say how, the narrower one first.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// How long a batch may take to be sent, and the last one at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What sends traces; nothing when nobody wants any.
pub(super) struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Sets it up as the environment says.
    pub(super) fn from_environment() -> anyhow::Result<Self> {
        let is_said = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let disabled = std::env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let Some(variable) = ENDPOINTS.iter().find(|name| is_said(name)).filter(|_| !disabled) else {
            return Ok(Self(None));
        };
        let http = SpanExporter::builder().with_http().with_http_client(Sender::new());
        let exporter = http.with_protocol(protocol()?).build();
        // What the exporter says repeats the address, which may hold a password.
        let unusable = |_| anyhow!("{variable} is no address that traces can be sent to; write http://HOST:4318");
        let exporter = exporter.map_err(unusable)?;
        let service = std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty());
        let service = service.unwrap_or_else(|| "macadam".to_owned());
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())))
    }

    /// What turns spans into traces.
    pub(super) fn layer<S>(&self) -> Option<OpenTelemetryLayer<S, Tracer>>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.0.as_ref()?.tracer("macadam");
        Some(tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false))
    }

    /// Sends what is left.
    pub(super) fn end(&self) {
        let Some(provider) = &self.0 else { return };
        if let Err(error) = provider.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// How traces are written. Protobuf is what OpenTelemetry's specification of the exporter asks for where nothing is said.
fn protocol() -> anyhow::Result<Protocol> {
    let mut said = PROTOCOLS.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
    match said.find(|(_, value)| !value.is_empty()) {
        None => Ok(Protocol::HttpBinary),
        Some((name, value)) => match value.as_str() {
            "http/protobuf" => Ok(Protocol::HttpBinary),
            "http/json" => Ok(Protocol::HttpJson),
            _ => bail!("{name} is {value:?}; this host sends http/protobuf or http/json"),
        },
    }
}

/// Sends a batch. The exporter has a thread of its own, which may wait.
#[derive(Debug)]
struct Sender {
    agent: ureq::Agent,
    /// Whether the last batch was lost.
    failing: AtomicBool,
}

impl Sender {
    fn new() -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        Self { agent: config.max_redirects(0).build().new_agent(), failing: AtomicBool::new(false) }
    }

    fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, ureq::Error> {
        let mut answer = self.agent.run(request)?;
        let bytes = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
        let (parts, _) = answer.into_parts();
        Ok(Response::from_parts(parts, bytes.into()))
    }

    /// Says when traces begin to be lost and when they are taken again, and nothing at each batch in between.
    fn note(&self, sent: &Result<Response<Bytes>, ureq::Error>) {
        let why = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answers {}", answer.status())),
            // It would be repeated, and may hold a password.
            Err(ureq::Error::BadUri(_)) => Some("the address cannot be used".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        match (self.failing.swap(why.is_some(), Ordering::Relaxed), why) {
            (false, Some(why)) => tracing::warn!(%why, "traces are not taken, and are lost until they are"),
            (true, None) => tracing::info!("traces are taken again"),
            (false, None) | (true, Some(_)) => {}
        }
    }
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let sent = self.send(Request::from_parts(parts, body.to_vec()));
        self.note(&sent);
        Ok(sent?)
    }
}

/// A collector answers with a few words.
const MAX_ANSWER: u64 = 1024 * 1024;
