package config

import "strings"

// hint returns " (did you mean ...?)" if one of the candidates is near, or "".
func hint(name string, candidates []string) string {
	if guess := nearest(name, candidates); guess != "" {
		return " (did you mean " + guess + "?)"
	}
	return ""
}

// nearest returns the candidate that name was probably meant to be, or "". A
// name is near when it differs in case or separators, in one letter out of
// four but never more than two, or when it is the beginning of a candidate.
func nearest(name string, candidates []string) string {
	const longest = 256 // a longer name is no slip of the hand
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

func fold(name string) string {
	return replace(replace(strings.ToLower(name), '-', '_'), ' ', '_')
}

// replace returns s with each old byte replaced. strings.ReplaceAll
// would add 7 kB to the WebAssembly file.
func replace(s string, old, new byte) string {
	b := []byte(s)
	for i, c := range b {
		if c == old {
			b[i] = new
		}
	}
	return string(b)
}

// distance is Levenshtein's edit distance in bytes.
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
