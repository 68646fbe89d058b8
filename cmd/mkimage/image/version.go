package image

import (
	"encoding/binary"
	"errors"
)

// versionSection is the custom section into which the build writes the version.
const versionSection = "mcpauth.version"

var errSection = errors.New("a section of the module does not end where it says")

// Version returns the version that the build wrote into a module, or "" if there is
// none.
func Version(module []byte) (string, error) {
	rest := module[min(len(module), len(preamble)):]
	for len(rest) > 0 {
		id := rest[0]
		body, after, ok := prefixed(rest[1:])
		if !ok {
			return "", errSection
		}
		if id == 0 { // a custom section: its name, then its content
			name, content, ok := prefixed(body)
			if !ok {
				return "", errSection
			}
			if string(name) == versionSection {
				return string(content), nil
			}
		}
		rest = after
	}
	return "", nil
}

// prefixed splits b after the bytes that follow their own length, in LEB128.
func prefixed(b []byte) (value, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n], b[n:], true
}
