//! The reverse of `desired`: converts an observed subscription to the manifest that would declare it.
//!
//! Each vendor's `manifest` reads its fields with a [`ManifestBuilder`].

use super::manifest_builder::{ManifestBuilder, Placeholder};
use super::{brightpearl, contensis, superoffice};
use crate::api::VendorName;
use crate::api::webhook::Subscription;
use crate::plan::Observed;

/// A subscription as a manifest would declare it.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// The vendor's half of the Webhook.
    pub subscription: Subscription,
    /// A title to make the object's name from.
    pub title: String,
    /// The values that the vendor does not return. `subscription` has `$(NAME)` in place of each.
    pub placeholders: Vec<Placeholder>,
}

/// Returns the manifest's half of an observed subscription, or the reasons why a manifest cannot hold it. No reason repeats a
/// value that may be secret.
pub fn describe(vendor: VendorName, observed: &Observed) -> Result<Described, Vec<String>> {
    let mut builder = ManifestBuilder::new(&observed.document);
    let described = match vendor {
        VendorName::Brightpearl => brightpearl::manifest::describe(&mut builder),
        VendorName::Contensis => contensis::manifest::describe(&mut builder, &observed.answer()),
        VendorName::Superoffice => superoffice::manifest::describe(&mut builder, &observed.answer()),
    };
    let placeholders = builder.finish()?;
    let (subscription, title) = described.ok_or_else(Vec::new)?;
    Ok(Described { subscription, title, placeholders })
}
