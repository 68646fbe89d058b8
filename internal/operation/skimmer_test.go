package operation

import (
	"strings"
	"testing"
)

// read returns the lists of a body, by a Scanner that reads all of it.
func read(body string) (methods, targets string, fault Fault) {
	s := Scanner{Trail: &Trail{}}
	fault = s.Read([]byte(body))
	return string(s.Trail.Methods()), string(s.Trail.Targets()), fault
}

// skim returns the same by a Skimmer and a Scanner, for a body in pieces of this size.
func skim(body string, size int) (methods, targets string, fault Fault, kept int) {
	var s Skimmer
	for more := true; more && body != ""; {
		n := min(size, len(body))
		more = s.Write([]byte(body[:n]))
		body = body[n:]
	}
	b, fault := s.Kept()
	if fault != "" {
		return "", "", fault, len(b)
	}
	methods, targets, fault = read(string(b))
	return methods, targets, fault, len(b)
}

var skimmed = []struct {
	name, body       string
	methods, targets string
	fault            Fault
}{
	{"a call", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}}`, "tools/call", "a", ""},
	{"arguments first", `{"params":{"arguments":{"x":[{"y":"\"}"}]},"name":"a"},"method":"tools/call"}`, "tools/call", "a", ""},
	{"escapes", `{"\u006dethod":"tools\/call","params":{"n\u0061me":"\u0061"}}`, "tools/call", "a", ""},
	{"numbers", `{"method":"ping","params":{"a":[-1.5E+3,null,true]}}`, "ping", "", ""},
	{"a URI", `{"method":"resources/read","params":{"uri":"note:///1","name":"x"}}`, "resources/read", "note:///1", ""},
	{"params in an array", `{"method":"ping","params":["name",{"name":"x"}]}`, "ping", "", ""},
	{"a batch", `[{"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}},{"id":1,"result":{"a":{"b":1}}},{"method":"ping"}]`, "tools/call - ping", "a - -", ""},
	{"a batch of one", `[{"method":"ping"}]`, "ping", "", ""},
	{"a batch of responses", `[{"id":1,"result":{}},{"id":2,"result":{}}]`, "", "", ""},
	{"two names", `{"method":"tools/call","params":{"name":"a","arguments":{},"name":"b"}}`, "", "", FaultAmbiguous},
	{"two methods", `{"method":"a","params":{"x":{}},"method":"b"}`, "", "", FaultAmbiguous},
	{"__proto__", `{"method":"a","params":{"__proto__":{"name":"b"}}}`, "", "", FaultAmbiguous},
	{"an array of arrays", `[[{"method":"a"}]]`, "", "", FaultMessage},
	{"an empty batch", `[]`, "", "", FaultMessage},
	{"a text", `"method"`, "", "", FaultMessage},
	{"nothing but white space", "  ", "", "", FaultMessage},
	{"two values", `{"method":"a"} {"method":"b"}`, "", "", FaultSyntax},
	{"two numbers", `{"method":"a","x":1 2}`, "", "", FaultSyntax},
	{"more at the end", `{"method":"a"}}`, "", "", FaultSyntax},
	{"a bracket too many", `]{"method":"a"}`, "", "", FaultMessage},
	{"other quotes", `{"method":"a","params":{"x":{'"':1},"name":"b","y":{'"':1}}}`, "", "", FaultSyntax},
	{"comments", `{"method":"a","params":{"x":{/*"*/},"name":"b","y":{/*"*/}}}`, "", "", FaultSyntax},
	{"a comment", "{\"method\":\"a\",\"params\":{\"x\":{# \"\n}}}", "", "", FaultSyntax},
	{"a line break in a string", "{\"method\":\"a\",\"params\":{\"x\":{\"y\":\"\n\"}}}", "", "", FaultSyntax},
	{"a byte order mark", "\ufeff{\"method\":\"a\"}", "", "", FaultSyntax},
	{"too deep for most", `{"method":"a","params":{"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}}`, "a", "", ""},
	{"a long text", `{"method":"a","params":{"x":"` + strings.Repeat("y", maxKept) + `"}}`, "", "", FaultSize},
	{"many members", `{"method":"a"` + strings.Repeat(`,"x":1`, maxKept/6) + `}`, "", "", FaultSize},
}

func TestSkimmer(t *testing.T) {
	for _, tt := range skimmed {
		for _, size := range []int{1, 2, 3, 16, 1 << 20} {
			methods, targets, fault, kept := skim(tt.body, size)
			if methods != tt.methods || targets != tt.targets || fault != tt.fault {
				t.Errorf("%s, pieces of %d: %q, %q, %q", tt.name, size, methods, targets, fault)
			}
			if kept > maxKept {
				t.Errorf("%s: %d bytes are kept", tt.name, kept)
			}
		}
	}
}

// What is deeper takes no memory.
func TestSkimmerKeepsLittle(t *testing.T) {
	body := `{"method":"tools/call","params":{"arguments":{"text":"` + strings.Repeat("x", 1<<20) + `","list":[` + strings.Repeat(`{"a":1},`, 1<<17) + `1]},"name":"a"}}`
	if _, targets, fault, kept := skim(body, 1000); targets != "a" || fault != "" || kept > 100 {
		t.Errorf("%q, %q, %d bytes kept", targets, fault, kept)
	}
}

// FuzzSkimmer: a Skimmer and a Scanner say what the Scanner says of the whole body, for
// any pieces. What they do not look at may be no JSON, or be too deep.
func FuzzSkimmer(f *testing.F) {
	for _, tt := range skimmed {
		if len(tt.body) < 1000 {
			f.Add(tt.body, 3)
		}
	}
	f.Fuzz(func(t *testing.T, body string, size int) {
		if size < 1 || len(body) > 4096 {
			return
		}
		methods, targets, fault := read(body)
		m, tg, ft, _ := skim(body, size)
		if m1, tg1, ft1, _ := skim(body, len(body)+1); m1 != m || tg1 != tg || ft1 != ft {
			t.Errorf("by pieces: %q, %q, %q; at once: %q, %q, %q", m, tg, ft, m1, tg1, ft1)
		}
		if ft == "" && fault != "" && fault != FaultSyntax && fault != FaultDepth {
			t.Errorf("the body is refused with %q, and read as %q, %q", fault, m, tg)
		}
		if fault == "" && (ft != "" || m != methods || tg != targets) {
			t.Errorf("%q, %q, %q, want %q, %q", m, tg, ft, methods, targets)
		}
		for _, list := range []string{m, tg} {
			for _, c := range []byte(list) {
				if c < ' ' || c > '~' || strings.IndexByte("\"\\',;|<>`(){}[]", c) >= 0 {
					t.Errorf("%q is in the list %q", c, list)
				}
			}
		}
	})
}

// An element says what it stands for, and nothing in it ends it.
func TestTrail(t *testing.T) {
	for name, want := range map[string]string{
		"a b": "a%20b", "%": "%25", "*": "%2A", "-": "%2D", "--": "--", "": "-", "é": "%C3%A9", "\xff": "%FF", `"`: "%22",
		strings.Repeat("a", maxElement) + "b": strings.Repeat("a", maxElement) + "*",
	} {
		var trail Trail
		trail.Add(&Operation{Method: "tools/call", HasMethod: true, Name: name, HasName: true})
		if got := string(trail.Targets()); got != want || string(trail.Methods()) != "tools/call" {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		trail.Reset()
		if len(trail.Methods()) > 0 || len(trail.Targets()) > 0 {
			t.Errorf("after Reset: %q, %q", trail.Methods(), trail.Targets())
		}
	}
	var trail Trail
	for range 100_000 {
		trail.Add(&Operation{Method: strings.Repeat("é", 300), HasMethod: true})
	}
	if n := len(trail.Methods()); n > maxList+4*maxElement || !strings.HasSuffix(string(trail.Methods()), " *") || len(trail.targets) > maxList {
		t.Errorf("%d bytes of methods, %d of targets", n, len(trail.targets))
	}
}
