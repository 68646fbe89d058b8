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
	id      uint32
	gate    *gate.Gate
	servers []gate.AuthServer // in the order of the configuration
	held    held
	turns   *gate.Queue // of requests that wait for the next tick alone
	bodies  bodies
	tick    uint32       // the period now set
	request gate.Request // the one at hand
	metrics *metrics.Set

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
		p.servers = append(p.servers, p.newServer(s, c.AllowInsecureHTTP, verifier))
	}
	p.gate = gate.New(c, p.servers, verifier)
	p.gate.Log = gate.NewRefusalLog(host{p})
	p.turns = gate.NewQueue(maxTurns)
	p.warn(c.Warnings)
	p.setTick(waitingTick)
	logInfo("protected resources: " + strconv.Itoa(len(c.Resources)) +
		", authorization servers: " + strconv.Itoa(len(c.AuthorizationServers)))
	return types.OnPluginStartStatusOK
}

// newServer returns the parts by which this worker uses an authorization server.
// insecure allows URLs in its metadata to be http.
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
		s.Proxy = oauthproxy.New(c, s.Keys, insecure, host{p})
	}
	return s
}

// OnTick moves the key sources and the checkers on, and then the requests that
// wait for them, and tells the host what was counted.
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
	p.held.review(p)
	if p.stopsHeaders {
		p.bodies.review(clock().UnixMilli())
	}
	period := uint32(idleTick)
	for _, s := range p.servers {
		if s.Keys != nil && s.Keys.Soon() || s.Introspection != nil && s.Introspection.Searching() {
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
	for _, s := range p.servers {
		if s.Keys != nil {
			s.Keys.Release()
		}
	}
	p.flushMetrics(0)
	return true
}

func (p *plugin) flushMetrics(held int) {
	for i, s := range p.servers {
		if k := s.Keys; k != nil {
			p.metrics.Keys(i, k.Fetched, k.Failed, int32(k.Age()/time.Second))
		}
		if c := s.Introspection; c != nil {
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

// NewHttpContext is called for each request.
func (p *plugin) NewHttpContext(id uint32) types.HttpContext {
	return &stream{id: id, plugin: p}
}
