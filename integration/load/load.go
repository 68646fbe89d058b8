// Package load sends requests to a gateway for as long as a test needs it under
// load, and reports what became of each.
package load

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Shot is one request to send: a POST if it has a body, else a GET.
type Shot struct {
	// Target and Kind name it in its [Result].
	Target, Kind string
	// Epoch is for the caller's use.
	Epoch int
	Path  string
	// Token is the bearer token; empty means no Authorization header.
	Token string
	// Header holds further header fields; it is not changed.
	Header http.Header
	// Body is JSON; empty means none.
	Body string
}

// Result is what became of a [Shot].
type Result struct {
	Target, Kind string
	Epoch        int
	Client       int
	Start, End   time.Time
	// Status is 0 if there was no answer; Err then says why.
	Status int
	Err    error
}

// Options are the settings of a [Load].
type Options struct {
	// Addr is the gateway, as host:port.
	Addr string
	// Host is the Host header of all requests.
	Host string
	// Clients is how many there are. Each has connections of its own: one
	// if it speaks HTTP/2, else as many as it has requests under way.
	Clients int
	// HTTP2 makes all clients speak HTTP/2. Otherwise every other one does.
	HTTP2 bool
	// Rate is how many requests per second all clients send together, whether
	// or not those before are answered. With 0 each client sends its next
	// request when the last one was answered.
	Rate int
	// Next returns the next request of a client. It is called from many
	// goroutines at once, and so is Done.
	Next func(client int) Shot
	Done func(Result)
}

const (
	// answerTimeout is much longer than a gateway holds a request.
	answerTimeout = time.Minute
	// maxUnderWay bounds the requests of one client that wait for an answer, so
	// that a load that nobody answers does not grow without end.
	maxUnderWay = 512
)

// Load is a load under way.
type Load struct {
	options Options
	stop    context.CancelFunc
	clients sync.WaitGroup
	skipped atomic.Int64
}

// Start starts a load.
func Start(o Options) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{options: o, stop: cancel}
	for c := range o.Clients {
		l.clients.Go(func() { l.run(ctx, c) })
	}
	return l
}

// Stop sends no more requests and waits for the answers to those under way. It
// may be called twice.
func (l *Load) Stop() {
	l.stop()
	l.clients.Wait()
}

// Skipped returns how many requests were not sent because their client had too
// many under way.
func (l *Load) Skipped() int { return int(l.skipped.Load()) }

func (l *Load) run(ctx context.Context, number int) {
	client := NewClient(l.options.HTTP2 || number%2 == 1)
	defer client.CloseIdleConnections()
	if l.options.Rate == 0 {
		for ctx.Err() == nil {
			l.fire(client, number)
		}
		return
	}
	var underWay sync.WaitGroup
	defer underWay.Wait()
	var n atomic.Int64
	period := time.Second * time.Duration(l.options.Clients) / time.Duration(l.options.Rate)
	// Clients that all fire at once would be no steady load.
	timer := time.NewTimer(period * time.Duration(number) / time.Duration(l.options.Clients))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			timer.Reset(period)
		}
		if n.Load() >= maxUnderWay {
			l.skipped.Add(1)
			continue
		}
		n.Add(1)
		underWay.Go(func() {
			defer n.Add(-1)
			l.fire(client, number)
		})
	}
}

func (l *Load) fire(client *http.Client, number int) {
	shot := l.options.Next(number)
	r := Result{Target: shot.Target, Kind: shot.Kind, Epoch: shot.Epoch, Client: number, Start: time.Now()}
	r.Status, r.Err = Send(context.Background(), client, l.options.Addr, l.options.Host, shot)
	r.End = time.Now()
	l.options.Done(r)
}

// NewClient returns a client with connections of its own that speaks HTTP/1.1
// or HTTP/2.
func NewClient(http2 bool) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	return &http.Client{
		Timeout:       answerTimeout,
		Transport:     &http.Transport{Protocols: &protocols, MaxIdleConnsPerHost: maxUnderWay, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Send sends one request and returns the status of its answer.
func Send(ctx context.Context, client *http.Client, addr, host string, shot Shot) (int, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if shot.Body != "" {
		method, body = http.MethodPost, strings.NewReader(shot.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+shot.Path, body)
	if err != nil {
		return 0, err
	}
	if shot.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Host = host
	for name, values := range shot.Header {
		req.Header[name] = values
	}
	if shot.Token != "" {
		req.Header.Set("Authorization", "Bearer "+shot.Token)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}
