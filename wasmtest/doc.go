// Package wasmtest is a proxy-wasm host for tests. It loads a plugin as a
// gateway does, from its .wasm file alone, and plays the gateway's part of the
// proxy-wasm ABI 0.2 on wazero, so that a test can drive the file that ships
// rather than the packages it was built from.
//
// The host does what Envoy does and what an emulator inside the plugin's own
// process cannot: several VMs over one shared-data map with its exact
// compare-and-swap rules, ticks and clocks under the test's control, callouts
// that are answered, fail, time out or never come back, foreign functions that
// are absent or wrong, held requests and their resumption, and the WASI
// functions as Envoy provides them, including the poll_oneoff that fails.
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
// Nothing happens by itself: no tick comes without [VM.Tick], no callout is
// answered without [Callout.Answer], no time passes without [Clock.Advance].
//
// Behaviour that a real host tolerates but that is always a mistake of the
// plugin (a stream resumed twice, a header value with a line break) is
// collected by [Host.Violations], which a test should find empty.
//
// A Host and everything that belongs to it is used by one goroutine at a time:
// the workers of a gateway are interleaved by the test, not run in parallel.
// The sources followed are proxy-wasm-cpp-host (exports.cc, context.cc,
// shared_data.cc) and Envoy (source/extensions/common/wasm).
package wasmtest
