package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

// schemaNames are the names of all members of the configuration.
func schemaNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	walkSchema(t, func(_ map[string]any, name string) { names[name] = true })
	return names
}

// TestMigrationNames: each of our names in the tables of migration.md is a member of the
// configuration, and each comparison says which version it was made with.
func TestMigrationNames(t *testing.T) {
	page := pages(t)["docs/migration.md"]
	names := schemaNames(t)
	heads := regexp.MustCompile(`^\| [^|]+ \| mcpauth(?: here)? \| what differs \|\n`)
	tables, count := 0, 0
	for _, section := range strings.Split(page, "\n## ")[1:] {
		title, _, _ := strings.Cut(section, "\n")
		if !regexp.MustCompile(`(?m)^Read: .*\d+\.\d+\.\d+`).MatchString(section) && !strings.Contains(section, "\nRead: the API of Envoy ") {
			t.Errorf("%s: no version that was read", title)
		}
		for _, table := range regexp.MustCompile(`(?m)(?:^\|.*\n)+`).FindAllString(section, -1) {
			if !heads.MatchString(table) {
				t.Errorf("%s: another head: %.80s", title, table)
				continue
			}
			tables++
			for _, row := range strings.Split(strings.TrimSpace(table), "\n")[2:] {
				ours := strings.Split(row, "|")[2]
				for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(ours, -1) {
					if count++; !names[m[1]] {
						t.Errorf("%s: the configuration has no member %q: %s", title, m[1], row)
					}
				}
			}
		}
	}
	if tables < 6 || count < 60 {
		t.Errorf("%d tables with %d names", tables, count)
	}
	if !strings.Contains(page, "November 2026") {
		t.Error("the comparisons have no date")
	}
}
