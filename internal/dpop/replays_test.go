package dpop

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mcpauth/internal/callout"
	"mcpauth/jwtlite"
)

// sharedData is shared data as Envoy has it: an absent key is written whatever the number.
type sharedData struct {
	mu     sync.Mutex
	values map[string][]byte
	cas    map[string]uint32
	last   uint32
	before func(name string) // called before each Store
}

func newData() *sharedData {
	return &sharedData{values: map[string][]byte{}, cas: map[string]uint32{}}
}

func (d *sharedData) Load(name string) ([]byte, uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.values[name]), d.cas[name]
}

func (d *sharedData) Store(name string, value []byte, cas uint32) bool {
	if d.before != nil {
		d.before(name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if have := d.cas[name]; have != 0 && cas != 0 && have != cas {
		return false
	}
	d.last++
	d.values[name], d.cas[name] = slices.Clone(value), d.last
	return true
}

func parsed(t testing.TB, proof string) *jwtlite.Proof {
	p := &jwtlite.Proof{}
	if err := p.Parse(proof, []jwtlite.Algorithm{jwtlite.ES256}); err != nil {
		t.Fatal(err)
	}
	return p
}

// A proof passes once, in whichever worker. Another key may use the same jti.
func TestReplay(t *testing.T) {
	data := newData()
	one, two := NewReplays(data), NewReplays(data)
	s, other := newSigner(t), newSigner(t)
	proof := parsed(t, s.proof(nil))
	if err := one.Spend(proof, now); err != nil {
		t.Fatal(err)
	}
	for _, worker := range []*Replays{one, two, NewReplays(data)} {
		if err := worker.Spend(proof, now); err != ErrReplayed || !errors.Is(err, jwtlite.ErrProof) {
			t.Error(err)
		}
		// The jti counts, whatever else a proof with the same key says.
		if err := worker.Spend(parsed(t, s.proof(map[string]any{"iat": int64(now)/1000 + 1, "htm": "GET"})), now); err != ErrReplayed {
			t.Error(err)
		}
	}
	for name, p := range map[string]*jwtlite.Proof{"other key": parsed(t, other.proof(nil)), "other jti": parsed(t, s.proof(map[string]any{"jti": "id-2"}))} {
		if err := two.Spend(p, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Until the last request with the proof can be accepted, it is remembered, and later its
	// room is free.
	name := bucketOf(one, proof)
	for _, c := range []struct {
		after time.Duration
		want  int // entries
	}{{maxAge + MaxHeld, 2}, {maxAge + MaxHeld + 2*time.Second, 2}} {
		filler := s.inBucket(t, one, name, now.Add(c.after))
		if err := two.Spend(filler, now.Add(c.after)); err != nil {
			t.Error(err)
		}
		if got := len(data.values[name]) / entrySize; got != c.want {
			t.Errorf("%d entries %v later, want %d", got, c.after, c.want)
		}
		if err := two.Spend(proof, now.Add(c.after)); c.after == maxAge+MaxHeld && err != ErrReplayed {
			t.Errorf("%v when a request that was held may still be decided on", err)
		}
	}
}

// inBucket returns a proof whose bucket is that of the name.
func (s signer) inBucket(t *testing.T, r *Replays, name string, at callout.UnixMilli) *jwtlite.Proof {
	p := parsed(t, s.proof(map[string]any{"iat": int64(at) / 1000}))
	for i := 0; ; i++ {
		if p.ID = strconv.Itoa(int(at)) + "-" + strconv.Itoa(i); bucketOf(r, p) == name {
			return p
		}
	}
}

// names returns the names of the buckets in data.
func names(d *sharedData) (list []string) {
	for name := range d.values {
		if strings.HasPrefix(name, bucketKey) {
			list = append(list, name)
		}
	}
	return list
}

// bucketOf returns the name of the bucket of a proof.
func bucketOf(r *Replays, p *jwtlite.Proof) string {
	d := newData()
	_ = (&Replays{data: d, seed: r.seed}).Spend(p, now)
	return names(d)[0]
}

// Of many workers with the same proof at the same time, one accepts it. The same holds at
// the very first proof, when the workers choose the seed.
func TestConcurrentReplay(t *testing.T) {
	s := newSigner(t)
	for range 50 {
		data := newData()
		proof := s.proof(nil)
		var wg sync.WaitGroup
		results := make([]error, 8)
		start := make(chan struct{})
		for i := range results {
			worker, p := NewReplays(data), parsed(t, proof)
			wg.Add(1)
			go func() {
				defer wg.Done()
				<-start
				results[i] = worker.Spend(p, now)
			}()
		}
		close(start)
		wg.Wait()
		accepted := 0
		for _, err := range results {
			if err == nil {
				accepted++
			} else if err != ErrReplayed {
				t.Error(err)
			}
		}
		if accepted != 1 {
			t.Fatalf("%d accepted it", accepted)
		}
	}
}

// Another worker writes between the two calls of the host. At the seed, the one that was
// there first stays.
func TestConflicts(t *testing.T) {
	s := newSigner(t)
	data := newData()
	rival := NewReplays(data)
	busy := false
	data.before = func(name string) {
		if busy {
			return
		}
		busy = true
		defer func() { busy = false }()
		if err := rival.Spend(parsed(t, s.proof(nil)), now); err != nil && err != ErrReplayed {
			t.Error(err)
		}
	}
	mine := NewReplays(data)
	if err := mine.Spend(parsed(t, s.proof(nil)), now); err != ErrReplayed {
		t.Errorf("%v, though the other worker was first", err)
	}
	if !bytes.Equal(mine.seed, rival.seed) || len(mine.seed) != seedSize {
		t.Error("the seeds differ")
	}
	// If others write again and again, the proof does not pass.
	data = newData()
	writes := 0
	data.before = func(name string) {
		if strings.HasPrefix(name, bucketKey) {
			writes++
			data.mu.Lock()
			data.last++
			data.cas[name] = data.last
			data.mu.Unlock()
		}
	}
	if err := NewReplays(data).Spend(parsed(t, s.proof(nil)), now); err != ErrFull || writes != 8 {
		t.Errorf("%v after %d attempts", err, writes)
	}
}

// The store has a bound: see also the tests of package once.
func TestBound(t *testing.T) {
	if buckets*maxEntries*entrySize != 8<<20 {
		t.Errorf("the store takes %d bytes", buckets*maxEntries*entrySize)
	}
}

// A store that does not work lets nothing through.
func TestBrokenStore(t *testing.T) {
	p := parsed(t, newSigner(t).proof(nil))
	if err := NewReplays(broken{}).Spend(p, now); err != ErrFull {
		t.Errorf("no store: %v", err)
	}
	data := newData()
	data.Store(seedKey, []byte("garbage"), 0)
	if err := NewReplays(data).Spend(p, now); err != ErrFull {
		t.Errorf("a foreign seed: %v", err)
	}
}

type broken struct{}

func (broken) Load(string) ([]byte, uint32)      { return nil, 0 }
func (broken) Store(string, []byte, uint32) bool { return false }

// Proofs spread over all buckets, and the seed of each process is another.
func TestSpread(t *testing.T) {
	s := newSigner(t)
	data := newData()
	store := NewReplays(data)
	p := parsed(t, s.proof(nil))
	const n = 40_000
	for i := range n {
		p.ID = strconv.Itoa(i)
		if err := store.Spend(p, now); err != nil {
			t.Fatal(err)
		}
	}
	largest := 0
	for _, name := range names(data) {
		largest = max(largest, len(data.values[name])/entrySize)
	}
	if count := len(names(data)); count < buckets*99/100 || count > buckets || largest > 40 {
		t.Errorf("%d buckets, the largest has %d of %d entries", count, largest, n)
	}
	if bytes.Equal(newSeed(), newSeed()) {
		t.Error("two seeds are equal")
	}
}

func BenchmarkSpend(b *testing.B) {
	data := newData()
	store := NewReplays(data)
	p := parsed(b, newSigner(b).proof(nil))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.ID = strconv.Itoa(i % 100_000)
		_ = store.Spend(p, now)
	}
}
