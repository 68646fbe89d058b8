package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/itchyny/gojq"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc"

	"mcpauth/envoy-example/authserver"
	"mcpauth/envoy-example/envoy"
)

// auditExamples are the access log, the OpenTelemetry logger and the rule of audit.md.
func auditExamples(t *testing.T) (logFormat, openTelemetry object, rule string) {
	t.Helper()
	both := fenced(section(t, "audit.md", "## The access log"), "yaml")
	rules := fenced(section(t, "audit.md", "## Rules by it"), "yaml")
	if len(both) != 2 || len(rules) != 1 {
		t.Fatalf("audit.md: %d access logs and %d rules, want 2 and 1", len(both), len(rules))
	}
	logFormat, _ = member(parseYAML(t, both[0]), "log_format").(object)
	openTelemetry, _ = member(parseYAML(t, both[1]), "access_log").([]any)[0].(object)
	if logFormat == nil || openTelemetry == nil {
		t.Fatal("audit.md: no log_format")
	}
	return logFormat, openTelemetry, rules[0]
}

// TestStaticExampleHasTheAuditTrail: what the tests below show for the access log of the
// documentation is true for that of envoy.yaml.
func TestStaticExampleHasTheAuditTrail(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "envoy-example", "envoy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := auditExamples(t)
	if got := member(parseYAML(t, string(b)), "log_format"); !reflect.DeepEqual(got, any(want)) {
		t.Errorf("envoy.yaml has %s, audit.md %s", toJSON(got), toJSON(want))
	}
	if !strings.Contains(string(b), `"audit": true`) {
		t.Error("envoy.yaml has no audit")
	}
}

// audit is a gateway with an audit trail: notes has rules, open has none.
type audit struct {
	*gateway
	stage *stage
	lines int // of the access log that have been read
}

// auditStage starts a gateway that holds bodies as Envoy allows it with and without
// allow_on_headers_stop_iteration. change changes its options.
func auditStage(t *testing.T, s *stage, o authserver.Options, stops bool, change func(own *stage, o *envoy.Options)) *audit {
	t.Helper()
	own := keyStage(t, s, o)
	logFormat, _, _ := auditExamples(t)
	members := logFormat["json_format"].(object)
	members["text"] = `t="%FILTER_STATE(wasm.mcpauth-target:PLAIN)%" s="%FILTER_STATE(wasm.mcpauth-subject:PLAIN)%"`
	options := own.options(toJSON(object{
		"authorization_servers":           []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
		"allow_on_headers_stop_iteration": stops,
		"audit":                           true,
		"resources": []object{
			{"resource": notes, "required_scopes": []string{"read:notes"}, "tools": object{
				"delete_note": []string{"write:notes"}, "purge": object{"claims": object{"groups": []string{"admins"}}}}},
			{"resource": open},
		},
	}))
	options.HeadersStopIteration, options.AccessLog = stops, toJSON(logFormat)
	if change != nil {
		change(own, &options)
	}
	return &audit{gateway: own.start(t, options), stage: own}
}

func (a *audit) minted(resource, scope, subject string, more object) string {
	claims := object{"sub": subject, "client_id": "app"}
	for name, value := range more {
		claims[name] = value
	}
	return a.stage.auth.Mint(authserver.Token{Resource: resource, Scope: scope, Claims: claims})
}

// next returns the next line of the access log.
func (a *audit) next(t *testing.T) object {
	t.Helper()
	line := logLine(t, a.gateway, a.lines)
	a.lines++
	return line
}

// auditFields are the members of the access log that the plugin fills in.
var auditFields = []string{"outcome", "reason", "resource", "issuer", "subject", "client", "rpc_method", "target", "missing", "unread"}

// want checks them in the next line; those that are not in fields must be absent.
func (a *audit) want(t *testing.T, name string, status int, fields object) {
	t.Helper()
	line := a.next(t)
	if line["status"] != float64(status) {
		t.Errorf("%s: status %v, want %d: %s", name, line["status"], status, toJSON(line))
	}
	if reason := line["reason"]; fields["outcome"] == "passed" && (reason == "cache_hit" || reason == "cache_miss") {
		line["reason"] = fields["reason"] // which it is depends on the worker
	}
	for _, field := range auditFields {
		if line[field] != fields[field] {
			t.Errorf("%s: %s is %v, want %v: %s", name, field, line[field], fields[field], toJSON(line))
		}
	}
}

func messageBody(method string, params any) string {
	return toJSON(object{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

func calling(tool string) string {
	return messageBody("tools/call", object{"arguments": object{"text": strings.Repeat("x", 100)}, "name": tool})
}

// TestAuditTrail: what the access log of audit.md has of requests of all kinds.
func TestAuditTrail(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for _, stops := range []bool{true, false} {
			a := auditStage(t, s, authserver.Options{}, stops, nil)
			who := func(subject string, more object) object {
				o := object{"issuer": a.stage.auth.Issuer(), "subject": subject, "client": "app", "resource": notes}
				for name, value := range more {
					o[name] = value
				}
				return o
			}
			deleting, listing := object{"rpc_method": "tools/call", "target": "delete_note"}, object{"rpc_method": "tools/call", "target": "list_notes"}
			with := func(o, more object) object {
				all := object{}
				for _, m := range []object{o, more} {
					for name, value := range m {
						all[name] = value
					}
				}
				return all
			}
			reader := a.minted(notes, "read:notes", "alice", nil)
			writer := a.minted(notes, "read:notes write:notes", "alice", nil)
			eventually(t, recovery, func() string { return passes(a.gateway, a.minted(notes, "read:notes", "warm up", nil)) })
			for !strings.Contains(toJSON(a.next(t)), `"outcome":"passed"`) {
			}
			large := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"text":"` + strings.Repeat("\\\"}", 200_000) + `"},"name":"delete_note"}}`
			odd := "zoë \"x\"\\\n{},"
			for n, c := range []struct {
				name, path, token, body string
				status                  int
				fields                  object
			}{
				{"passes", "/notes", reader, calling("list_notes"), 200, who("alice", with(listing, object{"outcome": "passed"}))},
				{"a scope is missing", "/notes", reader, calling("delete_note"), 403, who("alice", with(deleting, object{"outcome": "insufficient_scope", "missing": "write:notes"}))},
				{"stepped up", "/notes", writer, calling("delete_note"), 200, who("alice", with(deleting, object{"outcome": "passed"}))},
				{"a claim is missing", "/notes", reader, calling("purge"), 403, who("alice", object{"outcome": "access_denied", "reason": "claim", "rpc_method": "tools/call", "target": "purge", "missing": "groups"})},
				{"the required scope is missing", "/notes", a.minted(notes, "x", "bob", nil), calling("list_notes"), 403, who("bob", object{"outcome": "insufficient_scope", "missing": "read:notes"})},
				{"expired", "/notes", a.minted(notes, "read:notes", "bob", object{"exp": 1}), calling("list_notes"), 401, who("bob", object{"outcome": "invalid_token", "reason": "expired"})},
				{"another audience", "/notes", a.minted(open, "read:notes", "bob", nil), calling("list_notes"), 401, who("bob", object{"outcome": "invalid_token", "reason": "audience"})},
				{"no signature", "/notes", reader[:strings.LastIndex(reader, ".")] + ".AAAA", calling("list_notes"), 401, object{"resource": notes, "outcome": "invalid_token", "reason": "signature"}},
				{"malformed", "/notes", "x.y.z", calling("list_notes"), 401, object{"resource": notes, "outcome": "invalid_token", "reason": "malformed"}},
				{"no token", "/notes", "", calling("delete_note"), 401, object{"resource": notes, "outcome": "unauthorized"}},
				{"a body in two readings", "/notes", reader, `{"method":"ping","method":"x"}`, 400, who("alice", object{"outcome": "bad_request", "reason": "body"})},
				{"no resource", "/other", reader, calling("list_notes"), 404, object{"outcome": "not_found", "reason": "no_resource"}},
				{"metadata", wellKnown + "/notes", "", "", 200, object{"resource": notes, "outcome": "metadata"}},
				{"Envoy refuses", "/notes%2Fx", reader, calling("list_notes"), 400, object{}},
				{"a batch", "/notes", reader, "[" + calling("list_notes") + "," + messageBody("ping", object{}) + "]", 0, who("alice", object{"outcome": "passed", "rpc_method": "tools/call ping", "target": "list_notes -"})},
				{"without rules", "/open", a.minted(open, "", "carol", nil), calling("delete_note"), 200, with(who("carol", with(deleting, object{"outcome": "passed"})), object{"resource": open})},
				{"without rules, large", "/open", a.minted(open, "", "carol", nil), large, 200, with(who("carol", with(deleting, object{"outcome": "passed"})), object{"resource": open})},
				{"a tool of 64 KB", "/open", a.minted(open, "", "carol", nil), calling(strings.Repeat("t", 64<<10)), 0, with(who("carol", object{"outcome": "passed", "unread": "size"}), object{"resource": open})},
				{"a tool of 64 KB, with rules", "/notes", reader, calling(strings.Repeat("t", 64<<10)), 0, who("alice", object{"outcome": "passed", "rpc_method": "tools/call", "target": strings.Repeat("t", 256) + "*"})},
				{"a long batch", "/open", a.minted(open, "", "carol", nil), "[" + strings.Repeat(messageBody("ping", object{})+",", 210) + calling("delete_note") + "]", 0, with(who("carol", object{"outcome": "passed", "rpc_method": strings.Repeat("ping ", 205) + "*"}), object{"resource": open})},
				{"a hostile tool", "/open", a.minted(open, "", odd, nil), calling("a\n\"},{\"outcome\":\"passed\u2028 b"), 0, with(who(`zo%C3%AB "x"\%0A{},`, object{"outcome": "passed", "rpc_method": "tools/call", "target": "a%0A%22%7D%2C%7B%22outcome%22:%22passed%E2%80%A8%20b"}), object{"resource": open})},
			} {
				h := headers("wasm.mcpauth-target", "forged", "x-mcpauth-outcome", "forged")
				if c.token != "" {
					h = bearer(c.token, "wasm.mcpauth-target", "forged", "x-mcpauth-outcome", "forged")
				}
				r := toolCall(protocols[n%2], c.path+"?secret=1", h)
				if r.body = c.body; c.body == "" {
					r.method = http.MethodGet
				}
				got := a.do(t, r)
				if c.status == 0 { // what the server says of it
					c.status = got.status
				}
				name := fmt.Sprintf("%s, stops %v", c.name, stops)
				if got.status != c.status {
					t.Errorf("%s: status %d: %s", name, got.status, got.body)
				}
				a.want(t, name, c.status, c.fields)
			}
			log := a.AccessLog()
			if n := strings.Count(log, "\n"); n != a.lines {
				t.Errorf("%d lines for %d requests", n, a.lines)
			}
			for _, secret := range []string{"secret", "forged", reader} {
				if strings.Contains(log, secret) {
					t.Errorf("the access log has %.20q", secret)
				}
			}
			lines := strings.Split(strings.TrimSuffix(log, "\n"), "\n")
			var last object
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
				t.Fatal(err)
			}
			// In a text, a target ends no quotes; a subject may, which JSON escapes.
			if want := `t="a%0A%22%7D%2C%7B%22outcome%22:%22passed%E2%80%A8%20b" s="zo%C3%AB "x"\%0A{},"`; last["text"] != want {
				t.Errorf("text %v, want %s", last["text"], want)
			}
			a.testQueries(t)
		}
	})
}

// run runs a command of audit.md over the access log, as jq does.
func (a *audit) run(t *testing.T, command string) (results []any) {
	t.Helper()
	words := strings.Fields(command)
	if words[0] != "jq" || words[len(words)-1] != "access.log" {
		t.Fatalf("%q is no query of access.log", command)
	}
	var names []string
	var values []any
	var program, flags string
	words = words[1 : len(words)-1]
	for len(words) > 0 {
		switch words[0] {
		case "--arg", "--argjson":
			var value any = words[2]
			if words[0] == "--argjson" {
				if err := json.Unmarshal([]byte(words[2]), &value); err != nil {
					t.Fatal(err)
				}
			}
			names, values, words = append(names, "$"+words[1]), append(values, value), words[3:]
		case "-f":
			b, err := os.ReadFile(filepath.Join("..", "..", words[1]))
			if err != nil {
				t.Fatal(err)
			}
			program, words = string(b), words[2:]
		default:
			flags, words = flags+strings.TrimPrefix(words[0], "-"), words[1:]
		}
	}
	var inputs []any
	for line := range strings.Lines(a.AccessLog()) {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, v)
	}
	query, err := gojq.Parse(program)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	code, err := gojq.Compile(query, gojq.WithVariables(names), gojq.WithInputIter(gojq.NewIter(inputs...)))
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if strings.Contains(flags, "n") {
		inputs = []any{nil}
	}
	for _, input := range inputs {
		iter := code.Run(input, values...)
		for v, ok := iter.Next(); ok; v, ok = iter.Next() {
			if err, ok := v.(error); ok {
				t.Fatalf("%s: %v", command, err)
			}
			results = append(results, v)
		}
	}
	return results
}

// testQueries runs the commands of audit.md over the requests of TestAuditTrail.
func (a *audit) testQueries(t *testing.T) {
	t.Helper()
	commands := fenced(section(t, "audit.md", "## Questions to it"), "sh")
	if len(commands) != 2 {
		t.Fatalf("audit.md: %d commands", len(commands))
	}
	var called []string
	for _, line := range a.run(t, commands[0]) {
		columns := strings.Split(line.(string), "\t")
		called = append(called, strings.Join(append(columns[1:4:4], columns[5], columns[6]), " "))
	}
	want := []string{
		"insufficient_scope alice app write:notes delete_note",
		"passed alice app - delete_note",
		"passed carol app - delete_note",
		"passed carol app - delete_note",
		"passed carol app - unread: size",
		"passed carol app - cut",
	}
	if !reflect.DeepEqual(called, want) {
		t.Errorf("%s gives %q, want %q", commands[0], called, want)
	}
	stepped := a.run(t, commands[1])
	if len(stepped) != 1 {
		t.Fatalf("%s gives %s", commands[1], toJSON(stepped))
	}
	wantStep := object{"subject": "alice", "target": "delete_note", "missing": "write:notes", "resource": notes, "issuer": a.stage.auth.Issuer()}
	for name, value := range wantStep {
		if got := stepped[0].(object)[name]; got != value {
			t.Errorf("%s: %s is %v, want %v", commands[1], name, got, value)
		}
	}
}

// TestAuditOfHeldRequestsInEnvoy: requests that wait have their values when they go on, are
// refused, or are given up by their clients.
func TestAuditOfHeldRequestsInEnvoy(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		release := make(chan struct{})
		own := auditStage(t, s, authserver.Options{}, true, func(own *stage, _ *envoy.Options) {
			own.auth.Override("/jwks", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-release
				w.Write(own.auth.KeySet())
			}))
		})
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan string, 2)
		send := func(ctx context.Context, token, tool string) {
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+own.Addr()+"/notes", strings.NewReader(calling(tool)))
			r.Header = bearer(token, "Content-Type", "application/json", "Accept", "application/json, text/event-stream")
			r.Host = "mcp.example.com"
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				done <- "gone"
				return
			}
			res.Body.Close()
			done <- res.Status
		}
		go send(ctx, own.minted(notes, "read:notes", "dave", nil), "list_notes")
		go send(t.Context(), own.minted(notes, "read:notes", "erin", nil), "delete_note")
		held := func(n int) func() string {
			return func() string {
				stats, err := own.Stats(t.Context(), "mcpauth_held_requests")
				if err != nil {
					return err.Error()
				}
				for _, got := range stats {
					if int(got) == n {
						return ""
					}
				}
				return fmt.Sprint("held: ", stats)
			}
		}
		eventually(t, recovery, held(2))
		leave()
		<-done
		eventually(t, recovery, held(1))
		own.want(t, "left", 0, object{"outcome": "client_gone", "resource": notes})
		close(release)
		<-done
		own.want(t, "refused", 403, object{"outcome": "insufficient_scope", "missing": "write:notes", "resource": notes,
			"issuer": own.stage.auth.Issuer(), "subject": "erin", "client": "app", "rpc_method": "tools/call", "target": "delete_note"})
	})
}

// TestRulesByTheAuditTrail: the rule of audit.md keeps a client from a tool.
func TestRulesByTheAuditTrail(t *testing.T) {
	_, _, rule := auditExamples(t)
	onEach(t, func(t *testing.T, s *stage) {
		a := auditStage(t, s, authserver.Options{}, true, func(_ *stage, o *envoy.Options) { o.Filters = rule })
		for _, c := range []struct {
			client, tool string
			status       int
		}{{"reports", "list_notes", 200}, {"app", "delete_note", 200}, {"reports", "delete_note", 403}} {
			r := toolCall(protocols[0], "/notes", bearer(a.minted(notes, "read:notes write:notes", "alice", object{"client_id": c.client})))
			r.body = calling(c.tool)
			got := a.do(t, r)
			if got.status != c.status || c.status == 403 && got.body != "RBAC: access denied" {
				t.Errorf("%s, %s: %d %s", c.client, c.tool, got.status, got.body)
			}
			if line := a.next(t); line["outcome"] != "passed" || line["target"] != c.tool || line["client"] != c.client {
				t.Errorf("%s, %s: %s", c.client, c.tool, toJSON(line))
			}
		}
	})
}

// logCollector receives log records by OTLP over gRPC.
type logCollector struct {
	collector.UnimplementedLogsServiceServer
	mu      sync.Mutex
	records []*logs.LogRecord
}

func (c *logCollector) Export(_ context.Context, r *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range r.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			c.records = append(c.records, scope.LogRecords...)
		}
	}
	return &collector.ExportLogsServiceResponse{}, nil
}

// TestAuditByOpenTelemetry: the logger of audit.md delivers the values to a collector.
func TestAuditByOpenTelemetry(t *testing.T) {
	_, logger, _ := auditExamples(t)
	onEach(t, func(t *testing.T, s *stage) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c := &logCollector{}
		server := grpc.NewServer()
		collector.RegisterLogsServiceServer(server, c)
		go server.Serve(l)
		t.Cleanup(server.Stop)

		own := keyStage(t, s, authserver.Options{})
		plugin := object{"audit": true, "authorization_servers": []object{{"issuer": own.auth.Issuer(), "cluster": "auth"}},
			"resources": []object{{"resource": notes, "tools": object{"delete_note": []string{"write:notes"}}}}}
		o := own.options(toJSON(plugin))
		o.AccessLog = `{text_format_source: {inline_string: "x\n"}}`
		text, err := envoy.Bootstrap(o, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		bootstrap := parseYAML(t, text).(object)
		manager := member(bootstrap, "filters").([]any)[0].(object)["typed_config"].(object)
		manager["access_log"] = []any{logger}
		resources := bootstrap["static_resources"].(object)
		host, port, _ := net.SplitHostPort(l.Addr().String())
		resources["clusters"] = append(resources["clusters"].([]any), object{
			"name": "otel", "type": "STATIC", "connect_timeout": "1s",
			"typed_extension_protocol_options": object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
				"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": object{"http2_protocol_options": object{}}}},
			"load_assignment": object{"cluster_name": "otel", "endpoints": []object{{"lb_endpoints": []object{{"endpoint": object{
				"address": object{"socket_address": object{"address": host, "port_value": json.Number(port)}}}}}}}},
		})
		g := own.start(t, envoy.Options{Bootstrap: toJSON(bootstrap)})
		token := own.auth.Mint(authserver.Token{Resource: notes, Claims: object{"sub": "alice \"x\"", "client_id": "app"}})
		r := toolCall(protocols[0], "/notes", bearer(token))
		r.body = calling("delete_note")
		if a := g.do(t, r); a.status != http.StatusForbidden {
			t.Fatal(a.status, a.body)
		}
		eventually(t, 30*time.Second, func() string {
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.records) == 0 {
				return "no record"
			}
			record := c.records[0]
			got := object{"outcome": record.Body.GetStringValue()}
			for _, a := range record.Attributes {
				got[strings.TrimPrefix(a.Key, "mcpauth.")] = a.Value.GetStringValue()
			}
			want := object{"outcome": "insufficient_scope", "reason": "-", "resource": notes, "issuer": own.auth.Issuer(), "subject": `alice "x"`, "client": "app",
				"method": "tools/call", "target": "delete_note", "missing": "write:notes", "unread": "-"}
			if !reflect.DeepEqual(got, want) {
				return fmt.Sprintf("the record has %s, want %s", toJSON(got), toJSON(want))
			}
			return ""
		})
	})
}

// TestAuditAcrossRetriesAndRedirects: a retry keeps the values. An internal redirect begins
// with none: the plugin decides anew, and has a line of its own in the log.
func TestAuditAcrossRetriesAndRedirects(t *testing.T) {
	var tried sync.Map // by the ID of the request
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/notes/retry":
			if _, again := tried.LoadOrStore(r.Header.Get("X-Request-Id"), true); !again {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "/notes/redirect":
			w.Header().Set("Location", "http://mcp.example.com/open/there")
			w.WriteHeader(http.StatusFound)
		case "/notes/out":
			w.Header().Set("Location", "http://mcp.example.com/other")
			w.WriteHeader(http.StatusFound)
		}
	}))
	t.Cleanup(upstream.Close)
	onEach(t, func(t *testing.T, s *stage) {
		dir := t.TempDir()
		a := auditStage(t, s, authserver.Options{}, false, func(_ *stage, o *envoy.Options) {
			o.Clusters = append(o.Clusters, envoy.ClusterAt("moves", upstream.Listener.Addr().String()))
			o.Upstream = "moves"
			bootstrap, err := envoy.Bootstrap(*o, dir)
			const route = `route: {cluster: "moves", timeout: 0s`
			if err != nil || strings.Count(bootstrap, route) != 1 {
				t.Fatalf("%v: no %q in\n%s", err, route, bootstrap)
			}
			o.Bootstrap = strings.Replace(bootstrap, route, route+", retry_policy: {retry_on: 5xx, num_retries: 2}, internal_redirect_policy: {}", 1)
		})
		token := a.stage.auth.Mint(authserver.Token{Resource: notes, Scope: "read:notes", Claims: object{"sub": "alice", "client_id": "app", "aud": []string{notes, open}}})
		for _, c := range []struct {
			path   string
			status int
			want   []string // outcome, resource and subject of each line
		}{
			{"/notes/retry", 200, []string{"passed " + notes + " alice"}},
			// The first decision has removed the token.
			{"/notes/redirect", 401, []string{"passed " + notes + " alice", "unauthorized " + open + " <nil>"}},
			{"/notes/out", 404, []string{"passed " + notes + " alice", "not_found <nil> <nil>"}},
		} {
			os.Truncate(filepath.Join(dir, "access.log"), 0)
			if got := a.do(t, request{path: c.path, header: bearer(token)}); got.status != c.status {
				t.Errorf("%s: %d %s", c.path, got.status, got.body)
			}
			eventually(t, recovery, func() string {
				b, err := os.ReadFile(filepath.Join(dir, "access.log"))
				if err != nil {
					return err.Error()
				}
				var got []string
				for text := range strings.Lines(strings.Trim(string(b), "\x00")) {
					var line object
					if err := json.Unmarshal([]byte(text), &line); err != nil {
						return err.Error()
					}
					got = append(got, fmt.Sprint(line["outcome"], " ", line["resource"], " ", line["subject"]))
				}
				if !reflect.DeepEqual(got, c.want) {
					return fmt.Sprintf("%s: %q, want %q", c.path, got, c.want)
				}
				return ""
			})
		}
	})
}
