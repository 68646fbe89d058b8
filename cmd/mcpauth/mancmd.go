package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIRECTORY",
		Short: "Write the manual pages",
		Long: `man writes a manual page for each command into DIRECTORY. It makes the directory, if it
is not there.`,
		Example: `  mcpauth man ~/.local/share/man/man1 && man mcpauth-doctor`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "mcpauth " + version, Manual: "mcpauth"}, args[0]); err != nil {
				return err
			}
			pages, err := filepath.Glob(filepath.Join(args[0], "mcpauth*.1"))
			if err != nil {
				return err
			}
			fmt.Fprintf(a.err, "%d pages\n", len(pages))
			return nil
		},
	}
}
