{{/* Checks that `values.schema.json` cannot express, or not with a helpful message: combinations of values, and formats. */}}
{{- define "hooktender.check" -}}
{{- with .Values -}}
{{- if not .enabled -}}
{{- fail "enabled=false has an effect in a parent chart only: give the dependency there `condition: hooktender.enabled`" -}}
{{- end -}}
{{- if not .image.repository -}}
{{- fail "image.repository is missing: there is no public image, so build one (`make image`), push it to a registry of yours, and add --set image.repository=registry.example.com/hooktender" -}}
{{- end -}}
{{- if and (gt (int .replicas) 1) (eq .leaderElection "never") -}}
{{- fail (printf "leaderElection=never is for one replica, and replicas is %d: set it to auto, so that one replica is the leader and the others are standbys" (int .replicas)) -}}
{{- end -}}
{{- if and (not .serviceAccount.create) (not .serviceAccount.name) -}}
{{- fail "serviceAccount.name is missing: with serviceAccount.create=false, set the ServiceAccount of the operator" -}}
{{- end -}}
{{- if and .metrics.serviceMonitor.enabled .metrics.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor would scrape everything twice: enable one of them" -}}
{{- end -}}
{{- if and .metrics.serviceMonitor.enabled (not .metrics.service.enabled) -}}
{{- fail "metrics.serviceMonitor needs the Service: enable metrics.service too, or metrics.podMonitor instead" -}}
{{- end -}}
{{- include "hooktender.checkLabels" (dict "name" "commonLabels" "labels" .commonLabels) -}}
{{- include "hooktender.checkLabels" (dict "name" "podLabels" "labels" .podLabels) -}}
{{- include "hooktender.checkArgs" .extraArgs -}}
{{- include "hooktender.checkEnv" . -}}
{{- with .namespaceOverride -}}
{{- include "hooktender.written" (list "namespaceOverride" . "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" "is not a valid namespace name: lower case letters, digits and dashes only") -}}
{{- end -}}
{{- range .watchNamespaces -}}
{{- include "hooktender.written" (list "watchNamespaces" . "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" "is not a valid namespace name: lower case letters, digits and dashes only") -}}
{{- end -}}
{{- range concat .secrets.names .secrets.writable -}}
{{- include "hooktender.written" (list "secrets" . "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$" "is not a valid Secret name: lower case letters, digits, dashes and dots only") -}}
{{- end -}}
{{- range .allowedEndpoints -}}
{{- $endpoint := kindIs "string" . | ternary (dict "url" .) . -}}
{{- include "hooktender.written" (list "allowedEndpoints" $endpoint.url "^(https://[^/?#@,\\s]+|http://(127[.][0-9.]+|localhost|\\[::1\\])(:[0-9]+)?)(/[^?#,%\\s]*)?(,(vendor|namespace)=[a-z0-9-]+)*$" "is not a valid endpoint: write https, host, port, and optionally a path, such as https://crm.example.com:8443/superoffice; plain http is allowed for loopback addresses only") -}}
{{- with $endpoint.namespace -}}
{{- include "hooktender.written" (list "allowedEndpoints" . "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" "is not a valid namespace name: lower case letters, digits and dashes only") -}}
{{- end -}}
{{- end -}}
{{- range $name, $interval := dict "settle" .settle "requestTimeout" .requestTimeout -}}
{{- include "hooktender.written" (list $name $interval "^([0-9]+[smh])+$" "is not a valid interval: write it like 90s, 5m or 1h30m") -}}
{{- end -}}
{{- include "hooktender.written" (list "requestTimeout" .requestTimeout "[1-9]" "leaves no time for an answer: write it like 90s") -}}
{{- include "hooktender.checkSelector" .accountSelector -}}
{{- include "hooktender.written" (list "image.digest" .image.digest "^(sha256:[0-9a-f]{64})?$" "is not a valid digest: write sha256: and 64 hexadecimal digits") -}}
{{- include "hooktender.written" (list "listenAddress" .listenAddress "^([0-9.]+|\\[[0-9a-fA-F:.]+\\])$" "is not a valid address: write it like 0.0.0.0 or [::]") -}}
{{- range concat .networkPolicy.apiServerCIDRs .networkPolicy.vendorCIDRs -}}
{{- include "hooktender.written" (list "networkPolicy" . "^[0-9a-fA-F.:]+/[0-9]{1,3}$" "is not a valid address range: write it like 10.0.0.1/32") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The chart's own labels: the Deployment, the Service and the NetworkPolicy select Pods by them. */}}
{{- define "hooktender.checkLabels" -}}
{{- range list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- if hasKey $.labels . -}}
{{- fail (printf "%s: the chart itself sets the label %s: remove it there" $.name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The API server would refuse it only after the operator has started. */}}
{{- define "hooktender.checkSelector" -}}
{{- $key := "([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?/)?[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?" -}}
{{- $value := "([a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?)?" -}}
{{- $equals := printf "%s *(=|==|!=) *%s" $key $value -}}
{{- $in := printf "%s +(in|notin) *\\( *%s( *, *%s)* *\\)" $key $value $value -}}
{{- $one := printf "(!?%s|%s|%s)" $key $equals $in -}}
{{- $all := printf "^( *%s( *, *%s)* *)?$" $one $one -}}
{{- include "hooktender.written" (list "accountSelector" . $all "is not a valid label selector: write it like shard=a or shard in (a,b)") -}}
{{- end -}}

{{/* A flag that is given twice would end the program at its start. */}}
{{- define "hooktender.checkArgs" -}}
{{- $values := dict "listen" "listenAddress" "log-level" "logLevel" "log-format" "logFormat" "concurrency" "concurrency"
  "request-timeout" "requestTimeout" "settle" "settle" "allow-endpoint" "allowedEndpoints" "plan-only" "planOnly"
  "namespace" "watchNamespaces" "account-selector" "accountSelector" "leader-elect" "leaderElection" "watch-secrets" "secrets.watch"
  "metrics-token-file" "metrics.token" "otlp-endpoint" "tracing.endpoint" -}}
{{- range . -}}
{{- $flag := regexReplaceAll "^--|=.*$" . "" -}}
{{- with get $values $flag -}}
{{- fail (printf "extraArgs: --%s is set by the value %s: use that" $flag .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A variable that is written twice is refused by server-side apply, and so by Flux and Argo CD. */}}
{{- define "hooktender.checkEnv" -}}
{{- $set := dict "HTTPS_PROXY" .proxy.https "HTTP_PROXY" .proxy.http "NO_PROXY" .proxy.noProxy -}}
{{- range .extraEnv -}}
{{- if get $set .name -}}
{{- fail (printf "extraEnv: %s is set by the value proxy, too: remove one of them" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Arguments: the value's name, the value, a pattern, and the message if the value does not match. */}}
{{- define "hooktender.written" -}}
{{- if not (regexMatch (index . 2) (index . 1)) -}}
{{- fail (printf "%s: %q %s" (index . 0) (index . 1) (index . 3)) -}}
{{- end -}}
{{- end -}}
