package keys

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

// fresh is the key set with how long it says that it is fresh.
func fresh(d time.Duration) callout.Response {
	r := body(`{"keys":[` + key1 + `]}`)
	r.Fresh = d
	return r
}

// The server says when it wants to be asked again: never later, and earlier by
// no more than the jitter.
func TestRefreshIsDueWhenTheServerSays(t *testing.T) {
	for _, test := range []struct{ fresh, want time.Duration }{
		{0, refreshInterval}, {callout.MinFresh, callout.MinFresh}, {10 * time.Minute, 10 * time.Minute}, {callout.MaxFresh, callout.MaxFresh},
	} {
		t.Run(test.fresh.String(), func(t *testing.T) {
			p := start(t)
			p.serve[jwksURI] = fresh(test.fresh)
			p.tick()
			p.want(1, 1)
			seen := map[callout.UnixMilli]bool{}
			for range 20 {
				p.pass(test.want*9/10 - time.Second)
				p.tick()
				p.want(1, 0)
				seen[p.workers[0].record.next-p.Now()] = true
				p.pass(test.want/10 + time.Second)
				p.tick()
				p.want(1, 1)
			}
			if len(seen) < 5 {
				t.Errorf("%d different times of 20: no jitter", len(seen))
			}
		})
	}
}

// The keys of a server that is down are used for so long and no longer, by the
// clock of each configuration; and again when it is back.
func TestStaleKeys(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	patient := p.workers[2]
	server := *patient.server
	server.MaxStale = 48 * time.Hour
	patient.server = &server
	delete(p.serve, jwksURI)
	p.pass(24*time.Hour - time.Second)
	p.tick()
	p.want(1, 1)
	_, version := p.workers[0].Keys()
	p.pass(time.Second)
	for _, w := range p.workers {
		w.Tick()
	}
	for _, w := range p.workers[:2] {
		if set, v := w.Keys(); set != nil || v != 0 {
			t.Errorf("keys of a day are in use")
		}
	}
	if set, _ := patient.Keys(); set == nil {
		t.Error("keys are gone that this configuration allows for two days")
	}
	// Whoever has no keys is asked more often.
	p.asked = nil
	for range 60 {
		p.pass(time.Second)
		p.tick()
	}
	if n := len(p.asked); n < 8 {
		t.Errorf("%d attempts in a minute without keys", n)
	}
	p.asked = nil
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	p.pass(backoffWithKeys.Max)
	p.tick()
	p.want(1, 1)
	if _, v := p.workers[0].Keys(); v != version {
		t.Error("the same keys have another version")
	}
}

// After a pause of days, such as a laptop's sleep, nobody has failed yet: a
// request may wait for the fetch that is due.
func TestKeysThatAgeWithoutTicks(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	p.pass(72 * time.Hour)
	for _, w := range p.workers[1:] {
		w.Apply()
		if set, _ := w.Keys(); set != nil || !w.Await(p.Now()) || !w.Waiting() {
			t.Error("old keys are in use, or not waited for")
		}
	}
	p.tick()
	p.want(1, 1)
	if p.workers[1].Waiting() {
		t.Error("still waiting")
	}
}

// Keys are fetched anew long before a configuration would give them up, though
// another one, or the server, has set a later time.
func TestShortMaxStale(t *testing.T) {
	p := start(t)
	p.serve[jwksURI] = fresh(callout.MaxFresh)
	p.tick()
	p.want(1, 1)
	server := *p.workers[1].server
	server.MaxStale = 2 * time.Minute
	p.workers[1].server = &server
	for range 300 {
		p.pass(time.Second)
		p.tick()
		if set, _ := p.workers[1].Keys(); set == nil {
			t.Fatal("keys are given up while the server is up")
		}
	}
	if n := len(p.asked); n < 4 || n > 5 {
		t.Errorf("%d fetches in 5 minutes, want one a minute", n)
	}
}

// While the server is down and the clock goes back, the age of the keys is
// unknown: it counts from there, not for all the time that the clock went back.
func TestClockGoesBackWhileTheServerIsDown(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	delete(p.serve, jwksURI)
	p.pass(-365 * 24 * time.Hour)
	p.tick()
	p.want(1, 1)
	p.pass(24*time.Hour - time.Second)
	p.tick()
	p.want(1, 1)
	p.pass(2 * time.Second)
	p.tick()
	p.asked = nil
	p.want(0, 0)
}

// The clock may jump ahead and come back: what it made too old is good again.
func TestClockJumpsAheadWhileTheServerIsDown(t *testing.T) {
	p := start(t)
	p.tick()
	delete(p.serve, jwksURI)
	p.pass(365 * 24 * time.Hour)
	p.tick()
	p.asked = nil
	p.want(0, 0)
	p.pass(-365 * 24 * time.Hour)
	p.tick()
	p.asked = nil
	p.want(1, 0)
}

// Two fetches may begin in the same millisecond if the record is lost between
// them: the answer to the one must not end the lease of the other, nor bring
// its keys.
func TestAnswerToAFetchWhoseRecordIsLost(t *testing.T) {
	p := start(t)
	p.workers[0].Tick()
	first := p.pending
	p.pending = nil
	clear(p.data)
	p.workers[1].Tick()
	if len(p.pending) != 1 {
		t.Fatalf("%d fetches of the second worker", len(p.pending))
	}
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	for _, done := range first {
		done()
	}
	p.workers[2].Tick()
	if set, _ := p.workers[2].Keys(); set != nil || !p.workers[2].Waiting() {
		t.Error("the answer of one worker ended the fetch of another")
	}
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	p.answer()
	p.tick()
	p.want(1, 2)
}

// Keys that come after the record was lost are other keys, though the record
// counts its versions anew.
func TestKeysAfterTheRecordIsLost(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	clear(p.data)
	p.pass(time.Second)
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.tick()
	p.want(2, 1)
}

// clusters records through which cluster each URL was asked for.
type clusters struct {
	*process
	asked []string
}

func (c *clusters) Send(cluster string, request callout.Request, done func(*callout.Response)) error {
	c.asked = append(c.asked, cluster+" "+requestURL(request))
	return c.process.Send(cluster, request, done)
}

func TestKeysThroughAnotherCluster(t *testing.T) {
	const place = "https://auth.example.com/.well-known/oauth-authorization-server/realm"
	const elsewhere = "https://keys.example.net/k"
	p := start(t)
	p.serve[place] = body(`{"issuer":"https://login/{tenant}","jwks_uri":"` + jwksURI + `"}`)
	p.serve[elsewhere] = fresh(0)
	c := &clusters{process: p}
	s := newSource(&config.AuthorizationServer{Issuer: issuer, Cluster: "auth", JWKSCluster: "keys", MaxStale: time.Hour, Source: config.KeySource{
		Overrides: `{"issuer":"` + issuer + `","jwks_uri":"` + elsewhere + `"}`,
	}}, c)
	s.Tick()
	p.answer()
	if set, _ := s.Keys(); set == nil {
		t.Fatal(p.log)
	}
	if want := []string{"auth " + place, "keys " + elsewhere}; !slices.Equal(c.asked, want) {
		t.Errorf("asked %q, want %q", c.asked, want)
	}
}

// All that decides which keys are fetched is in the name of the record, and
// what does not is not: a reload that changes no more than that keeps the keys.
func TestRecordName(t *testing.T) {
	base := func() *config.AuthorizationServer {
		return &config.AuthorizationServer{Issuer: issuer, Cluster: "a", JWKSCluster: "a", MaxStale: time.Hour}
	}
	names := map[string]string{recordName(base(), false): "base"}
	for name, change := range map[string]func(*config.AuthorizationServer){
		"issuer":             func(s *config.AuthorizationServer) { s.Issuer += "/" },
		"cluster":            func(s *config.AuthorizationServer) { s.Cluster = "b" },
		"jwks_cluster":       func(s *config.AuthorizationServer) { s.JWKSCluster = "b" },
		"clusters swapped":   func(s *config.AuthorizationServer) { s.Cluster, s.JWKSCluster = `a" "a`, "" },
		"discovery":          func(s *config.AuthorizationServer) { s.Source.Discovery = config.OIDC },
		"metadata_url":       func(s *config.AuthorizationServer) { s.Source.MetadataURL = mustURL(t, "https://h/k") },
		"jwks_uri":           func(s *config.AuthorizationServer) { s.Source.JWKSURI = mustURL(t, "https://h/k") },
		"kind":               func(s *config.AuthorizationServer) { s.Source.Kind = config.JWKSURI },
		"metadata is kept":   func(s *config.AuthorizationServer) { s.Source.KeepMetadata = true },
		"metadata_overrides": func(s *config.AuthorizationServer) { s.Source.Overrides = `{"x":"https://h/k"}` },
	} {
		s := base()
		change(s)
		if other, twice := names[recordName(s, false)]; twice {
			t.Errorf("%s has the record of %s", name, other)
		}
		names[recordName(s, false)] = name
	}
	if name := recordName(base(), false); !strings.HasPrefix(name, "mcpauth.keys "+layout+" ") {
		t.Errorf("%s: of which layout?", name)
	}
	s := base()
	s.MaxStale, s.ClockSkew, s.Type = time.Minute, time.Second, "at+jwt"
	if recordName(s, false) != recordName(base(), false) {
		t.Error("settings that change no key have a record of their own")
	}
}

// The log tells each change of state once, however many attempts it takes and
// workers there are.
func TestLogTellsChanges(t *testing.T) {
	p := start(t)
	var told []string
	expect := func(parts ...string) {
		t.Helper()
		lines := p.log
		p.log = nil
		if len(lines) != len(parts) {
			t.Fatalf("log %q, want %q", lines, parts)
		}
		for i, part := range parts {
			if !strings.Contains(lines[i], part) || !strings.HasPrefix(lines[i], "issuer "+issuer+": ") {
				t.Errorf("log %q, want %q", lines[i], part)
			}
		}
		told = append(told, lines...)
	}
	run := func(d time.Duration) {
		for range d / time.Second {
			p.pass(time.Second)
			p.tick()
		}
	}
	p.serve[jwksURI] = callout.Response{Status: 500}
	p.tick()
	expect("no keys fetched: " + jwksURI + ": status 500")
	run(time.Minute)
	expect()
	p.serve[jwksURI] = fresh(0)
	run(10 * time.Second)
	expect("keys fetched again: 1 usable keys from " + jwksURI)
	run(time.Hour)
	expect()
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `,{"kty":"oct"}]}`)
	run(6 * time.Minute)
	expect(": 2 usable keys from " + jwksURI + " are in use; not needed and skipped: keys[2] (")
	p.serve[jwksURI] = callout.Response{Status: 302, RedirectHost: `"login.example.com"`}
	run(6 * time.Minute)
	expect(`status 302 to "login.example.com": redirects are not followed; the last good keys stay in use`)
	p.serve[jwksURI] = body("<html>")
	run(6 * time.Minute)
	expect("not one JSON object")
	run(24 * time.Hour)
	expect("the last good keys are older than max_stale_seconds: requests get 503")
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	run(time.Minute)
	expect("keys fetched again: 1 usable keys")
	if len(told) != 7 {
		t.Error(told)
	}
}

// A server that changes its mind at each attempt does not fill the log, and
// what it ends with is told.
func TestLogIsBounded(t *testing.T) {
	p := start(t)
	for i := range 3600 {
		p.serve[jwksURI] = callout.Response{Err: errors.New(fmt.Sprint("reason ", i))}
		p.pass(time.Second)
		p.tick()
	}
	if n := len(p.log); n < 55 || n > 70 {
		t.Errorf("%d lines in an hour, want a few and then one a minute", n)
	}
	p.serve[jwksURI] = fresh(callout.MinFresh)
	for range 300 {
		p.pass(time.Second)
		p.tick()
	}
	if last := p.log[len(p.log)-1]; !strings.Contains(last, "keys fetched again") {
		t.Errorf("the last line is %q", last)
	}
	// Nor is it silent after the clock went back.
	p.pass(-24 * time.Hour)
	p.serve[jwksURI] = callout.Response{Status: 500}
	p.tick()
	if last := p.log[len(p.log)-1]; !strings.Contains(last, "status 500") {
		t.Errorf("the last line is %q", last)
	}
}

// The query of a URL may hold a secret.
func TestLogHasNoQuery(t *testing.T) {
	p := start(t, config.KeySource{Kind: config.JWKSURI, JWKSURI: mustURL(t, jwksURI+"?code=S3CRET")})
	p.tick()
	p.serve[jwksURI+"?code=S3CRET"] = body(`{"keys":[` + key1 + `]}`)
	p.pass(10 * time.Second)
	p.tick()
	log := strings.Join(p.log, "\n")
	if strings.Contains(log, "S3CRET") || !strings.Contains(log, "status 404") || !strings.Contains(log, "1 usable keys from "+jwksURI) {
		t.Errorf("log %q", log)
	}
}
