//! The vendors' pages: their sections on fields list every field of a subscription.

use std::fs;

use hooktender::api::VendorName;
use hooktender::vendor::rules;

use crate::markdown::root;

#[test]
fn each_vendors_page_lists_every_field() {
    for vendor in [VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice] {
        let path = format!("docs/vendors/{}.md", vendor.as_str());
        let text = fs::read_to_string(root().join(&path)).unwrap().to_lowercase();
        let mut sections = text.split("\n## ");
        let section = sections.find(|section| section.lines().next().unwrap().ends_with(" fields")).unwrap();
        // A member may have another case at the vendor.
        let is_missing = |name: &&str| !section.contains(&format!("`{}`", name.to_lowercase()));
        let missing: Vec<_> =
            rules(vendor).fields.iter().map(|field| field.name).filter(is_missing).collect();
        assert!(
            missing.is_empty(),
            "{path} lacks {missing:?}: add a row to the table of its section on fields"
        );
    }
}
