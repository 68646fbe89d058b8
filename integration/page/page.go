// Package page writes tables that a command has measured into pages of the documentation,
// each between the lines
//
//	<!-- NAME:begin -->
//	<!-- NAME:end -->
package page

import (
	"bytes"
	"fmt"
	"os"
)

// Replace returns a page with another text, which ends with a line end, as the part of a
// name. The error says that the page has no such part.
func Replace(page []byte, name, text string) ([]byte, error) {
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->\n"
	before, rest, begins := bytes.Cut(page, []byte(begin))
	_, after, ends := bytes.Cut(rest, []byte(end))
	if !begins || !ends {
		return nil, fmt.Errorf("no lines %q and %q", begin, end)
	}
	return bytes.Join([][]byte{before, []byte(begin + text + end), after}, nil), nil
}

// Write replaces parts of a file, all or none.
func Write(path string, parts map[string]string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for name, text := range parts {
		if page, err = Replace(page, name, text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return os.WriteFile(path, page, 0o644)
}
