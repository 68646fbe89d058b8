package oracle

import "math/rand/v2"

// A Seed is an input of [NewCase].
type Seed struct {
	Data []byte
	Text string
}

// RandomData returns random bytes for [NewCase].
func RandomData(r *rand.Rand) []byte {
	data := make([]byte, 160)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// fragments are what random texts consist of.
var fragments = []string{
	`"`, `:`, `,`, `{`, `}`, `[`, `]`, ` `, `\`, `\u0000`, `\ud83d`, `\u0061`, "\x00", "\xff", "é", "\u017f", "\u212a", "/", "%", "%2f", "%2e", "..", ";", "?", "#", "=", ".", "-", "_", "\t",
	`"name":"add"`, `"method":"tools/call"`, `"aud":null`, `"scope":"admin"`, `"exp":9e9`, `"cnf":{}`, `"groups":["admins"]`, "tools/call", "add", "purge_all", "note:///archive/a",
	"notes", "files", "private", "Bearer", "utf-8", "charset", "gzip", "https://", "example.com", ":443", "bank.", "x-mcpauth-subject", "=?base64?", "YWRk", "?=",
}

// RandomText returns a random text for [NewCase], often none.
func RandomText(r *rand.Rand) (text string) {
	for range max(0, r.IntN(8)-3) {
		text += fragments[r.IntN(len(fragments))]
	}
	return text
}

// Seeds returns inputs to begin with, among them one for each place of a text.
func Seeds() (list []Seed) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		list = append(list, Seed{Data: RandomData(random)})
	}
	for place, text := range []string{
		pathPlace:          "notes/%2e%2e/files",
		authorityPlace:     "bank.example.com:443",
		authorizationPlace: "a,Bearer b",
		claimsPlace:        `"scope":"read","cnf":null`,
		headerPlace:        "gzip",
		bodyPlace:          `{"method":"tools/call","params":{"name":"add"}}`,
		namePlace:          "purge_all",
		mcpHeaderPlace:     "=?base64?YWRk?=",
		originPlace:        "https://a.example.com",
		contentTypePlace:   "application/json; charset=utf-8",
		answerPlace:        `"token_type":"Bearer"`,
		headerNamePlace:    "x.mcpauth_subject",
		signaturePlace:     "=",
	} {
		for i := range len(Configurations) {
			list = append(list, Seed{Data: []byte{byte(place), byte(i)}, Text: text})
		}
	}
	return list
}
