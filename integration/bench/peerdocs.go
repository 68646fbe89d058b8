package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// writeDocs writes the tables into docs/peers.md and README.md, each between two comments, and the
// picture to docs/peers.svg.
func (r *PeerResult) writeDocs(root string) error {
	pages := map[string]map[string]string{
		filepath.Join("docs", "peers.md"): {
			"machine": r.machineText() + "\n", "costs": r.costTable(), "bases": r.baseTable(), "memory": r.memoryTable(), "latency": r.latencyTable(r.peersIn()),
			"behaviours": r.behaviourTable(), "seconds": r.secondsTable(), "versions": r.versionsText() + "\n",
		},
		"README.md": {"readme": r.readmeTable()},
	}
	for name, tables := range pages {
		path := filepath.Join(root, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page := string(text)
		for part, table := range tables {
			if page, err = replacePart(page, part, table); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			return err
		}
	}
	var picture bytes.Buffer
	if err := r.picture(&picture); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs", "peers.svg"), picture.Bytes(), 0o644)
}

// replacePart replaces what stands between two comments.
func replacePart(page, part, content string) (string, error) {
	begin, end := "<!-- peers: "+part+" -->\n", "<!-- /peers -->"
	before, rest, ok := strings.Cut(page, begin)
	if !ok {
		return "", fmt.Errorf("no comment %q", strings.TrimSpace(begin))
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no comment %q after %q", end, strings.TrimSpace(begin))
	}
	return before + begin + content + end + after, nil
}
