{{- define "kedge.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters: behind it stand the name of a component and the suffixes of what Kubernetes makes of it. */}}
{{- define "kedge.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "kedge.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "kedge.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "kedge.selector" -}}
app.kubernetes.io/name: {{ include "kedge.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "kedge.labels" -}}
{{ include "kedge.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "kedge.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "kedge.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "kedge.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* The components that are enabled, as a list of names: "include" gives text, so they are separated by blanks. */}}
{{- define "kedge.components" -}}
{{- $root := . -}}
{{- $found := list -}}
{{- range $name := list "gateway" "serve" "sync" "loader" "persister" -}}
{{- if (index $root.Values $name).enabled -}}{{- $found = append $found $name -}}{{- end -}}
{{- end -}}
{{- join " " $found -}}
{{- end -}}

{{/* What the chart decides: where the process listens, how it ends. It wins over the configuration file. */}}
{{- define "kedge.env" -}}
{{- $root := .root -}}
{{- $name := .component -}}
{{- $own := index $root.Values $name -}}
{{- $prefix := printf "KEDGE_%s" (upper $name) -}}
- { name: KEDGE_CONFIG, value: /etc/kedge/config/kedge.config.json }
- { name: {{ $prefix }}_LISTEN, value: '0.0.0.0:9090' }
- { name: {{ $prefix }}_DRAIN, value: {{ printf "%vs" $own.drainSeconds }} }
{{- if $own.port }}
- { name: {{ $prefix }}_HOST, value: 0.0.0.0 }
- { name: {{ $prefix }}_PORT, value: {{ $own.port | quote }} }
- { name: {{ $prefix }}_GRACE, value: {{ printf "%vs" $own.graceSeconds }} }
{{- end }}
{{- if $own.module }}
- { name: {{ $prefix }}_MODULE, value: {{ $own.module.file | quote }} }
{{- end }}
{{- if and (ne $name "gateway") $root.Values.gateway.enabled (not $root.Values.config.url) }}
- { name: KEDGE_URL, value: {{ printf "http://%s-gateway:%v" (include "kedge.fullname" $root) $root.Values.gateway.port | quote }} }
{{- end }}
{{- with $own.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}
