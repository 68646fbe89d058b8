package main

import (
	"strconv"
	"syscall"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/config"
	"mcpauth/internal/discovery"
	"mcpauth/internal/dpop"
	"mcpauth/internal/gate"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/oauthproxy"
)

// The periods of the tick, in milliseconds. The plugin makes callouts on ticks only:
// the host allows none while the plugin starts, and host.Send says why none begins
// in the callback of a request. Each tick also looks at the requests that wait.
const (
	idleTick    = 1000
	waitingTick = 50 // while keys or an endpoint are wanted soon
	callTick    = 1  // while an introspection or a form is to be sent
	resumeTick  = 1  // while requests wait for nothing but the next tick
)

// plugin is one configuration in one worker.
type plugin struct {
	types.DefaultPluginContext
	id        uint32
	gate      *gate.Gate
	servers   []gate.AuthServer // in the order of the configuration
	pending   pending
	tickQueue *gate.Queue // of requests that wait for nothing but the next tick
	bodies    bodyWatch
	tick      uint32 // the current period in milliseconds
	metrics   *metrics.Set

	lists            map[uint32]*gate.Lists // by the ID of the stream whose response is to be filtered
	events           []byte                 // reused for parts of event streams
	unreadableLogged gate.UnixMilli         // when the log last had a response that cannot be filtered

	stopsHeaders bool // see config.Config.StopsHeaders

	// observers read the bodies of requests that have gone on, by stream; nil unless
	// config.Config.Audit is set.
	observers map[uint32]*gate.Observer
}

// OnPluginStart reads the configuration. The plugin does not start with an invalid
// one, and logs every error in it.
func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	logInfo("version " + version) // also for a configuration that is refused: it may be of another version
	document, err := proxywasm.GetPluginConfiguration()
	if err != nil && err != types.ErrorStatusNotFound {
		logCritical("the configuration cannot be read: " + err.Error())
		return types.OnPluginStartStatusFailed
	}
	c, err := config.Parse(document)
	if err == nil {
		err = c.ReadSecrets(syscall.Getenv)
	}
	if err != nil {
		if all, ok := err.(config.Errors); ok {
			logCritical("the plugin does not start: mistakes in the configuration: " + strconv.Itoa(len(all)))
			for _, e := range all {
				logCritical(e.Error())
			}
		} else {
			logCritical(err.Error())
		}
		return types.OnPluginStartStatusFailed
	}
	p.stopsHeaders = c.StopsHeaders
	if c.Audit {
		p.observers = map[uint32]*gate.Observer{}
	}
	p.metrics = metrics.New(c, version, defineMetric)
	verifier := newVerifier(c)
	logInfo("signatures: " + verifier.describe())
	for _, s := range c.AuthorizationServers {
		p.servers = append(p.servers, p.newServer(s, c.AllowInsecureHTTP, verifier))
	}
	p.gate = gate.New(c, p.servers, verifier)
	p.gate.Log = gate.NewRefusalLog(host{p})
	p.gate.Replays = dpop.NewReplays(host{p})
	p.gate.PeerCertificate = peerCertificate
	p.tickQueue = gate.NewQueue(maxTickQueue)
	p.logWarnings(c.Warnings)
	p.setTick(waitingTick)
	logInfo("protected resources: " + strconv.Itoa(len(c.Resources)) +
		", authorization servers: " + strconv.Itoa(len(c.AuthorizationServers)))
	return types.OnPluginStartStatusOK
}

// newServer returns the parts of this worker for an authorization server. insecure
// permits http URLs in its metadata.
func (p *plugin) newServer(c *config.AuthorizationServer, insecure bool, v *verifier) gate.AuthServer {
	s := gate.AuthServer{Config: c}
	d := discovery.New(c, insecure, host{p})
	if c.Source.Kind != config.NoKeys || c.Source.KeepMetadata {
		s.Keys = keys.New(c, d, insecure, host{p})
		s.Keys.OnUpdate = v.prepare
		s.Keys.Apply()
	}
	if c.Introspection != nil {
		s.Introspection = introspect.New(c, d, host{p})
	}
	if c.OAuthProxy != nil {
		s.Proxy = oauthproxy.New(c, s.Keys, insecure, host{p}, random)
	}
	return s
}

// OnTick lets the parts of each authorization server make their callouts, resumes the
// requests that waited for them, and updates the host's metrics.
func (p *plugin) OnTick() {
	for _, s := range p.servers {
		if s.Keys != nil {
			s.Keys.Tick()
		}
		if s.Introspection != nil {
			s.Introspection.Tick()
		}
		if s.Proxy != nil {
			s.Proxy.Tick()
		}
	}
	p.pending.resumeReady(p)
	if p.stopsHeaders {
		p.bodies.check(gate.UnixMilli(clock().UnixMilli()))
	}
	period := uint32(idleTick)
	for _, s := range p.servers {
		if s.Keys != nil && s.Keys.Soon() || s.Introspection != nil && s.Introspection.Searching() {
			period = waitingTick
		}
	}
	if p.pending.more {
		period = resumeTick
	}
	if p.hasCalls() {
		period = callTick
	}
	p.flushMetrics(len(p.pending.byID))
	p.setTick(period)
}

// OnPluginDone is called after another configuration has replaced this one and the
// last request under this one has ended.
func (p *plugin) OnPluginDone() bool {
	for _, s := range p.servers {
		if s.Keys != nil {
			s.Keys.Release()
		}
	}
	p.flushMetrics(0)
	return true
}

func (p *plugin) flushMetrics(pending int) {
	for i, s := range p.servers {
		if k := s.Keys; k != nil {
			p.metrics.Keys(i, k.Fetched, k.Failed, int32(k.Age()/time.Second))
		}
		if c := s.Introspection; c != nil {
			p.metrics.Introspections(i, c.Answered, c.Failed)
		}
	}
	p.metrics.Flush(pending, incrementMetric, recordMetric)
}

// waitingPeriod returns the tick's period for a request that has begun to wait.
func (p *plugin) waitingPeriod() uint32 {
	if p.hasCalls() {
		return callTick
	}
	return min(p.tick, waitingTick)
}

// hasCalls reports whether an introspection request, or a form of a client, waits to
// be sent.
func (p *plugin) hasCalls() bool {
	for _, s := range p.servers {
		if s.Introspection != nil && s.Introspection.Pending() || s.Proxy != nil && s.Proxy.Pending() {
			return true
		}
	}
	return false
}

func (p *plugin) setTick(period uint32) {
	if period == p.tick {
		return
	}
	if err := proxywasm.SetTickPeriodMilliSeconds(period); err != nil {
		logCritical("the tick cannot be set: " + err.Error())
		return
	}
	p.tick = period
}

// NewHttpContext implements [types.PluginContext]; the host calls it for each request.
func (p *plugin) NewHttpContext(id uint32) types.HttpContext {
	return &stream{id: id, plugin: p}
}
