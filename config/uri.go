package config

import (
	"strconv"
	"strings"

	"mcpauth/internal/percent"
)

const faultURI = `must be a URI that no server reads as another: a lower-case scheme, no #, dot segments or doubled slashes, no percent-encoding of letters, digits, -._~, / and \, upper-case digits in the others`

// IsPlainURI reports whether every parser leaves a URI (RFC 3986) unchanged. Servers
// compare the URIs of MCP resources after a parser has rewritten them. The most common
// parser, that of the URL Standard, resolves dot segments and rewrites hosts; others
// decode percent-encodings. If prefix is set, uri is the beginning of a URI.
func IsPlainURI(uri string, prefix bool) bool {
	for i := 0; i < len(uri); i++ {
		c := uri[i]
		if c <= ' ' || c >= 0x7F || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			return false
		}
		if c != '%' {
			continue
		}
		c, ok := percent.Decode(uri[i:])
		if !ok || uri[i+1] >= 'a' || uri[i+2] >= 'a' {
			return false
		}
		if isUnreserved(c) || c == '/' || c == '\\' || c < ' ' || c == 0x7F {
			return false
		}
	}
	scheme, path, whole := strings.Cut(uri, ":")
	for i := 0; i < len(scheme); i++ {
		if c := scheme[i]; !('a' <= c && c <= 'z') && (i == 0 || !isDigit(c) && c != '+' && c != '.' && c != '-') {
			return false
		}
	}
	if !whole {
		return prefix
	}
	path, text, query := strings.Cut(path, "?")
	prefix = prefix && !query // the text before a query is complete
	if isSpecial(scheme) && strings.IndexByte(text, '\'') >= 0 {
		return false // the URL Standard percent-encodes "'" in a query, and only there
	}
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		path = rest[end:]
		if !isPlainAuthority(scheme, rest[:end], prefix && path == "") {
			return false
		}
	} else if isSpecial(scheme) && !(prefix && strings.HasPrefix("//", path)) {
		return false // the URL Standard reads "https:h/p" as "https://h/p"
	}
	if isSpecial(scheme) && path == "" && !prefix || scheme == "" {
		return false
	}
	closed := "/" + path
	if !prefix {
		closed += "/"
	}
	return !strings.Contains(path, "//") && !strings.Contains(closed, "/./") && !strings.Contains(closed, "/../")
}

// isSpecial reports whether a scheme is special in the URL Standard.
func isSpecial(scheme string) bool {
	switch scheme {
	case "http", "https", "ws", "wss", "ftp", "file":
		return true
	}
	return false
}

// isPlainAuthority reports whether every parser leaves the text between "//" and the path
// unchanged. If prefix is set, authority is its beginning.
func isPlainAuthority(scheme, authority string, prefix bool) bool {
	if authority == "" {
		return prefix || scheme == "file" || !isSpecial(scheme)
	}
	if strings.ContainsAny(authority, "@[") || scheme == "file" {
		return false
	}
	host, port, hasPort := strings.Cut(authority, ":")
	open := prefix && !hasPort // more of the host may follow
	if isSpecial(scheme) && (host != strings.ToLower(host) ||
		checkHostName(host) != nil && !(open && (checkHostName(host+"a") == nil || checkHostName(host+".a") == nil))) {
		return false
	}
	if !hasPort || prefix && port == "" {
		return true
	}
	n, err := strconv.Atoi(port)
	return err == nil && strconv.Itoa(n) == port && (prefix || !(isSpecial(scheme) && (n == 80 || n == 443 || n == 21)))
}
