package operation

import (
	"strings"
)

// patterns are the patterns of rules and what they say, in ascending order of the texts. A prefix stands before the exact pattern of the same text.
type patterns []pattern

type pattern struct {
	text   string // without the "*" of a prefix
	prefix bool
	parent int // the index of the longest prefix that text begins with, -1 if there is none
	need   need
}

// A need is what an operation needs beside what the resource requires for everything. A
// public operation needs nothing at all, not even a token.
type need struct {
	Set
	public bool
}

// search returns the number of patterns whose text is at most s.
func (p patterns) search(s string) int {
	low, high := 0, len(p)
	for low < high {
		if m := (low + high) / 2; p[m].text <= s {
			low = m + 1
		} else {
			high = m
		}
	}
	return low
}

// insert adds a pattern with what it needs.
func (p *patterns) insert(text string, n need) {
	text, prefix := strings.CutSuffix(text, "*")
	list := *p
	i := list.search(text)
	if prefix && i > 0 && list[i-1].text == text {
		i--
	}
	// slices.Insert would take 7 kB of the built file.
	list = append(list, pattern{})
	copy(list[i+1:], list[i:])
	list[i] = pattern{text, prefix, -1, n}
	*p = list
}

// link sets the parents. Every text between a prefix and a text that begins with the
// prefix begins with it too. The parents of a pattern are therefore all the prefixes of
// its text, the longest first.
func (p patterns) link() {
	for i := 1; i < len(p); i++ {
		parent := i - 1
		for parent >= 0 && !(p[parent].prefix && strings.HasPrefix(p[i].text, p[parent].text)) {
			parent = p[parent].parent
		}
		p[i].parent = parent
	}
}

// need returns what the most specific pattern that matches s needs: the exact one, or
// else the longest prefix.
func (p patterns) need(s string) need {
	for i := p.search(s) - 1; i >= 0; i = p[i].parent {
		if e := &p[i]; e.text == s || e.prefix && strings.HasPrefix(s, e.text) {
			return e.need
		}
	}
	return need{}
}
