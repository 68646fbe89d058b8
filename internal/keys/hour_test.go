package keys

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"mcpauth/config"
	"mcpauth/internal/callout"
)

// An hour in the life of a process: what the authorization server sees of it. The
// table of docs/scaling.md multiplies these numbers by the proxies.
func TestAnHour(t *testing.T) {
	const place = "https://auth.example.com/.well-known/oauth-authorization-server/realm"
	for _, test := range []struct {
		name                        string
		begin                       func(*process)
		second                      func(p *process, s *Source, n int) // each second, with the workers in turn
		keysLeast, keysMost         int
		metadataLeast, metadataMost int
	}{
		{
			name:      "peace",
			keysLeast: 12, keysMost: 14, metadataMost: 1,
		},
		{
			name:      "keys that are fresh for an hour",
			begin:     func(p *process) { p.serve[jwksURI] = fresh(callout.MaxFresh) },
			keysLeast: 1, keysMost: 2, metadataMost: 2,
		},
		{
			name:      "keys that are fresh for a minute",
			begin:     func(p *process) { p.serve[jwksURI] = fresh(callout.MinFresh) },
			keysLeast: 60, keysMost: 67, metadataMost: 1,
		},
		{
			name: "a flood of unknown keys",
			second: func(p *process, s *Source, n int) {
				for i := range 10 {
					s.Refetch(MissingKey(strconv.Itoa(n), strconv.Itoa(i)), p.Now())
				}
			},
			keysLeast: 120, keysMost: 122 + 14, metadataMost: 1,
		},
		{
			name: "an outage, with keys",
			begin: func(p *process) {
				p.tick()
				p.asked = nil
				clear(p.serve)
			},
			// All fetches but the first search for the metadata, in three places.
			keysMost: 1, metadataLeast: 3 * 110, metadataMost: 3 * 137,
		},
		{
			name:  "an outage, without keys, while requests come",
			begin: func(p *process) { clear(p.serve) },
			second: func(p *process, s *Source, n int) {
				s.Await(p.Now())
			},
			metadataLeast: 3 * 3000, metadataMost: 3 * 3602,
		},
		{
			name:          "an outage, without keys or requests",
			begin:         func(p *process) { clear(p.serve) },
			metadataLeast: 3 * 700, metadataMost: 3 * 804,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, config.KeySource{})
			p.serve[place] = metadata(issuer, jwksURI)
			if test.begin != nil {
				test.begin(p)
			} else {
				p.tick()
				p.asked = nil
			}
			for n := range 3600 {
				p.pass(time.Second)
				if test.second != nil {
					test.second(p, p.workers[n%len(p.workers)], n)
				}
				p.tick()
			}
			keys, metadata := 0, 0
			for _, url := range p.asked {
				if strings.Contains(url, "/.well-known/") {
					metadata++
				} else {
					keys++
				}
			}
			t.Logf("%d requests for keys and %d for metadata", keys, metadata)
			if keys < test.keysLeast || keys > test.keysMost {
				t.Errorf("%d requests for keys, want %d to %d", keys, test.keysLeast, test.keysMost)
			}
			if metadata < test.metadataLeast || metadata > test.metadataMost {
				t.Errorf("%d requests for metadata, want %d to %d", metadata, test.metadataLeast, test.metadataMost)
			}
		})
	}
}
