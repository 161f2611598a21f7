{{- /* The pod, as a Deployment and a Rollout have it: dict "root" $ "labels" (more of them) "image" (another). */ -}}
{{- define "gateway.podTemplate" -}}
{{- $root := .root -}}
{{- $image := .image | default (include "gateway.image" $root) -}}
{{- with $root -}}
metadata:
  labels:
    {{- include "gateway.selector" . | nindent 4 }}
    app.kubernetes.io/part-of: {{ include "gateway.name" . }}
    {{- with .Values.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- if .Values.istio.enabled }}
    sidecar.istio.io/inject: "true"
    {{- end }}
  {{- if or .Values.podAnnotations .Values.istio.enabled (eq .Values.secrets.mode "own") }}
  annotations:
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- if eq .Values.secrets.mode "own" }}
    # What is an environment variable changes by a rollout only.
    checksum/secret: {{ .Values.secrets.own | toJson | sha256sum }}
    {{- end }}
    {{- if .Values.istio.enabled }}
    # The sidecar is there before the gateway and goes after it.
    sidecar.istio.io/nativeSidecar: "true"
    proxy.istio.io/config: |
      holdApplicationUntilProxyStarts: true
      terminationDrainDuration: {{ include "gateway.gracePeriod" . }}s
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "gateway.name" . }}
  automountServiceAccountToken: {{ not (empty .Values.discovery.namespaces) }}
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "gateway.gracePeriod" . }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: {{ .Values.zones }}
      labelSelector:
        matchLabels:
          {{- include "gateway.selector" . | nindent 10 }}
      matchLabelKeys: [{{ if has .Values.rollout.strategy (list "blueGreen" "canary") }}rollouts-pod-template-hash{{ else }}pod-template-hash{{ end }}]
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchLabels:
                {{- include "gateway.selector" . | nindent 16 }}
  initContainers:
    # A configuration or a secret that cannot be used stops the pod here, and its last words are the complaint.
    - name: check
      image: {{ $image }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [gateway, check, -c, /etc/gateway/gateway.yaml]
      terminationMessagePolicy: FallbackToLogsOnError
      {{- include "gateway.container" . | nindent 6 }}
  containers:
    - name: gateway
      image: {{ $image }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      command: [gateway, serve, -c, /etc/gateway/gateway.yaml]
      terminationMessagePolicy: FallbackToLogsOnError
      ports:
        - {name: http, containerPort: 8000}
        - {name: admin, containerPort: 8001}
      startupProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 1
        timeoutSeconds: 1
        failureThreshold: 30
      livenessProbe:
        httpGet: {path: /healthz, port: admin}
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      # Patient, for what one late pod is spared the others get, and with all of them unready nobody serves.
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: 3
      {{- with .Values.drain.preStop }}
      lifecycle:
        preStop: {sleep: {seconds: {{ . }}}}
      {{- end }}
      {{- include "gateway.container" . | nindent 6 }}
  volumes:
    - name: config
      configMap: {name: {{ include "gateway.configMap" . }}}
    - name: runtime
      emptyDir: {medium: Memory, sizeLimit: {{ .Values.runtimeMemory }}}
    - name: tmp
      emptyDir: {medium: Memory, sizeLimit: 64Mi}
    {{- if .Values.secrets.files }}
    - name: secrets
      secret:
        secretName: {{ include "gateway.secret" . | quote }}
        defaultMode: 0440
        # Each is named, so that the kubelet says which one is missing.
        items:
          {{- range .Values.secrets.files }}
          - {key: {{ . | quote }}, path: {{ . | quote }}}
          {{- end }}
    {{- end }}
{{- end -}}
{{- end -}}

{{- /* What the check and the gateway have alike: they must see the same. */ -}}
{{- define "gateway.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- if .Values.secrets.env }}
env:
  {{- range .Values.secrets.env }}
  - name: {{ . | quote }}
    valueFrom:
      secretKeyRef: {name: {{ include "gateway.secret" $ | quote }}, key: {{ . | quote }}}
  {{- end }}
{{- end }}
volumeMounts:
  - {name: config, mountPath: /etc/gateway, readOnly: true}
  - {name: runtime, mountPath: /dev/shm}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.secrets.files }}
  - {name: secrets, mountPath: /run/secrets/gateway, readOnly: true}
  {{- end }}
{{- end -}}
