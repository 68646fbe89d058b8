package wasmtest

import (
	"strings"
	"testing"
)

// ASP.NET takes the session of a client without cookies out of a path.
func TestPathsWithSessions(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), object{"unmatched": "allow"}))
	for _, path := range []string{"/(S(abc))/notes", "/(S(abc))/notes/1", "/(A(x)F(y))/notes", "/no/(S(x))tes", "/%28S%28x%29%29/notes", "/x/../(S(x))/notes", "/(S(a))/(F(b))/notes", "/(S())/notes", "/(S(x))/NOTES"} {
		wantStatus(t, vm.Request(rpc(path, "")), 400)
	}
	for _, path := range []string{"/(x)/notes", "/Products(1)", "/((x))", "/(", "/(S(", "/((", "/x/(S(abc))/y", "/(S(x)/notes", strings.Repeat("/(", 1000)} {
		wantForwarded(t, vm.Request(rpc(path, "")))
	}
	wantStatus(t, vm.Request(rpc("/notes/(S(x))", "")), 401)
}
