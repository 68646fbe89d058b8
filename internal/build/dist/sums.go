package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// A sum is the SHA-256 of a file.
type sum struct{ name, hex string }

// files returns all files of out with their sums, by name.
func (r *release) files() ([]sum, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	var sums []sum
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		s := sha256.Sum256(text)
		sums = append(sums, sum{e.Name(), hex.EncodeToString(s[:])})
	}
	return sums, nil
}

// sums writes the sums of all other files, as `sha256sum -c` reads them.
func (r *release) sums() error {
	files, err := r.files()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, f := range files {
		fmt.Fprintf(&b, "%s  %s\n", f.hex, f.name)
	}
	return writeFile(filepath.Join(r.out, "SHA256SUMS"), b.Bytes())
}
