package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cyclonedx "github.com/CycloneDX/cyclonedx-go"
)

// sources are the files and folders from which the plugin is built.
var sources = []string{"go.mod", "go.sum", "LICENSE", "config", "internal", "jwtlite", "plugin"}

// stub is the module that a folder of this repository replaces.
const stub = "github.com/tidwall/pretty"

// sbom writes the modules that are linked into the plugin, as CycloneDX.
//
// cyclonedx-gomod takes the version of the plugin from a Git tag, and fails without a
// repository. So that a source tarball gives the same bytes as a clone, it runs in a copy
// of the sources with a repository of its own.
func (r *release) sbom() error {
	var text []byte
	err := r.inTemp(func(dir string) error {
		if err := r.copySources(dir); err != nil {
			return err
		}
		if err := r.tag(dir); err != nil {
			return err
		}
		bin := filepath.Join(dir, ".git", "cyclonedx-gomod")
		if _, err := r.run(".", []string{"GOFLAGS="}, "go", "build", "-o", bin, "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod"); err != nil {
			return err
		}
		var err error
		text, err = r.run(dir, []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-trimpath"},
			bin, "app", "-json", "-noserial", "-notimestamp", "-std", "-main", "plugin", ".")
		return err
	})
	if err != nil {
		return err
	}
	licenses, err := r.licenses()
	if err != nil {
		return err
	}
	if text, err = revise(text, licenses); err != nil {
		return fmt.Errorf("SBOM: %w", err)
	}
	return writeFile(r.name(".cdx.json"), text)
}

func (r *release) copySources(dir string) error {
	for _, source := range sources {
		err := fs.WalkDir(os.DirFS(r.root), source, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if entry.Name() == "testdata" {
					return fs.SkipDir
				}
				return os.MkdirAll(filepath.Join(dir, name), 0o755)
			}
			text, err := os.ReadFile(filepath.Join(r.root, name))
			if err != nil {
				return err
			}
			return writeFile(filepath.Join(dir, name), text)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tag makes dir a Git repository with one commit and a tag for the version.
func (r *release) tag(dir string) error {
	env := []string{
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_DIR=" + filepath.Join(dir, ".git"), "GIT_WORK_TREE=" + dir,
		"GIT_AUTHOR_NAME=dist", "GIT_AUTHOR_EMAIL=dist@example.com", "GIT_AUTHOR_DATE=2000-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=dist", "GIT_COMMITTER_EMAIL=dist@example.com", "GIT_COMMITTER_DATE=2000-01-01T00:00:00Z",
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"commit", "--quiet", "--allow-empty", "--message=dist"},
		{"tag", "v" + r.version},
	} {
		if _, err := r.run(dir, env, "git", args...); err != nil {
			return err
		}
	}
	return nil
}

// licenses returns the SPDX identifiers of the modules that are linked into the plugin.
// The detection of cyclonedx-gomod takes BSD-3-Clause for another licence.
func (r *release) licenses() (map[string]string, error) {
	bin, err := os.MkdirTemp("", "mcpauth-dist")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(bin)
	bin = filepath.Join(bin, "licenses")
	if _, err := r.run(r.root, nil, "go", "build", "-o", bin, "./internal/build/licenses"); err != nil {
		return nil, err
	}
	out, err := r.run(r.root, []string{"GOOS=wasip1", "GOARCH=wasm"}, bin, "./plugin")
	if err != nil {
		return nil, err
	}
	licenses := map[string]string{"mcpauth": "Apache-2.0", "std": "BSD-3-Clause", stub: "Apache-2.0"}
	for line := range strings.Lines(string(out)) {
		name, license, _ := strings.Cut(strings.TrimSpace(line), ": ")
		name, _, _ = strings.Cut(name, " ")
		licenses[name] = license
	}
	return licenses, nil
}

// revise fills in the licences, names the stub for what it is, and takes out the hashes
// of cyclonedx-gomod itself, which are those of one platform.
func revise(text []byte, licenses map[string]string) ([]byte, error) {
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(text), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		return nil, err
	}
	if bom.Metadata == nil || bom.Metadata.Component == nil || bom.Metadata.Tools == nil || bom.Metadata.Tools.Tools == nil || bom.Components == nil {
		return nil, errors.New("it lacks metadata or components")
	}
	for i := range *bom.Metadata.Tools.Tools {
		(*bom.Metadata.Tools.Tools)[i].Hashes = nil
	}
	components := []*cyclonedx.Component{bom.Metadata.Component}
	for i := range *bom.Components {
		components = append(components, &(*bom.Components)[i])
	}
	for _, c := range components {
		license := licenses[c.Name]
		if license == "" {
			return nil, fmt.Errorf("the licence of %s is not known", c.Name)
		}
		c.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{ID: license}}}
		if c.Name == stub {
			c.PackageURL, c.ExternalReferences = "", nil
			c.Description = "a part of mcpauth that stands in for the module of this name"
		}
	}
	slices.SortFunc(*bom.Components, func(a, b cyclonedx.Component) int { return strings.Compare(a.BOMRef, b.BOMRef) })
	var b bytes.Buffer
	encoder := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
