package config

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"mcpauth/internal/jsontext"
)

// maxDepth is the number of arrays and objects that may lie in each other. The
// known members need eight; further metadata members may add their own.
const maxDepth = 32

// checkSyntax returns why doc is not a JSON text that every parser reads alike,
// with line and column, or "". The lenient gjson may read a text that has passed.
// Duplicate names are found later, where errors have paths.
func checkSyntax(doc string) string {
	var r jsontext.Reader
	r.ResetString(doc, jsontext.Options{MaxDepth: maxDepth})
	r.Skip()
	if r.End() {
		return ""
	}
	before := doc[:r.Offset()]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return "must be a JSON text: " + describe(r.Fault(), len(before) == len(doc)) +
		" at line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

func describe(fault jsontext.Fault, atEnd bool) string {
	switch fault {
	case jsontext.TrailingText:
		return "unexpected text after the end"
	case jsontext.ControlCharacter:
		return "unescaped control character in a string"
	case jsontext.InvalidEscape:
		return "invalid escape in a string"
	case jsontext.LoneSurrogate:
		return "half a surrogate pair in a string"
	case jsontext.InvalidUTF8:
		return "invalid UTF-8"
	case jsontext.TooDeep:
		return "nested deeper than " + strconv.Itoa(maxDepth) + " levels"
	}
	if atEnd {
		return "unexpected end"
	}
	return "unexpected character"
}
