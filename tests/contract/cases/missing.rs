//! The kinds of 404: an unknown account, a page of a proxy, a missing subscription.

use crate::bench::{Bench, fails, says};
use crate::column::Column;
use crate::run::{Case, cases};
use crate::samples::{document, foreign};
use hooktender::api::VendorName;
use hooktender::plan::ExternalId;
use hooktender::vendor::Class;
use serde_json::json;

pub(super) fn cases() -> Vec<Case> {
    cases![
        "an account that nobody knows is never \"none\"" => unknown_account,
        "a foreign 404 is never \"none\"" => foreign_404,
        "an id that nobody knows is deleted already" => unknown_id,
        "a foreign 404 does not delete" => foreign_404_on_delete,
        "a redirect is not followed" => redirect,
    ]
}

async fn unknown_account(bench: Bench) {
    let mut nobody = bench.another().await;
    nobody.account = bench.column.account("nobody", &bench.world);
    // The logins of Contensis and of refresh tokens do not depend on the account, the others do.
    let connection = nobody.connect();
    let error = match connection.list().await {
        Ok(all) => panic!("it was taken for an empty account: {all:?}"),
        Err(error) => error,
    };
    match bench.column {
        Column::StaffToken | Column::AccountToken | Column::Oauth => {
            assert_eq!(error.class, Class::Unavailable, "{error:?}");
            says(&error, &["account code", "datacentre"]);
        }
        Column::ClientCredentials | Column::Classic => {
            assert_eq!(error.class, Class::Rejected, "{error:?}");
            says(&error, &["project"]);
        }
        Column::SystemUser | Column::RefreshToken | Column::Ticket => {
            assert_eq!(error.class, Class::Rejected, "{error:?}");
            says(&error, &["customerId", "nobody"]);
        }
        Column::Basic | Column::Bearer => {
            assert_eq!(error.class, Class::Unavailable, "{error:?}");
            says(&error, &["address"]);
        }
    }
    let created = connection.create(&document(bench.column, "one")).await;
    assert!(created.is_err_and(|error| !error.outcome_unknown));
}

async fn foreign_404(bench: Bench) {
    bench.insert(&foreign(bench.column.vendor(), "one")).await;
    let connection = bench.connected().await;
    for (body, kind) in
        [("<html>Not found</html>", "text/html"), ("", "text/plain"), ("{}", "application/json")]
    {
        bench.fault(json!({"operation": "list", "kind": "status", "status": 404, "body": body, "contentType": kind}))
            .await;
        let error = fails(connection.list().await, Class::Unavailable);
        assert_eq!(error.status, Some(404));
    }
    assert_eq!(connection.list().await.unwrap().observed.len(), 1);
}

async fn unknown_id(bench: Bench) {
    let connection = bench.connected().await;
    let id = match bench.column.vendor() {
        VendorName::Contensis => "00000000-0000-4000-8000-000000000042",
        VendorName::Brightpearl | VendorName::Superoffice => "4242",
    };
    connection.delete(&ExternalId::new(id).unwrap()).await.unwrap();
    assert_eq!(bench.count("delete").await, 1);
}

async fn foreign_404_on_delete(bench: Bench) {
    let connection = bench.connected().await;
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    let page = json!({"operation": "delete", "kind": "status", "status": 404, "body": "<html>", "contentType": "text/html"});
    bench.fault(page).await;
    fails(connection.delete(&made.id).await, Class::Unavailable);
    assert_eq!(bench.stored().await.len(), 1);
    connection.delete(&made.id).await.unwrap();
}

async fn redirect(bench: Bench) {
    let connection = bench.connected().await;
    let location = json!({"location": "https://login.example.com/?next=x"});
    for operation in ["list", "create"] {
        bench
            .fault(json!({"operation": operation, "kind": "status", "status": 302, "headers": location}))
            .await;
    }
    says(&fails(connection.list().await, Class::Unavailable), &["login.example.com", "follows no redirects"]);
    let error = fails(connection.create(&document(bench.column, "one")).await, Class::Unavailable);
    assert!(!error.outcome_unknown, "nothing was done: {error:?}");
}
