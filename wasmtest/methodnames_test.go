package wasmtest

import "testing"

// A rule for a method that MCP does not have, but for one word in the singular or
// the plural, would leave the method that is meant open.
func TestMethodsInTheWrongNumber(t *testing.T) {
	for _, method := range []string{"tool/call", "tools/calls", "tool/*", "Tool/Call", "prompt/get", "prompts/gets", "resource/read", "resource/*", "resource/template/list", "notification/*"} {
		wantRefused(t, toJSON(config(server(nil), notes(object{"methods": object{method: []string{"admin"}}}), nil)), `resources[0].methods["`+method+`"]`)
	}
	h := newHost(t, Options{})
	start(t, h, config(server(nil), notes(object{"methods": object{
		"tools/*": []string{"a"}, "tools/call": []string{"b"}, "custom/call": []string{"c"}, "address/list": []string{"d"}, "t*": []string{"e"}, "*": []string{"f"},
	}}), nil))
}
