package main

import (
	"bytes"
	"os"
	"path/filepath"

	"mcpauth/integration/page"
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
		parts := map[string]string{}
		for part, table := range tables {
			parts["peers-"+part] = table
		}
		if err := page.Write(filepath.Join(root, name), parts); err != nil {
			return err
		}
	}
	var picture bytes.Buffer
	if err := r.picture(&picture); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "docs", "peers.svg"), picture.Bytes(), 0o644)
}
