package main

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const metadataParameter = `resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/notes"`

// refusal returns an answer with a challenge.
func refusal(status int, challenge string) *seen {
	s := &seen{Status: status, Header: http.Header{}}
	if challenge != "" {
		s.Header.Set("WWW-Authenticate", challenge)
	}
	return s
}

func TestPredicatesOfRefusals(t *testing.T) {
	for _, test := range []struct {
		s        *seen
		holds    string // the names of the predicates that do
		describe string
	}{
		{refusal(401, "Bearer "+metadataParameter), "names first", "a first challenge"},
		{refusal(401, `bearer scope="read:notes", `+metadataParameter), "names first", "a scheme in lower case"},
		{refusal(401, "Basic realm=x"), "", "another scheme"},
		{refusal(401, ""), "", "no challenge"},
		{refusal(403, "Bearer "+metadataParameter), "", "another status"},
		{refusal(401, `Bearer resource_metadata="/.well-known/oauth-protected-resource/notes"`), "first", "a relative URL"},
		{refusal(401, `Bearer error="invalid_token", `+metadataParameter), "names invalid", "a bad token"},
		{refusal(403, `Bearer error="invalid_token"`), "", "a bad token and 403"},
		{refusal(403, `Bearer error="insufficient_scope", scope="openid read:notes"`), "scope", "a missing scope"},
		{refusal(403, `Bearer error="insufficient_scope", scope="read:notesx"`), "", "another scope"},
		{refusal(403, `Bearer error="insufficient_scope"`), "", "no scope"},
		{refusal(401, `Bearer error="insufficient_scope", scope="read:notes"`), "", "a missing scope and 401"},
		{refusal(401, `Bearer error_description="error=\"invalid_token\"", `+metadataParameter), "names first", "an error in a text"},
	} {
		var holds []string
		for _, p := range []struct {
			name string
			is   bool
		}{
			{"names", namesMetadata(test.s)}, {"first", isFirstChallenge(test.s)}, {"invalid", isInvalidToken(test.s)},
			{"scope", isInsufficientScope(test.s, "read:notes")},
		} {
			if p.is {
				holds = append(holds, p.name)
			}
		}
		if got := strings.Join(holds, " "); got != test.holds {
			t.Errorf("%s: %q, want %q", test.describe, got, test.holds)
		}
	}
}

// TestBriefHasNoToken: a peer may repeat the token in its answer.
func TestBriefHasNoToken(t *testing.T) {
	s := refusal(401, `Bearer realm="http://mcp.example.com/notes?access_token=eyJhbGciOi.eyJpc3Mi.c2ln"`)
	if got := s.brief(); got != `401 Unauthorized, WWW-Authenticate: Bearer realm="http://mcp.example.com/notes?access_token=…"` {
		t.Error(got)
	}
	s = &seen{Status: 200, Body: `{"authorization":"Bearer eyJhbGciOi.eyJpc3Mi.c2ln"}`}
	if got := s.brief(); got != `200 OK: {"authorization":"Bearer …"}` {
		t.Error(got)
	}
}

func TestUnavailable(t *testing.T) {
	retry := func(s *seen) *seen { s.Header.Set("Retry-After", "5"); return s }
	for _, test := range []struct {
		s    *seen
		want bool
	}{
		{retry(refusal(503, "")), true}, {refusal(503, ""), false}, {retry(refusal(401, "")), false},
		{retry(refusal(503, "Bearer "+metadataParameter)), false},
	} {
		if isUnavailable(test.s) != test.want {
			t.Errorf("%s: want %v", test.s.brief(), test.want)
		}
	}
}

func TestPredicatesForWebPages(t *testing.T) {
	with := func(s *seen, headers ...string) *seen {
		for i := 0; i < len(headers); i += 2 {
			s.Header.Add(headers[i], headers[i+1])
		}
		return s
	}
	const allow, expose, names = "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Allow-Headers"
	for _, test := range []struct {
		s                   *seen
		readable, preflight bool
	}{
		{refusal(200, ""), false, false},
		{with(refusal(200, ""), allow, "*"), true, false},
		{with(refusal(200, ""), allow, "https://other.example.com"), false, false},
		{with(refusal(401, "Bearer x"), allow, peerOrigin), false, false},
		{with(refusal(401, "Bearer x"), allow, peerOrigin, expose, "Mcp-Session-Id, WWW-Authenticate"), true, false},
		{with(refusal(204, ""), allow, peerOrigin, names, "content-type", names, "Authorization"), true, true},
		{with(refusal(204, ""), allow, "https://other.example.com", names, "Authorization"), false, false},
		{with(refusal(401, ""), allow, peerOrigin, names, "Authorization"), true, false},
	} {
		if isReadable(test.s) != test.readable || isPreflight(test.s) != test.preflight {
			t.Errorf("%d %v: want %v, %v", test.s.Status, test.s.Header, test.readable, test.preflight)
		}
	}
}

func TestPredicateOfMetadata(t *testing.T) {
	const issuer = "https://auth.example.com"
	for body, want := range map[string]bool{
		`{"resource":"https://mcp.example.com/notes","authorization_servers":["https://auth.example.com"]}`:  true,
		`{"resource":"https://mcp.example.com/notes","authorization_servers":["https://auth.example.com/"]}`: false,
		`{"resource":"https://mcp.example.com/notes/","authorization_servers":["https://auth.example.com"]}`: false,
		`{"resource":"https://mcp.example.com/notes"}`:                                                       false,
		`not found`: false,
	} {
		s := &seen{Status: 200, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body}
		if isMetadata(s, issuer) != want {
			t.Errorf("%s: want %v", body, want)
		}
		if s.Header.Set("Content-Type", "text/html"); isMetadata(s, issuer) {
			t.Errorf("%s: accepted as text/html", body)
		}
	}
}

func TestPredicateOfCalls(t *testing.T) {
	for body, want := range map[string]bool{
		`{"jsonrpc":"2.0","id":1,"result":{"content":[]}}`:                 false,
		`{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":false}}`: false,
		`{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}`:  true,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}`:  true,
		`not JSON`: false,
	} {
		if got := isRefusedCall(&seen{Status: 200, Body: body}); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	if !isRefusedCall(refusal(403, "")) {
		t.Error("403 is no refusal")
	}
}

// probeAll probes a server that answers every request in the same way.
func probeAll(t *testing.T, answer http.HandlerFunc) map[string]string {
	t.Helper()
	auth, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(auth.close)
	if err := auth.open(); err != nil {
		t.Fatal(err)
	}
	p := &peer{Name: "stub", Title: "a stub", Identity: "x-user", Base: "envoy"}
	if err := completePeers([]*peer{p}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { releasePeers([]*peer{p}) })
	listener, err := p.Port.Listen()
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answer}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	stage := &peerStage{peers: []*peer{p}, auth: auth}
	states := map[string]string{}
	for _, each := range slices.Concat(probesAtStart, probesOnReturn, probesInService, probesOfRotation) {
		b, err := stage.probe(t.Context(), each, 0)
		if err != nil {
			t.Fatal(each.Name, err)
		}
		states[each.Name] = b.States["stub"]
	}
	return states
}

// expect fails for each probe whose state is not yes where it must be, and no elsewhere.
func expect(t *testing.T, states map[string]string, wanted ...string) {
	t.Helper()
	for name, state := range states {
		want := no
		if slices.Contains(wanted, name) {
			want = yes
		}
		if state != want {
			t.Errorf("%s: %s, want %s", name, state, want)
		}
	}
	for _, name := range wanted {
		if states[name] == "" {
			t.Errorf("no probe %q", name)
		}
	}
}

// TestProbesOfAnOpenDoor: who lets everything through has nothing but that tokens pass.
func TestProbesOfAnOpenDoor(t *testing.T) {
	states := probeAll(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		subject, token := r.Header.Get("X-User"), r.Header.Get("Authorization")
		io.WriteString(w, `{"jsonrpc":"2.0","id":1,"result":{"content":[],"seen":{"authorization":"`+token+`","x-user":"`+subject+`"}}}`)
	})
	expect(t, states, "works when the authorization server comes up late", "new keys without a restart, within 45 s")
}

// TestProbesOfAWall: who refuses everything, in no form that a client knows, has nothing but that.
func TestProbesOfAWall(t *testing.T) {
	states := probeAll(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotFound) })
	expect(t, states, "no token passes while the keys are missing", "no token in the query", "two `Authorization` headers are refused",
		"scope of a single tool: the call is refused")
}

// TestProbeWaits: a peer that does something after a while has it, and the time is told.
func TestProbeWaits(t *testing.T) {
	count := 0
	each := probe{Name: "late", look: func(context.Context, *target) (bool, *seen, error) {
		count++
		return count == 2, refusal(200, ""), nil
	}}
	b, err := (&peerStage{peers: []*peer{{Name: "stub"}}}).probe(t.Context(), each, time.Hour)
	if err != nil || b.States["stub"] != yes || b.Seconds["stub"] <= 0 {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestProbeDoesNotApply: who checks tokens in the server itself hands nothing on.
func TestProbeDoesNotApply(t *testing.T) {
	each := probe{Name: "gateways only", Gateway: true, look: func(context.Context, *target) (bool, *seen, error) {
		t.Error("asked")
		return false, nil, nil
	}}
	b, err := (&peerStage{peers: []*peer{{Name: "stub"}}}).probe(t.Context(), each, 0)
	if err != nil || b.States["stub"] != notApplicable {
		t.Errorf("%+v, %v", b, err)
	}
}
