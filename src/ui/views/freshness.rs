//! Since when what a page shows is true.

use super::Inputs;
use super::time::When;
use crate::api::visible;
use crate::ui::data::store::{Kind, Source};
use serde::Serialize;

/// How current a page is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Freshness {
    /// When the page was made.
    pub(crate) made: When,
    /// Whether everything on it is as the API server has it now.
    pub(crate) live: bool,
    /// What is not current, or missing, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) notices: Vec<Notice>,
}

/// Objects that are not current, or missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notice {
    /// Which objects.
    pub(crate) what: String,
    /// Why; absent while they are being read for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// Until when what is shown of them was true; absent if nothing is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) true_until: Option<When>,
    /// Whether a right is missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) forbidden: bool,
}

impl Freshness {
    pub(crate) fn new(inputs: &Inputs<'_>) -> Self {
        let notices: Vec<_> = inputs
            .data
            .sources()
            .filter_map(|(watched, source)| {
                let place = watched.namespace.as_ref().map(|name| format!(" of namespace {}", visible(name)));
                let what = format!("{}{}", watched.kind.name(), place.unwrap_or_default());
                match source {
                    Source::Live => None,
                    Source::Loading => Some(Notice { what, why: None, true_until: None, forbidden: false }),
                    Source::Failed { problem, true_until } => Some(Notice {
                        what,
                        why: Some(visible(&problem.message)),
                        true_until: true_until.map(|at| When::new(at, inputs.now)),
                        forbidden: problem.forbidden,
                    }),
                }
            })
            .collect();
        Self { made: When::new(inputs.now, inputs.now), live: notices.is_empty(), notices }
    }

    /// Whether all objects of a kind have been read at least once.
    pub(crate) fn has_read(inputs: &Inputs<'_>, kind: Kind) -> bool {
        inputs
            .data
            .sources()
            .filter(|(watched, _)| watched.kind == kind)
            .all(|(_, source)| matches!(source, Source::Live | Source::Failed { true_until: Some(_), .. }))
    }
}
