package wasmtest

import "time"

// Clock is the time that the guests of a [Host] see. Only the test moves it, except that
// each reading of the monotonic clock takes one microsecond: no runtime copes with a
// monotonic clock that stands still.
type Clock struct {
	wall      time.Time
	monotonic time.Duration
	readings  time.Duration // time that readings of the monotonic clock took
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
