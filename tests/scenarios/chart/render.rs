//! A real API server accepts what the chart renders, for a dozen sets of values.

use std::sync::OnceLock;

use hooktender_cluster::Cluster;
use serde_json::{Value, json};

use crate::helm::{rendered, stream};
use crate::support::{cluster, kubectl};
use hooktender_cluster::eventually;

/// Sets of values, by name, and how many objects each renders beside the CRDs.
fn sets() -> Vec<(&'static str, Value, usize)> {
    vec![
        ("nothing", json!({}), 9),
        ("plan-only", json!({"planOnly": true, "logFormat": "json", "logLevel": "info,hooktender=debug"}), 9),
        ("three", json!({"replicas": 3}), 12),
        ("one-elects", json!({"leaderElection": "always"}), 11),
        ("two-teams", json!({"watchNamespaces": ["default", "kube-public"], "replicas": 2}), 15),
        (
            "shard",
            json!({"accountSelector": "shard in (a,b)", "concurrency": 100, "settle": "1m", "requestTimeout": "1m30s"}),
            9,
        ),
        (
            "endpoints",
            json!({"allowedEndpoints": ["https://crm.example.com:8443", "http://127.0.0.1:8080",
                {"url": "https://crm.example.com/so", "vendor": "superoffice", "namespace": "crm"}, {"url": "https://cms.example.com"}],
                "listenAddress": "[::]"}),
            9,
        ),
        ("few-secrets", json!({"secrets": {"names": ["a"], "writable": ["b"]}}), 9),
        (
            "theirs",
            json!({"serviceAccount": {"create": false, "name": "theirs"}, "rbac": {"create": false, "userRoles": false},
                "crds": {"install": false}, "metrics": {"service": {"enabled": false}}}),
            2,
        ),
        (
            "image",
            json!({"fullnameOverride": "hooks", "image": {"repository": "registry.example.com:5000/a/b", "digest": format!("sha256:{:064}", 0),
                "pullPolicy": "Always"}, "imagePullSecrets": [{"name": "registry"}], "serviceAccount": {"annotations": {"a": "b"}}}),
            9,
        ),
        (
            "placed",
            json!({"nodeSelector": {"a": "b"}, "priorityClassName": "system-cluster-critical", "podLabels": {"team": "hooks"},
                "podAnnotations": {"a": "b"}, "tolerations": [{"key": "a", "operator": "Exists"}],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}},
                "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchLabels": {"a": "b"}}}],
                "replicas": 2, "podDisruptionBudget": {"maxUnavailable": "50%"}}),
            12,
        ),
        (
            "proxy",
            json!({"extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "SSL_CERT_FILE", "value": "/ca/ca.crt"}],
                "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
                "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": true}]}),
            9,
        ),
        (
            "watched",
            json!({"metrics": {"token": {"secret": "scraper"}, "service": {"port": 9090, "annotations": {"a": "b"}}, "serviceMonitor": {"enabled": true, "labels": {"a": "b"}},
                "prometheusRule": {"enabled": true, "labels": {"a": "b"}}, "dashboard": {"enabled": true, "annotations": {"folder": "hooks"}}}}),
            12,
        ),
        ("pods-watched", json!({"metrics": {"podMonitor": {"enabled": true, "interval": "1m"}}}), 10),
        ("fenced", json!({"networkPolicy": {"enabled": true}}), 10),
        (
            "labelled",
            json!({"commonLabels": {"team": "hooks", "a": "b"}, "podLabels": {"team": "pods"}, "metrics": {"serviceMonitor": {"enabled": true,
                "labels": {"team": "monitoring"}, "relabelings": [{"action": "labeldrop", "regex": "pod"}],
                "metricRelabelings": [{"sourceLabels": ["account"], "targetLabel": "tenant"}]}, "dashboard": {"enabled": true}}}),
            11,
        ),
        (
            "relabelled-pods",
            json!({"metrics": {"podMonitor": {"enabled": true, "relabelings": [{"action": "labeldrop", "regex": "pod"}],
                "metricRelabelings": [{"action": "drop", "regex": "a", "sourceLabels": ["account"]}]}}}),
            10,
        ),
        (
            "pod-options",
            json!({"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["crm.example.com"]}], "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["192.0.2.53"]}, "revisionHistoryLimit": 2, "deploymentAnnotations": {"a": "b"},
                "proxy": {"https": "http://proxy:3128", "http": "http://proxy:3128", "noProxy": ".svc"},
                "tracing": {"endpoint": "http://collector.monitoring.svc:4318"}, "extraArgs": ["--answer-memory=160Mi"],
                "podSecurityContext": {"runAsUser": null, "runAsGroup": null, "fsGroup": 1}, "securityContext": {"privileged": null},
                "global": {"imagePullSecrets": [{"name": "shared"}]}, "imagePullSecrets": [{"name": "registry"}]}),
            9,
        ),
        (
            "more-objects",
            json!({"extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-ca", "namespace": "default"}},
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n  namespace: {{ include \"hooktender.namespace\" . }}\n"]}),
            11,
        ),
        (
            "closely-fenced",
            json!({"networkPolicy": {"enabled": true, "apiServerCIDRs": ["10.0.0.1/32", "fd00::1/128"], "vendorCIDRs": ["192.0.2.0/24"],
                "vendorPorts": [443, 8443], "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
                "extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}]}}),
            10,
        ),
    ]
}

/// The kinds of the Prometheus operator, as far as the chart uses them: its own definitions have ten thousand lines. Members and
/// types are those of its API reference; anything else is refused.
fn with_monitoring() -> &'static Cluster {
    static INSTALLED: OnceLock<&'static Cluster> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let text = || json!({"type": "string"});
        let credentials = json!({"type": "object", "required": ["key"], "properties": {"name": text(), "key": text()}});
        let authorization = json!({"type": "object", "properties": {"type": text(), "credentials": credentials}});
        let names = || json!({"type": "array", "items": text()});
        let relabelings = || json!({"type": "array", "items": {"type": "object", "properties":
            {"action": text(), "regex": text(), "sourceLabels": names(), "targetLabel": text()}}});
        let endpoints = json!({"type": "array", "items": {"type": "object", "properties":
            {"relabelings": relabelings(), "metricRelabelings": relabelings(), "port": text(), "path": text(), "authorization": authorization, "honorLabels": {"type": "boolean"}, "interval": {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}}}});
        let selector = json!({"type": "object", "properties":
            {"matchLabels": {"type": "object", "additionalProperties": text()}}});
        let texts = || json!({"type": "object", "additionalProperties": text()});
        let rule = json!({"type": "object", "required": ["expr"], "properties": {"alert": text(), "record": text(),
            "expr": {"x-kubernetes-int-or-string": true}, "for": text(), "keep_firing_for": text(), "labels": texts(), "annotations": texts()}});
        let groups = json!({"type": "array", "items": {"type": "object", "required": ["name"], "properties":
            {"name": text(), "interval": text(), "rules": {"type": "array", "items": rule}}}});
        for (kind, spec, required) in [
            ("ServiceMonitor", json!({"endpoints": endpoints, "selector": selector}), json!(["endpoints", "selector"])),
            ("PodMonitor", json!({"podMetricsEndpoints": endpoints, "selector": selector}), json!(["selector"])),
            ("PrometheusRule", json!({"groups": groups}), json!([])),
        ] {
            let plural = format!("{}s", kind.to_lowercase());
            let spec = json!({"type": "object", "properties": spec, "required": required});
            let schema = json!({"type": "object", "properties": {"spec": spec}, "required": ["spec"]});
            let crd = json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": {"name": format!("{plural}.monitoring.coreos.com"),
                    "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in"}},
                "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                    "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]},
            });
            cluster().kubectl_apply(&crd.to_string()).unwrap();
        }
        eventually("the kinds of monitoring are served", || {
            kubectl(&["get", "servicemonitors,podmonitors,prometheusrules"], "").success.then_some(()).ok_or(())
        })
        .unwrap();
        cluster()
    })
}

#[test]
fn rendered_objects_are_accepted() {
    with_monitoring();
    let namespace = cluster().namespace("rendered").unwrap();
    let sets: Vec<_> = sets()
        .into_iter()
        .map(|(name, values, number)| (name, rendered(name, &namespace, &values, &[]), values, number))
        .collect();
    // Pods are accepted only where their ServiceAccount exists, and a dry run creates none.
    let pods = sets.iter().flat_map(|(_, objects, ..)| objects).filter(|object| object["kind"] == "Pod");
    let accounts = pods.map(|pod| {
        let metadata = json!({"name": pod["spec"]["serviceAccountName"], "namespace": namespace});
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    });
    cluster().kubectl_apply(&stream(&accounts.collect::<Vec<_>>())).unwrap();
    for (name, objects, values, number) in sets {
        let crds = objects.iter().filter(|object| object["kind"] == "CustomResourceDefinition").count();
        assert_eq!(crds, if values["crds"]["install"] == false { 0 } else { 3 }, "{name}");
        let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
        assert_eq!(objects.len() - crds, number, "{name}: {kinds:?}");
        // Strict: otherwise the API server drops unknown members silently.
        let arguments = ["apply", "--dry-run=server", "--validate=strict", "--filename=-"];
        let applied = kubectl(&arguments, &stream(&objects));
        let taken = applied.stdout.lines().filter(|line| line.ends_with("(server dry run)")).count();
        assert!(applied.success && taken == objects.len(), "{name}: {applied:?}");
    }
}

/// One object of a kind.
fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    objects.iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

/// Nothing in them was read as a template, no number changed, and `make crds` has written the chart's copies.
#[test]
fn the_crds_match_the_code() {
    let objects = rendered("x", "default", &json!({}), &["--show-only=templates/crds.yaml"]);
    let crds = hooktender::api::crds().unwrap();
    assert_eq!(objects.len(), crds.len());
    for crd in crds {
        let crd = serde_json::to_value(crd).unwrap();
        let object = objects.iter().find(|object| object["metadata"]["name"] == crd["metadata"]["name"]);
        let object = object.unwrap();
        assert_eq!(object["spec"], crd["spec"]);
        assert_eq!(object["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
}

#[test]
fn replicas_elect_a_leader_and_are_spread() {
    let objects = rendered("x", "default", &json!({"replicas": 2}), &[]);
    let deployment = &one(&objects, "Deployment")["spec"];
    let pod = &deployment["template"]["spec"];
    let arguments = &pod["containers"][0]["args"];
    assert!(arguments.as_array().unwrap().contains(&json!("--leader-elect")), "{arguments}");
    assert_eq!(deployment["strategy"]["type"], "RollingUpdate");
    assert_eq!(pod["topologySpreadConstraints"][0]["topologyKey"], "kubernetes.io/hostname");
    assert_eq!(one(&objects, "PodDisruptionBudget")["spec"]["maxUnavailable"], 1);
    let alone = rendered("x", "default", &json!({}), &[]);
    let deployment = &one(&alone, "Deployment")["spec"];
    assert_eq!(deployment["strategy"]["type"], "Recreate", "two would work side by side for a moment");
    assert!(alone.iter().all(|object| object["kind"] != "PodDisruptionBudget"));
    let arguments = deployment["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    assert!(!arguments.contains(&json!("--leader-elect")), "{arguments:?}");
}

#[test]
fn allowed_endpoints_become_flags() {
    let values = json!({"allowedEndpoints": [
        "https://a.example,namespace=shop", {"url": "https://b.example/so", "vendor": "superoffice", "namespace": "crm"},
        {"url": "https://c.example", "namespace": "web"},
    ]});
    let objects = rendered("x", "default", &values, &[]);
    let arguments = &one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
    let flags = arguments
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|argument| argument.as_str().unwrap().strip_prefix("--allow-endpoint="));
    assert_eq!(
        flags.collect::<Vec<_>>(),
        [
            "https://a.example,namespace=shop",
            "https://b.example/so,vendor=superoffice,namespace=crm",
            "https://c.example,namespace=web",
        ]
    );
}

#[test]
fn watched_namespaces_have_roles_and_no_cluster_role() {
    let objects =
        rendered("x", "default", &json!({"watchNamespaces": ["a", "b"], "rbac": {"userRoles": false}}), &[]);
    assert!(objects.iter().all(|object| !object["kind"].as_str().unwrap().starts_with("ClusterRole")));
    for kind in ["Role", "RoleBinding"] {
        let all = objects.iter().filter(|object| object["kind"] == kind);
        let places: Vec<_> = all.map(|object| object["metadata"]["namespace"].as_str().unwrap()).collect();
        assert_eq!(places, ["a", "b"], "{kind}");
    }
}

/// The namespace accepts "restricted" Pods only: the API server itself judges each.
#[test]
fn pods_are_restricted() {
    let cluster = cluster();
    let namespace = cluster.namespace("restricted").unwrap();
    let enforce = "pod-security.kubernetes.io/enforce=restricted";
    cluster.kubectl_run(&["label", "namespace", &namespace, enforce]).unwrap();
    let objects = rendered("x", &namespace, &json!({}), &[]);
    cluster.kubectl_apply(&one(&objects, "ServiceAccount").to_string()).unwrap();
    let template = &one(&objects, "Deployment")["spec"]["template"];
    let make = |name: &str, spec: &Value| {
        let metadata = json!({"name": name, "namespace": namespace});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        kubectl(&["create", "--filename=-"], &pod.to_string())
    };
    make("operator", &template["spec"]).accepted();
    make("test", &one(&objects, "Pod")["spec"]).accepted();
    let pod = cluster.kubectl_json(&["get", "pod", "operator", "--namespace", &namespace]).unwrap();
    let container = &pod["spec"]["containers"][0];
    // Beyond the requirements of "restricted".
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert!(
        container["volumeMounts"][0]["mountPath"].as_str().unwrap().contains("serviceaccount"),
        "a token is there"
    );
    let mut other = template["spec"].clone();
    other["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    let refused = make("other", &other).refused();
    assert!(refused.contains(r#"violates PodSecurity "restricted"#), "{refused}");
}
