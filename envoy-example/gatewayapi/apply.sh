#!/bin/sh
# Applies mcpauth to a running Envoy Gateway, in the order in which nothing is ever open:
# the guard, then the plugin, then the route to the MCP server. It waits for each to be in
# effect, and goes no further if it is not.
#
#   sh apply.sh CONTEXT ADDRESS RESOURCE
#
# CONTEXT is the kubectl context. ADDRESS is where the Gateway's listener for MCP is
# reached, HOST:PORT. RESOURCE is the URL of the resource in policy.yaml.
#
#   sh apply.sh kind-kind 203.0.113.7:443 https://mcp.example.com/notes
#
# Variables: MANIFESTS, a folder of manifests, else that of this script; TIMEOUT, in
# seconds for each wait, else 60; KUBECTL and CURL, the programs. It applies patch.yaml
# with PATCH=yes. It can run again after a change.
set -eu

if [ $# -ne 3 ]; then
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "$0" >&2
	exit 2
fi
address=$2 resource=$3
scheme=${resource%%://*}
manifests=${MANIFESTS:-$(dirname "$0")}
timeout=${TIMEOUT:-60}

kubectl() { "${KUBECTL:-kubectl}" --context "$context" "$@"; }
context=$1

# status URL [HEADER]: the status of a request to the gateway, 000 if there is no answer.
# Certificates are not checked: the names below are in none.
status() {
	"${CURL:-curl}" -sko /dev/null -m 5 -w '%{http_code}' --connect-to "::$address" -H "${2:-accept: */*}" "$1" || true
}

# await STATUS URL [HEADER]: waits until a request gets the status three times in a row,
# since gateways have several workers and, often, several replicas.
await() {
	left=$((timeout * 2)) row=0
	while :; do
		got=$(status "$2" "${3:-}")
		if [ "$got" = "$1" ]; then row=$((row + 1)); else row=0; fi
		[ $row -lt 3 ] || return 0
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.5
	done
}

fail() {
	echo "apply.sh: $1" >&2
	shift
	for line; do echo "  $line" >&2; done
	exit 1
}

# conditions KIND NAME: what Envoy Gateway says about a policy of the manifests.
conditions() {
	kubectl get "$1" -A -o "jsonpath={range .items[?(@.metadata.name=='$2')].status.ancestors[*].conditions[*]}{.type}={.status} {.message}{'\n'}{end}" | sort -u
}

echo "1. the guard"
kubectl apply -f "$manifests/guard.yaml"
await 403 "$scheme://guard.invalid/" 'x-mcpauth-verdict: token' || case $got in
200) fail "the guard is not in effect: a request with a forged x-mcpauth-verdict passed." \
	"Another ClientTrafficPolicy or SecurityPolicy of the Gateway counts instead of mcpauth-guard:" \
	"add what guard.yaml says to it. The conditions:" \
	"$(conditions clienttrafficpolicy mcpauth-guard)" "$(conditions securitypolicy mcpauth-guard)" ;;
404) fail "no listener at $address has the route for guard.invalid." \
	"The listener must have no hostname, and the Gateway's name must be right in guard.yaml." ;;
*) fail "$scheme://guard.invalid at $address: status $got, not 403." \
	"Is this the address of the Gateway's listener, and does it speak $scheme?" ;;
esac

echo "2. the plugin"
kubectl apply -f "$manifests/identity-provider.yaml" -f "$manifests/policy.yaml"
if [ "${PATCH:-}" = yes ]; then kubectl apply -f "$manifests/patch.yaml"; fi
path=/${resource#*://*/}
await 401 "$scheme://auth.invalid$path" || fail "the plugin does not run: $scheme://auth.invalid$path at $address has status $got, not 401." \
	"403: Envoy has no such plugin. Envoy's log names each mistake in its configuration after 'mcpauth:';" \
	"Envoy Gateway's log has 'Envoy rejected the last update'; for the image, see the conditions:" \
	"$(conditions envoyextensionpolicy mcpauth)" \
	"404: kind Backend is not enabled, or policy.yaml has no resource for $path."

echo "3. the route"
kubectl apply -f "$manifests/mcp-route.yaml"
await 401 "$resource" || fail "$resource at $address: status $got, not 401." \
	"403: the route has no plugin: does policy.yaml list it? 404: does mcp-route.yaml match host and path," \
	"and resource in policy.yaml, too? After a change of policy.yaml, Envoy's log may have a line with 'mcpauth:'."

# A SecurityPolicy of the route, without mergeType, counts instead of the guard.
route=$(kubectl get -f "$manifests/mcp-route.yaml" -o 'jsonpath={.metadata.namespace}/{.metadata.name}')
if conditions securitypolicy mcpauth-guard | grep '^Overridden=True' | grep -Eq "[[ ]$route[] /]"; then
	fail "$resource has status 401, but no guard: a SecurityPolicy of the route counts instead." \
		"Add 'mergeType: StrategicMerge' to it."
fi

echo "$resource is protected: 401 without a token."
