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

// minus returns the differences, round by round.
func (s sample) minus(other sample) sample {
	return s.each(other, func(a, b float64) float64 { return a - b })
}

// over returns the quotients, round by round.
func (s sample) over(other sample) sample {
	return s.each(other, func(a, b float64) float64 { return a / b })
}

func (s sample) each(other sample, f func(a, b float64) float64) sample {
	if len(s) != len(other) {
		return nil
	}
	var result sample
	for i := range s {
		result = append(result, f(s[i], other[i]))
	}
	return result
}
