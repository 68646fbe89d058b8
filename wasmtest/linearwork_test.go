package wasmtest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A worstCase is input that gives one parser as much to do as it can, by its
// size in bytes.
type worstCase struct {
	name   string
	config object
	// send makes vm do the work. i tells the repetitions apart.
	send func(h *Host, vm *VM, size, i int)
	max  int // the largest size, 0 for 60 KiB
}

func fillUp(text string, size int) string { return strings.Repeat(text, size/len(text)+1)[:size] }

// numbered returns size bytes of texts that differ in a number.
func numbered(format string, size int) string {
	var b strings.Builder
	for n := 0; b.Len() < size; n++ {
		fmt.Fprintf(&b, format, n)
	}
	return b.String()
}

const maxBody = 1 << 20

var scopeNames = func() (names []string) {
	for i := range 32 {
		names = append(names, "scope"+strconv.Itoa(i))
	}
	return names
}()

// everything is a resource that asks as much of a request as can be.
func everything(members object) object {
	rules, hierarchy, origins, claims := object{}, object{}, []string{}, []object{}
	groups := append(strings.Fields(numbered("group%05d ", 255*11)), "")
	for i, s := range scopeNames {
		groups[255] = s
		rules["tool"+strconv.Itoa(i)] = object{"scopes": []string{s}, "claims": object{"groups": slices.Clone(groups)}}
		rules[strings.Repeat("a", i+1)+"*"] = []string{s}
		hierarchy["broad"+strconv.Itoa(i)] = []string{s, "read:notes"}
		origins = append(origins, "https://*.app"+strconv.Itoa(i)+".example")
		claims = append(claims, object{"claim_name": "a.b.c" + strconv.Itoa(i), "header_name": "x-claim-" + strconv.Itoa(i)})
	}
	return notes(with(object{
		"tools": rules, "resources": object{"note:///a/*": []string{"secrets"}}, "scope_hierarchy": hierarchy, "required_scopes": []string{"read:notes"},
		"allowed_origins": origins, "claim_to_headers": claims, "audiences": scopeNames, "forward": true, "forward_payload_header": "x-payload",
		"filter_state": []string{"scope"},
	}, members))
}

// wild has wildcard hosts of every length, and paths to go with them.
func wild() object {
	var resources []object
	for i := range 40 {
		resources = append(resources, object{"resource": "https://mcp.example.com/" + strconv.Itoa(i), "match": object{
			"hosts": []string{"*." + strings.Repeat("a.", i) + "a", strings.Repeat("b", i+1) + ":8443"}, "path_prefixes": []string{"/notes", "/notes/a/b/c"}}})
	}
	return object{"authorization_servers": []object{server(nil)}, "unmatched": "allow", "resources": append(resources, notes(nil))}
}

func worstCases() []worstCase {
	var list []worstCase
	usual := config(server(nil), everything(nil), object{"token_cache": object{"max_entries": 0}})
	header := func(parser string, config object, name string, values ...string) {
		for _, value := range values {
			list = append(list, worstCase{fmt.Sprintf("%s/%.12q", parser, value), config, func(h *Host, vm *VM, size, i int) {
				vm.Request(rpc("/notes", "", [2]string{name, fillUp(value, size)})).Close()
			}, 0})
		}
	}
	header("credentials", usual, "authorization", ",", ", ", " ", "\t,", "a,", "a ,", "Bearerx,", "x Bearerx,", "Bearer ", ".", "e.", "Bearer\t")
	header("method header", usual, "mcp-method", "a", " ", "=?base64?YWFh?=")
	header("name header", usual, "mcp-name", "a", "=?base64?YWFh?=")
	header("version", usual, "mcp-protocol-version", "2026-07-28")
	mutual := config(server(nil), notes(object{"mutual_tls": "accept", "trust_forwarded_client_cert": true}), nil)
	for _, value := range []string{"By=a;", "a=,", "a", "=", `Subject="a";`, `"`, `Subject="\\`, "Hash=" + strings.Repeat("a1", 32) + ";"} {
		list = append(list, worstCase{fmt.Sprintf("client certificate/%.12q", value), mutual, func(h *Host, vm *VM, size, i int) {
			vm.Request(rpc("/notes", rsaKey.bearer(claims(h, boundTo(certificateA))), [2]string{"x-forwarded-client-cert", fillUp(value, size)})).Close()
		}, 0})
	}
	keyed := dpopConfig(server(nil), nil)
	for _, value := range []string{"a", ".", "eyJ.", `eyJhIjo`} {
		list = append(list, worstCase{fmt.Sprintf("DPoP proof/%.12q", value), keyed, func(h *Host, vm *VM, size, i int) {
			vm.Request(dpopRPC("a.b.c", fillUp(value, size))).Close()
		}, 0})
	}
	for _, value := range []string{"a", "/", "/..", "%61", "//", ";"} {
		list = append(list, worstCase{fmt.Sprintf("DPoP URL/%.12q", value), keyed, func(h *Host, vm *VM, size, i int) {
			r := dpopRPC("a.b.c", clientKey.sign(toJSON(object{"typ": "dpop+jwt", "alg": "ES256", "jwk": clientKey.jwk()}),
				toJSON(object{"jti": "x", "htm": "POST", "iat": 1, "htu": "https://mcp.example.com/notes/" + fillUp(value, min(size, 5<<10))})))
			r[1][1] = "/notes/" + fillUp(value, min(size, 3<<10))
			vm.Request(r).Close()
		}, 0})
	}
	for _, value := range []string{"", "Bearer ", "Basic x,"} {
		for _, rest := range []string{"a", ".", ",", " ", "=", "eyJ."} {
			list = append(list, worstCase{fmt.Sprintf("credentials/%q then %q", value, rest), usual, func(h *Host, vm *VM, size, i int) {
				vm.Request(rpc("/notes", value+fillUp(rest, size))).Close()
			}, 0})
		}
	}
	for _, value := range []string{"https://a.", "https://", ".", ":", "a", "[", "[:", "1.", "*"} {
		list = append(list, worstCase{fmt.Sprintf("origin/%q", value), usual, func(h *Host, vm *VM, size, i int) {
			vm.Request(rpc("/notes", "", origin("https://"+fillUp(value, size)+".app1.example"))).Close()
		}, 0})
	}
	for _, value := range []string{"a,", ",", " ", "a"} {
		list = append(list, worstCase{fmt.Sprintf("preflight/%q", value), usual, func(h *Host, vm *VM, size, i int) {
			vm.Request(request("OPTIONS", prm+"/notes", origin("https://x"), [2]string{"access-control-request-method", fillUp("a", size/2)},
				[2]string{"access-control-request-headers", fillUp(value, size/2)})).Close()
		}, 0})
	}
	list = append(list, worstCase{"If-None-Match", usual, func(h *Host, vm *VM, size, i int) {
		s := vm.Request(request("GET", prm+"/notes"))
		tag := s.Local().Headers.Get("etag")
		vm.Request(request("GET", prm+"/notes", [2]string{"if-none-match", fillUp(tag[:len(tag)-1]+"x,", size)})).Close()
	}, 0})
	for _, value := range []string{"a", "/", "/a", "/.", "/..", "/a/..", "%61", "%2525", "%25", ";", "/;", "//x", "/%2e", "/a.", "/a%20", "A", "/%C3%A9", "/a/b/c", "/.well-known/", "/(", "/(S(", "/(S(x))"} {
		for _, config := range []object{usual, wild()} {
			for _, prefix := range []string{"/", "/notes/"} {
				list = append(list, worstCase{fmt.Sprintf("path/%d/%q%q", len(config["resources"].([]object)), prefix, value), config, func(h *Host, vm *VM, size, i int) {
					r := rpc(prefix+fillUp(value, size), "")
					r[2][1] = "a.a.a.a.a"
					vm.Request(r).Close()
				}, 0})
			}
		}
	}
	for _, value := range []string{"a.", ".", "a", ":", "a:", "[", "[:", "1.", "@", "b"} {
		for _, end := range []string{"", ".a", ":8443"} {
			list = append(list, worstCase{fmt.Sprintf("host/%q%q", value, end), wild(), func(h *Host, vm *VM, size, i int) {
				r := rpc("/notes/a/b/c/d", "")
				r[2][1] = fillUp(value, size) + end
				vm.Request(r).Close()
			}, 0})
		}
	}
	list = append(list, tokenCases()...)
	list = append(list, manyHeaders()...)
	list = append(list, bodyCases()...)
	list = append(list, proxyCases()...)
	return append(list, serverCases()...)
}

// manyHeaders are requests of many header lines: each is short.
func manyHeaders() (list []worstCase) {
	config := config(server(nil), ruled(nil), nil)
	for _, line := range [][2]string{
		{"content-type", "a"}, {"content-type", "charset"}, {"content-encoding", "a"}, {"content_type", "b"}, {"x-mcpauth-a", "b"}, {"x_mcpauth_a", "b"}, {"mcp-name", "a"},
		{"mcp_name", "a"}, {"authorization", "a"}, {"origin", "a"}, {"if-none-match", "a"}, {"x", ""},
	} {
		list = append(list, worstCase{"lines/" + line[0] + ":" + line[1], config, func(h *Host, vm *VM, size, i int) {
			r := rpc("/notes", rsaKey.bearer(claims(h, nil)))
			for range size / (len(line[0]) + len(line[1]) + 4) {
				r = append(r, line)
			}
			s := vm.Open(r, false)
			s.Close()
		}, 0})
	}
	return list
}

// tokenCases are tokens that pass every check, or almost. A larger token than
// these is refused for its size.
func tokenCases() (list []worstCase) {
	config := config(server(nil), everything(nil), object{"token_cache": object{"max_entries": 0}})
	words := func(format string) func(int) any {
		return func(size int) any { return "read:notes " + numbered(format, size) }
	}
	lists := func(format string) func(int) any {
		return func(size int) any {
			return append(strings.Fields(numbered(format, size)), resource, "read:notes")
		}
	}
	for name, c := range map[string]struct {
		claim string
		value func(size int) any
	}{
		"scopes":            {"scope", words("s%d ")},
		"a scope again":     {"scope", func(size int) any { return "read:notes " + fillUp("a ", size) }},
		"spaces":            {"scope", func(size int) any { return "read:notes" + fillUp(" ", size) }},
		"broad scopes":      {"scope", func(size int) any { return "read:notes " + fillUp(strings.Join(scopeNames, " ")+" ", size) }},
		"a list of scopes":  {"scope", lists("s%d ")},
		"audiences":         {"aud", lists("a%d ")},
		"similar audiences": {"aud", lists("https://mcp.example.com/note%04d ")},
		"groups":            {"groups", lists("groop%05d ")},
		"a long claim":      {"a", func(size int) any { return fillUp("é\\\"\u0000", size) }},
		"objects": {"a", func(size int) any {
			o := object{}
			for i := range size / 200 {
				inner := object{}
				for j := range 12 {
					inner[fmt.Sprintf("m%07d", j)] = 1
				}
				o["b"+strconv.Itoa(i)] = inner
			}
			return o
		}},
		"nested": {"a", func(size int) any {
			var list []any
			for range size / 60 {
				list = append(list, []any{[]any{[]any{[]any{[]any{[]any{[]any{1}}}}}}})
			}
			return list
		}},
		"numbers": {"a", func(size int) any { return []int(make([]int, size/2)) }},
	} {
		list = append(list, worstCase{"token/" + name, config, func(h *Host, vm *VM, size, i int) {
			wantsToken(vm, rsaKey.bearer(claims(h, object{c.claim: c.value(size / 3), "jti": strconv.Itoa(i)})))
		}, 14 << 10})
	}
	return list
}

func wantsToken(vm *VM, token string) {
	s := vm.Request(rpc("/notes", token))
	if s.State() != Forwarded {
		panic("a token was refused: " + describe(s))
	}
	s.Close()
}

// bodyCases are bodies of which each is looked at to its end.
func bodyCases() (list []worstCase) {
	stops := object{"allow_on_headers_stop_iteration": true}
	ruled := config(server(nil), everything(object{"max_body_bytes": 4 << 20}), stops)
	var names, paths []string
	for i := range 64 {
		names, paths = append(names, strings.Repeat("a", i+1)+"*"), append(paths, "/notes/"+strings.Repeat("a/", i)+"b/*")
	}
	open := config(server(nil), everything(object{"max_body_bytes": 4 << 20, "tools": nil, "public": object{"methods": []string{"x", "initialize"}, "tools": names, "resources": []string{"note:///a/b/*"}, "paths": paths}}), stops)
	for _, value := range []string{"a/", "a/../", "%61/", "A/", "a;/", "b/"} {
		list = append(list, worstCase{fmt.Sprintf("public path/%q", value), open, func(h *Host, vm *VM, size, i int) {
			vm.Request(request("GET", "/notes/"+fillUp(value, size))).Close()
		}, 0})
	}
	for _, value := range []string{"a", "access_toke", "%61", "%"} {
		list = append(list, worstCase{fmt.Sprintf("query without a token/%q", value), open, func(h *Host, vm *VM, size, i int) {
			vm.Open(rpc("/notes?"+fillUp(value, size), ""), false).Close()
		}, 0})
	}
	for name, body := range map[string]func(size int) string{
		"a text":        func(n int) string { return `{"jsonrpc":"2.0","method":"x","params":{"a":"` + fillUp("a", n) + `"}}` },
		"escapes":       func(n int) string { return `{"method":"x","params":{"a":"` + fillUp(`\u00e9`, n/6*6) + `"}}` },
		"escaped names": func(n int) string { return `{"method":"x","params":{"name` + fillUp(`\u00e9`, n/6*6) + `":1}}` },
		"many names":    func(n int) string { return `{` + numbered(`"\u006dember%d":1,`, n) + `"method":"x"}` },
		"many params": func(n int) string {
			return `{"method":"tools/call","params":{` + numbered(`"nam%d":1,`, n) + `"name":"a"}}`
		},
		"one name": func(n int) string { return `{` + fillUp(`"a":1,`, n/6*6) + `"method":"x"}` },
		"a batch": func(n int) string {
			return `[` + fillUp(`{"method":"tools/call","params":{"name":"aaaaaaaaaaaaaaaaaaab"}},`, n/63*63) + `{}]`
		},
		"small messages": func(n int) string { return `[` + fillUp(`{},`, n/3*3) + `{}]` },
		"a long tool":    func(n int) string { return `{"method":"tools/call","params":{"name":"` + fillUp("a", n) + `"}}` },
		"an escaped tool": func(n int) string {
			return `{"method":"tools/call","params":{"name":"` + fillUp(`\u0061`, n/6*6) + `"}}`
		},
		"a long URI": func(n int) string {
			return `{"method":"resources/read","params":{"uri":"note:///` + fillUp("a/", n) + `"}}`
		},
		"an encoded URI": func(n int) string {
			return `{"method":"resources/read","params":{"uri":"note:///` + fillUp("%20", n/3*3) + `"}}`
		},
		"a long method": func(n int) string { return `{"method":"` + fillUp("a", n) + `"}` },
		"arrays":        func(n int) string { return `{"a":[` + fillUp("[],", n/3*3) + `[]]}` },
		"nested":        func(n int) string { return `{"a":[` + fillUp(fillUp("[", 400)+fillUp("]", 400)+",", n/801*801) + `1]}` },
		"objects": func(n int) string {
			return `{"a":[` + fillUp(fillUp(`{"a":`, 1500)+"1"+fillUp("}", 300)+",", n/1802*1802) + `1]}`
		},
		"spaces":            func(n int) string { return fillUp(" ", n) + `{"method":"x"}` },
		"digits":            func(n int) string { return `{"a":` + fillUp("1", n) + `}` },
		"characters":        func(n int) string { return `{"method":"x","params":{"a":"` + fillUp("é€😀", n/9*9) + `"}}` },
		"not closed":        func(n int) string { return `{"a":"` + fillUp("a", n) },
		"a name not closed": func(n int) string { return `{"` + fillUp(`\"`, n/2*2) },
	} {
		list = append(list, worstCase{"body without a token/" + name, open, func(h *Host, vm *VM, size, i int) {
			s := vm.Open(rpc("/notes", ""), false)
			s.Body(body(size), true)
			s.Close()
		}, maxBody})
		list = append(list, worstCase{"body/" + name, ruled, func(h *Host, vm *VM, size, i int) {
			s := vm.Open(rpc("/notes", rsaKey.bearer(claims(h, object{"scope": "read:notes " + strings.Join(scopeNames, " ")}))), false)
			s.Body(body(size), true)
			s.Close()
		}, maxBody})
	}
	return list
}

// proxyCases are forms and queries for the gateway as an authorization server.
func proxyCases() (list []worstCase) {
	config := proxying(object{
		"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "revocation_endpoint": issuer + "/revoke",
		"redirect_uris": func() (uris []string) {
			for i := range 32 {
				uris = append(uris, fmt.Sprintf("http://127.0.0.1/callback%d", i), fmt.Sprintf("https://app.example.com/cb%d", i))
			}
			return uris
		}(),
		"client_id_metadata_documents": []object{{"url": appURL, "cluster": "clients"}, {"url": "https://apps.example.com/*", "cluster": "apps"}},
	}, nil)
	client := clientWith("the client", "http://127.0.0.1:1/callback1")
	fixed := "client_id=" + client + "&response_type=code&code_challenge_method=S256&code_challenge=" + codeChallenge +
		"&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback1&grant_type=authorization_code&code_verifier=" + codeVerifier
	for _, pair := range []string{"a=b&", "&", "=&", "%61=%62&", "client_i=&", "+=+&"} {
		list = append(list,
			worstCase{fmt.Sprintf("authorize/%q", pair), config, func(h *Host, vm *VM, size, i int) {
				vm.Request(request("GET", "/authorize?"+fillUp(pair, size/len(pair)*len(pair))+fixed)).Close()
			}, 0},
			worstCase{fmt.Sprintf("form/%q", pair), config, func(h *Host, vm *VM, size, i int) {
				sendForm(h, vm, "/token", formType, fillUp(pair, size/len(pair)*len(pair))+fixed+"&code="+codeOfProxy)
			}, 60 << 10})
	}
	for _, text := range []string{"a=b;", ";", "=", "__Host-mcpauth-;", "a"} {
		list = append(list, worstCase{fmt.Sprintf("cookie/%q", text), config, func(h *Host, vm *VM, size, i int) {
			vm.Request(request("GET", "/authorize?"+fixed, [2]string{"cookie", fillUp(text, size/len(text)*len(text))})).Close()
		}, 0}, worstCase{fmt.Sprintf("decision/%q", text), config, func(h *Host, vm *VM, size, i int) {
			sendForm(h, vm, "/authorize", formType, "decision=agree&request="+fillUp(text, size/len(text)*len(text)))
		}, 60 << 10})
	}
	for _, name := range []string{"state", "scope", "resource", "code", "redirect_uri", "login_hint"} {
		for _, value := range []string{"a", "%20", "+"} {
			list = append(list, worstCase{fmt.Sprintf("authorize/%s/%q", name, value), config, func(h *Host, vm *VM, size, i int) {
				vm.Request(request("GET", "/authorize?"+fixed+"&"+name+"="+fillUp(value, size/3*3))).Close()
			}, 0}, worstCase{fmt.Sprintf("callback/%s/%q", name, value), config, func(h *Host, vm *VM, size, i int) {
				vm.Request(request("GET", "/callback?iss="+issuer+"&x=1&"+name+"=http%3A%2F%2F127.0.0.1%3A1%2Fcallback1%20"+fillUp(value, size/3*3))).Close()
			}, 0}, worstCase{fmt.Sprintf("form/%s/%q", name, value), config, func(h *Host, vm *VM, size, i int) {
				sendForm(h, vm, "/token", formType, fixed+"&"+name+"="+fillUp(value, size/3*3))
			}, 60 << 10})
		}
	}
	for _, value := range []string{"a", "a/", "/", ".", "%25"} {
		list = append(list, worstCase{fmt.Sprintf("client ID/%q", value), config, func(h *Host, vm *VM, size, i int) {
			path := "https%3A%2F%2Fapps.example.com%2F" + fillUp(value, size)
			vm.Request(request("GET", "/authorize?client_id="+path)).Close()
			sendForm(h, vm, "/token", formType, "grant_type=refresh_token&refresh_token=x&client_id="+path)
		}, 0})
	}
	for name, body := range map[string]func(size int) string{
		"URIs": func(n int) string {
			return `{"redirect_uris":["` + fillUp(`http://127.0.0.1:1/callback1","`, n/31*31) + `x"]}`
		},
		"names": func(n int) string {
			return `{` + numbered(`"a%d":1,`, n) + `"redirect_uris":["http://127.0.0.1:1/callback1"]}`
		},
		"ports":  func(n int) string { return `{"redirect_uris":["http://127.0.0.1:` + fillUp("1", n) + `/callback1"]}` },
		"nested": func(n int) string { return `{"a":[` + fillUp("[[[[[[[[]]]]]]]],", n/17*17) + `1]}` },
		"text":   func(n int) string { return `{"a":"` + fillUp(`\"`, n/2*2) + `"}` },
	} {
		list = append(list, worstCase{"registration/" + name, config, func(h *Host, vm *VM, size, i int) {
			sendForm(h, vm, "/register", "application/json", body(size))
		}, 60 << 10})
	}
	return list
}

// sendForm sends a body and lets what follows from it end.
func sendForm(h *Host, vm *VM, path, mediaType, body string) {
	r := request("POST", path, [2]string{"content-type", mediaType})
	s := vm.Open(r, false)
	s.Body(body, true)
	newUpstreamServer().run(h, 100*time.Millisecond)
	s.Close()
}

// serverCases are answers of authorization servers, which users may have a part
// in.
func serverCases() (list []worstCase) {
	answer := func(name string, config object, headers func(size int) Headers, body func(h *Host, size int) string) {
		list = append(list, worstCase{"answer/" + name, config, func(h *Host, vm *VM, size, i int) {
			s := vm.Request(rpc("/notes", "Bearer "+base64.RawURLEncoding.EncodeToString([]byte(name))+strconv.Itoa(size)+"-"+strconv.Itoa(i)))
			answered := false
			h.Run(time.Second, func() {
				for len(h.Callouts()) > 0 {
					answered = true
					lines := Headers{{"content-type", "application/json"}}
					if headers != nil {
						lines = append(lines, headers(size)...)
					}
					h.Callouts()[0].Answer("200", lines, []byte(body(h, size)))
				}
			})
			if !answered {
				panic(name + ": nothing was asked: " + describe(s))
			}
			s.Close()
		}, 60 << 10})
	}
	introspected := config(opaque(nil), everything(nil), nil)
	user := config(userinfo(object{"claims": object{"subject": "user.id", "scopes": "scope", "audience": "aud"}}), notes(nil), nil)
	inHeaders := config(userinfo(object{"scopes_header": "x-scopes"}), notes(nil), nil)
	answer("scopes", introspected, nil, func(h *Host, n int) string {
		return toJSON(aboutToken(h, object{"scope": numbered("s%d ", n)}))
	})
	answer("audiences", introspected, nil, func(h *Host, n int) string {
		return toJSON(aboutToken(h, object{"aud": strings.Fields(numbered("s%d ", n))}))
	})
	for _, separator := range []string{" ", ",", "a ", "a,"} {
		answer(fmt.Sprintf("user/scopes/%q", separator), user, nil, func(h *Host, n int) string {
			return toJSON(object{"user": object{"id": 1}, "scope": fillUp(separator, n), "aud": resource})
		})
		answer(fmt.Sprintf("user/header/%q", separator), inHeaders, func(n int) Headers { return Headers{{"x-scopes", fillUp(separator, n)}} },
			func(*Host, int) string { return `{"sub":"a"}` })
	}
	answer("user/header lines", inHeaders, func(n int) Headers { return slices.Repeat(Headers{{"x-scopes", "a"}}, n/12) },
		func(*Host, int) string { return `{"sub":"a"}` })
	answer("user/cache-control", inHeaders, func(n int) Headers { return slices.Repeat(Headers{{"cache-control", "a"}}, n/20) },
		func(*Host, int) string { return `{"sub":"a"}` })
	answer("user/text", user, nil, func(h *Host, n int) string { return toJSON(object{"user": object{"id": fillUp("é\"", n)}}) })
	answer("user/nested", user, nil, func(h *Host, n int) string {
		return `{"user":{"id":1},"a":[` + fillUp("[[[[[[[[]]]]]]]],", n/17*17) + `1]}`
	})
	for name, document := range map[string]func(n int) string{
		"keys":    func(n int) string { return `{"keys":[` + fillUp(`{"kty":"x"},`, n/12*12) + `{}]}` },
		"members": func(n int) string { return `{"keys":[{` + numbered(`"a%d":1,`, n) + `"kty":"RSA"}]}` },
		"texts":   func(n int) string { return `{"keys":[{"kty":"RSA","n":"` + fillUp("AAAA", n) + `","e":"AQAB"}]}` },
	} {
		list = append(list, worstCase{"key set/" + name, config(fetching(object{"jwks_uri": issuer + "/keys"}), notes(nil), nil), func(h *Host, vm *VM, size, i int) {
			documents{"/keys": document(size)}.run(h, 10*time.Minute)
		}, 200 << 10})
	}
	return list
}

// A workshop has a VM for each configuration: to start one takes longer than most
// cases do.
type workshop map[string]*VM

// work returns the steps that a worst case of a size takes: the least of a few
// times, since memory may have to grow in the first. Go's collector does not run,
// whose work depends on all that came before.
func (w workshop) work(t testing.TB, c *worstCase, size int) uint64 {
	config := toJSON(c.config)
	vm := w[config]
	if vm == nil || vm.MemorySize() > 256<<20 {
		if vm != nil {
			vm.Kill()
		}
		h := countingHost(t, Options{HeadersStopIteration: c.config["allow_on_headers_stop_iteration"] == true, Environment: map[string]string{"GOGC": "off"}})
		vm = start(t, h, config)
		w[config] = vm
	}
	var least uint64
	for i := range 3 {
		before := vm.steps()
		c.send(vm.host, vm, size, i)
		if err := vm.Dead(); err != nil {
			t.Fatalf("%s, %d bytes: %v", c.name, size, err)
		}
		if n := vm.steps() - before; least == 0 || n < least {
			least = n
		}
	}
	return least
}

// The work on what a client or a server sends grows with its size and no faster:
// twice as much of it takes about twice as many steps, whichever parser it is
// for.
func TestWorkIsLinear(t *testing.T) {
	all := t // the hosts live longer than one case
	w := workshop{}
	for _, c := range worstCases() {
		t.Run(c.name, func(t *testing.T) {
			size := c.max
			if size == 0 {
				size = 60 << 10
			}
			quarter, half, whole := w.work(all, &c, size/4), w.work(all, &c, size/2), w.work(all, &c, size)
			t.Logf("%d bytes: %d steps, %d: %d, %d: %d", size/4, quarter, size/2, half, size, whole)
			// Linear work doubles; quadratic work is four times as much.
			if whole > quarter*11/2 || whole > half*5/2 && whole > 2*quarter {
				t.Errorf("%d bytes: %d steps, %d: %d, %d: %d", size/4, quarter, size/2, half, size, whole)
			}
			// Some of it is done for each entry of a large configuration.
			if limit := uint64(size) * 2000; whole > limit {
				t.Errorf("%d steps for %d bytes: more than 2000 each", whole, size)
			}
		})
	}
}

// What each parser costs at most, by the size of its input.
func BenchmarkWorstCase(b *testing.B) {
	all, w := b, workshop{}
	for _, c := range worstCases() {
		sizes := []int{1 << 10, 8 << 10, 60 << 10}
		if c.max > 60<<10 {
			sizes = append(sizes, c.max)
		}
		for _, size := range sizes {
			if c.max != 0 && size > c.max {
				size = c.max
			}
			b.Run(fmt.Sprintf("%s/%d", c.name, size), func(b *testing.B) {
				steps := w.work(all, &c, size)
				h := New(plugin(b), Options{HeadersStopIteration: c.config["allow_on_headers_stop_iteration"] == true})
				defer h.Close()
				vm := start(b, h, c.config)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					c.send(h, vm, size, i)
				}
				b.ReportMetric(float64(steps), "steps/op")
			})
		}
	}
}
