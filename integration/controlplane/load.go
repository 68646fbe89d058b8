package controlplane

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// NewClient returns a client that follows no redirect and has its own connections.
func NewClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 16, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 5 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// Load is a constant load of requests with a valid token.
type Load struct {
	stop    context.CancelFunc
	clients sync.WaitGroup

	mu       sync.Mutex
	sent     int
	failures []string
}

// StartLoad sends requests to the URL from four clients, each its next when the last was
// answered. token returns the token of the next request.
func StartLoad(t testing.TB, url string, token func() string) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{stop: cancel}
	for range 4 {
		l.clients.Go(func() {
			client := NewClient()
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				l.send(ctx, client, url, token())
				time.Sleep(time.Millisecond)
			}
		})
	}
	t.Cleanup(func() { l.stop(); l.clients.Wait() })
	return l
}

// send sends a ping, which the MCP server refuses for want of a session: with 400 or 404.
func (l *Load) send(ctx context.Context, client *http.Client, url, token string) {
	req, err := http.NewRequest(http.MethodPost, url, pingBody())
	if err != nil {
		return
	}
	setMCPHeaders(req, token)
	failure := ""
	start := time.Now()
	res, err := client.Do(req)
	if err != nil {
		failure = err.Error()
	} else {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<12))
		res.Body.Close()
		if !fromServer(res) {
			failure = fmt.Sprintf("%s %.200s", res.Status, body)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	if failure != "" {
		l.failures = append(l.failures, fmt.Sprintf("%s after %s: %s", start.Format("15:04:05.000"), time.Since(start).Round(time.Millisecond), failure))
	}
}

// Stop waits for the answers under way and returns how many requests were sent and what
// went wrong with those that failed.
func (l *Load) Stop() (sent int, failures []string) {
	l.stop()
	l.clients.Wait()
	return l.sent, l.failures
}

// MustNotFail stops the load and fails the test if a request failed.
func (l *Load) MustNotFail(t testing.TB) {
	t.Helper()
	sent, failures := l.Stop()
	t.Logf("%d of %d requests with a valid token failed", len(failures), sent)
	if len(failures) > 0 || sent == 0 {
		t.Errorf("%d of %d requests failed: %.2000q", len(failures), sent, failures)
	}
}
