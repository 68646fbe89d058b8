package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// database makes a vulnerability database in which a package that the plugin needs has a
// vulnerability, in all versions or in none, and returns its URL.
func database(t *testing.T, introduced string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index/db.json":      `{"modified":"2026-01-01T00:00:00Z"}`,
		"index/modules.json": `[{"path":"github.com/tidwall/gjson","vulns":[{"id":"GO-2026-9999","modified":"2026-01-01T00:00:00Z"}]}]`,
		"index/vulns.json":   `[{"id":"GO-2026-9999","modified":"2026-01-01T00:00:00Z"}]`,
		"ID/GO-2026-9999.json": `{"schema_version":"1.3.1","id":"GO-2026-9999","modified":"2026-01-01T00:00:00Z","published":"2026-01-01T00:00:00Z",
			"summary":"a test","affected":[{"package":{"name":"github.com/tidwall/gjson","ecosystem":"Go"},
			"ranges":[{"type":"SEMVER","events":[{"introduced":"` + introduced + `"}]}],
			"ecosystem_specific":{"imports":[{"path":"github.com/tidwall/gjson","symbols":["Get"]}]}}],
			"database_specific":{"url":"https://pkg.go.dev/vuln/GO-2026-9999"}}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "file://" + dir
}

// TestCheck: a vulnerability in a package of the plugin is found, and a database that is
// out of reach is told.
func TestCheck(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "file://" + filepath.Join(t.TempDir(), "nothing")
	t.Setenv("GOPROXY", "off")
	for _, tt := range []struct {
		name, db string
		required bool
		want     string // in the error
		prints   string
	}{
		{"a vulnerability", database(t, "0"), false, "the plugin: govulncheck: exit status 3", "GO-2026-9999"},
		{"none", database(t, "99.0.0"), true, "", "No vulnerabilities found"},
		{"no database", nowhere, false, "", "NOT CHECKED"},
		{"no database, required", nowhere, true, "no such file", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			err := check(&out, root, tt.db, tt.required, targets[:1])
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if !strings.Contains(out.String(), tt.prints) {
				t.Errorf("it printed %q, want %q", out.String(), tt.prints)
			}
		})
	}
}
