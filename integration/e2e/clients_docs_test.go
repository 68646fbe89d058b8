package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentedClients holds the table in the documentation to the clients that
// are tested.
func TestDocumentedClients(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "clients.md"))
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	last := ""
	for _, c := range mcpClients(t) {
		row := "| " + c.name + " | " + c.version + " | "
		switch {
		case row == last:
			table.WriteString(", " + c.protocol)
		case last != "":
			table.WriteString(" |\n" + row + c.protocol)
		default:
			table.WriteString(row + c.protocol)
		}
		last = row
	}
	want := table.String() + " |\n\n"
	if !strings.Contains(string(page), "|---|---|---|\n"+want) {
		t.Errorf("docs/clients.md has no such table:\n%s", want)
	}
}
