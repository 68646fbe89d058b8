// Command docgen writes docs/configuration.md from config/schema.json.
//
//	go run ./config/internal/docgen SCHEMA PAGE
//
// The schema is the one place that says what a member means. Beside the keywords
// of JSON Schema, docgen reads two of its own: "x-page" is the page, relative to
// docs/, that explains the member, and "x-default" tells in words a default that
// is no JSON value.
package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("docgen: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: docgen SCHEMA PAGE")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(schema, page string) error {
	b, err := os.ReadFile(schema)
	if err != nil {
		return err
	}
	text, err := render(b)
	if err != nil {
		return fmt.Errorf("%s: %w", schema, err)
	}
	return os.WriteFile(page, text, 0o644)
}
