// Command licenses lists the licences of the Go modules that packages need.
//
//	go run ./internal/build/licenses [-test] [-C FOLDER] [PACKAGE...]
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// marks are texts by which a licence is recognized. The first one found counts.
var marks = []struct{ text, license string }{
	{"Apache License Version 2.0", "Apache-2.0"},
	{"Licensed under the Apache License, Version 2.0", "Apache-2.0"},
	{"Mozilla Public License Version 2.0", "MPL-2.0"},
	{"Mozilla Public License, version 2.0", "MPL-2.0"},
	{"Permission is hereby granted, free of charge", "MIT"},
	{"Permission to use, copy, modify, and/or distribute", "ISC"},
	{"Neither the name of", "BSD-3-Clause"},
	{"Redistribution and use in source and binary forms", "BSD-2-Clause"},
	{"This is free and unencumbered software", "Unlicense"},
	{"CC0 1.0 Universal", "CC0-1.0"},
}

func main() {
	test := flag.Bool("test", false, "with the modules that tests need")
	dir := flag.String("C", ".", "the folder to run in")
	flag.Parse()
	lines, err := list(*dir, *test, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
	for _, line := range lines {
		fmt.Println(line)
	}
}

// list returns a line for each module: path, version and licence.
func list(dir string, test bool, packages []string) ([]string, error) {
	// A module that a folder replaces is part of this repository.
	const format = `{{with .Module}}{{if not .Replace}}{{.Path}}{{"\t"}}{{.Version}}{{"\t"}}{{.Dir}}{{end}}{{end}}`
	args := append([]string{"list", "-deps", "-test=" + fmt.Sprint(test), "-f", format}, packages...)
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	lines := []string{"Go's standard library: BSD-3-Clause"}
	modules := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(modules)
	for _, m := range slices.Compact(modules) {
		fields := strings.Split(m, "\t")
		if len(fields) != 3 || strings.HasPrefix(fields[0]+"/", "mcpauth/") {
			continue
		}
		license, err := identify(fields[2])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fields[0], err)
		}
		lines = append(lines, fields[0]+" "+fields[1]+": "+license)
	}
	return lines, nil
}

// identify returns the SPDX identifier of the licence of the module in dir.
func identify(dir string) (string, error) {
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "[Ll]icen[sc]e*"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				continue // a folder
			}
			words := strings.Join(strings.Fields(string(bytes.ToValidUTF8(text, nil))), " ")
			for _, m := range marks {
				if strings.Contains(words, m.text) {
					return m.license, nil
				}
			}
			return "", fmt.Errorf("unknown licence in %s", name)
		}
	}
	return "", fmt.Errorf("no licence in %s", dir)
}
