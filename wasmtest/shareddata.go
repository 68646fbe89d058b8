package wasmtest

import "slices"

// SharedData is the map that all VMs of a host share, with the rules of
// proxy-wasm-cpp-host's shared_data.cc: a cas of 0 writes unconditionally, and
// so does any cas while the key is absent.
type SharedData struct {
	entries map[string]sharedEntry
	lastCas uint32
	writes  int
}

type sharedEntry struct {
	value []byte
	cas   uint32
}

func newSharedData() *SharedData { return &SharedData{entries: map[string]sharedEntry{}} }

// Get returns the value of key and its cas; cas is 0 if there is none.
func (d *SharedData) Get(key string) (value []byte, cas uint32) {
	e := d.entries[key]
	return slices.Clone(e.value), e.cas
}

// Set writes value under key as proxy_set_shared_data does and returns OK or
// CasMismatch.
func (d *SharedData) Set(key string, value []byte, cas uint32) Status {
	if e, ok := d.entries[key]; ok && cas != 0 && cas != e.cas {
		return CasMismatch
	}
	d.lastCas++
	d.writes++
	d.entries[key] = sharedEntry{slices.Clone(value), d.lastCas}
	return OK
}

// Keys returns the names of all entries, sorted.
func (d *SharedData) Keys() []string {
	keys := make([]string, 0, len(d.entries))
	for k := range d.entries {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Writes returns how often an entry was written so far.
func (d *SharedData) Writes() int { return d.writes }
