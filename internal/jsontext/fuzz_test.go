package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":[1,2,{"b":null}],"c":true,"d":false}`, `[-0.0e+0,1E-7,10.25]`, `"a"`, `-1`, `null`,
	`{"\u0061\n\"":"\ud83d\ude00\/\b\f\r\t\\"}`, "{\"a\":\"\u00e9\U0001f600\ufffd\"}", `[[[[]]]]`, `{"a":{"b":{"c":{}}}}`,
	`{"":""}`, `{"a":1,"b":2,"a":3}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[01]`, `"\ud800"`, `"\udc00\ud800"`, "\"\xff\"", `{} x`,
	"{\"abcdefghijk\u007f\x01\":1}", `{"abcdefg\"hijklmnopq\\":"12345678\u0000"}`, "\ufeff{}", `[1.e3]`, `"\u00zz"`, `tru`, "[\u00a0]",
}

// FuzzReader compares Reader with encoding/json: both accept the same texts, but for
// the faults that only Reader knows, and read the same tokens.
func FuzzReader(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		valid := json.Valid(text) && utf8.Valid(text)
		strict := skip(string(text), Options{MaxDepth: 10000})
		lax := skip(string(text), Options{MaxDepth: 10000, AllowLoneSurrogates: true})
		if lax.End() != valid {
			t.Fatalf("%q: fault %d at %d, but valid is %v", text, lax.Fault(), lax.Offset(), valid)
		}
		if strict.Fault() != lax.Fault() && strict.Fault() != LoneSurrogate {
			t.Fatalf("%q: fault %d, or %d with lone surrogates", text, strict.Fault(), lax.Fault())
		}
		if strict.Offset() > len(text) || lax.Offset() > len(text) {
			t.Fatalf("%q: offset %d", text, strict.Offset())
		}
		if !valid {
			return
		}
		want, got := &tokens{d: json.NewDecoder(bytes.NewReader(text))}, &tokens{}
		want.d.UseNumber()
		want.decode(t)
		got.r.Reset(text, Options{MaxDepth: 10000, AllowLoneSurrogates: true})
		got.read()
		if !got.r.End() || got.text.String() != want.text.String() {
			t.Fatalf("%q: got %s, want %s", text, &got.text, &want.text)
		}
	})
}

// tokens writes the tokens of a text one after the other.
type tokens struct {
	text   bytes.Buffer
	d      *json.Decoder
	r      Reader
	buffer []byte
}

func (k *tokens) decode(t *testing.T) {
	for {
		token, err := k.d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch v := token.(type) {
		case nil:
			k.text.WriteString("null ")
		case bool:
			k.text.WriteString(strconv.FormatBool(v) + " ")
		case json.Delim:
			k.text.WriteString(v.String() + " ")
		case json.Number:
			k.text.WriteString(v.String() + " ")
		case string:
			k.text.WriteString(strconv.Quote(v) + " ")
		}
	}
}

func (k *tokens) read() {
	r := &k.r
	switch start := r.Offset(); r.Kind() {
	case Object:
		k.text.WriteString("{ ")
		for ok := r.BeginObject(); ok; {
			var name String
			if name, ok = r.NextMember(); ok {
				k.text.WriteString(strconv.Quote(r.Decode(name, &k.buffer)) + " ")
				k.read()
			}
		}
		k.text.WriteString("} ")
	case Array:
		k.text.WriteString("[ ")
		for ok := r.BeginArray(); ok && r.NextElement(); {
			k.read()
		}
		k.text.WriteString("] ")
	case Text:
		s, _ := r.String()
		k.text.WriteString(strconv.Quote(r.Decode(s, &k.buffer)) + " ")
	default:
		r.Skip()
		k.text.WriteString(r.Raw(start) + " ")
	}
}

// FuzzDuplicateNames compares UniqueDepth with what encoding/json makes of a text:
// a map that has lost members.
func FuzzDuplicateNames(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"a":{"b":1,"\u0062":2}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var flat map[string]json.RawMessage
		if json.Unmarshal(text, &flat) != nil || flat == nil {
			return
		}
		var r Reader
		members := 0
		r.Reset(text, Options{MaxDepth: 10000})
		for ok := r.BeginObject(); ok; members++ {
			if _, ok = r.NextMember(); !ok || !r.Skip() {
				break
			}
		}
		if !r.End() {
			return
		}
		if f := skip(string(text), Options{MaxDepth: 10000, UniqueDepth: 1}).Fault(); (f == DuplicateName) != (members > len(flat)) {
			t.Fatalf("%q: fault %d, %d members, %d names", text, f, members, len(flat))
		}
	})
}
