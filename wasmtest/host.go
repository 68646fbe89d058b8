package wasmtest

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// Options are the properties of a [Host]. The zero value is a gateway like
// Envoy up to 1.38.
type Options struct {
	// Now is where the realtime clock starts. The zero value is
	// 2026-01-01 00:00:00 UTC, so that a test does not depend on today.
	Now time.Time
	// PollOneoffWorks makes poll_oneoff succeed with no events, as Envoy does
	// from 1.39 on. By default it returns 52 (ENOSYS), as before.
	PollOneoffWorks bool
	// HeadersStopIteration is allow_on_headers_stop_iteration: a guest that
	// pauses at the headers is still shown the body.
	HeadersStopIteration bool
	// BufferLimit is how many bytes of a body the gateway keeps, as Envoy does over
	// HTTP/1.1: per_connection_buffer_limit_bytes. 0 stands for Envoy's 1 MiB.
	BufferLimit int
	// Functions are the foreign functions by name. A nil map holds
	// verify_signature alone, an empty one nothing.
	Functions map[string]ForeignFunction
	// Clusters are the clusters that a callout may name; nil allows every name.
	Clusters []string
	// Environment is vm_config.environment_variables.
	Environment map[string]string
	// VMConfiguration is vm_config.configuration.
	VMConfiguration string
	// KeepStreams makes [Host.Streams] return the streams.
	KeepStreams bool
}

// Host is the process of a gateway. It owns the state that its workers (VMs) share.
type Host struct {
	module       *Module
	options      Options
	clock        Clock
	shared       *SharedData
	functions    map[string]ForeignFunction
	failing      map[string]Status // calls that fail, by name
	foreignCalls map[string]int
	clusters     map[string]clusterState
	properties   map[string][]byte
	metrics      map[metricKey]*metric
	metricNames  []string
	callouts     []*Callout
	dispatched   int
	logs         []LogLine
	violations   []string
	vms          []*VM
	streams      []*Stream // see Options.KeepStreams
}

// Streams returns all streams that were opened, in any VM, if Options.KeepStreams is set.
func (h *Host) Streams() []*Stream { return h.streams }

// New returns a host without VMs for the plugin m.
func New(m *Module, o Options) *Host {
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	h := &Host{
		module:       m,
		options:      o,
		clock:        Clock{wall: o.Now, monotonic: time.Hour},
		shared:       newSharedData(),
		functions:    map[string]ForeignFunction{"verify_signature": VerifySignature},
		failing:      map[string]Status{},
		foreignCalls: map[string]int{},
		properties:   map[string][]byte{},
		metrics:      map[metricKey]*metric{},
	}
	if o.BufferLimit == 0 {
		h.options.BufferLimit = 1 << 20
	}
	if o.Functions != nil {
		h.functions = maps.Clone(o.Functions)
	}
	if o.Clusters != nil {
		h.clusters = map[string]clusterState{}
		for _, name := range o.Clusters {
			h.clusters[name] = clusterHealthy
		}
	}
	return h
}

// Close ends all VMs.
func (h *Host) Close() {
	for _, vm := range h.vms {
		vm.Kill()
	}
}

// Clock returns the clocks that the guests read.
func (h *Host) Clock() *Clock { return &h.clock }

// SharedData returns the map that the VMs share.
func (h *Host) SharedData() *SharedData { return h.shared }

// VMs returns all VMs started so far, dead ones included.
func (h *Host) VMs() []*VM { return h.vms }

// SetProperty sets what proxy_get_property returns for a path, e.g. "source",
// "address", for streams that begin later. A nil value makes it not found.
func (h *Host) SetProperty(value []byte, path ...string) {
	key := strings.Join(path, "\x00")
	if value == nil {
		delete(h.properties, key)
		return
	}
	h.properties[key] = value
}

// Violations describes what guests did that no correct plugin does.
func (h *Host) Violations() []string { return h.violations }

func (h *Host) violate(format string, a ...any) {
	h.violations = append(h.violations, fmt.Sprintf(format, a...))
}

// FailCall makes a function of the ABI, such as proxy_remove_header_map_value,
// do nothing and return status from now on; OK lets it work again.
func (h *Host) FailCall(function string, status Status) { h.failing[function] = status }
