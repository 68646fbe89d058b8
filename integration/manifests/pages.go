package manifests

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"mcpauth/envoy-example/envoy"
)

// A Snippet is a YAML document in a page of the documentation.
type Snippet struct {
	Page  string // its path from the top folder
	Text  string
	Value any
}

// Pages returns the text of all pages by their paths from the top folder.
func Pages() (map[string]string, error) {
	root, err := envoy.Root()
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			return nil, errors.Join(err, errors.New("no pages: "+pattern))
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			all[strings.TrimPrefix(file, root+string(filepath.Separator))] = string(text)
		}
	}
	return all, nil
}

var yamlBlock = regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```$")

// YAMLBlocks returns the fenced blocks of YAML in a page, without their indentation.
func YAMLBlocks(page string) (blocks []string) {
	for _, m := range yamlBlock.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], ""))
	}
	return blocks
}

// Snippets returns those of all pages, in the order of the pages.
func Snippets() ([]Snippet, error) {
	pages, err := Pages()
	if err != nil {
		return nil, err
	}
	var all []Snippet
	for _, page := range slices.Sorted(maps.Keys(pages)) {
		for _, block := range YAMLBlocks(pages[page]) {
			for _, document := range strings.Split(block, "\n---\n") {
				s := Snippet{Page: page, Text: document}
				if err := yaml.Unmarshal([]byte(document), &s.Value); err != nil {
					return nil, errors.Join(errors.New(s.Page+":\n"+document), err)
				}
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// Of returns the snippets that are whole resources of an API group.
func Of(group string) ([]Snippet, error) {
	all, err := Snippets()
	var some []Snippet
	for _, s := range all {
		object, _ := s.Value.(map[string]any)
		if version, _ := object["apiVersion"].(string); strings.HasPrefix(version, group+"/") {
			some = append(some, s)
		}
	}
	return some, err
}

// AuditFormat returns the members of the access log in docs/audit.md.
func AuditFormat() (map[string]any, error) {
	all, err := Snippets()
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Page == filepath.Join("docs", "audit.md") {
			if format, ok := find(s.Value, "json_format").(map[string]any); ok {
				return format, nil
			}
		}
	}
	return nil, errors.New("docs/audit.md has no json_format")
}

// find looks for a member of an object, at any depth.
func find(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		for member, value := range v {
			if member == name {
				return value
			}
			if found := find(value, name); found != nil {
				return found
			}
		}
	case []any:
		for _, each := range v {
			if found := find(each, name); found != nil {
				return found
			}
		}
	}
	return nil
}
