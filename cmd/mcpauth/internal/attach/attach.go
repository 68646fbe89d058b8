// Package attach puts the plugin into the configuration of a gateway: into an Envoy
// configuration, or beside the Gateway of Istio or Envoy Gateway. It inserts lines and
// changes none, so that comments and spelling stay as they are.
package attach

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"go.yaml.in/yaml/v3"

	"mcpauth/cmd/mcpauth/internal/lint"
	"mcpauth/cmd/mcpauth/internal/report"
	"mcpauth/cmd/mcpauth/internal/source"
	"mcpauth/config"
)

// Options say what is attached, and where.
type Options struct {
	Issuer, Resource string
	Scopes           []string // required and published
	// Cluster leads to the authorization server. Attach adds it to an Envoy configuration
	// that does not have it. Empty for the usual name.
	Cluster string
	// Wasm is the path of the plugin for Envoy, Image the image for the others.
	Wasm, Image string
	// TrustedCA is the path of the certification authorities for Envoy.
	TrustedCA string
	// Listener is the name of the listener of Envoy, empty if there is one.
	Listener string
	// Routes are the HTTPRoutes for Envoy Gateway, beside those of the file.
	Routes []string
}

// A Result is a changed file.
type Result struct {
	Text  []byte
	Edits []udiff.Edit
	// Notes are what remains to be done by hand.
	Notes []string
}

// Diff returns the change of a file as a unified diff.
func (r *Result) Diff(name string, before []byte) (string, error) {
	return udiff.ToUnified("a/"+name, "b/"+name, string(before), r.Edits, 3)
}

// An editor collects insertions into a text.
type editor struct {
	text    []byte
	offsets []int // of the lines
	edits   []udiff.Edit
	notes   []string
	options *Options
	issuer  *url.URL
}

// Attach puts the plugin into a text.
func Attach(text []byte, o *Options) (*Result, error) {
	e := &editor{text: text, options: o, offsets: []int{0}}
	for i, c := range text {
		if c == '\n' {
			e.offsets = append(e.offsets, i+1)
		}
	}
	var err error
	if e.issuer, err = url.Parse(o.Issuer); err != nil || e.issuer.Hostname() == "" {
		return nil, errors.New("--issuer must be the URL of the authorization server")
	}
	documents, err := source.Documents(text)
	if err != nil {
		return nil, err
	}
	switch found, err := source.Find(text); {
	case err == nil:
		return nil, fmt.Errorf("line %d: the plugin is there already: %s", found[0].Line, found[0].Name)
	case !errors.Is(err, source.ErrNone):
		return nil, err
	}
	if err := e.attach(documents); err != nil {
		return nil, err
	}
	udiff.SortEdits(e.edits)
	after, err := udiff.ApplyBytes(text, e.edits)
	if err != nil {
		return nil, err
	}
	return &Result{after, e.edits, e.notes}, check(after)
}

// check runs the checks of `mcpauth config` on the result.
func check(text []byte) error {
	found, err := source.Find(text)
	if err != nil {
		return fmt.Errorf("the result cannot be read: %w", err)
	}
	for _, f := range found {
		_, results := lint.Check(f)
		for i := range results {
			if r := &results[i]; r.Status == report.Failure {
				return fmt.Errorf("%s: %s", r.Setting, r.Message)
			}
		}
	}
	return nil
}

func (e *editor) attach(documents []*yaml.Node) error {
	for _, d := range documents {
		if value(d, "static_resources") != nil || value(d, "static_resources", "listeners") != nil {
			return e.envoy(d)
		}
	}
	for _, d := range documents {
		if scalar(d, "kind") == "Gateway" {
			return e.gateway(d, documents)
		}
	}
	return errors.New("neither an Envoy configuration with static_resources nor a Gateway of Istio or Envoy Gateway found")
}

// insert inserts lines before a line, which counts from 1. Each gets the indentation.
func (e *editor) insert(line, indent int, lines string) {
	var b bytes.Buffer
	at := len(e.text)
	if line-1 < len(e.offsets) {
		at = e.offsets[line-1]
	} else if len(e.text) > 0 && e.text[len(e.text)-1] != '\n' {
		b.WriteByte('\n')
	}
	for l := range strings.Lines(strings.TrimSuffix(lines, "\n") + "\n") {
		if strings.TrimSpace(l) != "" {
			b.WriteString(strings.Repeat(" ", indent))
		}
		b.WriteString(l)
	}
	e.edits = append(e.edits, udiff.Edit{Start: at, End: at, New: b.String()})
}

// plugin returns the plugin's configuration.
func (e *editor) plugin(cluster string) (string, error) {
	type server struct {
		Issuer  string `json:"issuer"`
		Cluster string `json:"cluster"`
	}
	type resource struct {
		Resource  string   `json:"resource"`
		Supported []string `json:"scopes_supported,omitempty"`
		Required  []string `json:"required_scopes,omitempty"`
	}
	var b bytes.Buffer
	j := json.NewEncoder(&b)
	j.SetEscapeHTML(false)
	j.SetIndent("", "  ")
	err := j.Encode(struct {
		Verdict   bool       `json:"verdict_header"`
		Servers   []server   `json:"authorization_servers"`
		Resources []resource `json:"resources"`
	}{true, []server{{e.options.Issuer, cluster}}, []resource{{e.options.Resource, e.options.Scopes, e.options.Scopes}}})
	if err != nil {
		return "", err
	}
	if _, err := config.Parse(b.Bytes()); err != nil {
		return "", fmt.Errorf("the plugin would refuse its configuration:\n%w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

// host and port of the authorization server.
func (e *editor) host() string { return e.issuer.Hostname() }

func (e *editor) port() string {
	if p := e.issuer.Port(); p != "" {
		return p
	}
	if e.issuer.Scheme == "http" {
		return "80"
	}
	return "443"
}

func (e *editor) isAddress() bool { return net.ParseIP(e.host()) != nil }

// value returns a value by a path of keys, nil if there is none.
func value(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		_, n = pair(n, key)
	}
	return n
}

// pair returns a key of a mapping and its value.
func pair(n *yaml.Node, key string) (k, v *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

func scalar(n *yaml.Node, keys ...string) string {
	if v := value(n, keys...); v != nil {
		return v.Value
	}
	return ""
}

// isBlock reports whether a node is in block style, so that lines can be inserted.
func isBlock(n *yaml.Node) bool { return n != nil && n.Style&yaml.FlowStyle == 0 }

// quote returns a text as a YAML string.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}
