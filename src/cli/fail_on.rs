//! The exit code of `plan`, as `--fail-on` asks for it.

use crate::plan::report::{Outlook, Report};
use clap::ValueEnum;

/// What makes `plan` fail, instead of changes and blocked ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// A subscription was changed at its vendor, whether the change is to be undone or left. Exit code 2.
    Drift,
    /// Something cannot be read, or cannot be applied as it is declared. Exit code 1.
    Blocked,
    /// Something would be written at a vendor, now or when plan mode ends. Exit code 2.
    Changes,
}

/// Returns the exit code of a plan. An account of which no plan could be made is always a failure, as its drift and changes
/// are unknown.
pub(super) fn exit_code(report: &Report, fail_on: &[FailOn]) -> u8 {
    if fail_on.is_empty() {
        return report.result.exit_code();
    }
    let asked = |what| fail_on.contains(&what);
    if report.counts.accounts_not_planned > 0 || asked(FailOn::Blocked) && report.result == Outlook::Blocked {
        Outlook::Blocked.exit_code()
    } else if asked(FailOn::Changes) && report.has_changes() || asked(FailOn::Drift) && report.has_drift() {
        Outlook::Changes.exit_code()
    } else {
        Outlook::NoChanges.exit_code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::Action;
    use crate::api::{ObjectKey, VendorName};
    use crate::plan::Cause;
    use crate::plan::report::{AccountReport, Class, WebhookReport};

    fn webhook(class: Class, action: Action, cause: Cause) -> WebhookReport {
        let is_held = class != Class::of(action);
        WebhookReport {
            class,
            action,
            cause,
            held: is_held.then(|| class.held("Reason", "message")),
            calls: usize::from(action != Action::None),
            ..WebhookReport::unknown(ObjectKey::new("shop", "one"), class, class.held("", ""))
        }
    }

    fn report(webhooks: Vec<WebhookReport>, not_planned: bool) -> Report {
        let account = AccountReport {
            namespace: "shop".into(),
            name: "account".into(),
            vendor: VendorName::Contensis,
            identity: "movies".into(),
            held: not_planned.then(|| Class::NotPlanned.held("Credentials", "refused")),
            not_planned,
            advice: None,
            webhooks,
            unmanaged: Vec::new(),
            about_seconds: None,
        };
        Report::new(vec![account], Vec::new(), 1)
    }

    #[test]
    fn a_plan_fails_on_what_is_asked_for_and_on_what_could_not_be_planned() {
        use FailOn::{Blocked, Changes, Drift};
        let left = || webhook(Class::Drifted, Action::Update, Cause::VendorEdit);
        let undone = || webhook(Class::Update, Action::Update, Cause::VendorEdit);
        let suspended = || webhook(Class::Suspended, Action::Update, Cause::VendorEdit);
        let planned = || webhook(Class::PlannedOnly, Action::Create, Cause::New);
        let created = || webhook(Class::Create, Action::Create, Cause::New);
        let blocked = || webhook(Class::Blocked, Action::None, Cause::InSync);
        let cases: [(_, &[FailOn], _); 15] = [
            (vec![left()], &[], 0),
            (vec![left()], &[Drift], 2),
            (vec![left()], &[Changes, Blocked], 0),
            (vec![undone()], &[Drift], 2),
            (vec![undone()], &[Changes], 2),
            (vec![suspended()], &[Drift, Changes, Blocked], 0),
            (vec![planned()], &[], 2),
            (vec![planned()], &[Changes], 2),
            (vec![planned()], &[Drift], 0),
            (vec![created(), blocked()], &[], 1),
            (vec![created(), blocked()], &[Changes], 2),
            (vec![created(), blocked()], &[Changes, Blocked], 1),
            (vec![created(), blocked()], &[Drift], 0),
            (vec![blocked()], &[Changes], 0),
            (vec![blocked()], &[Blocked], 1),
        ];
        for (n, (webhooks, fail_on, code)) in cases.into_iter().enumerate() {
            assert_eq!(exit_code(&report(webhooks, false), fail_on), code, "case {n}");
        }
        for fail_on in [&[][..], &[Drift], &[Changes], &[Blocked]] {
            assert_eq!(exit_code(&report(Vec::new(), true), fail_on), 1, "{fail_on:?}");
        }
    }
}
