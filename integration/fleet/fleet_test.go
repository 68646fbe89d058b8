package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
	"mcpauth/integration/page"
)

// What the authorization server sees of each proxy is bounded by exact numbers,
// whatever the number of workers: one fetch when it starts, one when keys rotate, and a
// few in a flood of 10,000 unknown keys; and one question about each opaque token of
// each worker.
func TestWhatTheAuthorizationServerSees(t *testing.T) {
	for _, size := range []struct{ proxies, workers int }{{1, 1}, {3, 2}} {
		t.Run(fmt.Sprintf("%d proxies of %d workers", size.proxies, size.workers), func(t *testing.T) {
			t.Parallel()
			m, err := measurement{proxies: size.proxies, workers: size.workers, unknown: 10_000, rate: 1000}.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v", m)
			for _, step := range []struct {
				name  string
				got   []tally
				most  tally
				exact bool
			}{
				{"start", m.Start, atStart(), true},
				{"rotation", m.Rotation, atRotation(), true},
				{"opaque tokens", m.Opaque, forOpaque(opaqueTokens, size.workers), true},
				{"flood", m.Flood, inFlood(m.FloodTime + settle), false},
			} {
				for i, got := range step.got {
					if got[metadata] > step.most[metadata] || got[keys] > step.most[keys] || got[introspection] > step.most[introspection] {
						t.Errorf("%s: proxy %d asked for %v, more than %v", step.name, i, got, step.most)
					}
					if got == (tally{}) || step.exact && got != step.most {
						t.Errorf("%s: proxy %d asked for %v, less than %v: the test proves little", step.name, i, got, step.most)
					}
				}
			}
		})
	}
}

func TestBounds(t *testing.T) {
	for d, want := range map[time.Duration]int{
		0: 1, 4 * time.Second: 1, 5 * time.Second: 2, 14 * time.Second: 2, 15 * time.Second: 3, 35 * time.Second: 4, time.Minute: 4, 65 * time.Second: 5,
	} {
		if got := inFlood(d); got != (tally{keys: want}) {
			t.Errorf("in a flood of %v: %v, want %d", d, got, want)
		}
	}
	least, most := inPeace(time.Hour, refreshInterval)
	if least != (tally{0, 12, 0}) || most != (tally{1, 14, 0}) {
		t.Errorf("in an hour of peace: %v to %v", least, most)
	}
	if with, without := inOutage(time.Minute); with != 7 || without != 62 {
		t.Errorf("in an outage of a minute: %d fetches with keys, %d without", with, without)
	}
}

// The tables of docs/scaling.md that are computed are what this command computes.
func TestComputedTablesOfThePage(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(filepath.Join(root, "docs", "scaling.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{computedBlock: computedTable(), hitRateBlock: hitRateTable()} {
		want, err := page.Replace(old, name, text)
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(want, old) {
			t.Errorf("docs/scaling.md: the block %s is old: cd integration && go run ./fleet -computed -docs", name)
		}
	}
}
