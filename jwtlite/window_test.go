package jwtlite

import (
	"testing"
	"time"
)

// A Window holds no second in which the checks of its policy fail, and all but
// the first of those in which they pass.
func TestWindowAgreesWithTheChecks(t *testing.T) {
	const issued, notBefore, expires = 1_700_000_000, 1_700_000_010, 1_700_000_300
	claims := Claims{
		Issuer: "i", Subject: "s", audiences: []string{"a"},
		Expires:   NumericDate{Set: true, sec: expires},
		NotBefore: NumericDate{Set: true, sec: notBefore},
		IssuedAt:  NumericDate{Set: true, sec: issued},
	}
	for _, skew := range []time.Duration{-time.Second, 0, time.Second, time.Minute} {
		p := Policy{Issuer: "i", Audiences: []string{"a"}, ClockSkew: skew}
		w := p.Window(&claims)
		first := true
		for s := int64(issued - 100); s < expires+100; s++ {
			now := time.Unix(s, 0)
			accepted := p.check(&claims, &now, false) == nil
			if got := w.Contains(now); got && !accepted || accepted && !got && !first {
				t.Errorf("skew %v, second %d: in the window %v, accepted %v", skew, s, got, accepted)
			}
			first = first && !accepted
		}
	}
}

func TestWindowWithoutExpiry(t *testing.T) {
	p := Policy{}
	w := p.Window(&Claims{})
	if !w.Contains(time.Unix(1<<40, 0)) {
		t.Error("the window ends")
	}
	now := time.Unix(1000, 500)
	w = w.Clip(now, now.Add(5*time.Second))
	for s, want := range map[int64]bool{999: false, 1000: true, 1004: true, 1005: false} {
		if got := w.Contains(time.Unix(s, 0)); got != want {
			t.Errorf("second %d: %v", s, got)
		}
	}
	if w.Empty() || !w.Clip(now, now).Empty() || !(Window{}).Empty() {
		t.Error("Empty is wrong")
	}
}
