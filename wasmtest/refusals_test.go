package wasmtest

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// lines returns the log's lines at level info or above that begin so, without the
// plugin's name.
func lines(h *Host, begin string) (list []string) {
	for _, l := range h.Logs() {
		if text, ok := strings.CutPrefix(l.Message, "mcpauth: "+begin); ok && l.Level >= LogInfo {
			list = append(list, text)
		}
	}
	return list
}

// The operator learns why tokens are refused: for each reason a line a minute from
// all workers, with what the token says of itself.
func TestRefusalsAreLogged(t *testing.T) {
	h := newHost(t, Options{})
	rules := notes(object{"tools": object{"delete_note": []string{"write:notes"}}})
	vms := []*VM{start(t, h, config(server(nil), rules, nil)), start(t, h, config(server(nil), rules, nil))}
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_note"}}`
	about := `; issuer "https://auth.example.com", audience "` + resource + `", alg "RS256", kid "rsa-1"`
	for _, tt := range []struct {
		name          string
		authorization func() string
		want          string
	}{
		{"audience", func() string { return rsaKey.bearer(claims(h, object{"aud": []string{"account", "b", "c", "d", "e"}})) },
			`the token is for another audience; issuer "https://auth.example.com", audience "account", "b", "c" and 2 more, alg "RS256", kid "rsa-1"`},
		{"expired", func() string { return rsaKey.bearer(claims(h, object{"exp": 1})) }, "the token has expired" + about},
		{"issuer", func() string { return rsaKey.bearer(claims(h, object{"iss": "https://other.example"})) },
			`the token is from another issuer; issuer "https://other.example", audience "` + resource + `", alg "RS256", kid "rsa-1"`},
		{"unknown key", func() string { return signedBy("gone").bearer(claims(h, nil)) },
			"the signing key of the token is unknown" + strings.Replace(about, "rsa-1", "gone", 1)},
		{"signature", func() string { return impostorRSA.bearer(claims(h, nil)) }, "the signature does not verify" + about},
		{"algorithm", func() string {
			return "Bearer " + rsaKey.sign(`{"alg":"none"}`, toJSON(claims(h, nil)))
		}, `the token algorithm none is not accepted; issuer "https://auth.example.com", audience "` + resource + `", alg "none", no kid`},
		{"scope", func() string { return rsaKey.bearer(claims(h, object{"scope": "x"})) }, `the token lacks a required scope of "read:notes"` + about},
		{"malformed", func() string { return "Bearer nonsense" }, "the token is malformed: it is not three parts with dots between"},
		{"two tokens", func() string { return "Bearer a, Bearer b" }, "there is more than one token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h.Run(time.Minute, nil)
			h.ForgetLogs()
			for range 5 {
				for _, vm := range vms {
					s := vm.Request(rpc("/notes", tt.authorization()))
					h.Run(2*time.Second, nil)
					if s.State() != Answered {
						t.Fatal(describe(s))
					}
				}
			}
			got := lines(h, "refused at "+resource+": ")
			if len(got) != 1 || tt.name != "two tokens" && got[0] != tt.want {
				t.Errorf("log %q, want one line\n%s", got, tt.want)
			}
			h.Run(time.Minute, nil)
			vms[1].Request(rpc("/notes", tt.authorization()))
			if got := lines(h, "refused at "); len(got) != 2 {
				t.Errorf("%d lines after a minute", len(got))
			}
		})
	}
	t.Run("by the rules", func(t *testing.T) {
		h.Run(time.Minute, nil)
		h.ForgetLogs()
		known := rsaKey.bearer(claims(h, object{"scope": "read:notes"}))
		s := vms[0].Open(rpc("/notes", known), false)
		s.Body(call, true)
		wantError(t, s, 403, "insufficient_scope")
		if got := lines(h, "refused at "+resource); len(got) != 1 || !strings.Contains(got[0], `a required scope of "read:notes write:notes"`) {
			t.Errorf("log %q", got)
		}
	})
	t.Run("what is no refusal of a token", func(t *testing.T) {
		h.Run(time.Minute, nil)
		h.ForgetLogs()
		wantForwarded(t, vms[0].Request(rpc("/notes", rsaKey.bearer(claims(h, nil)))))
		wantStatus(t, vms[0].Request(rpc("/notes", "")), 401)
		wantStatus(t, vms[0].Request(rpc("/other", "")), 404)
		if got := lines(h, ""); len(got) != 0 {
			t.Errorf("log %q", got)
		}
	})
}

// An opaque token says nothing; its server does.
func TestRefusalsOfOpaqueTokensAreLogged(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(opaque(nil), notes(nil), nil))
	a := newAsked(map[string]object{
		"elsewhere": aboutToken(h, object{"aud": "https://elsewhere"}), "weak": aboutToken(h, object{"scope": "x"}),
	})
	for token, want := range map[string]string{
		"secret-1":  `the token is not active; the authorization server was asked about the token, issuer "https://auth.example.com"`,
		"elsewhere": `the token is for another audience; the authorization server was asked about the token, issuer "https://auth.example.com", audience "https://elsewhere"`,
		"weak":      `the token lacks a required scope of "read:notes"; the authorization server was asked about the token, issuer "https://auth.example.com"`,
	} {
		h.ForgetLogs()
		a.decided(h, vm, token)
		if got := lines(h, "refused at "+resource+": "); len(got) != 1 || got[0] != want {
			t.Errorf("log %q, want\n%s", got, want)
		}
		if strings.Contains(h.LogText(), "secret-1") {
			t.Error("the log has the token")
		}
	}
}

// What a token says of itself can be anything: it ends no line, and is short.
func TestHostileTokensInTheLog(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(server(nil), notes(nil), nil))
	hostile := "a\"\\\r\n\x1b[2J\x00\u2028é\u202e" + strings.Repeat("x", 3000)
	plain := regexp.MustCompile(`^[ -~]*$`)
	for _, token := range []string{
		rsaKey.token(claims(h, object{"aud": hostile})),
		rsaKey.token(claims(h, object{"aud": []string{hostile, hostile[:2000], hostile[:20], "x"}, "exp": 1})),
		rsaKey.token(claims(h, object{"iss": hostile})),
		rsaKey.sign(toJSON(object{"alg": hostile, "kid": hostile}), toJSON(claims(h, nil))),
		rsaKey.sign(toJSON(object{"alg": "RS256", "kid": hostile}), toJSON(claims(h, nil))),
	} {
		h.ForgetLogs()
		wantStatus(t, vm.Request(rpc("/notes", "Bearer "+token)), 401)
		got := lines(h, "refused at ")
		if len(got) != 1 || !plain.MatchString(got[0]) || len(got[0]) > 1000 || strings.Contains(got[0], strings.Repeat("x", 100)) {
			t.Errorf("log %q", got)
		}
		if !strings.Contains(got[0], `"a\"\\??`) {
			t.Errorf("log %q has no trace of the value", got)
		}
	}
}

// Why requests get 503 is told too.
func TestReasonsFor503AreLogged(t *testing.T) {
	h := newHost(t, Options{})
	vm := start(t, h, config(direct(nil), notes(nil), nil))
	for range 1030 {
		vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	}
	h.Run(11*time.Second, nil)
	failing(h, 2*time.Second)
	vm.Request(rpc("/notes", rsaKey.bearer(claims(h, nil))))
	failing(h, 2*time.Second)
	for _, want := range []string{"too many requests wait for the authorization server", "the request has waited for too long", "there are no keys to verify the token"} {
		if n := len(lines(h, "503: "+want)); n != 1 {
			t.Errorf("%d lines %q:\n%s", n, want, h.LogText())
		}
	}
}

// A recovery is told in the end, though it came within a minute of the failure and
// another worker saw it.
func TestRecoveryIsLogged(t *testing.T) {
	for name, by := range map[string]int{"by the same worker": 0, "by another": 1} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			vms := []*VM{start(t, h, config(opaque(nil), notes(nil), nil)), start(t, h, config(opaque(nil), notes(nil), nil))}
			a := newAsked(nil)
			a.decided(h, vms[1], "before") // the other worker has seen all well
			vms[0].Request(rpc("/notes", "Bearer first"))
			failing(h, time.Second)
			h.Run(10*time.Second, nil)
			a.decided(h, vms[by], "second")
			h.Run(2*time.Minute, nil) // with no further question
			if n := len(lines(h, "issuer "+issuer+": tokens cannot be checked")); n != 1 {
				t.Errorf("%d lines that it fails", n)
			}
			if n := len(lines(h, "issuer "+issuer+": tokens can be checked again")); n != 1 {
				t.Errorf("%d lines that it works again:\n%s", n, h.LogText())
			}
		})
	}
}

// A client ID among the audiences of a resource that asks for nothing else is worth
// a warning: one, whatever the number of workers.
func TestClientIDAsAudience(t *testing.T) {
	for name, tt := range map[string]struct {
		server, resource object
		warns            bool
	}{
		"alone":           {nil, object{"required_scopes": nil, "audiences": []string{"account"}}, true},
		"a GUID":          {nil, object{"required_scopes": nil, "audiences": []string{"https://x.example", "5f0c1f3e-3c5b-4b8e-9b1a-000000000000"}}, true},
		"a URI":           {nil, object{"required_scopes": nil, "audiences": []string{"api://notes", "urn:notes"}}, false},
		"with scopes":     {nil, object{"audiences": []string{"account"}}, false},
		"with the type":   {object{"typ": "at+jwt"}, object{"required_scopes": nil, "audiences": []string{"account"}}, false},
		"no audiences":    {nil, object{"required_scopes": nil}, false},
		"an empty scopes": {nil, object{"required_scopes": []string{}, "audiences": []string{"account"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, Options{})
			for range 3 {
				start(t, h, config(server(tt.server), notes(tt.resource), nil))
			}
			got := lines(h, "the configuration: resources[0].audiences[")
			if want := map[bool]int{true: 1}[tt.warns]; len(got) != want {
				t.Errorf("warnings %q, want %d:\n%s", got, want, h.LogText())
			}
		})
	}
}

// Clients that are not registered find no way in where the metadata has none: one
// line says so, at each change.
func TestMetadataWithoutRegistration(t *testing.T) {
	const line = "the metadata has no registration_endpoint"
	h := newHost(t, Options{})
	for range 3 {
		start(t, h, config(fetching(nil), notes(nil), nil))
	}
	step := func(members object, want int) {
		t.Helper()
		h.ForgetLogs()
		d := goodServer(rsaKey)
		d[asMetadata] = metadata(members)
		d.run(h, 3*time.Hour)
		if n := strings.Count(h.LogText(), line); n != want {
			t.Errorf("%v: %d lines, want %d:\n%s", members, n, want, h.LogText())
		}
	}
	step(nil, 1)
	step(nil, 0)
	step(object{"registration_endpoint": issuer + "/register"}, 0)
	step(object{"registration_endpoint": nil}, 1)
	step(object{"client_id_metadata_document_supported": true}, 0)
	step(object{"client_id_metadata_document_supported": false}, 1)

	// One whose metadata is fetched for its introspection endpoint alone.
	h = newHost(t, Options{})
	a := newAsked(map[string]object{"opaque": aboutToken(h, nil)})
	for range 3 {
		vm := start(t, h, config(discovered(nil), notes(nil), nil))
		vm.Request(rpc("/notes", "Bearer opaque"))
		withMetadata(h, a, documents{asMetadata: metadata(object{"introspection_endpoint": issuer + "/ask"})}, time.Second)
	}
	if n := strings.Count(h.LogText(), line); n != 1 {
		t.Errorf("%d lines of three workers:\n%s", n, h.LogText())
	}

	for name, server := range map[string]object{"proxy": fetching(object{"oauth_proxy": object{
		"client_id": "a", "client_secret": "b", "redirect_uris": []string{callback}, "signing_key": signingKey,
	}}), "jwks_uri": direct(nil)} {
		h := newHost(t, Options{HeadersStopIteration: true})
		start(t, h, config(server, notes(nil), object{"allow_on_headers_stop_iteration": true}))
		newUpstreamServer().run(h, 10*time.Second)
		if strings.Contains(h.LogText(), line) {
			t.Errorf("%s: log:\n%s", name, h.LogText())
		}
	}
}
