//go:build faults

package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mcpauth/envoy-example/envoy"
)

// TestDocumentedPromises holds the table in docs/operations.md to the promises
// that this suite tests.
func TestDocumentedPromises(t *testing.T) {
	root, err := envoy.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(d time.Duration) string { return fmt.Sprintf("%v s", d.Seconds()) }
	for _, c := range []struct{ test, text string }{
		{"TestOutages", "service within " + seconds(returnWithoutKeys) + " of the server's return"},
		{"TestOutages", "fetched anew within " + seconds(returnWithKeys) + " of its return"},
		{"TestOutages", fmt.Sprintf("at most *d*/%s + %d fetches", seconds(refetchPeriod), fetchesWhileDown(0))},
		{"TestRotation", "in use within " + seconds(newKeys) + " of the first such token"},
		{"TestOutages", fmt.Sprintf("while requests come, *d*/%s + %d", seconds(retryPeriod), fetchesWithoutKeys(0))},
		{"TestOneFetchForAllWorkers", fmt.Sprintf("after %v, %v, %v and then %s", refetchPeriod.Seconds(), 2*refetchPeriod.Seconds(), 4*refetchPeriod.Seconds(), seconds(refetchMost))},
		{"TestAVMDies", "serves within " + seconds(reloadTime)},
		{"TestAVMDiesDuringAFetch", "begins within " + seconds(leaseTime)},
	} {
		found := false
		for line := range strings.Lines(string(page)) {
			found = found || strings.Contains(line, c.text) && strings.Contains(line, "`"+c.test+"`")
		}
		if !found {
			t.Errorf("docs/operations.md: no row of %s with %q", c.test, c.text)
		}
	}
}
