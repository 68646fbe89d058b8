package jwtlite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"mcpauth/internal/jsontext"
)

// jsonSeeds are the texts from which tests and fuzzing start.
var jsonSeeds = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":[1,2,{"b":null}],"c":true,"d":false}`, `{"a":-0.0e+0}`, `{"a":1E-7}`,
	`{"\u0061\n\"":"\ud83d\ude00\/\b\f\r\t\\"}`, `{"a":"` + "\u00e9\U0001f600" + `"}`, `{"a":[[[[]]]]}`, `{"a":{"b":{"c":{}}}}`,
	`{"":""}`, `{"a":1,"b":2,"a":3}`, `[]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":01}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", goodPayload,
}

// agree compares objectReader with encoding/json. An object that objectReader
// accepts is one there too, with the same members. A text that it refuses is refused
// there too, or breaks a rule that encoding/json does not have.
func agree(t *testing.T, text []byte) {
	t.Helper()
	var r objectReader
	members, fault := r.read(text, nil, maxDepth)
	valid := json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
	switch fault {
	case jsontext.None:
	case jsontext.DuplicateName, jsontext.TooDeep, jsontext.TooManyMembers, jsontext.LoneSurrogate:
		return
	default:
		if valid && utf8.Valid(text) {
			t.Errorf("%q refused", text)
		}
		return
	}
	if !valid {
		t.Fatalf("%q accepted", text)
	}
	var want map[string]any
	if err := json.Unmarshal(text, &want); err != nil && !strings.Contains(err.Error(), "out of range") && !strings.Contains(err.Error(), "cannot unmarshal number") {
		t.Fatalf("%q: %v", text, err)
	}
	if len(members) != len(want) {
		t.Fatalf("%q: %d members, want %d", text, len(members), len(want))
	}
	for _, m := range members {
		w, ok := want[m.name]
		if !ok {
			t.Fatalf("%q: unexpected name %q", text, m.name)
		}
		kind, decoded := KindNull, ""
		switch w := w.(type) {
		case bool:
			kind = KindBool
		case float64:
			kind = KindNumber
		case string:
			kind, decoded = KindString, w
		case []any:
			kind = KindArray
		case map[string]any:
			kind = KindObject
		}
		if m.Kind == KindNumber && w == nil {
			continue // out of the range of a float64
		}
		if m.Kind != kind || m.Text != decoded || !json.Valid([]byte(m.Raw)) {
			t.Fatalf("%q: member %q is %+v, want %v", text, m.name, m.Value, w)
		}
	}
}

func TestObjectReaderAgreesWithEncodingJSON(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const bytesOfJSON = "{}[]\":,\\ \n0123456789eE+-.truefalsn/bu\x00\xff\xc3\xa9"
	accepted := 0
	for _, seed := range jsonSeeds {
		agree(t, []byte(seed))
		for range 2000 {
			text := []byte(seed)
			for range 1 + random.IntN(3) {
				at := random.IntN(len(text))
				c := bytesOfJSON[random.IntN(len(bytesOfJSON))]
				switch random.IntN(3) {
				case 0:
					text[at] = c
				case 1:
					text = append(text[:at], append([]byte{c}, text[at:]...)...)
				default:
					if len(text) > 1 {
						text = append(text[:at], text[at+1:]...)
					}
				}
			}
			agree(t, text)
			if json.Valid(text) {
				accepted++
			}
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d mutated texts were valid", accepted)
	}
}

func TestBase64URL(t *testing.T) {
	for _, test := range []struct {
		src, want string
		ok        bool
	}{
		{"", "", true}, {"AA", "\x00", true}, {"AAA", "\x00\x00", true}, {"AAAA", "\x00\x00\x00", true},
		{"-_-_", "\xfb\xff\xbf", true}, {"Zm9vYg", "foob", true},
		{"A", "", false}, {"AAAAA", "", false}, {"AB", "", false}, {"AAB", "", false}, {"AAC", "", false},
		{"AA==", "", false}, {"AAA=", "", false}, {"AA\n", "", false}, {"A A", "", false}, {"+/+/", "", false},
		{"AA\x00", "", false}, {"\xff\xff", "", false},
	} {
		got, ok := appendBase64URL(nil, test.src)
		if ok != test.ok || ok && string(got) != test.want {
			t.Errorf("%q: %q, %v", test.src, got, ok)
		}
	}
}

// A duplicate name is found at any two positions, in small objects and in large ones,
// which are searched in another way.
func TestDuplicateAnywhere(t *testing.T) {
	for _, name := range []string{"", "a", "k7", "\\u006b7"} {
		for size := 2; size < 48; size++ {
			for second := 1; second < size; second++ {
				first := second / 2
				text := `{`
				for i := range size {
					switch i {
					case first:
						text += `"` + strings.ReplaceAll(name, "\\u006b", "k") + `":0,`
					case second:
						text += `"` + name + `":{"k":0,"a":1},`
					default:
						text += fmt.Sprintf(`"n%d":[{"n%d":0}],`, i, i)
					}
				}
				text = text[:len(text)-1] + `}`
				var r objectReader
				if _, fault := r.read([]byte(text), nil, maxDepth); fault != jsontext.DuplicateName {
					t.Fatalf("%s: %v", text, fault)
				}
				// The same in an inner object, and without the duplicate.
				if _, fault := r.read([]byte(`{"k7":`+text+`}`), nil, maxDepth); fault != jsontext.DuplicateName {
					t.Fatalf("%s, within: %v", text, fault)
				}
				if _, fault := r.read([]byte(strings.Replace(text, `"`+name+`":{`, `"other":{`, 1)), nil, maxDepth); fault != jsontext.None {
					t.Fatalf("%s, without: %v", text, fault)
				}
			}
		}
	}
}
