package config

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	faultSpace  = "must not have white space at its ends: the gateway refuses such names"
	faultMethod = "can never match: MCP has the method "
)

// IsPlainName reports whether a name of an operation is one that no server trims:
// with no white space at its ends. With prefix it is about a text that a name
// begins with.
func IsPlainName(name string, prefix bool) bool {
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	return !isSpace(first) && (prefix || !isSpace(last))
}

// isSpace reports whether some language trims a character off: ECMAScript has
// the byte order mark beside Unicode's white space.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' }

// The methods of all versions of MCP, tasks included.
const mcpMethods = " initialize ping server/discover tools/list tools/call prompts/list prompts/get" +
	" resources/list resources/templates/list resources/read resources/subscribe resources/unsubscribe" +
	" subscriptions/listen logging/setLevel completion/complete sampling/createMessage elicitation/create roots/list" +
	" tasks/list tasks/get tasks/result tasks/cancel tasks/update" +
	" notifications/initialized notifications/cancelled notifications/progress notifications/message" +
	" notifications/tools/list_changed notifications/prompts/list_changed notifications/roots/list_changed" +
	" notifications/resources/list_changed notifications/resources/updated notifications/tasks notifications/tasks/status" +
	" notifications/elicitation/complete notifications/subscriptions/acknowledged "

// misspelledMethod returns the method of MCP that a pattern means but never
// matches, since its letters are in another case, its words are joined by another
// character than MCP has there, a word is in the singular or the plural where MCP
// has the other, or it is a beginning of the method without "*"; empty if there is none. With prefix it is about a text that methods begin with.
func misspelledMethod(text string, prefix bool) string {
	found := ""
	for rest := mcpMethods; ; {
		var method string
		if method, rest, _ = strings.Cut(rest[1:], " "); rest == "" {
			return found
		}
		rest = " " + rest
		start := method
		if prefix && len(start) > len(text) {
			start = start[:len(text)]
		}
		switch folded := foldMethod(text); {
		case start == text:
			return ""
		case found != "":
		case foldMethod(start) == folded, !prefix && strings.HasPrefix(foldMethod(method), folded+"/"):
			found = method
		}
	}
}

// foldMethod returns a method in lower case, with "/" for every character of it
// that is no letter and no digit, and none at its ends. Words lose an "s" at
// their end.
func foldMethod(method string) string {
	var b []byte
	for i := 0; i < len(method); i++ {
		c := lower(method[i])
		if isAlpha(c) || isDigit(c) {
			b = append(b, c)
			continue
		}
		b = append(singular(b), '/')
	}
	return strings.Trim(string(singular(b)), "/")
}

func singular(word []byte) []byte {
	if n := len(word) - 1; n > 0 && word[n] == 's' {
		return word[:n]
	}
	return word
}
