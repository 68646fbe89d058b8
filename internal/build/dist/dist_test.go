package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const root = "../../.."

// tree copies what a release is made of, with the built plugin, into a new folder, and
// returns it.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, source := range append(sources, "VERSION", "CHANGELOG.md", "build/mcpauth.wasm", "cmd", "envoy-example/istio", "envoy-example/gatewayapi", "envoy-example/chart") {
		err := filepath.WalkDir(filepath.Join(root, source), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) && source == "build/mcpauth.wasm" {
				t.Fatal("run `make build` at the root of the repository")
			}
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			return write(filepath.Join(dir, name), text)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// The whole release, but tools for this platform alone; `make dist-check` builds all.
func TestRelease(t *testing.T) {
	all := platforms
	defer func() { platforms = all }()
	platforms = []struct{ os, arch string }{{runtime.GOOS, runtime.GOARCH}}

	build := func(umask int) (out string, r *release) {
		defer syscall.Umask(syscall.Umask(umask))
		out = filepath.Join(t.TempDir(), "dist")
		r = &release{
			root: tree(t), out: out, repository: "ghcr.example.com/team/mcpauth", builder: "https://git.example.com/runner",
			source: "https://git.example.com/mcpauth", revision: strings.Repeat("a1", 20),
		}
		if err := r.write(); err != nil {
			t.Fatal(err)
		}
		return out, r
	}
	first, r := build(0o022)
	second, _ := build(0o077)

	names := list(t, first)
	want := []string{"SHA256SUMS", "mcpauth-V-" + runtime.GOOS + "-" + runtime.GOARCH, "mkimage-V-" + runtime.GOOS + "-" + runtime.GOARCH}
	for _, suffix := range []string{".cdx.json", ".intoto.json", ".wasm", "-chart.tgz", "-image.digest", "-image.tar", "-manifests.tar.gz", "-notes.md", "-schema.json"} {
		want = append(want, "mcpauth-V"+suffix)
	}
	slices.Sort(want)
	if got := strings.ReplaceAll(strings.Join(names, "\n"), r.version, "V"); got != strings.Join(want, "\n") {
		t.Errorf("the files are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if got := list(t, second); !slices.Equal(got, names) {
		t.Errorf("the second build has %q, the first %q", got, names)
	}
	for _, name := range names {
		if !bytes.Equal(read(t, first, name), read(t, second, name)) {
			t.Errorf("%s differs between two builds", name)
		}
		a, b := mode(t, first, name), mode(t, second, name)
		if a != b || a&0o044 != 0o044 {
			t.Errorf("%s has modes %v and %v", name, a, b)
		}
	}

	check := exec.Command("sh", "-c", documented(t, "sha256sum "))
	check.Dir = first
	out, err := check.CombinedOutput()
	if err != nil || strings.Count(string(out), ": OK\n") != len(names)-1 {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	if err := write(filepath.Join(first, "mcpauth-"+r.version+".wasm"), []byte("another")); err != nil {
		t.Fatal(err)
	}
	check = exec.Command("sh", "-c", documented(t, "sha256sum "))
	check.Dir = first
	if out, err := check.CombinedOutput(); err == nil {
		t.Errorf("sha256sum does not see another plugin:\n%s", out)
	}

	pinned := "url: ghcr.example.com/team/mcpauth@" + strings.TrimSpace(string(read(t, first, "mcpauth-"+r.version+"-image.digest")))
	if policy := unpack(t, read(t, first, "mcpauth-"+r.version+"-manifests.tar.gz"))["mcpauth-"+r.version+"-manifests/gatewayapi/policy.yaml"]; !strings.Contains(policy, pinned) {
		t.Errorf("policy.yaml lacks %q:\n%s", pinned, policy)
	}
	chart := unpack(t, read(t, first, "mcpauth-"+r.version+"-chart.tgz"))
	if !strings.Contains(chart["mcpauth/Chart.yaml"], "\nversion: "+r.version+"\n") {
		t.Errorf("the chart is not of version %s:\n%s", r.version, chart["mcpauth/Chart.yaml"])
	}
	for _, line := range []string{`repository: "ghcr.example.com/team/mcpauth"`, `digest: "` + strings.TrimPrefix(r.imageDigest, "sha256:") + `"`} {
		if !strings.Contains(chart["mcpauth/values.yaml"], "\n  "+line+"\n") {
			t.Errorf("the chart's values lack %s:\n%s", line, chart["mcpauth/values.yaml"])
		}
	}
	checkSBOM(t, r, read(t, first, "mcpauth-"+r.version+".cdx.json"))
	checkProvenance(t, r, string(read(t, first, "SHA256SUMS")), read(t, first, "mcpauth-"+r.version+".intoto.json"))
}

// documented returns the command that docs/operations.md shows, by its beginning.
func documented(t *testing.T, prefix string) string {
	t.Helper()
	_, section, _ := strings.Cut(string(read(t, root, "docs", "operations.md")), "\n## Verify a release\n")
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, prefix) {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("docs/operations.md has no command %q", prefix)
	return ""
}

// checkSBOM compares the SBOM with what the go command links.
func checkSBOM(t *testing.T, r *release, text []byte) {
	t.Helper()
	var bom struct {
		SerialNumber string
		Metadata     struct {
			Timestamp string
			Component struct{ Name, Version string }
		}
		Components []struct {
			Name, Version string
			Licenses      []struct{ License struct{ ID string } }
		}
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	if bom.SerialNumber != "" || bom.Metadata.Timestamp != "" {
		t.Errorf("the SBOM has serial number %q, time %q", bom.SerialNumber, bom.Metadata.Timestamp)
	}
	if c := bom.Metadata.Component; c.Name != "mcpauth" || c.Version != "v"+r.version {
		t.Errorf("the SBOM is that of %s %s", c.Name, c.Version)
	}
	cmd := exec.Command("go", "list", "-deps", "-f", `{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}`, "./plugin")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range bom.Components {
		got[c.Name] = true
		if len(c.Licenses) != 1 || c.Licenses[0].License.ID == "" {
			t.Errorf("%s has licences %v", c.Name, c.Licenses)
		}
	}
	for _, module := range append(strings.Fields(string(out)), "std") {
		if !got[module] {
			t.Errorf("the SBOM lacks %s, which is linked", module)
		}
	}
}

// checkProvenance holds the statement to the in-toto library and to the sums.
func checkProvenance(t *testing.T, r *release, sums string, text []byte) {
	t.Helper()
	statement := new(intoto.Statement)
	if err := protojson.Unmarshal(text, statement); err != nil {
		t.Fatal(err)
	}
	if err := statement.Validate(); err != nil {
		t.Error(err)
	}
	for _, s := range statement.Subject {
		if s.Name == r.repository {
			if got := "sha256:" + s.Digest["sha256"]; got != r.imageDigest {
				t.Errorf("the image is %s, the statement says %s", r.imageDigest, got)
			}
			continue
		}
		if !strings.Contains(sums, s.Digest["sha256"]+"  "+s.Name+"\n") {
			t.Errorf("SHA256SUMS does not have %s %s", s.Digest["sha256"], s.Name)
		}
	}
	// The image in place of the statement itself.
	if want := strings.Count(sums, "\n"); len(statement.Subject) != want {
		t.Errorf("%d subjects, want %d", len(statement.Subject), want)
	}
	predicate := new(provenance.Provenance)
	inner, err := protojson.Marshal(statement.Predicate)
	if err != nil {
		t.Fatal(err)
	}
	if err := protojson.Unmarshal(inner, predicate); err != nil {
		t.Fatal(err)
	}
	if err := predicate.Validate(); err != nil {
		t.Error(err)
	}
	if d := predicate.BuildDefinition.ResolvedDependencies; d[0].Uri != "git+"+r.source+"@"+r.revision || d[0].Digest["gitCommit"] != r.revision {
		t.Errorf("the first dependency is %v", d[0])
	}
	if id := predicate.RunDetails.Builder.Id; id != r.builder {
		t.Errorf("the builder is %q", id)
	}
}

// A plugin of another version is not released.
func TestVersionsAgree(t *testing.T) {
	r := &release{root: tree(t), out: filepath.Join(t.TempDir(), "dist"), version: "9.9.9-dev", repository: "registry.example.com/mcpauth"}
	if err := r.write(); err == nil || !strings.Contains(err.Error(), `not "9.9.9-dev"`) {
		t.Errorf("%v", err)
	}
}

func TestNotes(t *testing.T) {
	const changelog = "# Changelog\n\nText.\n\n## Unreleased\n\n### Added\n\n- New.\n\n## [1.2.0] - 2027-01-02\n\n- Second.\n\n## 1.1.0\n\n- First.\n"
	for version, want := range map[string]string{
		"1.2.0":     "- Second.\n",
		"1.1.0":     "- First.\n",
		"1.3.0-dev": "### Added\n\n- New.\n",
	} {
		if got, err := notes(changelog, version); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", version, got, err, want)
		}
	}
	for _, version := range []string{"1.3.0", "1.2", "Text"} {
		if got, err := notes(changelog, version); err == nil {
			t.Errorf("%s: %q, want an error", version, got)
		}
	}
}

// Times, modes and the order of creation of files do not change an archive.
func TestArchivesAreReproducible(t *testing.T) {
	dir := t.TempDir()
	archive := func(names ...string) []byte {
		folder, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			if err := write(filepath.Join(folder, name), []byte(name)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(folder, name), []os.FileMode{0o600, 0o755}[i%2]); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(dir, filepath.Base(folder)+".tgz")
		if err := writeTarGzip(file, folder, "top"); err != nil {
			t.Fatal(err)
		}
		return read(t, file)
	}
	first, second := archive("a", "b/c", "b/d"), archive("b/d", "a", "b/c")
	if !bytes.Equal(first, second) {
		t.Error("two archives of the same files differ")
	}
	// The header of gzip: flags and time.
	if !bytes.Equal(first[3:8], make([]byte, 5)) {
		t.Errorf("gzip's header is % x", first[:10])
	}
	if files := unpack(t, first); len(files) != 3 || files["top/b/c"] != "b/c" {
		t.Errorf("the archive holds %q", files)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func mode(t *testing.T, parts ...string) os.FileMode {
	t.Helper()
	info, err := os.Stat(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func unpack(t *testing.T, text []byte) map[string]string {
	t.Helper()
	gz, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(gz); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.ModTime.Unix() != 0 || header.Uid != 0 || header.Gid != 0 || header.Uname != "" || header.Gname != "" {
			t.Errorf("the entry tells who built it, or when: %+v", header)
		}
		if script := strings.HasSuffix(header.Name, ".sh"); header.Mode != 0o644 && !(script && header.Mode == 0o755) {
			t.Errorf("%s has mode %o", header.Name, header.Mode)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[header.Name] = string(content)
	}
}
