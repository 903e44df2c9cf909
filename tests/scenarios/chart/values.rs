//! Values that make no sense are refused with a message.

use serde_json::{Value, json};

use crate::helm::{chart, helm, template};
use crate::support::cluster;

/// Values, and a part of the message that refuses them.
type Refused = Vec<(Value, &'static str)>;

/// What the schema refuses.
fn against_the_schema() -> Refused {
    vec![
        (json!({"replica": 2}), "at '': additional properties 'replica' not allowed"),
        (json!({"replicas": "two"}), "at '/replicas': got string, want integer"),
        (json!({"replicas": -1}), "at '/replicas': minimum: got -1, want 0"),
        (json!({"settle": null}), "missing property 'settle'"),
        (json!({"planOnly": "yes"}), "at '/planOnly': got string, want boolean"),
        (json!({"logFormat": "xml"}), "at '/logFormat': value must be one of 'text', 'json'"),
        (json!({"concurrency": 0}), "at '/concurrency': minimum: got 0, want 1"),
        (
            json!({"image": {"pullPolicy": "Sometimes"}}),
            "at '/image/pullPolicy': value must be one of 'Always'",
        ),
        (json!({"secrets": {"watched": true}}), "at '/secrets': additional properties 'watched' not allowed"),
        (json!({"watchNamespaces": "a"}), "at '/watchNamespaces': got string, want array"),
        (json!({"watchNamespaces": ["a", "a"]}), "at '/watchNamespaces': items at 0 and 1 are equal"),
        (json!({"podLabels": {"a": 1}}), "at '/podLabels/a': got number, want string"),
        (json!({"metrics": {"service": {"port": 70000}}}), "at '/metrics/service/port': maximum: got 70,000"),
        (json!({"accountSelector": "a=\"b\""}), "at '/accountSelector': 'a=\"b\"' does not match pattern"),
        (
            json!({"logLevel": "verbose"}),
            "at '/logLevel': value must be one of 'off', 'error', 'warn', 'info', 'debug', 'trace'",
        ),
        (json!({"logLevel": "info,hooktender=verbose"}), "at '/logLevel': "),
        (
            json!({"image": {"pullSecrets": []}}),
            "at '/image': additional properties 'pullSecrets' not allowed",
        ),
        (json!({"extraArgs": ["-n"]}), "at '/extraArgs/0': '-n' does not match pattern"),
        (
            json!({"tracing": {"endpoint": "collector:4318"}}),
            "at '/tracing/endpoint': 'collector:4318' does not match",
        ),
        (json!({"dnsPolicy": "Cluster"}), "at '/dnsPolicy': value must be one of '', 'ClusterFirst'"),
    ]
}

/// Text that the program could not read.
fn malformed() -> Refused {
    vec![
        (
            json!({"watchNamespaces": ["Shop"]}),
            r#"watchNamespaces: "Shop" is not a valid namespace name: lower case letters, digits and dashes only"#,
        ),
        (json!({"secrets": {"names": ["a/b"]}}), r#"secrets: "a/b" is not a valid Secret name"#),
        (
            json!({"allowedEndpoints": ["http://crm.example.com"]}),
            "is not a valid endpoint: write https, host, port, and optionally a path, such as https://crm",
        ),
        (json!({"allowedEndpoints": ["https://crm.example.com?a"]}), "is not a valid endpoint: write https"),
        (
            json!({"allowedEndpoints": ["https://crm.example.com/a%2fb"]}),
            "is not a valid endpoint: write https",
        ),
        (
            json!({"allowedEndpoints": [{"url": "http://crm.example.com"}]}),
            "is not a valid endpoint: write https",
        ),
        (
            json!({"allowedEndpoints": [{"url": "https://crm.example.com", "namespace": "A_b"}]}),
            r#"allowedEndpoints: "A_b" is not a valid namespace name"#,
        ),
        (json!({"settle": "30"}), r#"settle: "30" is not a valid interval: write it like 90s, 5m or 1h30m"#),
        (
            json!({"accountSelector": "shard in (a"}),
            r#"accountSelector: "shard in (a" is not a valid label selector: write it like shard=a or shard in (a,b)"#,
        ),
        (json!({"accountSelector": "a=b=c"}), r#"accountSelector: "a=b=c" is not a valid label selector"#),
        (json!({"namespaceOverride": "A"}), r#"namespaceOverride: "A" is not a valid namespace name"#),
        (json!({"image": {"digest": "sha256:12"}}), r#"image.digest: "sha256:12" is not a valid digest"#),
        (
            json!({"listenAddress": "::"}),
            r#"listenAddress: "::" is not a valid address: write it like 0.0.0.0 or [::]"#,
        ),
        (
            json!({"networkPolicy": {"vendorCIDRs": ["10.0.0.1"]}}),
            r#"networkPolicy: "10.0.0.1" is not a valid address range: write it like 10.0.0.1/32"#,
        ),
    ]
}

/// Values that the schema allows, but that do not work, or not together.
fn contradictory() -> Refused {
    vec![
        (
            json!({"replicas": 2, "leaderElection": "never"}),
            "leaderElection=never is for one replica, and replicas is 2: set it to auto",
        ),
        (
            json!({"serviceAccount": {"create": false}}),
            "serviceAccount.name is missing: with serviceAccount.create=false, set the ServiceAccount of the operator",
        ),
        (
            json!({"metrics": {"service": {"enabled": false}, "serviceMonitor": {"enabled": true}}}),
            "metrics.serviceMonitor needs the Service: enable metrics.service too",
        ),
        (
            json!({"metrics": {"podMonitor": {"enabled": true}, "serviceMonitor": {"enabled": true}}}),
            "metrics.serviceMonitor and metrics.podMonitor would scrape everything twice",
        ),
        (json!({"requestTimeout": "0s"}), r#"requestTimeout: "0s" leaves no time for an answer"#),
        (
            json!({"image": {"repository": ""}}),
            "image.repository is missing: there is no public image, so build one (`make image`), push it to a registry of yours, \
             and add --set image.repository=registry.example.com/hooktender",
        ),
        (
            json!({"enabled": false}),
            "enabled=false has an effect in a parent chart only: give the dependency there `condition: hooktender.enabled`",
        ),
        (
            json!({"podLabels": {"app.kubernetes.io/name": "foo"}}),
            "podLabels: the chart itself sets the label app.kubernetes.io/name: remove it there",
        ),
        (
            json!({"commonLabels": {"helm.sh/chart": "foo"}}),
            "commonLabels: the chart itself sets the label helm.sh/chart: remove it there",
        ),
        (
            json!({"extraArgs": ["--log-level=debug"]}),
            "extraArgs: --log-level is set by the value logLevel: use that",
        ),
        (
            json!({"extraArgs": ["--plan-only"]}),
            "extraArgs: --plan-only is set by the value planOnly: use that",
        ),
        (
            json!({"proxy": {"https": "http://a"}, "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://b"}]}),
            "extraEnv: HTTPS_PROXY is set by the value proxy, too: remove one of them",
        ),
    ]
}

#[test]
fn values_that_make_no_sense_are_refused_with_a_message() {
    for (values, words) in [against_the_schema(), malformed(), contradictory()].concat() {
        let answer = template("wrong", "default", &values, &[]);
        let said = answer.refused();
        assert!(said.contains(words), "{values}: no {words:?} in:\n{said}");
    }
}

/// The schema knows what the program takes: it must not refuse more.
#[test]
fn log_levels_and_selectors_that_the_program_takes_are_accepted() {
    for level in [
        "off",
        "trace",
        "info,hooktender=debug",
        "hooktender::engine=trace",
        "warn,hooktender[pass]=debug,kube=off",
    ] {
        template("level", "default", &json!({"logLevel": level}), &[]).accepted();
    }
    for selector in [
        "",
        "shard",
        "!shard",
        "shard=a",
        "shard==a",
        "shard != a",
        "shard in (a,b)",
        "shard in (a, b),tier notin (c)",
        "example.com/shard=a,app.kubernetes.io/part-of,empty=",
    ] {
        template("selector", "default", &json!({"accountSelector": selector}), &[]).accepted();
    }
}

#[test]
fn the_linter_finds_nothing() {
    let answer = helm(cluster(), &["lint", "--strict", chart().to_str().unwrap()], &json!({}));
    assert!(answer.success, "{}{}", answer.stdout, answer.stderr);
    assert!(!answer.stdout.contains("[WARNING]"), "{}", answer.stdout);
}
