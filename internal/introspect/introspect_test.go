package introspect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
	"mcpauth/internal/discovery"
)

// process is a host of several workers, whose server says yes to every token
// that begins with "good".
type process struct {
	now     callout.UnixMilli
	data    map[string][]byte
	log     []string
	pending []func()
	refuses bool // the cluster cannot be called
	down    bool
	tick    func() // after each response, as the plugin does
	most    int    // responses that were outstanding at a time
}

func (p *process) Now() callout.UnixMilli { return p.now }
func (p *process) Load(name string) ([]byte, uint32) {
	if v, ok := p.data[name]; ok {
		return v, 1
	}
	return nil, 0
}
func (p *process) Store(name string, value []byte, _ uint32) bool { p.data[name] = value; return true }
func (p *process) Info(m string)                                  { p.log = append(p.log, m) }
func (p *process) Warn(m string)                                  { p.log = append(p.log, m) }
func (p *process) Send(_ string, request callout.Request, done func(*callout.Response)) error {
	if p.refuses {
		return errors.New("no such cluster")
	}
	p.pending = append(p.pending, func() {
		r := callout.Response{Headers: [][2]string{{"content-type", "Application/JSON; charset=utf-8"}}}
		r.Status, r.Body = 200, fmt.Appendf(nil, `{"active":%v}`, strings.HasPrefix(string(request.Body), "token=good"))
		if p.down {
			r = callout.Response{Err: errors.New("no answer")}
		}
		done(&r)
		if p.tick != nil {
			p.tick()
		}
	})
	p.most = max(p.most, len(p.pending))
	return nil
}

func (p *process) answer() {
	for len(p.pending) > 0 {
		next := p.pending[0]
		p.pending = p.pending[1:]
		next()
	}
}

func newClient(t *testing.T, members string) (*Client, *process) {
	t.Helper()
	c, err := config.Parse([]byte(`{"authorization_servers":[{"issuer":"https://a","cluster":"a","introspection":{"endpoint":"https://a/i","client_id":"c","client_secret":"s"` +
		members + `}}],"resources":[{"resource":"https://r"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{now: 1_800_000_000_000, data: map[string][]byte{}}
	server := c.AuthorizationServers[0]
	client := New(server, discovery.New(server, false, p), p)
	p.tick = client.Tick
	return client, p
}

// A request is decided by an answer that came while it waited, however short an
// answer holds, and by no older one than is allowed.
func TestForWhichRequestsAResultHolds(t *testing.T) {
	for _, cached := range []bool{true, false} {
		members := `,"max_cache_seconds":0`
		if cached {
			members = ""
		}
		c, p := newClient(t, members)
		arrived := p.now
		_, call := c.Ask("good", arrived)
		if call == nil || !call.Waiting() || call.Ended() != 0 || !c.Pending() {
			t.Fatalf("%+v", call)
		}
		c.Tick()
		p.now += 100
		p.answer()
		if call.Waiting() || call.Ended() == 0 || c.Pending() {
			t.Errorf("%+v, pending %v", call, c.Pending())
		}
		p.now += 10
		if a, _ := c.Ask("good", arrived); a == nil || a.Claims == nil {
			t.Errorf("cached %v: the answer is not for who waited", cached)
		}
		if a, _ := c.Ask("good", p.now); (a != nil) != cached {
			t.Errorf("cached %v: a later request got %+v", cached, a)
		}
		// An answer of the future is none: the clock went back.
		p.now -= 1000
		if a, _ := c.Ask("good", p.now); a != nil {
			t.Errorf("cached %v: an answer of the future: %+v", cached, a)
		}
	}
}

// A token that is refused now is not remembered as good, nor the other way round.
func TestTheLastResultCounts(t *testing.T) {
	c, p := newClient(t, "")
	ask := func() *Result {
		if a, _ := c.Ask("good", p.now); a != nil {
			return a
		}
		c.Tick()
		p.answer()
		a, _ := c.Ask("good", p.now)
		return a
	}
	if a := ask(); a.Claims == nil {
		t.Fatalf("%+v", a)
	}
	p.now += 61_000
	p.down = true
	if a := ask(); a.Claims != nil || a.Err != nil {
		t.Errorf("with no answer: %+v", a)
	}
	p.now += 2_000
	p.down = false
	if a := ask(); a.Claims == nil {
		t.Errorf("%+v", a)
	}
	p.now += 61_000
	p.refuses = true
	if a := ask(); a.Claims != nil || a.Err != nil {
		t.Errorf("with no cluster: %+v", a)
	}
}

// More tokens than are asked about at a time wait for their turn; each is asked about
// once, and those beyond the bound are refused.
func TestTokensWaitForTheirTurn(t *testing.T) {
	c, p := newClient(t, "")
	var calls []*Call
	for i := range maxCalls {
		_, call := c.Ask(fmt.Sprint("good", i), p.now)
		if call == nil {
			t.Fatalf("token %d is refused", i)
		}
		calls = append(calls, call)
	}
	if r, call := c.Ask("one too many", p.now); r != nil || call != nil {
		t.Error("there is room for more")
	}
	c.Tick()
	if c.Pending() || c.Searching() {
		t.Error("a tick could do something before an answer has come")
	}
	p.answer()
	if p.most != maxSent {
		t.Errorf("%d questions at a time, want %d", p.most, maxSent)
	}
	for i, call := range calls {
		if r, _ := c.Ask(fmt.Sprint("good", i), p.now); call.Waiting() || r == nil || r.Claims == nil {
			t.Fatalf("token %d: %+v", i, r)
		}
	}
	if c.Answered != maxCalls || len(c.calls) != 0 || len(c.queue) != 0 || c.size != 0 {
		t.Errorf("%d answers; left: %d, %d, %d", c.Answered, len(c.calls), len(c.queue), c.size)
	}
}

// Large tokens take as much room as they have memory.
func TestLargeTokensTakeMoreRoom(t *testing.T) {
	c, p := newClient(t, "")
	n := 0
	for {
		if _, call := c.Ask(fmt.Sprint(n, strings.Repeat("x", 64<<10)), p.now); call == nil {
			break
		}
		n++
	}
	if want := maxCalls / 9; n != want {
		t.Errorf("room for %d tokens of 64 KiB, want %d", n, want)
	}
}

// A server that does not answer in time makes nobody wait beyond the time for which
// requests may, and nothing stays.
func TestTokensThatWaitTooLong(t *testing.T) {
	c, p := newClient(t, "")
	_, first := c.Ask("good", p.now)
	var last *Call
	for i := range maxSent {
		_, last = c.Ask(fmt.Sprint("good", i), p.now)
	}
	c.Tick()
	p.now = p.now.Add(maxWait - time.Millisecond)
	if c.Tick(); !last.Waiting() {
		t.Error("a question was given up too early")
	}
	p.now++
	if c.Tick(); last.Waiting() || !first.Waiting() {
		t.Error("a question waits for longer than any request, or one under way was given up")
	}
	if r, call := c.Ask(fmt.Sprint("good", maxSent-1), p.now); r == nil || r.Claims != nil || r.Err != nil || call != nil {
		t.Errorf("%+v, %+v: want no answer", r, call)
	}
	p.now = p.now.Add(callout.LostAfter)
	c.Ask("another", p.now)
	c.Tick()
	if first.Waiting() || len(c.calls) != 1 || c.sent() != 1 {
		t.Errorf("lost calls take room: %d, of which %d are under way", len(c.calls), c.sent())
	}
}
