package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeListsTheClients holds the README's table to the clients that are
// tested.
func TestReadmeListsTheClients(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
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
	if !strings.Contains(string(readme), "|---|---|---|\n"+want) {
		t.Errorf("the README has no such table:\n%s", want)
	}
}
