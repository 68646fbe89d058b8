package config

import (
	"strconv"
	"strings"

	"mcpauth/internal/percent"
)

const (
	errNoHost   = fault("must have a host")
	errBadHost  = fault("must have a host name of letters, digits, dots, hyphens and underscores, an IPv4 address or an IPv6 address in brackets")
	errBadIPv4  = fault("must have an IPv4 address of four decimal numbers from 0 to 255")
	errBadIPv6  = fault("must have an IPv6 address of hexadecimal groups in brackets, without a zone")
	errBadPort  = fault("must have a port from 1 to 65535, or none")
	errLongHost = fault("must have a host name of at most 253 bytes, with at most 63 between two dots")
)

// IsHostPort reports whether s is host or host:port, in any case, as match.hosts
// accepts it without a wildcard.
func IsHostPort(s string) bool {
	_, _, err := splitHostPort(s)
	return err == nil
}

// splitHostPort parses host or host:port and returns the host in lower case. It accepts
// one form of each host, so that hosts can be compared as text.
func splitHostPort(s string) (host, port string, err error) {
	s = strings.ToLower(s)
	var hasPort bool
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']') + 1
		var between string
		between, port, hasPort = strings.Cut(s[end:], ":")
		if host = s[:end]; end == 0 || between != "" {
			return "", "", errBadIPv6
		}
		err = checkIPv6(host)
	} else {
		host, port, hasPort = strings.Cut(s, ":")
		if strings.Contains(port, ":") {
			return "", "", errBadHost
		}
		err = checkHostName(host)
	}
	if err != nil {
		return "", "", err
	}
	if !hasPort {
		return host, "", nil
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return "", "", errBadPort
	}
	return host, port, nil
}

// checkHostName accepts DNS names, with the underscores that private networks use, and
// IPv4 addresses. A name whose last label is a number must be an address in the usual
// form: some parsers read 127.1 and 0x7f.0.0.1 as 127.0.0.1.
func checkHostName(host string) error {
	if host == "" {
		return errNoHost
	}
	if len(host) > 253 {
		return errLongHost
	}
	label := ""
	for rest, more := host, true; more; {
		label, rest, more = strings.Cut(rest, ".")
		if label == "" {
			return errBadHost
		}
		if len(label) > 63 {
			return errLongHost
		}
		for i := 0; i < len(label); i++ {
			if c := label[i]; !isAlpha(c) && !isDigit(c) && c != '-' && c != '_' {
				return errBadHost
			}
		}
	}
	if isNumber(label) && !isIPv4(host) {
		return errBadIPv4
	}
	return nil
}

// isNumber reports whether inet_aton reads a label as a number.
func isNumber(label string) bool {
	digits, hex := strings.CutPrefix(label, "0x")
	for i := 0; i < len(digits); i++ {
		if !isDigit(digits[i]) && !(hex && percent.IsHexDigit(digits[i])) {
			return false
		}
	}
	return true
}

// isIPv4 reports whether s is an IPv4 address: four decimal numbers from 0 to
// 255 without leading zeros.
func isIPv4(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return false
	}
	for _, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || n > 255 || strconv.Itoa(n) != part {
			return false
		}
	}
	return true
}

// checkIPv6 accepts an IPv6 address in lower case and brackets, in the form of RFC 5952,
// section 4, without the dotted form of its section 5.
func checkIPv6(host string) error {
	groups, ok := parseIPv6(host[1 : len(host)-1])
	if !ok {
		return errBadIPv6
	}
	if canonical := "[" + formatIPv6(groups) + "]"; host != canonical {
		return fault("must have the IPv6 address in its shortest form, " + canonical)
	}
	return nil
}

func parseIPv6(s string) (groups [8]uint16, ok bool) {
	head, tail, compressed := strings.Cut(s, "::")
	n, ok := parseGroups(groups[:], head)
	if !ok || !compressed {
		return groups, ok && n == 8
	}
	var last [8]uint16
	m, ok := parseGroups(last[:], tail)
	if !ok || n+m > 7 {
		return groups, false
	}
	copy(groups[8-m:], last[:m])
	return groups, true
}

func parseGroups(dst []uint16, s string) (n int, ok bool) {
	for rest, more := s, s != ""; more; n++ {
		var group string
		group, rest, more = strings.Cut(rest, ":")
		v, err := strconv.ParseUint(group, 16, 16)
		if err != nil || len(group) > 4 || n == len(dst) {
			return n, false
		}
		dst[n] = uint16(v)
	}
	return n, true
}

func formatIPv6(groups [8]uint16) string {
	// The first longest run of two or more zero groups becomes "::".
	start, length := -1, 1
	for i := 0; i < 8; i++ {
		j := i
		for j < 8 && groups[j] == 0 {
			j++
		}
		if j-i > length {
			start, length = i, j-i
		}
		i = max(i, j-1)
	}
	var b []byte
	for i := 0; i < 8; i++ {
		if i == start {
			b = append(b, "::"...)
			i += length - 1
			continue
		}
		if len(b) > 0 && b[len(b)-1] != ':' {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(groups[i]), 16)
	}
	return string(b)
}
