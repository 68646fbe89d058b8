// Command dist writes the files of a release, with their SHA-256 sums, an SBOM and a
// provenance statement. The same sources and the same Go give the same bytes.
//
// It is a module of its own, so that the plugin does not need its modules.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mcpauth/cmd/mkimage/image"
	"mcpauth/cmd/mkimage/manifests"
)

func main() {
	var r release
	flag.StringVar(&r.root, "root", "../../..", "root of the repository")
	flag.StringVar(&r.version, "version", "", "version of the release (default that of the file VERSION)")
	flag.StringVar(&r.out, "out", "../../../build/dist", "directory for the files; it is replaced")
	flag.StringVar(&r.repository, "image", "registry.example.com/mcpauth", "where the image is published, for the manifests")
	flag.StringVar(&r.source, "source", "", "URL of the sources, for the image and the provenance")
	flag.StringVar(&r.revision, "revision", "", "commit that is built, for the provenance; needs -source")
	flag.StringVar(&r.builder, "builder", "urn:mcpauth:builder:local", "URI of the builder, for the provenance")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := r.write(); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// A release is written by its method write.
type release struct {
	root, out, version, repository string
	source, revision, builder      string

	goVersion   string
	imageDigest string // sha256:HEX
}

// write fills out with all files.
func (r *release) write() error {
	if r.revision != "" && r.source == "" {
		return errors.New("-revision needs -source")
	}
	if r.version == "" {
		text, err := os.ReadFile(filepath.Join(r.root, "VERSION"))
		if err != nil {
			return err
		}
		r.version = strings.TrimSpace(string(text))
	}
	goVersion, err := r.run(r.root, nil, "go", "env", "GOVERSION")
	if err != nil {
		return err
	}
	r.goVersion = strings.TrimSpace(string(goVersion))
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, step := range []func() error{r.notes, r.plugin, r.schema, r.manifests, r.chart, r.tools, r.sbom, r.provenance, r.sums} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// name returns the path of a file of the release: mcpauth-VERSION and suffix.
func (r *release) name(suffix string) string {
	return filepath.Join(r.out, "mcpauth-"+r.version+suffix)
}

// notes writes the release notes.
func (r *release) notes() error {
	text, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	section, err := notes(string(text), r.version)
	if err != nil {
		return fmt.Errorf("CHANGELOG.md: %w", err)
	}
	return writeFile(r.name("-notes.md"), []byte(section))
}

// plugin writes the plugin and its image.
func (r *release) plugin() error {
	module, err := os.ReadFile(filepath.Join(r.root, "build", "mcpauth.wasm"))
	if err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	if v, err := image.Version(module); err != nil || v != r.version {
		return fmt.Errorf("build/mcpauth.wasm is of version %q (%v), not %q", v, err, r.version)
	}
	if err := writeFile(r.name(".wasm"), module); err != nil {
		return err
	}
	forms, err := image.FormsOf(module, image.WithSource(r.source))
	if err != nil {
		return err
	}
	digest, err := forms.Image.Digest()
	if err != nil {
		return err
	}
	r.imageDigest = digest.String()
	if err := writeFile(r.name("-image.digest"), []byte(r.imageDigest+"\n")); err != nil {
		return err
	}
	return r.inTemp(func(dir string) error {
		if err := forms.WriteLayout(dir); err != nil {
			return err
		}
		return writeTar(r.name("-image.tar"), dir, "")
	})
}

func (r *release) schema() error {
	text, err := os.ReadFile(filepath.Join(r.root, "config", "schema.json"))
	if err != nil {
		return err
	}
	return writeFile(r.name("-schema.json"), text)
}

// manifests writes the example's manifests, with the image.
func (r *release) manifests() error {
	return r.inTemp(func(dir string) error {
		if err := manifests.Write(filepath.Join(r.root, "envoy-example"), dir, r.repository+"@"+r.imageDigest); err != nil {
			return err
		}
		return writeTarGzip(r.name("-manifests.tar.gz"), dir, "mcpauth-"+r.version+"-manifests")
	})
}

// chart writes the Helm chart, with the image in its values.
func (r *release) chart() error {
	return r.inTemp(func(dir string) error {
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(r.root, "envoy-example", "chart", "mcpauth"))); err != nil {
			return err
		}
		file := filepath.Join(dir, "values.yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		values := string(text)
		for key, value := range map[string]string{
			"repository": r.repository,
			"digest":     strings.TrimPrefix(r.imageDigest, "sha256:"),
		} {
			empty := "\n  " + key + ": \"\"\n"
			if n := strings.Count(values, empty); n != 1 {
				return fmt.Errorf("the chart's values.yaml has %d empty %s, want one", n, key)
			}
			values = strings.Replace(values, empty, "\n  "+key+": \""+value+"\"\n", 1)
		}
		if err := writeFile(file, []byte(values)); err != nil {
			return err
		}
		return writeTarGzip(r.name("-chart.tgz"), dir, "mcpauth")
	})
}

// inTemp calls f with an empty folder that is removed afterwards.
func (r *release) inTemp(f func(dir string) error) error {
	dir, err := os.MkdirTemp("", "mcpauth-dist")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return f(dir)
}

// run runs a program in dir, with env beside the environment, and returns its output.
func (r *release) run(dir string, env []string, program string, args ...string) ([]byte, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmd, err)
	}
	return out, nil
}

// writeFile writes a file that everybody may read, whatever the umask.
func writeFile(path string, text []byte) error {
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}
