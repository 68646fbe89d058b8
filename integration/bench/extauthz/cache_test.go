package main

import (
	"testing"
	"time"
)

var farFuture = time.Now().Add(time.Hour)

// TestCache: the token that was not used for the longest time goes first, and one that has expired
// is not found.
func TestCache(t *testing.T) {
	c := newCache(2)
	c.add("a", &caller{subject: "a", expires: farFuture})
	c.add("b", &caller{subject: "b", expires: farFuture})
	if c.get("a") == nil {
		t.Fatal("a is gone")
	}
	c.add("c", &caller{subject: "c", expires: farFuture})
	for token, want := range map[string]bool{"a": true, "b": false, "c": true, "d": false} {
		if found := c.get(token); (found != nil) != want || found != nil && found.subject != token {
			t.Errorf("%s: %+v", token, found)
		}
	}
	c.add("c", &caller{subject: "c", expires: time.Now().Add(-time.Second)})
	if c.get("c") != nil {
		t.Error("an expired token is found")
	}
	if len(c.byToken) != c.order.Len() || len(c.byToken) != 1 {
		t.Errorf("%d and %d entries", len(c.byToken), c.order.Len())
	}
}

func TestNoCache(t *testing.T) {
	var c *cache
	c.add("a", &caller{})
	if c.get("a") != nil {
		t.Error("found")
	}
}

func TestMetadataURL(t *testing.T) {
	if got := metadataURL("https://mcp.example.com/notes"); got != "https://mcp.example.com/.well-known/oauth-protected-resource/notes" {
		t.Error(got)
	}
}
