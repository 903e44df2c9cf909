{{/* The operator's rights in each namespace that it manages. tests/scenarios/chart/rights.rs compares them with its
     requests to the API server. It needs `get` of the kinds after a conflict, and creates and deletes Webhooks of WebhookSets. */}}
{{- define "hooktender.rules" -}}
- apiGroups: [hooktender.dev]
  resources: [vendoraccounts, webhooks, webhooksets]
  verbs: [get, list, watch, patch]
- apiGroups: [hooktender.dev]
  resources: [webhooks]
  verbs: [create, delete]
- apiGroups: [hooktender.dev]
  resources: [vendoraccounts/status, webhooks/status, webhooksets/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
{{- with .Values.secrets }}
{{- if .names }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ concat .names .writable | uniq | toJson }}
  verbs: [get]
{{- else }}
- apiGroups: [""]
  resources: [secrets]
  verbs: {{ .watch | ternary "[get, list, watch]" "[get]" }}
{{- end }}
{{- if .writable }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ .writable | toJson }}
  verbs: [patch]
{{- end }}
{{- end }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.ui.enabled }}
- apiGroups: [""]
  resources: [events]
  verbs: [list, watch]
{{- end }}
{{- end -}}

{{- define "hooktender.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "hooktender.lease" . }}]
  verbs: [get, update]
{{- end -}}

{{/* A role with these rules and its binding to the operator; `namespace` is empty for a ClusterRole. */}}
{{- define "hooktender.grant" -}}
{{- $kind := empty .namespace | ternary "ClusterRole" "Role" -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels: {{- include "hooktender.labels" .root | nindent 4 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  labels: {{- include "hooktender.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ .name }}
subjects:
- kind: ServiceAccount
  name: {{ include "hooktender.serviceAccount" .root }}
  namespace: {{ include "hooktender.namespace" .root | quote }}
{{ end -}}
