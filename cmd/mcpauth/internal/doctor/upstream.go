package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"mcpauth/cmd/mcpauth/internal/report"
)

// An upstreamResult is what the MCP server behind the gateway has shown.
type upstreamResult struct {
	versions []string // that it speaks
	name     string
	version  string // of MCP, which the SDK and the server have agreed on
	tools    int
	err      error // of the session
	whoami   string
	whoErr   error
}

func observeUpstream(ctx context.Context, o *Observation) {
	u := &upstreamResult{}
	o.upstream = u
	if !isInitialized(o.token.live.Body) {
		return
	}
	for _, v := range versions {
		x := o.post(ctx, o.Token, v)
		var r struct {
			Result struct {
				Version string `json:"protocolVersion"`
			} `json:"result"`
		}
		if x.Err == nil && json.Unmarshal(x.Body, &r) == nil && r.Result.Version == v {
			u.versions = append(u.versions, v)
		}
	}
	u.err = o.session(ctx, u)
}

// isInitialized reports whether a body is the answer to initialize.
func isInitialized(body []byte) bool {
	var r rpc
	return json.Unmarshal(body, &r) == nil && bytes.Contains(r.Result, []byte(`"protocolVersion"`))
}

// session talks to the MCP server with the official SDK.
func (o *Observation) session(ctx context.Context, u *upstreamResult) error {
	o.Progress("talks to the MCP server")
	client := mcp.NewClient(&mcp.Implementation{Name: "mcpauth doctor", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: o.URL, HTTPClient: &http.Client{Transport: bearer{o.client.HTTP().Transport, o.Token}, Timeout: o.client.Timeout()},
		DisableStandaloneSSE: true, MaxRetries: -1,
	}, nil)
	if err != nil {
		return err
	}
	defer session.Close()
	info := session.InitializeResult()
	if info == nil {
		return nil
	}
	u.version = info.ProtocolVersion
	if info.ServerInfo != nil {
		u.name = info.ServerInfo.Name + " " + info.ServerInfo.Version
	}
	if info.Capabilities == nil || info.Capabilities.Tools == nil {
		return nil
	}
	list, err := session.ListTools(ctx, nil)
	if err != nil {
		return err
	}
	u.tools = len(list.Tools)
	if o.Whoami == "" {
		return nil
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: o.Whoami})
	if err != nil {
		u.whoErr = err
		return nil
	}
	text, err := json.Marshal(result)
	u.whoami, u.whoErr = string(text), err
	return nil
}

// bearer adds a token to requests, and bounds the bodies of responses.
type bearer struct {
	next  http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxSession), resp.Body}
	}
	return resp, err
}

// maxSession bounds each response in a session.
const maxSession = 8 << 20

var upstreamChecks = []check{
	{"mcp", checkMCP},
	{"mcp-session", checkSession},
	{"identity", checkIdentity},
}

func checkMCP(o *Observation) []report.Result {
	x, u := o.token.live, o.upstream
	if isInitialized(x.Body) {
		if len(u.versions) == 0 {
			return pass("the server behind the gateway speaks MCP")
		}
		return pass("the server behind the gateway speaks MCP %s", strings.Join(u.versions, ", "))
	}
	var r rpc
	body := strings.ToLower(string(x.Body[:min(len(x.Body), 4096)]))
	switch {
	case json.Unmarshal(x.Body, &r) == nil && r.Error != nil:
		return one(report.Failure, fmt.Sprintf("the server answers with the error %d: %s", r.Error.Code, r.Error.Message), "see the server's log", "")
	case x.Status == http.StatusNotFound:
		return one(report.Failure, "404 from behind the gateway: the server does not speak MCP at the path "+o.target.Path,
			"have the route rewrite the path to the one at which the server speaks MCP, often /mcp (prefix_rewrite; URLRewrite in Gateway API)", "")
	case x.Status == http.StatusMisdirectedRequest, (x.Status == http.StatusForbidden || x.Status == http.StatusBadRequest) && strings.Contains(body, "host"):
		return one(report.Failure, fmt.Sprintf("the server refuses the gateway's host (status %d): it guards against DNS rebinding", x.Status),
			"list the gateway's host in the server's allowed hosts", "")
	case x.Status == http.StatusBadGateway, x.Status == http.StatusGatewayTimeout:
		return one(report.Failure, fmt.Sprintf("Envoy cannot reach the MCP server (status %d)", x.Status), "look at the cluster of the route", "")
	case x.Redirect() != "":
		return one(report.Failure, fmt.Sprintf("the server redirects (%d) to another path: %s", x.Status, x.Redirect()), "have the route rewrite the path to that one; often a slash at the end", "")
	case x.IsHTML():
		return one(report.Failure, "a web page comes from behind the gateway", "the route leads to another server, or to another path of it", "")
	}
	return one(report.Failure, fmt.Sprintf("the server behind the gateway does not answer as MCP (status %d)", x.Status), "does it speak Streamable HTTP at this path?", "")
}

func checkSession(o *Observation) []report.Result {
	u := o.upstream
	if !isInitialized(o.token.live.Body) {
		return nil
	}
	if u.err != nil {
		return one(report.Failure, "the official SDK cannot work with it: "+u.err.Error(), "see the server's log; if requests after the first fail, does Envoy lead them to the same replica?", "")
	}
	return pass("the official SDK speaks MCP %s with %s, which has %d tools", u.version, orNone([]string{u.name}), u.tools)
}

func checkIdentity(o *Observation) []report.Result {
	u := o.upstream
	if o.Whoami == "" || u.err != nil || !isInitialized(o.token.live.Body) {
		return nil
	}
	switch subject := subjectOf(o); {
	case u.whoErr != nil:
		return one(report.Failure, "the tool "+o.Whoami+" fails: "+u.whoErr.Error(), "", "")
	case strings.Contains(u.whoami, o.Token):
		if o.resource != nil && o.resource.Forward {
			return one(report.Note, "the server sees the token, as forward says", "", "RESOURCE.forward")
		}
		return one(report.Failure, "the server sees the token", `remove "forward": true; look for a second way to the server`, "RESOURCE.forward")
	case subject != "" && !strings.Contains(u.whoami, subject):
		return one(report.Failure, "the server does not see who calls", "does it read x-mcpauth-subject? Is the name in identity_headers?", "RESOURCE.identity_headers")
	}
	return pass("the server sees who calls, and not the token")
}

func subjectOf(o *Observation) string {
	if o.token.err != nil {
		return ""
	}
	return o.token.token.Claims().Subject
}
