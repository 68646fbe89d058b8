package jsontext

import (
	"fmt"
	"strings"
	"testing"
)

// skip reads text as one value and returns the reader.
func skip(text string, options Options) *Reader {
	var r Reader
	r.Reset([]byte(text), options)
	r.Skip()
	r.End()
	return &r
}

func TestFaults(t *testing.T) {
	plain := Options{MaxDepth: 3}
	lone := Options{MaxDepth: 3, AllowLoneSurrogates: true}
	limited := Options{MaxDepth: 3, MaxMembers: 2, UniqueDepth: 2}
	for _, test := range []struct {
		text    string
		options Options
		fault   Fault
		offset  int
	}{
		{" {\"a\" : [ ] ,\r\n\t\"b\":{\"c\":null}} ", plain, None, 32},
		{`[true,false,null,-0.1e-2,10E+3,"\"\\\/\b\f\n\r\t\uD83d\ude00"]`, plain, None, 62},
		{"", plain, Unexpected, 0},
		{" \n", plain, Unexpected, 2},
		{byteOrderMark + "{}", plain, Unexpected, 0},
		{"\u00a0{}", plain, Unexpected, 0},
		{"{}\x00", plain, TrailingText, 2},
		{"{} {}", plain, TrailingText, 3},
		{"[}", plain, Unexpected, 1},
		{"[1", plain, Unexpected, 2},
		{"[1,]", plain, Unexpected, 3},
		{"[,1]", plain, Unexpected, 1},
		{`{"a":1,}`, plain, Unexpected, 7},
		{`{"a"}`, plain, Unexpected, 4},
		{`{a:1}`, plain, Unexpected, 1},
		{`{1:1}`, plain, Unexpected, 1},
		{`[tru]`, plain, Unexpected, 1},
		{`[TRUE]`, plain, Unexpected, 1},
		{`[NaN]`, plain, Unexpected, 1},
		{`[01]`, plain, Unexpected, 2},
		{`[+1]`, plain, Unexpected, 1},
		{`[.5]`, plain, Unexpected, 1},
		{`[1.]`, plain, Unexpected, 3},
		{`[1e]`, plain, Unexpected, 3},
		{`-`, plain, Unexpected, 1},
		{`"a`, plain, Unexpected, 2},
		{`"abcdefgh`, plain, Unexpected, 9},
		{"\"a\tb\"", plain, ControlCharacter, 2},
		{"\"abcdefghijkl\x1f\"", plain, ControlCharacter, 13},
		{"\"\x7f\"", plain, None, 3},
		{`"a\x"`, plain, InvalidEscape, 2},
		{`"\u12g4"`, plain, InvalidEscape, 1},
		{`"\u12`, plain, InvalidEscape, 1},
		{`"\`, plain, InvalidEscape, 1},
		{`"\U0041"`, plain, InvalidEscape, 1},
		{`"\ud800"`, plain, LoneSurrogate, 1},
		{`"\ud800\ud800"`, plain, LoneSurrogate, 1},
		{`"\ud800\n"`, plain, LoneSurrogate, 1},
		{`"\udc00\ud800"`, plain, LoneSurrogate, 1},
		{`"\ud800"`, lone, None, 8},
		{`"\udc00\ud800x"`, lone, None, 15},
		{"\"a\xff\"", plain, InvalidUTF8, 2},
		{"\"\xc0\xaf\"", plain, InvalidUTF8, 1},
		{"\"\xed\xa0\x80\"", plain, InvalidUTF8, 1}, // a surrogate
		{"\"\xf4\x90\x80\x80\"", plain, InvalidUTF8, 1},
		{"\"é\xe2\x82", plain, InvalidUTF8, 3},
		{"\"\ufffd\"", plain, None, 5},
		{`[[[1]]]`, plain, None, 7},
		{`[[[[`, plain, TooDeep, 3},
		{`[[{"a":{`, plain, TooDeep, 7},
		{`[1,2,3]`, limited, None, 7},
		{`{"a":1,"b":2}`, limited, None, 13},
		{`{"a":1,"b":2,"c":3}`, limited, TooManyMembers, 13},
		{`[[{"a":1,"b":2,"c":3}]]`, limited, TooManyMembers, 15},
		{`{"a":1,"a":2}`, limited, DuplicateName, 10},
		{`{"a":1,"\u0061":2}`, limited, DuplicateName, 15},
		{`[{"":1,"":2}]`, limited, DuplicateName, 9},
		{`[[{"a":1,"a":2}]]`, limited, None, 17}, // deeper than UniqueDepth
		{`[{"a":1},{"a":{"a":1}}]`, limited, None, 23},
	} {
		r := skip(test.text, test.options)
		if r.Fault() != test.fault || r.Offset() != test.offset {
			t.Errorf("%q: fault %d at %d, want %d at %d", test.text, r.Fault(), r.Offset(), test.fault, test.offset)
		}
		if r.End() != (test.fault == None) {
			t.Errorf("%q: the end is %v", test.text, r.End())
		}
	}
}

func TestWalk(t *testing.T) {
	const text = "\xef\xbb\xbf" + ` {"a":[1, "\u00e9\n"], "\u0062" : {"c":"d"}, "e":true} `
	var r Reader
	var buffer []byte
	var got []string
	r.Reset(TrimBOM([]byte(text)), Options{MaxDepth: 2})
	if !r.BeginObject() {
		t.Fatal("no object")
	}
	for {
		name, ok := r.NextMember()
		if !ok {
			break
		}
		got = append(got, r.Decode(name, &buffer))
		switch start := r.Offset(); r.Kind() {
		case Array:
			for ok := r.BeginArray(); ok && r.NextElement(); {
				if r.Kind() == Text {
					s, _ := r.String()
					got = append(got, r.Decode(s, &buffer))
					continue
				}
				start := r.Offset()
				r.Skip()
				got = append(got, r.Raw(start))
			}
		default:
			r.Skip()
			got = append(got, r.Raw(start))
		}
	}
	if !r.End() {
		t.Fatal(r.Fault(), r.Offset())
	}
	if want := []string{"a", "1", "é\n", "b", `{"c":"d"}`, "e", "true"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A caller that stops in the middle of a text has not read it to its end.
func TestEndInTheMiddle(t *testing.T) {
	var r Reader
	r.Reset([]byte(`[[]]`), Options{MaxDepth: 2})
	r.BeginArray()
	if r.End() {
		t.Error("the end of a text that has not been read")
	}
}

func TestKind(t *testing.T) {
	for text, want := range map[string]Kind{
		"null": Null, "true": Bool, "false": Bool, "-1": Number, "0": Number, "9": Number, `""`: Text, "[]": Array, " {}": Object,
		"": 0, "+1": 0, "}": 0, "]": 0, ",": 0, ".5": 0, "\x00": 0, "'a'": 0,
	} {
		var r Reader
		if r.Reset([]byte(text), Options{}); r.Kind() != want {
			t.Errorf("%q: got %d, want %d", text, r.Kind(), want)
		}
	}
}

func TestDecode(t *testing.T) {
	for json, want := range map[string]string{
		`""`: "", `"abc"`: "abc", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"a\u0000b\u00E9c\u20acd"`: "a\x00béc€d",
		`"\ud83d\ude00!"`: "\U0001f600!", `"\udbff\udfff"`: "\U0010ffff",
		`"\ud800\u0041"`: "\ufffdA", `"\udc00\ud83d\ude00"`: "\ufffd\U0001f600",
	} {
		var r Reader
		r.Reset([]byte(json), Options{AllowLoneSurrogates: true})
		s, ok := r.String()
		buffer := []byte("before")
		if got := r.Decode(s, &buffer); !ok || got != want || string(buffer[:6]) != "before" {
			t.Errorf("%s: got %q, want %q", json, got, want)
		}
		if s.Lone != strings.Contains(want, "\ufffd") {
			t.Errorf("%s: lone is %v", json, s.Lone)
		}
	}
}

// A duplicate is found wherever the two stand, in objects of few members and of
// many, which are searched by other means.
func TestDuplicateNames(t *testing.T) {
	options := Options{MaxDepth: 4, UniqueDepth: 4}
	for size := 2; size < 3*fewNames; size++ {
		for second := 1; second < size; second++ {
			var text strings.Builder
			for i := range size {
				name := i
				if i == second {
					name = second / 2
				}
				fmt.Fprintf(&text, `,"n%d":[{"n0":{"n%d":1}}]`, name, i)
			}
			if f := skip("{"+text.String()[1:]+"}", options).Fault(); f != DuplicateName {
				t.Fatalf("%d members, of which %d is a duplicate: fault %d", size, second, f)
			}
			unique := strings.Replace(text.String(), fmt.Sprintf(`,"n%d":[{"n0":{"n%d":1}}]`, second/2, second), `,"x":1`, 1)
			if f := skip("{"+unique[1:]+"}", options).Fault(); f != None {
				t.Fatalf("%d members without a duplicate: fault %d", size, f)
			}
		}
	}
}

// Names are compared within their own object, also after an inner object has had
// many.
func TestNamesOfAnInnerObject(t *testing.T) {
	inner := ""
	for i := range 2 * fewNames {
		inner += fmt.Sprintf(`,"n%d":0`, i)
	}
	text := `{"a":{` + inner[1:] + `},"n1":0,"b":{` + inner[1:] + `},%s:0}`
	options := Options{MaxDepth: 2, UniqueDepth: 2}
	if f := skip(fmt.Sprintf(text, `"n2"`), options).Fault(); f != None {
		t.Errorf("fault %d", f)
	}
	if f := skip(fmt.Sprintf(text, `"n1"`), options).Fault(); f != DuplicateName {
		t.Errorf("fault %d", f)
	}
}

// A reader that has been used allocates nothing.
func TestAllocations(t *testing.T) {
	text := []byte(`{"a":[[[{"b":"\u00e9"}]]],"c\n":{"d":1,"e":{"f":2}},"g":"` + strings.Repeat("x", 100) + `"}`)
	var r Reader
	allocations := testing.AllocsPerRun(100, func() {
		r.Reset(text, Options{MaxDepth: 8, MaxMembers: 8, UniqueDepth: 8})
		if r.Skip(); !r.End() {
			t.Fatal(r.Fault())
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestRelease(t *testing.T) {
	var r Reader
	r.Reset([]byte(`{"\u0061`+strings.Repeat("b", 10000)+`":1}`), Options{MaxDepth: 1, UniqueDepth: 1})
	if r.Skip(); !r.End() {
		t.Fatal(r.Fault())
	}
	r.Release()
	if r.text != "" || r.names[:1][0] != "" || r.decoded != nil {
		t.Error("the text or what was made of it is still referred to")
	}
}
