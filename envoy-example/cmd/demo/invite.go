package main

import "fmt"

// curlToken returns the command that puts a token into the shell variable TOKEN.
func (d *demo) curlToken() string {
	return fmt.Sprintf(`TOKEN=$(curl -s %s -u %s:%s -d grant_type=client_credentials -d scope=read:notes -d resource=%s | sed 's/.*"access_token":"\([^"]*\)".*/\1/')`,
		d.auth.Endpoint("token"), demoClient.ID, demoClient.Secret, d.resource)
}

// curlCall returns the command that calls a tool with that token.
func (d *demo) curlCall() string {
	return fmt.Sprintf(`curl -si %s -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d '%s'`,
		d.resource, callBody("whoami"))
}

// invite prints commands to try while the example runs.
func (d *demo) invite() {
	d.term.text(fmt.Sprintf(`
Try it, in another terminal:

  curl -si %s
  curl -si %s
  %s
  %s

or connect an MCP client (VS Code, Claude, the MCP Inspector) to

  %s

Ctrl-C ends everything.`, d.resource, d.metadataURL(), d.curlToken(), d.curlCall(), d.resource))
}
