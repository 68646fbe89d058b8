package main

import (
	"fmt"
	"strings"
)

// notes returns the section of the changelog for version, without its heading. A version
// with a pre-release part, such as 1.2.0-dev, may have none: then it is "Unreleased".
func notes(changelog, version string) (string, error) {
	if section, found := cut(changelog, version); found {
		return section, nil
	}
	if strings.Contains(version, "-") {
		if section, found := cut(changelog, "Unreleased"); found {
			return section, nil
		}
	}
	return "", fmt.Errorf("there is no section %q", "## "+version)
}

// cut returns what follows the heading "## TITLE", which may have a date behind it.
func cut(changelog, title string) (section string, found bool) {
	var b strings.Builder
	for line := range strings.Lines(changelog) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			if found {
				break
			}
			fields := strings.Fields(heading)
			found = len(fields) > 0 && strings.Trim(fields[0], "[]") == title
			continue
		}
		if found {
			b.WriteString(line)
		}
	}
	section = strings.TrimSpace(b.String())
	return section + "\n", section != ""
}
