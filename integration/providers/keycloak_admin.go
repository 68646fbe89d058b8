//go:build providers

package providers

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// keycloakAdmin calls Keycloak's admin REST API.
type keycloakAdmin struct {
	origin   string
	password string
}

func loginKeycloakAdmin(ctx context.Context, origin, password string) (*keycloakAdmin, error) {
	a := &keycloakAdmin{origin, password}
	_, err := a.token(ctx)
	return a, err
}

// token is a new one for each call: the administrator's tokens live for a minute.
func (a *keycloakAdmin) token(ctx context.Context) (string, error) {
	status, document, err := postForm(ctx, a.origin+"/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {a.password},
	})
	token, _ := document["access_token"].(string)
	if err == nil && token == "" {
		err = fmt.Errorf("keycloak: the administrator cannot log in: status %d, %v", status, document["error"])
	}
	return token, err
}

// do calls the API. path begins below the list of realms.
func (a *keycloakAdmin) do(ctx context.Context, method, path string, body, answer any) error {
	token, err := a.token(ctx)
	if err != nil {
		return err
	}
	return callJSON(ctx, method, a.origin+"/admin/realms"+path, token, body, answer)
}

func (r *KeycloakRealm) get(ctx context.Context, path string) (o object, err error) {
	return o, r.do(ctx, http.MethodGet, path, nil, &o)
}

// find returns the id of the object of a list whose member has a value.
func (r *KeycloakRealm) find(ctx context.Context, path, member, value string) (string, error) {
	var list []object
	if err := r.do(ctx, http.MethodGet, path, nil, &list); err != nil {
		return "", err
	}
	for _, o := range list {
		if id, ok := o["id"].(string); ok && o[member] == value {
			return id, nil
		}
	}
	return "", fmt.Errorf("keycloak: %s has no %s", path, value)
}

// checkSHA256 tells whether a file is the one that was pinned.
func checkSHA256(name, want string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s: SHA-256 %s, want %s", filepath.Base(name), got, want)
	}
	return nil
}

// unzip unpacks an archive, without the folder that holds everything.
func unzip(archive, dir string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, f := range r.File {
		_, name, _ := strings.Cut(f.Name, "/")
		if name == "" || f.FileInfo().IsDir() {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: a file outside of it: %q", filepath.Base(archive), name)
		}
		if err := unzipFile(f, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func unzipFile(f *zip.File, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, f.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
