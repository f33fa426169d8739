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
{{- $actions := .Values.actions -}}
{{- $templates := or $actions.rolloutUndo $actions.rolloutRestart -}}
{{- $apps := list }}
{{- if .Values.targets.deployments }}{{ $apps = append $apps "deployments" }}{{ end }}
{{- if .Values.targets.statefulSets }}{{ $apps = append $apps "statefulsets" }}{{ end }}
{{- if .Values.targets.daemonSets }}{{ $apps = append $apps "daemonsets" }}{{ end }}
{{- with $apps }}
- apiGroups: [apps]
  resources: [{{ join ", " . }}]
  verbs: [get, list, watch{{ if and $writes $templates }}, patch{{ end }}]
{{- end }}
{{- if .Values.targets.rollouts }}
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get, list, watch{{ if and $writes $templates }}, patch{{ end }}]
{{- if and $writes $actions.rolloutAbort }}
- apiGroups: [argoproj.io]
  resources: [rollouts/status]
  verbs: [patch]
{{- end }}
{{- end }}
{{- if or .Values.targets.deployments .Values.targets.rollouts }}
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
{{- end }}
{{- if or .Values.targets.statefulSets .Values.targets.daemonSets }}
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [list]
# Why their controllers cannot make pods stands only there.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- if .Values.guards.podsProxy }}
- apiGroups: [""]
  resources: [pods/proxy]
  verbs: [get]
{{- end }}
{{- if and $writes (or $actions.deletePod (and (or .Values.targets.statefulSets .Values.targets.daemonSets) $actions.rolloutUndo)) }}
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end }}
{{- $goesBack := or $actions.rolloutUndo $actions.helmRollback -}}
{{- if $goesBack }}
# Whether what an older version needs is still there is looked at before it is put back; never what is in it.
- apiGroups: [""]
  resources: [configmaps, persistentvolumeclaims, serviceaccounts, namespaces]
  verbs: [get]
{{- if and .Values.goingBack.secrets (not $actions.helmRollback) }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end }}
{{- end }}
{{- if or $actions.scale $goesBack }}
- apiGroups: [""]
  resources: [resourcequotas]
  verbs: [list]
{{- end }}
{{- if $actions.scale }}
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list{{ if and $writes .Values.scale.autoscalers }}, patch{{ end }}]
{{- if and $writes .Values.scale.workloads }}
{{- range $apps }}{{ if ne . "daemonsets" }}
- apiGroups: [apps]
  resources: [{{ . }}/scale]
  verbs: [get, update]
{{- if and $.Values.scale.giveUpFields (not $templates) }}
- apiGroups: [apps]
  resources: [{{ . }}]
  verbs: [patch]
{{- end }}
{{- end }}{{ end }}
{{- if .Values.targets.rollouts }}
- apiGroups: [argoproj.io]
  resources: [rollouts/scale]
  verbs: [get, update]
{{- if and .Values.scale.giveUpFields (not $templates) }}
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [patch]
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if $actions.helmRollback }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list{{ if $writes }}, create, update{{ end }}]
{{- if $writes }}{{ with .Values.helmRollback.rules }}
{{ toYaml . }}
{{- end }}{{ end }}
{{- end }}
{{- if and .Values.rbac.events (eq .Values.mode "auto") }}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
{{- end }}

{{/* The objects of Argo CD and Flux that say who enforces a target: read, and suspended only where that action is on. */}}
{{- define "astern.gitopsRules" -}}
{{- $here := .namespace -}}
{{- with .root }}
{{- $suspend := and .Values.actions.gitopsSuspend (or (eq .Values.mode "auto") .Values.rbac.writeInDryRun) -}}
{{- if and .Values.gitops.argocd.enabled (has $here (list "*" .Values.gitops.argocd.namespace)) }}
- apiGroups: [argoproj.io]
  resources: [applications]
  verbs: [get{{ if $suspend }}, patch{{ end }}]
{{- end }}
{{- if and .Values.gitops.flux.enabled (has $here (prepend .Values.gitops.flux.namespaces "*")) }}
- apiGroups: [kustomize.toolkit.fluxcd.io]
  resources: [kustomizations]
  verbs: [get{{ if $suspend }}, patch{{ end }}]
- apiGroups: [helm.toolkit.fluxcd.io]
  resources: [helmreleases]
  verbs: [get{{ if $suspend }}, patch{{ end }}]
{{- end }}
{{- end }}
{{- end }}

{{/* Where those objects are. */}}
{{- define "astern.gitopsNamespaces" -}}
{{- $found := list }}
{{- if .Values.gitops.argocd.enabled }}{{ $found = append $found .Values.gitops.argocd.namespace }}{{ end }}
{{- if .Values.gitops.flux.enabled }}{{ $found = concat $found .Values.gitops.flux.namespaces }}{{ end }}
{{- toJson (uniq $found) }}
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
- { name: ASTERN_FIELD_OWNERSHIP, value: {{ .Values.fieldOwnership | quote }} }
- { name: ASTERN_KEEP_DELIVERIES, value: {{ .Values.keepDeliveries | quote }} }
- name: ASTERN_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
{{- if .Values.actions.helmRollback }}
# A helm that is half-way through a release: its own timeout of five minutes, one more, and what Astern then writes down.
- { name: ASTERN_STOP_WITHIN, value: 390s }
{{- end }}
{{- if .Values.gitops.argocd.enabled }}
- { name: ASTERN_ARGOCD_NAMESPACE, value: {{ .Values.gitops.argocd.namespace | quote }} }
{{- end }}
{{- if and .Values.gitops.flux.enabled .Values.gitops.flux.namespaces }}
- { name: ASTERN_FLUX_NAMESPACES, value: {{ join "," .Values.gitops.flux.namespaces | quote }} }
{{- end }}
# No action may call Astern by its Service either.
- { name: ASTERN_OWN_HOSTS, value: {{ printf "%s.%s.svc" (include "astern.fullname" .) .Release.Namespace | quote }} }
{{- with .Values.podCidrs }}
- { name: ASTERN_POD_CIDRS, value: {{ join "," . | quote }} }
{{- end }}
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
