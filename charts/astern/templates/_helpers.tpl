{{- define "astern.fullname" -}}
{{- if contains "astern" .Release.Name }}{{ .Release.Name | trunc 53 | trimSuffix "-" }}{{ else }}{{ printf "%s-astern" .Release.Name | trunc 53 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "astern.selector" -}}
app.kubernetes.io/name: astern
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "astern.labels" -}}
{{ include "astern.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "astern.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "astern.fullname" .) }}{{ else }}{{ required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "astern.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- .Values.image.repository }}:{{ $tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What Astern may do in a namespace: exactly what it uses (test/e2e/chart.test.ts reads it off the API server's audit log). */}}
{{- define "astern.rules" -}}
{{- $writes := or (eq .Values.mode "auto") .Values.rbac.writeInDryRun -}}
{{- $templates := or .Values.actions.rolloutUndo .Values.actions.rolloutRestart -}}
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch{{ if and $writes $templates }}, patch{{ end }}]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- if and .Values.rbac.events (eq .Values.mode "auto") }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
{{- end }}

{{/* Settings, the same for the server and for `helm test`. */}}
{{- define "astern.env" -}}
- { name: ASTERN_MODE, value: {{ .Values.mode | quote }} }
- { name: ASTERN_POLICIES, value: /etc/astern/policies }
- { name: ASTERN_LISTEN, value: "0.0.0.0:8080" }
- { name: ASTERN_DATA_DIR, value: /var/lib/astern }
- { name: ASTERN_TOKENS_FILE, value: /etc/astern/tokens/tokens.yaml }
- { name: ASTERN_LOG_LEVEL, value: {{ .Values.logLevel | quote }} }
- { name: ASTERN_KEEP, value: {{ .Values.keep | quote }} }
- { name: ASTERN_KEEP_DELIVERIES, value: {{ .Values.keepDeliveries | quote }} }
- name: ASTERN_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
{{- with .Values.prometheusUrl }}
- { name: ASTERN_PROMETHEUS_URL, value: {{ . | quote }} }
{{- end }}
{{- if .Values.tls.existingSecret }}
- { name: ASTERN_TLS_CERT_FILE, value: /etc/astern/tls/tls.crt }
- { name: ASTERN_TLS_KEY_FILE, value: /etc/astern/tls/tls.key }
{{- end }}
{{- end }}

{{- define "astern.mounts" -}}
- { name: policies, mountPath: /etc/astern/policies, readOnly: true }
- { name: tokens, mountPath: /etc/astern/tokens, readOnly: true }
- { name: data, mountPath: /var/lib/astern }
- { name: tmp, mountPath: /tmp }
{{- if .Values.tls.existingSecret }}
- { name: tls, mountPath: /etc/astern/tls, readOnly: true }
{{- end }}
{{- range $index, $mount := .Values.secretMounts }}
- { name: secret-{{ $index }}, mountPath: {{ $mount.mountPath | quote }}, readOnly: true }
{{- end }}
{{- end }}

{{- define "astern.volumes" -}}
- name: policies
  configMap: { name: {{ .Values.existingPolicies | default (printf "%s-policies" (include "astern.fullname" .)) | quote }} }
- name: tokens
  secret:
    secretName: {{ required "tokens.existingSecret is needed: make the Secret with `astern token create` (docs/install.md); without tokens Astern listens on loopback only" .Values.tokens.existingSecret | quote }}
    items: [{ key: {{ .Values.tokens.key | quote }}, path: tokens.yaml }]
- name: tmp
  emptyDir: {}
{{- with .Values.tls.existingSecret }}
- name: tls
  secret: { secretName: {{ . | quote }} }
{{- end }}
{{- range $index, $mount := .Values.secretMounts }}
- name: secret-{{ $index }}
  secret: { secretName: {{ $mount.name | quote }} }
{{- end }}
{{- end }}

{{- define "astern.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "astern.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}
