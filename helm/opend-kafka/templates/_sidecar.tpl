{{- /* OpenD's container. Takes {root, endpoint}. */}}
{{- define "opend-kafka.sidecar" -}}
{{- with .root.Values.opendSidecar }}
name: opend
image: {{ printf "%s:%s" (required "opendSidecar.image.repository: there is no public image of OpenD; name your own" .image.repository) .image.tag }}
imagePullPolicy: {{ .image.pullPolicy }}
{{- with .command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat .envFrom (default list $.endpoint.sidecarEnvFrom) }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: opend
    containerPort: {{ $.endpoint.port }}
# No liveness probe: OpenD that has lost its login heals by itself, and a restart may ask for a code.
startupProbe:
  tcpSocket: {port: opend}
  {{- toYaml .startupProbe | nindent 2 }}
{{- with .resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .securityContext | nindent 2 }}
{{- if .persistence.enabled }}
volumeMounts:
  - name: opend
    mountPath: {{ .persistence.mountPath }}
{{- end }}
{{- end }}
{{- end }}
