package controlplane

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// pollInterval is short enough to find gaps of a few milliseconds.
const pollInterval = 2 * time.Millisecond

// probes are the headers of requests without a token, one after the other.
var probes = []http.Header{
	{probeHeader: {"no token"}},
	{probeHeader: {"forged verdict"}, "X-Mcpauth-Verdict": {"token"}, "X-Mcpauth-Subject": {"root"}, "X-Mcpauth-Issuer": {Issuer}},
	{probeHeader: {"forged verdict, public"}, "X-Mcpauth-Verdict": {"public"}},
	{probeHeader: {"forged verdict, underscores"}, "x_mcpauth_verdict": {"token"}},
	{probeHeader: {"malformed token"}, "Authorization": {"Bearer garbage"}, "X-Mcpauth-Verdict": {"token"}},
}

// Poller sends requests without a token until it is stopped.
type Poller struct {
	upstream *Upstream
	first    int // index of its first leak
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	answers map[string]int
	sent    int
	changes []string
	status  string
	start   time.Time
}

// Poll sends a request without a token to the URLs every two milliseconds, in turn: half
// of them on new connections, since a connection may belong to a listener that Envoy is
// about to remove. Some carry a forged verdict and forged identity headers.
func Poll(t testing.TB, u *Upstream, urls ...string) *Poller {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &Poller{upstream: u, first: len(u.leaks(0)), stop: cancel, answers: map[string]int{}, start: time.Now()}
	kept, fresh := NewClient(), NewClient()
	fresh.Transport.(*http.Transport).DisableKeepAlives = true
	underWay := make(chan struct{}, 64)
	p.running.Go(func() {
		tick := time.NewTicker(pollInterval)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			select {
			case underWay <- struct{}{}:
			default:
				continue // so many wait that the gateway answers none
			}
			client := kept
			if i%2 == 1 {
				client = fresh
			}
			url, header := urls[i/2%len(urls)], probes[i/2/len(urls)%len(probes)]
			p.running.Go(func() {
				p.send(ctx, client, url, header)
				<-underWay
			})
		}
	})
	t.Cleanup(func() { p.end() })
	return p
}

func (p *Poller) send(ctx context.Context, client *http.Client, url string, header http.Header) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	for name, values := range header {
		req.Header[name] = values
	}
	answer := "no answer"
	if res, err := client.Do(req); err == nil {
		io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
		res.Body.Close()
		answer = fmt.Sprint(res.StatusCode)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	p.answers[answer]++
	if answer != p.status && len(p.changes) < 100 {
		p.status = answer
		p.changes = append(p.changes, fmt.Sprintf("%s %s", time.Since(p.start).Round(time.Millisecond), answer))
	}
}

func (p *Poller) end() {
	p.stop()
	p.running.Wait()
}

// Stop ends the poller and returns the requests that reached the MCP server.
func (p *Poller) Stop() []Leak {
	p.end()
	return p.upstream.leaks(p.first)
}

// Sent returns how many requests were answered, or failed, so far.
func (p *Poller) Sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

// MustBeClosed stops the poller and fails the test if a request reached the MCP server, or
// if too few were sent to tell. It logs how many got which answer, and when answers changed.
func (p *Poller) MustBeClosed(t testing.TB) {
	t.Helper()
	leaks := p.Stop()
	t.Log(p)
	if p.Sent() < 20 {
		t.Errorf("only %d requests were sent", p.Sent())
	}
	if len(leaks) == 0 {
		return
	}
	first, last := leaks[0], leaks[len(leaks)-1]
	t.Errorf("%d of %d requests without a token reached the MCP server, over %s; the first (%s) with the headers %v",
		len(leaks), p.Sent(), last.At.Sub(first.At).Round(time.Millisecond), first.Probe, first.Header)
}

// String tells how many requests got which answer.
func (p *Poller) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var counts []string
	for _, answer := range slices.Sorted(maps.Keys(p.answers)) {
		counts = append(counts, fmt.Sprintf("%s: %d", answer, p.answers[answer]))
	}
	return fmt.Sprintf("polled %d times (%s); changes at %s", p.sent, strings.Join(counts, ", "), strings.Join(p.changes, ", "))
}
