package introspect

import (
	"errors"
	"fmt"
	"strings"
	"testing"

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
	})
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
	return New(server, discovery.New(server, false, p), p), p
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
