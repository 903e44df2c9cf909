//! The status that a Webhook should have, until the cluster has it.

use crate::api::Webhook;
use crate::api::status::WebhookStatus;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

/// The status of a Webhook that has none.
static NONE: LazyLock<WebhookStatus> = LazyLock::new(WebhookStatus::default);

/// The status that a Webhook should have: that of the object, until it is changed. It is valid for that version of the object only.
/// What has to outlive it are the [effects](super::effect::Effect).
pub(crate) struct UnwrittenStatus {
    object: Arc<Webhook>,
    changed: Option<Box<WebhookStatus>>,
}

impl UnwrittenStatus {
    pub(crate) fn of(object: &Arc<Webhook>) -> Self {
        Self { object: Arc::clone(object), changed: None }
    }

    /// Whether nothing was changed. A change to an equal value counts as one.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.changed.is_none()
    }

    /// Whether the status differs from that of the object.
    pub(crate) fn differs(&mut self) -> bool {
        let written = self.object.status.as_ref().unwrap_or(&NONE);
        self.changed = self.changed.take().filter(|changed| **changed != *written);
        self.changed.is_some()
    }

    /// Replaces the object by a newer version of it; what was changed stays changed.
    pub(crate) fn move_to(&mut self, object: &Arc<Webhook>) {
        self.object = Arc::clone(object);
        self.differs();
    }
}

impl Deref for UnwrittenStatus {
    type Target = WebhookStatus;

    fn deref(&self) -> &WebhookStatus {
        self.changed.as_deref().or(self.object.status.as_ref()).unwrap_or(&NONE)
    }
}

impl DerefMut for UnwrittenStatus {
    fn deref_mut(&mut self) -> &mut WebhookStatus {
        let object = &self.object;
        self.changed.get_or_insert_with(|| Box::new(object.status.clone().unwrap_or_default()))
    }
}
