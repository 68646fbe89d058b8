package wasmtest

import "time"

// Clock is what the guests of a [Host] see as time. It stands still until the
// test moves it, but for one microsecond that each reading of the monotonic
// clock takes: no runtime copes with a monotonic clock that never moves.
type Clock struct {
	wall      time.Time
	monotonic time.Duration
	readings  time.Duration // what reading the monotonic clock has taken
}

// Now returns the realtime clock.
func (c *Clock) Now() time.Time { return c.wall }

// Advance moves both clocks by d, which must not be negative.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic("wasmtest: Clock.Advance goes forward only: use SetWall")
	}
	c.wall = c.wall.Add(d)
	c.monotonic += d
}

// SetWall sets the realtime clock alone, as an operator or NTP does. It may go
// backwards.
func (c *Clock) SetWall(t time.Time) { c.wall = t }

func (c *Clock) readMonotonic() time.Duration {
	c.readings += time.Microsecond
	return c.monotonic + c.readings
}
