{{- /* Names, labels, and what is read out of the configuration. */ -}}
{{- define "gateway.name" -}}
{{- $name := .Values.nameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- /* What YAML takes for a number or a truth is a name to nobody. */ -}}
{{- if or (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name)) (ne (toYaml $name) $name) -}}
{{- fail (printf "the release's name, or nameOverride: %q is no name of a Service; write lower-case letters, digits and dashes, a letter first" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: gateway
app.kubernetes.io/instance: {{ include "gateway.name" . }}
{{- end -}}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/part-of: {{ include "gateway.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "gateway.secret" -}}
{{- .Values.secrets.name | default (include "gateway.name" .) -}}
{{- end -}}

{{- /* The files of the configuration as JSON: the chart's, and over them those of the values. */ -}}
{{- define "gateway.files" -}}
{{- $files := dict -}}
{{- range $path, $_ := .Files.Glob "files/config/*" -}}
{{- $_ := set $files (base $path) ($.Files.Get $path) -}}
{{- end -}}
{{- merge (deepCopy (.Values.config.files | default dict)) $files | toJson -}}
{{- end -}}

{{- /* A changed configuration has another name where a change is a rollout. */ -}}
{{- define "gateway.configMap" -}}
{{- $name := printf "%s-config" (include "gateway.name" .) -}}
{{- if eq .Values.config.rollout "hot" -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" $name (include "gateway.files" . | sha256sum | trunc 10) -}}
{{- end -}}
{{- end -}}

{{- /* The section `server` of gateway.yaml as JSON; what a pod cannot do without is looked after here. */ -}}
{{- define "gateway.server" -}}
{{- $document := index (include "gateway.files" . | fromJson) "gateway.yaml" | fromYaml -}}
{{- with $document.Error -}}
{{- fail (printf "config.files.gateway.yaml: %s" .) -}}
{{- end -}}
{{- $server := $document.server | default dict -}}
{{- /* A pod that binds loopback alone would be ready, by its admin port, and answer nobody. */ -}}
{{- $reached := false -}}
{{- range kindIs "slice" $server.bind | ternary $server.bind (list $server.bind) -}}
{{- if and (regexMatch ":8000\\b" (toString .)) (not (regexMatch "^(127\\.|localhost:|\\[::1\\])" (toString .))) -}}
{{- $reached = true -}}
{{- end -}}
{{- end -}}
{{- if not $reached -}}
{{- fail (printf "config.files.gateway.yaml: server.bind must have port 8000, which the Service leads to (it is %v); write `bind: 0.0.0.0:8000`" $server.bind) -}}
{{- end -}}
{{- if not (has ($server.admin | toString) (list "0.0.0.0:8001" "[::]:8001")) -}}
{{- fail (printf "config.files.gateway.yaml: server.admin must be 0.0.0.0:8001, where probes and Prometheus reach it (it is %v)" $server.admin) -}}
{{- end -}}
{{- $server | toJson -}}
{{- end -}}

{{- /* What a Service's port speaks: TLS where the gateway has certificates itself. */ -}}
{{- define "gateway.scheme" -}}
{{- ternary "https" "http" (kindIs "map" (include "gateway.server" . | fromJson).tls) -}}
{{- end -}}

{{- /* maxSurge and maxUnavailable, of which one must let something happen. */ -}}
{{- define "gateway.pace" -}}
{{- $rollout := .Values.rollout -}}
{{- if and (regexMatch "^0+%?$" (toString $rollout.maxSurge)) (regexMatch "^0+%?$" (toString $rollout.maxUnavailable)) -}}
{{- fail "rollout.maxSurge: it and rollout.maxUnavailable are both 0, so no pod could be replaced" -}}
{{- end -}}
maxSurge: {{ $rollout.maxSurge }}
maxUnavailable: {{ $rollout.maxUnavailable }}
{{- end -}}

{{- /* Whole seconds of a duration of the configuration, rounded up: 250ms, 30s, 2m, 1h, 1d. */ -}}
{{- define "gateway.seconds" -}}
{{- if not (regexMatch "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$" .) -}}
{{- fail (printf "config.files.gateway.yaml: server.graceful_timeout, drain_delay or keepalive: %s is no duration; write it like 30s" .) -}}
{{- end -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $factor := index (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0) $unit -}}
{{- mulf (trimSuffix $unit . | float64) $factor | ceil | int -}}
{{- end -}}

{{- /* What a drain may take by the configuration: drain_delay and graceful_timeout together. */ -}}
{{- define "gateway.drain" -}}
{{- $server := include "gateway.server" . | fromJson -}}
{{- $drain := include "gateway.seconds" ($server.graceful_timeout | default "30s" | toString) -}}
{{- add $drain (include "gateway.seconds" ($server.drain_delay | default "0s" | toString)) -}}
{{- end -}}

{{- /* From the first word of an end to the last: preStop, the drain, and a margin. */ -}}
{{- define "gateway.gracePeriod" -}}
{{- add .Values.drain.preStop (include "gateway.drain" .) .Values.drain.margin -}}
{{- end -}}

{{- define "gateway.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* What is scaled, as JSON: a list of {apiVersion, kind, name}. */ -}}
{{- define "gateway.scaled" -}}
{{- $name := include "gateway.name" . -}}
{{- $strategy := .Values.rollout.strategy -}}
{{- if has $strategy (list "blueGreen" "canary") -}}
{{- list (dict "apiVersion" "argoproj.io/v1alpha1" "kind" "Rollout" "name" $name) | toJson -}}
{{- else if eq $strategy "slots" -}}
{{- list (dict "apiVersion" "apps/v1" "kind" "Deployment" "name" (printf "%s-blue" $name))
         (dict "apiVersion" "apps/v1" "kind" "Deployment" "name" (printf "%s-green" $name)) | toJson -}}
{{- else -}}
{{- list (dict "apiVersion" "apps/v1" "kind" "Deployment" "name" $name) | toJson -}}
{{- end -}}
{{- end -}}

{{- define "gateway.rules" -}}
{{- .Values.monitoring.rules | default (.Files.Get "files/exported/rules.yaml") -}}
{{- end -}}
{{- define "gateway.dashboard" -}}
{{- .Values.monitoring.dashboard | default (.Files.Get "files/exported/dashboard.json") -}}
{{- end -}}
