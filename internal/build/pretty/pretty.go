// Package pretty stands in for github.com/tidwall/pretty in the build of
// mcpauth. gjson calls that module for its @pretty and @ugly modifiers only,
// which mcpauth never uses, and the real module links encoding/json: one
// megabyte of the WebAssembly file. The functions here have its signatures and
// return their input unchanged.
package pretty

// Options has the fields that gjson sets.
type Options struct {
	Width    int
	Prefix   string
	Indent   string
	SortKeys bool
}

// DefaultOptions is what gjson copies before it sets fields.
var DefaultOptions = &Options{Width: 80, Indent: "  "}

// Pretty returns json.
func Pretty(json []byte) []byte { return json }

// PrettyOptions returns json.
func PrettyOptions(json []byte, _ *Options) []byte { return json }

// Ugly returns json.
func Ugly(json []byte) []byte { return json }
