package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// unused are callbacks that the SDK exports and that the plugin does not
// implement, or that do nothing for it. A host enters the module for each
// callback that is exported, several times a request; for one that is not, it
// does what the SDK would have told it to do: it goes on.
var unused = map[string]bool{
	// Of TCP filters and queues.
	"proxy_on_new_connection":              true,
	"proxy_on_downstream_data":             true,
	"proxy_on_downstream_connection_close": true,
	"proxy_on_upstream_data":               true,
	"proxy_on_upstream_connection_close":   true,
	"proxy_on_queue_ready":                 true,
}

// ownPrefix begins the names of the callbacks that the plugin has in place of the SDK's,
// whose names begin with sdkPrefix.
const ownPrefix, sdkPrefix = "mcpauth_on_", "proxy_on_"

// replaceExports gives the plugin's own callbacks the names of the SDK's, and takes the
// exports of the latter out.
func (m *module) replaceExports() error {
	s, err := m.section(sectionExport)
	if err != nil {
		return err
	}
	entries, err := exports(s.body)
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.name, ownPrefix); ok {
			own[sdkPrefix+rest] = true
		}
	}
	var kept []export
	for _, e := range entries {
		if own[e.name] {
			delete(own, e.name)
			continue
		}
		if rest, ok := strings.CutPrefix(e.name, ownPrefix); ok {
			e.name = sdkPrefix + rest
		}
		kept = append(kept, e)
	}
	if len(own) > 0 {
		return fmt.Errorf("the SDK exports none of %v", slices.Sorted(maps.Keys(own)))
	}
	s.body = encodeExports(kept)
	return nil
}

// An export is an entry of the export section.
type export struct {
	name string
	item []byte // its kind and its index
}

func exports(body []byte) ([]export, error) {
	r := reader{body}
	var all []export
	for range r.unsigned() {
		name, err := r.take(r.unsigned())
		if err != nil {
			return nil, err
		}
		item := r.rest
		r.unsigned() // its kind
		r.unsigned() // its index
		if r.err() != nil {
			return nil, r.err()
		}
		all = append(all, export{string(name), item[:len(item)-len(r.rest)]})
	}
	return all, nil
}

func encodeExports(all []export) []byte {
	body := binary.AppendUvarint(nil, uint64(len(all)))
	for _, e := range all {
		body = append(binary.AppendUvarint(body, uint64(len(e.name))), e.name...)
		body = append(body, e.item...)
	}
	return body
}

// removeExports takes the exports of these names out.
func (m *module) removeExports(names map[string]bool) error {
	s, err := m.section(sectionExport)
	if err != nil {
		return err
	}
	all, err := exports(s.body)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(e export) bool { return names[e.name] })
	if n := len(all) - len(kept); n < len(names) {
		return fmt.Errorf("%d of %d callbacks to leave out are exported", n, len(names))
	}
	s.body = encodeExports(kept)
	return nil
}
