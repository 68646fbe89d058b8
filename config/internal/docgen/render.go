package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// head is what stands before the tables.
const head = `<!-- Generated from config/schema.json by "make docs". Do not edit. -->

# Configuration

The plugin takes one JSON object of at most 1 MiB. It is the same for Envoy, Istio
and Envoy Gateway; [envoy.md](envoy.md), [istio.md](istio.md) and
[envoy-gateway.md](envoy-gateway.md) show where it goes.

The plugin refuses a configuration with a mistake. Unknown members and duplicate
members are mistakes. The log then names every mistake at once, each with its JSON
path. Envoy does not start with such a configuration, or it keeps the one that it
has; [Envoy Gateway differs](envoy-gateway.md#known-limits).

[config/schema.json](../config/schema.json) is the JSON Schema of the configuration,
for editors and for checks before a deployment. This page is made from it. Of each
member, the last column names the page that explains it.

`

// page is what is written, with the mistakes of the schema found meanwhile.
type page struct {
	document
	bytes.Buffer
	mistakes []error
}

// render returns the page for a schema.
func render(schema []byte) ([]byte, error) {
	root := new(node)
	if err := json.Unmarshal(schema, root); err != nil {
		return nil, err
	}
	p := &page{document: document{root.object("$defs")}}
	p.WriteString(head)
	p.section("Top level", "", root, 2)
	return append(bytes.TrimRight(p.Bytes(), "\n"), '\n'), errors.Join(p.mistakes...)
}

// section writes a table of an object's members, and a section for each member
// that has members itself.
func (p *page) section(heading, path string, object *node, level int) {
	fmt.Fprintf(p, "%s %s\n\n", strings.Repeat("#", level), heading)
	if text := object.text("description"); text != "" {
		fmt.Fprintf(p, "%s\n\n", marked(text))
	}
	p.WriteString("| member | type | default | example | what it does |\n|---|---|---|---|---|\n")
	members := object.object("properties")
	for _, name := range members.names {
		p.row(path, name, members.object(name), object.has("required", name))
	}
	p.WriteString("\n")
	for _, name := range members.names {
		inner, array := p.properties(members.object(name))
		if inner == nil {
			continue
		}
		below := path + name
		if array {
			below += "[]"
		}
		p.section("`"+below+"`", below+".", inner, min(max(level, 2+strings.Count(below, ".")), 4))
	}
}

// row writes the row of a member.
func (p *page) row(path, name string, member *node, required bool) {
	n := p.resolve(member)
	typ := p.typeOf(member)
	missing := func(what string) {
		p.mistakes = append(p.mistakes, fmt.Errorf("%s%s has no %s", path, name, what))
	}
	what := marked(n.text("description"))
	if what == "" {
		missing("description")
	}
	def, example := "none", "–"
	switch {
	case required:
		def = "required"
	case n.text("x-default") != "":
		def = cell(n.text("x-default"))
	case n.values["default"] != nil && string(n.values["default"]) != "{}" && string(n.values["default"]) != "[]":
		def = code(n.values["default"])
	}
	if typ == "not allowed" {
		def = "–"
	} else {
		examples := n.list("examples")
		if len(examples) == 0 {
			missing(`"examples"`)
		} else {
			example = code(examples[0])
		}
		if n.text("x-page") == "" {
			missing(`"x-page"`)
		}
	}
	if target := n.text("x-page"); target != "" {
		what += " See " + pageLink(target) + "."
	}
	fmt.Fprintf(p, "| `%s` | %s | %s | %s | %s |\n", name, typ, def, example, what)
}

// code returns a JSON value as code in a table.
func code(v json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil {
		b.Write(v)
	}
	return "`" + cell(b.String()) + "`"
}

// pageLink returns a link to a page.
func pageLink(target string) string {
	if anchor, ok := strings.CutPrefix(target, "configuration.md"); ok {
		return "[below](" + anchor + ")"
	}
	name, _, _ := strings.Cut(target, "#")
	return "[" + name + "](" + target + ")"
}

// literals are names of members and JSON in a description.
var literals = regexp.MustCompile(`\{"[^}]*\}|\b[a-z]+(_[a-z]+)+(\.[a-z_]+)*\b`)

// marked makes a description fit for a table, with literals as code.
func marked(text string) string { return cell(literals.ReplaceAllString(text, "`$0`")) }

// cell makes text fit for a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
