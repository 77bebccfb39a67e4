{{- define "opend-kafka.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- /* 40 characters, so that an endpoint's name and Kubernetes' own suffixes fit into 63. */}}
{{- define "opend-kafka.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "opend-kafka.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "opend-kafka.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "opend-kafka.selectorLabels" -}}
app.kubernetes.io/name: {{ include "opend-kafka.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "opend-kafka.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "opend-kafka.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "opend-kafka.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "opend-kafka.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "opend-kafka.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* An endpoint's configuration, as JSON: the common one, the endpoint's over it, OpenD's address.
       Takes {root, endpoint}. Refuses what is secret, since it would stand in a ConfigMap. */}}
{{- define "opend-kafka.config" -}}
{{- $config := mergeOverwrite (deepCopy .root.Values.config) (deepCopy (default dict .endpoint.config)) }}
{{- $host := ternary "127.0.0.1" .endpoint.host .root.Values.opendSidecar.enabled }}
{{- $opend := mergeOverwrite (deepCopy (default dict $config.opend)) (dict "host" $host "port" .endpoint.port) }}
{{- $admin := dict "host" .root.Values.admin.host "port" .root.Values.admin.port }}
{{- $registry := deepCopy (default dict $config.schema_registry) }}
{{- /* Helm drops what a user sets to null, and the worker's default is a registry on its own machine. */}}
{{- if not (hasKey $registry "url") }}
{{- $_ := set $registry "url" nil }}
{{- end }}
{{- $_ := set $config "schema_registry" $registry }}
{{- $_ := set $config "opend" $opend }}
{{- $_ := set $config "admin" $admin }}
{{- include "opend-kafka.refuseSecrets" $config }}
{{- $config | toJson }}
{{- end }}

{{- define "opend-kafka.refuseSecrets" -}}
{{- $advice := "would stand in a ConfigMap. Put it into a Secret, list that in existingSecrets, and name the file" }}
{{- range $part := list "kafka" "schema_registry" }}
{{- range $key, $value := dig $part "properties" dict $ }}
{{- if and (regexMatch "password|secret|token|jaas|user\\.info|private|\\.pem$|oauthbearer\\.config" $key) (not (regexMatch "_file$|\\.file$|\\.url$" $key)) }}
{{- fail (printf "config.%s.properties: %s %s in %s_file" $part $key $advice $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- if regexMatch "://[^/@]*:[^/@]*@" (toString (dig "schema_registry" "url" "" .)) }}
{{- fail (printf "config.schema_registry.url: its password %s in schema_registry.properties, basic.auth.user.info_file" $advice) }}
{{- end }}
{{- if dig "opend" "websocket" "key" "" . }}
{{- fail (printf "config.opend.websocket.key: %s in key_file" $advice) }}
{{- end }}
{{- end }}

{{- /* Mebibytes that the worker needs at most. Takes a configuration. */}}
{{- define "opend-kafka.memoryMiB" -}}
{{- $buffered := dig "kafka" "max_buffered_bytes" 268435456 .config | int64 }}
{{- add .base (div (add $buffered 1048575) 1048576) }}
{{- end }}

{{- /* A quantity of memory in bytes. */}}
{{- define "opend-kafka.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $number := regexFind "^[0-9.]+" (toString .) }}
{{- $unit := trimPrefix $number (toString .) }}
{{- if not (hasKey $units $unit) }}
{{- fail (printf "resources: %s is no quantity of memory; write it as 512Mi" (toString .)) }}
{{- end }}
{{- mulf (float64 $number) (get $units $unit) | int64 }}
{{- end }}

{{- /* The worker's resources: memory computed, unless a larger one is given. Takes {root, config}. */}}
{{- define "opend-kafka.resources" -}}
{{- $needed := include "opend-kafka.memoryMiB" (dict "base" .root.Values.memoryBaseMiB "config" .config) | int64 }}
{{- $resources := deepCopy .root.Values.resources }}
{{- $limits := default dict $resources.limits }}
{{- $requests := default dict $resources.requests }}
{{- if $limits.memory }}
{{- if lt (include "opend-kafka.bytes" $limits.memory | int64) (mul $needed 1048576) }}
{{- fail (printf "resources.limits.memory %s is below %dMi, which is memoryBaseMiB and config.kafka.max_buffered_bytes: the worker would be killed while Kafka is away" (toString $limits.memory) $needed) }}
{{- end }}
{{- else }}
{{- $limits = set $limits "memory" (printf "%dMi" $needed) }}
{{- end }}
{{- if not $requests.memory }}
{{- $requests = set $requests "memory" $limits.memory }}
{{- end }}
{{- dict "limits" $limits "requests" $requests | toYaml }}
{{- end }}

{{- /* The ports of a list of host:port, as a JSON list; where none is named, the default. */}}
{{- define "opend-kafka.portsOf" -}}
{{- $ports := list }}
{{- range splitList "," .servers }}
{{- $ports = append $ports (regexFind "[0-9]+$" (regexFind ":[0-9]+$" (trim .)) | default $.default | int) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{- /* A code as it stands in a topic's name: what is outside [A-Za-z0-9.] in hex. */}}
{{- define "opend-kafka.escape" -}}
{{- $escaped := . | replace "-" "-2d" }}
{{- range $character, $hex := dict " " "20" "!" "21" "#" "23" "$" "24" "%" "25" "&" "26" "'" "27" "(" "28" ")" "29" "*" "2a" "+" "2b" "," "2c" "/" "2f" ":" "3a" ";" "3b" "<" "3c" "=" "3d" ">" "3e" "?" "3f" "@" "40" "[" "5b" "]" "5d" "^" "5e" "_" "5f" "~" "7e" }}
{{- $escaped = replace $character (printf "-%s" $hex) $escaped }}
{{- end }}
{{- if not (regexMatch "^[A-Za-z0-9.-]+$" $escaped) }}
{{- fail (printf "strimzi.topics: the code %s has characters that the chart cannot write in a topic's name; let the worker create its topics" .) }}
{{- end }}
{{- $escaped }}
{{- end }}
