package main

import (
	"strconv"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"

	"mcpauth/config"
	"mcpauth/internal/gate"
	"mcpauth/internal/keys"
	"mcpauth/internal/metrics"
)

// The periods of the tick, in milliseconds. A callout cannot begin when the
// plugin starts, so that the first fetch waits for a tick, and a request that
// waits for keys is looked at on each.
const (
	idleTick     = 1000
	waitingTick  = 50
	releasedTick = 1 // while requests wait for nothing but their turn
)

// plugin is one configuration in one worker.
type plugin struct {
	types.DefaultPluginContext
	id      uint32
	gate    *gate.Gate
	sources []*keys.Source
	held    held
	tick    uint32       // the period now set
	request gate.Request // the one at hand
	metrics *metrics.Set
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
	p.metrics = metrics.New(c, defineMetric)
	verifier := newVerifier()
	logInfo("signatures: " + verifier.describe())
	for _, s := range c.AuthorizationServers {
		source := keys.New(s, c.AllowInsecureHTTP, host{p})
		source.Adopted = verifier.prepare
		source.Adopt()
		p.sources = append(p.sources, source)
	}
	p.gate = gate.New(c, p.sources, verifier)
	p.setTick(waitingTick)
	logInfo("protected resources: " + strconv.Itoa(len(c.Resources)) +
		", authorization servers: " + strconv.Itoa(len(c.AuthorizationServers)))
	return types.OnPluginStartStatusOK
}

// OnTick moves the key sources on, and then the requests that wait for them,
// and tells the host what was counted.
func (p *plugin) OnTick() {
	for _, s := range p.sources {
		s.Tick()
	}
	p.held.review(p)
	period := uint32(idleTick)
	for i, s := range p.sources {
		if s.Waiting() {
			period = waitingTick
		}
		p.metrics.Keys(i, s.Fetched, s.Failed, s.Age())
	}
	p.metrics.Flush(len(p.held.list), incrementMetric, recordMetric)
	if p.held.more {
		period = releasedTick
	}
	p.setTick(period)
}

// OnPluginDone is called when another configuration has taken the place of this
// one and no request of this one is left.
func (p *plugin) OnPluginDone() bool {
	for _, s := range p.sources {
		s.Release()
	}
	p.metrics.Flush(0, incrementMetric, recordMetric)
	return true
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
