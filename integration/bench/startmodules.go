package main

import (
	"encoding/binary"
	"errors"
	"slices"
)

// What a plugin's start is made of is measured by modules that are cut short: see
// [starts].

// needed are the exports without which a host refuses a plugin of the SDK.
var needed = []string{"proxy_abi_version_0_2_0", "proxy_on_memory_allocate", "memory"}

var errModule = errors.New("not a WebAssembly module")

// sections calls f with each section of a module: WebAssembly Core Specification 2.0,
// section 5.5.2.
func sections(file []byte, f func(id byte, body []byte)) error {
	if len(file) < 8 {
		return errModule
	}
	for rest := file[8:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return errModule
		}
		f(rest[0], rest[1+n:1+n+int(size)])
		rest = rest[1+n+int(size):]
	}
	return nil
}

// padded returns a module with a custom section of n bytes that no host reads.
func padded(file []byte, n int) []byte {
	body := append(counted([]byte("padding")), make([]byte, n)...)
	return append(append(slices.Clone(file), 0), counted(body)...)
}

// exporting returns a module that exports no other functions than these and the needed
// ones. A host compiles all of it and calls none but those.
func exporting(file []byte, functions ...string) ([]byte, error) {
	out := slices.Clone(file[:min(8, len(file))])
	var bad error
	err := sections(file, func(id byte, body []byte) {
		const exports = 7
		if id == exports {
			body, bad = keptExports(body, slices.Concat(needed, functions))
		}
		out = append(append(out, id), counted(body)...)
	})
	return out, errors.Join(err, bad)
}

func keptExports(body []byte, names []string) ([]byte, error) {
	count, n := binary.Uvarint(body)
	rest := body[max(n, 0):]
	var kept [][]byte
	for range count {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n-1) {
			return nil, errModule
		}
		end := n + int(size) + 1 // with the kind
		_, index := binary.Uvarint(rest[end:])
		if index <= 0 {
			return nil, errModule
		}
		if slices.Contains(names, string(rest[n:end-1])) {
			kept = append(kept, rest[:end+index])
		}
		rest = rest[end+index:]
	}
	if len(kept) != len(names) {
		return nil, errors.New("the module does not export what is to be measured")
	}
	return append(binary.AppendUvarint(nil, uint64(len(kept))), slices.Concat(kept...)...), nil
}
