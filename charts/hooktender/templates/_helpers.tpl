{{- define "hooktender.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Some names get a suffix of up to ten characters, and a name must not be longer than a label. */}}
{{- define "hooktender.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "hooktender.serviceAccount" -}}
{{- default (include "hooktender.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Immutable after the Deployment is created. */}}
{{- define "hooktender.selector" -}}
app.kubernetes.io/name: {{ include "hooktender.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "hooktender.labels" -}}
app.kubernetes.io/name: {{ include "hooktender.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
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

{{/* The Pod Security Standard "restricted", and more. */}}
{{- define "hooktender.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "hooktender.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities: {drop: [ALL]}
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
