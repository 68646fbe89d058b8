package providers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"mcpauth/integration/install"
)

// callback is where MCP clients are sent back to. Nobody listens there: the
// redirect is read, not followed.
const callback = "http://127.0.0.1:33333/callback"

// A person opens an authorization URL in a browser, signs in and agrees. visit returns the
// URL that the browser is sent back to: the redirect URI of the client, with the response.
type person interface {
	visit(ctx context.Context, authorizationURL string) (*url.URL, error)
}

// user is a person in front of a browser that is an HTTP client: what they enter, by the
// names of the fields. A button is a field that has a name.
type user map[string]string

// inChromium is a user in front of Chromium.
type inChromium struct {
	user
	chromium string // its path
}

func (u inChromium) visit(ctx context.Context, authorizationURL string) (*url.URL, error) {
	dir, err := folder("clients", "browser")
	if err != nil {
		return nil, err
	}
	if _, err := install.NodeModules(ctx, dir); err != nil {
		return nil, err
	}
	request, err := url.Parse(authorizationURL)
	if err != nil {
		return nil, err
	}
	task, err := json.Marshal(map[string]any{
		"chromium": u.chromium, "url": authorizationURL, "fields": u.user,
		"until": cmp.Or(request.Query().Get("redirect_uri"), callback),
	})
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "node", filepath.Join(dir, "signin.mjs"))
	cmd.Stdin = bytes.NewReader(task)
	var told bytes.Buffer
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("sign in with Chromium: %w\n%s", err, told.Bytes())
	}
	return url.Parse(strings.TrimSpace(string(out)))
}

// maxPages bounds the way from an authorization URL to the client: the login and
// the consent, each with redirects, which http.Client follows.
const maxPages = 5

// visit opens an authorization URL, fills in and sends each form that the
// provider shows, and returns the URL that the browser is sent back to: the redirect URI
// of the client, with the response.
func (u user) visit(ctx context.Context, authorizationURL string) (*url.URL, error) {
	request, err := url.Parse(authorizationURL)
	if err != nil {
		return nil, err
	}
	client := request.Query().Get("redirect_uri")
	if client == "" {
		client = callback
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		if strings.HasPrefix(to.URL.String(), client) || len(via) > 20 {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authorizationURL, nil)
	for range maxPages {
		if err != nil {
			return nil, err
		}
		res, err := browser.Do(req)
		if err != nil {
			return nil, err
		}
		if to, err := res.Location(); err == nil {
			res.Body.Close()
			return to, nil
		}
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return nil, err
		}
		req, err = u.submit(ctx, res.Request.URL, page)
		if err != nil {
			return nil, fmt.Errorf("%s: status %d: %w", res.Request.URL.Redacted(), res.StatusCode, err)
		}
	}
	return nil, fmt.Errorf("no end of forms at %s", req.URL.Redacted())
}

// submit returns the request that sends the first form of a page.
func (u user) submit(ctx context.Context, at *url.URL, page []byte) (*http.Request, error) {
	document, err := html.Parse(strings.NewReader(string(page)))
	if err != nil {
		return nil, err
	}
	form := first(document, "form")
	if form == nil {
		return nil, fmt.Errorf("no form in %.2000q", page)
	}
	fields := url.Values{}
	for n := range form.Descendants() {
		name := attribute(n, "name")
		if n.Type != html.ElementNode || name == "" || !slices.Contains([]string{"input", "button"}, n.Data) {
			continue
		}
		if entered, ok := u[name]; ok {
			fields.Set(name, entered)
		} else if attribute(n, "type") == "hidden" || n.Data == "button" && attribute(n, "value") == "agree" {
			fields.Set(name, attribute(n, "value")) // the button is that of mcpauth's own page
		}
	}
	if len(fields) == 0 {
		return nil, errors.New("a form with no field that is known")
	}
	action, err := at.Parse(attribute(form, "action"))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req, nil
}

func first(document *html.Node, element string) *html.Node {
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && n.Data == element {
			return n
		}
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
