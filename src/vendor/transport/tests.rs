use super::*;
use crate::api::brightpearl::{AppToken, BrightpearlAccount, BrightpearlCredentials};
use crate::api::{SecretKeyRef, account::Vendor};
use std::sync::atomic::{AtomicU32, Ordering};

fn account() -> Vendor {
    let token_secret_ref = SecretKeyRef { name: "login".into(), key: "token".into() };
    Vendor::Brightpearl(BrightpearlAccount {
        datacenter: Some("euw1".into()),
        url: None,
        account: "acme".into(),
        credentials: BrightpearlCredentials::StaffToken(AppToken {
            app_ref: "acme_ops".into(),
            token_secret_ref,
        }),
    })
}

/// The gate behind the type: whatever the code above it does, a client that may only read sends no write.
#[tokio::test]
async fn a_client_that_may_only_read_sends_no_write() {
    let calls = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&calls);
    let report: Reporter = Arc::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let budget = Arc::new(Budget::of(&account(), None));
    let transport =
        Transport::new(VendorName::Brightpearl, Access::ReadOnly, Redactor::default(), budget, report)
            .unwrap();
    // Nobody listens there: a call that gets through fails, and is counted.
    let url = || Url::parse("http://127.0.0.1:9/").unwrap();
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let error = transport.send(Call::new(operation, Method::POST, url())).await.err().unwrap();
        assert_eq!((error.class, error.outcome_unknown), (Class::Rejected, false), "{error}");
        assert!(error.message.contains("may only read"), "{error}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert!(transport.send(Call::new(Operation::List, Method::GET, url())).await.is_err());
    assert_ne!(calls.load(Ordering::Relaxed), 0, "a read is sent");
}
