package config

import "strings"

// hint returns " (did you mean ...?)" with the candidate nearest to name, or "".
func hint(name string, candidates []string) string {
	if guess := nearest(name, candidates); guess != "" {
		return " (did you mean " + guess + "?)"
	}
	return ""
}

// nearest returns the candidate that name probably means, or "". A candidate is near
// if it differs from name in case, in separators, or in one letter out of four but at
// most two, or if it begins with name.
func nearest(name string, candidates []string) string {
	const longest = 256 // a longer name is no typing error
	if len(name) > longest {
		return ""
	}
	name = fold(name)
	best, guess := min(len(name)/4, 2)+1, ""
	for _, candidate := range candidates {
		if d := distance(name, fold(candidate)); d < best {
			best, guess = d, candidate
		}
	}
	if guess != "" || len(name) < 4 {
		return guess
	}
	for _, candidate := range candidates {
		if strings.HasPrefix(candidate, name) {
			return candidate
		}
	}
	return ""
}

// fold removes differences of case and separators.
func fold(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(name), "-", "_"), " ", "_")
}

// distance returns the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 0; i < len(a); i++ {
		diagonal := row[0]
		row[0] = i + 1
		for j := 0; j < len(b); j++ {
			next := min(row[j+1], row[j]) + 1
			if a[i] == b[j] {
				next = min(next, diagonal)
			} else {
				next = min(next, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
