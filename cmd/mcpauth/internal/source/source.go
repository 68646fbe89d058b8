// Package source finds the plugin's configuration in the files in which operators keep
// it: as plain JSON, in an Envoy configuration, and in the manifests of Istio and Envoy
// Gateway. It knows the line of each member.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"

	"mcpauth/config"
)

// maxFile is the size of the largest file that is read.
const maxFile = 16 << 20

// A Host is what an operator's file says about the host of the plugin, beside the plugin's
// own configuration.
type Host struct {
	Kind Kind
	// FailsOpen is set if requests pass while the plugin does not run. FailsOpenLine is where.
	FailsOpen     bool
	FailsOpenLine int
	// StopsHeaders is Envoy's allow_on_headers_stop_iteration.
	StopsHeaders bool
	// Variables are the environment variables that the plugin is given.
	Variables map[string]bool
	// Clusters are the clusters of the file, nil if the file need not have all.
	Clusters map[string]Cluster
	// AfterRouter is set if the filter stands behind the router, and never runs.
	AfterRouter bool
	// InChain is set if the list of filters around the plugin's is there. Guarded is set if
	// an RBAC filter that demands the verdict header follows in it.
	InChain, Guarded bool
	// Disabled is set if the filter is disabled.
	Disabled bool
}

// A Cluster is a cluster of an Envoy configuration.
type Cluster struct {
	TLS  bool
	Line int
}

// Kind is the kind of file that a configuration was found in.
type Kind int

const (
	Plain Kind = iota
	Envoy
	WasmPlugin
	TrafficExtension
	EnvoyExtensionPolicy
)

// A Found is one configuration of the plugin.
type Found struct {
	File string
	// Name says which one of the file it is, such as "WasmPlugin mcpauth".
	Name string
	Line int
	JSON []byte
	Host Host

	root *yaml.Node // of the configuration; nil if lines are unknown
	base int        // what is added to the lines of root
}

// Config parses the configuration, as the plugin does.
func (f *Found) Config() (*config.Config, error) { return config.Parse(f.JSON) }

// ErrNone reports a file without a configuration of the plugin.
var ErrNone = errors.New("no configuration of mcpauth found: neither plain JSON with authorization_servers and resources, " +
	"nor a Wasm filter of Envoy, nor a WasmPlugin, TrafficExtension or EnvoyExtensionPolicy")

// Read returns the configurations in a file; "-" stands for standard input.
func Read(name string, stdin io.Reader) ([]*Found, error) {
	text, err := ReadFile(name, stdin)
	if err != nil {
		return nil, err
	}
	found, err := Find(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, f := range found {
		f.File = name
	}
	return found, nil
}

// ReadFile returns the text of a file; "-" stands for standard input.
func ReadFile(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return text, nil
}

// Find returns the configurations in a text. The error is [ErrNone] or says where the
// text is not YAML.
func Find(text []byte) ([]*Found, error) {
	documents, err := Documents(text)
	if err != nil {
		// The plugin's own parser says best what is wrong with JSON.
		if trimmed := bytes.TrimSpace(text); bytes.HasPrefix(trimmed, []byte("{")) {
			return []*Found{{Name: "plugin configuration", Line: 1, JSON: text}}, nil
		}
		return nil, err
	}
	var all []*Found
	for _, d := range documents {
		if isPlugin(d) {
			f := &Found{Name: "plugin configuration", Line: d.Line, JSON: text, root: d}
			if d.Style&yaml.FlowStyle == 0 || len(documents) > 1 {
				if f.JSON, err = toJSON(d); err != nil {
					return nil, err
				}
			}
			all = append(all, f)
			continue
		}
		w := walker{document: d}
		if err := w.walk(d, 0); err != nil {
			return nil, err
		}
		all = append(all, w.found...)
	}
	if len(all) == 0 {
		if len(documents) == 1 && documents[0].Kind == yaml.MappingNode && len(documents[0].Content) == 0 {
			return []*Found{{Name: "plugin configuration", Line: 1, JSON: text}}, nil
		}
		return nil, ErrNone
	}
	return all, nil
}

// Documents returns the root nodes of the documents of a YAML text.
func Documents(text []byte) ([]*yaml.Node, error) {
	var list []*yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		err := d.Decode(&node)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if len(node.Content) == 1 {
			list = append(list, node.Content[0])
		}
	}
}

// isPlugin reports whether a node is the plugin's configuration itself. Envoy's files of
// single resources have a member resources too.
func isPlugin(n *yaml.Node) bool {
	if get(n, "authorization_servers") != nil {
		return true
	}
	list := get(n, "resources")
	return list != nil && len(list.Content) > 0 && get(list.Content[0], "resource") != nil
}
