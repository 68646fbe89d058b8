// Package manifests fills the image and its digest into the manifests of the example.
package manifests

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Folders of the example that hold manifests with an image.
var Folders = []string{"istio", "gatewayapi"}

const (
	repository = "registry.example.com/mcpauth"
	digest     = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	marker     = repository + "@" + digest
)

// ErrMarker says that a manifest does not name the image as it should.
var ErrMarker = errors.New("the image is not named " + marker)

// Write copies the folders of example to out, with image, REPOSITORY@sha256:HEX, in place
// of the marker. The rest of each file stays as it is, comments included. A folder that
// is in out already is replaced.
//
// It fails with [ErrMarker], and writes nothing, where a manifest that needs the image
// names none, or in another way.
func Write(example, out, image string) error {
	files := map[string][]byte{}
	for _, folder := range Folders {
		filled := 0
		err := fs.WalkDir(os.DirFS(example), folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(filepath.Join(example, path))
			if err != nil {
				return err
			}
			if strings.HasSuffix(path, ".yaml") {
				n := strings.Count(string(text), marker)
				if text, err = fill(text, image); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				filled += n
			}
			files[path] = text
			return nil
		})
		if err != nil {
			return err
		}
		if filled == 0 {
			return fmt.Errorf("%s: %w", folder, ErrMarker)
		}
	}
	for _, folder := range Folders {
		if err := os.RemoveAll(filepath.Join(out, folder)); err != nil {
			return err
		}
	}
	for path, text := range files {
		path = filepath.Join(out, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if strings.HasSuffix(path, ".sh") {
			mode = 0o755
		}
		if err := os.WriteFile(path, text, mode); err != nil {
			return err
		}
	}
	return nil
}

// users are texts of the manifests that need the image.
var users = []string{"kind: WasmPlugin", "kind: TrafficExtension", "kind: EnvoyExtensionPolicy", "oci://"}

// fill returns the text of a manifest with the image in it.
func fill(text []byte, image string) ([]byte, error) {
	needed := false
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		for _, u := range users {
			needed = needed || strings.Contains(line, u)
		}
		line = strings.ReplaceAll(line, marker, "")
		if strings.Contains(line, repository) || strings.Contains(line, digest[len("sha256:"):]) {
			return nil, fmt.Errorf("%q: %w", strings.TrimSpace(line), ErrMarker)
		}
	}
	filled := strings.ReplaceAll(string(text), marker, image)
	if needed && filled == string(text) {
		return nil, ErrMarker
	}
	return []byte(filled), nil
}
