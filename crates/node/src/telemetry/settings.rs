//! Where traces go: what OpenTelemetry's own environment variables say, and `config.toml` where they
//! say nothing.
use ainur_api::problem::{Code, Problem};
use ainur_primitives::Did;
use ainur_runtime::remote::address::check_url;

use super::otlp::{KeyValue, attribute};
use crate::config::Config;

/// Attributes and headers that are read from the environment.
pub(crate) const PAIRS_MAX: usize = 64;

/// How the collector is reached, and who says so to it.
pub(crate) struct Settings {
    /// Where spans are posted.
    pub(crate) url: String,
    /// Its scheme and host, to show.
    pub(crate) collector: String,
    /// Sent with every request; often keys.
    pub(crate) headers: Vec<(String, String)>,
    /// What every span has in common.
    pub(crate) resource: Vec<KeyValue>,
}

impl Settings {
    /// Reads them; `None` when traces go nowhere. A variable that makes no sense may be meant for
    /// others: it gets a line in the log.
    ///
    /// # Errors
    /// When the endpoint of the configuration is no URL that may be posted to.
    pub(crate) fn read(
        config: &Config,
        did: Did,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Problem> {
        let said = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let is_off = said("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || said("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let below = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
        let variable = said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            .or_else(|| said("OTEL_EXPORTER_OTLP_ENDPOINT").map(below));
        let configured = Some(config.otlp_endpoint.clone()).filter(|url| !url.is_empty());
        let is_configured = variable.is_none();
        let Some(url) = variable.or_else(|| configured.map(below)).filter(|_| !is_off) else {
            return Ok(None);
        };
        let parsed = match check_url(&url, true) {
            Ok((parsed, _)) => parsed,
            Err(error) if is_configured => {
                let message = format!("otlp_endpoint: {error}");
                let problem = Problem::new(Code::InvalidRequest, message);
                return Err(problem.next("correct it in config.toml"));
            }
            Err(error) => {
                tracing::error!(%error, "no traces are sent to OTEL_EXPORTER_OTLP_ENDPOINT");
                return Ok(None);
            }
        };
        let protocol = said("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            .or_else(|| said("OTEL_EXPORTER_OTLP_PROTOCOL"));
        if let Some(protocol) = protocol.filter(|protocol| protocol != "http/protobuf") {
            tracing::error!(protocol, "traces are sent as http/protobuf whatever the protocol");
        }
        let headers = said("OTEL_EXPORTER_OTLP_TRACES_HEADERS")
            .or_else(|| said("OTEL_EXPORTER_OTLP_HEADERS"));
        let mut headers = pairs(&headers.unwrap_or_default());
        headers.push(("content-type".into(), "application/x-protobuf".into()));
        let attributes = pairs(&said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
        let resource = resource(said("OTEL_SERVICE_NAME"), config, did, attributes);
        let collector = parsed.origin().ascii_serialization();
        Ok(Some(Self { url, collector, headers, resource }))
    }
}

fn resource(
    name: Option<String>,
    config: &Config,
    did: Did,
    attributes: Vec<(String, String)>,
) -> Vec<KeyValue> {
    let mut resource: Vec<(String, String)> = vec![
        ("telemetry.sdk.name".into(), "ainur".into()),
        ("telemetry.sdk.language".into(), "rust".into()),
        ("telemetry.sdk.version".into(), env!("CARGO_PKG_VERSION").into()),
        ("service.version".into(), env!("CARGO_PKG_VERSION").into()),
        ("service.instance.id".into(), did.to_string()),
    ];
    resource.retain(|(key, _)| attributes.iter().all(|(other, _)| other != key));
    let named = attributes.iter().any(|(key, _)| key == "service.name");
    resource.extend(attributes);
    if let Some(name) = name.or_else(|| (!named).then(|| config.service_name.clone())) {
        resource.retain(|(key, _)| key != "service.name");
        resource.push(("service.name".into(), name));
    }
    resource.into_iter().map(|(key, value)| attribute(&key, value)).collect()
}

/// `key=value,key=value`, percent-encoded. What is malformed is left out.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |member: &str| {
        let (key, value) = member.split_once('=')?;
        // Properties behind a semicolon belong to baggage, and mean nothing here.
        let value = value.split(';').next().unwrap_or_default();
        let (key, value) = (decoded(key.trim())?, decoded(value.trim())?);
        (!key.is_empty()).then_some((key, value))
    };
    text.split(',').filter_map(pair).take(PAIRS_MAX).collect()
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ainur_primitives::Digest;

    use super::*;
    use crate::telemetry::otlp::Value;

    fn read(endpoint: &str, variables: &[(&str, &str)]) -> Option<Settings> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        let config = Config { otlp_endpoint: endpoint.into(), ..Config::default() };
        let variable = |name: &str| variables.get(name).map(ToString::to_string);
        Settings::read(&config, Did(Digest([1; 32])), variable).unwrap()
    }

    fn name(settings: &Settings) -> String {
        let named = settings.resource.iter().filter(|pair| pair.key == "service.name");
        let values: Vec<_> = named.map(|pair| pair.value.clone().unwrap().value).collect();
        match values.as_slice() {
            [Some(Value::Text(name))] => name.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_is_sent_unless_somebody_says_where() {
        assert!(read("", &[]).is_none());
        assert!(read("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).is_none());
        assert!(read("http://localhost:4318", &[("OTEL_SDK_DISABLED", "true")]).is_none());
        assert!(read("http://localhost:4318", &[("OTEL_TRACES_EXPORTER", "none")]).is_none());
    }

    #[test]
    fn environment_goes_before_the_file_and_the_endpoint_of_traces_is_whole() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://10.0.0.1:4318/");
        let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example/ingest?x=1");
        let url = |settings: Option<Settings>| settings.unwrap().url;
        assert_eq!(url(read("http://localhost:1", &[])), "http://localhost:1/v1/traces");
        assert_eq!(url(read("http://localhost:1", &[base])), "http://10.0.0.1:4318/v1/traces");
        let settings = read("", &[base, whole]).unwrap();
        assert_eq!(settings.url, "https://traces.example/ingest?x=1");
        assert_eq!(settings.collector, "https://traces.example");
    }

    #[test]
    fn names_attributes_and_headers_come_from_the_environment() {
        let endpoint = "http://localhost:1";
        assert_eq!(name(&read(endpoint, &[]).unwrap()), "ainur");
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,team=a%2Cb,broken,=x");
        let settings = read(endpoint, &[attributes]).unwrap();
        assert_eq!(name(&settings), "shop");
        let team = settings.resource.iter().find(|pair| pair.key == "team").unwrap();
        assert_eq!(team, &attribute("team", "a,b"));
        let service = ("OTEL_SERVICE_NAME", "market");
        assert_eq!(name(&read(endpoint, &[attributes, service]).unwrap()), "market");
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s%20t , x=1;p=2");
        let headers = read(endpoint, &[headers]).unwrap().headers;
        assert_eq!(headers[..2], [("api-key".into(), "s t".into()), ("x".into(), "1".into())]);
    }

    #[test]
    fn endpoint_that_is_no_url_is_a_problem_of_the_file_only() {
        for wrong in ["localhost:4318", "ftp://localhost", "http://8.8.8.8", "http://a:b@localhost"]
        {
            let config = Config { otlp_endpoint: wrong.into(), ..Config::default() };
            assert!(Settings::read(&config, Did(Digest([1; 32])), |_| None).is_err(), "{wrong}");
            assert!(read("", &[("OTEL_EXPORTER_OTLP_ENDPOINT", wrong)]).is_none(), "{wrong}");
        }
    }
}
