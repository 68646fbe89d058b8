#!/bin/sh
# Attaches mcpauth to an Istio gateway: the guard, then the identity provider and the
# plugin, and when the gateway answers 401, the route to the MCP server. So there is no
# moment at which a request without a token reaches the server.
#
# usage: apply.sh [-p plugin] [-d folder] [-a address] [-t seconds] [-c context] url route
#
#   url    the URL of the resource: https://mcp.example.com/notes
#   route  a file with the route to the MCP server, or - if it is there already
#   -p     wasmplugin.yaml (the default), trafficextension.yaml or envoyfilter.yaml
#   -d     the folder with the manifests, that of this script if not given
#   -a     address of the gateway, HOST:PORT, if the name in the URL does not lead there
#   -t     how long to wait for each step, 60 seconds if not given
#   -c     the context of kubectl
#
# Change what is marked CHANGE in the manifests first. The script can run again.
set -eu

usage() {
  sed -n 's/^# \(usage: .*\)/\1/p' "$0" >&2
  exit 2
}

folder=$(dirname "$0")
plugin=wasmplugin.yaml address='' seconds=60 context=''
while getopts p:d:a:t:c: option; do
  case $option in
    p) plugin=$OPTARG ;;
    d) folder=$OPTARG ;;
    a) address=$OPTARG ;;
    t) seconds=$OPTARG ;;
    c) context=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[ $# -eq 2 ] || usage
url=$1 route=$2
case $plugin in
  */*) ;;
  *) plugin=$folder/$plugin ;;
esac
[ "$route" = - ] || [ -r "$route" ] || { echo "$0: there is no file $route" >&2; exit 2; }

apply() {
  kubectl ${context:+--context "$context"} apply -f "$1"
}

# Prints the status of a request without a token that brings a forged x-mcpauth-verdict:
# 403 from the guard, 401 from the plugin, 000 if there is no answer. A 401 or 403 of
# another filter or of the server has another text, and counts as "another-401".
status() {
  answer=$(curl -si --max-time 5 ${address:+--connect-to "::$address"} -H 'x-mcpauth-verdict: token' "$url" || true)
  code=$(printf '%s\n' "$answer" | sed -n '1s/^HTTP[^ ]* \([0-9][0-9]*\).*/\1/p')
  case $code in
    401) printf '%s\n' "$answer" | grep -qi '^www-authenticate:.*resource_metadata=' || code=another-401 ;;
    403) printf '%s\n' "$answer" | grep -q 'RBAC: access denied' || code=another-403 ;;
  esac
  echo "${code:-000}"
}

# Waits until the status is one of the words in $1 three times in a row, since a gateway may
# have several replicas.
wait_for() {
  last=$(($(date +%s) + seconds)) row=0
  while :; do
    got=$(status)
    case " $1 " in
      *" $got "*) row=$((row + 1)) ;;
      *) row=0 ;;
    esac
    [ $row -lt 3 ] || return 0
    [ "$(date +%s)" -lt "$last" ] || break
    sleep 0.2
  done
  echo "$0: $url answers $got, not ${1% *}, after $seconds seconds. The route is not applied." >&2
  case $got in
    000) echo "The gateway does not answer: look at the URL, its DNS name and -a, and at the Gateway's listener and certificate." ;;
    401) echo "The plugin answers." ;;
    another-*) echo "Not the plugin or the guard answers, but the MCP server or another filter of the gateway." ;;
    403) echo "The guard or Istio refuses, and the plugin does not run: either the gateway cannot pull the image (is the digest right?), or the namespace, the labels or match miss the gateway's pods." ;;
    500) echo "The plugin refuses its configuration." ;;
    503) echo "The plugin has crashed, or there is no gateway behind this address." ;;
    *) echo "Neither the guard nor the plugin answers: the namespace or the labels miss the gateway's pods, the URL is not that of the resource, or another gateway answers." ;;
  esac >&2
  echo "The reason is in the log of the gateway's pods, on lines with mcpauth or wasm. docs/istio.md has more." >&2
  exit 1
}

apply "$folder/guard.yaml"
wait_for '403 401' # 401 if the plugin is there already
apply "$folder/identity-provider.yaml"
apply "$plugin"
wait_for 401
[ "$route" = - ] || apply "$route"
echo "$url answers 401 without a token."
