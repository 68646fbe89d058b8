package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// platforms for which the tools are built.
var platforms = []struct{ os, arch string }{
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"linux", "amd64"}, {"linux", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// tools builds every program right below cmd, for every platform.
func (r *release) tools() error {
	list, err := r.run(filepath.Join(r.root, "cmd"), nil, "go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "./...")
	if err != nil {
		return err
	}
	for _, pkg := range strings.Fields(string(list)) {
		tool := strings.TrimPrefix(pkg, "mcpauth/cmd/")
		if strings.Contains(tool, "/") {
			continue
		}
		for _, p := range platforms {
			file := fmt.Sprintf("%s-%s-%s-%s", tool, r.version, p.os, p.arch)
			if p.os == "windows" {
				file += ".exe"
			}
			if err := r.build(pkg, p.os, p.arch, filepath.Join(r.out, file)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *release) build(pkg, goos, goarch, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	// Settings of the machine's own, such as GOAMD64, would change the bytes.
	env := []string{
		"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0", "GOWORK=off",
		"GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off",
	}
	if _, err := r.run(filepath.Join(r.root, "cmd"), env, "go", "build",
		"-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid= -X main.version="+r.version, "-o", file, pkg); err != nil {
		return err
	}
	return os.Chmod(file, 0o755)
}
