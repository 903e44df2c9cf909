//! `hooktender init`: prints manifests of an account, its login and a subscription, to fill in.
//!
//! It prints and writes no file: where the manifests go, and whether the Secrets may be among them, is the user's decision. The account
//! begins in mode Plan, so that nothing is written at the vendor before a person has seen the plan.

use super::{CommandResult, print};
use crate::api::{NamespaceName, ObjectName, VendorName};
use crate::manifest::{MARK, Manifests, Problem};
use clap::{Args, ValueEnum};

/// Longest name of the account: the names of the other objects are made of it.
const LONGEST_NAME: usize = 63;

/// Flags of `hooktender init`.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The vendor.
    #[arg(value_enum)]
    vendor: Vendor,
    /// The name of the account, with which the names of the other objects begin. Default: the vendor's.
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
    /// The namespace of all objects. Default: none, so that `kubectl apply` decides.
    #[arg(short = 'n', long, value_name = "NAMESPACE", value_parser = NamespaceName::new)]
    namespace: Option<NamespaceName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Vendor {
    Brightpearl,
    Contensis,
    Superoffice,
}

impl Vendor {
    fn name(self) -> VendorName {
        match self {
            Self::Brightpearl => VendorName::Brightpearl,
            Self::Contensis => VendorName::Contensis,
            Self::Superoffice => VendorName::Superoffice,
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Brightpearl => include_str!("brightpearl.yaml"),
            Self::Contensis => include_str!("contensis.yaml"),
            Self::Superoffice => include_str!("superoffice.yaml"),
        }
    }
}

/// Returns a problem for each line of files that is still as `init` printed it, with its mark. A line that is filled in
/// may keep its mark, and a value that is right without a change needs the mark removed.
pub(super) fn unfilled(files: &Manifests) -> impl Iterator<Item = Problem> + '_ {
    files.marked.iter().filter(|line| is_placeholder(&line.text)).map(|line| {
        let message = format!(
            "{} is a placeholder of hooktender init: fill it in, or remove the mark {MARK} if the value is right",
            line.text
        );
        Problem { place: Some(line.place.clone()), message }
    })
}

/// Whether `init` prints this line with a mark.
fn is_placeholder(line: &str) -> bool {
    let templates = Vendor::value_variants().iter().flat_map(|vendor| vendor.template().lines());
    templates.filter_map(|template| template.strip_suffix(MARK)).any(|template| template.trim() == line)
}

/// Parses the name of an account that others are made of.
fn name(text: &str) -> Result<String, String> {
    ObjectName::new("default", text).map_err(|error| error.to_string())?;
    if text.len() > LONGEST_NAME {
        return Err(format!("give at most {LONGEST_NAME} characters: other names begin with it"));
    }
    Ok(text.to_owned())
}

impl Init {
    pub(super) fn run(&self) -> CommandResult {
        print::data(&self.manifests())?;
        Ok(0)
    }

    fn manifests(&self) -> String {
        let name = self.name.as_deref().unwrap_or(self.vendor.name().as_str());
        let namespace = self.namespace.as_ref().map(|namespace| scalar(namespace.as_str()));
        let namespace = namespace.map_or_else(String::new, |namespace| format!("\n  namespace: {namespace}"));
        let template = self.vendor.template().replace("@ACCOUNT@", &scalar(name));
        template.replace("@NAME@", name).replace("@NAMESPACE@", &namespace)
    }
}

/// Returns a name as a YAML string: `on` and `1e3` are names, and would be read as something else.
fn scalar(name: &str) -> String {
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&name);
    if is_word || name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::parse;

    #[test]
    fn what_is_printed_is_valid_and_named_as_asked() {
        for vendor in Vendor::value_variants() {
            for (name, namespace) in [(None, None), (Some("true"), Some("shop")), (Some("1e3"), Some("on"))] {
                let init = Init {
                    vendor: *vendor,
                    name: name.map(str::to_owned),
                    namespace: namespace.map(|name| NamespaceName::new(name).unwrap()),
                };
                let text = init.manifests();
                assert!(
                    !text.contains('@')
                        || text.matches('@').count() == text.matches("ops@example.com").count(),
                    "{text}"
                );
                let found = parse("init.yaml", text.as_bytes(), "other")
                    .unwrap_or_else(|all| panic!("{all:?}\n{text}"));
                let account = &found.accounts[0].object;
                assert_eq!(account.metadata.name.as_deref(), Some(name.unwrap_or(vendor.name().as_str())));
                assert_eq!(account.metadata.namespace.as_deref(), Some(namespace.unwrap_or("other")));
                assert_eq!((found.accounts.len(), found.webhooks.len(), found.secrets.len()), (1, 1, 2));
                assert_eq!(account.spec.vendor.name(), vendor.name());
            }
        }
    }

    #[test]
    fn a_line_that_is_not_filled_in_is_a_problem_until_it_or_its_mark_is_changed() {
        for vendor in Vendor::value_variants() {
            let init = Init { vendor: *vendor, name: Some("shop".into()), namespace: None };
            let text = init.manifests();
            let problems = |text: &str| {
                let found = parse("init.yaml", text.as_bytes(), "other").unwrap();
                unfilled(&found).map(|problem| problem.to_string()).collect::<Vec<_>>()
            };
            let all = problems(&text);
            assert_eq!(all.len(), text.lines().filter(|line| line.ends_with(MARK)).count(), "{all:#?}");
            let (number, line) =
                text.lines().enumerate().find(|(_, line)| line.ends_with("replace-me # <-")).unwrap();
            let said = format!(
                "init.yaml:{}:3: {} is a placeholder of hooktender init",
                number + 1,
                line.trim().trim_end_matches(" # <-")
            );
            assert!(all.iter().any(|problem| problem.starts_with(&said)), "{said} {all:#?}");
            let filled = text.replace("replace-me", "s3cret");
            let left = problems(&filled);
            assert!(left.len() < all.len() && !left.iter().any(|one| one.contains("s3cret")), "{left:#?}");
            assert_eq!(problems(&text.replace(" # <-", "")), [""; 0]);
        }
    }

    #[test]
    fn a_name_of_which_no_others_can_be_made_is_refused() {
        assert!(name("Shop").is_err() && name(&"a".repeat(64)).is_err() && name(&"a".repeat(63)).is_ok());
    }
}
