package config

import (
	"strings"
	"unicode/utf8"
)

var consentPageMembers = []string{"title", "logo", "language", "texts"}

// ConsentPage configures the pages that oauth_proxy shows to users.
type ConsentPage struct {
	// Title names the operator; empty for the host of the gateway.
	Title string

	// Logo is a data URI of an image; empty for none.
	Logo string

	// Language is the language tag (RFC 5646) of the texts.
	Language string

	// Texts replace those of [Text.Default]; an empty one replaces none.
	Texts [TextCount]string
}

// Text returns a text of the pages.
func (p *ConsentPage) Text(t Text) string {
	if s := p.Texts[t]; s != "" {
		return s
	}
	return t.Default()
}

// A Text is one of the texts of the pages that oauth_proxy shows to users.
type Text int

const (
	TextHeading Text = iota
	TextApplication
	TextUnnamed
	TextUnverified
	TextPublisher
	TextDestination
	TextLoopback
	TextPrivateScheme
	TextServer
	TextScopes
	TextNoScopes
	TextWarning
	TextLoopbackWarning
	TextAgree
	TextDeny
	TextErrorHeading
	TextErrorAdvice
	TextErrorExpired
	TextErrorOtherBrowser
	TextErrorUsed
	TextErrorAltered
	TextErrorClient
	TextErrorDocument
	TextErrorRedirect
	TextErrorRequest
	TextErrorResponse
	TextErrorBusy

	TextCount = int(iota)
)

// texts has the name of each text in consent_page.texts, and its default.
var texts = [TextCount]struct{ name, text string }{
	TextHeading:           {"heading", "Connect this application?"},
	TextApplication:       {"application", "Application"},
	TextUnnamed:           {"unnamed", "An application without a name"},
	TextUnverified:        {"unverified", "The application chose this name itself. Nobody has checked it."},
	TextPublisher:         {"publisher", "This name comes from the website"},
	TextDestination:       {"destination", "After you sign in, access goes to"},
	TextLoopback:          {"loopback", "an application on this computer"},
	TextPrivateScheme:     {"private_scheme", "the application on this device that opens links of"},
	TextServer:            {"server", "It asks for access to"},
	TextScopes:            {"scopes", "With these permissions"},
	TextNoScopes:          {"no_scopes", "those that the sign-in service gives by default"},
	TextWarning:           {"warning", "Agree only if you have just started to connect this application yourself. If a link in a message or on a website brought you here, cancel."},
	TextLoopbackWarning:   {"loopback_warning", "Any program on this computer can pretend to be this application."},
	TextAgree:             {"agree", "Connect"},
	TextDeny:              {"deny", "Cancel"},
	TextErrorHeading:      {"error_heading", "The sign-in cannot go on"},
	TextErrorAdvice:       {"error_advice", "Close this page, go back to the application, and start again from there."},
	TextErrorExpired:      {"error_expired", "This sign-in has taken too long."},
	TextErrorOtherBrowser: {"error_other_browser", "This sign-in was started in another browser, or this browser keeps no cookies of this site."},
	TextErrorUsed:         {"error_used", "This sign-in was completed before. Each sign-in counts once."},
	TextErrorAltered:      {"error_altered", "The address of this page was changed or cut off on its way, or the gateway did not make it."},
	TextErrorClient:       {"error_client", "The gateway does not know the application, or its registration has expired. Remove this server in the application and add it again."},
	TextErrorDocument:     {"error_document", "The gateway cannot read what the application publishes about itself. Try again in a few minutes."},
	TextErrorRedirect:     {"error_redirect", "The application wants to send you to an address that is not allowed here."},
	TextErrorRequest:      {"error_request", "The request of the application has a mistake."},
	TextErrorResponse:     {"error_response", "The answer of the sign-in service cannot be passed on."},
	TextErrorBusy:         {"error_busy", "Too many people are signing in at the moment. Try again in a few minutes."},
}

// Name returns the name of t in consent_page.texts.
func (t Text) Name() string { return texts[t].name }

// Default returns the text that stands where consent_page.texts has no other.
func (t Text) Default() string { return texts[t].text }

const (
	defaultLanguage = "en"
	maxTitle        = 100
	maxText         = 500
	maxLogo         = 64 << 10
)

// consentPage reads consent_page, which may be absent.
func (v *value) consentPage() ConsentPage {
	p := ConsentPage{Language: defaultLanguage}
	if v == nil || !v.closedObject(consentPageMembers) {
		return p
	}
	p.Title = v.get("title").pageText(maxTitle, "must have at most 100 bytes")
	p.Logo = v.get("logo").logo()
	if m := v.get("language"); m != nil {
		p.Language = m.language()
	}
	m := v.get("texts")
	names := make([]string, TextCount)
	for i := range names {
		names[i] = texts[i].name
	}
	if m == nil || !m.closedObject(names) {
		return p
	}
	for i, name := range names {
		p.Texts[i] = m.get(name).pageText(maxText, "must have at most 500 bytes")
	}
	return p
}

// pageText reads a text for a page. The page escapes it.
func (v *value) pageText(limit int, tooLong string) string {
	s := v.nonEmptyString()
	switch {
	case len(s) > limit:
		v.fail(tooLong)
	case !utf8.ValidString(s):
		v.fail("must be valid Unicode")
	}
	return s
}

// logo reads a data URI (RFC 2397) of an image. A browser that shows it as an image runs
// no script in it.
func (v *value) logo() string {
	s := v.nonEmptyString()
	if s == "" {
		return ""
	}
	data := ""
	for _, kind := range [...]string{"png", "jpeg", "gif", "webp", "svg+xml"} {
		if rest, ok := strings.CutPrefix(s, "data:image/"+kind+";base64,"); ok {
			data = strings.TrimRight(rest, "=")
		}
	}
	ok := data != "" && len(s) <= maxLogo
	for i := 0; i < len(data) && ok; i++ {
		ok = isAlpha(data[i]) || isDigit(data[i]) || data[i] == '+' || data[i] == '/'
	}
	if !ok {
		v.fail("must be a data URI of an image in base64, of at most 64 KiB: data:image/png;base64,... or jpeg, gif, webp, svg+xml")
	}
	return s
}

// language reads a language tag (RFC 5646, section 2.1), without a check of its subtags.
func (v *value) language() string {
	s, ok := v.string()
	if !ok {
		return ""
	}
	rest, more := s, true
	for first := true; more && ok; first = false {
		var tag string
		tag, rest, more = strings.Cut(rest, "-")
		ok = 0 < len(tag) && len(tag) <= 8 && (!first || len(tag) > 1)
		for i := 0; i < len(tag) && ok; i++ {
			ok = isAlpha(tag[i]) || !first && isDigit(tag[i])
		}
	}
	if !ok || len(s) > 35 {
		v.fail("must be a language tag, such as en or pt-BR")
	}
	return s
}

// scopeParameter reads the value of a scope parameter: scopes with single spaces between.
func (v *value) scopeParameter() string {
	s := v.nonEmptyString()
	if s == "" {
		return ""
	}
	for _, scope := range strings.Split(s, " ") {
		if scope == "" || !isScope(scope) {
			v.fail("must be scopes with single spaces between them")
			break
		}
	}
	return s
}
