//! Access reviews: a SelfSubjectAccessReview for the user of the kubeconfig, a SubjectAccessReview for another.

use crate::cli::cluster_reader::api_message;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};

/// Reviews that are made at once.
pub(super) const MAX_REVIEWS: usize = 8;

/// Returns whether a user may do something.
pub(super) async fn may(
    client: &Client,
    what: ResourceAttributes,
    user: Option<&str>,
) -> Result<bool, String> {
    let (params, failed) = (PostParams::default(), |error: kube::Error| api_message(&error));
    if let Some(user) = user {
        let spec = SubjectAccessReviewSpec {
            resource_attributes: Some(what),
            user: Some(user.to_owned()),
            groups: Some(groups_of(user)),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer =
            Api::<SubjectAccessReview>::all(client.clone()).create(&params, &review).await.map_err(failed)?;
        return Ok(answer.status.is_some_and(|status| status.allowed));
    }
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(what), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let answer =
        Api::<SelfSubjectAccessReview>::all(client.clone()).create(&params, &review).await.map_err(failed)?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Returns the groups that a user has by its name: those of a ServiceAccount, and that of all who are logged in.
fn groups_of(user: &str) -> Vec<String> {
    let account = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let of_account = account.map(|(namespace, _)| {
        ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
    });
    of_account.into_iter().flatten().chain(["system:authenticated".to_owned()]).collect()
}

/// Returns the name of the user of the kubeconfig, if the API server tells.
pub(super) async fn own_name(client: &Client) -> Option<String> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok()?;
    answer.status?.user_info?.username
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_has_its_groups() {
        let groups = groups_of("system:serviceaccount:hooks:operator");
        assert_eq!(
            groups,
            ["system:serviceaccounts", "system:serviceaccounts:hooks", "system:authenticated"]
        );
        assert_eq!(groups_of("ann"), ["system:authenticated"]);
    }
}
