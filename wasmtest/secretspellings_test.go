package wasmtest

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The provider gives the client's secret back in an error, in the encodings of
// PHP's htmlentities, of JavaScript, of dumps.
func TestSecretInFurtherSpellings(t *testing.T) {
	const secret = "8Q~abc_DEF.ghi-JKL!x[y]{z}|^`@$(;*)?,#"
	each := func(format string) string {
		var b strings.Builder
		for _, c := range []byte(secret) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	entities := strings.NewReplacer("_", "&lowbar;", ".", "&period;", "!", "&excl;", "[", "&lbrack;", "]", "&rsqb;", "{", "&lbrace;", "}", "&rcub;", "|", "&vert;", "^", "&Hat;",
		"`", "&grave;", "@", "&commat;", "$", "&dollar;", "(", "&lpar;", ";", "&semi;", "*", "&ast;", ")", "&rpar;", "?", "&quest;", ",", "&comma;", "#", "&num;")
	for name, text := range map[string]string{
		"HTML": entities.Replace(secret), "hexadecimal": hex.EncodeToString([]byte(secret)), "in upper case": each("%02X"), "after a digit": "1" + each("%02x"),
		"octal": each(`\%03o`), "braces": each(`\u{%x}`), "old JavaScript": each("%%u%04X"), "one character": strings.ReplaceAll(secret, "_", `\u{5f}`),
	} {
		h, vm, p := proxyVM(t, object{"client_secret": secret})
		p.status, p.body = "400", toJSON(object{"error": "invalid_grant", "error_description": "no " + text + " here"})
		s := post(vm, "/token", formType, form(nil))
		p.run(h, time.Second)
		if s.Local().Status != 503 {
			t.Errorf("%s: %s", name, describe(s))
		}
	}
	h, vm, p := proxyVM(t, object{"client_secret": secret})
	p.status, p.body = "400", toJSON(object{"error": "invalid_grant", "error_description": `%u \u{ \u{} \u{zz} \0 \08 abc %u00 deadbeef &lowbar`})
	s := post(vm, "/token", formType, form(nil))
	p.run(h, time.Second)
	wantStatus(t, s, 400)
}
