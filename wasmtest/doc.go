// Package wasmtest is a proxy-wasm host for tests. It loads a plugin from its .wasm file,
// as a gateway does, and implements the gateway's side of the proxy-wasm ABI 0.2 on
// wazero. A test therefore runs the file that ships, not the packages it is built from.
//
// The host does what Envoy does and an emulator in the plugin's own process cannot do. It
// has several VMs with one shared-data map and its exact compare-and-swap rules; ticks and
// clocks under the test's control; callouts that succeed, fail, time out or never end;
// foreign functions that are absent or wrong; held requests and their resumption; and the
// WASI functions of Envoy, including the poll_oneoff that fails.
//
// A test reads like this:
//
//	module, err := wasmtest.Load("plugin.wasm")
//	host := wasmtest.New(module, wasmtest.Options{})
//	defer host.Close()
//	vm, err := host.StartVM(`{"plugin":"configuration"}`)
//	stream := vm.Request(wasmtest.Headers{
//		{":method", "GET"}, {":path", "/"}, {":authority", "example.com"}, {":scheme", "https"},
//	})
//	switch stream.State() {
//	case wasmtest.Forwarded: // stream.Upstream() is what the upstream receives
//	case wasmtest.Answered:  // stream.Local() is the plugin's own answer
//	case wasmtest.Held:      // paused: host.Callouts()[0].Answer(...) may resume it
//	case wasmtest.Failed:    // the plugin crashed: 503
//	}
//
// Nothing happens on its own: no tick comes without [VM.Tick], no callout is
// answered without [Callout.Answer], no time passes without [Clock.Advance].
//
// [Host.Violations] lists what a real host tolerates but is always a bug of the plugin,
// such as a stream resumed twice or a header value with a line break. A test should
// find it empty.
//
// Only one goroutine at a time may use a Host and all that belongs to it: a test
// interleaves the workers of a gateway, and does not run them in parallel. The host
// follows the sources of proxy-wasm-cpp-host (exports.cc, context.cc,
// shared_data.cc) and Envoy (source/extensions/common/wasm).
package wasmtest
