{{- define "hooktender.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Some names get an ending of up to ten characters, and none may be longer than a label. */}}
{{- define "hooktender.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "hooktender.serviceAccount" -}}
{{- default (include "hooktender.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* Cannot be changed once a Deployment is there. */}}
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

{{/* "true" if replicas elect one that works. */}}
{{- define "hooktender.elects" -}}
{{- $many := gt (int .Values.replicas) 1 -}}
{{- if or $many (eq .Values.leaderElection "always") -}}true{{- end -}}
{{- end -}}

{{/* The Lease as the program calls it (src/controller/leader.rs): those that look after the same share one. */}}
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

{{/* "true" if Secrets are watched: who may read just some of them cannot list them. */}}
{{- define "hooktender.watchesSecrets" -}}
{{- if and .Values.secrets.watch (not .Values.secrets.names) -}}true{{- end -}}
{{- end -}}

{{/* What Pod security calls "restricted", and more. */}}
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

{{/* What every vendor is called with. */}}
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
