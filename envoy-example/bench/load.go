package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-jose/go-jose/v3"

	"mcpauth/envoy-example/envoy"
)

// work is one kind of request: a POST with one of the tokens in turn.
type work struct {
	name   string
	tokens []string // "" is no token
	status int      // of the variants that have a filter
}

// warmTokens is below what each cache holds.
const warmTokens = 1000

// works returns the kinds of work. "new" tokens are more than any cache holds
// and come in turn, so that each is verified every time; "seen" ones stay in
// the caches.
func (g *gateway) works(requests int) ([]work, error) {
	var list []work
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256} {
		tokens, err := g.tokens(algorithm, max(requests, 10_000))
		if err != nil {
			return nil, err
		}
		list = append(list,
			work{string(algorithm) + ", new tokens", tokens, 200},
			work{string(algorithm) + ", seen tokens", tokens[:warmTokens], 200})
	}
	return append(list, work{"no token", []string{""}, 401}), nil
}

// connections is the number of clients, each of which sends its next request
// when it has the answer to the last.
const connections = 8

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}

const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_notes","arguments":{}}}`

// measure returns the processor time of Envoy per request in microseconds. The
// answers are checked: a benchmark of refusals would be a fast one.
func (w work) measure(ctx context.Context, p *envoy.Process, v variant, requests int) (float64, error) {
	if len(w.tokens) <= warmTokens { // fills the caches
		if err := w.send(ctx, v, 2*len(w.tokens)); err != nil {
			return 0, err
		}
	}
	before, err := p.CPU()
	if err != nil {
		return 0, err
	}
	if err := w.send(ctx, v, requests); err != nil {
		return 0, err
	}
	after, err := p.CPU()
	return float64((after - before).Microseconds()) / float64(requests), err
}

func (w work) send(ctx context.Context, v variant, requests int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= requests {
					return
				}
				if err := w.one(ctx, v, w.tokens[i%len(w.tokens)]); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return ctx.Err()
}

func (w work) one(ctx context.Context, v variant, token string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.Port.Origin()+"/notes", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	want := w.status
	if !v.Plugin && !v.Native {
		want = 200
	}
	if res.StatusCode != want {
		return fmt.Errorf("status %d, want %d", res.StatusCode, want)
	}
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func extent(values []float64) (low, high float64) {
	return slices.Min(values), slices.Max(values)
}
