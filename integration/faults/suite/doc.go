// Package suite is the fault suite: the built plugin in a real Envoy with four
// workers, under constant load of valid and invalid tokens, while everything
// that it depends on fails. Its tests have the build tag faults and need
// build/mcpauth.wasm and build/mcpauth-faults.wasm: make test-faults.
//
// What is promised stands in promises_test.go. With FAULTS_SCALE=full in the
// environment the faults last as long as they may in practice; otherwise they
// are as short as the promises allow.
package suite
