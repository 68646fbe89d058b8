package jwtlite

import "testing"

// Prepare prepares the first ES256 keys of a set, and no RS256 key.
func TestPrepare(t *testing.T) {
	s := testSigners()
	r, e := s.set.keys[0], s.set.keys[1]
	var keys []*Key
	for range 2 * maxPrepared {
		k, err := parseSPKI(e.SPKI())
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, r, k)
	}
	set := &KeySet{keys}
	Software{}.Prepare(set)
	Software{}.Prepare(set) // changes nothing
	count := 0
	signature := s.sign(ES256, "x")
	for i, k := range keys {
		if k.p256 != nil && k.p256.Prepared() {
			count++
			if i > 2*maxPrepared || k.p256 == nil {
				t.Errorf("key %d is prepared", i)
			}
		}
		if (Software{}.Verify(k, first(k), "x", signature) == nil) != (k.p256 != nil) {
			t.Errorf("key %d", i)
		}
	}
	if count != maxPrepared {
		t.Errorf("%d keys are prepared", count)
	}
}

// Prepare may run while other goroutines verify with the key.
func TestPrepareWhileVerifying(t *testing.T) {
	s := testSigners()
	key, err := parseSPKI(s.set.keys[1].SPKI())
	if err != nil {
		t.Fatal(err)
	}
	signature := s.sign(ES256, "x")
	done := make(chan error)
	for i := range 4 {
		go func() {
			if i%2 == 0 {
				Software{}.Prepare(&KeySet{[]*Key{key}})
			}
			done <- Software{}.Verify(key, first(key), "x", signature)
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
