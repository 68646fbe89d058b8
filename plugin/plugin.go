package main

import (
	"strconv"
	"syscall"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/config"
	"mcpauth/internal/discovery"
	"mcpauth/internal/gate"
	"mcpauth/internal/introspect"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
	"mcpauth/internal/oauthproxy"
)

// The periods of the tick, in milliseconds. A callout cannot begin when the
// plugin starts, so that the first fetch waits for a tick, and a request that
// waits for keys is looked at on each. Nor may it begin while a request is
// looked at, see host.Send: a question about a token waits for a tick as soon
// as can be.
const (
	idleTick     = 1000
	waitingTick  = 50
	askingTick   = 1
	releasedTick = 1 // while requests wait for nothing but their turn
)

// plugin is one configuration in one worker.
type plugin struct {
	types.DefaultPluginContext
	id       uint32
	gate     *gate.Gate
	sources  []*keys.Source       // of each authorization server; nil where it has no keys, and no metadata is kept
	checkers []*introspect.Client // of each; nil where it is not asked about tokens
	proxies  []*oauthproxy.Proxy  // of each; nil where the gateway does not stand for it
	held     held
	turns    *gate.Queue // of requests that wait for the next tick alone
	bodies   bodies
	tick     uint32       // the period now set
	request  gate.Request // the one at hand
	metrics  *metrics.Set

	stopsHeaders bool // see config.Config.StopsHeaders
}

// OnPluginStart reads the configuration. A wrong one stops the plugin, with
// every mistake in the log.
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
		d := discovery.New(s, c.AllowInsecureHTTP, host{p})
		var source *keys.Source
		if s.Source.Kind != config.NoKeys || s.Source.KeepMetadata {
			source = keys.New(s, d, c.AllowInsecureHTTP, host{p})
			source.OnUpdate = verifier.prepare
			source.Apply()
		}
		var checker *introspect.Client
		if s.Introspection != nil {
			checker = introspect.New(s, d, host{p})
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
	p.turns = gate.NewQueue(maxTurns)
	p.warn(c.Warnings)
	p.setTick(waitingTick)
	logInfo("protected resources: " + strconv.Itoa(len(c.Resources)) +
		", authorization servers: " + strconv.Itoa(len(c.AuthorizationServers)))
	return types.OnPluginStartStatusOK
}

// OnTick moves the key sources and the checkers on, and then the requests that
// wait for them, and tells the host what was counted.
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
	p.held.review(p)
	if p.stopsHeaders {
		p.bodies.review(clock().UnixMilli())
	}
	period := uint32(idleTick)
	for i, s := range p.sources {
		if c := p.checkers[i]; s != nil && s.Soon() || c != nil && c.Searching() {
			period = waitingTick
		}
	}
	if p.held.more {
		period = releasedTick
	}
	if p.asking() {
		period = askingTick
	}
	p.flushMetrics(len(p.held.byID))
	p.setTick(period)
}

// OnPluginDone is called when another configuration has taken the place of this
// one and no request of this one is left.
func (p *plugin) OnPluginDone() bool {
	for _, s := range p.sources {
		if s != nil {
			s.Release()
		}
	}
	p.flushMetrics(0)
	return true
}

func (p *plugin) flushMetrics(held int) {
	for i := range p.sources {
		if s := p.sources[i]; s != nil {
			p.metrics.Keys(i, s.Fetched, s.Failed, int32(s.Age()/time.Second))
		}
		if c := p.checkers[i]; c != nil {
			p.metrics.Introspections(i, c.Answered, c.Failed)
		}
	}
	p.metrics.Flush(held, incrementMetric, recordMetric)
}

// waitingPeriod is that of the tick for a request that has just begun to wait.
func (p *plugin) waitingPeriod() uint32 {
	if p.asking() {
		return askingTick
	}
	return min(p.tick, waitingTick)
}

// asking reports whether there is a question about a token, or a form of a
// client, to send.
func (p *plugin) asking() bool {
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

// NewHttpContext is called for each request.
func (p *plugin) NewHttpContext(id uint32) types.HttpContext {
	return &stream{id: id, plugin: p}
}
