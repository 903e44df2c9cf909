{{- define "hooktender.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Some names get a suffix of up to ten characters, and a name must not be longer than a label. */}}
{{- define "hooktender.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "hooktender.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "hooktender.serviceAccount" -}}
{{- default (include "hooktender.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Immutable after the Deployment is created. Quoted, because `y` and `1` are valid names of releases, but no texts in YAML. */}}
{{- define "hooktender.selector" -}}
app.kubernetes.io/name: {{ include "hooktender.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "hooktender.labels" -}}
{{- include "hooktender.labelsWith" (dict "root" . "labels" dict) -}}
{{- end -}}

{{/* The chart's labels, these, and `commonLabels`. As one map, because a key that is written twice is not valid YAML. */}}
{{- define "hooktender.labelsWith" -}}
{{- $own := dict
  "app.kubernetes.io/name" (include "hooktender.name" .root)
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
{{- merge $own .labels .root.Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "hooktender.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" if leader election is enabled. */}}
{{- define "hooktender.elects" -}}
{{- $many := gt (int .Values.replicas) 1 -}}
{{- if or $many (eq .Values.leaderElection "always") -}}true{{- end -}}
{{- end -}}

{{/* Name of the Lease, as in the program (src/controller/leader.rs): operators with the same scope share it. */}}
{{- define "hooktender.lease" -}}
{{- if or .Values.watchNamespaces .Values.accountSelector -}}
{{- $names := list -}}
{{- range sortAlpha .Values.watchNamespaces -}}{{- $names = append $names (quote .) -}}{{- end -}}
{{- $selector := empty .Values.accountSelector | ternary "None" (printf "Some(%s)" (quote .Values.accountSelector)) -}}
{{- printf "[%s] %s" (join ", " $names) $selector | sha256sum | trunc 10 | printf "hooktender-%s" -}}
{{- else -}}
hooktender
{{- end -}}
{{- end -}}

{{/* "true" if Secrets are watched. A watch needs `list` of all Secrets, so there is none with `secrets.names`. */}}
{{- define "hooktender.watchesSecrets" -}}
{{- if and .Values.secrets.watch (not .Values.secrets.names) -}}true{{- end -}}
{{- end -}}

{{/* What the Pods of the Deployment and of `helm test` have in common. */}}
{{- define "hooktender.podSpec" -}}
serviceAccountName: {{ include "hooktender.serviceAccount" . }}
automountServiceAccountToken: true
enableServiceLinks: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with concat .Values.imagePullSecrets (default list (default dict .Values.global).imagePullSecrets) }}
imagePullSecrets: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{/* Environment variables of all commands that call vendors. */}}
{{- define "hooktender.env" -}}
{{- with .Values.proxy }}
{{- range $name, $value := dict "HTTP_PROXY" .http "HTTPS_PROXY" .https "NO_PROXY" .noProxy }}
{{- with $value }}
- {name: {{ $name }}, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Flags of all commands that call vendors. */}}
{{- define "hooktender.vendorArgs" -}}
- --request-timeout={{ .Values.requestTimeout }}
- --settle={{ .Values.settle }}
{{- range .Values.allowedEndpoints }}
{{- if kindIs "string" . }}
- --allow-endpoint={{ . }}
{{- else }}
- --allow-endpoint={{ .url }}{{ with .vendor }},vendor={{ . }}{{ end }}{{ with .namespace }},namespace={{ . }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}
