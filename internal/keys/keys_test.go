package keys

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
	"mcpauth/jwtlite"
)

// process is several workers over one map of shared data, with the rules of
// proxy-wasm's compare-and-swap, and one authorization server.
type process struct {
	t       *testing.T
	now     time.Time
	data    map[string]value
	cas     uint32
	serve   map[string]callout.Response // by URL; anything else is 404
	asked   []string
	pending []func()
	log     []string
	workers []*Source
	dead    bool   // the cluster cannot be called
	kid     uint64 // of the key that is missing
}

type value struct {
	data []byte
	cas  uint32
}

func (p *process) Now() callout.UnixMilli { return callout.At(p.now) }
func (p *process) Load(name string) ([]byte, uint32) {
	v := p.data[name]
	return bytes.Clone(v.data), v.cas
}
func (p *process) Store(name string, data []byte, cas uint32) bool {
	if v, ok := p.data[name]; ok && cas != 0 && cas != v.cas {
		return false
	}
	p.cas++
	p.data[name] = value{bytes.Clone(data), p.cas}
	return true
}
func (p *process) Send(cluster string, request callout.Request, done func(*callout.Response)) error {
	if p.dead {
		return errors.New("bad argument")
	}
	url := requestURL(request)
	p.asked = append(p.asked, url)
	p.pending = append(p.pending, func() {
		r, ok := p.serve[url]
		if !ok {
			r = callout.Response{Status: 404}
		}
		r.Size = max(r.Size, len(r.Body))
		done(&r)
	})
	return nil
}
func (p *process) Info(m string) { p.log = append(p.log, m) }
func (p *process) Warn(m string) { p.log = append(p.log, m) }

// requestURL returns the URL in the pseudo-headers of a request.
func requestURL(r callout.Request) string {
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h[0]] = h[1]
	}
	return headers[":scheme"] + "://" + headers[":authority"] + headers[":path"]
}

// answer lets the callouts under way, and those that follow from them, end.
func (p *process) answer() {
	for len(p.pending) > 0 {
		done := p.pending[0]
		p.pending = p.pending[1:]
		done()
	}
}

// tick ticks every worker, lets the callouts end and ticks once more.
func (p *process) tick() {
	for range 2 {
		for _, w := range p.workers {
			w.Tick()
		}
		p.answer()
	}
}

func (p *process) pass(d time.Duration) { p.now = p.now.Add(d) }

const (
	key1    = `{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	key2    = `{"kty":"EC","crv":"P-256","kid":"2","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	issuer  = "https://auth.example.com/realm"
	jwksURI = "https://auth.example.com/keys"
)

func body(s string) callout.Response { return callout.Response{Status: 200, Body: []byte(s)} }

func metadata(issuer, jwks string) callout.Response {
	return body(fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuer, jwks))
}

// start returns a process of three workers that asks for the keys directly.
func start(t *testing.T, sources ...config.KeySource) *process {
	p := &process{t: t, now: time.Unix(1_800_000_000, 0), data: map[string]value{}, serve: map[string]callout.Response{
		jwksURI: body(`{"keys":[` + key1 + `]}`),
	}}
	source := config.KeySource{Kind: config.JWKSURI, JWKSURI: mustURL(t, jwksURI)}
	if len(sources) > 0 {
		source = sources[0]
	}
	for range 3 {
		server := &config.AuthorizationServer{Issuer: issuer, Cluster: "auth", JWKSCluster: "auth", MaxStale: 24 * time.Hour, Source: source}
		p.workers = append(p.workers, newSource(server, p))
	}
	return p
}

func newSource(server *config.AuthorizationServer, host callout.Host) *Source {
	return New(server, discovery.New(server, false, host), false, host)
}

func mustURL(t *testing.T, s string) *config.URL {
	u, err := config.ParseURL(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// want checks the number of keys in each worker and the calls made since the
// last look.
func (p *process) want(keys, calls int) {
	p.t.Helper()
	for i, w := range p.workers {
		n := 0
		if set, _ := w.Keys(); set != nil {
			n = set.Len()
		}
		if n != keys {
			p.t.Errorf("worker %d has %d keys, want %d", i, n, keys)
		}
	}
	if len(p.asked) != calls {
		p.t.Errorf("%d calls %q, want %d", len(p.asked), p.asked, calls)
	}
	p.asked = nil
}

func TestOneFetchForAllWorkers(t *testing.T) {
	p := start(t)
	if !p.workers[0].Soon() {
		t.Error("no tick soon before the first")
	}
	p.tick()
	p.want(1, 1)
	if p.workers[2].Soon() || p.workers[2].Waiting() {
		t.Error("still waiting with keys in hand")
	}
	p.tick()
	p.want(1, 0)
}

func TestRefreshTakesOverAddedAndRemovedKeys(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	_, version := p.workers[1].Keys()
	p.pass(refreshInterval * 11 / 10)
	p.tick()
	p.want(1, 1)
	if _, v := p.workers[1].Keys(); v != version {
		t.Error("the version changed though the keys did not")
	}
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.pass(refreshInterval * 11 / 10)
	p.tick()
	p.want(2, 1)
	p.serve[jwksURI] = body(`{"keys":[` + key2 + `]}`)
	p.pass(refreshInterval * 11 / 10)
	p.tick()
	p.want(1, 1)
	if _, v := p.workers[1].Keys(); v == version {
		t.Error("the version is the same though the keys changed")
	}
}

func TestRefetchIsDebouncedForTheProcess(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	p.pass(time.Second)
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	first := p.Now()
	p.missing(Fetching, first)
	p.tick()
	p.want(2, 1)
	p.missing(Unknown, first) // for good: the keys are newer than the request

	// Later requests for other keys wait until the next fetch is allowed, however
	// many.
	p.kid++
	p.pass(time.Second)
	for range 100 {
		p.missing(Fetching, p.Now())
		p.tick()
	}
	p.want(2, 0)
	if !p.workers[1].Waiting() {
		t.Error("not waiting")
	}
	p.pass(refetchBackoff.First - time.Second)
	p.tick()
	p.want(2, 1)
	p.missing(Unknown, first+1000)
	if p.workers[1].Waiting() {
		t.Error("still waiting")
	}
}

// missing asks every worker for the keys anew.
func (p *process) missing(want RefetchResult, arrived callout.UnixMilli) {
	p.t.Helper()
	for i, w := range p.workers {
		if got := w.Refetch(p.kid, arrived); got != want {
			p.t.Errorf("worker %d: %d, want %d", i, got, want)
		}
	}
}

// A fetch that began before a request may have missed the new key.
func TestRefetchAfterAFetchUnderWay(t *testing.T) {
	p := start(t)
	p.workers[0].Tick()
	p.pass(time.Second)
	arrived := p.Now()
	p.answer()
	p.workers[1].Tick()
	p.workers = p.workers[:2]
	p.want(1, 1)
	p.missing(Fetching, arrived)
	p.tick()
	p.want(1, 1)
	p.missing(Unknown, arrived)
}

// While the server is down nobody knows whether a key exists.
func TestRefetchThatFails(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	p.pass(time.Second)
	delete(p.serve, jwksURI)
	arrived := p.Now()
	p.missing(Fetching, arrived)
	p.tick()
	p.want(1, 1)
	p.missing(Unavailable, arrived)
	if p.workers[0].Waiting() {
		t.Error("still waiting")
	}
}

// Two workers that saw the same old record both want a fetch; the second finds
// at its tick that the first has just made one.
func TestRefetchByAnotherWorkerEndsTheWait(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	p.pass(time.Second)
	arrived := p.Now()
	p.workers[0].Refetch(0, arrived)
	p.workers[0].Tick()
	p.answer()
	if p.workers[1].Refetch(0, arrived) != Fetching {
		t.Fatal("the second worker cannot know yet")
	}
	ended := p.workers[1].Ended()
	p.workers[1].Tick()
	if p.workers[1].Waiting() || p.workers[1].Ended() == ended || p.workers[1].Refetch(0, arrived) != Unknown {
		t.Error("the second worker does not see the fetch of the first")
	}
	p.want(1, 1)
}

// What a server may discover depends on whether http is allowed: a plugin that
// forbids it must not take over what another has found.
func TestInsecureKeysStayApart(t *testing.T) {
	const place = "https://auth.example.com/.well-known/oauth-authorization-server/realm"
	p := start(t, config.KeySource{Discovery: config.OAuth})
	p.serve[place] = metadata(issuer, "http://auth.example.com/keys")
	p.serve["http://auth.example.com/keys"] = body(`{"keys":[` + key1 + `]}`)
	strict := p.workers[0]
	lax := New(strict.server, discovery.New(strict.server, true, p), true, p)
	lax.Tick()
	p.answer()
	if set, _ := lax.Keys(); set == nil {
		t.Fatal("http is not allowed where it should be")
	}
	p.asked = nil
	strict.Tick()
	p.answer()
	if set, _ := strict.Keys(); set != nil || len(p.asked) != 1 || p.asked[0] != place {
		t.Errorf("keys %v, asked %q", set, p.asked)
	}
}

func TestNothingBadReplacesGoodKeys(t *testing.T) {
	many := strings.Repeat(key1+",", 10_000)
	for name, bad := range map[string]callout.Response{
		"no answer":    {Err: errors.New("no answer")},
		"500":          {Status: 500, Body: []byte(`{"keys":[` + key2 + `]}`)},
		"redirect":     {Status: 302, Body: []byte(`{"keys":[` + key2 + `]}`)},
		"no content":   {Status: 204},
		"HTML":         body("<html>"),
		"truncated":    body(`{"keys":[` + key2),
		"empty":        body(""),
		"no keys":      body(`{"keys":[]}`),
		"no member":    body(`{}`),
		"wrong type":   body(`{"keys":{"0":` + key2 + `}}`),
		"array":        body(`[` + key2 + `]`),
		"no usable":    body(`{"keys":[{"kty":"oct","k":"AAAA"}]}`),
		"too large":    {Status: 200, Size: 10 << 20},
		"too many":     body(`{"keys":[` + many[:len(many)-1] + `]}`),
		"metadata":     metadata(issuer, jwksURI),
		"other status": {Status: 201, Body: []byte(`{"keys":[` + key2 + `]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t)
			p.tick()
			p.want(1, 1)
			set, version := p.workers[2].Keys()
			p.serve[jwksURI] = bad
			p.pass(refreshInterval * 11 / 10)
			p.tick()
			p.want(1, 1)
			if s, v := p.workers[2].Keys(); s != set || v != version {
				t.Error("the key set was replaced")
			}
			// A new worker, after a reload, finds the good ones too.
			w := newSource(p.workers[0].server, p)
			w.Apply()
			if s, _ := w.Keys(); s == nil || s.Len() != 1 {
				t.Error("a new worker does not find the keys")
			}
			if last := p.log[len(p.log)-1]; !strings.Contains(last, issuer) || !strings.Contains(last, jwksURI) {
				t.Errorf("the log does not say what is wrong: %q", last)
			}
			p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
			p.pass(backoffWithKeys.Max * 11 / 10)
			p.tick()
			p.want(2, 1)
		})
	}
}

func TestServerThatIsLate(t *testing.T) {
	p := start(t)
	delete(p.serve, jwksURI)
	p.tick()
	p.want(0, 1)
	if p.workers[1].Soon() || p.workers[1].Waiting() {
		t.Error("waiting, though no request does")
	}
	calls := 0
	for range 60 {
		p.pass(time.Second)
		p.tick()
		calls += len(p.asked)
		p.asked = nil
		if s := p.workers[0].RetryAfter(); s < 1 || s > 6 {
			t.Fatalf("Retry-After %d", s)
		}
	}
	if calls < 8 || calls > 20 {
		t.Errorf("%d calls in a minute, want back-off up to 5 s", calls)
	}
	if len(p.log) != 1 {
		t.Errorf("%d log lines for one fault: %q", len(p.log), p.log)
	}
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	p.pass(backoffNoKeys.Max * 11 / 10)
	p.tick()
	p.want(1, 1)
	if len(p.log) != 2 || !strings.Contains(p.log[1], "1 usable keys") {
		t.Errorf("the log does not tell of the recovery: %q", p.log)
	}
}

func TestUnknownCluster(t *testing.T) {
	p := start(t)
	p.dead = true
	p.tick()
	p.want(0, 0)
	if len(p.log) != 1 || !strings.Contains(p.log[0], `"auth"`) {
		t.Errorf("log %q", p.log)
	}
}

// A worker that dies in a fetch leaves its lease behind.
func TestLeaseOfADeadWorkerEnds(t *testing.T) {
	p := start(t)
	p.workers[0].Tick()
	p.pending, p.asked = nil, nil
	p.workers = p.workers[1:]
	p.tick()
	p.want(0, 0)
	if !p.workers[0].Waiting() {
		t.Error("not waiting while another worker fetches")
	}
	p.pass(leaseTime)
	p.tick()
	p.want(1, 1)
}

// A configuration that is replaced while it fetches must not leave the others
// to wait for its lease to end.
func TestReleaseLetsAnotherFetchAtOnce(t *testing.T) {
	p := start(t)
	p.workers[0].Tick()
	late := p.pending
	p.pending, p.asked = nil, nil
	p.workers[1].Release() // has nothing to let go of
	p.workers[1].Tick()
	if len(p.asked) > 0 {
		t.Error("a worker fetched while another did")
	}
	p.workers[0].Release()
	p.workers = p.workers[1:]
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.tick()
	p.want(2, 1)
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	for _, done := range late {
		done()
	}
	p.tick()
	p.want(2, 0)
}

// A host that never answers must not stop the worker that asked for good.
func TestCallThatNeverEnds(t *testing.T) {
	p := start(t)
	p.workers[0].Tick()
	late := p.pending
	p.pending, p.asked = nil, nil
	p.pass(leaseTime)
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.tick()
	p.want(2, 1)
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	for _, done := range late {
		done() // the answer to a fetch that was given up is dropped
	}
	p.tick()
	p.want(2, 0)
}

// An answer that comes after the lease has gone to another worker must not
// undo what that worker stored.
func TestAnswerAfterTheLeaseIsLost(t *testing.T) {
	p := start(t)
	p.workers[0].Tick()
	slow := p.pending
	p.pending, p.asked = nil, nil
	p.pass(leaseTime)
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.workers[1].Tick()
	p.answer()
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	for _, done := range slow {
		done()
	}
	p.tick()
	p.want(2, 1)
}

func TestClockGoesBackwards(t *testing.T) {
	p := start(t)
	p.tick()
	p.want(1, 1)
	p.pass(time.Second)
	p.missing(Fetching, p.Now())
	p.tick()
	p.want(1, 1)
	p.pass(-365 * 24 * time.Hour)
	p.tick()
	p.want(1, 1) // the next fetch seems a year away: it is due
	p.pass(time.Second)
	p.missing(Fetching, p.Now())
	p.pass(refetchBackoff.First)
	p.tick()
	p.want(1, 1)
	// A little back, so that nothing seems due: a new key is found all the same.
	p.pass(-time.Minute)
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.missing(Fetching, p.Now())
	p.tick()
	p.want(2, 1)
	p.missing(Unknown, p.Now())
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `]}`)
	p.pass(refreshInterval * 2)
	p.tick()
	p.want(1, 1)
	// A lease from the future, left by a worker that died.
	p.pass(refetchBackoff.First)
	p.workers[0].Refetch(0, p.Now())
	p.workers[0].Tick()
	if len(p.asked) != 1 {
		t.Fatal("no fetch under way")
	}
	p.pending, p.asked = nil, nil
	p.workers = p.workers[1:]
	p.pass(-365 * 24 * time.Hour)
	p.tick()
	p.want(1, 1)
}

func TestDiscovery(t *testing.T) {
	const (
		oauth    = "https://auth.example.com/.well-known/oauth-authorization-server/realm"
		inserted = "https://auth.example.com/.well-known/openid-configuration/realm"
		appended = "https://auth.example.com/realm/.well-known/openid-configuration"
		custom   = "https://auth.example.com/custom?x=y"
	)
	good := metadata(issuer, jwksURI)
	for _, test := range []struct {
		name   string
		source config.KeySource
		serve  map[string]callout.Response
		asked  []string
		keys   int
		log    string
	}{
		{"OAuth first", config.KeySource{}, map[string]callout.Response{oauth: good, inserted: good, appended: good}, []string{oauth, jwksURI}, 1, ""},
		{"then OIDC inserted", config.KeySource{}, map[string]callout.Response{inserted: good, appended: good}, []string{oauth, inserted, jwksURI}, 1, ""},
		{"then OIDC appended", config.KeySource{}, map[string]callout.Response{appended: good}, []string{oauth, inserted, appended, jwksURI}, 1, ""},
		{"nowhere", config.KeySource{}, nil, []string{oauth, inserted, appended}, 0, "status 404"},
		{"a bad one is passed over", config.KeySource{}, map[string]callout.Response{oauth: metadata("https://evil.example.com", jwksURI), inserted: body("<html>"), appended: good}, []string{oauth, inserted, appended, jwksURI}, 1, ""},
		{"OAuth only", config.KeySource{Discovery: config.OAuth}, map[string]callout.Response{inserted: good}, []string{oauth}, 0, "status 404"},
		{"OIDC only", config.KeySource{Discovery: config.OIDC}, map[string]callout.Response{oauth: good, appended: good}, []string{inserted, appended, jwksURI}, 1, ""},
		{"metadata URL", config.KeySource{Kind: config.MetadataURL, MetadataURL: mustURL(t, custom)}, map[string]callout.Response{custom: good, oauth: good}, []string{custom, jwksURI}, 1, ""},
		{"another issuer", config.KeySource{Discovery: config.OAuth}, map[string]callout.Response{oauth: metadata(issuer+"/", jwksURI)}, []string{oauth}, 0, "names the issuer"},
		{"no jwks_uri", config.KeySource{Discovery: config.OAuth}, map[string]callout.Response{oauth: body(`{"issuer":"` + issuer + `"}`)}, []string{oauth}, 0, "no jwks_uri"},
		{"http jwks_uri", config.KeySource{Discovery: config.OAuth}, map[string]callout.Response{oauth: metadata(issuer, "http://auth.example.com/keys")}, []string{oauth}, 0, "https"},
		{"relative jwks_uri", config.KeySource{Discovery: config.OAuth}, map[string]callout.Response{oauth: metadata(issuer, "/keys")}, []string{oauth}, 0, "jwks_uri"},
		{"case of the name", config.KeySource{Discovery: config.OAuth}, map[string]callout.Response{oauth: body(`{"Issuer":"` + issuer + `","jwks_uri":"` + jwksURI + `"}`)}, []string{oauth}, 0, "issuer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, test.source)
			maps.Copy(p.serve, test.serve)
			p.tick()
			if fmt.Sprint(p.asked) != fmt.Sprint(test.asked) {
				t.Errorf("asked %q, want %q", p.asked, test.asked)
			}
			p.want(test.keys, len(test.asked))
			if log := strings.Join(p.log, "\n"); !strings.Contains(log, test.log) {
				t.Errorf("log %q, want %q", log, test.log)
			}
		})
	}
}

// The metadata is not fetched with each refresh, but anew when the keys are no
// longer where it said.
func TestDiscoveryIsRepeatedAfterAFailure(t *testing.T) {
	const place = "https://auth.example.com/.well-known/oauth-authorization-server/realm"
	p := start(t, config.KeySource{})
	p.serve[place] = metadata(issuer, jwksURI)
	p.tick()
	p.want(1, 2)
	p.pass(refreshInterval * 11 / 10)
	p.tick()
	p.want(1, 1)
	delete(p.serve, jwksURI)
	p.serve[jwksURI+"2"] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.serve[place] = metadata(issuer, jwksURI+"2")
	p.pass(refreshInterval * 11 / 10)
	p.tick()
	p.want(1, 1)
	p.pass(2 * time.Second)
	p.tick()
	p.want(2, 2)
}

func TestStaticKeys(t *testing.T) {
	set, _, err := jwtlite.ParseKeySet([]byte(`{"keys":[` + key1 + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, config.KeySource{Kind: config.Static, Keys: set})
	if p.workers[0].Refetch(0, p.Now()) != Unknown || p.workers[0].Waiting() || p.workers[0].Soon() || p.workers[0].Await(p.Now()) {
		t.Error("static keys are never waited for")
	}
	p.tick()
	p.want(1, 0)
}

// Whatever stands under the record's name, it is no danger.
func FuzzRecord(f *testing.F) {
	f.Add((&record{version: 3, lastLogged: "status 404", document: key1}).encode())
	f.Add([]byte(layout))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := decode(b); ok && !bytes.Equal(r.encode(), b) {
			t.Error("decode is not the inverse of encode")
		}
	})
}

// FuzzSharedData: whatever another worker has written, a worker lives on, and has no keys but
// those of the document there and those that it fetches.
func FuzzSharedData(f *testing.F) {
	whole := (&record{version: 1, documentAt: 1_799_999_999_000, document: `{"keys":[` + key2 + `]}`}).encode()
	f.Add(whole[len(layout):len(layout)+numbers*8], `{"keys":[`+key2+`]}`)
	f.Add(bytes.Repeat([]byte{0xff}, numbers*8), `{"keys":[]}`)
	f.Add([]byte{1}, "")
	f.Fuzz(func(t *testing.T, times []byte, document string) {
		p := start(t)
		text := make([]byte, numbers*8)
		copy(text, times)
		copy(text[(numbers-1)*8:], make([]byte, 8)) // nothing was logged
		w := p.workers[0]
		p.data[w.name] = value{append(append([]byte(layout), text...), document...), 1}
		theirs, _, _ := jwtlite.ParseKeySet([]byte(document))
		check := func() {
			set, _ := w.Keys()
			if set == nil {
				return
			}
			for i := range set.Len() {
				if id := set.Key(i).ID(); id != "1" && (theirs == nil || theirs.Len() != set.Len() || theirs.Key(i).ID() != id) {
					t.Fatalf("a key %q out of %q", id, document)
				}
			}
		}
		w.Apply()
		check()
		for range 3 {
			p.tick()
			check()
			if w.Await(p.Now()) && w.RetryAfter() < 1 {
				t.Errorf("Retry-After %d", w.RetryAfter())
			}
			w.Refetch(7, p.Now())
			p.pass(time.Minute)
		}
	})
}

// Each worker is told of each key set once, however it came by it.
func TestOnUpdate(t *testing.T) {
	p := start(t)
	told := make([][]*jwtlite.KeySet, len(p.workers))
	for i, w := range p.workers {
		w.OnUpdate = func(set *jwtlite.KeySet) { told[i] = append(told[i], set) }
		w.Apply()
	}
	p.tick()
	p.tick()
	p.serve[jwksURI] = body(`{"keys":[` + key1 + `,` + key2 + `]}`)
	p.pass(2 * refreshInterval)
	p.tick()
	for i, w := range p.workers {
		if set, _ := w.Keys(); len(told[i]) != 2 || told[i][0].Len() != 1 || told[i][1] != set {
			t.Errorf("worker %d: told of %d key sets", i, len(told[i]))
		}
	}

	set, _, err := jwtlite.ParseKeySet([]byte(`{"keys":[` + key1 + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	static := newSource(&config.AuthorizationServer{Issuer: issuer, Source: config.KeySource{Kind: config.Static, Keys: set}}, p)
	count := 0
	static.OnUpdate = func(s *jwtlite.KeySet) {
		if count++; s != set {
			t.Error("another key set")
		}
	}
	static.Apply()
	static.Tick()
	if count != 1 {
		t.Errorf("told %d times of static keys", count)
	}
}
