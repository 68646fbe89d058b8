package jwtlite

import (
	"math"
	"time"
)

// A Window is a span of time in whole seconds. It includes its beginning and
// excludes its end. The zero Window is empty.
type Window struct{ begin, end int64 } // Unix seconds

// Contains reports whether now is in w.
func (w Window) Contains(now time.Time) bool {
	t := now.Unix()
	return w.begin <= t && t < w.end
}

// Empty reports whether w contains no time.
func (w Window) Empty() bool { return w.begin >= w.end }

// Clip returns the part of w from begin to before end, both rounded down to the
// second.
func (w Window) Clip(begin, end time.Time) Window {
	return Window{max(w.begin, begin.Unix()), min(w.end, end.Unix())}
}

// Window returns the time in which claims that p has accepted pass all checks of p
// that depend on the time. It may be a second shorter than the checks allow: outside
// the Window the caller must check the claims again. Without "exp", the Window has no
// end.
func (p *Policy) Window(c *Claims) Window {
	skew := int64(p.skew() / time.Second)
	w := Window{max(c.NotBefore.Unix(), c.IssuedAt.Unix()) + 1 - skew, math.MaxInt64}
	if c.Expires.Set {
		w.end = c.Expires.Unix() + skew
	}
	return w
}

// skew is the allowed difference between the clocks, on which every check of a
// time and every Window depend.
func (p *Policy) skew() time.Duration { return max(p.ClockSkew, 0) }
