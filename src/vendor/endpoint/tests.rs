use super::*;
use VendorName::{Brightpearl, Contensis, Superoffice};

#[test]
fn credentials_go_to_the_vendor_or_to_allowed_endpoints() {
    let allowed = self::allowed("http://127.0.0.1:4000,https://crm.example.com");
    let cases = [
        (Brightpearl, "https://euw1.brightpearlconnect.com", true, "the vendor's own"),
        (Contensis, "https://cms-example.cloud.contensis.com/", true, "the vendor's own"),
        (Superoffice, "https://online3.superoffice.com/Cust1", true, "the vendor's own, with a path"),
        (Brightpearl, "https://evilbrightpearlconnect.com", false, "only looks like it"),
        (Brightpearl, "https://brightpearlconnect.com.evil.example", false, "only starts like it"),
        (Brightpearl, "https://online3.superoffice.com", false, "another vendor's"),
        (Brightpearl, "https://euw1.brightpearlconnect.com:8443", false, "another port"),
        (Brightpearl, "http://euw1.brightpearlconnect.com", false, "not encrypted"),
        (Superoffice, "https://crm.example.com/superoffice", true, "allowed"),
        (Superoffice, "https://crm.example.com:444/superoffice", false, "allowed on another port"),
        (Superoffice, "http://127.0.0.1:4000/superoffice", true, "allowed loopback"),
        (Superoffice, "http://127.0.0.1:4001/superoffice", false, "another loopback port"),
        (Superoffice, "file:///etc/passwd", false, "no web address"),
        (Superoffice, "https://online.superoffice.com:443/", true, "the usual port, written out"),
        (Superoffice, "HTTPS://ONLINE.SuperOffice.COM", true, "case does not matter in a host"),
        (
            Superoffice,
            "https://online.superoffice.com@evil.example",
            false,
            "a user name that looks like a host",
        ),
        (Superoffice, "https://u:p@online.superoffice.com", false, "credentials that are in no Secret"),
        (Superoffice, "https://u@crm.example.com", false, "the same at what is allowed"),
        (Superoffice, "https://evil.example\\.superoffice.com", false, "a backslash ends a host"),
        (Superoffice, "https://evil.example/.superoffice.com", false, "a path that looks like a host"),
        (Superoffice, "https://evil.example#.superoffice.com", false, "a fragment that looks like a host"),
        (Superoffice, "https://evil.example?.superoffice.com", false, "a query that looks like a host"),
        (Superoffice, "https://online.superoffice.com./", false, "a trailing dot: another name to some"),
        (Superoffice, "https://superoffice.com", false, "the bare domain is no host of an account"),
        (Superoffice, "https://.superoffice.com", false, "an empty label"),
        (Superoffice, "https://x..superoffice.com", false, "an empty label further on"),
        (Superoffice, "https://online.super\u{43e}ffice.com", false, "a Cyrillic letter that looks the same"),
        (Superoffice, "https://xn--superffice-lgh.com", false, "the same in ASCII"),
        (
            Superoffice,
            "https://online\u{3002}superoffice\u{3002}com",
            true,
            "full stops of another script: the same name",
        ),
        (Superoffice, "https://online%2esuperoffice.com", true, "an escaped full stop: the same name"),
        (
            Superoffice,
            "https://online.superoffice.com%00.evil.example",
            false,
            "a character that no host has",
        ),
        (
            Superoffice,
            "https://online.superoffice.com\t.evil.example",
            false,
            "white space that parsers drop",
        ),
        (Superoffice, "https://crm.example.com.", false, "what is allowed, with a trailing dot"),
        (Superoffice, "https://crm.example.com.evil.example", false, "what is allowed, as a beginning"),
        (Superoffice, "http://localhost:4000", false, "another name of an allowed address"),
        (Superoffice, "http://2130706433:4000", true, "another spelling of an allowed address"),
        (Superoffice, "http://[::1]:4000", false, "loopback, and not the allowed one"),
        (Contensis, "https://cloud.contensis.com.", false, "no account, and a trailing dot"),
        (Contensis, "https://evilcloud.contensis.com", false, "only ends like it"),
    ];
    for (vendor, url, ok, reason) in cases {
        assert_eq!(allowed.of_account(vendor, "shop").check(url).is_ok(), ok, "{url}: {reason}");
    }
}

/// Hosts in the vendors' domains, and whether the vendor runs them. Customers of Contensis run containers at the others.
#[test]
fn hosts_that_customers_run_are_not_the_vendors() {
    let none = AllowedEndpoints::default();
    for (vendor, hosts, ok) in [
        (Contensis, &["cms-example", "cms-my-example"][..], true),
        (Contensis, &["live-example", "preview-example", "staging-example", "iis-live-example"], false),
        (Contensis, &["cms-a.live-example", "live-example.cms-a", "cms-", "xcms-a", "cms", "x.cms-a"], false),
    ] {
        for host in hosts {
            let url = format!("https://{host}.cloud.contensis.com/");
            assert_eq!(none.of_account(vendor, "shop").check(&url).is_ok(), ok, "{url}");
        }
    }
    for (vendor, url, ok) in [
        (Brightpearl, "https://use1.brightpearlconnect.com", true),
        (Brightpearl, "https://.brightpearlconnect.com", false),
        (Brightpearl, "https://a.b.brightpearlconnect.com", false),
        (Brightpearl, "https://ws-eu1.brightpearl.com", true),
        (Brightpearl, "https://ws-eu1.x.brightpearl.com", false),
        (Brightpearl, "https://www.brightpearl.com", false),
        (Brightpearl, "https://oauth.brightpearlapp.com/token/acme", true),
        (Brightpearl, "https://euw1.brightpearlapp.com", false),
        (Superoffice, "https://sod3.superoffice.com/Cust1", true),
        (Superoffice, "https://qaonline.superoffice.com", true),
        (Superoffice, "https://app.superoffice.com/Cust1", true),
        (Superoffice, "https://app2.superoffice.com/Cust1", false),
        (Superoffice, "https://community.superoffice.com", false),
        (Superoffice, "https://online.docs.superoffice.com", false),
        (Superoffice, "https://docs.online.superoffice.com", false),
    ] {
        assert_eq!(none.of_account(vendor, "shop").check(url).is_ok(), ok, "{url}");
    }
}

fn allowed(text: &str) -> AllowedEndpoints {
    text.parse().unwrap()
}

#[test]
fn an_allowed_endpoint_is_limited_to_its_path() {
    let allowed = self::allowed("https://crm.example.com/superoffice/");
    for (path, ok) in [
        ("/superoffice", true),
        ("/superoffice/", true),
        ("/superoffice/eu", true),
        ("/superoffice/./eu", true),
        ("/other/../superoffice", true),
        ("", false),
        ("/", false),
        ("/superofficex", false),
        ("/SuperOffice", false),
        ("//superoffice", false),
        ("/superoffice/..", false),
        ("/superoffice/../admin", false),
        ("/superoffice/%2e%2E/admin", false),
        ("/superoffice\\..\\admin", false),
        ("/superoffice/..%2fadmin", false),
        ("/superoffice/%2e%2e%2Fadmin", false),
        ("/superoffice/..%5cadmin", false),
        ("/superoffice/..;/admin", false),
        ("/superoffice/..%3b/admin", false),
        ("/superoffice/%252e%252e/admin", false),
        ("/superoffice/..%00/admin", false),
        ("/superoffice/\t../admin", false),
    ] {
        let checked = allowed.of_account(Superoffice, "crm").check(&format!("https://crm.example.com{path}"));
        assert_eq!(checked.is_ok(), ok, "{path}: {checked:?}");
    }
    let of = self::allowed("https://crm.example.com").of_account(Superoffice, "crm");
    assert!(of.check("https://crm.example.com/a/..%2fb").is_err(), "servers resolve that path differently");
}

#[test]
fn an_allowed_endpoint_is_limited_to_its_vendor_and_namespace() {
    let list = "https://crm.example.com/a,vendor=superoffice,namespace=crm,https://cms.example.com,vendor=contensis,http://127.0.0.1:1";
    let allowed = self::allowed(list);
    for (vendor, namespace, url, ok) in [
        (Superoffice, "crm", "https://crm.example.com/a", true),
        (Superoffice, "crm", "https://crm.example.com/b", false),
        (Superoffice, "shop", "https://crm.example.com/a", false),
        (Contensis, "crm", "https://crm.example.com/a", false),
        (Contensis, "shop", "https://cms.example.com/any", true),
        (Brightpearl, "shop", "https://cms.example.com/any", false),
        (Brightpearl, "any", "http://127.0.0.1:1/any", true),
    ] {
        let checked = allowed.of_account(vendor, namespace).check(url);
        assert_eq!(checked.is_ok(), ok, "{vendor} {namespace} {url}: {checked:?}");
    }
    let message =
        allowed.of_account(Contensis, "shop").check("https://crm.example.com/a").unwrap_err().to_string();
    assert!(message.contains("not with this path for contensis accounts of namespace shop"), "{message}");
    assert!(!message.contains("namespace crm"), "{message}");
    let twice = self::allowed("https://a.example,namespace=x,https://a.example,namespace=y");
    assert!(["x", "y"].iter().all(|of| twice.of_account(Contensis, of).check("https://a.example/").is_ok()));
    // The vendor's own hosts are always allowed.
    let narrow = self::allowed("https://online.superoffice.com,namespace=crm");
    assert!(narrow.of_account(Superoffice, "shop").check("https://online.superoffice.com/").is_ok());
}

/// The flag can be copied from the message, and it allows the address.
#[test]
fn a_refused_address_names_the_flag_that_allows_it() {
    let some = allowed("https://crm.example.com/other");
    for (all, url, value) in [
        (&AllowedEndpoints::default(), "https://host:8443", "https://host:8443"),
        (&AllowedEndpoints::default(), "https://host/a/b/", "https://host/a/b"),
        (&AllowedEndpoints::default(), "http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        (&some, "https://crm.example.com/superoffice", "https://crm.example.com/superoffice"),
        // What a shell or the flag would read differently is not repeated.
        (&some, "https://crm.example.com/a,vendor=contensis", "https://crm.example.com"),
        (&some, "https://crm.example.com/$(reboot)", "https://crm.example.com"),
        (&some, "https://crm.example.com/a;b", "https://crm.example.com"),
    ] {
        let message = all.of_account(Superoffice, "crm").check(url).unwrap_err().to_string();
        let value = format!("{value},vendor=superoffice,namespace=crm");
        let flag = format!("--allow-endpoint {value} (in the chart: allowedEndpoints)");
        assert!(message.ends_with(&flag), "{url}: {message}");
        assert!(self::allowed(&value).of_account(Superoffice, "crm").check(url).is_ok(), "{value}");
    }
    let plain = some.of_account(Superoffice, "crm").check("http://10.0.0.1/").unwrap_err().to_string();
    assert_eq!(
        plain,
        "http://10.0.0.1 is not https: write https, as plain http is possible only for a loopback address"
    );
}

#[test]
fn an_allowed_endpoint_is_encrypted_and_unambiguous() {
    for bad in [
        "http://10.0.0.1",
        "ftp://host",
        "host:80",
        "https://u@host",
        "https://:p@host",
        "https://host?q",
        "https://host#f",
        "",
        "https://host/a/../b",
        "https://host/a//b",
        "https://host//a",
        "https://host/a%2fb",
        "https://host/a/..;/b",
        "https://host,",
        "https://host,path",
        "https://host,vendor=acme",
        "https://host,vendor=",
        "https://host,namespace=A_b",
        "https://host,namespace=",
        "https://host,namespace=a,namespace=b",
        "https://host,port=1",
        "vendor=contensis",
        "https://host,,https://other",
    ] {
        assert!(bad.parse::<AllowedEndpoints>().is_err(), "{bad}");
    }
    for good in [
        "https://host",
        "https://host:8443/",
        "http://localhost:1",
        "http://[::1]:1",
        "https://host/path",
        "https://host/a-b/c_d/,namespace=a",
    ] {
        assert!(good.parse::<AllowedEndpoints>().is_ok(), "{good}");
    }
}

#[test]
fn a_path_segment_stays_one_segment() {
    let at = |base: &str, segments: &[&str]| {
        let endpoint = allowed("https://host").of_account(Superoffice, "default").check(base).unwrap();
        endpoint.join(segments.iter().copied()).path().to_owned()
    };
    assert_eq!(at("https://host/a/", &["Webhook", "7"]), "/a/Webhook/7");
    assert_eq!(at("https://host", &["Webhook"]), "/Webhook");
    assert_eq!(
        at("https://host/a", &["..", "../x", "%2e%2e", "a\\b", "c?d#e"]),
        "/a/..%2Fx/%252e%252e/a%5Cb/c%3Fd%23e"
    );
}
