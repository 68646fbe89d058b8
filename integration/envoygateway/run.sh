#!/bin/sh
# Runs the tests of this folder in three parts at once, since most of the time they wait,
# and prints the logs of those that failed.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"${GO:-go}" test -c -tags controlplane -o "$dir/test" .
"$dir/test" -test.run '^$' >/dev/null # builds the control plane
for part in Guard Kubernetes 'Job|Rules|Options'; do
	("$dir/test" -test.v -test.timeout 40m -test.run "$part" >"$dir/$part.log" 2>&1 ||
		mv "$dir/$part.log" "$dir/$part.failed") &
done
wait
cat "$dir"/*.failed 2>/dev/null || true
grep -hE '^ *--- ' "$dir"/*.log "$dir"/*.failed 2>/dev/null || true
[ -z "$(ls "$dir" | grep '\.failed$')" ]
