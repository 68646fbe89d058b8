//go:build faults

package main

import (
	"reflect"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// This file is only in the build for the fault suite. A request with the header
// x-debug-trap ends a VM by a panic.
//
//	x-debug-trap: now       the VM of the request
//	x-debug-trap: fetching  the first VM of the process that has a fetch of keys
//	                        under way

const (
	trapHeader = "x-debug-trap"
	trapArmed  = "mcpauth.trap" // in the shared data: "armed", or empty
)

// Go initialises the files of a package in the order of their names: this init runs
// after that of main.go and replaces its context.
func init() {
	proxywasm.SetVMContext(&trapVM{})
}

type trapVM struct{ vm }

func (v *trapVM) NewPluginContext(id uint32) types.PluginContext {
	return &trapPlugin{v.vm.NewPluginContext(id).(*plugin)}
}

type trapPlugin struct{ *plugin }

func (p *trapPlugin) OnTick() {
	p.plugin.OnTick()
	value, cas, err := proxywasm.GetSharedData(trapArmed)
	if err != nil || len(value) == 0 || !p.fetching() {
		return
	}
	if proxywasm.SetSharedData(trapArmed, nil, cas) == nil {
		panic("trap: while the keys are being fetched")
	}
}

// fetching reports whether a fetch of keys is under way. It reads a private field:
// no other code needs to know.
func (p *trapPlugin) fetching() bool {
	for _, s := range p.servers {
		if s.Keys != nil && !reflect.ValueOf(s.Keys).Elem().FieldByName("fetch").IsNil() {
			return true
		}
	}
	return false
}

// trap is called for each request.
func trap() {
	switch value, _ := proxywasm.GetHttpRequestHeader(trapHeader); value {
	case "now":
		panic("trap: a request")
	case "fetching":
		if err := proxywasm.SetSharedData(trapArmed, []byte("armed"), 0); err != nil {
			panic("trap: " + err.Error())
		}
	}
}
