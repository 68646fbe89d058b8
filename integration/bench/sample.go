package main

import (
	"math"
	"slices"
)

// sample holds one figure, measured once in each round.
type sample []float64

// median returns the middle value, the mean of the two in the middle, or NaN of
// none.
func (s sample) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
