package metrics

import (
	"maps"
	"math"
	"slices"
	"testing"

	"mcpauth/config"
)

// fakeHost is a host that keeps the metrics by name and counts calls.
type fakeHost struct {
	names  []string
	kinds  []Kind
	values map[string]int64
	calls  int
}

func (h *fakeHost) define(kind Kind, name string) uint32 {
	h.names, h.kinds = append(h.names, name), append(h.kinds, kind)
	return uint32(len(h.names))
}

func (h *fakeHost) increment(id uint32, by int64) uint32 {
	h.calls++
	h.values[h.names[id-1]] += by
	return 0
}

func (h *fakeHost) record(id uint32, value int64) uint32 {
	h.calls++
	h.values[h.names[id-1]] = value
	return 0
}

// servers3 has two servers that the gateway calls, and one that it does not call.
func servers3() *config.Config {
	return &config.Config{AuthorizationServers: []*config.AuthorizationServer{
		{Issuer: "https://auth.example.com/", Introspection: &config.Introspection{}},
		{Issuer: "http://127.0.0.1:9000/realms/a"},
		{Issuer: "https://static.example.com", Source: config.KeySource{Kind: config.Static}},
	}}
}

func newSet() (*Set, *fakeHost) {
	h := &fakeHost{values: map[string]int64{}}
	return New(servers3(), "1.2.0-rc.1+b\n", h.define), h
}

// newFlushedSet is a set whose info the host has: other tests count from there.
func newFlushedSet() (*Set, *fakeHost) {
	s, h := newSet()
	s.Flush(0, h.increment, h.record)
	h.calls, h.values = 0, map[string]int64{}
	return s, h
}

const first, second = ".issuer=auth_example_com_", ".issuer=http___127_0_0_1_9000_realms_a"

func (h *fakeHost) want(t *testing.T, calls int, values map[string]int64) {
	t.Helper()
	if h.calls != calls {
		t.Errorf("%d calls of the host, want %d", h.calls, calls)
	}
	if !maps.Equal(h.values, values) {
		t.Errorf("the host has %v, want %v", h.values, values)
	}
}

// info is the gauge that names the version, in characters that leave the labels of a
// name apart.
const info = "mcpauth_info.version=1_2_0-rc_1_b_"

// The version is told once.
func TestInfo(t *testing.T) {
	s, h := newSet()
	s.Flush(0, h.increment, h.record)
	h.want(t, 1, map[string]int64{info: 1})
	s.Flush(0, h.increment, h.record)
	h.want(t, 1, map[string]int64{info: 1})
}

func TestFlushTellsTheDifference(t *testing.T) {
	const expired, unauthorized = "mcpauth_requests_total.result=invalid_token.reason=expired", "mcpauth_requests_total.result=unauthorized"
	s, h := newFlushedSet()
	flush := func(waiting int) { s.Flush(waiting, h.increment, h.record) }
	flush(0)
	h.want(t, 0, map[string]int64{})
	s.Request(Expired)
	s.Request(Expired)
	s.Request(Unauthorized)
	flush(3)
	want := map[string]int64{expired: 2, unauthorized: 1, "mcpauth_held_requests": 3}
	h.want(t, 3, want)
	flush(3)
	h.want(t, 3, want)
	s.Request(Expired)
	flush(1)
	want[expired], want["mcpauth_held_requests"] = 3, 1
	h.want(t, 5, want)
}

func TestFlushOfServers(t *testing.T) {
	s, h := newFlushedSet()
	flush := func(fetched, failed, age int32) {
		s.Keys(1, fetched, failed, age)
		s.Flush(0, h.increment, h.record)
	}
	flush(0, 1, 0)
	want := map[string]int64{"mcpauth_key_fetches_total.result=failed" + second: 1}
	h.want(t, 1, want)
	if slices.Contains(h.names, "mcpauth_key_age_seconds"+second) {
		t.Error("keys have an age before there are any")
	}
	flush(1, 1, 1)
	want["mcpauth_key_fetches_total.result=ok"+second], want["mcpauth_key_age_seconds"+second] = 1, 1
	h.want(t, 3, want)
	flush(1, 1, 300)
	want["mcpauth_key_age_seconds"+second] = 300
	h.want(t, 4, want)
	flush(3, 1, 0) // a new fetch: the age is recorded, not added
	want["mcpauth_key_fetches_total.result=ok"+second], want["mcpauth_key_age_seconds"+second] = 3, 0
	h.want(t, 6, want)
}

// The count of a worker may overflow; the host's count does not.
func TestCountsMayOverflow(t *testing.T) {
	s, h := newFlushedSet()
	s.requests[Expired].value, s.requests[Expired].reported = math.MaxInt32, math.MaxInt32
	s.Request(Expired)
	s.Request(Expired)
	s.Flush(0, h.increment, h.record)
	h.want(t, 1, map[string]int64{"mcpauth_requests_total.result=invalid_token.reason=expired": 2})
}

// New defines each counter once. A server that the gateway does not call has none.
func TestNames(t *testing.T) {
	s, h := newSet()
	for i, name := range h.names {
		if slices.Contains(h.names[:i], name) {
			t.Errorf("%s is there twice", name)
		}
		if gauge := name == "mcpauth_held_requests" || name == info; gauge != (h.kinds[i] == Gauge) {
			t.Errorf("%s is a gauge: %v", name, !gauge)
		}
	}
	for _, result := range []string{"ok", "failed"} {
		for _, issuer := range []string{first, second} {
			if name := "mcpauth_key_fetches_total.result=" + result + issuer; !slices.Contains(h.names, name) {
				t.Errorf("no %s in %q", name, h.names)
			}
		}
	}
	if want := OutcomeCount + 3 + 2*2 + 2; len(h.names) != want {
		t.Errorf("%d metrics, want %d", len(h.names), want)
	}
	s.Keys(0, 0, 0, 1)
	s.Flush(0, h.increment, h.record)
	if last := len(h.names) - 1; h.names[last] != "mcpauth_key_age_seconds"+first || h.kinds[last] != Gauge {
		t.Errorf("%s, %d", h.names[last], h.kinds[last])
	}
}
