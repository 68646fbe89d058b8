// Command upstream answers calls of tools as a trivial MCP server without a check of its own,
// for set-ups whose gateway checks tokens. The answer tells which headers about the caller came.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"github.com/valyala/fasthttp"
)

// headers are those that the answer repeats.
type headers struct {
	Authorization string `json:"authorization"`
	Subject       string `json:"x-mcpauth-subject"`
	User          string `json:"x-user"`
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Println("listening on", listener.Addr())
		server := &fasthttp.Server{Handler: serve, MaxRequestBodySize: 1 << 20, NoDefaultServerHeader: true}
		err = server.Serve(listener)
	}
	fmt.Fprintln(os.Stderr, "upstream:", err)
	os.Exit(1)
}

func serve(ctx *fasthttp.RequestCtx) {
	header := func(name string) string { return string(ctx.Request.Header.Peek(name)) }
	seen, err := json.Marshal(headers{header("Authorization"), header("X-Mcpauth-Subject"), header("X-User")})
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	ctx.SetContentType("application/json")
	fmt.Fprintf(ctx, `{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"no notes"}],"seen":%s}}`, seen)
}
