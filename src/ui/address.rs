//! The addresses of the pages, which are permanent: the path names the object, the query its filter.
//!
//! `.json` at the end of a path asks for JSON, `.html` for the page; without them the header `Accept` decides. The path of an
//! object whose name itself ends like this has another `.html`.

use super::data::state::State;
use crate::api::{ObjectKey, VendorName};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Characters that are escaped in a segment of a path.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');
const ENDINGS: [(&str, Format); 2] = [(".json", Format::Json), (".html", Format::Html)];

/// How a page is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    Json,
}

/// One of the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    Accounts,
    Account(ObjectKey),
    Sets,
    Set(ObjectKey),
    Webhooks,
    Webhook(ObjectKey),
    Plan,
}

impl Page {
    /// Reads the path of an address. Returns no format if the path names none.
    pub(crate) fn parse(path: &str) -> Option<(Self, Option<Format>)> {
        let ending = ENDINGS.iter().find_map(|(ending, format)| Some((path.strip_suffix(ending)?, *format)));
        let (path, format) = ending.map_or((path, None), |(path, format)| (path, Some(format)));
        let mut segments = path.strip_prefix('/')?.split('/');
        let mut next = || -> Option<String> {
            let segment = segments.next().filter(|segment| !segment.is_empty())?;
            percent_decode_str(segment).decode_utf8().ok().map(Into::into)
        };
        let (first, namespace, name) = (next()?, next(), next());
        let object = match (namespace, name, segments.next()) {
            (None, None, None) => None,
            (Some(namespace), Some(name), None) => Some(ObjectKey::new(namespace, name)),
            _ => return None,
        };
        let page = match (first.as_str(), object) {
            ("accounts", None) => Self::Accounts,
            ("accounts", Some(key)) => Self::Account(key),
            ("sets", None) => Self::Sets,
            ("sets", Some(key)) => Self::Set(key),
            ("webhooks", None) => Self::Webhooks,
            ("webhooks", Some(key)) => Self::Webhook(key),
            ("plan", None) => Self::Plan,
            _ => return None,
        };
        Some((page, format))
    }

    /// The path of the page.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Accounts => "/accounts".into(),
            Self::Account(key) => object("accounts", key),
            Self::Sets => "/sets".into(),
            Self::Set(key) => object("sets", key),
            Self::Webhooks => "/webhooks".into(),
            Self::Webhook(key) => object("webhooks", key),
            Self::Plan => "/plan".into(),
        }
    }

    /// The path of the page as JSON.
    pub(crate) fn json_path(&self) -> String {
        let path = self.path();
        format!("{}.json", path.strip_suffix(".html").filter(|_| self.is_escaped()).unwrap_or(&path))
    }

    /// Whether the name of its object ends like a format.
    fn is_escaped(&self) -> bool {
        match self {
            Self::Account(key) | Self::Set(key) | Self::Webhook(key) => ends_like_a_format(&key.name),
            Self::Accounts | Self::Sets | Self::Webhooks | Self::Plan => false,
        }
    }
}

fn ends_like_a_format(name: &str) -> bool {
    ENDINGS.iter().any(|(ending, _)| name.ends_with(ending))
}

fn object(kind: &str, key: &ObjectKey) -> String {
    let segment = |text| utf8_percent_encode(text, ESCAPED);
    let ending = if ends_like_a_format(&key.name) { ".html" } else { "" };
    format!("/{kind}/{}/{}{ending}", segment(&key.namespace), segment(&key.name))
}

/// What a page shows of what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Words that all have to be found in the names, ids and reasons of an object, in lower case.
    pub(crate) words: String,
    pub(crate) state: Option<State>,
    pub(crate) namespace: Option<String>,
    pub(crate) vendor: Option<VendorName>,
    pub(crate) account: Option<ObjectKey>,
    /// The WebhookSet that manages a Webhook.
    pub(crate) set: Option<ObjectKey>,
    /// The page of a list, from 1 on; 0 for the first.
    pub(crate) page: usize,
    /// The page of the second list of a page.
    pub(crate) second_page: usize,
}

impl Filter {
    /// Reads the query of an address; parameters of other names are not looked at.
    ///
    /// # Errors
    ///
    /// Which value is wrong, and what is allowed.
    pub(crate) fn parse(query: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match &*name {
                "q" => filter.words = value.to_lowercase(),
                "state" => filter.state = Some(state(value)?),
                "namespace" => filter.namespace = Some(value.to_owned()),
                "vendor" => filter.vendor = Some(vendor(value)?),
                "account" => filter.account = Some(key("account", value)?),
                "set" => filter.set = Some(key("set", value)?),
                "page" => filter.page = number(value)?,
                "missing" => filter.second_page = number(value)?,
                _ => {}
            }
        }
        Ok(filter)
    }

    /// The query, with its question mark; empty without a filter.
    pub(crate) fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let key = |key: &Option<ObjectKey>| key.as_ref().map(ToString::to_string).unwrap_or_default();
        let page = |number: usize| if number > 1 { number.to_string() } else { String::new() };
        let all = [
            ("q", self.words.clone()),
            ("state", self.state.map_or("", State::slug).to_owned()),
            ("namespace", self.namespace.clone().unwrap_or_default()),
            ("vendor", self.vendor.map_or("", VendorName::as_str).to_owned()),
            ("account", key(&self.account)),
            ("set", key(&self.set)),
            ("page", page(self.page)),
            ("missing", page(self.second_page)),
        ];
        for (name, value) in all.iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        match query.finish() {
            empty if empty.is_empty() => empty,
            query => format!("?{query}"),
        }
    }

    /// Whether it leaves anything out, whatever the page of the list.
    pub(crate) fn is_set(&self) -> bool {
        Self { page: 0, second_page: 0, ..self.clone() } != Self::default()
    }

    /// The same filter with this state.
    pub(crate) fn with_state(&self, state: State) -> Self {
        Self { state: Some(state), page: 0, second_page: 0, ..self.clone() }
    }

    /// Whether an object is shown, by its own values.
    pub(crate) fn admits(&self, key: &ObjectKey, vendor: VendorName, state: State, search: &str) -> bool {
        self.state.is_none_or(|wanted| wanted == state)
            && self.vendor.is_none_or(|wanted| wanted == vendor)
            && self.namespace.as_ref().is_none_or(|wanted| *wanted == key.namespace)
            && self.words.split_whitespace().all(|word| search.contains(word))
    }
}

fn key(name: &str, text: &str) -> Result<ObjectKey, String> {
    let (namespace, name) =
        text.split_once('/').ok_or_else(|| format!("{name} is written NAMESPACE/NAME"))?;
    Ok(ObjectKey::new(namespace, name))
}

fn state(text: &str) -> Result<State, String> {
    State::parse(text).ok_or_else(|| {
        let all: Vec<_> = State::ALL.iter().map(|state| state.slug()).collect();
        format!("state is one of {}", all.join(", "))
    })
}

fn vendor(text: &str) -> Result<VendorName, String> {
    let name = serde_json::Value::String(text.to_owned());
    serde_json::from_value(name).map_err(|_| "vendor is the name of a vendor, as in the list".to_owned())
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "page and missing are numbers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_name_pages() {
        let key = || ObjectKey::new("shop", "orders");
        for (path, page) in [
            ("/accounts", Some((Page::Accounts, None))),
            ("/accounts.json", Some((Page::Accounts, Some(Format::Json)))),
            ("/accounts/shop/orders", Some((Page::Account(key()), None))),
            ("/webhooks/shop/orders.json", Some((Page::Webhook(key()), Some(Format::Json)))),
            ("/webhooks/shop/orders.html", Some((Page::Webhook(key()), Some(Format::Html)))),
            ("/sets", Some((Page::Sets, None))),
            ("/sets/shop/orders.json", Some((Page::Set(key()), Some(Format::Json)))),
            ("/plan", Some((Page::Plan, None))),
            ("/", None),
            ("", None),
            ("/plan/shop/orders", None),
            ("/webhooks/shop", None),
            ("/webhooks/shop/", None),
            ("/webhooks/shop/a/b", None),
            ("/webhooks//a", None),
            ("/secrets/shop/a", None),
            ("/webhooks/shop/%ff", None),
        ] {
            assert_eq!(Page::parse(path), page, "{path}");
        }
    }

    #[test]
    fn a_wrong_filter_says_what_may_stand_there() {
        assert!(Filter::parse("state=fine").unwrap_err().contains("one of blocked, not-delivering"));
        assert!(Filter::parse("vendor=acme").is_err() && Filter::parse("page=x").is_err());
        assert!(Filter::parse("account=acme").unwrap_err().contains("account is written NAMESPACE/NAME"));
        assert!(Filter::parse("set=orders").unwrap_err().contains("set is written NAMESPACE/NAME"));
        let filter = Filter::parse("q=+Order+7&state=&utm=1&vendor=contensis&page=1").unwrap();
        assert_eq!(filter.query(), "?q=order+7&vendor=contensis");
        assert!(filter.is_set() && !Filter { page: 3, ..Filter::default() }.is_set());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_object_has_an_address(namespace in "[a-z<>?#%/&. \u{202e}]{1,8}", name in "[a-z<>?#%/&\"]{1,8}(\\.json|\\.html)?") {
            let key = ObjectKey::new(namespace, name);
            for page in [Page::Account(key.clone()), Page::Set(key.clone()), Page::Webhook(key)] {
                let path = page.path();
                prop_assert!(path.is_ascii() && !path.contains(['<', '>', '?', '#', '"', ' ']), "{}", path);
                prop_assert_eq!(Page::parse(&path).map(|(page, _)| page), Some(page.clone()), "{}", path);
                let json = page.json_path();
                prop_assert_eq!(Page::parse(&json), Some((page, Some(Format::Json))), "{}", json);
            }
        }

        #[test]
        fn a_query_is_read_as_it_is_written(words in "[a-z&=+%#]{0,6}", namespace in "[a-z&=+%# ]{1,6}", page in 2_usize..99) {
            let namespace = Some(namespace.trim().to_owned()).filter(|name| !name.is_empty());
            let (account, set) = (Some(ObjectKey::new("a", "b")), Some(ObjectKey::new("c", "d")));
            let filter = Filter { words, namespace, page, account, set, state: Some(State::Drifted), ..Filter::default() };
            prop_assert_eq!(Filter::parse(filter.query().trim_start_matches('?')).unwrap(), filter);
        }
    }
}
