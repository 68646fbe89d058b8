package gate

import (
	"strings"
	"testing"

	"mcpauth/config"
)

func TestClaimText(t *testing.T) {
	const payload = `{"email":"a\u0062","n":null,"yes":true,"list":["x",{"y":1}],"a.b":"whole","a":{"b":"part","c":{"d":[1, 2]},"":0},"https://e.example/roles":["r"],"\u0072":{"\u0073":"t"}}`
	for name, want := range map[string]string{
		"email": "ab", "n": "", "yes": "true", "list": `["x",{"y":1}]`, "a.b": "whole", "a.c": `{"d":[1, 2]}`, "a.c.d": "[1, 2]",
		"https://e.example/roles": `["r"]`, "r.s": "t", "a.": "0",
		"": "", ".": "", "x": "", "a.x": "", "a.c.d.e": "", "email.x": "", "list.0": "", "list.y": "", "A": "", "a*": "", "a.@this": "", "a.#": "",
	} {
		h := config.ClaimToHeader{ClaimName: name, Path: strings.Split(name, ".")}
		if got := claimText(payload, &h); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
