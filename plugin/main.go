// Command plugin is built into mcpauth.wasm, a proxy-wasm filter that makes a
// gateway an OAuth 2.1 protected resource in front of MCP servers.
//
// It holds the proxy-wasm contexts and is the only package that calls the host. The
// packages under internal hold the decisions.
package main

import (
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

// version is the version of the plugin, which the Makefile sets when it links the file.
var version = "dev"

func main() {}

func init() {
	proxywasm.SetVMContext(&vm{})
}

// newPlugin is the plugin that was created last, until the callbacks have it.
var newPlugin *plugin

type vm struct{ types.DefaultVMContext }

func (*vm) NewPluginContext(id uint32) types.PluginContext {
	newPlugin = &plugin{id: id}
	return newPlugin
}
