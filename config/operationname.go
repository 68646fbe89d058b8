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

// IsPlainName reports whether the name of an operation has no white space at its ends,
// which some server might trim. If prefix is set, name is the beginning of a name.
func IsPlainName(name string, prefix bool) bool {
	first, _ := utf8.DecodeRuneInString(name)
	last, _ := utf8.DecodeLastRuneInString(name)
	return !isSpace(first) && (prefix || !isSpace(last))
}

// isSpace reports whether some language trims a character: Unicode's white space and, in
// ECMAScript, the byte order mark.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r == '\uFEFF' }

// mcpMethods are the methods of all versions of MCP, with those for tasks.
const mcpMethods = " initialize ping server/discover tools/list tools/call prompts/list prompts/get" +
	" resources/list resources/templates/list resources/read resources/subscribe resources/unsubscribe" +
	" subscriptions/listen logging/setLevel completion/complete sampling/createMessage elicitation/create roots/list" +
	" tasks/list tasks/get tasks/result tasks/cancel tasks/update" +
	" notifications/initialized notifications/cancelled notifications/progress notifications/message" +
	" notifications/tools/list_changed notifications/prompts/list_changed notifications/roots/list_changed" +
	" notifications/resources/list_changed notifications/resources/updated notifications/tasks notifications/tasks/status" +
	" notifications/elicitation/complete notifications/subscriptions/acknowledged "

// suggestMethod returns the method of MCP that a pattern probably means but never
// matches, or "". The pattern has letters in another case, other characters between the
// words, the singular of a word instead of the plural or the reverse, or is the beginning
// of a method without "*". If prefix is set, text is a pattern
// without its final "*".
func suggestMethod(text string, prefix bool) string {
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

// foldMethod returns a method in lower case, with "/" for every character other than a
// letter or a digit, and without "/" at its ends. Words lose a final "s".
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

// singular returns a word without a final "s".
func singular(word []byte) []byte {
	if n := len(word) - 1; n > 0 && word[n] == 's' {
		return word[:n]
	}
	return word
}
