module mcpauth

go 1.24.0

require (
	filippo.io/nistec v0.0.4
	github.com/go-jose/go-jose/v4 v4.1.8
	github.com/proxy-wasm/proxy-wasm-go-sdk v0.0.0-20250212164326-ab4161dcf924
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
	github.com/tetratelabs/wazero v1.11.0
	github.com/tidwall/gjson v1.20.0
)

require (
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.0 // indirect
	golang.org/x/sys v0.38.0 // indirect
	golang.org/x/text v0.14.0 // indirect
)

// gjson needs pretty only for its @pretty and @ugly modifiers, which nothing
// here uses; the real one links encoding/json, a megabyte of WebAssembly.
replace github.com/tidwall/pretty => ./internal/build/pretty
