package manifests

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
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

// Snippets returns those of all pages.
func Snippets() ([]Snippet, error) {
	root, err := envoy.Root()
	if err != nil {
		return nil, err
	}
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	var all []Snippet
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
			for _, m := range block.FindAllStringSubmatch(string(text), -1) {
				for _, document := range strings.Split(m[1], "\n---\n") {
					s := Snippet{Page: strings.TrimPrefix(file, root+string(filepath.Separator)), Text: document}
					if err := yaml.Unmarshal([]byte(document), &s.Value); err != nil {
						return nil, errors.Join(errors.New(s.Page+":\n"+document), err)
					}
					all = append(all, s)
				}
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
