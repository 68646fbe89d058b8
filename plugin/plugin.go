package main

import (
	"strconv"
	"syscall"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/config"
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
	id   uint32
	gate *gate.Gate

	// By authorization server, in the order of the configuration; nil where the
	// server needs none.
	sources  []*keys.Source
	checkers []*introspect.Checker
	proxies  []*oauthproxy.Proxy

	pending   pending
	tickQueue *gate.Queue // of requests that wait for nothing but the next tick
	bodies    bodyWatch
	tick      uint32       // the current period in milliseconds
	request   gate.Request // reused
	metrics   *metrics.Set

	stopsHeaders bool // see config.Config.StopsHeaders
}

// OnPluginStart reads the configuration. The plugin does not start with an invalid
// one, and logs every error in it.
func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
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
	p.metrics = metrics.New(c, defineMetric)
	verifier := newVerifier()
	logInfo("signatures: " + verifier.describe())
	for _, s := range c.AuthorizationServers {
		var source *keys.Source
		if s.Source.Kind != config.NoKeys || s.Source.KeepMetadata {
			source = keys.New(s, c.AllowInsecureHTTP, host{p})
			source.Adopted = verifier.prepare
			source.Adopt()
		}
		var checker *introspect.Checker
		if s.Introspection != nil {
			checker = introspect.New(s, c.AllowInsecureHTTP, host{p})
		}
		var proxy *oauthproxy.Proxy
		if s.OAuthProxy != nil {
			proxy = oauthproxy.New(s, source, c.AllowInsecureHTTP, host{p})
		}
		p.proxies = append(p.proxies, proxy)
		p.sources, p.checkers = append(p.sources, source), append(p.checkers, checker)
	}
	p.gate = gate.New(c, p.sources, p.checkers, p.proxies, verifier)
	p.gate.Refusals = gate.NewRefusals(host{p})
	p.tickQueue = gate.NewQueue(maxTickQueue)
	p.logWarnings(c.Warnings)
	p.setTick(waitingTick)
	logInfo("protected resources: " + strconv.Itoa(len(c.Resources)) +
		", authorization servers: " + strconv.Itoa(len(c.AuthorizationServers)))
	return types.OnPluginStartStatusOK
}

// OnTick lets the parts of each authorization server make their callouts, resumes the
// requests that waited for them, and updates the host's metrics.
func (p *plugin) OnTick() {
	for i := range p.sources {
		if s := p.sources[i]; s != nil {
			s.Tick()
		}
		if c := p.checkers[i]; c != nil {
			c.Tick()
		}
		if x := p.proxies[i]; x != nil {
			x.Tick()
		}
	}
	p.pending.resumeReady(p)
	if p.stopsHeaders {
		p.bodies.check(toUnixMilli(clock()))
	}
	period := uint32(idleTick)
	for i, s := range p.sources {
		if c := p.checkers[i]; s != nil && s.Soon() || c != nil && c.Searching() {
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
	for _, s := range p.sources {
		if s != nil {
			s.Release()
		}
	}
	p.flushMetrics(0)
	return true
}

func (p *plugin) flushMetrics(pending int) {
	for i := range p.sources {
		if s := p.sources[i]; s != nil {
			p.metrics.Keys(i, s.Fetched, s.Failed, s.Age())
		}
		if c := p.checkers[i]; c != nil {
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
	for i, c := range p.checkers {
		if x := p.proxies[i]; c != nil && c.Pending() || x != nil && x.Pending() {
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
