package main

import (
	"encoding/binary"
	"fmt"
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

// removeExports takes the exports of these names out.
func (m *module) removeExports(names map[string]bool) error {
	s, err := m.section(sectionExport)
	if err != nil {
		return err
	}
	r := reader{s.body}
	count := r.unsigned()
	var kept uint64
	var body []byte
	for range count {
		entry := r.rest
		name, err := r.take(r.unsigned())
		if err != nil {
			return err
		}
		r.unsigned() // its kind
		r.unsigned() // its index
		if r.err() != nil {
			return r.err()
		}
		if names[string(name)] {
			continue
		}
		kept++
		body = append(body, entry[:len(entry)-len(r.rest)]...)
	}
	if count-kept < uint64(len(names)) {
		return fmt.Errorf("%d of %d callbacks to leave out are exported", count-kept, len(names))
	}
	s.body = append(binary.AppendUvarint(nil, kept), body...)
	return nil
}
