#!/bin/sh
# Attaches mcpauth to a running Envoy Gateway, in the order in which nothing is ever open:
# the guard, then the identity provider and the plugin, then the route to the MCP server. It
# waits for each to be in effect, and goes no further if it is not.
#
# usage: apply.sh [-p] [-d folder] [-a address] [-t seconds] [-c context] url route
#
#   url    the URL of the resource: https://mcp.example.com/notes
#   route  a file with the HTTPRoute to the MCP server
#   -p     apply patch.yaml too
#   -d     the folder with the manifests, that of this script if not given
#   -a     address of the Gateway's listener, HOST:PORT, if the name in the URL does not
#          lead there
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
patch='' address='' seconds=60 context=''
while getopts pd:a:t:c: option; do
	case $option in
	p) patch=yes ;;
	d) folder=$OPTARG ;;
	a) address=$OPTARG ;;
	t) seconds=$OPTARG ;;
	c) context=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -eq 2 ] || usage
resource=$1 route=$2
[ -r "$route" ] || { echo "$0: there is no file $route" >&2; exit 2; }
scheme=${resource%%://*}
authority=${resource#*://}
authority=${authority%%/*}
case $authority in
*:*) port=:${authority##*:} ;;
*) port= ;;
esac
# Requests for names that lead nowhere go to the gateway, too.
address=${address:-${authority%:*}:}

apply() {
	kubectl apply -f "$1"
}

kubectl() { command kubectl ${context:+--context "$context"} "$@"; }

# status URL [HEADER]: the status of a request to the gateway, 000 if there is no answer.
# Certificates are not checked: the names below are in none.
status() {
	curl -sko /dev/null -m 5 -w '%{http_code}' --connect-to "::$address" -H "${2:-accept: */*}" "$1" || true
}

# await STATUS URL [HEADER]: waits until a request gets the status three times in a row,
# since gateways have several workers and, often, several replicas.
await() {
	last=$(($(date +%s) + seconds)) row=0
	while :; do
		got=$(status "$2" "${3:-}")
		if [ "$got" = "$1" ]; then row=$((row + 1)); else row=0; fi
		[ $row -lt 3 ] || return 0
		[ "$(date +%s)" -lt "$last" ] || return 1
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
apply "$folder/guard.yaml"
await 403 "$scheme://guard.invalid$port/" 'x-mcpauth-verdict: token' || case $got in
200) fail "the guard is not in effect: a request with a forged x-mcpauth-verdict passed." \
	"Another ClientTrafficPolicy or SecurityPolicy of the Gateway counts instead of mcpauth-guard:" \
	"add what guard.yaml says to it. The conditions:" \
	"$(conditions clienttrafficpolicy mcpauth-guard)" "$(conditions securitypolicy mcpauth-guard)" ;;
404) fail "no listener at $address has the route for guard.invalid." \
	"The listener must have no hostname, and the Gateway's name must be right in guard.yaml." ;;
*) fail "$scheme://guard.invalid$port at $address: status $got, not 403." \
	"Is this the address of the Gateway's listener, and does it speak $scheme?" ;;
esac

echo "2. the plugin"
apply "$folder/identity-provider.yaml"
apply "$folder/policy.yaml"
[ -z "$patch" ] || apply "$folder/patch.yaml"
path=/${resource#*://*/}
await 401 "$scheme://auth.invalid$port$path" || fail "the plugin does not run: $scheme://auth.invalid$port$path at $address has status $got, not 401." \
	"403: Envoy has no such plugin. Envoy's log names each mistake in its configuration after 'mcpauth:';" \
	"Envoy Gateway's log has 'Envoy rejected the last update'; for the image, see the conditions:" \
	"$(conditions envoyextensionpolicy mcpauth)" \
	"404: kind Backend is not enabled, or policy.yaml has no resource for $path."

echo "3. the route"
apply "$route"
await 401 "$resource" || fail "$resource at $address: status $got, not 401." \
	"403: the route has no plugin: does policy.yaml list it? 404: does the route match host and path," \
	"and resource in policy.yaml, too? After a change of policy.yaml, Envoy's log may have a line with 'mcpauth:'."

# A SecurityPolicy of the route, without mergeType, counts instead of the guard.
name=$(kubectl get -f "$route" -o 'jsonpath={.metadata.namespace}/{.metadata.name}')
if conditions securitypolicy mcpauth-guard | grep '^Overridden=True' | grep -Eq "[[ ]$name[] /]"; then
	fail "$resource has status 401, but no guard: a SecurityPolicy of the route counts instead." \
		"Add 'mergeType: StrategicMerge' to it."
fi

echo "$resource is protected: 401 without a token."
