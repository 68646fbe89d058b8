#!/bin/sh
# run.sh FOLDER PATTERN...: runs the tests of a folder beside this one in several parts at
# once, since most of the time they wait: one part for each pattern of go test's -run, and
# one for all other tests. It prints the logs of the parts that failed.
set -eu
cd "$(dirname "$0")/../$1"
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

"${GO:-go}" test -c -tags controlplane -o "$dir/test" .
"$dir/test" -test.run '^$' >/dev/null # builds the control plane
part() {
	name=$1
	shift
	("$dir/test" -test.v -test.timeout 40m "$@" >"$dir/$name.log" 2>&1 || mv "$dir/$name.log" "$dir/$name.failed") &
}
others='' count=0
for pattern; do
	count=$((count + 1))
	part $count -test.run "$pattern"
	others=$others${others:+|}$pattern
done
part others -test.skip "$others"
wait
cat "$dir"/*.failed 2>/dev/null || true
grep -hE '^ *--- ' "$dir"/*.log "$dir"/*.failed 2>/dev/null || true
! ls "$dir" | grep -q '\.failed$'
