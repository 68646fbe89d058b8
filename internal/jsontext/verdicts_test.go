package jsontext

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestVerdicts holds the reader to the verdicts of the three readers that it has
// replaced, of tokens, of bodies and of the configuration: see testdata/README.md.
func TestVerdicts(t *testing.T) {
	f, err := os.Open("testdata/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	count := 0
	for ; lines.Scan(); count++ {
		fields := strings.SplitN(lines.Text(), " ", 4)
		text, err := strconv.Unquote(fields[3])
		if err != nil {
			t.Fatalf("line %d: %v", count+1, err)
		}
		for i, got := range verdicts(text) {
			if got != fields[i] {
				t.Errorf("line %d, %s: %s, want %s", count+1, fields[3], got, fields[i])
			}
		}
	}
	if err := lines.Err(); err != nil || count < 1000 {
		t.Fatalf("%d lines, %v", count, err)
	}
}

// verdicts returns what becomes of text as the header or payload of a token, as a
// body and as a configuration document.
func verdicts(text string) [3]string {
	token := &Reader{}
	token.Reset([]byte(text), Options{MaxDepth: 32, MaxMembers: 256, UniqueDepth: 32})
	if token.Kind() == Object {
		token.Skip()
	} else {
		token.BeginObject()
	}
	token.End()
	body := skip(text, Options{MaxDepth: 512, AllowLoneSurrogates: true})
	document := skip(text, Options{MaxDepth: 32})

	names := [...]string{
		"ok", "unexpected", "trailing", "control", "escape", "surrogate", "utf8", "depth", "members", "duplicate",
	}
	result := [3]string{"syntax", "syntax", names[document.Fault()]}
	switch token.Fault() {
	case None, DuplicateName:
		result[0] = names[token.Fault()]
	case TooDeep, TooManyMembers:
		result[0] = "bounds"
	}
	if f := body.Fault(); f == None || f == TooDeep {
		result[1] = names[f]
	}
	if document.Fault() != None {
		result[2] += fmt.Sprint("@", document.Offset())
	}
	return result
}
