{{/* The metadata of a resource, from a dictionary with root, name and, perhaps, namespace. */}}
{{- define "mcpauth.metadata" -}}
name: {{ .name }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  app.kubernetes.io/name: mcpauth
  app.kubernetes.io/instance: {{ .root.Release.Name }}
  app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/*
The authorization servers as a JSON array of {config, host, port, sni, name, probe}. config is
what the plugin gets. sni is empty where host is that of the issuer. name is that of the resources that make the cluster, and probe the
host name of Envoy Gateway's route among them, which never resolves. Both are empty where
an earlier server has the same host and port, or where the values name a cluster.
*/}}
{{- define "mcpauth.servers" -}}
{{- $servers := list }}
{{- $suffixes := dict }}
{{- range .Values.authorizationServers }}
  {{- $url := urlParse .issuer }}
  {{- $host := .host | default (lower $url.hostname) }}
  {{- $port := .port | default (regexFind ":[0-9]+$" $url.host | trimPrefix ":") | default 443 | int }}
  {{- $server := dict "host" $host "port" $port "name" "" "probe" "" "sni" "" }}
  {{- if ne $host (lower $url.hostname) }}
    {{- $_ := set $server "sni" $host }}
  {{- end }}
  {{- $cluster := .cluster }}
  {{- if not $cluster }}
    {{- $place := printf "%s:%d" $host $port }}
    {{- $known := hasKey $suffixes $place }}
    {{- if not $known }}
      {{- $_ := set $suffixes $place (empty $suffixes | ternary "" (printf "-%d" (add1 (len $suffixes)))) }}
    {{- end }}
    {{- $suffix := get $suffixes $place }}
    {{- $name := printf "%s-identity-provider%s" $.Release.Name $suffix }}
    {{- if not $known }}
      {{- $_ := set $server "name" $name }}
      {{- $_ := set $server "probe" (printf "auth%s.invalid" $suffix) }}
    {{- end }}
    {{- $cluster = printf "outbound|%d||%s" $port $host }}
    {{- if eq $.Values.gateway "envoy-gateway" }}
      {{- $cluster = printf "httproute/%s/%s/rule/0" $.Release.Namespace $name }}
    {{- end }}
  {{- end }}
  {{- $_ := set $server "config" (merge (dict "issuer" .issuer "cluster" $cluster) (.config | default dict)) }}
  {{- $servers = append $servers $server }}
{{- end }}
{{- toJson $servers }}
{{- end }}

{{/* The plugin's configuration, as JSON: YAML would write large numbers as 1e+06. */}}
{{- define "mcpauth.config" -}}
{{- $servers := list }}
{{- range include "mcpauth.servers" . | fromJsonArray }}
  {{- $servers = append $servers .config }}
{{- end }}
{{- $own := dict "authorization_servers" $servers "resources" .Values.resources }}
{{- if .Values.guard.enabled }}
  {{- $_ := set $own "verdict_header" true }}
{{- end }}
{{- if .Values.allowOnHeadersStopIteration }}
  {{- $_ := set $own "allow_on_headers_stop_iteration" true }}
{{- end }}
{{- merge $own .Values.config | toPrettyJson }}
{{- end }}

{{/* The image, pinned by its digest. */}}
{{- define "mcpauth.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.tag }}:{{ . }}{{ end }}@sha256:{{ .Values.image.digest }}
{{- end }}

{{/* Where Istio attaches a resource. */}}
{{- define "mcpauth.istioTarget" -}}
{{- with .Values.istio.targetRefs -}}
targetRefs: {{- toYaml . | nindent 2 }}
{{- else -}}
selector:
  matchLabels: {{- toYaml .Values.istio.selector | nindent 4 }}
{{- end }}
{{- end }}

{{/* The same for an EnvoyFilter, which has another name for the selector. */}}
{{- define "mcpauth.istioFilterTarget" -}}
{{- with .Values.istio.targetRefs -}}
targetRefs: {{- toYaml . | nindent 2 }}
{{- else -}}
workloadSelector:
  labels: {{- toYaml .Values.istio.selector | nindent 4 }}
{{- end }}
{{- end }}
