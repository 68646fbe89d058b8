package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// callJSON calls an API whose bodies are JSON; token may be empty.
func callJSON(ctx context.Context, method, endpoint, token string, body, answer any) error {
	var content io.Reader
	if body != nil {
		document, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(document)
	}
	req, err := http.NewRequestWithContext(ctx, method, endpoint, content)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: status %d, %.500s", method, endpoint, res.StatusCode, text)
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(text, answer)
	}
	return err
}

// postForm posts a form to a provider, and returns the status and the JSON.
func postForm(ctx context.Context, endpoint string, form url.Values) (int, map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	var document map[string]any
	text, err := io.ReadAll(res.Body)
	if err == nil && len(text) > 0 {
		json.Unmarshal(text, &document) // what is no JSON has no members
	}
	return res.StatusCode, document, err
}
