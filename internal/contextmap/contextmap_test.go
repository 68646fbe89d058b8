package contextmap

import (
	"math/rand/v2"
	"testing"
)

// check compares a map with one of Go's, for all IDs up to last.
func check(t *testing.T, m *Map[int], want map[uint32]int, last uint32) {
	t.Helper()
	if m.len != len(want) {
		t.Fatalf("%d contexts, want %d", m.len, len(want))
	}
	for id := uint32(1); id <= last; id++ {
		if got := m.Get(id); got != want[id] {
			t.Fatalf("context %d: %d, want %d", id, got, want[id])
		}
	}
}

// Contexts come with rising IDs and go in any order; some stay for long.
func TestContextsComeAndGo(t *testing.T) {
	var m Map[int]
	check(t, &m, nil, 10)
	m.Delete(1)
	random := rand.New(rand.NewPCG(1, 2))
	want := map[uint32]int{}
	var open []uint32
	for id := uint32(1); id <= 20_000; id++ {
		m.Put(id, int(id)*3)
		want[id] = int(id) * 3
		open = append(open, id)
		for len(open) > 0 && random.IntN(100) < 49+len(open)/20 {
			i := random.IntN(len(open))
			m.Delete(open[i])
			delete(want, open[i])
			open[i] = open[len(open)-1]
			open = open[:len(open)-1]
		}
		if id%1000 == 0 {
			check(t, &m, want, id)
		}
	}
	for _, id := range open {
		m.Delete(id)
	}
	check(t, &m, nil, 20_000)
}

func TestPutReplaces(t *testing.T) {
	var m Map[int]
	m.Put(7, 1)
	m.Put(7, 2)
	check(t, &m, map[uint32]int{7: 2}, 10)
}

// The table does not grow with the number of all contexts, only with that of the open ones.
func TestTableIsBounded(t *testing.T) {
	var m Map[int]
	for id := uint32(1); id < 1_000_000; id++ {
		m.Put(id, 1)
		if id > 30 {
			m.Delete(id - 30)
		}
	}
	if len(m.entries) != minEntries {
		t.Errorf("%d entries for 30 contexts", len(m.entries))
	}
}

// A client that keeps chosen streams open cannot make the probing long: of the open
// contexts here, all are the same modulo every size of the table.
func TestChosenContextsAreSpread(t *testing.T) {
	var m Map[int]
	const n = 1000
	for i := uint32(1); i <= n; i++ {
		m.Put(i<<12, 1)
	}
	longest, run := 0, 0
	for _, e := range m.entries {
		if run++; e.id == 0 {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest > 64 {
		t.Errorf("%d entries in one run", longest)
	}
}

func FuzzMap(f *testing.F) {
	f.Add([]byte{1, 2, 3, 129, 2, 130})
	f.Fuzz(func(t *testing.T, operations []byte) {
		var m Map[int]
		want := map[uint32]int{}
		for i, o := range operations {
			id := uint32(o&0x7f) + 1
			if o&0x80 == 0 {
				m.Put(id, i+1)
				want[id] = i + 1
			} else {
				m.Delete(id)
				delete(want, id)
			}
		}
		check(t, &m, want, 128)
	})
}
