// The guest is a plugin whose requests ask for one host function each, by
// their path. It exists to test the host.
package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() { proxywasm.SetVMContext(&vmContext{}) }

type vmContext struct{ types.DefaultVMContext }

func (*vmContext) NewPluginContext(uint32) types.PluginContext { return &plugin{} }

type plugin struct {
	types.DefaultPluginContext
	ticks int
	held  []uint32
	kept  [][]byte
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	config, _ := proxywasm.GetPluginConfiguration() // an error when it is empty
	switch text := string(config); text {
	case "refuse":
		proxywasm.LogCritical("refused")
		return types.OnPluginStartStatusFailed
	case "panic":
		panic("as configured")
	case "callout":
		if _, err := proxywasm.DispatchHttpCall("any", request, nil, nil, 1000, func(int, int, int) {}); err == nil {
			return types.OnPluginStartStatusFailed
		}
	default:
		if ms, err := strconv.Atoi(text); err == nil {
			proxywasm.SetTickPeriodMilliSeconds(uint32(ms))
		}
	}
	return types.OnPluginStartStatusOK
}

// OnTick resumes what is held.
func (p *plugin) OnTick() {
	p.ticks++
	proxywasm.LogInfof("tick %d", p.ticks)
	for _, id := range p.held {
		if proxywasm.SetEffectiveContext(id) == nil {
			proxywasm.ResumeHttpRequest()
		}
	}
	p.held = nil
}

func (p *plugin) NewHttpContext(id uint32) types.HttpContext { return &stream{plugin: p, id: id} }

type stream struct {
	types.DefaultHttpContext
	plugin *plugin
	id     uint32
}

var request = [][2]string{{":method", "GET"}, {":path", "/keys"}, {":authority", "keys.example"}, {":scheme", "https"}}

func (s *stream) OnHttpRequestHeaders(int, bool) types.Action {
	path, _ := proxywasm.GetHttpRequestHeader(":path")
	path, argument, _ := strings.Cut(path, "?")
	switch path {
	case "/continue":
		return types.ActionContinue
	case "/local":
		proxywasm.SendHttpResponse(418, [][2]string{{"X-A", "1"}, {"x-a", "2"}}, []byte("short and stout"), -1)
		return types.ActionContinue // the host must not
	case "/hold":
		s.plugin.held = append(s.plugin.held, s.id)
		return types.ActionPause
	case "/callout":
		_, err := proxywasm.DispatchHttpCall(argument, request, []byte("body"), nil, 5000, s.answered)
		if err != nil {
			return answer(err.Error())
		}
		return types.ActionPause
	case "/headers":
		all, _ := proxywasm.GetHttpRequestHeaders()
		for _, h := range all {
			proxywasm.LogInfof("%s=%s", h[0], h[1])
		}
		proxywasm.AddHttpRequestHeader("X-Added", "1")
		proxywasm.AddHttpRequestHeader("x-added", "2")
		proxywasm.ReplaceHttpRequestHeader("x-replaced", "new")
		proxywasm.RemoveHttpRequestHeader("x-removed")
		_, err := proxywasm.GetHttpRequestHeader("x-absent")
		proxywasm.AddHttpRequestHeader("x-error", fmt.Sprint(err))
		return types.ActionContinue
	case "/inject":
		proxywasm.AddHttpRequestHeader("x-injected", "a\r\nb: c")
		return types.ActionContinue
	case "/twice":
		proxywasm.ResumeHttpRequest()
		return types.ActionContinue
	case "/panic":
		panic("asked for")
	case "/gc":
		runtime.GC()
		return answer("collected")
	case "/sleep":
		time.Sleep(time.Microsecond)
		return answer("slept")
	case "/grow":
		s.plugin.kept = append(s.plugin.kept, make([]byte, 8<<20))
		return answer("grown")
	case "/set": // ?key=value=cas
		parts := strings.Split(argument, "=")
		cas, _ := strconv.Atoi(parts[2])
		return answer(fmt.Sprint(proxywasm.SetSharedData(parts[0], []byte(parts[1]), uint32(cas))))
	case "/get":
		value, cas, err := proxywasm.GetSharedData(argument)
		return answer(fmt.Sprintf("%q %d %v", value, cas, err))
	case "/foreign":
		result, err := proxywasm.CallForeignFunction(argument, []byte("argument"))
		return answer(fmt.Sprintf("%q %v", result, err))
	case "/property":
		value, err := proxywasm.GetProperty(strings.Split(argument, "."))
		return answer(fmt.Sprintf("%q %v", value, err))
	case "/metrics":
		proxywasm.DefineCounterMetric("counter").Increment(2)
		proxywasm.DefineGaugeMetric("gauge").Add(-3)
		proxywasm.DefineHistogramMetric("histogram").Record(7)
		return answer("counted")
	case "/time":
		return answer(strconv.FormatInt(time.Now().Unix(), 10))
	}
	return answer("no such path")
}

func (s *stream) OnHttpStreamDone() { proxywasm.LogInfof("done %d", s.id) }

// answered tells the client what the callout brought.
func (s *stream) answered(headers, bodySize, trailers int) {
	all, err := proxywasm.GetHttpCallResponseHeaders()
	body, bodyErr := proxywasm.GetHttpCallResponseBody(0, bodySize)
	if headers == 0 {
		answer(fmt.Sprintf("failed: %v, %v", err, bodyErr))
		return
	}
	if string(body) == "resume" {
		proxywasm.ResumeHttpRequest()
		return
	}
	answer(fmt.Sprintf("%v %q", all, body))
}

func answer(text string) types.Action {
	if err := proxywasm.SendHttpResponse(200, nil, []byte(text), -1); err != nil {
		proxywasm.LogErrorf("answer: %v", err)
	}
	return types.ActionPause
}
