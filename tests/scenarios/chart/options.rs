//! Values that other charts have too: where they end up.

use std::fs;

use serde_json::{Value, json};

use crate::command::Folder;
use crate::helm::{chart, objects, rendered, template};
use crate::support::{cluster, fed};

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The specs of all Pods that the chart makes: the Deployment's, and those of `helm test`.
fn pods(objects: &[Value]) -> Vec<&Value> {
    let deployments =
        of_kind(objects, "Deployment").into_iter().map(|object| &object["spec"]["template"]["spec"]);
    deployments.chain(of_kind(objects, "Pod").into_iter().map(|object| &object["spec"])).collect()
}

#[test]
fn each_test_pod_has_one_container_and_is_kept_until_the_next_test() {
    let values = json!({"watchNamespaces": ["a", "b"], "requestTimeout": "9s"});
    let objects = rendered("x", "default", &values, &[]);
    let seen: Vec<_> = of_kind(&objects, "Pod")
        .into_iter()
        .map(|pod| {
            let annotations = &pod["metadata"]["annotations"];
            assert_eq!(annotations["helm.sh/hook"], "test");
            assert_eq!(annotations["helm.sh/hook-delete-policy"], "before-hook-creation");
            let containers = pod["spec"]["containers"].as_array().unwrap();
            assert_eq!(containers.len(), 1, "helm test --logs reads one container only");
            let arguments = containers[0]["args"].as_array().unwrap().iter();
            let arguments: Vec<_> = arguments.map(|argument| argument.as_str().unwrap()).collect();
            (
                pod["metadata"]["name"].as_str().unwrap(),
                annotations["helm.sh/hook-weight"].as_str().unwrap(),
                arguments.join(" "),
            )
        })
        .collect();
    let plan = |namespace: &str| {
        format!("plan --exit-zero --namespace={namespace} --request-timeout=9s --settle=30s")
    };
    assert_eq!(
        seen,
        [
            ("x-hooktender-test-ready", "0", "ready --address=x-hooktender.default.svc:8080".to_owned()),
            ("x-hooktender-test-plan-0", "1", plan("a")),
            ("x-hooktender-test-plan-1", "1", plan("b")),
        ]
    );
}

#[test]
fn openshift_can_assign_ids_and_the_rest_stays_restricted() {
    let values = json!({"podSecurityContext": {"runAsUser": null, "runAsGroup": null}});
    for pod in pods(&rendered("x", "default", &values, &[])) {
        assert_eq!(
            pod["securityContext"],
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}})
        );
        assert_eq!(
            pod["containers"][0]["securityContext"],
            json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "privileged": false, "capabilities": {"drop": ["ALL"]}})
        );
    }
    for pod in pods(&rendered("x", "default", &json!({}), &[])) {
        assert_eq!(pod["securityContext"]["runAsUser"], 65532);
        assert_eq!(pod["securityContext"]["runAsGroup"], 65532);
    }
}

#[test]
fn options_of_pods_hold_for_all_pods() {
    let values = json!({
        "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["crm.example.com"]}], "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["192.0.2.53"]}, "imagePullSecrets": [{"name": "registry"}],
        "global": {"imagePullSecrets": [{"name": "shared"}]}, "nodeSelector": {"a": "b"},
        "proxy": {"https": "http://proxy:3128", "noProxy": ".svc"}, "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/ca"}],
    });
    let objects = rendered("x", "default", &values, &[]);
    assert_eq!(pods(&objects).len(), 3);
    for pod in pods(&objects) {
        assert_eq!(pod["hostAliases"], values["hostAliases"]);
        assert_eq!((&pod["dnsPolicy"], &pod["dnsConfig"]), (&values["dnsPolicy"], &values["dnsConfig"]));
        assert_eq!(pod["imagePullSecrets"], json!([{"name": "registry"}, {"name": "shared"}]));
        assert_eq!(pod["nodeSelector"], values["nodeSelector"]);
        let variables = pod["containers"][0]["env"].as_array().unwrap().iter();
        let variables: Vec<_> = variables.filter(|variable| variable["value"].is_string()).cloned().collect();
        assert_eq!(
            variables,
            [
                json!({"name": "HTTPS_PROXY", "value": "http://proxy:3128"}),
                json!({"name": "NO_PROXY", "value": ".svc"}),
                json!({"name": "SSL_CERT_FILE", "value": "/ca"}),
            ]
        );
    }
}

#[test]
fn options_of_the_operator_are_flags_and_members_of_its_deployment() {
    let values = json!({
        "extraArgs": ["--answer-memory=160Mi"], "tracing": {"endpoint": "http://collector:4318"}, "revisionHistoryLimit": 2,
        "deploymentAnnotations": {"reloader": "auto"},
    });
    let objects = rendered("x", "default", &values, &[]);
    let deployment = of_kind(&objects, "Deployment")[0];
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    assert!(
        arguments
            .ends_with(&[json!("--otlp-endpoint=http://collector:4318"), json!("--answer-memory=160Mi")])
    );
    assert_eq!(deployment["spec"]["revisionHistoryLimit"], 2);
    assert_eq!(deployment["metadata"]["annotations"], values["deploymentAnnotations"]);
}

#[test]
fn common_labels_are_on_everything_but_in_no_selector() {
    let values = json!({
        "commonLabels": {"team": "hooks", "tier": "back"}, "podLabels": {"team": "pods"},
        "metrics": {"podMonitor": {"enabled": true, "labels": {"team": "monitoring"}}, "prometheusRule": {"enabled": true},
            "dashboard": {"enabled": true}},
        "networkPolicy": {"enabled": true}, "replicas": 2,
    });
    let objects = rendered("x", "default", &values, &[]);
    for object in &objects {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["tier"], "back", "{} {}", object["kind"], object["metadata"]["name"]);
        // Labels that are closer to the object win.
        let team = if object["kind"] == "PodMonitor" { "monitoring" } else { "hooks" };
        assert_eq!(labels["team"], team, "{}", object["kind"]);
    }
    let spec = &of_kind(&objects, "Deployment")[0]["spec"];
    assert_eq!(spec["template"]["metadata"]["labels"]["team"], "pods");
    assert_eq!(spec["template"]["metadata"]["labels"]["tier"], "back");
    // Immutable, and labels may change.
    assert_eq!(spec["selector"]["matchLabels"].as_object().unwrap().len(), 3);
}

#[test]
fn another_namespace_is_that_of_all_objects_and_subjects() {
    let values = json!({"namespaceOverride": "elsewhere", "replicas": 2, "networkPolicy": {"enabled": true},
        "metrics": {"serviceMonitor": {"enabled": true}, "dashboard": {"enabled": true}}});
    let objects = rendered("x", "default", &values, &[]);
    for object in &objects {
        let namespace = &object["metadata"]["namespace"];
        assert!(namespace.is_null() || namespace == "elsewhere", "{}: {namespace}", object["kind"]);
        for subject in object["subjects"].as_array().into_iter().flatten() {
            assert_eq!(subject["namespace"], "elsewhere");
        }
    }
    let address =
        objects.iter().find(|object| object["metadata"]["name"] == "x-hooktender-test-ready").unwrap();
    assert_eq!(address["spec"]["containers"][0]["args"][1], "--address=x-hooktender.elsewhere.svc:8080");
}

#[test]
fn templates_in_additional_objects_are_rendered() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, namespace: '{{ include \"hooktender.namespace\" . }}'}\n";
    let values = json!({"extraObjects": [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-one"}}, text,
    ]});
    let objects = rendered("x", "home", &values, &["--show-only=templates/extra.yaml"]);
    let seen: Vec<_> = objects.iter().map(|object| &object["metadata"]).collect();
    assert_eq!(seen, [&json!({"name": "x-one"}), &json!({"name": "two", "namespace": "home"})]);
}

/// Without quotes, YAML 1.1 reads this name as a truth value, and the API server refuses a label that is none.
#[test]
fn a_release_may_be_called_y() {
    let values = json!({"replicas": 2, "networkPolicy": {"enabled": true}});
    let text = template("y", "default", &values, &[]).accepted();
    assert!(text.contains("app.kubernetes.io/instance: \"y\"\n"));
    assert!(!text.contains("app.kubernetes.io/instance: y\n"), "{text}");
}

/// A parent chart with this one as a dependency, as platform teams have it.
#[test]
fn a_parent_chart_can_leave_it_out() {
    let parent = Folder::new();
    let write = |name: &str, text: &str| fs::write(parent.path().join(name), text).unwrap();
    let version =
        serde_saphyr::from_str::<Value>(&fs::read_to_string(chart().join("Chart.yaml")).unwrap()).unwrap();
    let version = version["version"].as_str().unwrap();
    write(
        "Chart.yaml",
        &format!(
            "apiVersion: v2\nname: platform\nversion: 1.0.0\ndependencies:\n- {{name: hooktender, version: {version}, condition: hooktender.enabled}}\n"
        ),
    );
    fs::create_dir(parent.path().join("charts")).unwrap();
    std::os::unix::fs::symlink(chart(), parent.path().join("charts/hooktender")).unwrap();
    let render = |enabled: bool| {
        write(
            "values.yaml",
            &json!({"global": {"imagePullSecrets": [{"name": "shared"}]},
                "hooktender": {"enabled": enabled, "image": {"repository": "registry.example.com/hooktender"}}})
            .to_string(),
        );
        let mut helm = cluster().helm();
        objects(&fed(helm.args(["template", "x", parent.text(), "--kube-version=1.36.3"]), "").accepted())
    };
    assert_eq!(pods(&render(true))[0]["imagePullSecrets"], json!([{"name": "shared"}]));
    assert!(render(false).is_empty());
}

/// What a person reads after the installation.
#[test]
fn the_notes_say_what_is_next_and_what_writes() {
    let notes = |values: Value| {
        let mut helm = cluster().helm();
        let chart = chart();
        let chart = chart.to_str().unwrap();
        let arguments = ["install", "x", chart, "--namespace=home", "--dry-run=client", "--values=-"];
        // Helm looks for conflicts, and other tests have applied the CRDs.
        let mut all = json!({"image": {"repository": "hooktender"}, "crds": {"install": false}});
        all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        let printed = fed(helm.args(arguments), &all.to_string()).accepted();
        printed.split_once("NOTES:\n").unwrap().1.to_owned()
    };
    let enforcing = notes(json!({}));
    for part in [
        "manages all namespaces.",
        "creates, changes and deletes subscriptions",
        "kubectl logs --namespace home deployment/x-hooktender --follow",
        "helm test x --namespace home --logs",
        "declare an account",
    ] {
        assert!(enforcing.contains(part), "{part}:\n{enforcing}");
    }
    let planning = notes(json!({"planOnly": true}));
    assert!(planning.contains("It writes nothing at any vendor."), "{planning}");
    assert!(planning.contains("--reset-then-reuse-values --set planOnly=false"), "{planning}");
    assert!(!planning.contains("creates, changes and deletes"), "{planning}");
}

#[test]
fn without_an_image_nothing_is_installed() {
    let refused = template("x", "default", &json!({"image": {"repository": ""}}), &[]).refused();
    assert!(refused.contains("image.repository is missing"), "{refused}");
}
