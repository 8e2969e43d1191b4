//! The page of `breakerd config show`: every value that holds, with where it comes from.
//!
//! A page is rows of path, value and source, in the order of the example file; as text it is YAML with the sources as
//! comments, as JSON an object of `{value, source, layer}`. A service's page shows its merged policy and can be loaded
//! again: it gives the same policy. Settings without a value are comments.
//!
//! Sources name the file without its directory, so that a line stays a line.

use std::path::Path;

use serde_json::json;

use crate::core::service::ServiceName;

use super::Config;
use super::layer::{Layer, Origin, Row};
use super::services::Entry;
use super::setting::{Setting, Shown, Word};
use super::source::{Source, Sourced};

mod text;

/// Effective values with their sources.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    notes: Vec<String>,
    lines: Vec<Line>,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    path: Vec<String>,
    shown: Shown,
    source: String,
    /// Which service, pattern or `defaults` wrote it; `None` outside policies, and for what nobody wrote.
    layer: Option<String>,
}

impl Config {
    /// What holds for one service: its merged policy, each key with the layer that wrote it.
    #[must_use]
    pub fn show_service(&self, service: &ServiceName) -> Page {
        let mut notes = vec![format!("what holds for {service}")];
        if !self.admits(service) {
            notes.push("not admitted: it is not listed, and unknown_services is refuse".to_owned());
        }
        let mut page = Page { notes, lines: Vec::new() };
        let complete = self.services.merged(service).over(self.services.effective(service).layer());
        self.push_layer(&mut page, &["circuit_breaker"], &complete);
        page
    }

    /// Everything: the host's settings, the policy of services that are not listed, and what each layer writes.
    #[must_use]
    pub fn show(&self) -> Page {
        let mut page =
            Page { notes: vec!["all settings; --service NAME shows what holds for one".to_owned()], lines: Vec::new() };
        self.push_host(&mut page);
        let [defaults, listed @ ..] = self.services.layers() else { return page };
        let complete = defaults.written.clone().over(self.services.defaults().layer());
        self.push_layer(&mut page, &["circuit_breaker"], &complete);
        for Entry { name, written } in listed {
            let path = ["services", name, "circuit_breaker"];
            let before = page.lines.len();
            self.push_layer(&mut page, &path, written);
            if page.lines.len() == before {
                page.push(&path, Shown::Json(json!({})), "default".to_owned());
            }
        }
        page
    }

    fn push_host(&self, page: &mut Page) {
        let file = self.file_name();
        page.push_setting(&["node", "id"], &file, &self.node.id, optional);
        page.push_setting(&["node", "zone"], &file, &self.node.zone, optional);
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map_or(Shown::Nothing, |path| Shown::Text(path.display().to_string()))
        };
        page.push_setting(&["socket", "path"], &file, &self.socket.path, path);
        page.push_setting(&["socket", "mode"], &file, &self.socket.mode, Word::shown);
        page.push_setting(&["socket", "owner"], &file, &self.socket.owner, optional);
        let gossip = &self.gossip;
        if gossip.on.value {
            page.push_setting(&["gossip", "listen"], &file, &gossip.listen, Word::shown);
            page.push_setting(&["gossip", "advertise"], &file, &gossip.advertise, optional);
            page.push_setting(&["gossip", "seeds"], &file, &gossip.seeds, Setting::shown);
            page.push_setting(&["gossip", "cluster"], &file, &gossip.cluster, Word::shown);
            page.push_setting(&["gossip", "interval"], &file, &gossip.interval, Word::shown);
            page.push_setting(&["gossip", "keyring"], &file, &gossip.keyring, path);
        } else {
            page.push_setting(&["gossip"], &file, &gossip.on, |_off| Shown::Plain("off".to_owned()));
        }
        let cluster = &self.cluster;
        page.push_setting(&["cluster", "authority"], &file, &cluster.authority, Word::shown);
        page.push_setting(&["cluster", "sustained"], &file, &cluster.sustained, Word::shown);
        page.push_setting(&["cluster", "recovery_timeout"], &file, &cluster.recovery_timeout, Word::shown);
        page.push_setting(&["unknown_services"], &file, &self.unknown_services, Word::shown);
    }

    fn push_layer(&self, page: &mut Page, above: &[&str], layer: &Layer) {
        for Row { path, shown, origin } in layer.rows() {
            let path: Vec<String> = above.iter().map(|&step| step.to_owned()).chain(path).collect();
            let (source, layer) = (self.source(origin).described(&self.file_name()), self.layer_name(origin));
            // The settings of a fallback are lines of their own.
            if let Shown::Json(serde_json::Value::Object(settings)) = shown {
                for (key, value) in settings {
                    let path = path.iter().cloned().chain([key]).collect();
                    page.lines.push(Line {
                        path,
                        shown: Shown::Json(value),
                        source: source.clone(),
                        layer: layer.clone(),
                    });
                }
            } else {
                page.lines.push(Line { path, shown, source, layer });
            }
        }
    }

    fn source(&self, origin: Option<Origin>) -> Source {
        origin.map_or(Source::Default, |origin| Source::File(origin.place))
    }

    fn layer_name(&self, origin: Option<Origin>) -> Option<String> {
        let number = usize::try_from(origin?.layer).ok()?;
        self.services.layers().get(number).map(|entry| entry.name.clone())
    }

    fn file_name(&self) -> String {
        Path::new(&self.file).file_name().map_or_else(|| self.file.clone(), |name| name.to_string_lossy().into_owned())
    }
}

impl Page {
    /// As JSON: `{"circuit_breaker": {"recovery_timeout": {"value": "30s", "source": "default", "layer": null}}}`.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let mut page = json!({});
        for line in &self.lines {
            let mut at = &mut page;
            for step in &line.path {
                at = &mut at[step.as_str()];
            }
            *at = json!({"value": line.shown.json(), "source": line.source, "layer": line.layer});
        }
        page
    }

    fn push(&mut self, path: &[&str], shown: Shown, source: String) {
        let path = path.iter().map(|&step| step.to_owned()).collect();
        self.lines.push(Line { path, shown, source, layer: None });
    }

    fn push_setting<T>(&mut self, path: &[&str], file: &str, setting: &Sourced<T>, shown: impl Fn(&T) -> Shown) {
        self.push(path, shown(&setting.value), setting.source.described(file));
    }
}

impl Shown {
    fn json(&self) -> serde_json::Value {
        match self {
            Self::Nothing => serde_json::Value::Null,
            Self::Number(number) => json!(number),
            Self::Flag(flag) => json!(flag),
            Self::Plain(text) | Self::Text(text) => json!(text),
            Self::List(texts) => json!(texts),
            Self::Json(value) => value.clone(),
        }
    }
}

fn optional<T: Word>(value: &Option<T>) -> Shown {
    value.as_ref().map_or(Shown::Nothing, Word::shown)
}
