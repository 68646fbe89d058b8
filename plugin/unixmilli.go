package main

import "time"

// unixMilli is a time in milliseconds since the Unix epoch. The contexts hold times
// of this type, since a time.Time in a struct that is reachable from an interface
// links the formatting of times: 72 kB.
type unixMilli int64

func toUnixMilli(t time.Time) unixMilli { return unixMilli(t.UnixMilli()) }

// sub returns the duration from u to t.
func (t unixMilli) sub(u unixMilli) time.Duration { return time.Duration(t-u) * time.Millisecond }
